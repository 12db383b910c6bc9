"""From which probability on a label is predicted: chosen on the validation part, label by label.

    F1(t) = 2 TP(t) / (said(t) + true)

The best threshold of a well calibrated probability is half of the best F1 (Lipton, Elkan and Naryanaswamy
2014, Optimal Thresholding of Classifiers to Maximize F1 Measure), which rare labels do not show: each label
counts the rows of all labels too, as much as :data:`BORROWED` true rows of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import FloatArray
from seqcli.tasks.label_metrics import chances_of

USUAL = 0.5
GRID = chances_of(np.linspace(-5, 5, 101).astype(np.float32))
"""Thresholds that are tried: evenly spread log-odds, (T,)."""
BORROWED = 10.0
LEAST_TRUE = 5
"""True rows of all labels together, below which nothing is chosen."""


def best_cuts(logits: FloatArray, target: FloatArray) -> tuple[float, ...]:
    """The threshold of each label with the best F1 for labels (N, L), by their logits (N, L)."""
    hits, said, true = _counts(logits, target)
    if true.sum() < LEAST_TRUE:
        return (USUAL,) * len(target.T)
    share = BORROWED / true.sum()
    of_all = [share * each.sum(axis=0) for each in (hits, said, true)]
    return tuple(
        _best(2 * (hits[label] + of_all[0]) / (said[label] + of_all[1] + true[label] + of_all[2]))
        for label in range(target.shape[1])
    )


def best_cut(logits: FloatArray, target: FloatArray) -> float:
    """The threshold for all labels (N, L) together with the best micro F1, by their logits (N, L)."""
    hits, said, true = _counts(logits, target)
    return _best(2 * hits.sum(axis=0) / (said.sum(axis=0) + true.sum())) if true.any() else USUAL


def _best(f1: NDArray[np.float64]) -> float:
    """The threshold of the largest F1 (T,); of equals the one nearest a half."""
    largest = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return round(float(GRID[largest[np.abs(GRID[largest] - USUAL).argmin()]]), 4)


def _counts(logits: FloatArray, target: FloatArray) -> tuple[NDArray[np.float64], ...]:
    """Of each label: true rows from each threshold on (L, T), all rows from there on, true rows (L,)."""
    ranks = np.searchsorted(GRID.round(4), chances_of(logits), side="right")  # (N, L): thresholds below
    count, labels = len(GRID) + 1, target.shape[1]
    places = ranks + count * np.arange(labels)
    sums = [
        np.bincount(places.ravel(), weights.ravel(), minlength=count * labels).reshape(labels, count)
        for weights in (target, np.ones_like(target))
    ]
    hits, said = (each[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:] for each in sums)
    return hits, said, target.sum(axis=0).astype(np.float64)
