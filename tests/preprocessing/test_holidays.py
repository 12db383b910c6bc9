from __future__ import annotations

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from dateutil import easter as dateutil_easter
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.tseries import holiday as pandas_holiday
from pandas.tseries.offsets import Day, Easter

from seqcli.preprocessing.holidays import Holidays, Rule, easter, learn_holidays, weekday_in_month

WORKING = (True, True, True, True, True, False, False)
MONDAY = pandas_holiday.MO


def day_number(text):
    return int(np.datetime64(text, "D").astype(np.int64))


def date(number):
    return str(np.datetime64(int(number), "D"))


def fixed(month, day, observance=None):
    return pandas_holiday.Holiday(f"{month}-{day}", month=month, day=day, observance=observance)


def from_easter(days):
    return pandas_holiday.Holiday(f"easter {days}", month=1, day=1, offset=[Easter(), Day(days)])


def monday(month, day, which):
    return pandas_holiday.Holiday(
        f"Monday {month}", month=month, day=day, offset=pd.DateOffset(weekday=MONDAY(which))
    )


def sunday_only(day):
    return day + pd.Timedelta(days=1) if day.weekday() == 6 else day


UNITED_STATES = [
    fixed(1, 1, sunday_only),
    pandas_holiday.USMartinLutherKingJr,
    pandas_holiday.USPresidentsDay,
    pandas_holiday.GoodFriday,
    pandas_holiday.USMemorialDay,
    fixed(7, 4, pandas_holiday.nearest_workday),
    pandas_holiday.USLaborDay,
    pandas_holiday.USThanksgivingDay,
    fixed(12, 25, pandas_holiday.nearest_workday),
]
BRITAIN = [
    fixed(1, 1, pandas_holiday.next_monday),
    from_easter(-2),
    from_easter(1),
    monday(5, 1, 1),
    monday(5, 31, -1),
    monday(8, 31, -1),
    fixed(12, 25, pandas_holiday.next_monday),
    fixed(12, 26, pandas_holiday.next_monday_or_tuesday),
]
FRANCE = [fixed(*day) for day in ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))]
FRANCE += [from_easter(days) for days in (1, 39, 50)]


def holidays_of(rules, first, last):
    class Rules(pandas_holiday.AbstractHolidayCalendar):
        pass

    return Rules(rules=rules).holidays(first, last)


def open_days(rules, first, last):
    days = pd.bdate_range(first, last)
    days = days[~days.isin(holidays_of(rules, "1990-01-01", "2035-12-31"))]
    return days.values.astype("datetime64[D]").astype(np.int64)


def learned_year(rules, first, last, year, week=WORKING):
    """Holidays that a file from first to last says of year, and those there are (open weekdays only)."""
    learned = learn_holidays(open_days(rules, first, last), week)
    found = sorted(
        day for day in learned.dates([year - 1, year, year + 1]) if date(day).startswith(str(year))
    )
    truth = holidays_of(rules, f"{year}-01-01", f"{year}-12-31")
    return [date(day) for day in found], sorted({str(day.date()) for day in truth if day.weekday() < 5})


@pytest.mark.parametrize("year", range(1900, 2101, 7))
def test_easter_is_dateutils(year):
    as_number = lambda found: found.toordinal() - datetime.date(1970, 1, 1).toordinal()  # noqa: E731
    assert easter(year) == as_number(dateutil_easter.easter(year))
    assert easter(year, orthodox=True) == as_number(
        dateutil_easter.easter(year, dateutil_easter.EASTER_ORTHODOX)
    )


@settings(deadline=None)
@given(st.integers(1950, 2050), st.integers(1, 12), st.integers(0, 6), st.integers(0, 4))
def test_weekday_in_month_is_counted_right(year, month, weekday, which):
    days = pd.date_range(f"{year}-{month}-01", periods=31)
    own = [day for day in days if day.month == month and day.weekday() == weekday]
    start, expected = (0, own[-1]) if which == 4 else (7 * which + 1, own[which])
    assert date(weekday_in_month(year, month, start, weekday)) == str(expected.date())


