from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.forecasting.next import in_words
from seqcli.tasks.forecasting.windows import ForecastWindows

TableOf = Callable[..., Table]
PLAN = Plan("forecast", ("y",), time="date")
PANEL = Plan("forecast", ("y",), ("x",), time="date", id=("store",))


def make(table: Table, plan: Plan = PLAN, **flat: Any) -> Prepared:
    """Prepared for a network that answers in one go, whose silence is the last value or season."""
    flat.setdefault("decoder", "direct")
    return Forecast.prepare(Tables(table), plan, Options.from_flat(flat))


def walk(count: int, seed: int = 0) -> list[float]:
    steps = np.random.default_rng(seed).normal(size=count)
    return [float(value) for value in (100 + steps.cumsum()).round(4)]


def csv(values: list[Any], start: str = "2024-01-01", freq: str = "D") -> str:
    stamps = pd.date_range(start, periods=len(values), freq=freq).strftime("%Y-%m-%d")
    return "date,y\n" + "\n".join(f"{stamp},{value}" for stamp, value in zip(stamps, values, strict=True))


def panel_csv(series: dict[str, list[Any]]) -> str:
    lines = ["date,store,y,x"]
    for name, values in series.items():
        for stamp, value in zip(pd.date_range("2024-01-01", periods=len(values)), values, strict=True):
            lines.append(f"{stamp:%Y-%m-%d},{name},{value},{stamp.day_of_year % 7}")
    return "\n".join(lines)


def nothing(examples: Any, like: Prepared) -> np.ndarray:
    return np.zeros((len(examples), *like.network.output_shape), dtype=np.float32)


def noise(examples: Any, like: Prepared, seed: int = 0) -> np.ndarray:
    shape = (len(examples), *like.network.output_shape)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def windows(examples: Any) -> ForecastWindows:
    assert isinstance(examples, ForecastWindows)
    return examples


# ---------------------------------------------------------------------- the golden rules


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_future_changes_nothing_that_was_fitted_on_the_past(
    table_of: TableOf, data: st.DataObject
) -> None:
    values: list[Any] = walk(120)
    plain = make(table_of(csv(values)), window=12, normalization="last")
    parts = [windows(part) for part in (plain.train, plain.validation, plain.test)]
    cut = 84  # 120 rows less 12 for validation and 24 for the test
    at = data.draw(st.integers(cut, 119))
    later = list(values)
    later[at] = data.draw(st.sampled_from([0.0, -1e6, 1e9, "", 3.5]))
    changed = make(table_of(csv(later)), window=12, normalization="last")
    own, other = changed.task.to_json(), plain.task.to_json()
    if at < 96:  # the ridge's penalty is chosen on the validation part, and is no preprocessing
        del own["mixture"], other["mixture"]
    assert json.dumps(own) == json.dumps(other)
    for own, other in zip(parts, (changed.train, changed.validation, changed.test), strict=True):
        before = np.flatnonzero(own.origins <= at)  # windows that end before the changed row
        mine, theirs = own.batch(before), other.batch(before)
        np.testing.assert_array_equal(mine["values"], theirs["values"])
        known = own.origins[before, None] + np.arange(10) != at
        np.testing.assert_array_equal(mine["target"][known], theirs["target"][known])
    everything = np.arange(len(plain.train))
    for name, field in plain.train.batch(everything).items():
        np.testing.assert_array_equal(field, changed.train.batch(everything)[name])


def test_targets_lie_inside_their_part_and_every_step_is_scored_at_each_distance(table_of: TableOf) -> None:
    prepared = make(table_of(csv(walk(120))), window=12, horizon=5)
    for part, begin, end in (
        (prepared.train, 12, 84),
        (prepared.validation, 84, 96),
        (prepared.test, 96, 120),
    ):
        own = windows(part)
        known = ~np.isnan(own.batch(np.arange(len(own)))["target"][..., 0])
        steps = (own.origins[:, None] + np.arange(5))[known]
        assert steps.min() == begin
        assert steps.max() == end - 1
    assert (np.bincount(steps)[96:] == 5).all()


def test_the_scaler_of_a_series_is_that_of_its_training_rows(table_of: TableOf) -> None:
    values = walk(100)
    task = make(table_of(csv(values)), window=12).task
    assert isinstance(task, Forecast)
    assert task.scaling.shift[0, 0] == pytest.approx(np.mean(values[:70]))
    assert task.scaling.scale[0, 0] == pytest.approx(np.std(values[:70]))


