from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.tseries.holiday import USFederalHolidayCalendar

from seqcli.errors import ModelError
from seqcli.preprocessing.calendar import Calendar
from seqcli.preprocessing.frequency import ascending


def stamps(values):
    return np.asarray(values).astype("datetime64[us]")


def weekdays(names):
    return pd.offsets.CustomBusinessDay(weekmask=names)


GRIDS = {
    "h": ("hourly", (24, 168)),
    "30min": ("every 30 minutes", (48, 336)),
    "15min": ("every 15 minutes", (96, 672)),
    "min": ("every minute", (1440, 10080)),
    "10s": ("every 10 seconds", (8640,)),
    "s": ("every second", ()),
    "250ms": ("every 0.25 seconds", ()),
    "7min": ("every 7 minutes", ()),
    "6h": ("every 6 hours", (4, 28)),
    "D": ("daily", (7, 365)),
    "2D": ("every 2 days", ()),
    "10D": ("every 10 days", ()),
    "B": ("business days (Mon–Fri)", (5, 261)),
    "Sun Mon Tue Wed Thu": ("business days (Sun–Thu)", (5, 261)),
    "Mon Tue Wed Thu Fri Sat": ("business days (Mon–Sat)", (6, 313)),
    "Mon Wed Fri": ("business days (Mon, Wed, Fri)", (3, 157)),
    "W-SUN": ("weekly", (52,)),
    "W-WED": ("weekly", (52,)),
    "2W-MON": ("every 2 weeks", ()),
    "4W-MON": ("every 4 weeks", ()),
    "MS": ("monthly, first day of the month", (12,)),
    "ME": ("monthly, last day of the month", (12,)),
    "BME": ("monthly, last weekday of the month", (12,)),
    "BMS": ("monthly, first weekday of the month", (12,)),
    "WOM-3FRI": ("monthly, third Fri of the month", (12,)),
    "2MS": ("every 2 months, first day of the month", (6,)),
    "QS": ("quarterly, first day of the month", (4,)),
    "QE-NOV": ("quarterly, last day of the month", (4,)),
    "6MS": ("half-yearly, first day of the month", (2,)),
    "YS": ("yearly, first day of the month", ()),
    "YE": ("yearly, last day of the month", ()),
}


@pytest.mark.parametrize("rows", [30, 200])
@pytest.mark.parametrize("start", ["2011-01-15 00:00", "2020-02-28 08:30"])
@pytest.mark.parametrize("frequency", GRIDS)
def test_goes_on_as_pandas_does(frequency, start, rows):
    offset = weekdays(frequency) if " " in frequency else frequency
    dates = stamps(pd.date_range(start, periods=rows + 40, freq=offset).values)
    calendar = Calendar.fit(dates[:rows])
    assert calendar.next(dates[rows - 1], 40).tolist() == dates[rows:].tolist()
    assert len(calendar.gaps(dates[:rows])) == 0
    words, seasons = GRIDS[frequency]
    assert calendar.describe() == words
    assert calendar.seasons == seasons
    assert calendar.season == (seasons[0] if seasons else None)
    assert Calendar.from_json(json.loads(json.dumps(calendar.to_json()))) == calendar


@pytest.mark.parametrize("frequency", ["h", "10min", "D", "W", "MS", "ME", "QS"])
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), missing=st.sampled_from([0.02, 0.1, 0.25]))
@example(seed=630, missing=0.1)  # one hour is missing on most of its days
def test_missing_rows_are_found_as_gaps(frequency, seed, missing):
    dates = stamps(pd.date_range("2003-02-01", periods=240, freq=frequency).values)
    kept = np.random.default_rng(seed).random(200) >= missing
    kept[[0, 199]] = True
    calendar = Calendar.fit(dates[:200][kept])
    assert calendar.gaps(dates[:200][kept]).tolist() == dates[:200][~kept].tolist()
    assert calendar.next(dates[199], 40).tolist() == dates[200:].tolist()


