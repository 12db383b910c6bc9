"""Dates as people write them, read into UTC time stamps; the order of day and month is decided
over the whole column.

Read are ISO 8601 (``2016-07-01 13:00``, ``2016-07``, ``2016-W05``, ``20160701`` in a column named
for time), ``2018/10/15``, ``15.10.2018``, ``10/15/18``, ``15 Oct 2018``, ``Oct 15, 2018``,
``Jan 2012``, ``2012 Q1``, each with a time of day and a zone where that makes sense; and, in a
column named for time, years and seconds or milliseconds since 1970.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.readers.columns import Column, RepeatedColumn
from seqcli.readers.numbers import BadCell, BoolArray, bad_cells, is_missing
from seqcli.sequences import IntArray

StampArray: TypeAlias = NDArray[np.datetime64]
"""datetime64[us], UTC, NaT where there is none."""

ORDERS = ("ymd", "dmy", "mdy")
STYLES = ("text", "years", "compact", "seconds", "milliseconds", "microseconds")
RESOLUTIONS = ("year", "quarter", "month", "day", "time")

_TIME_WORDS = frozenset(
    (
        *("date", "dates", "datetime", "time", "times", "timestamp", "timestamps", "stamp", "ts", "ds", "dt"),
        *("day", "week", "month", "quarter", "year", "hour", "minute", "period", "epoch", "unix", "when"),
        *("datum", "zeit", "tag", "monat", "jahr", "fecha"),
    )
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_MONTH = (
    r"(?P<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4}|'?\d{2})"
_CLOCK = (
    r"(?:(?:,?\s+|t)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?\s*(?P<zone>z|utc|gmt|[+-]\d\d:?\d\d|[+-]\d\d)?)?"
)
_BODIES = (
    ("day", r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"),
    (
        "day",
        _WEEKDAY + r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<other>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)",
    ),
    ("day", _WEEKDAY + _DAY + r"[-\s/.]*" + _MONTH + r",?[-\s/.]*" + _YEAR),
    ("day", _WEEKDAY + _MONTH + r"[-\s]*" + _DAY + r"(?:,\s*|[-\s]+)(?P<year>\d{4})"),
    ("day", r"(?P<year>\d{4})[-\s]*" + _MONTH + r"[-\s]*" + _DAY),
    ("month", r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})"),
    ("month", r"(?P<month>\d{1,2})[-/](?P<year>\d{4})"),
    ("month", _MONTH + r",?[-\s]*(?P<year>\d{4}|(?<=[-\s])'\d\d|(?<=-)\d\d)"),
    ("month", r"(?P<year>\d{4})[-\s]*" + _MONTH),
    ("month", r"(?P<year>\d{4})m(?P<month>\d{1,2})"),
    ("quarter", r"(?P<year>\d{4})[-\s]*q(?P<quarter>[1-4])"),
    ("quarter", r"q(?P<quarter>[1-4])[-\s/]*(?P<year>\d{4})"),
    ("week", r"(?P<year>\d{4})-?w(?P<week>\d\d)(?:-?(?P<weekday>[1-7]))?"),
)
_EPOCHS = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
"""Microseconds in one count of each style. Counts between 1973 and 2096 are taken for times."""
_EARLIEST, _LATEST = 1e14, 4e15


@dataclass(frozen=True)
class DateForm:
    """How a column writes dates: order of day and month, style, finest unit, whether zones are written.

    ``local``: the offset to UTC changes and the time of day does not, so the time on the wall is meant.
    """

    order: str = "ymd"
    style: str = "text"
    resolution: str = "day"
    zoned: bool = False
    local: bool = False

    def to_json(self) -> dict[str, Any]:
        """The form as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DateForm:
        """Rebuild from :meth:`to_json`. Raises TypeError or ValueError on anything else."""
        form = cls(**data)
        known = form.order in ORDERS and form.style in STYLES and form.resolution in RESOLUTIONS
        if not known or not isinstance(form.zoned, bool) or not isinstance(form.local, bool):
            raise ValueError(f"{data!r} is not a date form")
        return form

    def notes(self) -> tuple[str, ...]:
        """What is worth saying about the form; empty for plain ISO dates."""
        said = {"dmy": "day before month", "mdy": "month before day"}
        notes = [said[self.order]] if self.order in said else []
        if self.style not in {"text", "years"}:
            notes.append("yyyymmdd" if self.style == "compact" else f"{self.style} since 1970")
        if self.zoned:
            notes.append("read as local time" if self.local else "time zones converted to UTC")
        return tuple(notes)


