"""Rows held against the interval that was forecast for them one step before."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.inference.anomalies import Anomalies, Watching
from seqcli.inference.follow import expected_columns
from seqcli.inference.forecast import forecast_task
from seqcli.options import ColumnOptions, ForecastOptions, Options, ReadingOptions
from seqcli.readers.read import read_table
from seqcli.readers.stream import open_stream
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import prepare

WINDOW = 12
COUNT = 4000


def walk(count: int = COUNT, seed: int = 3):
    """A random walk with steps of one; its last value is the best forecast."""
    return np.round(np.cumsum(np.random.default_rng(seed).normal(size=count)), 3)


def daily(values, missing=()):
    """CSV lines, without the rows numbered in ``missing``; None is an empty cell."""
    rows = [(date(2019, 1, 1) + timedelta(day), value) for day, value in enumerate(values)]
    lines = [f"{day},{'' if value is None else value}" for day, value in rows]
    return ["day,y", *(line for row, line in enumerate(lines) if row not in missing)]


@pytest.fixture
def model_of(write_csv, save_model):
    """A saved model whose network says zero, with intervals measured on the validation part."""

    def make(lines, graph=None, reading=None, **columns):
        reading = reading or ReadingOptions()
        table = read_table([str(write_csv("train.csv", lines))], reading)
        options = Options(
            reading=reading,
            columns=ColumnOptions(task="forecast", **columns),
            forecast=ForecastOptions(window=WINDOW, horizon=4, decoder="direct"),
        )
        prepared = prepare(Tables(table), make_plan(table, options.columns, options.reading), options)
        shape = (len(prepared.validation), *prepared.network.output_shape)
        task = prepared.task.calibrate(np.zeros(shape, np.float32), prepared.validation)
        return save_model(task, prepared.network, graph=graph(prepared.network) if graph else None)

    return make


def judged(model, path, intervals=None):
    """The file's rows as dictionaries, and the tally's sentence."""
    found = Anomalies(model, read_table([str(path)], ReadingOptions()), intervals)
    rows = [dict(zip(found.names, row, strict=True)) for part in found for row in part]
    return rows, found.tally.said(), " ".join(found.notes)


def watched(model, path, intervals=None):
    """The rows of the same file as a stream."""
    stream = open_stream(str(path), ReadingOptions(), expected_columns(forecast_task(model)))
    watching = Watching(model, stream, lambda line: None, intervals)
    rows = [dict(zip(watching.names, row, strict=True)) for part in watching for row in part]
    watching.check()
    return rows, watching.summary


def test_on_a_clean_walk_the_share_is_near_the_nominal_one(model_of, write_csv) -> None:
    values = walk()
    model = model_of(daily(values))
    rows, said, note = judged(model, write_csv("new.csv", daily(walk(seed=8))))
    assert [*rows[0]] == ["timestamp", "actual", "forecast", "lo95", "hi95", "score", "anomaly"]
    assert len(rows) == COUNT - WINDOW
    share = sum(row["anomaly"] for row in rows) / len(rows)
    assert 0.03 < share < 0.07
    assert f"({100 * share:.1f} %; 5 % expected where nothing is odd)" in said
    assert "no newer than those" in note  # the stamps are those of the training


def test_scores_are_distances_in_half_widths(model_of, write_csv) -> None:
    values = walk()
    model = model_of(daily(values))
    rows, _, _ = judged(model, write_csv("new.csv", daily(values)))
    task = forecast_task(model)
    assert not task.scaling.logs.any()
    radius = task.radii[task.levels.index(95), 0, 0] * task.frame.target_spread[0] * task.scaling.scale[0, 0]
    steps = np.diff(values)[WINDOW - 1 :]
    assert [row["actual"] for row in rows] == values[WINDOW:].tolist()
    assert [row["forecast"] for row in rows] == pytest.approx(values[WINDOW - 1 : -1], abs=1e-4)
    assert [row["score"] for row in rows] == pytest.approx(np.abs(steps) / radius, abs=1e-4)
    assert [row["anomaly"] for row in rows] == (np.abs(steps) > radius).tolist()


def test_planted_spikes_are_all_found(model_of, write_csv) -> None:
    values = walk()
    places = [100, 333, 700, 701, 1500]
    odd = values.copy()
    odd[places] += [12, -12, 14, -13, 15]
    model = model_of(daily(values))
    path = write_csv("new.csv", daily(odd))
    rows, _, _ = judged(model, path)
    flagged = {row["timestamp"]: row["score"] for row in rows if row["anomaly"]}
    planted = {str(date(2019, 1, 1) + timedelta(place)) for place in places}
    assert planted <= flagged.keys()
    assert min(flagged[day] for day in planted) > 3
    # A wider interval flags fewer, by a score that is smaller.
    wide, said, _ = judged(model, path, (50, 99))
    assert "lo99" in wide[0]
    assert "1 % expected" in said
    assert planted <= {row["timestamp"] for row in wide if row["anomaly"]} < flagged.keys()


def test_a_missing_value_is_not_scored_and_a_gap_is_no_row(model_of, write_csv) -> None:
    values = walk()
    model = model_of(daily(values))
    cells = [None if day in (50, 51, 90) else value for day, value in enumerate(values[:200])]
    path = write_csv("new.csv", daily(cells, missing=(70, 120)))
    rows, said, _ = judged(model, path)
    empty = [row for row in rows if row["actual"] is None]
    assert [row["timestamp"] for row in empty] == ["2019-02-20", "2019-02-21", "2019-04-01"]
    assert all(row["score"] is row["anomaly"] is None and row["lo95"] < row["hi95"] for row in empty)
    assert len(rows) == 200 - WINDOW - 2
    assert "of 183 rows" in said
    after = next(row for row in rows if row["timestamp"] == "2019-02-22")
    assert after["forecast"] == pytest.approx(values[49], abs=1e-4)  # the last value that was known


def test_a_stream_says_the_same_of_each_row(model_of, mixing_graph, write_csv) -> None:
    random = np.random.default_rng(5)
    lines = ["time,load,temperature"]
    for hour, pair in enumerate(np.exp(np.cumsum(random.normal(0, 0.05, (400, 2)), axis=0))):
        if hour < 4 or random.random() > 0.06:
            cells = ["" if hour > 4 and random.random() < 0.1 else f"{value:.5f}" for value in pair]
            lines.append(f"{datetime(2024, 1, 1) + timedelta(hours=hour)},{','.join(cells)}")
    path = write_csv("new.csv", lines)
    for targets in (("load",), ("load", "temperature")):
        model = model_of(lines, mixing_graph, target=targets, features=("load", "temperature"))
        assert forecast_task(model).scaling.logs.all()
        rows, said, _ = judged(model, path)
        assert ("values" in said) == (len(targets) == 2)
        ours, summary = watched(model, path)
        assert len(ours) == len(rows) > 340
        for mine, theirs in zip(ours, rows, strict=True):
            known = [cell for cell in theirs.values() if isinstance(cell, float)]
            assert [cell for cell in mine.values() if isinstance(cell, float)] == pytest.approx(known, 1e-6)
            assert mine["timestamp"] == theirs["timestamp"]
            assert mine["anomaly"] is theirs["anomaly"]
        assert summary == said
        for row in rows:  # intervals around logarithms are wider above than below
            actual, forecast, low, high = (row[key] for key in ("actual", "forecast", "lo95", "hi95"))
            assert high - forecast > forecast - low > 0
            if actual is not None:
                side = high - forecast if actual > forecast else forecast - low
                assert row["score"] == pytest.approx(abs(actual - forecast) / side, rel=1e-3, abs=1e-4)
                assert row["anomaly"] == (not low <= actual <= high)


def test_a_row_has_no_part_in_its_own_forecast(model_of, write_csv) -> None:
    """A model that interpolates would draw a line to it across the gap ahead of it."""
    values = walk(300)
    model = model_of(daily(values), reading=ReadingOptions(missing="interpolate"))
    assert forecast_task(model).missing == "interpolate"
    cells = [None if day == 49 else value for day, value in enumerate(values[:51].tolist())]
    for last in (cells[-1], 1000.0):
        path = write_csv("new.csv", daily([*cells[:-1], last]))
        for rows in (judged(model, path)[0], watched(model, path)[0]):
            assert rows[-1]["timestamp"] == "2019-02-20"
            assert rows[-1]["forecast"] == pytest.approx(values[48], abs=1e-4)


def test_a_panel_with_a_series_that_is_new(model_of, write_csv) -> None:
    def lines(names):
        yield "shop,day,y"
        for day in range(200):
            for seed, name in enumerate(names):
                yield f"{name},{date(2019, 1, 1) + timedelta(day)},{walks[seed][day]}"

    walks = [walk(200, seed) for seed in range(3)]
    model = model_of(list(lines(["a", "b"])), id=("shop",), target=("y",), features=("y",))
    path = write_csv("new.csv", list(lines(["a", "new", "c"])))
    rows, _, note = judged(model, path)
    assert {row["series"] for row in rows} == {"a", "new", "c"}
    assert len(rows) == 3 * (200 - WINDOW)
    assert f"{200 - WINDOW:,} of these {len(rows):,}" in note
    ours, _ = watched(model, path)
    assert [row["series"] for row in ours[:3]] == ["a", "new", "c"]
    known = [row for row in rows if row["series"] == "a"]
    assert [row for row in ours if row["series"] == "a"] == known


def test_a_file_without_a_row_to_judge(model_of, write_csv) -> None:
    model = model_of(daily(walk()))
    path = write_csv("short.csv", daily(walk(WINDOW)))
    with pytest.raises(DataError, match=f"window of {WINDOW}"):
        judged(model, path)
    with pytest.raises(DataError, match=f"window of {WINDOW}"):
        watched(model, path)