def test_month_ends_are_not_the_thirty_first():
    calendar = Calendar.fit(stamps(pd.date_range("2018-01-31", periods=12, freq="ME").values))
    found = [str(day)[:10] for day in calendar.next(np.datetime64("2019-01-31"), 3)]
    assert found == ["2019-02-28", "2019-03-31", "2019-04-30"]
    thirtieth = stamps([f"2019-{month:02d}-{28 if month == 2 else 30}" for month in range(1, 13)])
    found = Calendar.fit(thirtieth).next(np.datetime64("2019-12-30"), 3)
    assert [str(day)[:10] for day in found] == ["2020-01-30", "2020-02-29", "2020-03-30"]
    fifteenth = stamps([f"2019-{month:02d}-15" for month in range(1, 13)])
    assert str(Calendar.fit(fifteenth).next(np.datetime64("2019-12-15"), 1)[0])[:10] == "2020-01-15"


def sessions(days, first, last, step):
    bars = [
        pd.date_range(day + pd.Timedelta(first), day + pd.Timedelta(last), freq=step).values for day in days
    ]
    return stamps(np.concatenate(bars))


def test_opening_hours_and_weekends_are_skipped():
    days = pd.bdate_range("2021-01-04", periods=60)
    bars = sessions(days, "9h30min", "15h55min", "5min")
    for rows in (500, 4000):
        calendar = Calendar.fit(bars[:rows])
        assert calendar.next(bars[rows - 1], 200).tolist() == bars[rows : rows + 200].tolist()
        assert calendar.describe() == "every 5 minutes on Mon–Fri, in opening hours"
        assert calendar.seasons == (78, 390)
        assert len(calendar.gaps(bars[:rows])) == 0
    holes = np.delete(bars[:4000], [100, 101, 2000])
    assert Calendar.fit(holes).gaps(holes).tolist() == bars[[100, 101, 2000]].tolist()


def test_a_closing_bar_off_the_hour_is_kept():
    days = pd.bdate_range("2021-01-04", periods=40)
    hours = sessions(days, "9h30min", "15h30min", "h")
    bars = np.sort(np.concatenate([hours, stamps((days + pd.Timedelta("16h")).values)]))
    calendar = Calendar.fit(bars[:200])
    assert calendar.next(bars[199], 100).tolist() == bars[200:300].tolist()


def test_a_week_that_opens_on_sunday_evening():
    hours = pd.date_range("2021-01-03", "2021-06-01", freq="h")
    closed = (hours.day_of_week == 5) | ((hours.day_of_week == 4) & (hours.hour >= 22))
    closed |= (hours.day_of_week == 6) & (hours.hour < 22)
    traded = stamps(hours[~closed].values)
    calendar = Calendar.fit(traded[:2000])
    assert calendar.next(traded[1999], 300).tolist() == traded[2000:2300].tolist()


def test_two_readings_a_day():
    days = pd.date_range("2021-01-01", periods=60)
    readings = stamps(
        np.sort(np.concatenate([(days + pd.Timedelta(hours)).values for hours in ("8h", "18h")]))
    )
    calendar = Calendar.fit(readings[:80])
    assert calendar.next(readings[79], 40).tolist() == readings[80:].tolist()
    assert calendar.season == 2


def test_trading_days_skip_the_holidays_they_show():
    rules = USFederalHolidayCalendar().holidays("2012-01-01", "2020-12-31")
    days = pd.bdate_range("2012-01-02", "2020-12-31")
    days = stamps(days[~days.isin(rules)].values)
    known = days[days < np.datetime64("2019-11-20")]
    calendar = Calendar.fit(known)
    assert calendar.next(known[-1], 60).tolist() == days[len(known) :][:60].tolist()
    assert "10 holidays a year learned" in calendar.describe()
    assert calendar.seasons == (5, 251)
    assert len(calendar.gaps(known)) == 0
    tickers = [days[300:1200], days[100:700], days[: len(known)]]
    assert Calendar.fit(tickers) == calendar