def test_refit_sees_every_row_with_the_same_preprocessing(table_of: TableOf) -> None:
    prepared = make(table_of(csv(walk(120))), window=12, horizon=5)
    assert prepared.refit is not None
    everything = windows(prepared.refit())
    assert len(everything) == 120 - 12
    assert everything.frame is windows(prepared.train).frame
    batch, some = everything.batch(np.arange(20)), prepared.train.batch(np.arange(20))
    np.testing.assert_array_equal(batch["values"], some["values"])


# ---------------------------------------------------------------------- what comes out


def test_a_silent_network_is_the_naive_forecast(table_of: TableOf) -> None:
    prepared = make(table_of(csv(walk(120))), window=12, horizon=5)
    task = prepared.task
    assert prepared.network.skip == (0,)
    naive = {scores.predictor: scores.values for scores in task.baselines(prepared)}
    assert list(naive) == ["naive", "seasonal naive (7)", "drift"]
    own = task.score(nothing(prepared.test, prepared), prepared.test)
    for name, value in own.items():
        assert value == pytest.approx(naive["naive"][name], rel=1e-5)


def test_baselines_and_metrics_by_hand(table_of: TableOf) -> None:
    values = walk(60)
    prepared = make(table_of(csv(values)), window=6, horizon=2)
    scores = {each.predictor: each.values for each in prepared.task.baselines(prepared)}
    test, train = range(48, 60), values[:42]
    pairs = [(row, step) for row in test for step in (1, 2)]
    scale = np.mean(np.abs(np.diff(train)))
    naive = [abs(values[row] - values[row - step]) for row, step in pairs]
    assert scores["naive"]["mae"] == pytest.approx(np.mean(naive))
    assert scores["naive"]["mase"] == pytest.approx(np.mean(naive) / scale)
    weekly = [abs(values[row] - values[row - 7]) for row, _ in pairs]
    assert scores["seasonal naive (7)"]["mae"] == pytest.approx(np.mean(weekly))
    drift = [
        abs(values[row] - (values[row - step] + step * (values[row - step] - values[0]) / (row - step)))
        for row, step in pairs
    ]
    assert scores["drift"]["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(drift))))


def test_a_season_is_found_and_becomes_horizon_reference_and_mase(table_of: TableOf) -> None:
    months = np.tile([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8.0], 10) + np.arange(120) * 0.2
    prepared = make(table_of(csv(months.tolist(), "2010-01-01", "MS")))
    task = prepared.task
    assert isinstance(task, Forecast)
    assert (task.frame.season, task.frame.horizon) == (12, 12)
    assert task.frame.window in (12, 24)
    assert task.frame.seasonal.all()
    assert task.errors[0, 0] == pytest.approx(12 * 0.2)
    assert any("season 12" in rule for rule in prepared.rules)
    own = task.score(nothing(prepared.test, prepared), prepared.test)
    assert own["mae"] == pytest.approx(2.4, rel=1e-3)  # one year's trend


def test_what_a_recursive_network_reads_again_is_in_the_spread_of_its_inputs(table_of: TableOf) -> None:
    lines = csv(walk(200)).splitlines()
    two = "\n".join(["date,y,x", *(f"{line},{row % 5}" for row, line in enumerate(lines[1:]))])
    plan = Plan("forecast", ("y",), ("x",), time="date")
    spreads = {}
    for decoder in ("recursive", "parallel"):
        task = make(table_of(two), plan, window=12, horizon=2, decoder=decoder).task
        assert isinstance(task, Forecast)
        frame, spreads[decoder] = task.frame, task.frame.value_spread
        assert (frame.target_spread[0] == frame.value_spread[0]) == (decoder == "recursive")
        assert frame.residual == (decoder == "parallel")
    np.testing.assert_array_equal(spreads["recursive"], spreads["parallel"])


def test_validation_decides_how_much_the_network_counts(table_of: TableOf) -> None:
    prepared = make(table_of(csv(walk(300))), window=12, horizon=3)
    validation = windows(prepared.validation)
    truth = np.nan_to_num(validation.batch(np.arange(len(validation)))["target"])
    task = prepared.task
    assert isinstance(task, Forecast)

    def weights(outputs: np.ndarray) -> dict[str, float]:
        mixture = task.calibrate(outputs, validation).mixture
        return dict(zip(mixture.members, mixture.weights[:, 0].tolist(), strict=True))

    assert weights(truth)["network"] == pytest.approx(1, abs=1e-3)
    five = weights(5 * truth)  # too much by five: a fifth of it and the last value are the truth
    assert five["network"] == pytest.approx(0.2, abs=0.02)
    assert sum(five.values()) == pytest.approx(1)
    assert weights(-5 * truth)["naive"] == 1
    useless = task.calibrate(-5 * truth, validation)
    assert not useless.network_counts
    test = noise(prepared.test, prepared)
    naive = task.baselines(prepared)[0].values["mae"]
    assert useless.score(test, prepared.test)["mae"] == pytest.approx(naive, rel=1e-5)
    tables = useless.report([Scores("gru", useless.score(test, prepared.test))], test, prepared.test)
    assert "nothing was better than the last value by more than chance" in tables[0].caption


def test_intervals_are_the_validation_residuals(table_of: TableOf) -> None:
    values = walk(300, seed=3)
    prepared = make(table_of(csv(values)), window=12, horizon=2, interval=(80,))
    validation = prepared.validation
    task = prepared.task.calibrate(nothing(validation, prepared), validation)
    assert isinstance(task, Forecast)
    missed = np.sort([abs(values[row] - values[row - 2]) for row in range(210, 240)])
    examples, context = task.forecast_examples(table_of(csv(values)))
    second = task.forecast_rows(nothing(examples, prepared), context).records()[1]
    radius = missed[int(np.ceil(31 * 0.8)) - 1]
    assert second["forecast"] == pytest.approx(values[-1], rel=1e-5)
    assert second["lo80"] == pytest.approx(values[-1] - radius, rel=1e-4)
    assert second["hi80"] == pytest.approx(values[-1] + radius, rel=1e-4)
    both = [(nothing(part, prepared), part) for part in (validation, prepared.test)]
    wider = np.sort([abs(values[row] - values[row - 2]) for row in range(210, 300)])
    spread = float(task.frame.target_spread[0]) * float(task.scaling.scale[0, 0])
    again = task.recalibrate(both)
    at = again.levels.index(80)
    assert again.radii[at, 1, 0] * spread == pytest.approx(wider[int(np.ceil(91 * 0.8)) - 1], rel=1e-4)


def test_without_validation_the_intervals_come_from_the_reference_on_training_rows(table_of: TableOf) -> None:
    prepared = make(table_of(csv(walk(120))), window=12, validation_share=0.0)
    assert len(prepared.validation) == 0
    task = prepared.task.calibrate(np.empty((0,), dtype=np.float32), prepared.validation)
    assert isinstance(task, Forecast)
    assert (task.radii > 0).all()
    assert np.isnan(task.score(np.empty((0, 10, 1), np.float32), prepared.validation)["mae"])
    empty = make(table_of(csv(walk(120))), window=12, test_share=0.0)
    assert len(empty.task.report([], np.empty((0,), np.float32), empty.test)) == 1


def test_report_has_the_backtest_the_steps_and_the_coverage(table_of: TableOf) -> None:
    prepared = make(table_of(csv(walk(120))), window=12, horizon=3)
    outputs = noise(prepared.test, prepared)
    task = prepared.task.calibrate(noise(prepared.validation, prepared), prepared.validation)
    scores = [Scores("gru", task.score(outputs, prepared.test)), *task.baselines(prepared)]
    backtest, steps, intervals = task.report(scores, outputs, prepared.test)
    assert "24 rows, each forecast 1 to 3 steps ahead" in backtest.title
    names = [column.name for column in backtest.columns]
    assert names == ["forecast", "mae", "rmse", "smape", "mase", "skill"]
    records = backtest.records()
    best = min(row["mae"] for row in records[1:])
    assert [row["skill"] for row in records] == pytest.approx(
        [1 - row["mae"] / best for row in records], abs=1e-6
    )
    assert "skill: the share of mae spared beside " in backtest.caption
    assert len(steps.rows) == 3
    assert np.mean([row["mae"] for row in steps.records()]) == pytest.approx(scores[0].values["mae"])
    assert np.mean([row["naive mae"] for row in steps.records()]) == pytest.approx(scores[1].values["mae"])
    assert [row["interval"] for row in intervals.records()] == [80, 95]
    assert all(0 <= row["covered"] <= 1 for row in intervals.records())


# ---------------------------------------------------------------------- several targets, several series


def test_several_targets_are_forecast_side_by_side(table_of: TableOf) -> None:
    a, b = walk(120), walk(120, 1)
    stamps = pd.date_range("2024-01-01", periods=120)
    text = "date,a,b\n" + "\n".join(
        f"{s:%Y-%m-%d},{x},{1000 * y}" for s, x, y in zip(stamps, a, b, strict=True)
    )
    plan = Plan("forecast", ("a", "b"), time="date")
    prepared = make(table_of(text), plan, window=12, horizon=3)
    assert prepared.network.output_shape == (3, 2)
    task = prepared.task
    assert isinstance(task, Forecast)
    outputs = nothing(prepared.test, prepared)
    targets = task.report([Scores("gru", task.score(outputs, prepared.test))], outputs, prepared.test)[1]
    assert [row["target"] for row in targets.records()] == ["a", "b"]
    assert [row["mae / naive"] for row in targets.records()] == pytest.approx([1, 1], rel=1e-4)
    examples, context = task.forecast_examples(table_of(text))
    rows = task.forecast_rows(nothing(examples, prepared), context).records()
    assert [(row["target"], row["timestamp"]) for row in rows[:2]] == [
        ("a", "2024-04-30"),
        ("b", "2024-04-30"),
    ]
    assert rows[1]["forecast"] == pytest.approx(1000 * b[-1], rel=1e-5)


def test_series_of_other_magnitude_share_one_network(table_of: TableOf) -> None:
    small = walk(120)
    prepared = make(
        table_of(panel_csv({"a": small, "b": [1e6 * value for value in small]})), PANEL, window=12
    )
    train = windows(prepared.train)
    batch = train.batch(np.arange(len(train)))["values"]
    half = len(batch) // 2
    np.testing.assert_allclose(batch[:half], batch[half:], atol=1e-4)


def test_a_dead_and_a_tiny_series_get_their_last_value_and_a_note(table_of: TableOf) -> None:
    series = {"a": walk(120), "flat": [7.0] * 120, "tiny": walk(4), "one": [3.0], "dead": [""] * 120}
    table = table_of(panel_csv(series))
    prepared = make(table, PANEL, window=12, horizon=2)
    assert any("flat" in warning for warning in prepared.warnings)
    assert any("dead" in warning for warning in prepared.warnings)
    task = prepared.task
    assert isinstance(task, Forecast)
    examples, context = task.forecast_examples(table)
    assert len(examples) == 1
    rows = {
        (row["series"], row["timestamp"]): row
        for row in task.forecast_rows(noise(examples, prepared), context).records()
    }
    assert len(rows) == 8
    flat = rows["flat", "2024-04-30"]
    assert (flat["forecast"], flat["lo95"], flat["hi95"]) == (7, 7, 7)
    assert rows["tiny", "2024-01-05"]["forecast"] == pytest.approx(series["tiny"][-1])
    assert rows["tiny", "2024-01-05"]["lo80"] < series["tiny"][-1]
    assert rows["one", "2024-01-02"]["forecast"] == 3
    assert rows["one", "2024-01-02"]["lo80"] is None
    assert any("forecast by their last value" in note for note in context.notes)
    assert any("no forecast" in note for note in context.notes)
    alone = {name: values for name, values in series.items() if name == "one"}
    rest, around = task.forecast_examples(table_of(panel_csv(alone)))
    line = task.next_step_line(task.forecast_rows(np.empty((0,), np.float32), around), around)
    assert len(rest) == 0
    assert line == "Tue 2 Jan: one 3.000"


def test_a_series_unseen_in_training_is_scaled_by_its_own_past(table_of: TableOf) -> None:
    prepared = make(table_of(panel_csv({"a": walk(120), "b": walk(120, 1)})), PANEL, window=12, horizon=2)
    task = prepared.task
    assert isinstance(task, Forecast)
    large = [1e5 * value for value in walk(40, 2)]
    examples, context = task.forecast_examples(table_of(panel_csv({"new": large})))
    values = examples.batch(np.arange(1))["values"]
    expected = (np.array(large[-12:]) - large[-1]) / np.std(large) / float(task.frame.value_spread[0])
    np.testing.assert_allclose(values[0, :, 0], expected, atol=1e-4)
    row = task.forecast_rows(nothing(examples, prepared), context).records()[0]
    assert row["forecast"] == pytest.approx(large[-1], rel=1e-5)
    labelled = task.encode_labelled(table_of(panel_csv({"new": large})))
    assert labelled.note == ""
    assert task.score(nothing(labelled, prepared), labelled)["mase"] > 0


# ---------------------------------------------------------------------- stamps, words, files


def test_future_stamps_skip_weekends_and_the_next_step_is_said(table_of: TableOf) -> None:
    text = csv(walk(200), "2023-01-02", "B")
    prepared = make(table_of(text), window=12, horizon=5)
    task = prepared.task
    assert isinstance(task, Forecast)
    examples, context = task.forecast_examples(table_of(text))
    rows = task.forecast_rows(nothing(examples, prepared), context, [80, 90])
    last = pd.bdate_range("2023-01-02", periods=205)
    assert [row["timestamp"] for row in rows.records()] == [f"{stamp:%Y-%m-%d}" for stamp in last[-5:]]
    assert [column.name for column in rows.columns] == [
        "timestamp",
        "forecast",
        "lo80",
        "hi80",
        "lo90",
        "hi90",
    ]
    line = task.next_step_line(rows, context)
    first = rows.records()[0]
    stamp = last[-5]
    assert line.startswith(f"{stamp:%a} {stamp.day} {stamp:%b}: {first['forecast']:.1f}"[:14])
    assert "80 %: " in line
    assert "–" in line
    assert len(context.history(0, 0, 30)) == 30


def test_a_saved_task_forecasts_the_same(table_of: TableOf) -> None:
    table = table_of(panel_csv({"a": walk(120), "b": walk(120, 1)}))
    prepared = make(table, PANEL, window=12, horizon=4)
    task = prepared.task.calibrate(noise(prepared.validation, prepared), prepared.validation)
    assert isinstance(task, Forecast)
    again = Forecast.from_json(json.loads(json.dumps(task.to_json(), allow_nan=False)))
    rows = []
    for each in (task, again):
        examples, context = each.forecast_examples(table)
        rows.append(each.forecast_rows(noise(examples, prepared), context).rows)
    for one, other in zip(*rows, strict=True):
        assert one[:3] == other[:3]
        assert one[3:] == pytest.approx(other[3:], rel=1e-5)
    assert again.to_json() == task.to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"radii": []},
        {"radii": None},
        {"mixture": {}},
        {"mixture": {"members": ["naive"]}},
        {"levels": [0, 50, 60, 70, 80, 90, 95, 98]},
        {"intervals": [100]},
        {"errors": [[1.0], [1.0]]},
        {"seen": []},
        {"merge": "median"},
        {"missing": "guess"},
        {"naive_season": 0},
        {"calendar": {}},
        {"plan": {}},
        {"frame": {"window": 10**9}},
        {"forms": []},
    ],
)
def test_a_changed_task_is_refused(table_of: TableOf, change: dict[str, Any]) -> None:
    data = make(table_of(csv(walk(100))), window=12).task.to_json()
    with pytest.raises(ModelError):
        Forecast.from_json({**data, **change})


