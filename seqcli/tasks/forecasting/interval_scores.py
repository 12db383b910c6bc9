"""How good intervals are, and intervals that are calibrated anew as time goes on.

The interval score of the central interval [l, u] of coverage 1 − α is

    (u − l) + 2/α · (l − y) · 1{y < l} + 2/α · (y − u) · 1{y > u}

which is least, in expectation, for the true quantiles (Gneiting & Raftery 2007, "Strictly proper scoring
rules, prediction, and estimation", section 6.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.windowing import evenly
from seqcli.sequences import IntArray
from seqcli.tasks.forecasting.conformal import conformal_radii

Array = NDArray[np.float64]

MOST_CALIBRATIONS = 50
"""Times that rolling intervals are calibrated anew; between them, what was known the last time holds."""
MOST_RESIDUALS = 1_000
"""Windows whose residuals are looked at each time, evenly spread."""
MOST_NUMBERS = 1_000_000
"""The same times horizon and targets, of which a hundred windows are looked at in any case."""


@dataclass(frozen=True)
class IntervalSums:
    """Sums over the scored steps of one interval, which add up over windows, series and folds."""

    steps: int = 0
    inside: int = 0
    width: float = 0.0
    scaled_steps: int = 0
    """Steps of series that have a scale."""
    score: float = 0.0
    """In units of the scale."""

    @classmethod
    def of(cls, level: int, actual: Array, bounds: tuple[Array, Array], scales: Array) -> IntervalSums:
        """Hold ``bounds`` (low, high), each (N, H, K), of ``level`` percent against ``actual`` (N, H, K).

        ``scales`` (N, K) are the units of the score; NaN leaves a window out of it.
        """
        low, high = bounds
        known = ~np.isnan(actual)
        with np.errstate(over="ignore", invalid="ignore"):
            score = interval_score(level, actual, low, high) / scales[:, None]
            scored = known & ~np.isnan(score)
            return cls(
                int(known.sum()),
                int(((actual >= low) & (actual <= high))[known].sum()),
                float((high - low)[known].sum()),
                int(scored.sum()),
                float(score[scored].sum()),
            )

    def __add__(self, other: IntervalSums) -> IntervalSums:
        return IntervalSums(
            self.steps + other.steps,
            self.inside + other.inside,
            self.width + other.width,
            self.scaled_steps + other.scaled_steps,
            self.score + other.score,
        )


def interval_score(level: int, actual: Array, low: Array, high: Array) -> Array:
    """The score of each step (N, H, K): the width, and 2/α times what a value lies outside."""
    alpha = 1 - level / 100
    outside = np.maximum(low - actual, 0.0) + np.maximum(actual - high, 0.0)
    return np.asarray((high - low) + 2 / alpha * outside)


def rolling_radii(
    residuals: Array, since: IntArray, origins: IntArray, levels: Sequence[int], saved: Array
) -> Iterator[tuple[IntArray, Array]]:
    """(which of the origins, half widths (L, H, K)) of intervals that learn from what has come by then.

    ``residuals`` (N, H, K) are those of windows whose first step is at ``since`` (N,), on a clock that all
    series share; NaN marks unscored ones. At an origin of ``origins`` (M,) on that clock only values that
    are at least a horizon old count. Steps of which nothing is known so far keep those ``saved`` (L, H, K).
    """
    horizon = residuals.shape[1]
    most = int(np.clip(MOST_NUMBERS // max(residuals[0].size, 1), 100, MOST_RESIDUALS)) if len(since) else 0
    moments = np.unique(origins)
    moments = moments[:: max(-(-len(moments) // MOST_CALIBRATIONS), 1)]
    groups = np.searchsorted(moments, origins, side="right") - 1
    at = since[:, None] + np.arange(horizon)  # (N, H): when each value came
    for group, moment in enumerate(moments.tolist()):
        rows = np.flatnonzero(groups == group)
        old = at <= moment - horizon
        picked = evenly(np.flatnonzero(old.any(axis=1)), most)
        known = np.where(old[picked, :, None], residuals[picked], np.nan)
        there = (~np.isnan(known)).any(axis=0)  # (H, K)
        yield rows, np.where(there, conformal_radii(known, levels), saved)
