"""Saved forecasts of several members that were changed, digests recomputed: an answer, or one line."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_hostile_models import ATTACK, VALUES, is_one_line

from seqcli.errors import ModelError, SeqcliError
from seqcli.inference.evaluate import evaluate
from seqcli.inference.forecast import forecast_rows
from seqcli.inference.trust import saved_task
from seqcli.model_dir import TASK_ARRAY, SavedModel, read_model, write_model
from seqcli.options import ReadingOptions
from seqcli.readers.read import read_table

GOLDEN = Path(__file__).parents[1] / "golden"
RIDGE = TASK_ARRAY + "ridge"


@pytest.fixture(scope="module")
def model() -> SavedModel:
    """Two targets; naive, ridge and a network that reads segments and goes on from the ridge."""
    return read_model(GOLDEN / "forecast_members.seqcli")


@pytest.fixture(scope="module")
def table():
    return read_table([str(GOLDEN / "forecast_members.csv")], ReadingOptions())


def with_weights(model: SavedModel, target: Path, change) -> SavedModel:
    """The model written anew, with other arrays."""
    weights = model.weights() | {TASK_ARRAY + k: w for k, w in model.weights(of_task=True).items()}
    record = {key: value for key, value in model.record.items() if key != "files"}
    write_model(target, record, change(weights), model.graphs, [], "# card\n")
    return read_model(target)


def answers_or_one_line(model: SavedModel, table) -> None:
    for use in (lambda: [forecast_rows(model, table).rows], lambda: evaluate(model, table)):
        try:
            rows = [row for found in use() for row in found.rows]
        except SeqcliError as error:
            is_one_line(error)
            continue
        assert not any(isinstance(cell, float) and math.isinf(cell) for row in rows for cell in row)


def test_the_model_itself_answers(model, table, tmp_path) -> None:
    same = with_weights(model, tmp_path / "m.seqcli", lambda weights: weights)
    assert forecast_rows(same, table).rows.rows == forecast_rows(model, table).rows.rows


@ATTACK
@given(data=st.data())
def test_a_changed_task_is_refused_or_answers(model, table, data) -> None:
    record = copy.deepcopy(model.record)
    part = data.draw(st.sampled_from(["frame", "mixture", "radii", "scaling", "calendar", "errors"]))
    place, key = record["task"], part
    while isinstance(place[key], dict | list) and place[key] and (key == part or data.draw(st.booleans())):
        place = place[key]
        names = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(names))
    if isinstance(place, dict) and data.draw(st.integers(0, 3)) == 0:
        del place[key]
    else:
        place[key] = data.draw(VALUES)
    answers_or_one_line(replace(model, record=record), table)


@pytest.mark.parametrize(
    "changes",
    [
        {"segment": 0},
        {"segment": 1},
        {"segment": 4},
        {"segment": 7},
        {"segment": 21},
        {"segment": 22},
        {"segment": -5},
        {"segment": "x"},
        {"residual": False},
        {"masked": True},
        {"segment": 0, "masked": False},
        {"window": 20},
        {"window": 5},
        {"window": 100_001},
        {"horizon": 8},
    ],
)
def test_a_frame_that_is_not_the_networks(model, table, changes) -> None:
    record = copy.deepcopy(model.record)
    record["task"]["frame"].update(changes)
    answers_or_one_line(replace(model, record=record), table)


@pytest.mark.parametrize(
    "ridge",
    [
        None,
        np.zeros((1, 21, 7), np.float64),
        np.zeros((1, 21, 7), np.int64),
        np.zeros((1, 22, 7), np.float32),
        np.zeros((1, 0, 7), np.float32),
        np.zeros((0, 21, 7), np.float32),
        np.zeros((3, 21, 7), np.float32),
        np.zeros((1, 21, 8), np.float32),
        np.zeros((21, 7), np.float32),
        np.zeros((), np.float32),
        np.zeros((2, 400, 7, 3), np.float32),
        np.full((1, 21, 7), np.nan, np.float32),
        np.full((1, 21, 7), -np.inf, np.float32),
    ],
    ids=lambda ridge: "none" if ridge is None else f"{ridge.dtype}{ridge.shape}{ridge.ravel()[:1]}",
)
def test_a_ridge_that_cannot_be_is_one_line(model, table, tmp_path, ridge) -> None:
    others = {RIDGE: ridge} if ridge is not None else {}
    spoilt = with_weights(
        model,
        tmp_path / "m.seqcli",
        lambda weights: {k: w for k, w in weights.items() if k != RIDGE} | others,
    )
    with pytest.raises(ModelError) as caught:
        forecast_rows(spoilt, table)
    is_one_line(caught.value)


def test_a_huge_ridge_is_an_answer_or_one_line(model, table, tmp_path) -> None:
    huge = np.full((2, 21, 7), np.finfo(np.float32).max, np.float32)
    answers_or_one_line(with_weights(model, tmp_path / "m.seqcli", lambda w: {**w, RIDGE: huge}), table)


def test_arrays_that_no_member_has(model, table, tmp_path) -> None:
    extra = {TASK_ARRAY + "tree": np.zeros(3, np.float32)}
    spoilt = with_weights(model, tmp_path / "m.seqcli", lambda weights: weights | extra)
    with pytest.raises(ModelError, match="not those of its members"):
        forecast_rows(spoilt, table)


@pytest.mark.parametrize("name", ["classify_words", "regress", "language_words", "forecast_single"])
def test_an_array_beside_a_task_that_has_none(name, tmp_path) -> None:
    plain = read_model(GOLDEN / f"{name}.seqcli")
    extra = {RIDGE: np.zeros((1, 3, 3), np.float32)}
    spoilt = with_weights(plain, tmp_path / "m.seqcli", lambda weights: weights | extra)
    with pytest.raises(ModelError, match="arrays that") as caught:
        saved_task(spoilt)
    is_one_line(caught.value)


def test_a_network_whose_weights_hold_the_tasks_alone(model, tmp_path) -> None:
    from seqcli.training.gradients.inspection import saved_network

    spoilt = with_weights(model, tmp_path / "m.seqcli", lambda w: {RIDGE: w[RIDGE]})
    with pytest.raises(ModelError, match="its weights are not those"):
        saved_network(spoilt)
