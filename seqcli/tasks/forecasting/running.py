"""The scaling of a series that training has not seen, kept up row by row.

A file of such a series is scaled by all of its rows. Of a stream nobody keeps them, so what the scaling
needs is counted as the rows pass: the same numbers come out, in memory that does not grow.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqcli.tasks.forecasting.scaling import FLOOR_SHARE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RunningScale:
    """Counts, means and ends, each (F,), of the columns of one series; :meth:`plus` adds a row.

    In a column seen as logarithms ``count``, ``mean`` and ``squares`` are those of ln x over positive
    values, ``low`` counts the others: they are read as the floor, which moves with the smallest value.
    """

    logs: NDArray[np.bool_]
    """(F,) columns seen as logarithms."""
    count: Array = field(default_factory=lambda: np.zeros(1))
    mean: Array = field(default_factory=lambda: np.zeros(1))
    squares: Array = field(default_factory=lambda: np.zeros(1))
    """(F,) sum of squared distances from the mean (Welford 1962)."""
    low: Array = field(default_factory=lambda: np.zeros(1))
    smallest: Array = field(default_factory=lambda: np.full(1, np.inf))
    largest: Array = field(default_factory=lambda: np.full(1, -np.inf))
    positive: Array = field(default_factory=lambda: np.full(1, np.inf))
    """(F,) smallest value above 0."""

    def plus(self, values: Array) -> RunningScale:
        """The same with one row of values (F,) more; NaN counts for nothing."""
        known = ~np.isnan(values)
        below = known & self.logs & (values <= 0)
        counted = known & ~below
        seen = np.log(values, where=self.logs & counted, out=np.where(counted, values, 0.0))
        count = self.count + counted
        away = np.where(counted, seen - self.mean, 0.0)
        mean = self.mean + away / np.maximum(count, 1)
        squares = self.squares + np.where(counted, away * (seen - mean), 0.0)
        return RunningScale(
            self.logs,
            count,
            mean,
            squares,
            self.low + below,
            np.fmin(self.smallest, values),
            np.fmax(self.largest, values),
            np.fmin(self.positive, np.where(values > 0, values, np.inf)),
        )

    @property
    def constant(self) -> NDArray[np.bool_]:
        """(F,) columns that had no two different values."""
        return np.asarray(self.smallest >= self.largest)

    def fitted(self, scaler: str) -> tuple[Array, Array, Array]:
        """Shift, scale and floor, each (F,): what "standard.v1" or "minmax.v1" learn from all the rows."""
        floor = np.where(np.isfinite(self.positive), self.positive * FLOOR_SHARE, 1.0)
        floor = np.maximum(floor, np.finfo(np.float64).tiny)
        if scaler.startswith("minmax"):
            shift, scale = self._ends(floor)
        else:
            shift, scale = self._spread(np.log(floor))
        usable = np.isfinite(scale) & (scale > 0)  # squares of huge numbers are infinite
        return np.where(np.isfinite(shift), shift, 0.0), np.where(usable, scale, 1.0), floor

    def _ends(self, floor: Array) -> tuple[Array, Array]:
        """The smallest value and the distance to the largest, each (F,)."""
        ends = np.stack([self.smallest, self.largest])
        logged = np.log(np.maximum(ends, floor), where=self.logs, out=ends.copy())
        low, high = np.where(np.isfinite(logged), logged, 0.0)
        return low, np.where(high - low < 10 * np.finfo(np.float64).eps, 1.0, high - low)

    def _spread(self, bottom: Array) -> tuple[Array, Array]:
        """Mean and standard deviation, each (F,), where ``low`` values count as ``bottom`` (F,)."""
        count = np.maximum(self.count + self.low, 1)
        mean = (self.count * self.mean + self.low * bottom) / count
        squares = self.squares + self.count * (self.mean - mean) ** 2 + self.low * (bottom - mean) ** 2
        variance = squares / count
        noise = count * np.finfo(np.float64).eps
        constant = variance <= noise * variance + (noise * mean) ** 2
        return mean, np.where(constant, 1.0, np.sqrt(variance))
