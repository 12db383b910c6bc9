"""How much worse a forecast gets when an input says nothing any more: it is shuffled among windows.

Permutation importance (Breiman 2001; of any model Fisher, Rudin and Dominici 2019, arXiv:1801.01489): the
error with the values of a column, or of a block of its lags, taken from other windows, over the error as it
is, less 1. A column moves to another window relative to the mean of its window: a forecast knows where its
own series stands, and a value from another year would be an accident, not the absence of knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.windowing import evenly
from seqcli.tasks.forecasting.influence import Channel, Opened, Outputs, Probe
from seqcli.tasks.forecasting.rows import panel_columns
from seqcli.tasks.forecasting.windows import VALUES, ForecastWindows, Frame

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]

WINDOWS = 100
"""Windows that are shuffled, evenly spread over the file."""
FEWEST_WINDOWS = 24
LEAST_WINDOWS = 8
"""Fewer say nothing."""
REPEATS = 5
MOST_RUNS = 16_000
"""Windows forecast in all; where columns are many, fewer windows stand for the file."""
BLOCKS = 12
"""About as many blocks of lags a column has."""
IN_BLOCKS = 4
"""So many of the columns that matter most are looked at in blocks, and every target."""
_NOTHING = 1e-9


@dataclass(frozen=True)
class Permuted:
    """What shuffling one input did to the error of each of K targets."""

    column: str
    lags: tuple[int, int] | None
    """Nearest and farthest; None for what is said of a series once"""
    whole: bool
    """Whether all of the column was shuffled, not a block of lags."""
    rise: Array
    """(K,) rise of the error as a share of it"""
    spread: Array
    """(K,) standard deviation over the repeats"""


@dataclass(frozen=True)
class Shuffling:
    """Windows that can be scored, and the means to forecast from what is made of them."""

    task: Forecast
    run: Outputs
    scored: ForecastWindows
    steps: NDArray[np.bool_]
    """(H,) steps of the horizon that are asked for"""
    seed: int

    def importance(self, every: Sequence[Channel]) -> list[Permuted]:
        """Every column, the strongest first; then blocks of lags of the strongest columns."""
        names = list(dict.fromkeys(channel.name for channel in every))
        frame = self.task.frame
        targets = self.task.plan.target
        in_blocks = min(IN_BLOCKS + len(targets), len(panel_columns(self.task.plan)))
        most = MOST_RUNS // (REPEATS * (len(names) + BLOCKS * in_blocks))
        some = self.scored.take(evenly(np.arange(len(self.scored)), min(WINDOWS, max(FEWEST_WINDOWS, most))))
        own = _Errors(self, some, _error(self, some, some))
        whole = [Probe(channel, 0, channel.steps(frame.window, frame.horizon)) for channel in every]
        columns = [own.without([probe for probe in whole if probe.channel.name == name]) for name in names]
        columns.sort(key=lambda each: -float(each.rise.max()))
        values = {channel.name: channel for channel in every if channel.field == VALUES}
        strongest = [each.column for each in columns if each.column in values]
        apart = dict.fromkeys([*strongest[:IN_BLOCKS], *targets])
        blocks = [
            own.without([Probe(values[name], first, last)], whole=False)
            for name in apart
            for first, last in (lag_blocks(frame) if frame.window > 1 else ())
        ]
        return [*columns, *blocks]


@dataclass(frozen=True)
class _Errors:
    """Errors of some windows, as they are and shuffled."""

    how: Shuffling
    windows: ForecastWindows
    plain: Array
    """(K,)"""

    def without(self, probes: Sequence[Probe], whole: bool = True) -> Permuted:
        """The error when ``probes``, which are one input, come from other windows."""
        shuffled = []
        for repeat in range(REPEATS):
            order = np.random.default_rng([self.how.seed, repeat]).permutation(len(self.windows))
            opened = Opened.of(self.windows, np.arange(len(self.windows), dtype=np.int64))
            for probe in probes:
                values = probe.channel.of(opened)
                middle = values.mean(axis=1, keepdims=True) * (probe.channel.field == VALUES)
                part = slice(probe.first, probe.last)
                values[:, part] = middle + (values[order, part] - middle[order])
            shuffled.append(_error(self.how, opened.closed(self.windows), self.windows))
        share = np.array(shuffled) / np.maximum(self.plain, _NOTHING) - 1  # (repeats, K)
        every = [lags for probe in probes if (lags := probe.lags(self.how.task.frame.window))]
        lags = (min(near for near, _ in every), max(far for _, far in every)) if every else None
        return Permuted(probes[0].channel.name, lags, whole, share.mean(axis=0), share.std(axis=0, ddof=1))


def _error(how: Shuffling, windows: ForecastWindows, scored: ForecastWindows) -> Array:
    """Mean absolute error of each target, (K,), of ``windows`` against what came behind the ``scored`` ones.

    In spreads of the targets; in a panel hard series count no more than easy ones.
    """
    task = how.task
    miss = task.mixture.combined(windows.past(), how.run(windows), task.frame) - scored.scaled_actual()
    asked = np.abs(miss / task.frame.target_spread / scored.own_units)[:, how.steps]
    known = ~np.isnan(asked)
    total = np.where(known, asked, 0.0).sum(axis=(0, 1))
    return np.asarray(total / np.maximum(known.sum(axis=(0, 1)), 1))


def lag_blocks(frame: Frame) -> list[tuple[int, int]]:
    """About :data:`BLOCKS` stretches (first step, last step + 1) of a window, the newest first.

    Whole seasons where the window has several of them.
    """
    size, season = -(-frame.window // BLOCKS), frame.season
    if 1 < season <= frame.window // 6:
        size = season * max(1, round(size / season))
    ends = range(frame.window, 0, -size)
    return [(max(end - size, 0), end) for end in ends]
