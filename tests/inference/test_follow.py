"""A forecast after each row of a stream is the forecast that a file of the rows so far would get."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.inference.follow import Following, expected_columns
from seqcli.inference.forecast import forecast_rows, forecast_task
from seqcli.options import ColumnOptions, ForecastOptions, Options, ReadingOptions
from seqcli.readers.read import read_table
from seqcli.readers.stream import open_stream
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import prepare

WINDOW, HORIZON = 24, 3


@pytest.fixture
def model_of(write_csv, save_model, mixing_graph):
    """A saved forecaster of some lines, by the mixing graph."""

    def make(lines, reading=None, columns=None, scaler="standard"):
        reading = reading or ReadingOptions()
        table = read_table([str(write_csv("train.csv", lines))], reading)
        options = Options(
            reading=reading,
            columns=replace(columns or ColumnOptions(), task="forecast"),
            forecast=ForecastOptions(window=WINDOW, horizon=HORIZON, scaler=scaler),
        )
        prepared = prepare(Tables(table), make_plan(table, options.columns, reading), options)
        task = replace(prepared.task, radii=prepared.task.radii + 0.5)
        return save_model(task, prepared.network, "", mixing_graph(prepared.network))

    return make


def streamed(model, path, said=None, **options):
    """The stream's answers, and the rows it wrote by the number of the input row they answer."""
    stream = open_stream(str(path), ReadingOptions(), expected_columns(forecast_task(model)))
    return Following(model, stream, (said if said is not None else []).append, **options)


def batch(model, table, rows: int, series: str) -> list[tuple]:
    """What a file of the first ``rows`` rows gets, of one series; [] where it is too short for a forecast."""
    try:
        found = forecast_rows(model, table.take(np.arange(rows)))
    except DataError:
        return []
    context = found.context
    if not forecast_task(model).plan.id:
        return found.rows.rows
    number = context.panel.names.index(series)
    if context.panel.lengths[number] < WINDOW:
        return []
    return [row for row in found.rows.rows if row[0] == series]


def compare(model, path, begin: int = 0) -> int:
    """Hold the answer to each row of ``path`` from ``begin`` on against the file that ends there."""
    table = read_table([str(path)], ReadingOptions())
    plan = forecast_task(model).plan
    cells = zip(*(table.cells(name) for name in plan.id), strict=True) if plan.id else [()] * len(table)
    names = [" / ".join(key) for key in cells]
    each = HORIZON * len(plan.target)
    answers = [row for rows in streamed(model, path) for row in rows]
    compared = 0
    for rows in range(1, len(table) + 1):
        series = names[rows - 1]
        if rows < begin:
            history = sum(name == series for name in names[:rows])
            if history >= WINDOW:
                answers = answers[each:]
            continue
        expected = batch(model, table, rows, series)
        found = [row[1:] for row in answers[: len(expected)]]
        answers = answers[len(expected) :]
        for ours, theirs in zip(found, expected, strict=True):
            words = [cell for cell in theirs if isinstance(cell, str)]
            assert [cell for cell in ours if isinstance(cell, str)] == words, rows
            numbers = [cell for cell in theirs if isinstance(cell, float)]
            mine = [cell for cell in ours if isinstance(cell, float)]
            assert mine == pytest.approx(numbers, rel=1e-6, abs=1e-9), rows
            compared += 1
    assert not answers
    return compared


def numbers(count: int, seed: int = 0, start: float = 100.0):
    return start * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, count)))


def hours(keep, first=datetime(2024, 1, 1), seed=0, missing=0.0, long_holes=()):
    """Hourly rows of two columns: some rows left out, some cells left empty."""
    random = np.random.default_rng(seed)
    for step, value in enumerate(numbers(keep, seed)):
        if step > 3 and (random.random() < 0.05 or any(a <= step < b for a, b in long_holes)):
            continue
        cells = [f"{value:.4f}", f"{value * random.normal(1, 0.1) - 50:.3f}"]
        cells = ["" if step > 3 and random.random() < missing else cell for cell in cells]
        yield f"{first + timedelta(hours=step)},{','.join(cells)}"


def test_single_series_with_logarithms(model_of, write_csv) -> None:
    lines = ["day,price", *(f"{date(2023, 1, 1) + timedelta(i)},{x:.4f}" for i, x in enumerate(numbers(150)))]
    model = model_of(lines)
    assert forecast_task(model).scaling.logs.all()
    assert compare(model, write_csv("new.csv", lines)) == (150 - WINDOW + 1) * HORIZON


