"""A saved model with a linear part: what it answers, and what a harmful one may do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from conftest import save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.inference.evaluate import evaluate
from seqcli.inference.predict import Predictions
from seqcli.inference.trust import saved_task
from seqcli.model_dir import SavedModel
from seqcli.options import ReadingOptions
from seqcli.options_use import PredictOptions
from seqcli.readers.read import read_table
from seqcli.readers.stream import open_stream
from seqcli.tasks.classify import Classify

WriteCsv = Callable[[str, Sequence[str]], Path]


def predicted(model: SavedModel, file: Path) -> list[tuple[Any, ...]]:
    """The rows that predict would write."""
    stream = open_stream(str(file), ReadingOptions(), ("review",), "review")
    try:
        batches = Predictions(model, stream, PredictOptions(probabilities=True), lambda _: None)
        return [row for rows in batches for row in rows]
    finally:
        stream.close()


def test_the_logits_of_both_are_added(both_model, write_csv) -> None:
    file = write_csv("new.csv", ["review", "great", "bad bad", "great bad", "unknown"])
    root = np.sqrt(0.5)
    differences = [  # .5 of what the words' scores say, .25 of what the linear part says
        0.5 * 2 + 0.25 * 3,
        0.5 * -2 + 0.25 * -2,
        0.5 * 1 + 0.25 * (3 * 1 - 2 * 1) * root,
        0.0,
    ]
    rows = predicted(both_model, file)
    assert [row[1] for row in rows[:3]] == ["pos", "neg", "pos"]
    positive = [row[-1] for row in rows]
    assert positive == pytest.approx([1 / (1 + np.exp(-value)) for value in differences], abs=1e-6)


def test_evaluate_shows_both_and_each_alone(both_model, write_csv) -> None:
    file = write_csv("new.csv", ["review,label", "great,pos", "bad bad,neg", "great bad,neg", "the,neg"])
    tables = evaluate(both_model, read_table([str(file)], ReadingOptions()))
    assert [row[0] for row in tables[0].rows] == ["combined", "gru alone", "linear n-grams alone"]
    calibration = next(table for table in tables if table.title == "Calibration")
    assert [row[0] for row in calibration.rows] == [
        "network as trained",
        "network and linear part, scaled",
    ]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(data=st.data())
def test_a_changed_linear_part_answers_or_is_a_model_error(both_model, tmp_path, write_csv, data) -> None:
    file = write_csv("new.csv", ["review", "great", "bad bad", ""])
    task = cast(Classify, saved_task(both_model))
    assert task.prior is not None
    name = data.draw(st.sampled_from(["keys", "scales", "weights", "columns", "bias"]))
    array = getattr(task.prior, name).copy()
    how = data.draw(st.sampled_from(["value", "longer", "shorter", "flat", "wide"]))
    if how == "value" and array.size:
        odd = [0, 1, 2**32 - 1] if name == "keys" else [np.nan, np.inf, -np.inf, 1e38, -1e30, 0, -1, 1e4]
        array.flat[data.draw(st.integers(0, array.size - 1))] = data.draw(st.sampled_from(odd))
    elif how == "longer":
        array = np.concatenate([array, array])
    elif how == "shorter":
        array = array[:-1]
    elif how == "flat":
        array = array.reshape(-1)
    else:
        array = np.stack([array, array], axis=-1)
    changed = replace(task, prior=replace(task.prior, **{name: array}))
    model = save(tmp_path / "changed.seqcli", changed, both_model.network, both_model.graph())
    with contextlib.suppress(ModelError):  # which is the one line
        assert all(0 <= row[-1] <= 1 for row in predicted(model, file))


def test_a_linear_part_without_its_arrays_is_a_model_error(both_model, word_model, tmp_path) -> None:
    class Forgetful(Classify):
        def arrays(self) -> dict[str, Any]:
            return {}

    task = cast(Classify, saved_task(both_model))
    forgot = Forgetful(task.plan, task.inputs, task.classes, task.fusion, task.prior)
    model = save(tmp_path / "forgot.seqcli", forgot, both_model.network, both_model.graph())
    with pytest.raises(ModelError, match="linear part"):
        saved_task(model)
    assert saved_task(word_model).arrays() == {}
