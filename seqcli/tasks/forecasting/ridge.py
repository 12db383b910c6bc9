"""The linear member of a forecast: ridge regression from a window to its horizon, in closed form.

    f = y_T + (x − y_T) B,   B = (XᵀX + λI)⁻¹ XᵀY

with x the last L values and all values relative to the last one y_T (Hoerl and Kennard 1970; a linear map of
the window is what NLinear trains by gradient, Zeng et al. 2023, arXiv:2205.13504). L, λ and whether all
targets share one B are chosen on the validation part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.windowing import evenly
from seqcli.sequences import FloatArray, IntArray

Array = NDArray[np.float64]

PENALTIES = (1e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2)
"""λ as a share of the trace of XᵀX."""
MOST_WINDOWS = 40_000
"""Windows, all targets counted, that the sums are made of."""
MOST_JUDGED = 4_000
"""The same for the validation part."""
CHUNK = 2_048
LEAST_GAIN = 0.01
"""What a matrix for each target must gain over one for all."""
MOST_APART = 32
"""Targets beyond which they share one matrix."""
_TINY = 1e-12


@dataclass(frozen=True)
class Ridge:
    """``weights`` (P, L, H): one matrix for all targets (P = 1) or one for each."""

    weights: FloatArray
    penalty: float
    """λ / trace(XᵀX)"""

    @property
    def lookback(self) -> int:
        """L, steps that are read."""
        return int(self.weights.shape[1])

    def forecast(self, past: NDArray[Any]) -> Array:
        """Scaled windows (N, W, K) → scaled forecasts (N, H, K)."""
        past = past[:, -self.lookback :].astype(np.float64)  # so that no batch rounds like no other
        last = past[:, -1:]
        change = (past - last).transpose(2, 0, 1)  # (K, N, L)
        return np.asarray(last + (change @ self.weights).transpose(1, 2, 0))


@dataclass(frozen=True)
class Series:
    """Scaled values to learn from: ``past`` (total, K) without NaN, ``future`` with NaN where unscored."""

    past: FloatArray
    future: FloatArray
    weights: FloatArray
    """(total,) how much an error of each step counts."""

    def asked(self, positions: IntArray) -> Series:
        """The same with a future at ``positions`` (N,) alone."""
        future = np.full_like(self.future, np.nan)
        future[positions] = self.future[positions]
        return replace(self, future=future)

    def pairs(self, starts: IntArray, window: int, horizon: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Weighted changes since the last value, (n, K, W) and (n, K, H), of windows at ``starts`` (N,)."""
        for begin in range(0, len(starts), CHUNK):
            some = starts[begin : begin + CHUNK, None]
            past = self.past[some + np.arange(window)].transpose(0, 2, 1)
            future = self.future[some + window + np.arange(horizon)].transpose(0, 2, 1)
            last, weight = past[:, :, -1:], self.weights[some, None]
            yield (past - last) * weight, (future - last) * weight