@pytest.mark.parametrize("missing", ["mask", "interpolate"])
def test_gaps_long_holes_and_missing_cells(model_of, write_csv, missing) -> None:
    head = "time,load,temperature"
    model = model_of([head, *hours(300)], ReadingOptions(missing=missing))
    # A hole of 30 hours is a break while the file is short, and a gap when it is long.
    lines = [head, *hours(400, seed=4, missing=0.3, long_holes=[(60, 72), (270, 300)])]
    assert compare(model, write_csv("new.csv", lines)) > 300


def test_one_column_is_missing_for_longer_than_a_window(model_of, write_csv) -> None:
    for missing in ("mask", "interpolate"):
        model = model_of(["time,a,b", *hours(300)], ReadingOptions(missing=missing))
        lines = []
        for step, line in enumerate(hours(200, seed=5, missing=0.2)):
            stamp, a, b = line.split(",")
            lines.append(f"{stamp},{a},{'' if 40 < step < 110 else b}")
        assert compare(model, write_csv("new.csv", ["time,a,b", *lines])) > 300


def test_a_trading_calendar(model_of, write_csv) -> None:
    days = [date(2021, 1, 4) + timedelta(step) for step in range(3 * 365)]
    closed = {(1, 1), (7, 4), (7, 5), (12, 24), (12, 25)}
    days = [day for day in days if day.weekday() < 5 and (day.month, day.day) not in closed]
    lines = ["Date,Close", *(f"{day},{x:.4f}" for day, x in zip(days, numbers(len(days)), strict=True))]
    model = model_of(lines)
    assert forecast_task(model).calendar.holidays.rules
    # Two days lost, one of them a Friday, and a week in which the exchange was closed.
    lost = [*range(300, 301), *range(345, 346), *range(500, 505)]
    kept = [line for row, line in enumerate(lines) if row not in lost]
    assert compare(model, write_csv("new.csv", kept[:420])) == (419 - WINDOW + 1) * HORIZON


@pytest.mark.parametrize("scaler", ["standard", "minmax"])
@pytest.mark.parametrize("positive", [True, False])
def test_a_panel_of_interleaved_ids_some_of_them_new(model_of, write_csv, scaler, positive) -> None:
    head, shift = "shop,kind,day,sales", 0 if positive else 90

    def rows(names, days, missing):
        random = np.random.default_rng(2)
        values = {
            name: numbers(days, seed, 10.0 ** (1 + seed % 3)) - shift for seed, name in enumerate(names)
        }
        for day in range(days):
            for name in random.permutation(names):
                if (name == "c" and day < 30) or random.random() < 0.05:
                    continue
                cell = "" if random.random() < missing else f"{values[name][day]:.4f}"
                yield f"{name},x,{date(2024, 1, 1) + timedelta(day)},{cell}"

    columns = ColumnOptions(id=("shop", "kind"), target=("sales",), time="day")
    model = model_of([head, *rows(["a", "b", "c"], 120, 0.05)], columns=columns, scaler=scaler)
    assert forecast_task(model).scaling.logs.all() == positive
    lines = [*rows(["c", "new", "a", "newer"], 90, 0.1)]
    if positive:  # what stands at or below 0 is read as the smallest value's floor
        lines[150] = lines[150].rpartition(",")[0] + ",0"
    flat = [f"flat,x,{date(2024, 1, 1) + timedelta(day)},7" for day in range(40)]
    moving = [f"late,x,{date(2024, 1, 1) + timedelta(day)},{3 if day < 35 else 4}" for day in range(70)]
    path = write_csv("new.csv", [head, *lines, *flat, *moving])
    assert compare(model, path) > 600


def test_two_targets(model_of, write_csv) -> None:
    head, columns = "time,load,temperature", ColumnOptions(target=("temperature", "load"))
    model = model_of([head, *hours(300)], columns=columns)
    assert compare(model, write_csv("new.csv", [head, *hours(100, seed=1)])) > 400


def test_no_column_of_time_and_numbered_rows(model_of, write_csv) -> None:
    plain = ["y", *(f"{x:.4f}" for x in numbers(150))]
    assert compare(model_of(plain), write_csv("new.csv", plain)) == (150 - WINDOW + 1) * HORIZON
    steps = ["step,y", *(f"{10 * i},{x:.4f}" for i, x in enumerate(numbers(150)) if i % 13)]
    columns = ColumnOptions(time="step", target=("y",))
    assert compare(model_of(steps, columns=columns), write_csv("steps.csv", steps)) > 300


