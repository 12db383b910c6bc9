"""Indicators of a series, from its past values alone: what traders read off a chart, as further inputs.

    returns         r_t = x_t / x_{t-1} − 1
    average n       m_t = (x_t + … + x_{t-n+1}) / n, for n = 5 and 20
    rsi 14          100 · U / (U + D): U the mean rise and D the mean fall over the last 14 steps; 50 where
                    nothing moved (the relative strength index of Wilder, New Concepts in Technical Trading
                    Systems, 1978, chapter VI; with plain means instead of his smoothed ones, which is
                    Cutler's form: it depends on the last 15 values and not on where a file begins)
    volatility 20   the standard deviation of the last 20 returns, √(Σ (r − r̄)² / 19)
                    (historical volatility, not annualised: Hull, Options, Futures, and Other Derivatives)

Missing values are passed over: the n last *known* values count. There is no value where the past is too
short, and no return from a value that is not above 0.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]

INDICATORS = ("returns", "average 5", "average 20", "rsi 14", "volatility 20")
REACH = 21
"""Known values that the indicator with the longest memory looks at."""


def indicators(values: Array) -> Array:
    """The indicators (T, 5) of one series (T,), as :data:`INDICATORS` has them; NaN where there is none."""
    out = np.full((len(values), len(INDICATORS)), np.nan)
    at = np.flatnonzero(np.isfinite(values))
    known = values[at]
    returns = _returns(known)
    out[at] = np.stack(
        [
            returns,
            _mean(known, 5),
            _mean(known, 20),
            _relative_strength(known, 14),
            _deviation(returns, 20),
        ],
        axis=1,
    )
    return out


def _returns(values: Array) -> Array:
    """r_t (T,); NaN at the first step and after a value that is not above 0."""
    out = np.full(len(values), np.nan)
    before = values[:-1]
    with np.errstate(over="ignore"):
        np.divide(values[1:], before, out=out[1:], where=before > 0)
    out -= 1
    return np.where(np.isfinite(out), out, np.nan)


def _windows(values: Array, n: int) -> Array:
    """The n last values at each step from the n-th on: (T − n + 1, n); none where there are fewer."""
    return sliding_window_view(values, n) if len(values) >= n else np.empty((0, n))


def _placed(values: Array, count: int) -> Array:
    """``values`` at the last of ``count`` steps, NaN before."""
    return np.concatenate([np.full(count - len(values), np.nan), values])


def _mean(values: Array, n: int) -> Array:
    """The mean of the last n values, (T,)."""
    return _placed((_windows(values, n) / n).sum(axis=1), len(values))


def _deviation(values: Array, n: int) -> Array:
    """The standard deviation of the last n values, (T,)."""
    return _placed(_windows(values, n).std(axis=1, ddof=1), len(values))


def _relative_strength(values: Array, n: int) -> Array:
    """The relative strength index over the last n steps, (T,), from 0 to 100."""
    steps = _windows(np.diff(values), n)
    rises, falls = np.maximum(steps, 0).mean(axis=1), np.maximum(-steps, 0).mean(axis=1)
    moved = rises + falls
    index = np.full(len(moved), 50.0)
    np.divide(100 * rises, moved, out=index, where=moved > 0)
    return _placed(index, len(values))
