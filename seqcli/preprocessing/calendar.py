"""The calendar of a time series: when the next rows will be, learned from the rows there are.

Fitted on the stamps of a file, saved as JSON, used without pandas. It knows the frequency
(:mod:`.frequency`), the weekdays and hours that are open, the holidays that come back
(:mod:`.holidays`), and how the file writes a stamp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqcli.errors import ModelError
from seqcli.large import empty
from seqcli.preprocessing.frequency import (
    DAY,
    SECOND,
    WEEK,
    Frequency,
    anchor_days,
    ascending,
    find_frequency,
)
from seqcli.preprocessing.holidays import Holidays, learn_holidays
from seqcli.preprocessing.wording import Writing, describe
from seqcli.sequences import AnyArray, FloatArray, IntArray

CYCLES = ("day", "week", "year")
LENGTHS = {"day": DAY, "week": WEEK, "year": 365 * DAY}
"""Of each cycle, in microseconds."""
"""Cycles that can become features, each as a sine and a cosine."""

_MAX_ROUNDS = 50
_AT_ONCE = 1 << 18
"""Stamps whose place in the cycles is computed at a time: ten million at once take a gigabyte."""


@dataclass(frozen=True)
class Calendar:
    """Where the rows of a series lie in time, and where the next ones will."""

    frequency: Frequency
    holidays: Holidays
    cycles: tuple[str, ...]
    """The cycles that :meth:`features` describes: those the file is long enough to show."""
    writing: Writing
    """How the file writes a stamp."""

    @classmethod
    def fit(cls, stamps: AnyArray | Sequence[AnyArray], written: str = "") -> Calendar:
        """Learn from ``stamps``: datetime64 (T,), or numbers (T,), or one such array a series.

        ``written`` is one cell of the time column as the file has it, so that new stamps look alike.
        """
        series = [stamps] if isinstance(stamps, np.ndarray) else list(stamps)
        series = [ascending(each) for each in series if len(each)]
        if not series or series[0].dtype.kind != "M":
            return cls(_numbered(series), Holidays((True,) * 7), (), Writing())
        times = [_times(each) for each in series]
        frequency = find_frequency(times)
        together = ascending(np.concatenate(times))
        week = frequency.open_weekdays()
        holidays = Holidays(week)
        if frequency.on_days:
            cells_a_day = frequency.cells // 7
            days = ascending(frequency.cell(together) // cells_a_day) - 3
            holidays = learn_holidays(days, week)
        cycles = _cycles(frequency, int(together[-1] - together[0]))
        return cls(frequency, holidays, cycles, Writing.find(together, written))

    # ------------------------------------------------------------------ stamps to come

    def next(self, last: Any, n: int) -> AnyArray:
        """The ``n`` stamps after ``last``: datetime64[us] (n,), or numbers (n,) for numbered rows."""
        frequency = self.frequency
        if frequency.unit == "steps":
            steps: AnyArray = np.asarray(last) + frequency.count * np.arange(1, n + 1)
            whole = np.asarray(last).dtype.kind in "iu" and float(frequency.count).is_integer()
            return steps.astype(np.int64) if whole else steps
        time = int(_times(np.asarray(last).reshape(1))[0])
        if frequency.unit == "months":
            times = self._next_months(time, n)
        elif frequency.on_days and (frequency.week or self.holidays.rules):
            times = self._next_cells(time, n)
        else:
            times = _snap(frequency, time) + int(frequency.count) * np.arange(1, n + 1, dtype=np.int64)
        return times.astype("datetime64[us]")

    def _next_months(self, time: int, n: int) -> IntArray:
        """Times (n,) in the months that follow ``time``'s, on the anchor day."""
        month = int(np.datetime64(time, "us").astype("datetime64[M]").astype(np.int64))
        months = month + int(self.frequency.count) * np.arange(1, n + 1, dtype=np.int64)
        return anchor_days(months, self.frequency.anchor) * DAY + (self.frequency.phase or 0)

    def _next_cells(self, time: int, n: int) -> IntArray:
        """Times (n,) of the open cells after ``time`` that fall on no holiday."""
        frequency = self.frequency
        open_cells = frequency.open_cells()
        per_day = frequency.cells // 7
        start = int(frequency.cell(np.array([time]))[0]) + 1
        size = max(2 * n * frequency.cells // max(int(open_cells.sum()), 1), frequency.cells)
        found: list[IntArray] = []
        rounds = 0
        while sum(len(each) for each in found) < n:
            cells = start + np.arange(size, dtype=np.int64)
            cells = cells[open_cells[cells % frequency.cells]]
            if rounds < _MAX_ROUNDS:  # a saved file could name every day a holiday
                cells = cells[~self.holidays.closed(cells // per_day - 3)]
            found.append(cells)
            start, rounds = start + size, rounds + 1
        return frequency.cell_time(np.concatenate([np.empty(0, dtype=np.int64), *found])[:n])

    def gaps(self, stamps: AnyArray, longest: int | None = None) -> AnyArray:
        """Stamps missing between the first and last of one series' ``stamps`` (T,), ascending (M,).

        Closed hours, and whole days off in a week that has closed days, are no gaps; neither is a
        hole longer than a tenth of the rows (and than 10 steps): that is a break. ``longest`` is what
        :func:`longest_hole` gave for the whole series, when these are only its newest stamps.
        """
        ordered = ascending(stamps)
        frequency = self.frequency
        if len(ordered) < 2 or not frequency.regular:
            return ordered[:0]
        missing = self.holes(ordered)
        if longest is None:
            rows = int((missing >= 0).sum()) + 1 if frequency.on_days else len(ordered)
            fitting = (missing > 0) & (missing <= hole_limit(rows, self.least_break))
            longest = longest_hole(int(missing[fitting].sum()), rows, self.least_break)
        missing = np.where((missing > 0) & (missing <= longest), missing, 0)
        before = np.repeat(np.arange(len(missing)), missing)
        at = np.arange(len(before)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
        if frequency.unit == "steps":
            filled: AnyArray = ordered[before] + at * frequency.count
            return filled.astype(ordered.dtype)
        if frequency.unit == "months":
            months = ordered.astype("datetime64[M]").astype(np.int64)
            days = anchor_days(months[before] + at * int(frequency.count), frequency.anchor)
            return (days * DAY + (frequency.phase or 0)).astype("datetime64[us]")
        times = _times(ordered)
        if not frequency.on_days:
            return (times[before] + at * int(frequency.count)).astype("datetime64[us]")
        cells = frequency.cell(times)
        return self._open_ones(cells[before] + at, cells).astype("datetime64[us]")

    def holes(self, ordered: AnyArray) -> IntArray:
        """Steps of the grid, closed ones too, between each of ``ordered`` (T,) and the next: (T - 1,).

        Below 0 where two rows lie in one step.
        """
        frequency = self.frequency
        if frequency.unit == "steps":
            return np.rint(np.diff(ordered) / frequency.count).astype(np.int64) - 1
        if frequency.unit == "months":
            months = ordered.astype("datetime64[M]").astype(np.int64)
            return np.asarray(np.diff(months) // int(frequency.count) - 1, dtype=np.int64)
        times = _times(ordered)
        if not frequency.on_days:
            return np.rint(np.diff(times) / frequency.count).astype(np.int64) - 1
        return np.asarray(np.diff(frequency.cell(times)) - 1, dtype=np.int64)

    @property
    def least_break(self) -> int:
        """Holes of this many steps are filled however short the series is; three weeks hold nights too."""
        frequency = self.frequency
        return 3 * frequency.cells if frequency.on_days and frequency.week else 10

    def _open_ones(self, missing: IntArray, cells: IntArray) -> IntArray:
        """Times (M,) of those ``missing`` cells that should hold a row, where rows are in ``cells``."""
        frequency = self.frequency
        per_day = frequency.cells // 7
        missing = missing[frequency.open_cells()[missing % frequency.cells]]
        days = missing // per_day
        away = self.holidays.closed(days - 3)
        if not all(self.holidays.week):
            away |= ~np.isin(days, cells // per_day)
        return frequency.cell_time(missing[~away])

    # ------------------------------------------------------------------ seasons and features

    @property
    def seasons(self) -> tuple[int, ...]:
        """Periods in rows that a series of this frequency may repeat after, the likeliest first."""
        frequency = self.frequency
        if frequency.unit == "months":
            count = int(frequency.count)
            return (12 // count,) if count < 12 and 12 % count == 0 else ()
        if frequency.unit != "time" or not frequency.regular:
            return ()
        step = int(frequency.count)
        if frequency.cells:
            in_week = int(frequency.open_cells().sum())
            in_day = round(in_week / sum(frequency.open_weekdays()))
            in_year = round(in_week * 365.2425 / 7) - len(self.holidays.rules)
            found = [in_day, in_week, in_year if step == DAY else 0]
        else:
            found = [DAY // step if DAY % step == 0 else 0, 52 if step == WEEK else 0]
        return tuple(dict.fromkeys(period for period in found if 1 < period <= 10_080))

    @property
    def season(self) -> int | None:
        """The likeliest period in rows: 24 for hours, 7 for days, 5 for business days, 12 for months."""
        return self.seasons[0] if self.seasons else None

    def features(self, stamps: AnyArray) -> FloatArray:
        """Sine and cosine of where each of ``stamps`` (N,) lies in each cycle: (N, 2 · cycles) float32.

        A month's place in the year is that of its number, so that months of 28 and 31 days are alike.
        """
        if not self.cycles:
            return np.zeros((len(stamps), 0), dtype=np.float32)
        out = empty((len(stamps), 2 * len(self.cycles)), np.float32)
        for begin in range(0, len(stamps), _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            out[some] = self._waves(stamps[some])
        return out

    def _waves(self, stamps: AnyArray) -> FloatArray:
        """The same of some stamps, of which there is a cycle at least."""
        times = _times(stamps)
        phases = []
        for cycle in self.cycles:
            if cycle == "day":
                phases.append((times % DAY) / DAY)
            elif cycle == "week":
                phases.append(((times + 3 * DAY) % WEEK) / WEEK)
            elif self.frequency.unit == "months":
                phases.append(stamps.astype("datetime64[M]").astype(np.int64) % 12 / 12)
            else:
                year = stamps.astype("datetime64[Y]").astype("datetime64[us]").astype(np.int64)
                phases.append((times - year) / (365.2425 * DAY))
        angles = 2 * np.pi * np.stack(phases, axis=1)  # (N, cycles)
        waves = np.stack([np.sin(angles), np.cos(angles)], axis=2)
        return waves.reshape(len(times), -1).astype(np.float32)

    def beyond(self, window: int) -> Calendar:
        """The calendar without cycles that ``window`` steps show twice: what is seen need not be told."""
        if self.frequency.unit == "steps":
            return self
        step = self.frequency.count if self.frequency.unit == "time" else self.frequency.count * 30 * DAY
        kept = tuple(cycle for cycle in self.cycles if window * step < 2 * LENGTHS[cycle])
        return replace(self, cycles=kept)

    # ------------------------------------------------------------------ in words

    def describe(self) -> str:
        """The frequency in words: "hourly", "business days (Mon–Fri), 9 holidays a year"."""
        return describe(self.frequency, len(self.holidays.rules))

    def label(self, stamp: Any) -> str:
        """A stamp for a person: "Tue 3 Mar", "Mar 2012", "Q1 2012", "2012", "Tue 3 Mar 14:30", "1234"."""
        return self.writing.label(stamp, self.frequency)

    def iso(self, stamp: Any) -> str:
        """A stamp for a file, as short as the file wrote its own: "2012-03", "2012-03-06 14:30:00"."""
        return self.writing.iso(stamp, self.frequency)

    # ------------------------------------------------------------------ saved

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        frequency = self.frequency
        return {
            "name": "calendar.v1",
            "unit": frequency.unit,
            "count": frequency.count,
            "phase": frequency.phase,
            "anchor": list(frequency.anchor),
            "week": [list(run) for run in frequency.week],
            "regular": frequency.regular,
            "holidays": self.holidays.to_json(),
            "cycles": list(self.cycles),
            "writing": [self.writing.style, self.writing.joint, self.writing.zone],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calendar:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            frequency = _restore_frequency(data)
            holidays = Holidays.from_json(frequency.open_weekdays(), data["holidays"][:1000])
            writing = Writing(*data["writing"])
            cycles = tuple(cycle for cycle in CYCLES if cycle in data["cycles"])
            if data["name"] != "calendar.v1" or not writing.known:
                raise ValueError("an unknown way to write a stamp")
        except (KeyError, TypeError, ValueError, OverflowError, IndexError, AttributeError) as error:
            raise ModelError("the model's calendar cannot be read") from error
        return cls(frequency, holidays, cycles, writing)


def _times(stamps: AnyArray) -> IntArray:
    """Microseconds since 1970 (N,)."""
    return stamps.astype("datetime64[us]").astype(np.int64)


def _numbered(series: Sequence[AnyArray]) -> Frequency:
    """The frequency of rows that are numbered: the median distance of the numbers."""
    distances = np.concatenate([np.diff(each) for each in series]) if series else np.empty(0)
    middle = float(np.median(distances)) if len(distances) else 1.0
    return Frequency("steps", middle)


def _snap(frequency: Frequency, time: int) -> int:
    """``time`` on the grid, when it is a little off it (a last row written early or late)."""
    if not frequency.regular or frequency.phase is None:
        return time
    return int(frequency.cell_time(frequency.cell(np.array([time])))[0])


def hole_limit(rows: int, at_least: int) -> int:
    """Steps of the longest hole that may be filled in a series of ``rows``."""
    return max(rows // 10, at_least)


def longest_hole(filled: int, rows: int, at_least: int) -> int:
    """The longest hole that is filled, when those up to :func:`hole_limit` have ``filled`` steps in all.

    Where that would fill in more than four times the ``rows``, the long ones are left.
    """
    return 10 if at_least <= 10 and filled > 4 * rows else hole_limit(rows, at_least)


def _cycles(frequency: Frequency, span: int) -> tuple[str, ...]:
    """Cycles that rows of ``frequency`` over ``span`` microseconds show twice, at three places or more."""
    if frequency.unit == "steps":
        return ()
    step = frequency.count if frequency.unit == "time" else frequency.count * 30 * DAY
    kept = [cycle for cycle in CYCLES if span >= 2 * LENGTHS[cycle] - step and step * 3 <= LENGTHS[cycle]]
    if "week" in kept and sum(frequency.open_weekdays()) < 2:
        kept.remove("week")
    return tuple(kept)


def _restore_frequency(data: Mapping[str, Any]) -> Frequency:
    """The frequency of a saved calendar. Raises ValueError for values that could not be used."""
    kind, which, weekday = data["anchor"]
    frequency = Frequency(
        str(data["unit"]),
        data["count"],
        None if data["phase"] is None else int(data["phase"]),
        (str(kind), int(which), int(weekday)),
        tuple((int(start), int(stop)) for start, stop in data["week"]),
        bool(data["regular"]),
    )
    whole = frequency.unit == "steps" or isinstance(frequency.count, int)
    limit = {"steps": 1e15, "time": 3_652_500 * DAY, "months": 120_000}[frequency.unit]
    anchors = {"date": (1, 31), "weekday": (0, 25), "business": (-1, 1)}[frequency.anchor[0]]
    if not (whole and 0 < frequency.count <= limit and abs(frequency.phase or 0) <= 36_525 * DAY):
        raise ValueError("a frequency out of range")
    if not anchors[0] <= frequency.anchor[1] <= anchors[1] or not 0 <= frequency.anchor[2] <= 6:
        raise ValueError("a day of the month out of range")
    if frequency.week and (
        frequency.count < SECOND or not frequency.cells or not frequency.open_cells().any()
    ):
        raise ValueError("a week that is never open")
    return frequency
