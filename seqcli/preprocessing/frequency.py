"""How far apart the rows of a time series are: found from the stamps, and the grid they lie on.

A frequency is one of three: a number of steps (rows that are numbered, not dated), a span of time
(seconds to weeks), or a number of months with a day in the month (its 15th, its end, its third
Friday). A span of time may have a *week*: the cells of the week in which something happens, such as
Monday to Friday, or 9:30 to 16:00 on those. Times are integers: microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.holidays import weekday_in_month
from seqcli.sequences import AnyArray, IntArray

Flags = NDArray[np.bool_]

SECOND = 1_000_000
MINUTE, HOUR, DAY, WEEK = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND, 604_800 * SECOND
MONDAY = -3 * DAY
"""The Monday before 1970-01-01: where weeks are counted from."""

BREAK_DAYS = 20
"""Days of rows that it takes to believe in a break of one cell."""
MAX_RUNS = 60
"""A week with more separate opening hours than this is noise, not a timetable."""


@dataclass(frozen=True)
class Frequency:
    """The grid of a series. Which fields count depends on ``unit``."""

    unit: str
    """"steps", "time" or "months"."""
    count: float
    """Numbers, microseconds or months from one row to the next."""
    phase: int | None = 0
    """time: where the grid lies, microseconds from a Monday's midnight, modulo ``count`` (None when it
    lies nowhere for long: it goes on from the last row); months: the time of day."""
    anchor: tuple[str, int, int] = ("date", 1, 0)
    """months: ("date", day, 0), the month's end when it is shorter; ("weekday", first of seven dates
    or 0 for the last, weekday); ("business", 1 first or -1 last weekday, 0)."""
    week: tuple[tuple[int, int], ...] = ()
    """time: open runs (start, stop) in cells of ``count`` from Monday; () when always open."""
    regular: bool = True
    """False when the rows lie on no grid and ``count`` is only their median distance."""

    @property
    def cells(self) -> int:
        """Cells of ``count`` in a week; 0 where a day is no whole number of them, or they are too many."""
        count = int(self.count)
        return WEEK // count if self.unit == "time" and count >= SECOND and DAY % count == 0 else 0

    @property
    def on_days(self) -> bool:
        """Whether rows are placed on single calendar days or cells of them (weeks and months are not)."""
        return self.regular and self.cells > 0 and self.phase is not None

    def open_cells(self) -> Flags:
        """Flag of each cell of a week (cells,), Monday first."""
        if not self.week:
            return np.ones(self.cells, dtype=bool)
        flags = np.zeros(self.cells, dtype=bool)
        for start, stop in self.week:
            flags[start:stop] = True
        return flags

    def open_weekdays(self) -> tuple[bool, ...]:
        """Which weekdays have an open cell, Monday first."""
        if not self.cells:
            return (True,) * 7
        flags: list[bool] = self.open_cells().reshape(7, -1).max(axis=1).tolist()
        return tuple(flags)

    def cell(self, times: IntArray) -> IntArray:
        """Number of each time's cell (N,), counted from 1969-12-29 on."""
        early = min(int(self.count) // 12, HOUR)  # a clock that runs ahead, a night of summer time
        return np.asarray((times - MONDAY - (self.phase or 0) + early) // int(self.count), dtype=np.int64)

    def cell_time(self, cells: IntArray) -> IntArray:
        """Time at which each cell begins (N,): the inverse of :meth:`cell` on the grid."""
        return np.asarray(cells * int(self.count) + MONDAY + (self.phase or 0), dtype=np.int64)


def find_frequency(series: Sequence[IntArray]) -> Frequency:
    """The frequency of ``series``, each (T,) of ascending, distinct times in microseconds."""
    series = [times for times in series if len(times) > 1] or list(series[:1])
    distances = (
        np.concatenate([np.diff(times) for times in series]) if series else np.empty(0, dtype=np.int64)
    )
    if not len(distances):
        return _on_grid(DAY, np.concatenate(series) if series else np.zeros(1, dtype=np.int64))
    times = ascending(np.concatenate(series))
    middle = float(np.median(distances))
    if middle >= 27.5 * DAY:
        months = _months(series, times)
        if months is not None:
            return months
    return _span(series, times, distances, middle)


def _span(series: Sequence[IntArray], times: IntArray, distances: IntArray, middle: float) -> Frequency:
    """A span of time between rows: days, a part of a day, weeks, or nothing regular."""
    common, share = _mode(distances)
    if middle >= 0.9 * DAY and _share_at_one_time_of_day(times) >= 0.95:
        days = _on_grid(DAY, times)
        between = np.concatenate([np.diff(days.cell(each)) for each in series])
        days_apart, share = _mode(between)
        if middle <= 3.5 * DAY and (days_apart == 1 or share < 0.9):
            with_week = _find_week(days, times)
            if with_week is not None:
                return with_week
        whole = float(np.mean(between % max(days_apart, 1) == 0))
        if days_apart > 0 and (share >= 0.8 or (share >= 0.5 and whole >= 0.95)):
            return _on_grid(days_apart * DAY, times)
    elif share >= 0.5:
        for step in (common, _grid_of_day(times)):
            with_week = _find_week(_on_grid(step, times), times) if step else None
            if with_week is not None:
                return with_week
        return _on_grid(common, times)
    elif middle < 0.9 * DAY:
        step = _grid_of_day(times)
        with_week = _find_week(_on_grid(step, times), times) if step else None
        if with_week is not None:
            return with_week
    return Frequency("time", _rounded(middle, times), regular=False)


def _on_grid(step: int, times: IntArray) -> Frequency:
    """The plain grid of ``step`` microseconds at the phase that most of ``times`` have."""
    phase, share = _mode((times - MONDAY) % int(step))
    return Frequency("time", int(step), phase=phase if share >= 0.8 or step == DAY else None)


def ascending(values: AnyArray) -> AnyArray:
    """Distinct ``values`` (N,) in order; those that are already cost one look, not a sort."""
    new = np.append(True, values[1:] > values[:-1])
    if new.all():
        return values
    distinct: AnyArray = values[new] if (values[1:] >= values[:-1]).all() else np.unique(values)
    return distinct


def _mode(values: IntArray) -> tuple[int, float]:
    """The most frequent value (the smallest of equals) and its share."""
    distinct, counts = np.unique(values, return_counts=True)
    best = int(np.argmax(counts))
    return int(distinct[best]), float(counts[best] / len(values))


def _share_at_one_time_of_day(times: IntArray) -> float:
    """Share of rows within an hour (and a little) of the usual time of day, across summer time."""
    usual = _mode(times % DAY)[0]
    off = (times - usual + DAY // 2) % DAY - DAY // 2
    return float(np.mean(np.abs(off) <= 1.1 * HOUR))


def _grid_of_day(times: IntArray) -> int:
    """The coarsest step that holds all usual times of day, when they are few; else 0."""
    clock, counts = np.unique(times % DAY, return_counts=True)
    clock = clock[counts >= 0.1 * counts.max()]
    if len(clock) > 48 or len(times) < 3 * len(clock):
        return 0
    step = int(np.gcd.reduce(np.append(np.diff(clock), DAY)))
    return step if step >= MINUTE else 0


def _rounded(middle: float, times: IntArray) -> int:
    """The median distance, in whole days, minutes or seconds where all stamps are, else three digits."""
    for unit in (DAY, MINUTE, SECOND):
        if not (times % unit).any():
            return max(round(middle / unit), 1) * unit
    return max(round(float(f"{middle:.3g}")), 1)


def _find_week(grid: Frequency, times: IntArray) -> Frequency | None:
    """``grid`` with the open cells of its week, or None when the rows do not fill those cells."""
    if not grid.cells:
        return None
    cells = ascending(grid.cell(times))
    on_grid = np.abs(grid.cell_time(grid.cell(times)) - times) <= max(grid.count // 12, 1)
    if grid.count < DAY and on_grid.mean() < 0.95:
        return None
    per_day = grid.cells // 7
    present = np.bincount(cells % grid.cells, minlength=grid.cells).reshape(7, per_day)
    first, last = int(cells[0]), int(cells[-1])
    whole, rest = divmod(last - first + 1, grid.cells)
    seen = np.full(grid.cells, whole)  # how often each cell of the week came by
    seen[(first + np.arange(rest)) % grid.cells] += 1
    weekdays = np.bincount(ascending(cells // per_day) % 7, minlength=7)
    days_first, days_last = first // per_day, last // per_day
    weekdays_seen = np.array(
        [len(range(days_first + (at - days_first) % 7, days_last + 1, 7)) for at in range(7)]
    )
    open_days = _open_weekdays(weekdays, weekdays_seen)
    flags = np.repeat(open_days[:, None], per_day, axis=1)
    if per_day > 1:
        flags &= _open_clock(cells, per_day)
    if whole >= 8:
        flags &= _is_open(present.ravel(), seen).reshape(7, per_day)
    open_flags = flags.ravel()
    if not open_flags.any():
        return None
    filled = present.ravel()[open_flags].sum() / max(seen[open_flags].sum(), 1)
    outside = present.ravel()[~open_flags].sum() / len(cells)
    if filled < 0.5 or outside > 0.1:
        return None
    if open_flags.all():
        return grid
    runs = _runs(open_flags)
    return replace(grid, week=runs) if len(runs) <= MAX_RUNS else None


def _is_open(counts: IntArray, seen: IntArray, chance: float = 0.01, unseen: int = 0) -> Flags:
    """Cells that are not closed: closed ones hold rows half as often as the best, and not by chance.

    ``counts`` of ``seen`` times a cell held a row. If rows are missing at random with the rate of the
    open cells (``unseen`` more than are seen), one closed by chance among all is less likely than
    ``chance`` (Chernoff's bound on the binomial tail, exp(-n KL)).
    """
    share = counts / np.maximum(seen, 1)
    typical = float(np.quantile(share[seen > 0], 0.9 if len(share) > 10 else 1.0)) if seen.any() else 0.0
    is_open = np.asarray((share >= 0.5 * typical) | (seen == 0))
    filled = counts[is_open].sum() / max(int(seen[is_open].sum()) + unseen, 1)
    rate = share[~is_open]
    with np.errstate(divide="ignore"):  # where no row is ever missing, none is by chance: log 0 = -inf
        distance = (1 - rate) * (np.log1p(-rate) - np.log(1 - filled))
    distance += rate * np.log(np.maximum(rate, 1e-300) / max(filled, 1e-300))
    is_open[~is_open] = len(share) * np.exp(-seen[~is_open] * distance) >= chance
    return is_open


def _open_clock(cells: IntArray, per_day: int) -> Flags:
    """Times of day with rows (per_day,). One that was passed over once only may be a gap."""
    days = ascending(cells // per_day)
    clock = np.arange(per_day)
    passed = len(days) - (clock < cells[0] % per_day) - (clock > cells[-1] % per_day)
    # One row more is taken to be missing than is, or two gaps in a short file would be closing hours.
    flags = _is_open(np.bincount(cells % per_day, minlength=per_day), passed, unseen=1)
    # A closed time between two open ones is a break at noon, or gaps fell on it: that takes days to tell.
    alone = np.roll(flags, 1) & np.roll(flags, -1) & (passed < BREAK_DAYS)
    return np.asarray(flags | alone | (passed < 2))


def _open_weekdays(counts: IntArray, seen: IntArray) -> Flags:
    """Weekdays with rows (7,). A closed one that came by once must lie in a weekend of two."""
    flags = _is_open(counts, seen, chance=0.05)
    for at in np.flatnonzero(~flags & (seen < 2)):
        if flags[at - 1] and flags[(at + 1) % 7]:
            flags[at] = True
    return flags


def _runs(flags: Flags) -> tuple[tuple[int, int], ...]:
    """Runs (start, stop) of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return tuple((int(start), int(stop)) for start, stop in edges.reshape(-1, 2))


def _months(series: Sequence[IntArray], times: IntArray) -> Frequency | None:
    """A frequency of whole months, or None: two rows in one month, or a day that is all over it."""
    between = np.concatenate([np.diff(_month(each)) for each in series])
    if between.min() < 1:
        return None
    count, share = _mode(between)
    if np.mean(between % count == 0) < 0.95:
        count = int(np.gcd.reduce(between))
    if len(between) * count < 0.5 * between.sum():
        return None
    anchor, kept = _anchor(times)
    same_distance = _mode(np.concatenate([np.diff(each) for each in series]))[1]
    if kept < 0.95 and (len(between) > 2 and same_distance >= 0.8):
        return None  # every four weeks, say
    if kept < 0.8 and share < 0.9:
        return None
    return Frequency("months", count, phase=_mode(times % DAY)[0], anchor=anchor)


def _month(times: IntArray) -> IntArray:
    """Months since 1970-01 (N,)."""
    return times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def _anchor(times: IntArray) -> tuple[tuple[str, int, int], float]:
    """The day in the month that most stamps keep, and the share that does."""
    months = _month(times)
    days = times // DAY
    date = days - _first_of(months) + 1
    common = _mode(date)[0]
    weekday = _mode((days + 3) % 7)[0]
    week = _mode((date - 1) // 7)[0]
    tries = [("date", common, 0)] if common <= 28 else []
    tries += [("date", 31, 0), ("date", int(date.max()), 0), ("business", 1, 0), ("business", -1, 0)]
    tries += [("weekday", min(7 * week + 1, 22), weekday), ("weekday", 0, weekday)]
    shares = [float(np.mean(anchor_days(months, anchor) == days)) for anchor in tries]
    best = int(np.argmax(shares))
    if shares[best] < 0.5:
        return ("date", int(np.median(date)), 0), shares[best]
    return tries[best], shares[best]


def _first_of(months: IntArray) -> IntArray:
    """Day number of the first of each month (N,)."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def anchor_days(months: IntArray, anchor: tuple[str, int, int]) -> IntArray:
    """Day number in each of ``months`` (N,), counted since 1970-01, that ``anchor`` names."""
    kind, which, weekday = anchor
    first = _first_of(months)
    last = _first_of(months + 1) - 1
    if kind == "date":
        return np.minimum(first + which - 1, last)
    if kind == "business":
        shift, day = (([0] * 5 + [2, 1]), first) if which > 0 else (([0] * 5 + [-1, -2]), last)
        return np.asarray(day + np.array(shift)[(day + 3) % 7], dtype=np.int64)
    found = [weekday_in_month(*divmod_month(month), which, weekday) for month in months.tolist()]
    return np.array(found, dtype=np.int64)


def divmod_month(month: int) -> tuple[int, int]:
    """(year, month 1–12) of a month counted since 1970-01."""
    return 1970 + month // 12, month % 12 + 1
