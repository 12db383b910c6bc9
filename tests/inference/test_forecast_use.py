"""Forecasts from a saved model whose network says zero: what is left is the reference forecast."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.inference.evaluate import evaluate
from seqcli.inference.forecast import forecast_rows, forecast_task
from seqcli.options import ColumnOptions, ForecastOptions, Options, ReadingOptions
from seqcli.readers.read import read_table
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.registry import prepare


def walk(count: int = 160) -> list[str]:
    """A random walk by month, as CSV lines."""
    values = 100 + np.cumsum(np.random.default_rng(3).normal(size=count))
    return ["month,y", *(f"{1990 + i // 12}-{i % 12 + 1:02d},{value:.3f}" for i, value in enumerate(values))]


@pytest.fixture
def forecaster(write_csv, save_model):
    """A saved forecaster of the walk, its table, and the lines."""
    lines = walk()
    table = read_table([str(write_csv("walk.csv", lines))], ReadingOptions())
    options = Options(
        columns=ColumnOptions(task="forecast"),
        forecast=ForecastOptions(window=12, horizon=4, decoder="direct"),
    )
    prepared = prepare(Tables(table), make_plan(table, options.columns, options.reading), options)
    return save_model(prepared.task, prepared.network, table.digest), table, lines


def test_the_rows_that_follow(forecaster) -> None:
    model, table, lines = forecaster
    found = forecast_rows(model, table)
    records = found.rows.records()
    assert [record["timestamp"] for record in records] == ["2003-05", "2003-06", "2003-07", "2003-08"]
    task = forecast_task(model)
    season = task.frame.season if task.frame.season > 1 else 1
    values = [float(line.split(",")[1]) for line in lines[1:]]
    expected = [values[-season + step % season] for step in range(4)]
    assert [record["forecast"] for record in records] == pytest.approx(expected, rel=1e-5)
    for record in records:
        assert record["lo95"] <= record["lo80"] <= record["forecast"] <= record["hi80"] <= record["hi95"]
        assert all(math.isfinite(value) for value in record.values() if isinstance(value, float))
    assert found.next_step.startswith("May 2003: ")


def test_other_intervals_are_given_without_training(forecaster) -> None:
    model, table, _ = forecaster
    names = [column.name for column in forecast_rows(model, table, (50,)).rows.columns]
    assert names == ["timestamp", "forecast", "lo50", "hi50"]


def test_a_longer_file_moves_the_forecast_on(forecaster, write_csv) -> None:
    model, _, lines = forecaster
    table = read_table([str(write_csv("longer.csv", [*lines, "2003-05,42"]))], ReadingOptions())
    assert forecast_rows(model, table).rows.records()[0]["timestamp"] == "2003-06"


def test_a_file_that_is_too_short_or_lacks_the_target(forecaster, write_csv) -> None:
    model, _, lines = forecaster
    short = read_table([str(write_csv("short.csv", lines[:8]))], ReadingOptions())
    with pytest.raises(DataError, match="12"):
        forecast_rows(model, short)
    other = read_table([str(write_csv("other.csv", ["month,Y2", *lines[1:]]))], ReadingOptions())
    with pytest.raises(DataError, match="'y'"):
        forecast_rows(model, other)


def test_evaluating_gives_the_model_beside_the_naive_forecasts(forecaster) -> None:
    model, table, _ = forecaster
    result = evaluate(model, table)[0]
    predictors = [row[0] for row in result.rows]
    assert predictors[0] == "combined"
    assert {"gru alone", "ridge alone", "naive", "drift"} <= set(predictors)
    behind = [row["mase"] for row in result.records()[1:]]
    assert behind == sorted(behind)


def test_a_model_that_predicts_rows_is_refused(word_model, forecaster) -> None:
    with pytest.raises(UsageError, match="does not forecast") as caught:
        forecast_rows(word_model, forecaster[1])
    assert "seqcli predict" in caught.value.hint


def test_fitted_values_that_make_no_sense_are_the_models_fault(forecaster) -> None:
    model, table, _ = forecaster
    task = model.record["task"]
    for name, value in (
        ("mixture", {**task["mixture"], "weights": 1e308}),
        ("mixture", "x"),
        ("radii", []),
        ("calendar", {}),
        ("plan", 3),
    ):
        spoilt = replace(model, record={**model.record, "task": {**task, name: value}})
        try:
            rows = forecast_rows(spoilt, table).rows.rows
        except ModelError:
            continue
        assert all(math.isfinite(cell) for row in rows for cell in row if isinstance(cell, float))


def test_a_forecast_that_is_not_finite_is_an_error(forecaster, monkeypatch) -> None:
    model, table, _ = forecaster
    real = Forecast.forecast_rows

    def overflowing(task, outputs, context, intervals=None):
        rows = real(task, outputs, context, intervals)
        return replace(
            rows, rows=[tuple(math.inf if isinstance(cell, float) else cell for cell in rows.rows[0])]
        )

    monkeypatch.setattr(Forecast, "forecast_rows", overflowing)
    with pytest.raises(ModelError, match="not finite"):
        forecast_rows(model, table)