def test_evaluate_scores_the_rows_after_training_and_says_when_there_are_none(table_of: TableOf) -> None:
    values = walk(150)
    prepared = make(table_of(csv(values[:120])), window=12, horizon=3)
    task = prepared.task
    assert isinstance(task, Forecast)
    same = task.encode_labelled(table_of(csv(values[:120])))
    assert "no newer than those that the network learnt from" in same.note
    later = task.encode_labelled(table_of(csv(values)))
    assert later.note == ""
    scored = ~np.isnan(later.batch(np.arange(len(later)))["target"][..., 0])
    assert np.unique((later.origins[:, None] + np.arange(3))[scored]).tolist() == list(range(120, 150))
    held = make(table_of(csv(values[:120])), window=12, horizon=3, refit=False).task
    assert isinstance(held, Forecast)
    back = held.encode_labelled(table_of(csv(values[:120])))
    assert (back.note, len(back)) == ("", len(prepared.test))


def test_a_later_file_that_is_too_short_or_empty_is_refused_with_what_it_needs(table_of: TableOf) -> None:
    task = make(table_of(csv(walk(100))), window=12).task
    assert isinstance(task, Forecast)
    with pytest.raises(DataError, match="5 rows, and the model reads a window of 12") as caught:
        task.encode(table_of(csv(walk(5))))
    assert "at least the last 12 rows" in caught.value.hint
    with pytest.raises(DataError):
        task.encode_labelled(table_of(csv(walk(5))))
    with pytest.raises(DataError, match="column y: not one value"):
        task.encode(table_of(csv([""] * 30)))


