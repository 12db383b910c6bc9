"""The newest steps of a series whose rows come one at a time: all that a forecast reads of it.

A forecast reads a window of steps, and three things that older rows decide: the value that a missing
cell carries on, how long a hole may be and still be filled, and the scaling of a series that training
has not seen. So a :class:`History` holds a window of rows and a few numbers, however long the series
grows, and gives the same steps that the whole file would.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.calendar import Calendar, hole_limit, longest_hole
from seqcli.sequences import AnyArray
from seqcli.tasks.forecasting.running import RunningScale
from seqcli.tasks.forecasting.scaling import SeriesScaling

Array = NDArray[np.float64]

WAITING = 1000
"""Lengths of long holes that are remembered until the series is long enough to fill them."""


class History:
    """The newest rows of one series.

    ``steps`` is how many steps of the grid will be asked for, ``scaling`` has the columns' logarithms,
    ``row`` is the series' number in it, None for one that training has not seen.
    """

    def __init__(
        self, key: tuple[str, ...], steps: int, calendar: Calendar, scaling: SeriesScaling, row: int | None
    ) -> None:
        self.key = key
        self.rows = 0
        """Rows so far, those that are no longer held too."""
        self.stamps: deque[Any] = deque()
        self.values: deque[Array] = deque()
        self.known = row is not None
        self.seen = np.zeros(len(scaling.logs), dtype=bool)
        """(F,) columns that had a value."""
        self.static: list[str] = []
        """One cell for each static column."""
        self._steps, self._calendar = steps, calendar
        self._logs = scaling.logs
        self._floor = None if row is None else scaling.floor[row]
        self.older = RunningScale(scaling.logs)
        """Of the rows before the newest."""
        columns = len(scaling.logs)
        self._value, self._distance = np.full(columns, np.nan), np.zeros(columns)
        """(F,) the last value ahead of what is held, and how many steps ahead of its first step."""
        self._cells, self._filled, self._waiting = 0, 0, Counter[int]()
        self._merged: tuple[Array, Array] = (np.zeros(columns), np.zeros(columns))
        """(F,) sums and counts of the rows that were merged into the newest."""

    @property
    def last(self) -> Any:
        """The stamp of the newest row."""
        return self.stamps[-1]

    @property
    def scale(self) -> RunningScale:
        """What the scaling of an unseen series is made of."""
        return self.older.plus(self.values[-1])

    def add(self, stamp: Any, values: Array, merge: str | None = None) -> bool:
        """Take the next row, with values (F,); False, and nothing taken, when it is not newer.

        A row at the very time of the newest becomes one with it by ``merge`` ("sum", "mean" or "last").
        """
        self.seen |= ~np.isnan(values)
        if self.rows and stamp == self.last and merge is not None:
            self._merge(values, merge)
            return True
        if self.rows:
            if not stamp > self.last:
                return False
            self._count_hole(stamp)
            if not self.known:
                self.older = self.scale
        self._cells = max(self._cells, 1)
        self.rows += 1
        self.stamps.append(stamp)
        self.values.append(values)
        self._merged = (np.where(np.isnan(values), 0.0, values), ~np.isnan(values) * 1.0)
        if len(self.stamps) > self._steps + 1:
            self._drop()
        return True

    def holds(self, steps: int) -> bool:
        """Whether the newest steps are so many."""
        return len(self.newest(steps)[0]) >= steps

    def newest(self, count: int) -> tuple[AnyArray, Array]:
        """The last ``count`` steps, gaps filled: stamps (T,) and values (T, F), T ≤ ``count`` + 1.

        When there are more, one step stands ahead of them which holds the last known values: what
        a missing cell at the front of the window carries on, or is drawn a line from.
        """
        held, values = self._filled_in()
        front = len(held) - count - 1
        if front < 0:
            return held, values
        before = values[: front + 1]
        edge = np.where(np.isnan(before[-1]), self._carried(before), before[-1])
        return held[front:], np.concatenate([edge[None], values[front + 1 :]])

    def on_line(self, count: int) -> tuple[AnyArray, Array]:
        """As :meth:`newest`, (T,) and (T, F), but the step ahead lies where interpolation puts it."""
        stamps, values = self.newest(count)
        if len(stamps) <= count:
            return stamps, values
        held, whole = self._filled_in()
        front = len(held) - count - 1
        floor = self.scale.fitted("standard.v1")[2] if self._floor is None else self._floor
        for column in np.flatnonzero(np.isnan(whole[front]) & ~np.isnan(values[0])):
            own = whole[:, column]
            later = np.flatnonzero(~np.isnan(own[front:]))
            if not len(later):
                continue
            known = np.flatnonzero(~np.isnan(own[:front]))
            start = known[-1] - front if len(known) else -front - int(self._distance[column])
            stop = later[0]
            ends = np.array([values[0, column], own[front + stop]])
            if self._logs[column]:
                ends = np.log(np.maximum(ends, floor[column]))
            at = np.interp(0, [start, stop], ends)
            values[0, column] = np.exp(at) if self._logs[column] else at
        return stamps, values

    # ------------------------------------------------------------------ inside

    def _merge(self, values: Array, merge: str) -> None:
        sums, counts = self._merged
        sums, counts = sums + np.where(np.isnan(values), 0.0, values), counts + ~np.isnan(values)
        self._merged = (sums, counts)
        if merge == "last":
            self.values[-1] = values
        else:
            with np.errstate(invalid="ignore"):
                merged = sums / counts if merge == "mean" else sums
            self.values[-1] = np.where(counts > 0, merged, np.nan)

    def _line(self) -> AnyArray:
        line = np.array(self.stamps)
        return line.astype("datetime64[us]") if line.dtype.kind == "M" else line

    def _count_hole(self, stamp: Any) -> None:
        """Remember how many steps lie between the newest row and ``stamp``."""
        if not self._calendar.frequency.regular:
            return
        missing = int(self._calendar.holes(np.array([self.last, stamp]))[0])
        self._cells += missing >= 0 or not self._calendar.frequency.on_days
        if missing > 0:
            self._waiting[missing] += 1
            if len(self._waiting) > WAITING:
                del self._waiting[max(self._waiting)]

    def _longest(self) -> int:
        """The longest hole that is filled in a series of so many rows."""
        least = self._calendar.least_break
        for size in [size for size in self._waiting if size <= hole_limit(self._cells, least)]:
            self._filled += size * self._waiting.pop(size)
        return longest_hole(self._filled, self._cells, least)

    def _filled_in(self) -> tuple[AnyArray, Array]:
        """All held steps, gaps filled: stamps (T,) and values (T, F)."""
        stamps, values = self._line(), np.stack(self.values)
        gaps = self._calendar.gaps(stamps, self._longest())
        if not len(gaps):
            return stamps, values
        line = np.concatenate([stamps, gaps])
        order = np.argsort(line, kind="stable")
        empty = np.full((len(gaps), values.shape[1]), np.nan)
        return line[order], np.concatenate([values, empty])[order]

    def _carried(self, before: Array) -> Array:
        """The last known value (F,) of each column in ``before`` (T, F), or ahead of what is held."""
        known = ~np.isnan(before)
        last = np.where(known.any(axis=0), len(before) - 1 - known[::-1].argmax(axis=0), 0)
        found = before[last, np.arange(before.shape[1])]
        return np.where(known.any(axis=0), found, self._value)

    def _drop(self) -> None:
        """Let the oldest row go; what it knows is kept as what stands ahead."""
        pair = self._line()[:2]
        steps = 1 + len(self._calendar.gaps(pair, self._longest()))
        oldest = self.values.popleft()
        self.stamps.popleft()
        known = ~np.isnan(oldest)
        self._value = np.where(known, oldest, self._value)
        self._distance = np.where(known, 0, self._distance) + steps