@pytest.mark.parametrize("rules", [UNITED_STATES, BRITAIN, FRANCE], ids=["US", "UK", "FR"])
@pytest.mark.parametrize("last_year", range(2004, 2026))
def test_the_year_after_eight_years_is_known(rules, last_year):
    found, truth = learned_year(rules, f"{last_year - 7}-01-01", f"{last_year}-12-31", last_year + 1)
    assert found == truth


@pytest.mark.parametrize("rules", [UNITED_STATES, BRITAIN, FRANCE], ids=["US", "UK", "FR"])
def test_two_years_tell_the_third(rules):
    for last in (2010, 2013, 2014, 2016, 2018):
        found, truth = learned_year(rules, f"{last - 1}-01-01", f"{last}-12-31", last + 1)
        assert len(set(found) ^ set(truth)) <= 2  # what neither year could show


def test_one_year_tells_the_next():
    found, truth = learned_year(UNITED_STATES, "2017-11-01", "2018-10-31", 2019)
    assert set(truth) <= set(found)
    # Thursday 23 November, seen once, may be a date or the fourth Thursday: both would be kept free
    assert set(found) - set(truth) <= {"2019-11-22"}
    found, truth = learned_year(FRANCE, "2017-12-01", "2018-11-30", 2019)
    assert set(truth) - set(found) == {"2019-11-11"}  # a Sunday in 2018
    assert set(found) <= set(truth)


def test_moves_off_the_weekend_are_learned():
    days = open_days(UNITED_STATES, "2008-01-01", "2019-12-31")
    learned = learn_holidays(days, WORKING)
    assert day_number("2020-07-03") in learned.dates([2020])  # Saturday the 4th: on Friday
    assert day_number("2021-07-05") in learned.dates([2021])  # Sunday the 4th: on Monday
    assert day_number("2021-12-31") not in learned.dates([2021, 2022])  # a New Year's Saturday is lost


def test_two_days_off_on_one_weekend_move_on_both():
    learned = learn_holidays(open_days(BRITAIN, "2005-01-01", "2019-12-31"), WORKING)
    december = [date(day) for day in sorted(learned.dates([2021])) if date(day).startswith("2021-12")]
    assert december == ["2021-12-27", "2021-12-28"]


def test_a_day_closed_once_in_many_years_is_no_holiday():
    days = open_days(UNITED_STATES, "2010-01-01", "2016-12-31")
    for storm in ("2012-10-29", "2012-10-30"):
        days = days[days != day_number(storm)]
    learned = learn_holidays(days, WORKING)
    assert day_number("2017-10-30") not in learned.dates([2017])
    assert len(learned.dates([2018])) == 9


def test_a_holiday_that_began_lately_is_kept_after_two_years():
    rules = [*UNITED_STATES, pandas_holiday.Holiday("new", month=6, day=19, start_date="2014-01-01")]
    learned = learn_holidays(open_days(rules, "2008-01-01", "2015-12-31"), WORKING)
    assert day_number("2017-06-19") in learned.dates([2017])


def test_a_hole_in_the_data_is_no_holiday():
    days = open_days(UNITED_STATES, "2012-01-01", "2013-12-31")
    days = days[(days < day_number("2013-03-04")) | (days > day_number("2013-04-19"))]
    learned = learn_holidays(days, WORKING)
    assert len(learned.dates([2018])) <= 10
    assert day_number("2014-03-12") not in learned.dates([2014])


@pytest.mark.parametrize("missing", [0.04, 0.1, 0.3])
@pytest.mark.parametrize("week", [WORKING, (True,) * 7])
def test_days_missing_by_chance_teach_nothing(missing, week):
    days = np.arange(15000, 16500)
    days = days[np.array(week)[(days + 3) % 7]]
    kept = np.random.default_rng(0).random(len(days)) >= missing
    kept[[0, -1]] = True
    assert learn_holidays(days[kept], week).rules == ()