def test_validation_and_test_files_follow_the_first(table_of: TableOf) -> None:
    values = walk(160)
    whole = csv(values).splitlines()
    tables = [
        table_of("\n".join([whole[0], *whole[begin:end]]))
        for begin, end in ((1, 101), (101, 131), (131, 161))
    ]
    prepared = Forecast.prepare(Tables(*tables), PLAN, Options.from_flat({"window": 12, "horizon": 3}))
    task = prepared.task
    assert isinstance(task, Forecast)
    assert task.scaling.shift[0, 0] == pytest.approx(np.mean(values[:100]))
    for part, begin, end in ((prepared.validation, 100, 130), (prepared.test, 130, 160)):
        own = windows(part)
        known = ~np.isnan(own.batch(np.arange(len(own)))["target"][..., 0])
        steps = np.unique((own.origins[:, None] + np.arange(3))[known])
        assert (steps.min(), steps.max()) == (begin, end - 1)
    only_test = Forecast.prepare(Tables(tables[0], None, tables[1]), PLAN, Options.from_flat({"window": 12}))
    assert isinstance(only_test.task, Forecast)
    assert only_test.task.scaling.shift[0, 0] == pytest.approx(np.mean(values[:90]))
    with pytest.raises(UsageError, match="--test"):
        Forecast.prepare(Tables(tables[0], tables[1]), PLAN, Options())
    with pytest.raises(DataError, match=r"row 2: \d{4}-\d\d-\d\d is not after the rows"):
        Forecast.prepare(Tables(tables[1], None, tables[0]), PLAN, Options())


