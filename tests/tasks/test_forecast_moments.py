"""What is said about the time of generated rows, and the stamps that follow them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from seqcli.errors import DataError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.forecasting.fit import Fitted, fit_forecast
from seqcli.tasks.forecasting.moments import last_written
from seqcli.tasks.forecasting.rows import read_later_rows

TableOf = Callable[..., Table]
FULL, CLOCK = "%Y-%m-%d", "%Y-%m-%d %H:%M"


def fitted(table_of: TableOf, stamps: Sequence[str], **options: object) -> Fitted:
    values = 100 + np.random.default_rng(0).normal(size=len(stamps)).cumsum()
    table = table_of("date,y\n" + "\n".join(f"{at},{y:.3f}" for at, y in zip(stamps, values, strict=True)))
    chosen = Options.from_flat({"task": "forecast", "horizon": 2, **options})
    return fit_forecast(Tables(table), make_plan(table, chosen.columns, chosen.reading), chosen)


def dates(start: str, count: int, freq: str, form: str = FULL, zone: str | None = None) -> list[str]:
    """Moments in a form, of a ``zone``'s clock where one is given; "iso" writes the offset."""
    found = pd.date_range(start, periods=count, freq=freq, tz="UTC" if zone else None)
    found = found.tz_convert(zone) if zone else found
    return [stamp.isoformat() if form == "iso" else stamp.strftime(form) for stamp in found]


def following(found: Fitted) -> list[str]:
    """The stamps of the steps to be forecast of the first series."""
    first = int(found.panel.offsets[0] + found.panel.lengths[0])
    return [found.calendar.iso(stamp) for stamp in found.panel.stamps[first : first + 2]]


def said(found: Fitted, words: str) -> list[str]:
    return [line for line in found.warnings if re.search(words, line)]


@pytest.mark.parametrize(
    ("stamps", "frequency", "after"),
    [
        (dates("2022-01-03", 200, "B"), "business days", ["2022-10-10", "2022-10-11"]),
        (dates("2015-01-31", 60, "ME"), "last day of the month", ["2020-01-31", "2020-02-29"]),
        (dates("2000-03-31", 60, "QE"), "quarterly", ["2015-03-31", "2015-06-30"]),
        (dates("2015-01-31", 60, "BME"), "last weekday of the month", ["2020-02-28", "2020-03-31"]),
        (dates("2022-01-03", 200, "30min", CLOCK), "30 minutes", ["2022-01-07 04:00", "2022-01-07 04:30"]),
        (dates("2022-01-03", 200, "15min", CLOCK), "15 minutes", ["2022-01-05 02:00", "2022-01-05 02:15"]),
        (dates("2022-01-03", 200, "D")[::-1], "daily", ["2022-07-22", "2022-07-23"]),
    ],
)
def test_usual_calendars_need_no_word(
    table_of: TableOf, stamps: list[str], frequency: str, after: list[str]
) -> None:
    found = fitted(table_of, stamps)
    assert frequency in found.calendar.describe()
    assert following(found) == after
    assert found.warnings == (["the rows were newest first: sorted by date"] if stamps[0] > stamps[1] else [])


def test_trading_days_with_learned_holidays(table_of: TableOf) -> None:
    from pandas.tseries.holiday import USFederalHolidayCalendar
    from pandas.tseries.offsets import CustomBusinessDay

    days = pd.date_range(
        "2019-01-02", periods=1250, freq=CustomBusinessDay(calendar=USFederalHolidayCalendar())
    )
    found = fitted(table_of, list(days.strftime(FULL)))
    assert "holidays a year learned" in found.calendar.describe()
    assert said(found, "without a row") == []


def test_stamps_on_no_grid_are_steps_and_that_is_said(table_of: TableOf) -> None:
    late = np.random.default_rng(1).exponential(3600, size=200).cumsum().round()
    stamps = (pd.Timestamp("2022-01-03") + pd.to_timedelta(late, unit="s")).strftime("%Y-%m-%d %H:%M:%S")
    found = fitted(table_of, list(stamps))
    assert len(said(found, "lie on no grid")) == 1
    assert found.panel.lengths.tolist() == [200]


def test_gaps_are_counted_and_duplicates_refused(table_of: TableOf) -> None:
    days = dates("2022-01-03", 200, "D")
    found = fitted(table_of, days[:50] + days[55:120] + days[121:])
    assert said(found, "^6 steps of the calendar") != []
    with pytest.raises(DataError, match="row 52, column date") as caught:
        fitted(table_of, days[:50] + days[49:])
    assert "--aggregate" in caught.value.hint


def test_offsets_through_summer_time_make_a_grid_in_utc(table_of: TableOf) -> None:
    found = fitted(table_of, dates("2024-03-25", 300, "h", "iso", "Europe/Berlin"))
    assert found.calendar.describe() == "hourly"
    assert said(found, "without a row|not there|twice") == []
    last = pd.Timestamp("2024-03-25", tz="UTC") + pd.Timedelta(hours=300)
    assert pd.Timestamp(following(found)[0]) == last
    assert following(found)[0].endswith("+02:00")
    assert len(said(found, r"forecasts are stamped \+02:00")) == 1


