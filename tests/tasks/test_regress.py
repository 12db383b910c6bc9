from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics

from seqcli.errors import DataError, ModelError
from seqcli.options import ColumnOptions, Options
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.regress import Regress
from seqcli.tasks.regress_first import FirstRegress
from seqcli.tasks.regress_metrics import error_table, number_scores

RNG = np.random.default_rng(2)


def prepare(table, options=None):
    options = options or Options(columns=ColumnOptions(task="regress", target=("y",)))
    return Regress.prepare(Tables(table), make_plan(table, options.columns, options.reading), options)


@pytest.fixture
def rows(table_of):
    x, z = RNG.normal(size=(2, 200)).round(3)
    y = (3 * x - z + 100).round(3)
    return table_of("x,z,y\n" + "\n".join(f"{a},{b},{c}" for a, b, c in zip(x, z, y, strict=True)))


def test_scores_equal_scikit_learns() -> None:
    actual, predicted = RNG.normal(size=(2, 50)) * 10
    scores = number_scores(predicted, actual)
    assert scores["mae"] == pytest.approx(metrics.mean_absolute_error(actual, predicted))
    assert scores["rmse"] == pytest.approx(metrics.root_mean_squared_error(actual, predicted))
    assert scores["r2"] == pytest.approx(metrics.r2_score(actual, predicted))
    assert np.isnan(number_scores(np.empty(0), np.empty(0))["mae"])


def test_the_error_table_cuts_the_target_in_equal_shares() -> None:
    actual = np.arange(10.0)
    table = error_table(actual + 1, actual)
    assert [row[:3] for row in table.rows] == [(0, 1, 2), (2, 3, 2), (4, 5, 2), (6, 7, 2), (8, 9, 2)]
    assert all(row[3:] == (1, 1) for row in table.rows)


def test_the_target_is_standardised_on_training_rows(rows) -> None:
    prepared = prepare(rows)
    target = prepared.train.fields["target"]
    assert target.shape == (len(prepared.train), 1)
    assert target.mean() == pytest.approx(0, abs=1e-5)
    assert target.std() == pytest.approx(1, abs=1e-5)
    train = prepared.source.train.numbers("y").values
    assert prepared.task.scaler.shift[0] == pytest.approx(train.mean())
    assert (prepared.loss, prepared.network.answer_shape) == ("huber_and_band", (1, 3))


def test_scores_are_in_the_units_of_the_target(rows) -> None:
    prepared = prepare(rows)
    actual = prepared.source.test.numbers("y").values
    outputs = prepared.test.fields["target"] + np.float32(0.5)
    spread = prepared.task.scaler.scale[0]
    scores = prepared.task.score(outputs, prepared.test)
    assert scores["mae"] == pytest.approx(0.5 * spread, rel=1e-5)
    assert prepared.task.decode(outputs[:0]) == []
    decoded = [row["prediction"] for row in prepared.task.decode(outputs)]
    np.testing.assert_allclose(decoded, actual + 0.5 * spread, rtol=1e-5)


def test_ridge_finds_a_linear_target_and_the_mean_does_not(rows) -> None:
    prepared = prepare(rows)
    mean, ridge = prepared.task.baselines(prepared)
    assert (mean.predictor, ridge.predictor) == ("mean", "ridge regression")
    assert ridge.values["r2"] > 0.999
    assert mean.values["r2"] < 0.05
    outputs = np.zeros((len(prepared.test), 1), dtype=np.float32)
    tables = prepared.task.report([mean, ridge], outputs, prepared.test)
    assert tables[0].records()[1]["r2"] == ridge.values["r2"]


def test_numbers_from_text(table_of) -> None:
    words = [f"{' '.join(['good'] * (i % 5))} and that is all of it,{i % 5 + 0.5}" for i in range(80)]
    prepared = prepare(table_of("review,y\n" + "\n".join(words)))
    assert prepared.task.text_column == "review"
    assert prepared.task.baselines(prepared)[1].predictor == "TF-IDF + ridge regression"


