"""The newest rows of a series whose network carries its state: what it has to read next, and what is kept.

Of older rows the state of the network is all that is left, but for a window of scaled targets (which the
other members of the forecast read) and a few numbers. So a row costs one step, however long the series grows,
and what is said equals what is said of the whole file.

A row of the same moment may still change the newest row (``--aggregate``), so that the state *ahead* of what
is to be read is held until a newer row comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.indicators import INDICATORS, REACH, indicators
from seqcli.sequences import AnyArray, FloatArray
from seqcli.tasks.forecasting.carried import longest_gap
from seqcli.tasks.forecasting.derived import indicator_names
from seqcli.tasks.forecasting.scaling import SeriesScaling

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]

_LARGEST = np.finfo(np.float32).max / 4


class Ring:
    """The last ``size`` rows (K,) of many, and those ahead of the newest, always in one piece."""

    def __init__(self, size: int, columns: int) -> None:
        self._size, self._end = size, 0
        self._rows = np.zeros((2 * size + 2, columns), dtype=np.float32)

    def add(self, row: AnyArray) -> None:
        """One more row (K,)."""
        if self._end == len(self._rows):
            kept = self._size + 1
            self._rows[:kept] = self._rows[-kept:]
            self._end = kept
        self._rows[self._end] = row
        self._end += 1

    def drop(self) -> None:
        """Take the newest row back."""
        self._end -= 1

    def clear(self) -> None:
        """Forget all rows."""
        self._end = 0

    @property
    def last(self) -> FloatArray:
        """(size, K), once there are so many."""
        return self._rows[self._end - self._size : self._end]

    @property
    def before(self) -> FloatArray:
        """(size, K) ahead of the newest row."""
        return self._rows[self._end - self._size - 1 : self._end - 1]


@dataclass(frozen=True)
class Step:
    """One step of the grid, with values (F,) as in the file, and as the network reads them (F,)."""

    stamp: Any
    values: Array
    scaled: FloatArray


class NewestRows:
    """The newest rows of one series; ``row`` is its number in the scaling of ``task``, None for a new one."""

    def __init__(self, key: tuple[str, ...], name: str, task: Forecast, row: int | None) -> None:
        self.key, self.name, self.known = key, name, row is not None
        self.rows = self.steps = 0
        """Rows, and steps of the grid, so far."""
        self.last: Any = None
        """The stamp of the newest row."""
        self.static = [""] * len(task.plan.static)
        self.behind: list[tuple[Any, Array]] = []
        """Rows behind the last known target, which tell what is known ahead."""
        self.scaling: SeriesScaling | None = None if row is None else _alone(task.scaling, row)
        self.previous: Step | None = None
        """The step ahead of those to be read."""
        self.unread: list[Step] = []
        self.state: dict[str, FloatArray] | None = None
        """The state (r, H) ahead of the unread steps, None at the start, and what was said there ("output");
        ``after`` is that behind them, once they are read."""
        self.after: dict[str, FloatArray] | None = None
        targets, columns = len(task.plan.target), len(task.scaling.logs)
        self.past, self.scored = (Ring(task.frame.window, targets) for _ in range(2))
        """Scaled targets (W, K), and the same with NaN where the file has none."""
        self.first: FloatArray | None = None
        """The first of the latter, of a series that training has not seen."""
        self._task, self._early = task, list[tuple[Any, Array]]()
        self._known = tuple(deque[float](maxlen=REACH) for _ in task.plan.target if task.plan.indicators)
        nowhere = np.full(columns, np.nan)
        self._now = (nowhere, nowhere, np.full(targets, np.inf), np.full(targets, -np.inf), self._known)
        """(F,) last scaled and last known values, (K,) least and greatest targets, targets for indicators."""
        self._before = self._now
        """The same ahead of the newest step."""
        self._merged = (nowhere, nowhere)

    @property
    def filled(self) -> Array:
        """(F,) the last known value of each column."""
        return self._now[1]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(K,) targets that had a value."""
        return np.asarray(np.isfinite(self._now[2]))

    @property
    def flat(self) -> bool:
        """Whether every target has said the same all the time."""
        return bool((self._now[2] >= self._now[3]).all())

    def holds(self, steps: int) -> bool:
        """Whether there were so many steps."""
        return self.steps >= steps

    def add(self, stamp: Any, values: Array, merge: str | None = None) -> bool:
        """Take the next row, with values (F,); False, and nothing taken, when it is not newer.

        A row at the very time of the newest becomes one with it by ``merge`` ("sum", "mean" or "last").
        """
        if self.rows and stamp == self.last and merge is not None:
            values = self._with_newest(values, merge)
            if self.behind:
                self.behind.pop()
                self._take(stamp, values)
            else:
                self._undo()
                self._append(stamp, values)
            return True
        if self.rows and not stamp > self.last:
            return False
        self._merged = (np.where(np.isnan(values), 0.0, values), ~np.isnan(values) * 1.0)
        self._take(stamp, values)
        self.rows += 1
        self.last = stamp
        return True

    # ------------------------------------------------------------------ inside

    def _with_newest(self, values: Array, merge: str) -> Array:
        """Values (F,) merged with those of the rows of the same moment."""
        sums, counts = self._merged
        sums, counts = sums + np.where(np.isnan(values), 0.0, values), counts + ~np.isnan(values)
        self._merged = (sums, counts)
        if merge == "last":
            return values
        merged = sums / np.maximum(counts, 1) if merge == "mean" else sums
        return np.where(counts > 0, merged, np.nan)

    def _take(self, stamp: Any, values: Array) -> None:
        """A row that is newer than all steps."""
        if self._task.plan.ahead and self.seen.any() and np.isnan(values[: len(self.seen)]).all():
            self.behind.append((stamp, values))
            return
        rows, self.behind = [*self.behind, (stamp, values)], []
        if self.after is not None:
            self.state, self.after = self.after, None
            self.previous, self.unread = self.unread[-1], []
        for when, what in rows:
            for gap in self._gaps(when):
                self._append(gap, np.full(len(what), np.nan))
            self._append(when, what)
            self._line = when

    _line: Any = None
    """The stamp of the newest step."""

    def _gaps(self, stamp: Any) -> AnyArray:
        """The steps of the grid between the newest and ``stamp``, (M,)."""
        if not self.steps:
            return np.empty(0)
        task = self._task
        pair = np.array([self._line, stamp])
        return task.calendar.gaps(pair, longest_gap(task.calendar, task.frame.window))

    def _append(self, stamp: Any, values: Array) -> None:
        """One more step of the grid, with the values (F,) of its row."""
        self._before = self._now
        scaled, filled, low, high, known = self._now
        if known:
            known, extra = _followed(known, values)
            values = np.concatenate([values, extra[self._chosen]])
        targets = values[: len(low)]
        filled = np.where(np.isnan(values), filled, values)
        self._now = (scaled, filled, np.fmin(low, targets), np.fmax(high, targets), known)
        self.steps += 1
        if self.scaling is not None:
            self._early = []
            self._scale(stamp, values)
            return
        self._early.append((stamp, values))
        if len(self._early) == self._task.frame.window:
            early = np.stack([each for _, each in self._early])
            self.scaling = self._task.scaling.extended([self.name], [early])
            for step in self._early:
                self._scale(*step)
            self.first = self.scored.last.copy()

    def _scale(self, stamp: Any, values: Array) -> None:
        """A step as the network reads it."""
        assert self.scaling is not None
        own = self.scaling.transform(values[None], 0)[0]
        carried = np.where(np.isnan(own), self._now[0], own)
        self._now = (carried, *self._now[1:])
        scaled = np.clip(np.where(np.isnan(carried), 0.0, carried), -_LARGEST, _LARGEST).astype(np.float32)
        count = len(self.seen)
        self.unread.append(Step(stamp, values, scaled))
        self.past.add(scaled[:count])
        self.scored.add(np.where(np.isnan(values[:count]), np.nan, scaled[:count]))

    def _undo(self) -> None:
        """Take the newest step back."""
        self.steps -= 1
        self._now, self.after = self._before, None
        if self._early:
            self._early.pop()
            if self.scaling is not None:  # which was made of this step too
                self.scaling, self.unread = None, []
                self.past.clear()
                self.scored.clear()
            return
        self.unread.pop()
        self.past.drop()
        self.scored.drop()

    @cached_property
    def _chosen(self) -> list[int]:
        every = indicator_names(self._task.plan)
        return [every.index(name) for name in self._task.plan.indicators]