def test_a_daily_shop_is_closed_at_christmas_and_that_is_no_gap():
    days = pd.date_range("2014-01-01", "2018-12-01")
    christmas = (days.month == 12) & (days.day == 25)
    shop = stamps(days[~christmas & ~((days.year == 2016) & (days.month == 5) & (days.day == 3))].values)
    calendar = Calendar.fit(shop)
    assert [str(day)[:10] for day in calendar.gaps(shop)] == ["2016-05-03"]
    assert "2018-12-25" not in {str(day)[:10] for day in calendar.next(shop[-1], 40)}


def test_daylight_saving_hours_are_days_still():
    local = pd.date_range("2020-01-01", periods=700, freq="D", tz="Europe/Berlin")
    utc = stamps(local.tz_convert("UTC").tz_localize(None).values)
    calendar = Calendar.fit(utc)
    assert calendar.describe() == "daily"
    assert (np.abs(np.diff(calendar.next(utc[-1], 10)) - np.timedelta64(1, "D")) == np.timedelta64(0)).all()


def test_a_last_row_written_during_the_day_is_that_day():
    days = stamps(pd.bdate_range("2021-01-01", periods=300).values)
    late = days.copy()
    late[-1] += np.timedelta64(14, "h")
    calendar = Calendar.fit(late)
    assert calendar.next(late[-1], 3).tolist() == Calendar.fit(days).next(days[-1], 3).tolist()


def test_clocks_that_wander_and_dates_without_order_go_on_by_the_median():
    rng = np.random.default_rng(0)
    ticks = stamps("2021-01-01") + (np.arange(500) * 10_000_000 + rng.integers(0, 200_000, 500)).astype(
        "m8[us]"
    )
    calendar = Calendar.fit(ticks)
    assert calendar.describe() == "irregular, about 10 seconds apart"
    assert np.diff(calendar.next(ticks[-1], 3)).astype(int).tolist() == [10_000_000] * 2
    events = np.unique(stamps("2015-01-01") + rng.integers(0, 3000, 250).astype("m8[D]"))
    calendar = Calendar.fit(events)
    ahead = calendar.next(events[-1], 3)
    assert [calendar.iso(day) for day in ahead] == [str(day)[:10] for day in ahead]
    assert calendar.season is None
    assert len(calendar.gaps(events)) == 0


def test_numbered_rows_and_few_rows():
    calendar = Calendar.fit(np.arange(10))
    assert calendar.next(9, 3).tolist() == [10, 11, 12]
    assert calendar.iso(10) == calendar.label(np.int64(10)) == "10"
    assert calendar.describe() == "numbered rows"
    assert calendar.gaps(np.array([0, 1, 4])).tolist() == [2, 3]
    assert calendar.features(np.arange(4)).shape == (4, 0)
    assert (calendar.season, calendar.seasons) == (None, ())
    halves = Calendar.fit(np.arange(10) / 2)
    assert halves.next(4.5, 2).tolist() == [5.0, 5.5]
    assert halves.iso(5.5) == "5.5"
    assert halves.describe() == "numbered rows, 0.5 apart"
    assert Calendar.fit([]).next(3, 1).tolist() == [4]
    one = Calendar.fit(stamps(["2021-03-05"]))
    assert str(one.next(np.datetime64("2021-03-05"), 1)[0])[:10] == "2021-03-06"
    assert Calendar.from_json(json.loads(json.dumps(halves.to_json()))) == halves


def test_long_holes_are_breaks_not_gaps():
    hours = stamps(pd.date_range("2020-01-01", periods=2000, freq="h").values)
    broken = np.concatenate([hours[:500], hours[1500:]])
    assert len(Calendar.fit(broken).gaps(broken)) == 0
    seconds = stamps("2020-01-01") + np.cumsum([1, 1, 1, 90] * 500).astype("m8[s]")
    assert len(Calendar.fit(seconds).gaps(seconds)) <= 4 * len(seconds)


