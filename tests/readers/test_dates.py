"""Dates as people write them, the order of day and month decided over the column."""

from __future__ import annotations

import datetime

import numpy as np
import pandas
import pytest

from seqcli.readers.columns import TextColumn
from seqcli.readers.dates import DateForm, Dates, names_time, read_dates


def read(cells: list[str], name: str = "date", form: DateForm | None = None) -> Dates:
    return read_dates(TextColumn(cells), np.arange(2, 2 + len(cells)), name, form)


def stamps(*texts: str) -> list[np.datetime64]:
    return np.array(texts, "datetime64[us]").tolist()


@pytest.mark.parametrize(
    ("cells", "expected", "resolution", "notes"),
    [
        (["2016-07-01", "2016-07-02"], ["2016-07-01", "2016-07-02"], "day", ()),
        (["2016-07-01 00:00:00", "2016-07-01T13:30"], ["2016-07-01", "2016-07-01T13:30"], "time", ()),
        (["2018/10/5", "2018/10/15"], ["2018-10-05", "2018-10-15"], "day", ()),
        (["15.10.2018", "01.02.2018"], ["2018-10-15", "2018-02-01"], "day", ("day before month",)),
        (["1.2.2018", "1.3.2018"], ["2018-02-01", "2018-03-01"], "day", ("day before month",)),
        (["10/15/2018", "1/2/2018"], ["2018-10-15", "2018-01-02"], "day", ("month before day",)),
        (["15/10/18", "1/2/99"], ["2018-10-15", "1999-02-01"], "day", ("day before month",)),
        (["1949-01", "1949-12"], ["1949-01", "1949-12"], "month", ()),
        (["01/2012", "2/2012"], ["2012-01", "2012-02"], "month", ()),
        (["2012 Q1", "2012Q4", "Q2 2013"], ["2012-01", "2012-10", "2013-04"], "quarter", ()),
        (["Jan 2012", "February 2012", "Mar-12"], ["2012-01", "2012-02", "2012-03"], "month", ()),
        (["2012M03"], ["2012-03"], "month", ()),
        (["15 Oct 2018", "Oct 16, 2018"], ["2018-10-15", "2018-10-16"], "day", ()),
        (["Tue, 3 March 2012", "2012 Mar 4"], ["2012-03-03", "2012-03-04"], "day", ()),
        (["15-Oct-18", "3rd Sept 2018"], ["2018-10-15", "2018-09-03"], "day", ()),
        (["2012-W05", "2012-W05-3"], ["2012-01-30", "2012-02-01"], "day", ()),
        (["3/14/2018 5:30 PM"], ["2018-03-14T17:30"], "time", ("month before day",)),
        (["3/14/2018 12:05 am"], ["2018-03-14T00:05"], "time", ("month before day",)),
        (["2018-03-14 24:00"], ["2018-03-15"], "time", ()),
        (["2018-03-14 01:02:03,123456789"], ["2018-03-14T01:02:03.123456"], "time", ()),
    ],
)  # fmt: skip
def test_forms_are_read_and_said(
    cells: list[str], expected: list[str], resolution: str, notes: tuple[str, ...]
) -> None:
    dates = read(cells)
    assert dates.values.tolist() == stamps(*expected)
    assert (dates.form.resolution, dates.notes) == (resolution, notes)
    assert not dates.bad


def test_time_zones_are_converted_to_utc_and_said() -> None:
    dates = read(["2016-07-01T02:00:00+02:00", "2016-07-01T01:00:00Z", "2016-06-30 20:30 -0530"])
    assert dates.values.tolist() == stamps("2016-07-01", "2016-07-01T01:00", "2016-07-01T02:00")
    assert dates.notes == ("time zones converted to UTC",)


@pytest.mark.parametrize(
    ("name", "cells", "expected", "style"),
    [
        ("timestamp", ["1476486000", "1476489600"], ["2016-10-14T23:00", "2016-10-15"], "seconds"),
        ("ts", ["1476486000500"], ["2016-10-14T23:00:00.5"], "milliseconds"),
        ("event_time", ["1476486000000000"], ["2016-10-14T23:00"], "microseconds"),
        ("date", ["20161014", "20161231"], ["2016-10-14", "2016-12-31"], "compact"),
        ("Month", ["201610", "201611"], ["2016-10", "2016-11"], "compact"),
        ("year", ["1949", "1950"], ["1949", "1950"], "years"),
    ],
)
def test_numbers_are_dates_only_under_a_name_that_says_time(
    name: str, cells: list[str], expected: list[str], style: str
) -> None:
    dates = read(cells, name)
    assert dates.values.tolist() == stamps(*expected)
    assert dates.form.style == style
    assert len(read(cells, "volume").bad) == len(cells)