# ---------------------------------------------------------------------- choices and refusals


def test_a_window_longer_than_the_series_is_refused_with_the_number_needed(table_of: TableOf) -> None:
    with pytest.raises(DataError, match=r"a window of 60 needs about 100 rows .* there are 50") as caught:
        make(table_of(csv(walk(50))), window=60)
    assert "--window 26 would do" in caught.value.hint
    make(table_of(csv(walk(50))), window=26)
    make(table_of(csv(walk(100))), window=60)


@pytest.mark.parametrize("rows", [2, 3, 5, 8, 11])
def test_a_very_short_series_is_refused_with_the_number_needed(table_of: TableOf, rows: int) -> None:
    with pytest.raises(DataError, match=r"needs|too short"):
        make(
            table_of("t,y\n" + "\n".join(f"{i},{v}" for i, v in enumerate(walk(rows)))),
            Plan("forecast", ("y",), time="t"),
        )


@pytest.mark.parametrize("rows", [13, 16, 21, 30, 47])
def test_a_short_series_is_forecast_with_a_window_that_fits(table_of: TableOf, rows: int) -> None:
    prepared = make(table_of(csv(walk(rows))))
    assert len(prepared.train) >= 8
    assert len(prepared.validation) > 0
    assert len(prepared.test) > 0
    assert prepared.training["window"] <= rows // 4


