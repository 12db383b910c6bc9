"""How papers measure forecasts: the long-horizon sets, and the M4 competition.

ltsf   MSE and MAE of z-scores, by the mean and the standard deviation (ddof 0) of the training rows of each
       target, over windows whose whole horizon lies in the test part, steps and targets (Zhou et al. 2021,
       Informer, and what followed it)
m4     sMAPE, MASE with the season, and OWA, the mean of both as shares of Naive2's; one forecast a series
       (Makridakis, Spiliotis & Assimakopoulos 2020)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.tasks.forecasting.metrics import mean_known, seasonal_error

Array = NDArray[np.float64]

TEST_CRITICAL = 1.645
"""Of M4's test of a season: 90 %, two-sided."""


def standard_errors(actual: Array, forecast: Array, spread: Array) -> dict[str, float]:
    """MSE and MAE in units of ``spread`` (N, K): ``actual`` and ``forecast`` are (N, H, K), NaN unscored."""
    error = np.abs(actual - forecast) / spread[:, None]
    return {"mse": mean_known(error**2), "mae": mean_known(error)}


def training_spread(values: Array) -> Array:
    """The standard deviation (K,) of training rows (T, K), missing ones left out; 1 where nothing moves."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return np.asarray(np.where(spread > 0, spread, 1.0))


def competition_errors(actual: Array, forecast: Array, scales: Array) -> dict[str, float]:
    """sMAPE and MASE, each averaged over every series and then over all.

    ``actual`` and ``forecast`` (N, H, K) have one window a series; ``scales`` (N, K) are MASE's.
    """
    error, size = np.abs(actual - forecast), np.abs(actual) + np.abs(forecast)
    smape = 200 * error / np.where(size > 0, size, 1.0)
    return {"smape": _by_series(smape), "mase": _by_series(error / scales[:, None])}


def overall(errors: dict[str, float], naive2: dict[str, float]) -> float:
    """OWA: the mean of sMAPE and MASE as shares of Naive2's."""
    shares = [errors[name] / naive2[name] if naive2[name] else float("nan") for name in ("smape", "mase")]
    return float(np.mean(shares))


def error_scale(past: Array, season: int) -> float:
    """MASE's denominator: the mean error of the seasonal naive forecast within ``past`` (T,)."""
    return seasonal_error(past, season)


def naive2(past: Array, season: int, horizon: int) -> Array:
    """The last value of ``past`` (T,) without its season, and the season put back: (H,).

    A season is taken out only where M4's test finds one.
    """
    ahead = np.arange(horizon)
    if season < 2 or not is_seasonal(past, season):
        return np.repeat(past[-1], horizon)
    figure = seasonal_figure(past, season)
    level = past[-1] / figure[(len(past) - 1) % season]
    return np.asarray(level * figure[(len(past) + ahead) % season])


def is_seasonal(past: Array, season: int) -> bool:
    """M4's test: whether the autocorrelation of ``past`` (T,) at the season is beyond chance at 90 %.

    The bound is Bartlett's, from the autocorrelations at the lags before. A series of fewer than three
    seasons has none, nor one whose season lies beyond the 10·log₁₀ T lags that the test looks at.
    """
    count = len(past)
    if count < 3 * season or season > int(10 * np.log10(count)):
        return False
    centred = past - past.mean()
    total = float(centred @ centred)
    if total <= 0:
        return False
    lags = np.array([float(centred[lag:] @ centred[:-lag]) / total for lag in range(1, season + 1)])
    bound = TEST_CRITICAL / np.sqrt(count) * np.sqrt(1 + 2 * float((lags[:-1] ** 2).sum()))
    return bool(abs(lags[-1]) > bound)


def seasonal_figure(past: Array, season: int) -> Array:
    """Classical multiplicative decomposition of ``past`` (T,): the factor (m,) of each step of a season.

    The trend is a centred mean over one season, a factor the mean of what it leaves at one step of the
    season; all factors have the mean 1.
    """
    weights = np.full(season + 1 - season % 2, 1 / season)
    if season % 2 == 0:
        weights[[0, -1]] /= 2
    half = len(weights) // 2
    trend = np.convolve(past, weights, mode="valid")
    ratio = np.full(len(past), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio[half : len(past) - half] = past[half : len(past) - half] / trend
    ratio[~np.isfinite(ratio)] = np.nan
    figure = np.array([mean_known(ratio[step::season]) for step in range(season)])
    figure = figure / figure.mean()
    usable = bool(np.isfinite(figure).all() and (figure != 0).all())
    return figure if usable else np.ones(season)


def _by_series(values: Array) -> float:
    """Mean of the means (N,) of (N, H, K), NaN left out."""
    return mean_known([mean_known(each) for each in values])