def test_midnights_with_offsets_are_days_of_a_local_calendar(table_of: TableOf) -> None:
    stamps = [at.isoformat() for at in pd.date_range("2024-01-10", periods=299, freq="D", tz="Europe/Berlin")]
    found = fitted(table_of, stamps)
    assert found.calendar.describe() == "daily"
    assert following(found)[0].startswith("2024-11-04T00:00")
    assert said(found, "read as local time") != []
    fixed = fitted(table_of, dates("2024-01-10", 200, "h", "iso", "Asia/Kolkata"))
    assert following(fixed)[0] == "2024-01-18T13:30:00+05:30"


@pytest.mark.parametrize("freq", ["h", "15min"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_an_hour_that_comes_twice_is_averaged_and_said(
    table_of: TableOf, freq: str, newest_first: bool
) -> None:
    stamps = dates("2024-10-20", 1200, freq, CLOCK, "Europe/Berlin")
    stamps = stamps[::-1] if newest_first else stamps
    twice = [at for at, stamp in enumerate(stamps) if stamp == "2024-10-27 02:00"]
    assert len(twice) == 2
    found = fitted(table_of, stamps)
    assert len(said(found, "the hour from 2024-10-27 02:00 comes twice")) == 1
    values = 100 + np.random.default_rng(0).normal(size=len(stamps)).cumsum()
    at = np.flatnonzero(found.panel.stamps == np.datetime64("2024-10-27T02:00"))
    assert found.panel.values[at, 0].tolist() == pytest.approx([values[twice].mean()], abs=1e-3)
    assert said(found, "without a row") == []


def test_an_hour_that_comes_twice_in_each_series_of_a_panel(table_of: TableOf) -> None:
    stamps = dates("2024-10-20", 400, "h", CLOCK, "Europe/Berlin")
    lines = [f"{at},{shop},{n % 24 + k}.5" for n, at in enumerate(stamps) for k, shop in enumerate("ab")]
    table = table_of("date,shop,y\n" + "\n".join(lines))
    options = Options.from_flat({"horizon": 2})
    plan = make_plan(table, options.columns, options.reading)
    assert (plan.task, plan.id) == ("forecast", ("shop",))
    found = fit_forecast(Tables(table), plan, options)
    assert found.panel.lengths.tolist() == [399, 399]
    rows, sentences = read_later_rows(table, plan, None, found.forms)
    assert rows.lengths.tolist() == [399, 399]
    assert any("comes twice" in line for line in sentences)


def test_an_hour_that_comes_twice_where_series_cover_other_times(table_of: TableOf) -> None:
    stamps = dates("2024-10-20", 600, "h", CLOCK, "Europe/Berlin")
    spans = {"a": stamps, "b": stamps[100:], "c": stamps[:190]}
    lines = [f"{at},{shop},{n % 24}.5" for shop, own in spans.items() for n, at in enumerate(own)]
    table = table_of("date,shop,y\n" + "\n".join(lines))
    options = Options.from_flat({"horizon": 2})
    plan = make_plan(table, options.columns, options.reading)
    assert plan.id == ("shop",)
    assert fit_forecast(Tables(table), plan, options).panel.lengths.tolist() == [599, 499, 189]


def test_a_test_file_is_read_in_the_order_of_day_and_month_of_the_training_file(table_of: TableOf) -> None:
    days = pd.date_range("2024-01-01", periods=110, freq="D")
    lines = [f"{day:%d/%m/%Y},{50 + at * at % 13}" for at, day in enumerate(days)]
    main, rest, test = (
        table_of("date,y\n" + "\n".join(own)) for own in (lines[:91], lines[91:100], lines[100:])
    )
    options = Options.from_flat({"task": "forecast", "horizon": 2})  # 01/04/2024 to 09/04/2024 say nothing
    found = fit_forecast(Tables(main, rest, test), make_plan(main, options.columns, options.reading), options)
    assert found.panel.lengths.tolist() == [110]
    assert np.isnan(found.panel.values[:110]).sum() == 0


def test_an_hour_that_is_not_there_is_no_other_gap(table_of: TableOf) -> None:
    stamps = dates("2024-03-20", 600, "h", CLOCK, "Europe/Berlin")
    found = fitted(table_of, stamps)
    assert len(said(found, "the hour from 2024-03-31 02:00 is not there")) == 1
    assert said(found, "without a row") == []
    holed = fitted(table_of, stamps[:100] + stamps[102:])
    assert len(said(holed, "^2 steps of the calendar")) == 1


def test_a_change_of_frequency_is_said_with_its_date(table_of: TableOf) -> None:
    found = fitted(table_of, dates("2022-01-03", 200, "D") + dates("2022-07-25", 60, "7D"))
    assert len(said(found, "1 day apart up to 2022-07-21 and 1 week apart behind it")) == 1
    finer = dates("2022-01-03", 300, "h", CLOCK) + dates("2022-01-15 12:00", 800, "15min", CLOCK)
    assert len(said(fitted(table_of, finer), "1 hour apart up to 2022-01-15 12:00 and 15 minutes apart")) == 1


def test_the_latest_cell_shows_how_stamps_are_written(table_of: TableOf) -> None:
    table = table_of("date,y\n2024-01-03,1\n2024-01-01,2\nnever,3\n2024-01-02,2\n" + "2024-01-02,2\n" * 200)
    assert last_written(table, "date") == "2024-01-03"
    assert last_written(table, None) == ""


def test_a_month_that_is_not_there_is_no_turned_clock(table_of) -> None:
    months = dates("1962-01-01", 156, "MS")
    for at in (40, 20):
        del months[at]
    found = fitted(table_of, months)
    assert said(found, "clocks") == []
    assert said(found, r"^2 steps of the calendar \(monthly") != []
