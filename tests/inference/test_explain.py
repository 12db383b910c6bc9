"""What drove a forecast, held against models of known answers: a linear graph, a ridge, the last value."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqcli.errors import DataError, UsageError
from seqcli.inference.explain import explain_forecast, explainable
from seqcli.inference.forecast import forecast_rows, forecast_task
from seqcli.model_dir import read_model
from seqcli.options import Options, ReadingOptions
from seqcli.readers.read import read_table
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.forecasting import influence, permuted
from seqcli.tasks.forecasting.explain import Question
from seqcli.tasks.forecasting.mixture import NAIVE, NETWORK, RIDGE
from seqcli.tasks.registry import prepare

WINDOW, LAG = 14, 7


def planted(count: int = 240) -> list[str]:
    """y is x of LAG steps before, nearly; z is noise that nothing depends on."""
    random = np.random.default_rng(5)
    x, z = 10 + 2 * random.normal(size=count), random.normal(size=count)
    y = np.concatenate([x[:LAG], x[:-LAG]]) + 0.1 * random.normal(size=count)
    rows = enumerate(zip(y, x, z, strict=True))
    return ["step,y,x,z", *(f"{step},{a:.4f},{b:.4f},{c:.4f}" for step, (a, b, c) in rows)]


def made(path, **flat):
    """A table of the file and what its preparation makes of it."""
    table = read_table([str(path)], ReadingOptions())
    options = Options.from_flat({"task": "forecast", "decoder": "direct", **flat})
    return table, prepare(Tables(table), make_plan(table, options.columns, options.reading), options)


def mixed(task, **weights):
    """The task with these weights of its members."""
    mixture = task.mixture
    column = np.array([[weights.get(name.replace(" ", "_"), 0.0)] for name in mixture.members])
    return replace(
        task, mixture=replace(mixture, weights=np.repeat(column, mixture.weights.shape[1], axis=1))
    )


def asked(model, table, **question):
    """The explanation, and its records."""
    found = explain_forecast(model, explainable(model), table, Question(**question))
    return found, found.rows.records()


def picked(records, **wanted):
    return [each for each in records if all(each[key] == value for key, value in wanted.items())]


@pytest.fixture
def shift_model(write_csv, save_model, linear_graph):
    """A network that says the planted rule: x at LAG, seen from the means of both columns."""
    table, prepared = made(
        write_csv("planted.csv", planted()), target=("y",), time="step", window=WINDOW, horizon=1
    )
    frame, scale = prepared.task.frame, prepared.task.scaling.scale[0]
    names = ("y", "x", "z")
    assert prepared.task.plan.features in (names, names[1:])
    weights = np.zeros((WINDOW, prepared.network.inputs[0].size, 1, 1))
    weights[:, 0] = 1 / WINDOW * frame.value_spread[0] / frame.target_spread[0]
    from_x = scale[1] / scale[0] * frame.value_spread[1] / frame.target_spread[0]
    weights[:, 1] = -from_x / WINDOW
    weights[-LAG, 1] += from_x
    # the mean of y, less its last value, is what the first column sums up to
    model = save_model(prepared.task, prepared.network, graph=linear_graph(prepared.network, weights))
    return model, table


def test_a_planted_lag_wins_both_ways(shift_model) -> None:
    model, table = shift_model
    _, records = asked(model, table)
    moved = picked(records, method="gradient", member="all")
    best = max(moved, key=lambda each: each["importance"])
    assert (best["column"], best["lag_from"], best["lag_to"]) == ("x", LAG, LAG)
    others = [each["importance"] for each in moved if each is not best]
    assert best["importance"] > 5 * max(others)
    shuffled = picked(records, method="permutation")
    whole = {each["column"]: each for each in shuffled if each["lag_to"] - each["lag_from"] == WINDOW - 1}
    assert max(whole, key=lambda name: whole[name]["importance"]) == "x"
    # Errors of the rule come from the two means; shuffled, x and y are two draws apart.
    assert whole["x"]["importance"] > 2
    blocks = [each for each in shuffled if each["lag_to"] - each["lag_from"] < WINDOW - 1]
    strongest = max(blocks, key=lambda each: each["importance"])
    assert strongest["column"] == "x"
    assert strongest["lag_from"] <= LAG <= strongest["lag_to"]


def test_the_gradient_of_a_linear_network_is_its_closed_form(shift_model) -> None:
    """f = mean of y + (x at LAG − mean of x), so each derivative is known in units of the file."""
    model, table = shift_model
    _, records = asked(model, table)
    size = deviations(table, ("y", "x"))
    for column, others in (("y", 1 / WINDOW), ("x", -1 / WINDOW)):
        for lag in range(1, WINDOW + 1):
            (row,) = picked(records, method="gradient", member="all", column=column, lag_from=lag)
            slope = others + (column == "x" and lag == LAG)
            assert row["effect"] == pytest.approx(slope * size[column], rel=1e-4, abs=1e-5)
            assert row["importance"] == pytest.approx(abs(row["effect"]))


def deviations(table, names) -> dict[str, float]:
    """Root mean square distance from the mean of a window, over windows that are shuffled and the newest."""
    sizes = {}
    for name in names:
        values = table.numbers(name).values
        count = len(values) - WINDOW  # windows with a step behind them
        picked_starts = [*np.linspace(0, count - 1, min(count, 100)).astype(int), count]
        windows = np.array([values[start : start + WINDOW] for start in picked_starts])
        sizes[name] = float(np.sqrt(np.mean((windows - windows.mean(axis=1, keepdims=True)) ** 2)))
    return sizes


def test_a_column_without_influence_has_none(shift_model) -> None:
    model, table = shift_model
    _, records = asked(model, table)
    (row,) = picked(records, method="gradient", column="z")
    assert (row["importance"], row["effect"], row["lag_from"], row["lag_to"]) == (0.0, 0.0, 1, WINDOW)
    for row in picked(records, method="permutation", column="z"):
        assert (row["importance"], row["spread"]) == (0.0, 0.0)


def test_shuffles_are_the_same_for_a_seed_and_others_for_another(shift_model) -> None:
    model, table = shift_model
    runs = [asked(model, table, seed=seed)[0].rows.rows for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_the_last_value_is_all_that_a_naive_forecast_reads(shift_model, save_model) -> None:
    model, table = shift_model
    task = mixed(forecast_task(model), naive=1.0)
    naive = save_model(task, model.network)
    _, records = asked(naive, table)
    moved = picked(records, method="gradient", member="all")
    assert {each["column"] for each in moved if each["importance"]} == {"y"}
    (first,) = [each for each in moved if each["importance"]]
    assert first["lag_from"] == first["lag_to"] == 1
    assert first["effect"] == pytest.approx(deviations(table, ("y",))["y"], rel=1e-5)
    (own,) = picked(records, method="gradient", member=NAIVE)
    assert own["effect"] == first["effect"]
    for row in picked(records, method="permutation"):
        reads = row["column"] == "y" and row["lag_from"] == 1
        assert (row["importance"] != 0.0) == reads


def test_a_ridge_is_explained_by_its_weights(shift_model, save_model) -> None:
    """f = y_T + Σ (y_t − y_T) b_t: b at each lag, and at lag 1 what makes the sum 1."""
    model, table = shift_model
    task = mixed(forecast_task(model), ridge=1.0)
    weights = task.mixture.ridge.weights[0, :, 0].astype(np.float64)  # oldest first
    derivative = weights[::-1].copy()
    derivative[0] = 1 - weights[:-1].sum()
    _, records = asked(save_model(task, model.network), table)
    size = deviations(table, ("y",))["y"]
    for lag, slope in enumerate(derivative, 1):
        (row,) = picked(records, method="gradient", member="all", column="y", lag_from=lag)
        assert row["effect"] == pytest.approx(slope * size, rel=1e-4, abs=1e-6)


def test_members_and_parts_add_up(shift_model, save_model) -> None:
    model, table = shift_model
    task = mixed(forecast_task(model), naive=0.25, ridge=0.25, network=0.5)
    mix = replace(save_model(task, model.network), graphs=model.graphs)
    found, records = asked(mix, table)
    (row,) = forecast_rows(mix, table).rows.records()
    parts = {each["member"]: each for each in picked(records, method="parts")}
    assert list(parts) == [NAIVE, RIDGE, NETWORK, "all"]
    assert parts["all"]["effect"] == row["forecast"]
    assert sum(parts[name]["effect"] for name in (NAIVE, RIDGE, NETWORK)) == pytest.approx(row["forecast"])
    assert [parts[name]["importance"] for name in parts] == [0.25, 0.25, 0.5, 1.0]
    last = table.numbers("y").values[-1]
    assert parts[NAIVE]["effect"] == pytest.approx(last / 4, rel=1e-6)
    for each in picked(records, method="gradient", member="all"):
        at = {key: each[key] for key in ("column", "lag_from", "lag_to")}
        own = [
            other["effect"] for other in picked(records, method="gradient", **at) if other["member"] != "all"
        ]
        assert sum(own) == pytest.approx(each["effect"], abs=2e-6)
    assert found.explained == 1


def test_a_step_of_the_horizon_is_explained_by_itself(write_csv, save_model) -> None:
    """A seasonal naive forecast of step h reads lag season − h + 1 alone; their mean, each a share."""
    values = [10 + 3 * math.sin(2 * math.pi * step / 7) + 0.01 * (step * 31 % 17) for step in range(140)]
    path = write_csv(
        "week.csv", ["date,y", *(f"{day},{y:.4f}" for day, y in zip(days(140), values, strict=True))]
    )
    table, prepared = made(path, window=WINDOW, horizon=3)
    assert prepared.task.frame.season == 7
    model = save_model(mixed(prepared.task, seasonal_naive=1.0), prepared.network)
    for step in (1, 2, 3):
        _, records = asked(model, table, steps_ahead=step)
        reads = [each for each in picked(records, method="gradient", member="all") if each["importance"]]
        assert [(each["column"], each["lag_from"]) for each in reads] == [("y", 7 - step + 1)]
    _, records = asked(model, table)
    every = [each for each in picked(records, method="gradient", member="all") if each["importance"]]
    assert [each["lag_from"] for each in every] == [5, 6, 7]
    assert every[0]["importance"] == pytest.approx(reads[0]["importance"] / 3, rel=1e-5)
    with pytest.raises(UsageError, match="forecasts 3 steps"):
        asked(model, table, steps_ahead=4)


def days(count: int) -> list[str]:
    return [str(np.datetime64("2024-01-01") + day) for day in range(count)]


@pytest.mark.parametrize("logs", [False, True])
def test_units_are_those_of_the_file(write_csv, save_model, mixing_graph, logs) -> None:
    """Moving a cell of the file by a little moves the forecast by as much as the gradient says."""
    random = np.random.default_rng(2)
    walk = np.cumsum(random.normal(size=(160, 2)), axis=0)
    both = np.exp(walk / 5) * 100 if logs else walk + 100

    def lines(y):
        rows = zip(days(160), y, both[:, 1], strict=True)
        return ["date,y,x", *(f"{day},{a:.9f},{b:.9f}" for day, a, b in rows)]

    table, prepared = made(write_csv("walk.csv", lines(both[:, 0])), target=("y",), window=WINDOW, horizon=2)
    scaling = prepared.task.scaling
    assert scaling.logs.any() == logs
    graph = mixing_graph(prepared.network)
    model = save_model(prepared.task, prepared.network, graph=graph)
    _, records = asked(model, table, steps_ahead=2)
    moved = np.array(
        [each["effect"] for each in picked(records, method="gradient", member="all", column="y")]
    )
    size, lag, little = spread_on_scale(table, scaling), 3, 1e-2 * scaling.scale[0, 0]
    ends = []
    for sign in (1, -1):
        y = both[:, 0].copy()
        factor = math.exp(sign * little) if logs else 1.0
        y[-lag] = y[-lag] * factor if logs else y[-lag] + sign * little
        other = read_table([str(write_csv("moved.csv", lines(y)))], ReadingOptions())
        ends.append(unrounded(model, other)[0, 1, 0])
    slope = (ends[0] - ends[1]) / 2 / 1e-2  # per 1 on the scale
    assert moved[lag - 1] == pytest.approx(slope * size, rel=1e-3)


def unrounded(model, table):
    """The forecast (1, H, K) in units of the file, with all digits."""
    from seqcli.inference.outputs import outputs_for
    from seqcli.inference.session import GraphSession

    task = forecast_task(model)
    examples, context = task.forecast_examples(table)
    outputs = outputs_for(GraphSession.open(model), examples)
    mixed_values = task.mixture.combined(examples.past(), outputs, task.frame)
    return context.scaling.inverse(mixed_values, np.zeros(1, dtype=np.int64))


def spread_on_scale(table, scaling) -> float:
    values = scaling.transform(table.numbers("y").values[:, None].repeat(2, axis=1), 0)[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)
    newest, known = windows[-1:], windows[: len(values) - WINDOW]  # at least one step behind them
    picked_ones = known[np.linspace(0, len(known) - 1, min(len(known), 100)).astype(int)]
    every = np.concatenate([newest, picked_ones])
    return float(np.sqrt(np.mean((every - every.mean(axis=1, keepdims=True)) ** 2)))


@pytest.fixture
def panel_model(write_csv, save_model, mixing_graph):
    """Three shops with a plan that is known ahead and a size of each; the fourth is too short."""
    rows = ["date,shop,area,y,plan"]
    for number, (shop, area) in enumerate((("north", 1), ("south", 5), ("west", 3))):
        for at, day in enumerate(days(110)):
            y = f"{50 + 9 * number + at % 7 + (at * 7 + number) % 5:.1f}" if at < 106 else ""
            rows.append(f"{day},{shop},{area},{y},{(at + number) % 11}")
    table, prepared = made(
        write_csv("shops.csv", rows), target=("y",), id=("shop",), window=WINDOW, decoder="parallel"
    )
    assert prepared.task.plan.ahead == ("plan",)
    assert prepared.task.plan.static == ("area",)
    assert prepared.task.frame.horizon == 4
    return save_model(prepared.task, prepared.network, graph=mixing_graph(prepared.network)), table, rows


def test_what_is_known_ahead_and_said_of_a_series_has_rows(panel_model) -> None:
    model, table, _ = panel_model
    found, records = asked(model, table)
    assert found.explained == 3
    moved = picked(records, method="gradient", member="all", series="north")
    plan = [each for each in moved if each["column"] == "plan"]
    assert {each["lag_from"] for each in plan} >= {0, -1, -2, -3}
    assert all(each["importance"] > 0 for each in plan if each["lag_from"] <= 0)
    (area,) = [each for each in moved if each["column"] == "area"]
    assert (area["lag_from"], area["lag_to"]) == (None, None)
    assert area["importance"] > 0
    shuffled = {each["column"]: each for each in picked(records, method="permutation")[::-1]}
    assert {"y", "plan", "area"} <= set(shuffled)
    assert shuffled["area"]["lag_from"] is None
    assert {each["series"] for each in shuffled.values()} == {None}


def test_one_series_is_explained_as_it_is_among_all(panel_model) -> None:
    model, table, _ = panel_model
    _, every = asked(model, table)
    found, own = asked(model, table, series="south")
    assert found.explained == 1
    assert {each["series"] for each in own} == {"south"}
    for method in ("gradient", "parts"):
        alone = picked(own, method=method)
        among = picked(every, method=method, series="south")
        assert [each["column"] for each in alone] == [each["column"] for each in among]
        for left, right in zip(alone, among, strict=True):
            if left["effect"] is not None:
                assert left["effect"] == pytest.approx(right["effect"], rel=0.3, abs=1e-2)
    assert picked(own, method="parts") == picked(every, method="parts", series="south")


def test_series_that_cannot_be_explained(panel_model, write_csv) -> None:
    model, table, rows = panel_model
    with pytest.raises(UsageError, match="no series 'sout'") as caught:
        asked(model, table, series="sout")
    assert "'south'" in caught.value.hint
    more = [*rows, *(f"{day},east,2,{40 + at},{at % 11}" for at, day in enumerate(days(5)))]
    longer = read_table([str(write_csv("more.csv", more))], ReadingOptions())
    with pytest.raises(DataError, match="last value alone"):
        asked(model, longer, series="east")
    found, _ = asked(model, longer)
    assert any("east" in note for note in found.notes)


def test_one_series_has_no_names(shift_model) -> None:
    model, table = shift_model
    with pytest.raises(UsageError, match="one series only"):
        asked(model, table, series="y")


def test_of_a_large_panel_some_series_are_taken_apart(panel_model, monkeypatch) -> None:
    model, table, _ = panel_model
    monkeypatch.setattr("seqcli.tasks.forecasting.explain.MOST_INPUTS", 50)
    found, records = asked(model, table)
    assert found.explained == 1
    assert any("the first 1 of 3 series" in note for note in found.notes)
    assert {each["series"] for each in picked(records, method="gradient")} == {"north"}


def test_many_inputs_move_in_groups_that_add_up(shift_model, monkeypatch) -> None:
    """Of a linear forecast a group moves by the sum of what its lags move alone."""
    model, table = shift_model
    _, alone = asked(model, table)
    monkeypatch.setattr(influence, "MOST_PROBES", 3 * WINDOW // 4)
    _, grouped = asked(model, table)
    groups = picked(grouped, method="gradient", member="all", column="x")
    assert [(each["lag_from"], each["lag_to"]) for each in groups] == [(1, 5), (6, 10), (11, 14)]
    for group in groups:
        lags = range(group["lag_from"], group["lag_to"] + 1)
        own = picked(alone, method="gradient", member="all", column="x")
        total = sum(each["effect"] for each in own if each["lag_from"] in lags)
        assert group["effect"] == pytest.approx(total, abs=1e-4)


def test_too_few_windows_are_not_shuffled(shift_model, write_csv) -> None:
    model, _ = shift_model
    lines = planted()
    for count, said in ((WINDOW, "0 windows"), (WINDOW + permuted.LEAST_WINDOWS - 1, "7 windows")):
        short = read_table([str(write_csv("short.csv", lines[: count + 1]))], ReadingOptions())
        found, records = asked(model, short)
        assert not picked(records, method="permutation")
        assert any(said in note for note in found.notes)
        assert picked(records, method="gradient")
    enough = read_table(
        [str(write_csv("enough.csv", lines[: WINDOW + permuted.LEAST_WINDOWS + 1]))], ReadingOptions()
    )
    assert picked(asked(model, enough)[1], method="permutation")


@pytest.mark.parametrize("name", ["language_words", "music", "pianoroll"])
def test_what_goes_on_with_what_it_reads_is_refused(name) -> None:
    golden = Path(__file__).parents[1] / "golden"
    with pytest.raises(UsageError, match="not one that goes on with it") as caught:
        explainable(read_model(golden / f"{name}.seqcli"))
    assert "evaluate FILE --per-token" in caught.value.hint
