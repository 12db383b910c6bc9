"""Rows behind the last target: set apart from the past, and read as what is known of the future."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.forecasting.ahead import behind_targets, scaled_ahead
from seqcli.tasks.forecasting.derived import indicator_names
from seqcli.tasks.forecasting.fit import Fitted, fit_forecast
from seqcli.tasks.forecasting.later import later_panel
from seqcli.tasks.forecasting.rows import panel_columns
from seqcli.tasks.forecasting.windows import windows_of

TableOf = Callable[..., Table]
START = np.datetime64("2024-01-01")


def lines(past: int, future: int, shop: str = "", told: int | None = None, value: float = 0.0) -> list[str]:
    """Rows of date[, shop], y, plan, other: y and other end after ``past`` days, plan after ``told`` more."""
    rows = []
    for day in range(past + future):
        head = f"{START + day}" + (f",{shop}" if shop else "")
        y, other = (f"{50 + value + day % 7}", f"{day % 5}.5") if day < past else ("", "")
        plan = f"{day % 11 + value}" if told is None or day < past + told else ""
        rows.append(f"{head},{y},{plan},{other}")
    return rows


def one(table_of: TableOf, past: int = 100, future: int = 7, told: int | None = None) -> Table:
    return table_of("date,y,plan,other\n" + "\n".join(lines(past, future, told=told)))


def fitted(table: Table, **flat: object) -> Fitted:
    options = Options.from_flat({"task": "forecast", "target": ["y"], **flat})
    return fit_forecast(Tables(table), make_plan(table, options.columns, options.reading), options)


def test_the_forecast_begins_behind_the_last_target(table_of: TableOf) -> None:
    found = fitted(one(table_of))
    assert found.panel.lengths.tolist() == [100]
    assert found.shape.frame.horizon == 7  # what the rows are made for
    room = found.panel.stamps[100:].astype("datetime64[D]")
    assert room.tolist() == [(START + day).item() for day in range(100, 107)]
    assert found.plan.ahead == ("plan",)
    assert found.plan.features == ("plan", "other")
    assert any(
        "7 rows behind the last known y" in line and "known ahead: plan" in line for line in found.warnings
    )


def test_what_is_known_covers_past_and_room(table_of: TableOf) -> None:
    found = fitted(one(table_of), horizon=5)
    number = panel_columns(found.plan).index("plan")
    known = found.panel.known_ahead(np.array([number]))
    assert known[:, 0].tolist() == [day % 11 for day in range(105)]
    scaled = scaled_ahead(found.panel, found.scaling, panel_columns(found.plan), found.plan.ahead)
    again = scaled[:, 0] * found.scaling.scale[0, number] + found.scaling.shift[0, number]
    np.testing.assert_allclose(again, known[:, 0], atol=1e-4)


def test_a_column_that_ends_ahead_of_the_horizon_is_of_the_past(table_of: TableOf) -> None:
    found = fitted(one(table_of, told=3), horizon=7)
    assert found.plan.ahead == ()
    assert any("plan known for 3 of 7 steps" in line for line in found.warnings)
    assert fitted(one(table_of, told=3)).shape.frame.horizon == 3
    bare = fitted(
        table_of("date,y\n" + "\n".join(f"{START + day},{day % 9 if day < 90 else ''}" for day in range(100)))
    )
    assert bare.panel.lengths.tolist() == [90]
    assert bare.plan.ahead == ()
    assert any("10 rows behind" in line for line in bare.warnings)


def test_each_series_of_a_panel_has_a_future_of_its_own(table_of: TableOf) -> None:
    rows = [*lines(90, 4, "b", value=100), *lines(100, 4, "a"), *lines(60, 0, "c")]
    found = fitted(table_of("date,shop,y,plan,other\n" + "\n".join(rows)), id=["shop"], horizon=4)
    assert found.panel.names == ("b", "a", "c")
    assert found.panel.lengths.tolist() == [90, 100, 60]
    number = panel_columns(found.plan).index("plan")
    known = found.panel.known_ahead(np.array([number]))[:, 0]
    assert known[90:94].tolist() == [day % 11 + 100 for day in range(90, 94)]
    assert known[94 + 100 : 94 + 104].tolist() == [day % 11 for day in range(100, 104)]
    assert np.isnan(known[-4:]).all()
    assert found.plan.ahead == ("plan",)  # c has ended: it does not count


def test_a_later_file_brings_its_own_future_or_a_note(table_of: TableOf) -> None:
    found = fitted(one(table_of), horizon=5)
    how = (None, found.forms)
    for future, told in ((5, True), (2, False), (0, False)):
        table = one(table_of, past=120, future=future)
        panel, said = later_panel(table, found.plan, how, found.calendar, 5)
        assert panel.lengths.tolist() == [120]
        known = panel.known_ahead(np.array([1]))[120:, 0]
        assert np.isfinite(known).sum() == future
        assert [line for line in said if "plan: not known in" in line] == ([] if told else said)
        if not told:
            assert f"{5 - future} of 5 steps" in said[0]
    bare = replace(found.plan, ahead=())
    panel, said = later_panel(one(table_of, past=120, future=3), bare, how, found.calendar, 5)
    assert (panel.lengths.tolist(), said) == ([123], [])  # values that were missed, and no future


def test_a_second_file_tells_the_future_of_both(table_of: TableOf) -> None:
    options = Options.from_flat({"task": "forecast", "target": ["y"], "horizon": 4})
    whole = lines(150, 4)
    head = "date,y,plan,other\n"
    main, validation, test = (
        table_of(head + "\n".join(part)) for part in (whole[:110], whole[110:130], whole[130:])
    )
    found = fit_forecast(
        Tables(main, validation, test), make_plan(main, options.columns, options.reading), options
    )
    assert found.panel.lengths.tolist() == [150]
    assert found.panel.known_ahead(np.array([1]))[150:, 0].tolist() == [day % 11 for day in range(150, 154)]
    assert found.plan.ahead == ("plan",)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_later_cell_changes_what_is_fitted(table_of: TableOf, data: st.DataObject) -> None:
    rows = [line.split(",") for line in lines(120, 7)]
    head = "date,y,plan,other\n"
    chosen = {"window": 10, "normalization": "last"}  # else by validation, as the ridge's penalty is
    options = Options.from_flat({"task": "forecast", "target": ["y"], "indicators": True, **chosen})

    def saved() -> str:
        table = table_of(head + "\n".join(map(",".join, rows)))
        plan = make_plan(table, options.columns, options.reading)
        task = Forecast.prepare(Tables(table), plan, options).task.to_json()
        del task["mixture"]  # the penalty of its ridge is chosen on the validation part
        return json.dumps(task)

    before = saved()
    at, column = data.draw(st.integers(84, 118)), data.draw(st.integers(1, 3))
    rows[at][column] = data.draw(st.sampled_from(["0", "-1e6", "1e9", "", "3.5"]))
    assert saved() == before


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_behind_is_what_no_target_follows(rows: list[tuple[int, bool]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    series = np.array([row[0] for row in rows], dtype=np.int64)
    known = np.array([row[1] for row in rows], dtype=bool)
    expected = [
        bool(known[series == series[at]].any() and not known[at:][series[at:] == series[at]].any())
        for at in range(len(rows))
    ]
    assert behind_targets(series, known).tolist() == expected


def test_indicators_are_columns_of_each_target_and_come_again_in_a_later_file(table_of: TableOf) -> None:
    days = "\n".join(f"{START + day},{50 + day * day % 13},{day % 11},{day % 5}" for day in range(150))
    table = table_of("date,y,plan,other\n" + days)
    options = Options.from_flat(
        {"task": "forecast", "target": ["y"], "horizon": 3, "window": 10, "indicators": True}
    )
    prepared = Forecast.prepare(Tables(table), make_plan(table, options.columns, options.reading), options)
    task = Forecast.from_json(json.loads(json.dumps(prepared.task.to_json())))
    plan = task.plan
    assert plan.indicators == indicator_names(Plan("forecast", ("y",)))
    assert panel_columns(plan) == ("y", "plan", "other", *plan.indicators)
    panel, _ = later_panel(table, plan, (None, task.forms), task.calendar, 3)
    y = panel.series(0)[:, 0]
    average = panel.series(0)[:, panel_columns(plan).index("y average 5")]
    np.testing.assert_allclose(average[10:], [y[at - 4 : at + 1].mean() for at in range(10, 150)])
    assert np.isnan(panel.values[150:]).all()
    short = Table.from_records(
        "s.csv", ("date", "y"), [(f"{START + day}", "5") for day in range(40)], range(40)
    )
    later = later_panel(short, plan, (None, task.forms), task.calendar, 3)[0]
    assert later.series(0)[-1, 3:].tolist() == [0, 5, 5, 50, 0]


def test_missing_error_looks_at_the_files_own_columns(table_of: TableOf) -> None:
    table = table_of("date,y\n" + "\n".join(f"{START + day},{50 + day % 7}" for day in range(80)))
    assert fitted(table, missing="error", indicators=True).plan.indicators != ()


def test_a_network_is_told_what_is_known_ahead_and_what_is_said_of_each_series(table_of: TableOf) -> None:
    head = "date,shop,size,y,plan\n"
    text = head + "\n".join(
        f"{START + day},{shop},{size},{'' if day >= 100 else day % 9 + size},{(day * size) % 11}"
        for shop, size in (("a", 1), ("b", 3))
        for day in range(105)
    )
    options = Options.from_flat({"task": "forecast", "window": 14, "segment": 7, "id": ["shop"]})
    table = table_of(text)
    prepared = Forecast.prepare(Tables(table), make_plan(table, options.columns, options.reading), options)
    task, train = prepared.task, windows_of(prepared.train)
    assert isinstance(task, Forecast)
    assert (task.plan.ahead, task.plan.static) == (("plan",), ("size",))
    batch = train.batch(np.array([0, len(train) - 1]))
    calendar = train.panel.calendar_features.shape[1]
    assert batch["ahead"].shape == (2, 5, calendar + 2)
    number = panel_columns(task.plan).index("plan")
    for row, (start, size) in enumerate(zip(train.windows.starts[[0, -1]], (1, 3), strict=True)):
        shift, scale = (part[row, number] for part in (task.scaling.shift, task.scaling.scale))
        day = start + 14 - train.panel.offsets[row]
        told = [((day + step) * size % 11 - shift) / scale for step in range(5)]
        np.testing.assert_allclose(batch["ahead"][row, :, calendar], told, atol=1e-5)
        np.testing.assert_allclose(
            batch["ahead"][row, :, calendar + 1], size - 2, atol=1e-6
        )  # mean 2, spread 1
    examples, _ = task.forecast_examples(table)
    again = Forecast.from_json(json.loads(json.dumps(task.to_json()))).with_arrays(task.arrays())
    np.testing.assert_array_equal(
        again.forecast_examples(table)[0].batch(np.arange(2))["ahead"], examples.batch(np.arange(2))["ahead"]
    )
    changed = table_of(text.replace(f"{START + 104},b,3,,{312 % 11}", f"{START + 104},b,3,,10"))
    other = task.forecast_examples(changed)[0].batch(np.arange(2))["ahead"]
    assert np.argwhere(other != examples.batch(np.arange(2))["ahead"]).tolist() == [[1, 4, calendar]]