def test_months_and_dates_that_are_written_oddly(model_of, write_csv) -> None:
    months = ["month,y", *(f"{i % 12 + 1:02d}/{1990 + i // 12},{x:.2f}" for i, x in enumerate(numbers(140)))]
    assert compare(model_of(months), write_csv("new.csv", months)) > 300
    epochs = ["timestamp;y"]
    epochs += [f"{1700000000 + 60 * i};{x:.2f}".replace(".", ",") for i, x in enumerate(numbers(140))]
    assert compare(model_of(epochs), write_csv("epochs.csv", epochs)) > 300


@pytest.mark.parametrize("merge", ["sum", "mean", "last"])
def test_rows_of_one_moment_are_merged(model_of, write_csv, merge) -> None:
    lines = ["day,y"]
    for step, value in enumerate(numbers(160)):
        day = date(2024, 1, 1) + timedelta(step)
        lines += [f"{day},{value / 2:.4f}"] * (2 if step % 3 else 1)
    reading = ReadingOptions(aggregate=merge)
    model = model_of(lines, reading)
    assert forecast_task(model).merge == merge
    path = write_csv("new.csv", lines[:150])
    assert compare(model, path) > 200


def test_what_is_held_does_not_grow(model_of, write_csv) -> None:
    lines = ["time,load,temperature", *hours(5200, seed=3, missing=0.1)]
    model = model_of(lines[:300])
    following = streamed(model, write_csv("long.csv", lines))
    held = []
    for rows in following:
        history = following.histories[()]
        assert rows[0][0] == str(history.last.item())
        held.append((len(history.stamps), len(history.values), len(history._waiting)))
    assert len(held) == len(lines) - held[0][0]  # a row each, once a window is full
    assert max(held) == (WINDOW + 1, WINDOW + 1, held[-1][2])
    assert held[-1][2] == 0
    assert following.rows == len(lines) - 1


def test_odd_rows_are_named_and_skipped(model_of, write_csv) -> None:
    lines = ["shop,day,y"]
    for step, value in enumerate(numbers(60)):
        lines += [f"{shop},{date(2024, 1, 1) + timedelta(step)},{value:.3f}" for shop in "ab"]
    model = model_of(lines, columns=ColumnOptions(id=("shop",)))
    odd = [
        "a,2024-02-20,5",
        "b,2024-03-01,many",
        "a,soon,5",
        "a,2024-03-01,inf",
        ",2024-03-01,5",
        "a,2024-03-01",
        "a,2024-03-01,5",
    ]
    said: list[str] = []
    path = write_csv("new.csv", [*lines, *odd])
    following = streamed(model, path, said)
    answers = [row for rows in following for row in rows]
    assert answers[-1][0] == "2024-03-01"
    assert answers[-1][1] == "a"
    where = f"{path}, row "
    assert [line.removeprefix(where) for line in said[1:]] == [
        "122, column day: not after 2024-02-29, the last row of a; skipped",
        '123, column y: "many" is not a number; skipped',
        '124, column day: "soon" is not a date; skipped',
        '125, column y: "inf" is not a number; skipped',
        "126, column shop: the cell is empty; skipped",
        "127: 2 cells where the header has 3; skipped",
    ]
    with pytest.raises(DataError, match="6 of 127 rows were skipped"):
        following.check()
    # What was skipped has left no trace.
    clean = streamed(model, write_csv("clean.csv", [*lines, odd[-1]]))
    assert answers == [row for rows in clean for row in rows]
    clean.check()


def test_too_few_rows(model_of, write_csv) -> None:
    lines = ["day,y", *(f"{date(2024, 1, 1) + timedelta(i)},{x:.3f}" for i, x in enumerate(numbers(100)))]
    said: list[str] = []
    following = streamed(model_of(lines), write_csv("short.csv", lines[:WINDOW]), said)
    assert list(following) == []
    assert said == [f"the model reads a window of {WINDOW} rows: forecasts begin with row {WINDOW}"]
    with pytest.raises(DataError, match=f"23 rows, and the model reads a window of {WINDOW}"):
        following.check()


def test_other_intervals_and_fewer_steps(model_of, write_csv) -> None:
    lines = ["day,y", *(f"{date(2024, 1, 1) + timedelta(i)},{x:.3f}" for i, x in enumerate(numbers(100)))]
    following = streamed(
        model_of(lines), write_csv("new.csv", lines[: WINDOW + 2]), intervals=(50,), horizon=1
    )
    assert following.names == ("origin", "timestamp", "forecast", "lo50", "hi50")
    rows = [row for rows in following for row in rows]
    assert [row[:2] for row in rows] == [("2024-01-24", "2024-01-25"), ("2024-01-25", "2024-01-26")]
    assert all(row[3] < row[2] < row[4] and all(map(math.isfinite, row[2:])) for row in rows)
