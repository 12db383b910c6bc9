"""A network that carries its state: a row costs one step, and says what the whole file would say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
import torch

from seqcli.backends.graph import saved_graphs
from seqcli.backends.network import build_network
from seqcli.backends.registry import CELLS
from seqcli.errors import DataError, ModelError, UsageError
from seqcli.inference.anomalies import Anomalies
from seqcli.inference.carried_follow import following, watching
from seqcli.inference.explain import explain_forecast
from seqcli.inference.follow import expected_columns
from seqcli.inference.forecast import forecast_rows, forecast_task
from seqcli.inference.session import GraphSession
from seqcli.model_dir import TASK_ARRAY, read_model, write_model
from seqcli.options import ColumnOptions, ForecastOptions, NetworkOptions, Options, ReadingOptions
from seqcli.readers.read import read_table
from seqcli.readers.stream import open_stream
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.forecasting.explain import Question
from seqcli.tasks.forecasting.mixture import NETWORK
from seqcli.tasks.forecasting.widths import SIGNS, Widths
from seqcli.tasks.registry import prepare

WINDOW, HORIZON = 12, 3
STATEFUL = ForecastOptions(window=WINDOW, horizon=HORIZON, stateful=True)


@pytest.fixture
def model_of(write_csv, tmp_path):
    """A saved forecaster of some lines whose network has random weights, and half of the say."""

    def make(lines, forecast=STATEFUL, reading=None, columns=None, network=None):
        reading = reading or ReadingOptions()
        table = read_table([str(write_csv("train.csv", lines))], reading)
        options = Options(
            reading=reading,
            columns=replace(columns or ColumnOptions(), task="forecast"),
            network=network or NetworkOptions(hidden_size=6),
            forecast=forecast,
        )
        prepared = prepare(Tables(table), make_plan(table, options.columns, reading), options)
        net = build_network(prepared.network, 3)
        with torch.no_grad():
            torch.manual_seed(4)
            for name, weight in net.named_parameters():  # a state that remembers, and an answer that shows it
                if "weight_hh" not in name:
                    weight += 0.3 * torch.randn_like(weight)
                if "head" in name or "decoder" in name:
                    weight *= 4
        mixture = prepared.task.mixture
        weights = np.full_like(mixture.weights, 0.5 / (len(mixture.members) - 1))
        weights[mixture.members.index(NETWORK)] = 0.5
        mixture = replace(mixture, weights=weights)
        signs = np.ones(SIGNS)
        widths = Widths(0.1 * signs, 0 * signs, signs)  # intervals that the network's band has a say in
        task = replace(prepared.task, mixture=mixture, widths=widths, radii=prepared.task.radii + 0.5)
        return saved(tmp_path / "made.seqcli", task, net)

    return make


def saved(target, task, net):
    """A model directory around a task and a network."""
    record = {
        "task": {"name": task.name, **task.to_json()},
        "network": net.spec.to_json(),
        "metrics": {},
        "options": Options().to_flat(),
        "typed": [],
        "seed": 0,
        "threads": 1,
        "steps": 1,
        "versions": {},
        "data": {"source": "train.csv", "digest": "", "rows": 10},
        "created": "2026-01-02T03:04:05+00:00",
    }
    weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    weights |= {TASK_ARRAY + name: array for name, array in task.arrays().items()}
    write_model(target, record, weights, saved_graphs(net), [], "# card\n")
    return read_model(target)


def streamed(model, path, said=None, make=following):
    stream = open_stream(str(path), ReadingOptions(), expected_columns(forecast_task(model)))
    return make(model, stream, (said if said is not None else []).append)


def batch(model, table, rows: int, series: str) -> list[tuple]:
    """What a file of the first ``rows`` rows gets, of one series; [] where it is too short for a forecast."""
    try:
        found = forecast_rows(model, table.take(np.arange(rows)))
    except DataError:
        return []
    if not forecast_task(model).plan.id:
        return found.rows.rows
    number = found.context.panel.names.index(series)
    if found.context.panel.lengths[number] < WINDOW:
        return []
    return [row for row in found.rows.rows if row[0] == series]


def compare(model, path, every: int = 1) -> int:
    """Hold the answer to each row of ``path``, or every some, against the file that ends there."""
    table, plan = read_table([str(path)], ReadingOptions()), forecast_task(model).plan
    cells = zip(*(table.cells(name) for name in plan.id), strict=True) if plan.id else [()] * len(table)
    names, stream = [" / ".join(key) for key in cells], streamed(model, path)
    answers = [row for rows in stream for row in rows]
    each, compared, length = HORIZON * len(plan.target), 0, dict.fromkeys(names, 0)
    for rows in range(1, len(table) + 1):
        series = names[rows - 1]
        length[series] += 1
        looked = rows % every == 0 or rows == len(table) or length[series] <= 2 * WINDOW
        expected = batch(model, table, rows, series) if looked else [None] * each
        found, answers = answers[: len(expected)], answers[len(expected) :]
        for ours, theirs in zip(found, expected, strict=True):
            if theirs is None:
                continue
            words = [cell for cell in theirs if isinstance(cell, str)]
            assert [cell for cell in ours[1:] if isinstance(cell, str)] == words, rows
            numbers = [cell for cell in theirs if isinstance(cell, float)]
            mine = [cell for cell in ours[1:] if isinstance(cell, float)]
            assert mine == pytest.approx(numbers, rel=1e-6, abs=1e-5), rows
            compared += 1
    assert not answers
    return compared


def numbers(count: int, seed: int = 0, start: float = 100.0):
    return start * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, count)))


def daily(count: int, seed: int = 0) -> list[str]:
    days = (date(2020, 1, 1) + timedelta(i) for i in range(count))
    return ["day,y", *(f"{day},{x:.4f}" for day, x in zip(days, numbers(count, seed), strict=True))]


def hours(count, seed=0, missing=0.0, holes=()):
    """Hourly rows of two columns: some left out, some cells left empty."""
    random = np.random.default_rng(seed)
    for step, value in enumerate(numbers(count, seed)):
        cells = [f"{value:.4f}", f"{value * random.normal(1, 0.1) - 50:.3f}"]
        cells = ["" if step > 3 and random.random() < missing else cell for cell in cells]
        if step <= 3 or not (random.random() < 0.05 or any(a <= step < b for a, b in holes)):
            yield f"{datetime(2024, 1, 1) + timedelta(hours=step)},{','.join(cells)}"


def decoders(cell: str) -> list[str]:
    """What can go with a cell: one without a state has none to go on from."""
    return ["direct"] if cell == "none" else ["direct", "recursive"]


COMBINATIONS = [(cell, decoder) for cell in CELLS for decoder in decoders(cell)]


@pytest.mark.parametrize(("cell", "decoder"), COMBINATIONS)
def test_a_long_stream_says_what_the_file_says(model_of, write_csv, cell, decoder) -> None:
    sizes = NetworkOptions(cell=cell, hidden_size=5, num_layers=2)
    model = model_of(daily(200), replace(STATEFUL, decoder=decoder), network=sizes)
    assert (model.network.decoder, model.network.stateful) == (decoder, True)
    assert compare(model, write_csv("new.csv", daily(1200, seed=7)), every=150) > 20


@pytest.mark.parametrize("decoder", ["direct", "recursive"])
def test_gaps_long_holes_and_missing_cells(model_of, write_csv, decoder) -> None:
    head = "time,load,temperature"
    columns = ColumnOptions(target=("load",))
    model = model_of([head, *hours(300, missing=0.1)], replace(STATEFUL, decoder=decoder), columns=columns)
    # A hole of 11 hours is a gap, one of 30 is a break, however long the file.
    lines = [head, *hours(400, seed=4, missing=0.3, holes=[(60, 71), (200, 230)])]
    assert compare(model, write_csv("new.csv", lines), every=5) > 150


@pytest.mark.parametrize("decoder", ["direct", "recursive"])
def test_two_targets(model_of, write_csv, decoder) -> None:
    head, columns = "time,load,temperature", ColumnOptions(target=("temperature", "load"))
    model = model_of([head, *hours(300)], replace(STATEFUL, decoder=decoder), columns=columns)
    assert compare(model, write_csv("new.csv", [head, *hours(90, seed=1)]), every=4) > 100


@pytest.mark.parametrize("decoder", ["direct", "recursive"])
def test_a_panel_of_interleaved_series_some_of_them_new(model_of, write_csv, decoder) -> None:
    head = "shop,size,day,sales"

    def rows(names, days, missing):
        random = np.random.default_rng(2)
        values = {name: numbers(days, seed, 10.0 ** (1 + seed % 3)) for seed, name in enumerate(names)}
        for day in range(days):
            for name in random.permutation(names):
                if (name == "c" and day < 30) or random.random() < 0.05:
                    continue
                cell = "" if random.random() < missing else f"{values[name][day]:.4f}"
                size = "big" if name in "ac" else "small"
                yield f"{name},{size},{date(2024, 1, 1) + timedelta(day)},{cell}"

    columns = ColumnOptions(id=("shop",), target=("sales",), time="day")
    training = [head, *rows(["a", "b", "c"], 120, 0.05)]
    model = model_of(training, replace(STATEFUL, decoder=decoder), columns=columns)
    task = forecast_task(model)
    assert task.plan.static == ("size",)
    flat = [f"flat,big,{date(2024, 1, 1) + timedelta(day)},7" for day in range(20)]
    late = [f"late,big,{date(2024, 1, 1) + timedelta(day)},{3 if day < 20 else 4}" for day in range(30)]
    path = write_csv("new.csv", [head, *rows(["c", "new", "a", "newer"], 60, 0.1), *flat, *late])
    assert compare(model, path, every=3) > 150


@pytest.mark.parametrize("merge", ["sum", "mean", "last"])
def test_rows_of_one_moment_are_merged(model_of, write_csv, merge) -> None:
    lines = ["shop,day,y"]
    for shop, days in (("a", 160), ("new", 60)):
        for step, value in enumerate(numbers(days)):
            day = date(2024, 1, 1) + timedelta(step + 2 * (step > 30))
            lines += [f"{shop},{day},{value / 2:.4f}", f"{shop},{day},{value / 3:.4f}"][
                : 2 if step % 3 else 1
            ]
    columns = ColumnOptions(id=("shop",))
    known = [line for line in lines if not line.startswith("new")]
    known += [line.replace("a,", "b,", 1) for line in known[1:]]
    model = model_of(known, reading=ReadingOptions(aggregate=merge), columns=columns)
    assert compare(model, write_csv("new.csv", [lines[0], *lines[-90:]]), every=2) > 60


def test_a_trading_calendar_months_and_no_column_of_time(model_of, write_csv) -> None:
    days = [date(2021, 1, 4) + timedelta(step) for step in range(3 * 365)]
    closed = {(1, 1), (7, 4), (7, 5), (12, 24), (12, 25)}
    days = [day for day in days if day.weekday() < 5 and (day.month, day.day) not in closed]
    lines = ["Date,Close", *(f"{day},{x:.4f}" for day, x in zip(days, numbers(len(days)), strict=True))]
    model = model_of(lines)
    assert forecast_task(model).calendar.holidays.rules
    lost = [*range(100, 101), *range(145, 146), *range(250, 255)]
    kept = [line for row, line in enumerate(lines) if row not in lost]
    assert compare(model, write_csv("new.csv", kept[:320]), every=10) > 60
    months = ["month,y", *(f"{i % 12 + 1:02d}/{1990 + i // 12},{x:.2f}" for i, x in enumerate(numbers(140)))]
    assert compare(model_of(months), write_csv("months.csv", months), every=10) > 30
    plain = ["y", *(f"{x:.4f}" for x in numbers(150))]
    assert compare(model_of(plain), write_csv("plain.csv", plain), every=10) > 30


def test_indicators(model_of, write_csv) -> None:
    lines = daily(200)
    model = model_of(lines, replace(STATEFUL, indicators=True))
    new = [line if row % 11 else f"{line.split(',')[0]}," for row, line in enumerate(daily(80, 3)[1:], 1)]
    assert compare(model, write_csv("new.csv", [lines[0], *new]), every=5) > 40


def test_what_is_known_ahead(model_of, write_csv) -> None:
    lines = ["day,promo,y"]
    for step, value in enumerate(numbers(203)):
        y = "" if step >= 200 else f"{value * (1 + step % 5 // 4):.4f}"
        lines.append(f"{date(2024, 1, 1) + timedelta(step)},{step % 5 // 4},{y}")
    for decoder in ("direct", "recursive"):
        model = model_of(lines, replace(STATEFUL, decoder=decoder), columns=ColumnOptions(target=("y",)))
        assert forecast_task(model).plan.ahead == ("promo",)
        new = [
            line if row % 9 not in (0, 1) else line[: line.rindex(",") + 1] for row, line in enumerate(lines)
        ]
        path = write_csv("new.csv", [lines[0], *new[1:60], *lines[201:]])
        assert compare(model, path, every=2) > 60
        stream = open_stream(str(path), ReadingOptions(), expected_columns(forecast_task(model)))
        with pytest.raises(UsageError, match="it is told promo ahead"):
            watching(model, stream, print)
        assert list(stream.batches(1000))


@pytest.mark.parametrize(("cell", "decoder"), [("gru", "direct"), ("lstm", "recursive")])
def test_a_row_costs_one_step_of_the_network(model_of, write_csv, monkeypatch, cell, decoder) -> None:
    model = model_of(
        daily(200), replace(STATEFUL, decoder=decoder), network=NetworkOptions(cell=cell, hidden_size=4)
    )
    read: list[tuple[int, ...]] = []
    run = GraphSession.run_named

    def counted(self, names, feed):
        read.append(feed["values"].shape[:2])
        return run(self, names, feed)

    monkeypatch.setattr(GraphSession, "run_named", counted)
    answered = 0
    for rows in streamed(model, write_csv("new.csv", daily(600, seed=5))):
        assert len(rows) == HORIZON
        answered += 1
    assert answered == 600 - WINDOW + 1
    assert read == [(1, 1)] * 600  # one call of one step, for the last row as for the first
    read.clear()
    forecast_rows(model, read_table([str(write_csv("new.csv", daily(600, seed=5)))], ReadingOptions()))
    assert read == [(1, 600)]  # a file is read once


def test_what_is_held_does_not_grow(model_of, write_csv) -> None:
    stream = streamed(model_of(daily(200)), write_csv("new.csv", daily(500, seed=5)))
    for _ in stream:
        series = stream.histories[()]
        assert len(series.unread) == 1
        assert len(series.past._rows) == 2 * WINDOW + 2
        assert not series._early
        assert not series.behind


@pytest.mark.parametrize("decoder", ["direct", "recursive"])
def test_rows_are_judged_alike_in_a_stream_and_in_a_file(model_of, write_csv, decoder) -> None:
    head, columns = "shop,time,load", ColumnOptions(id=("shop",))
    lines = [f"{'ab'[row % 2]},{line.rsplit(',', 1)[0]}" for row, line in enumerate(hours(500, missing=0.1))]
    model = model_of([head, *lines], replace(STATEFUL, decoder=decoder), columns=columns)
    new = [line.replace("b,", "new,", 1) for line in lines[100:220]]
    path = write_csv("new.csv", [head, *new])
    found = Anomalies(model, read_table([str(path)], ReadingOptions()))
    whole = {row[:2]: row for rows in found for row in rows}
    stream = streamed(model, path, make=watching)
    rows = [row for part in stream for row in part]
    assert len(rows) == len(whole) > 60
    for row in rows:
        expected = whole[row[:2]]
        assert row[-1] is expected[-1]
        assert [*row[2:-1]] == [cell and pytest.approx(cell, rel=1e-5) for cell in expected[2:-1]]
    assert stream.summary == found.tally.said()


def test_the_state_reaches_back_beyond_the_window(model_of, write_csv) -> None:
    model, lines = model_of(daily(200), network=NetworkOptions(cell="lstm", hidden_size=6)), daily(90, seed=5)
    whole = forecast_rows(model, read_table([str(write_csv("a.csv", lines))], ReadingOptions()))
    window = [lines[0], *lines[-3 * WINDOW :]]
    short = forecast_rows(model, read_table([str(write_csv("b.csv", window))], ReadingOptions()))
    differs = [abs(a[1] - b[1]) for a, b in zip(whole.rows.rows, short.rows.rows, strict=True)]
    assert max(differs) > 1e-3


@pytest.mark.parametrize(
    ("forecast", "network", "missing", "said"),
    [
        ({"decoder": "parallel"}, {}, "mask", "--decoder parallel reads segments"),
        ({"segment": 4}, {}, "mask", "--segment 4 reads several rows"),
        ({"normalization": "instance"}, {}, "mask", "--normalization instance sees a row from its window"),
        ({}, {"bidirectional": True}, "mask", "--bidirectional reads from the end"),
        ({}, {"pool": "mean"}, "mask", "--pool mean takes all rows"),
        ({}, {}, "interpolate", "--missing interpolate fills a gap by the row behind it"),
    ],
)
def test_what_cannot_be_carried_is_refused(model_of, forecast, network, missing, said) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        model_of(
            daily(200),
            replace(STATEFUL, **forecast),
            reading=ReadingOptions(missing=missing),
            network=NetworkOptions(hidden_size=4, **network),
        )
    assert caught.value.message.startswith("--stateful answers each row from the state of the row before")
    assert caught.value.hint.startswith("leave out --stateful")


def test_explain_says_why_it_cannot(model_of, write_csv) -> None:
    model = model_of(daily(200))
    table = read_table([str(write_csv("new.csv", daily(60)))], ReadingOptions())
    with pytest.raises(UsageError, match="its state is carried over all rows"):
        explain_forecast(model, forecast_task(model), table, Question())


def test_a_task_and_a_network_that_do_not_agree(model_of, tmp_path) -> None:
    model = model_of(daily(200))
    task = forecast_task(model)
    net = build_network(replace(model.network, stateful=False), 0)
    other = saved(tmp_path / "other.seqcli", replace(task), net)
    with pytest.raises(ModelError, match="does not read as its task does"):
        forecast_task(other)