def _followed(known: tuple[deque[float], ...], values: Array) -> tuple[tuple[deque[float], ...], Array]:
    """The last known targets with those of one more row (F,), and the indicators there, NaN for unknown."""
    after, extra = [], []
    for own, value in zip(known, values, strict=False):
        if np.isnan(value):
            after.append(own)
            extra.append(np.full(len(INDICATORS), np.nan))
        else:
            after.append(deque([*own, value], maxlen=REACH))
            extra.append(indicators(np.array(after[-1]))[-1])
    return tuple(after), np.concatenate(extra)


def _alone(scaling: SeriesScaling, row: int) -> SeriesScaling:
    """The scaling of one series."""
    own = slice(row, row + 1)
    return replace(
        scaling,
        names=scaling.names[own],
        shift=scaling.shift[own],
        scale=scaling.scale[own],
        floor=scaling.floor[own],
    )


def together(series: Sequence[NewestRows]) -> SeriesScaling:
    """The scalings of some series as one."""
    scalings = [each.scaling for each in series if each.scaling is not None]
    return replace(
        scalings[0],
        names=tuple(each.name for each in series),
        shift=np.concatenate([each.shift for each in scalings]),
        scale=np.concatenate([each.scale for each in scalings]),
        floor=np.concatenate([each.floor for each in scalings]),
    )
