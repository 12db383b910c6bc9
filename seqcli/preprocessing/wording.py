"""Stamps and frequencies in words: for a person, and for a file the way the file writes its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from seqcli.preprocessing.frequency import DAY, HOUR, MINUTE, SECOND, WEEK, Frequency
from seqcli.sequences import IntArray

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCKS = {"minute": "%H:%M", "second": "%H:%M:%S", "fraction": "%H:%M:%S.%f"}
_ZONE = re.compile(r"|Z|[+-](?:0\d|1[0-4]):[0-5]\d", re.ASCII)
_DATES = {"date": 10, "month": 7, "year": 4}
"""Characters of 2012-03-06 that each style writes."""


@dataclass(frozen=True)
class Writing:
    """How a file writes its stamps."""

    style: str = "second"
    """"date", "month", "quarter", "year", or to the "minute", "second", "fraction"."""
    joint: str = " "
    """Between date and time: " " or "T"."""
    zone: str = ""
    """Where the file's stamps named a time zone and were turned into UTC: "Z", or the offset of the last
    one, such as "+02:00", in which stamps are written again; else ""."""

    @classmethod
    def find(cls, times: IntArray, written: str) -> Writing:
        """From all times (N,) in microseconds and one cell as the file has it ("" when unknown)."""
        written = written.strip()
        joint = "T" if re.search(r"\dT\d", written) else " "
        zone = "Z" if re.search(r"(Z|UTC|GMT)$", written) else ""
        offset = re.search(r":\d\d(?:\.\d+)? ?([+-]\d\d):?(\d\d)?$", written)
        if offset:
            zone = f"{offset[1]}:{offset[2] or '00'}"
        if (times % SECOND).any():
            return cls("fraction", joint, zone)
        if (times % MINUTE).any() or re.search(r"\d:\d\d:\d\d", written):
            return cls("second", joint, zone)
        if (times % DAY).any() or re.search(r"\d:\d\d", written):
            return cls("minute", joint, zone)
        shorter = {
            "year": r"\d{4}",
            "quarter": r".*[Qq] ?[1-4].*",
            "month": r"\d{4}[-/.]\d{1,2}|\d{1,2}[-/.]\d{4}|[^\W\d]+\.?[ -]\d{2,4}",
        }
        for style, pattern in shorter.items():
            if re.fullmatch(pattern, written):
                return cls(style)
        return cls("date")

    @property
    def known(self) -> bool:
        """Whether each field holds one of the values listed above (a saved calendar may not)."""
        styles = (*_CLOCKS, *_DATES, "quarter")
        return self.style in styles and self.joint in (" ", "T") and bool(_ZONE.fullmatch(self.zone))

    def _there(self, moment: datetime) -> datetime:
        """A moment in UTC as the clock of the zone shows it."""
        if self.zone in ("", "Z"):
            return moment
        shift = timedelta(hours=int(self.zone[1:3]), minutes=int(self.zone[4:]))
        return moment - shift if self.zone[0] == "-" else moment + shift

    def label(self, stamp: Any, frequency: Frequency) -> str:
        """A stamp for a person; see :meth:`.Calendar.label`."""
        moment = _moment(stamp, frequency.unit)
        if not isinstance(moment, datetime):
            return str(moment)
        moment = self._there(moment)
        if self.style == "quarter":
            return f"Q{(moment.month + 2) // 3} {moment.year}"
        if self.style == "year":
            return str(moment.year)
        if frequency.unit == "months":
            month = f"{_MONTHS[moment.month - 1]} {moment.year}"
            whole = self.style == "month" or frequency.anchor == ("date", 1, 0)
            return month if whole else f"{moment.day} {month}"
        day = f"{_WEEKDAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]}"
        daily = frequency.count % DAY == 0 and moment.time() == moment.time().min
        if self.style in _DATES or daily:
            return day
        return f"{day} {moment.strftime('%H:%M:%S' if frequency.count % MINUTE else '%H:%M')}"

    def iso(self, stamp: Any, frequency: Frequency) -> str:
        """A stamp for a file; see :meth:`.Calendar.iso`."""
        moment = _moment(stamp, frequency.unit)
        if not isinstance(moment, datetime):
            return str(moment)
        moment = self._there(moment)
        date = f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"
        if self.style == "quarter":
            return f"{moment.year:04d} Q{(moment.month + 2) // 3}"
        if self.style in _DATES:
            return date[: _DATES[self.style]]
        return f"{date}{self.joint}{moment.strftime(_CLOCKS[self.style])}{self.zone}"


def _moment(stamp: Any, unit: str) -> datetime | Any:
    """``stamp`` as a datetime, or as a plain number for numbered rows and years past 9999."""
    if unit == "steps":
        number = np.asarray(stamp).item()
        return int(number) if float(number).is_integer() else number
    return np.asarray(stamp).astype("datetime64[us]").item()


def describe(frequency: Frequency, holidays: int) -> str:
    """The frequency in words."""
    count = int(frequency.count)
    if frequency.unit == "steps":
        return "numbered rows" if frequency.count == 1 else f"numbered rows, {frequency.count:g} apart"
    if not frequency.regular:
        return f"irregular, about {_roughly(count)} apart"
    if frequency.unit == "months":
        name = {1: "monthly", 3: "quarterly", 6: "half-yearly", 12: "yearly"}.get(
            count, f"every {count} months"
        )
        return f"{name}, {_anchor_words(frequency.anchor)}"
    every = duration(count).removeprefix("1 ")  # "every minute", "every 5 minutes"
    words = {HOUR: "hourly", DAY: "daily", WEEK: "weekly"}.get(count, f"every {every}")
    week = frequency.open_weekdays()
    if frequency.cells and not all(week):
        names = [name for name, flag in zip(_WEEKDAYS, week, strict=True) if flag]
        together = sum(week[at] != week[at - 1] for at in range(7)) == 2 and len(names) > 2
        first = next(at for at in range(7) if week[at] and not week[at - 1])
        named = (
            f"{_WEEKDAYS[first]}–{_WEEKDAYS[(first + len(names) - 1) % 7]}" if together else ", ".join(names)
        )
        words = f"business days ({named})" if count == DAY else f"{words} on {named}"
    if frequency.week and count < DAY:
        words += ", in opening hours"
    if holidays:
        words += f", {holidays} holiday{'s' if holidays > 1 else ''} a year learned"
    return words


def _anchor_words(anchor: tuple[str, int, int]) -> str:
    """The day in the month in words."""
    kind, which, weekday = anchor
    if kind == "date":
        return {1: "first day of the month", 31: "last day of the month"}.get(which, f"on day {which}")
    if kind == "business":
        return f"{'first' if which > 0 else 'last'} weekday of the month"
    place = ("last", "first", "second", "third", "fourth")[(which + 6) // 7]
    return f"{place} {_WEEKDAYS[weekday]} of the month"


def _roughly(microseconds: int) -> str:
    """A span of time to two digits or so: "45 minutes", "1.3 hours"."""
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        if microseconds >= 1.5 * unit and microseconds % SECOND == 0:
            return (
                f"{microseconds / unit:.2g} {name}"
                if microseconds < 100 * unit
                else f"{microseconds / unit:.0f} {name}"
            )
    return duration(microseconds)


def duration(microseconds: int) -> str:
    """A span of time in its largest whole unit: "30 minutes", "1 day"."""
    for unit, name in ((WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")):
        if microseconds % unit == 0:
            number = microseconds // unit
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{microseconds / SECOND:g} seconds"