@pytest.mark.parametrize(
    ("first", "frequency", "written", "iso", "label"),
    [
        ("2012-03-06", "B", "03/06/2012", "2012-03-06", "Tue 6 Mar"),
        ("2012-03-01", "MS", "2012-03", "2012-03", "Mar 2012"),
        ("2012-03-01", "MS", "Mar 2012", "2012-03", "Mar 2012"),
        ("2012-03-01", "MS", "2012-03-01", "2012-03-01", "Mar 2012"),
        ("2012-03-31", "ME", "2012-03-31", "2012-03-31", "31 Mar 2012"),
        ("2012-04-01", "QS", "2012 Q2", "2012 Q2", "Q2 2012"),
        ("2012-01-01", "YS", "2012", "2012", "2012"),
        ("2012-03-06 14:30", "30min", "2012-03-06 14:30", "2012-03-06 14:30", "Tue 6 Mar 14:30"),
        ("2012-03-06 14:00", "h", "2012-03-06T14:00:00", "2012-03-06T14:00:00", "Tue 6 Mar 14:00"),
        (
            "2012-03-06 14:00",
            "h",
            "2012-03-06T15:00:00+01:00",
            "2012-03-06T15:00:00+01:00",
            "Tue 6 Mar 15:00",
        ),
        ("2012-03-06 14:00:05", "10s", "", "2012-03-06 14:00:05", "Tue 6 Mar 14:00:05"),
        ("2012-03-06 14:00:00.5", "500ms", "", "2012-03-06 14:00:00.500000", "Tue 6 Mar 14:00:00"),
        ("2012-03-06", "D", "2012-03-06 00:00:00", "2012-03-06 00:00:00", "Tue 6 Mar"),
    ],
)
def test_stamps_are_written_as_the_file_writes_its_own(first, frequency, written, iso, label):
    dates = stamps(pd.date_range(first, periods=60, freq=frequency).values)
    calendar = Calendar.fit(dates, written)
    assert calendar.iso(dates[0]) == iso
    assert calendar.label(dates[0]) == label


def test_features_are_the_sines_of_their_cycles():
    hours = pd.date_range("2019-01-01", periods=24 * 800, freq="h")
    calendar = Calendar.fit(stamps(hours.values))
    assert calendar.cycles == ("day", "week", "year")
    features = calendar.features(stamps(hours.values))
    assert features.shape == (len(hours), 6)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[:, 0], np.sin(2 * np.pi * hours.hour / 24), atol=1e-6)
    week = (hours.day_of_week * 24 + hours.hour) / 168
    np.testing.assert_allclose(features[:, 3], np.cos(2 * np.pi * week), atol=1e-6)
    year = ((hours.day_of_year - 1) * 24 + hours.hour) / (24 * 365.2425)
    np.testing.assert_allclose(features[:, 4], np.sin(2 * np.pi * year), atol=1e-6)


def test_months_turn_once_a_year_and_short_files_have_no_year():
    months = stamps(pd.date_range("2001-01-31", periods=48, freq="ME").values)
    calendar = Calendar.fit(months)
    features = calendar.features(months)
    np.testing.assert_allclose(features[:, 0], np.sin(2 * np.pi * (np.arange(48) % 12) / 12), atol=1e-6)
    assert Calendar.fit(months[:12]).cycles == ()
    days = stamps(pd.bdate_range("2001-01-01", periods=100).values)
    assert Calendar.fit(days).cycles == ("week",)


def corrupt(data, key, value):
    return {**data, key: value}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "calendar.v9"),
        ("unit", "lunar"),
        ("count", 0),
        ("count", -1),
        ("count", 1.5),
        ("count", "1"),
        ("count", 10**40),
        ("phase", 10**40),
        ("phase", "x"),
        ("anchor", ["date", 40, 0]),
        ("anchor", ["weekday", 1, 9]),
        ("anchor", ["never", 1, 0]),
        ("anchor", [1]),
        ("week", [[0, 0]]),
        ("week", [[5]]),
        ("week", [["a", "b"]]),
        ("week", 3),
        ("holidays", [["date", 1, 1]]),
        ("holidays", 3),
        ("cycles", 5),
        ("writing", ["poem", " ", ""]),
        ("writing", ["date", "%", ""]),
        ("writing", ["date", " ", "", ""]),
    ],
)
def test_a_mutated_calendar_is_a_model_error(key, value):
    data = Calendar.fit(stamps(pd.bdate_range("2021-01-01", periods=300).values)).to_json()
    with pytest.raises(ModelError):
        Calendar.from_json(corrupt(data, key, value))
    with pytest.raises(ModelError):
        Calendar.from_json({name: item for name, item in data.items() if name != key})
    with pytest.raises(ModelError):
        Calendar.from_json(None)