@dataclass(frozen=True)
class _Sums:
    """XᵀX (P, W, W) and XᵀY (P, W, H) of windows whose horizon is known; P = 1 for all targets together."""

    gram: Array
    cross: Array

    @classmethod
    def of(cls, series: Series, starts: IntArray, window: int, horizon: int) -> _Sums:
        targets = series.past.shape[1]
        sums = targets if targets <= MOST_APART else 1  # of many targets only the sum over all is of use
        gram, cross = np.zeros((sums, window, window)), np.zeros((sums, window, horizon))
        for x, y in series.pairs(evenly(starts, max(MOST_WINDOWS // targets, 1)), window, horizon):
            for k in range(targets):
                whole = ~np.isnan(y[:, k]).any(axis=1)
                known = x[whole, k]
                gram[k % sums] += known.T @ known
                cross[k % sums] += known.T @ y[whole, k]
        return cls(gram, cross)

    def solve(self, lookback: int, penalty: float, apart: bool) -> FloatArray:
        """Weights (P, L, H) for the last ``lookback`` steps: their part of the sums is all that it takes."""
        gram, cross = self.gram[:, -lookback:, -lookback:], self.cross[:, -lookback:]
        if not apart:
            gram, cross = gram.sum(axis=0, keepdims=True), cross.sum(axis=0, keepdims=True)
        weights = []
        for own, with_future in zip(gram, cross, strict=True):
            ridge = max(penalty * float(np.trace(own)), _TINY)
            weights.append(np.linalg.solve(own + ridge * np.eye(lookback), with_future))
        return np.stack(weights).astype(np.float32)


@dataclass(frozen=True)
class Judged:
    """A ridge and its mean squared error on validation."""

    error: float
    ridge: Ridge


@np.errstate(over="ignore", invalid="ignore")
def judge_ridges(
    parts: tuple[tuple[Series, IntArray], tuple[Series, IntArray]],
    shape: tuple[int, int],
    reads: Sequence[int],
) -> list[Judged]:
    """The best ridge of each lookback in ``reads`` by its error on validation.

    ``parts`` are training and validation: what is asked for in each, and starts (N,) of its windows.
    ``shape`` is (window, horizon). Empty where no training window has its whole horizon in the training
    part, or no validation step is known.
    """
    ((learnt, train), (series, validation)), (window, horizon) = parts, shape
    sums = _Sums.of(learnt, train, window, horizon)
    targets = series.past.shape[1]
    judged = evenly(validation, max(MOST_JUDGED // targets, 1))
    if not sums.gram.any() or np.isnan(series.future[judged[:, None] + window + np.arange(horizon)]).all():
        return []
    found = []
    for lookback in reads:
        best: Judged | None = None
        for apart in (False, True) if 1 < targets <= MOST_APART else (False,):
            ridges = [Ridge(sums.solve(lookback, penalty, apart), penalty) for penalty in PENALTIES]
            tried = [Judged(_error(series, judged, shape, ridge), ridge) for ridge in ridges]
            own = min(tried, key=lambda each: each.error)
            if np.isfinite(own.error) and (best is None or own.error < best.error * (1 - LEAST_GAIN)):
                best = own
        if best is not None:
            found.append(best)
    return found


@np.errstate(over="ignore", invalid="ignore")
def refit_ridge(ridge: Ridge, series: Series, starts: IntArray, window: int, horizon: int) -> Ridge:
    """The same lookback and penalty on all windows at ``starts`` (N,); itself where that cannot be solved."""
    sums = _Sums.of(series, starts, window, horizon)
    if not sums.gram.any() or not np.isfinite(sums.gram).all():
        return ridge
    weights = sums.solve(ridge.lookback, ridge.penalty, len(ridge.weights) > 1)
    return Ridge(weights, ridge.penalty) if np.isfinite(weights).all() else ridge


def lookbacks(window: int, season: int) -> Sequence[int]:
    """Steps that a ridge may read: the window, its half, its quarter, two seasons and one."""
    wanted = {window, window // 2, window // 4, *((season, 2 * season) if season > 1 else ())}
    return sorted(size for size in wanted if 1 <= size <= window)


def _error(series: Series, starts: IntArray, shape: tuple[int, int], ridge: Ridge) -> float:
    """Mean squared error on the windows at ``starts``, infinite where it is no number.

    ``shape`` is (window, horizon).
    """
    total, count = 0.0, 0
    for x, y in series.pairs(starts, *shape):
        said = x[:, :, -ridge.lookback :].transpose(1, 0, 2) @ ridge.weights  # (K, n, H)
        came = y.transpose(1, 0, 2)
        known = ~np.isnan(came)
        total += float(np.square(said[known] - came[known], dtype=np.float64).sum())
        count += int(known.sum())
    return total / max(count, 1) if np.isfinite(total) else np.inf
