"""From errors of reconstruction to scores, and from which score on a series counts as odd.

    a_t = |W (x_t − x̂_t − μ)|² / C        at a step; μ, and Wᵀ W = Σ⁻¹, of the errors on validation series
    s   = √ mean_t a_t                    of a series

so that an error counts by what is usual for its channel, and channels that err together count once
(Malhotra et al. 2016, arXiv:1607.00148, section 2.2). The threshold is the score that a further usual series
exceeds with a probability of at most α: the ⌈(n + 1)(1 − α)⌉-th of the n validation scores (split conformal,
Papadopoulos et al. 2002). Where n is too small for that, it is the upper end of Student's one-sided
prediction interval for the logarithm of a further score, which takes scores to be log-normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import IntArray

Array = NDArray[np.float64]

MOST_TOGETHER = 64
"""Channels whose errors are taken together; of more each counts by itself."""
SHRINK = 0.1
"""Share of the covariance between channels that is not believed."""
MOST_KEPT = 1000
"""Validation scores that are kept to compare with; of more, as many quantiles."""


@dataclass(frozen=True)
class Calibration:
    """What usual errors are like: mean (C,), spread (C,), ``whiten`` (C, C) or () for each by itself.

    ``usual`` (n,) are the scores of usual series, sorted; ``threshold`` is of a series, ``step_threshold`` of
    a step.
    """

    mean: Array
    spread: Array
    whiten: Array
    usual: Array
    threshold: float
    step_threshold: float
    by_rank: bool
    """Whether enough validation series were there for the threshold to be one of their scores."""

    @classmethod
    def fit(cls, errors: Array, offsets: IntArray, rate: float) -> Calibration:
        """From the errors (M, C) of usual series with these offsets (n + 1,), NaN where nothing is known."""
        known = ~np.isnan(errors)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, errors, 0.0).sum(axis=0) / count
        centred = np.where(known, errors - mean, 0.0)
        spread = np.sqrt((centred**2).sum(axis=0) / count)
        spread = np.where(spread > 0, spread, spread.max(initial=0.0) or 1.0)
        whiten = _whitener(centred / spread, spread) if 1 < errors.shape[1] <= MOST_TOGETHER else np.empty(0)
        bare = cls(mean, spread, whiten, np.empty(0), np.inf, np.inf, True)
        steps = bare.steps(errors)
        usual = np.sort(pooled(steps, offsets))
        threshold, by_rank = _threshold(usual, rate)
        step = np.sort(steps[~np.isnan(steps)])
        if len(usual) > MOST_KEPT:
            usual = np.quantile(usual, np.linspace(0, 1, MOST_KEPT))
        return cls(mean, spread, whiten, usual, threshold, _threshold(step, rate)[0], by_rank)

    def steps(self, errors: Array) -> Array:
        """√a_t of errors (M, C): (M,), NaN where no channel is known."""
        known = ~np.isnan(errors)
        centred = np.where(known, errors - self.mean, 0.0)
        white = centred @ self.whiten.T if self.whiten.size else centred / self.spread
        found: Array = np.sqrt((white**2).sum(axis=1) / np.maximum(known.sum(axis=1), 1))
        return np.where(known.any(axis=1), found, np.nan)

    def channels(self, errors: Array) -> IntArray:
        """The channel of each step (M,) whose own error is the least usual, by errors (M, C)."""
        shares = np.abs(errors - self.mean) / self.spread
        found: IntArray = np.where(np.isnan(shares), -1.0, shares).argmax(axis=1).astype(np.int64)
        return found

    def p_values(self, scores: Array) -> Array:
        """The share of usual series, each of the ``scores`` (N,) among them, that score as high: (N,)."""
        above = len(self.usual) - np.searchsorted(self.usual, scores, side="left")
        found: Array = (1 + above) / (len(self.usual) + 1)
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "mean": self.mean.tolist(),
            "spread": self.spread.tolist(),
            "whiten": self.whiten.tolist(),
            "usual": self.usual.tolist(),
            "threshold": self.threshold,
            "step_threshold": self.step_threshold,
            "by_rank": self.by_rank,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], channels: int) -> Calibration:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError, TypeError or ValueError otherwise."""
        mean, spread, whiten, usual = (
            np.array(data[name], dtype=np.float64) for name in ("mean", "spread", "whiten", "usual")
        )
        threshold, step = float(data["threshold"]), float(data["step_threshold"])
        shapes = mean.shape == spread.shape == (channels,) and whiten.shape in ((0,), (channels, channels))
        finite = all(np.isfinite(each).all() for each in (mean, spread, whiten, usual, threshold, step))
        if not shapes or not finite or usual.ndim != 1 or not len(usual) or not (spread > 0).all():
            raise ModelError("the model's usual errors cannot be read", "train it again")
        return cls(mean, spread, whiten, np.sort(usual), threshold, step, bool(data["by_rank"]))


def pooled(steps: Array, offsets: IntArray) -> Array:
    """The score of each series, (n,), by those of its steps (M,): the root of the mean square."""
    known = ~np.isnan(steps)
    total = np.add.reduceat(np.append(np.where(known, steps**2, 0.0), 0.0), offsets[:-1])
    count = np.add.reduceat(np.append(known, False).astype(np.int64), offsets[:-1])
    found: Array = np.sqrt(total / np.maximum(count, 1))
    return found


def _whitener(unit: Array, spread: Array) -> Array:
    """W (C, C) by which errors become uncorrelated, of errors (M, C) of about unit size."""
    covariance = unit.T @ unit / max(len(unit), 1)
    covariance = (1 - SHRINK) * covariance + SHRINK * np.eye(len(spread))
    values, vectors = np.linalg.eigh(covariance)
    found: Array = (vectors / np.sqrt(values)) @ vectors.T / spread
    return found


def _threshold(scores: Array, rate: float) -> tuple[float, bool]:
    """What a further score exceeds at ``rate``, by sorted scores (n,), and whether it is one of them."""
    place = int(np.ceil((len(scores) + 1) * (1 - rate)))
    if place <= len(scores):
        return float(scores[place - 1]), True
    if len(scores) < 2:
        return float(scores[-1]) * 2 if len(scores) else np.inf, False
    from scipy.stats import t  # here, because only a training on few series needs it

    logs = np.log(np.maximum(scores, np.finfo(np.float64).tiny))
    reach = t.ppf(1 - rate, len(logs) - 1) * logs.std(ddof=1) * np.sqrt(1 + 1 / len(logs))
    return float(np.exp(logs.mean() + reach)), False