def test_a_calendar_that_names_every_day_a_holiday_still_goes_on():
    data = Calendar.fit(stamps(pd.bdate_range("2021-01-01", periods=300).values)).to_json()
    data["holidays"] = [["date", month, day, 0, [0] * 7] for month in range(1, 13) for day in range(1, 32)]
    ahead = Calendar.from_json(data).next(np.datetime64("2022-02-24"), 25)
    assert len(ahead) == 25
    assert (np.diff(ahead) > np.timedelta64(0)).all()


@settings(deadline=None, max_examples=80)
@given(
    st.sets(st.integers(0, 3_000_000), min_size=1, max_size=60), st.integers(1, 20), st.sampled_from("smhD")
)
@example({0, 36_556}, 1, "D")  # 1,201 months apart
def test_any_stamps_go_on_into_the_future(numbers, ahead, unit):
    dates = np.sort(np.array([np.datetime64(number % 40_000, unit) for number in numbers])).astype("M8[us]")
    calendar = Calendar.fit(dates)
    found = calendar.next(dates[-1], ahead)
    assert len(found) == ahead
    assert found[0] > np.unique(dates)[-1]
    assert (np.diff(found) > np.timedelta64(0)).all()
    gaps = calendar.gaps(dates)
    assert not np.isin(gaps, dates).any()
    assert np.isfinite(calendar.features(found)).all()
    assert Calendar.from_json(json.loads(json.dumps(calendar.to_json()))) == calendar
    for stamp in found:
        assert calendar.iso(stamp)
        assert calendar.label(stamp)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 0, 1, 2, 3, 3], [3, 1, 2, 0, 1], [2], []])
def test_stamps_are_put_in_order_and_repeats_dropped(order):
    values = np.array(order, dtype=np.int64)
    assert ascending(values).tolist() == sorted(set(order))
    assert ascending(values.astype("M8[us]")).tolist() == np.unique(values.astype("M8[us]")).tolist()


@pytest.mark.parametrize(
    ("step", "window", "kept"),
    [
        ("1h", 47, ("day", "week", "year")),
        ("1h", 48, ("week", "year")),  # two days
        ("1h", 335, ("week", "year")),
        ("1h", 336, ("year",)),  # two weeks
        ("15min", 192, ("week", "year")),
        ("1D", 13, ("week", "year")),
        ("1D", 14, ("year",)),
        ("1D", 730, ()),
        ("MS", 24, ("year",)),  # months are taken as 30 days: two whole years are 25 of them
        ("MS", 25, ()),
    ],
)
def test_a_cycle_that_a_window_shows_twice_need_not_be_told(step, window, kept) -> None:
    count = {"15min": 80_000, "1h": 20_000, "1D": 1000, "MS": 60}[step]
    stamps = pd.date_range("2020-01-01", periods=count, freq=step).to_numpy().astype("datetime64[us]")
    whole = Calendar.fit(stamps)
    less = whole.beyond(window)
    assert less.cycles == kept
    assert less.season == whole.season
    assert less.seasons == whole.seasons
    features, fewer = whole.features(stamps[:50]), less.features(stamps[:50])
    assert fewer.shape[1] == 2 * len(kept)
    places = [whole.cycles.index(cycle) for cycle in kept]
    told = [column for place in places for column in (2 * place, 2 * place + 1)]
    np.testing.assert_array_equal(fewer, features[:, told])
    assert Calendar.from_json(json.loads(json.dumps(less.to_json()))).cycles == kept


def test_numbered_steps_have_no_cycles_to_lose() -> None:
    numbered = Calendar.fit(np.arange(100))
    assert numbered.beyond(50) is numbered