def test_thousands_separators_are_read_the_same_way_later(table_of) -> None:
    lines = "\n".join(f'{i},"{1000 + i * i:,}"' for i in range(50))
    task = prepare(table_of(f"x,y\n{lines}")).task
    labelled = task.encode_labelled(table_of('x,y\n1,"1,500"\n2,\n'))
    assert labelled.row_ids.tolist() == [0]
    assert task.scaler.inverse(labelled.fields["target"])[0, 0] == pytest.approx(1500, rel=1e-5)


def test_a_target_that_never_changes_or_is_no_number_is_refused(table_of) -> None:
    with pytest.raises(DataError, match="column y"):
        prepare(table_of("x,y\n" + "\n".join(f"{i / 7},5" for i in range(50))))
    with pytest.raises(DataError, match="column y: not numbers"):
        prepare(table_of("x,y\n" + "\n".join(f"{i / 7},{'ab'[i % 2]}" for i in range(50))))


def test_a_task_survives_json_and_a_broken_one_is_a_model_error(rows) -> None:
    task = prepare(rows).task
    data = json.loads(json.dumps(task.to_json()))
    restored = Regress.from_json(data)
    assert restored.to_json() == task.to_json()
    two = {"scaler": {**data["scaler"], "shift": [0.0, 0.0], "scale": [1.0, 1.0]}}
    for change in ({"scaler": None}, two, {"form": {"decimal": ";"}}, {"inputs": {}}, {"plan": []}):
        with pytest.raises(ModelError):
            Regress.from_json({**data, **change})


def banded(prepared, part, shift=0.0):
    """Outputs (N, 1, 3) that are off by ``shift`` spreads, with distances of a half and one."""
    target = getattr(prepared, part).fields["target"] + np.float32(shift)
    away = np.broadcast_to(np.array([0.5, 1.0], np.float32), (len(target), 1, 2))
    return np.concatenate([target[..., None], away], axis=2)


def test_intervals_are_measured_on_validation_and_then_on_all_held_out_rows(rows) -> None:
    prepared = prepare(rows)
    spread = prepared.task.scaler.scale[0]
    outputs = banded(prepared, "validation", 0.25)  # each number lies a half of the distance below
    task = prepared.task.calibrate(outputs, prepared.validation)
    actual = prepared.source.validation.numbers("y").values
    rows_said = task.decode(outputs)
    assert list(rows_said[0]) == ["prediction", "lo80", "hi80", "lo95", "hi95"]
    np.testing.assert_allclose([row["lo80"] for row in rows_said], actual, rtol=1e-5)
    np.testing.assert_allclose([row["hi80"] for row in rows_said], actual + 0.75 * spread, rtol=1e-5)
    assert list(task.with_intervals(outputs, (90,))[0]) == ["prediction", "lo90", "hi90"]
    test = banded(prepared, "test", 2.0)  # four distances
    again = task.recalibrate([(outputs, prepared.validation), (test, prepared.test)])
    assert task.interval.radii == pytest.approx([0.5] * 8, rel=1e-4)
    assert again.interval.radii[0] == pytest.approx(4, rel=1e-4)  # two thirds of the rows
    intervals = again.report([], banded(prepared, "test", 1.9), prepared.test)[-1]
    assert [row[:2] for row in intervals.rows] == [(80, 1.0), (95, 1.0)]
    assert intervals.rows[0][2] == pytest.approx(4 * 1.5 * spread, rel=1e-4)
    empty = (outputs[:0], prepared.validation.take(np.zeros(0, np.int64)))
    assert task.recalibrate([empty]) is task
    assert Regress.from_json(json.loads(json.dumps(task.to_json()))).interval == task.interval


def test_a_model_of_the_first_version_is_a_number_alone(rows) -> None:
    prepared = prepare(rows)
    data = {key: value for key, value in prepared.task.to_json().items() if key != "interval"}
    with pytest.raises(ModelError):
        Regress.from_json(data)
    task = FirstRegress.from_json({**data, "name": "regress.v1"})
    assert list(task.decode(np.zeros((1, 1), np.float32))[0]) == ["prediction"]
