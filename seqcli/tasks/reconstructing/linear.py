"""What needs no network: each step's mean, and the principal components of series of one length.

Series are brought to the length of a usual one, written by the mean of each step and by the components that
hold the most variance (Pearson 1901), and brought back: errors are those at a series' own steps, as a
network's are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray

Array = NDArray[np.float64]

VARIANCE = 0.95
"""Share of the variance that the components hold, as many as it takes within these bounds."""
FEWEST, MOST = 2, 32


@dataclass(frozen=True)
class Components:
    """Mean (L * C,) of the training series at ``steps`` L places, and ``count`` components (K, L * C)."""

    steps: int
    mean: Array
    rows: Array
    count: int
    """Components that hold :data:`VARIANCE` of the variance, from :data:`FEWEST` to :data:`MOST`."""

    @classmethod
    def fit(cls, values: Array, offsets: IntArray, steps: int) -> Components:
        """From the values (M, C), without gaps, of training series with these offsets (N + 1,)."""
        flat = resampled(values, offsets, steps).reshape(len(offsets) - 1, -1)
        mean = flat.mean(axis=0)
        _, sizes, rows = np.linalg.svd(flat - mean, full_matrices=False)
        held = np.cumsum(sizes**2) / max(float((sizes**2).sum()), np.finfo(np.float64).tiny)
        most = max(min(MOST, len(flat) // 2), FEWEST)
        count = int(np.clip(np.searchsorted(held, VARIANCE) + 1, FEWEST, most))
        return cls(steps, mean, rows, count)

    def written(self, values: Array, offsets: IntArray, components: int) -> Array:
        """Series (M, C) as so many components write them, (M, C); 0: as the mean of each step."""
        count, channels = len(offsets) - 1, values.shape[1]
        flat = resampled(values, offsets, self.steps).reshape(count, -1) - self.mean
        rows = self.rows[:components]
        again = (self.mean + flat @ rows.T @ rows).reshape(count * self.steps, channels)
        at = np.arange(count + 1) * self.steps
        parts = [
            _at_steps(again[at[row] : at[row + 1]], int(offsets[row + 1] - offsets[row]))
            for row in range(count)
        ]
        return np.concatenate(parts) if parts else np.empty((0, channels))


def resampled(values: Array, offsets: IntArray, steps: int) -> Array:
    """Each series of (M, C) at ``steps`` places from its first step to its last: (N, steps, C)."""
    rows = [
        _at_steps(values[start:stop], steps)
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ]
    return np.stack(rows) if rows else np.empty((0, steps, values.shape[1]))


def _at_steps(series: Array, steps: int) -> Array:
    """A series (T, C) at so many places, (steps, C), each on the line between its neighbours."""
    if len(series) == steps:
        return series
    places = np.linspace(0, len(series) - 1, steps)
    own = np.arange(len(series))
    return np.stack([np.interp(places, own, channel) for channel in series.T], axis=1)