def test_an_open_week_is_not_told_holidays_from_one_year():
    days = np.arange(day_number("2019-01-01"), day_number("2020-01-01"))
    assert learn_holidays(days[days != day_number("2019-08-14")], (True,) * 7).rules == ()
    shop = np.arange(day_number("2015-01-05"), day_number("2020-01-01"))
    shut = [day_number(f"{year}-12-25") for year in range(2015, 2020)]
    learned = learn_holidays(shop[~np.isin(shop, shut)], (True,) * 7)
    assert [date(day) for day in learned.dates([2020])] == ["2020-12-25"]


def test_an_orthodox_calendar_is_told_from_a_western_one():
    days = pd.bdate_range("2012-01-01", "2016-12-31").values.astype("datetime64[D]").astype(np.int64)
    mondays = [easter(year, orthodox=True) + 1 for year in range(2012, 2017)]
    learned = learn_holidays(days[~np.isin(days, mondays)], WORKING)
    assert [rule.kind for rule in learned.rules] == ["orthodox"]


def test_a_weekend_on_friday_and_saturday():
    week = (True, True, True, True, False, False, True)
    days = np.arange(day_number("2012-01-01"), day_number("2018-12-31"))
    days = days[np.array(week)[(days + 3) % 7]]
    national = [day_number(f"{year}-09-23") for year in range(2012, 2019)]
    learned = learn_holidays(days[~np.isin(days, national)], week)
    assert [date(day) for day in learned.dates([2019])] == ["2019-09-23"]


def test_seven_dates_that_are_no_nth_week():
    victoria = [day_number(f"{year}-05-18") for year in range(2000, 2030)]
    mondays = [first + (0 - (first + 3)) % 7 for first in victoria]  # the Monday from 18 to 24 May
    days = open_days([], "2001-01-01", "2014-12-31")
    learned = learn_holidays(days[~np.isin(days, mondays)], WORKING)
    assert learned.dates(range(2015, 2025)) == set(mondays[15:25])


def test_closed_flags_and_json():
    learned = learn_holidays(open_days(BRITAIN, "2005-01-01", "2014-12-31"), WORKING)
    days = np.arange(day_number("2014-12-20"), day_number("2015-01-10"))
    assert [date(day) for day in days[learned.closed(days)]] == ["2014-12-25", "2014-12-26", "2015-01-01"]
    assert learned.closed(np.empty(0, dtype=np.int64)).tolist() == []
    assert Holidays(WORKING).closed(days).sum() == 0
    restored = Holidays.from_json(WORKING, json.loads(json.dumps(learned.to_json())))
    assert restored == learned


def test_leap_days_are_off_in_leap_years_only():
    rule = Rule("date", 2, 29)
    assert Holidays((True,) * 7, (rule,)).dates(range(2019, 2022)) == {day_number("2020-02-29")}


@pytest.mark.parametrize(
    "data",
    [
        [["date", 1, 1, 0]],
        [["lunar", 1, 1, 0, [0] * 7]],
        [["date", 13, 1, 0, [0] * 7]],
        [["date", 1, 32, 0, [0] * 7]],
        [["weekday", 1, 26, 0, [0] * 7]],
        [["weekday", 1, 1, 7, [0] * 7]],
        [["easter", 1, 1000, 0, [0] * 7]],
        [["date", 1, 1.5, 0, [0] * 7]],
        [["date", 1, 1, 0, [0] * 6]],
        [["date", 1, 1, 0, [9] * 7]],
        [3],
    ],
)
def test_mutated_rules_are_refused(data):
    with pytest.raises((ValueError, TypeError, KeyError)):
        Holidays.from_json(WORKING, data)