def test_a_target_that_never_changes_is_refused(table_of: TableOf) -> None:
    with pytest.raises(DataError, match="column y"):
        make(table_of(csv([5] * 100)))
    with pytest.raises(DataError, match="all training rows say the same"):
        make(table_of(csv([5] * 80 + list(range(20)))))


@pytest.mark.parametrize(
    "values",
    [
        [-value for value in walk(100)],
        [1e297 * value for value in walk(100)],
        [1e-200 * value for value in walk(100)],
        [0.0] * 40 + [1.0] * 60,
        np.random.default_rng(0).poisson(0.5, 100).tolist(),
        np.round(np.sin(np.arange(100) * 2 * np.pi / 7), 6).tolist(),
    ],
)
def test_odd_values_end_in_finite_forecasts(table_of: TableOf, values: list[float]) -> None:
    table = table_of(csv([repr(value) for value in values]))
    prepared = make(table, window=12)
    for part in (prepared.train, prepared.validation, prepared.test):
        batch = part.batch(np.arange(len(part)))
        assert np.isfinite(batch["values"]).all()
        assert not np.isinf(batch["target"]).any()
    task = prepared.task.calibrate(noise(prepared.validation, prepared), prepared.validation)
    assert isinstance(task, Forecast)
    outputs = noise(prepared.test, prepared)
    task.report(
        [Scores("gru", task.score(outputs, prepared.test)), *task.baselines(prepared)], outputs, prepared.test
    )
    examples, context = task.forecast_examples(table)
    rows = task.forecast_rows(noise(examples, prepared), context)
    numbers = [cell for row in rows.rows for cell in row if isinstance(cell, float)]
    assert len(numbers) == 5 * len(rows.rows)
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize("missing", ["mask", "interpolate"])
def test_gaps_and_missing_cells_stay_on_the_grid_unscored(table_of: TableOf, missing: str) -> None:
    values: list[Any] = walk(120)
    values[30] = values[100] = ""
    lines = csv(values).splitlines()
    del lines[61]  # the row of step 60
    prepared = make(table_of("\n".join(lines)), window=12, horizon=3, missing=missing)
    train = windows(prepared.train)
    assert train.panel.lengths.tolist() == [120]
    scored = ~np.isnan(train.batch(np.arange(len(train)))["target"][..., 0])
    steps = set((train.origins[:, None] + np.arange(3))[scored].tolist())
    assert steps == set(range(12, 84)) - {30, 60}
    assert any("without a row" in warning for warning in prepared.warnings)
    scaled = train.windows.past["values"][:, 0]
    assert (scaled[30] == scaled[29]) == (missing == "mask")
    with pytest.raises(DataError, match="row 32, column y"):
        make(table_of("\n".join(lines)), missing="error")