@dataclass(frozen=True, eq=False)
class Dates:
    """A column as dates: ``values`` (N,) datetime64[us] in UTC, NaT where a cell is missing or bad."""

    values: StampArray
    missing: BoolArray
    bad_rows: IntArray
    form: DateForm
    _column: Column = field(repr=False)
    _records: IntArray = field(repr=False)

    @property
    def bad(self) -> tuple[BadCell, ...]:
        """The cells that are not dates."""
        return bad_cells(self._column, self._records, self.bad_rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth saying about how the column writes dates."""
        return self.form.notes()


def names_time(name: str) -> bool:
    """Whether a column's name says time: ``Date``, ``event_time``, ``saleDate``, ``ts``."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return any(word.lower() in _TIME_WORDS for word in words)


def read_dates(column: Column, records: IntArray, name: str, form: DateForm | None = None) -> Dates:
    """Read a column as dates in ``form``, or in the form that fits the column best.

    ``records`` (N,) are the numbers of its rows as the user counts them. A column of plain numbers is
    dates only when ``name`` says time and the numbers look it.
    """
    if isinstance(column, RepeatedColumn):
        short, rows = column.short
        once = read_dates(short, np.arange(len(short)), name, form)
        bad = np.isin(rows, once.bad_rows)
        return Dates(once.values[rows], once.missing[rows], np.flatnonzero(bad), once.form, column, records)
    numbers = column.plain_numbers()
    plain = ~np.isnan(numbers)
    mostly_numbers = bool(len(plain)) and plain.mean() > 0.5
    if form.style != "text" if form else mostly_numbers:
        style = form.style if form else _numeric_style(numbers[plain], name)
        values, resolution = _from_numbers(numbers, style)
        form = form or DateForm(style=style or "text", resolution=resolution)
    else:
        values, form = _from_texts(column, form)
    unread = np.flatnonzero(np.isnat(values))
    absent = np.fromiter(map(is_missing, column.pick(unread)), np.bool_, len(unread))
    missing = np.zeros(len(values), dtype=np.bool_)
    missing[unread[absent]] = True
    return Dates(values, missing, unread[~absent], form, column, records)


def _numeric_style(numbers: NDArray[np.float64], name: str) -> str:
    """Which style of date nearly all of some numbers have; "" when they are no dates."""
    if not names_time(name):
        return ""
    for style in STYLES[1:]:
        if style == "years" and name.strip().lower() not in _TIME_WORDS:
            continue  # the year a house was built is a number
        if np.isnat(_from_numbers(numbers, style)[0]).mean() <= 0.01:
            return style
    return ""


def _from_numbers(numbers: NDArray[np.float64], style: str) -> tuple[StampArray, str]:
    """Time stamps (N,) of numbers (N,) in one style, NaT where one does not fit, and their resolution."""
    stamps = np.full(len(numbers), np.datetime64("NaT", "us"))
    if style in _EPOCHS:
        counts = np.round(numbers * _EPOCHS[style])
        fits = (counts >= _EARLIEST) & (counts <= _LATEST)
        stamps[fits] = counts[fits].astype(np.int64).astype("datetime64[us]")
        return stamps, "time"
    whole = np.where(numbers == np.floor(numbers), numbers, 0)
    if style == "years":
        years, months, days = whole, np.ones_like(whole), np.ones_like(whole)
    elif style == "compact":
        whole = np.where(whole < 1e6, whole * 100 + 1, whole)  # 201203 is March 2012
        years, months, days = whole // 10_000, whole // 100 % 100, whole % 100
    else:
        return stamps, "day"
    fits = (years >= 1500) & (years <= 2200) & (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)
    first = (((years[fits] - 1970) * 12 + months[fits] - 1).astype(np.int64)).astype("datetime64[M]")
    dates = first.astype("datetime64[D]") + (days[fits].astype(np.int64) - 1)
    dates[dates.astype("datetime64[M]") != first] = np.datetime64("NaT")  # 31 February
    stamps[fits] = dates.astype("datetime64[us]")
    by_month = style == "compact" and bool((numbers[fits] < 1e6).all())
    return stamps, "year" if style == "years" else "month" if by_month else "day"


def _from_texts(column: Column, form: DateForm | None) -> tuple[StampArray, DateForm]:
    """Time stamps (N,) of written dates, NaT where a cell is none, and the form they are written in."""
    stamps, clock = column.iso_stamps()
    rest = np.flatnonzero(np.isnat(stamps))
    plain = len(rest) < len(stamps)
    found = DateForm(resolution="time" if clock.any() else "day" if plain else "year")
    if not len(rest):
        return stamps, form or found
    stamps, cells = stamps.copy(), column.pick(rest)
    written = {cell: _parse(cell.strip()) for cell in set(cells)}
    dates = [date for date in written.values() if date is not None]
    if dates:
        order = form.order if form else _find_order([written[cell] for cell in cells])
        finest = max([found.resolution, *(date.resolution for date in dates)], key=RESOLUTIONS.index)
        local = form.local if form else not plain and _keeps_local_clock(dates)
        found = DateForm(order, "text", finest, any(date.zoned for date in dates), local)
        read = {cell: date.stamp(order, local) for cell, date in written.items() if date is not None}
        stamps[rest] = np.array([read.get(cell) for cell in cells], "datetime64[us]")
    return stamps, form or found


class _Written(NamedTuple):
    """A date as written: ``first`` and ``other`` are month and day, or still in the writer's order."""

    resolution: str
    year: int
    first: int
    other: int
    either: bool
    dotted: bool
    clock: timedelta
    """Time of day less the zone's offset."""
    offset: timedelta | None
    """The zone's; None where none is written."""

    @property
    def zoned(self) -> bool:
        """Whether a zone is written."""
        return self.offset is not None

    def stamp(self, order: str, local: bool = False) -> datetime | None:
        """The UTC time stamp, or the ``local`` one; None when there is no such day."""
        month, day = (self.other, self.first) if self.either and order == "dmy" else (self.first, self.other)
        try:
            stamp = datetime(self.year, month, day) + self.clock
            return stamp + self.offset if local and self.offset is not None else stamp
        except (ValueError, OverflowError):
            return None


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Resolution and pattern of every form; compiled when a date is no plain ISO one, which costs 10 ms."""
    return tuple(
        (resolution, re.compile(body + (_CLOCK if resolution == "day" else ""), re.IGNORECASE | re.ASCII))
        for resolution, body in _BODIES
    )


def _parse(cell: str) -> _Written | None:
    """Take a written date apart; None when it has none of the known forms."""
    for resolution, pattern in _forms():
        match = pattern.fullmatch(cell)
        if match is not None:
            return _take_apart(resolution, match.groupdict())
    return None


def _take_apart(resolution: str, part: dict[str, str | None]) -> _Written | None:
    year = _full_year(part["year"] or "")
    offset = _offset(part)
    clock = _clock(part, offset)
    if clock is None:
        return None
    timed = part.get("hour") is not None
    if resolution == "week":
        try:
            monday = datetime.fromisocalendar(year, int(part["week"] or 0), int(part["weekday"] or 1))
        except ValueError:
            return None
        return _Written("day", monday.year, monday.month, monday.day, False, False, clock, None)
    finest = "time" if timed else resolution
    if part.get("first") is not None:
        first, other = int(part["first"] or 0), int(part["other"] or 0)
        return _Written(finest, year, first, other, True, part["mark"] == ".", clock, offset)
    if resolution == "quarter":
        month = 3 * int(part["quarter"] or 0) - 2
    elif part.get("word") is not None:
        month = _MONTHS.index((part["word"] or "")[:3].lower()) + 1
    else:
        month = int(part["month"] or 0)
    return _Written(finest, year, month, int(part.get("day") or 1), False, False, clock, offset)


def _full_year(text: str) -> int:
    """A year of two digits lies between 1969 and 2068, as POSIX has it."""
    year = int(text.lstrip("'"))
    return year if len(text.lstrip("'")) == 4 else year + (1900 if year >= 69 else 2000)


def _offset(part: dict[str, str | None]) -> timedelta | None:
    """The offset to UTC that is written; None where none is."""
    zone = part.get("zone")
    if part.get("hour") is None or zone is None:
        return None
    if zone[0] not in "+-":
        return timedelta(0)
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
    return offset if zone[0] == "+" else -offset


def _keeps_local_clock(dates: list[_Written]) -> bool:
    """Whether offsets to UTC differ, all at one time of day: days, weeks or months of a local calendar."""
    offsets = {date.offset for date in dates}
    if None in offsets or len(offsets) < 2:
        return False
    day = timedelta(days=1)
    return len({(date.clock + date.offset) % day for date in dates if date.offset is not None}) == 1


def _clock(part: dict[str, str | None], offset: timedelta | None) -> timedelta | None:
    """Time of day less the zone's offset; None when there is no such time."""
    if part.get("hour") is None:
        return timedelta(0)
    hour, minute, second = (int(part[unit] or 0) for unit in ("hour", "minute", "second"))
    if part["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if part["half"] in "pP" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    micro = int((part["fraction"] or "0").ljust(6, "0")[:6])
    clock = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    return clock - (offset or timedelta(0))


def _find_order(dates: list[_Written | None]) -> str:
    """The order of day and month that fits most of a column's cells.

    When both fit all of them: the one whose dates never turn back, then the one of the more even
    steps, then day first where points separate the parts, else month first.
    """
    either = [date for date in dates if date is not None and date.either]
    if not either:
        return "ymd"
    month_first = sum(date.first <= 12 for date in either)
    day_first = sum(date.other <= 12 for date in either)
    if month_first != day_first:
        return "mdy" if month_first > day_first else "dmy"
    evenness = {order: _evenness([date.stamp(order) for date in either]) for order in ("mdy", "dmy")}
    if evenness["mdy"] != evenness["dmy"]:
        return max(evenness, key=lambda order: evenness[order])
    return "dmy" if either[0].dotted else "mdy"


def _evenness(stamps: list[datetime | None]) -> tuple[bool, float]:
    """Whether dates go one way only, and the share of their most frequent step in days."""
    known = [stamp for stamp in stamps if stamp is not None]
    steps = [(after - before).days for before, after in pairwise(known) if after != before]
    if not steps:
        return True, 1.0
    one_way = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    return one_way, Counter(abs(step) // 4 for step in steps).most_common(1)[0][1] / len(steps)