@pytest.mark.parametrize("name", ["day", "hour", "time"])
def test_small_counts_are_no_dates_even_so(name: str) -> None:
    assert len(read(["1", "2", "3"], name).bad) == 3


def test_the_year_a_house_was_built_is_no_time() -> None:
    assert len(read(["1995", "2003"], "year_built").bad) == 2


def test_the_order_of_an_ambiguous_column_is_the_one_of_even_steps() -> None:
    months = pandas.date_range("2015-01-01", periods=36, freq="MS")
    dates = read([day.strftime("%d/%m/%Y") for day in months])  # as mm/dd: days 1 to 12 of January only
    assert dates.form.order == "dmy"
    assert dates.values.tolist() == months.to_numpy().astype("datetime64[us]").tolist()


@pytest.mark.parametrize("pattern", ["%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%b %d, %Y", "%d-%b-%y"])
def test_daily_dates_read_back_in_every_pattern_and_in_either_direction(pattern: str) -> None:
    days = pandas.date_range("2019-11-20", periods=100, freq="D")
    for ordered in (days, days[::-1]):
        dates = read([day.strftime(pattern) for day in ordered])
        assert dates.values.tolist() == ordered.to_numpy().astype("datetime64[us]").tolist()


NO_DATES = (
    "11:34|hello|May|2016-13-01|2016-02-30|32.1.2018|now|today|12|2016-01-01 25:00|2016-01-01 10:61"
    "|13/13/2018|2012-W60|10:30 pm|2016-01-01 13:00 pm|20161301"
)


@pytest.mark.parametrize("cell", NO_DATES.split("|"))
def test_what_is_no_date_is_named_with_its_row(cell: str) -> None:
    dates = read(["2018-01-01", cell, "2018-01-03"])
    assert [(found.record, found.text) for found in dates.bad] == [(3, cell)]
    assert np.isnat(dates.values).tolist() == [False, True, False]


def test_missing_dates_are_missing_not_bad() -> None:
    dates = read(["2018-01-01", "", "n/a", "2018-01-04"])
    assert dates.missing.tolist() == [False, True, True, False]
    assert not dates.bad


def test_a_given_form_decides_what_is_ambiguous() -> None:
    assert read(["1/2/2018"], form=DateForm(order="dmy")).values.tolist() == stamps("2018-02-01")
    assert read(["1/2/2018"], form=DateForm(order="mdy")).values.tolist() == stamps("2018-01-02")
    assert read(["1960"], "when", DateForm(style="years")).values.tolist() == stamps("1960")


def test_iso_hours_equal_the_standard_library() -> None:
    cells = [
        str(datetime.datetime(2016, 7, 1) + datetime.timedelta(minutes=37 * step)) for step in range(2000)
    ]
    assert read(cells).values.tolist() == [datetime.datetime.fromisoformat(cell) for cell in cells]


@pytest.mark.parametrize("name", ["Date", "saleDate", "event_time", "ts", "Month", "TIMESTAMP", "unix epoch"])
def test_names_that_say_time(name: str) -> None:
    assert names_time(name)


@pytest.mark.parametrize("name", ["close", "update", "sometimes", "holidays", "V1", ""])
def test_names_that_do_not(name: str) -> None:
    assert not names_time(name)


def test_a_form_survives_json_and_nonsense_is_refused() -> None:
    form = read(["15.10.2018 10:00+01:00"]).form
    assert DateForm.from_json(form.to_json()) == form == DateForm("dmy", "text", "time", True)
    for wrong in ({"order": "ydm"}, {"style": 1}, {"zoned": "no"}, {"x": 1}, {"resolution": "eon"}):
        with pytest.raises((TypeError, ValueError)):
            DateForm.from_json(wrong)


def test_an_empty_column() -> None:
    assert len(read([]).values) == 0