def test_more_windows_get_larger_batches_and_fewer_passes(table_of: TableOf) -> None:
    few = make(table_of(csv(walk(100))), window=12).training
    many = make(
        table_of("t,y\n" + "\n".join(f"{i},{v}" for i, v in enumerate(walk(9000)))),
        Plan("forecast", ("y",), time="t"),
        window=12,
    ).training
    assert few["batch_size"] < many["batch_size"]
    assert few["epochs"] > many["epochs"] >= 1
    assert {"learning_rate", "patience", "window", "horizon"} <= set(few)


def test_the_window_is_chosen_on_validation(table_of: TableOf) -> None:
    # y_t = y_{t-40} with a sign: only a window of 40 or more can know.
    rng = np.random.default_rng(0)
    values = rng.normal(size=40).tolist()
    while len(values) < 400:
        values.append(0.98 * values[-40] + rng.normal(0, 0.05))
    prepared = make(
        table_of("t,y\n" + "\n".join(f"{i},{v}" for i, v in enumerate(values))),
        Plan("forecast", ("y",), time="t"),
        horizon=5,
    )
    assert prepared.training["window"] >= 40
    assert any("linear forecast" in rule or "window" in rule for rule in prepared.rules)


@pytest.mark.parametrize(
    ("value", "largest", "words"),
    [
        (127.3948, 129.8, "127.4"),
        (25643711.2, 3e7, "25,643,711"),
        (0.01234567, 0.05, "0.01235"),
        (2.5, 1e15, "2.5"),
        (0.0, 0.0, "0.000"),
        (float("nan"), 1.0, "nan"),
    ],
)
def test_a_number_in_words_has_the_digits_of_the_largest(value: float, largest: float, words: str) -> None:
    assert in_words(value, largest) == words


def test_a_forecast_without_intervals_and_one_without_rows_in_words(table_of: TableOf) -> None:
    table = table_of(csv(walk(100)))
    prepared = make(table, window=12)
    task = prepared.task
    assert isinstance(task, Forecast)
    examples, context = task.forecast_examples(table)
    rows = task.forecast_rows(nothing(examples, prepared), context, [])
    assert [column.name for column in rows.columns] == ["timestamp", "forecast"]
    assert "%" not in task.next_step_line(rows, context)
    assert task.next_step_line(replace(rows, rows=[]), context) == ""


def test_a_panel_without_a_living_series_is_refused(table_of: TableOf) -> None:
    with pytest.raises(DataError, match="too short"):
        make(table_of(panel_csv({name: [float(at)] * 2 for at, name in enumerate("abc")})), PANEL)
