"""Split-conformal intervals: how far forecasts were off on rows the network did not learn from.

For one step ahead and one target let |r| be the n absolute residuals on the validation part. The
interval of coverage c is the forecast ± the ⌈(n + 1)·c⌉-th smallest |r|, which covers a new
exchangeable value with probability at least c (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018,
"Distribution-free predictive inference for regression", section 2.2). Residuals are on scaled
values, so that all series of a panel are pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVELS = (50, 60, 70, 80, 90, 95, 98, 99)
"""Coverages in percent that every model remembers; others are read off between them."""


def conformal_rank(count: NDArray[np.int64], level: float) -> NDArray[np.int64]:
    """⌈(n + 1)·c⌉ for ``count`` (H, K) residuals and ``level`` percent: which of the sorted ones bounds."""
    ranks: NDArray[np.int64] = np.ceil((count + 1) * level / 100 - 1e-9).astype(np.int64)
    return ranks


def conformal_radii(residuals: NDArray[Any], levels: Sequence[int]) -> Array:
    """Half widths (L, H, K) of intervals from ``residuals`` (N, H, K); NaN marks unscored ones.

    Where a step has too few residuals for a level (95 % needs 19), those of all steps ahead are
    pooled, each step measured in its own mean |r|; where even these are too few, the largest one
    bounds. Half widths never shrink from one level to a higher one, and are 0 without residuals.
    """
    absolute = np.sort(np.abs(np.asarray(residuals, dtype=np.float64)), axis=0)  # NaN last
    known = ~np.isnan(absolute)
    count = known.sum(axis=0)  # (H, K)
    typical = np.where(known, absolute, 0.0).sum(axis=0) / np.maximum(count, 1)  # (H, K)
    pooled = np.sort((absolute / np.where(typical > 0, typical, 1.0)).reshape(-1, absolute.shape[2]), axis=0)
    pooled_count = count.sum(axis=0)  # (K,)
    radii = np.zeros((len(levels), *count.shape))
    for row, level in enumerate(levels):
        own = _ranked(absolute, conformal_rank(count, level), count)
        shared = _ranked(pooled, conformal_rank(pooled_count, level), pooled_count) * typical
        radii[row] = np.where(conformal_rank(count, level) <= count, own, shared)
    order = np.argsort(levels)
    radii[order] = np.maximum.accumulate(radii[order], axis=0)
    return radii


def _ranked(ordered: Array, rank: NDArray[np.int64], count: NDArray[np.int64]) -> Array:
    """The ``rank``-th smallest (counted from 1, at most the last known one) along axis 0."""
    index = np.maximum(np.minimum(rank, count), 1) - 1
    if not len(ordered):
        return np.zeros(count.shape)
    picked = np.take_along_axis(ordered, index[None], axis=0)[0]
    return np.where(count > 0, picked, 0.0)


def radii_at(levels: Sequence[int], radii: Array, wanted: Sequence[int]) -> Array:
    """Half widths (W, H, K) at ``wanted`` percent, by straight lines between the ``levels`` of ``radii``.

    Below the lowest level the line starts from a width of 0; above the highest one it stays there.
    """
    order = np.argsort(levels)
    known = np.concatenate([[0.0], np.asarray(levels, dtype=np.float64)[order]])
    table = np.concatenate([np.zeros((1, *radii.shape[1:])), radii[order]])  # (L + 1, H, K)
    out = np.empty((len(wanted), *radii.shape[1:]))
    for row, level in enumerate(wanted):
        above = int(np.clip(np.searchsorted(known, level), 1, len(known) - 1))
        share = np.clip((level - known[above - 1]) / (known[above] - known[above - 1]), 0.0, 1.0)
        out[row] = table[above - 1] + share * (table[above] - table[above - 1])
    return out
