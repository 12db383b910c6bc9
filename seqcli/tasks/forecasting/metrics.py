"""How good forecasts are: MAE, RMSE, sMAPE and MASE per target, on the values as they came.

MAE    mean |y − f|
RMSE   √ mean (y − f)²
sMAPE  mean 200·|y − f| / (|y| + |f|), in percent from 0 to 200, 0 where both are 0
       (Makridakis, Spiliotis & Assimakopoulos 2020, the M4 competition)
MASE   mean |y − f| / q, where q is the mean |y_t − y_{t−m}| over the training rows of the same
       series and m its season (Hyndman & Koehler 2006)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROUNDING = 1e-6
"""What a forecast that equals another may differ by, since windows are scaled in single precision."""
METRICS = ("mae", "rmse", "smape", "mase")


def seasonal_error(values: NDArray[Any], season: int) -> float:
    """MASE's q: mean |y_t − y_{t−m}| over known pairs of ``values`` (T,); NaN where that is 0 or nothing."""
    if season >= len(values):
        return float("nan")
    scale = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0  # sums of huge numbers would overflow
    steps = np.abs(values[season:] / scale - values[:-season] / scale)
    steps = steps[~np.isnan(steps)]
    error = float(steps.mean()) * scale if len(steps) else 0.0
    return error if error > 0 else float("nan")


def error_scales(values: Array, targets: int, season: int) -> Array:
    """MASE's denominators (K,) of training rows (T, F): of the season, else of one step, else NaN."""
    scales = [seasonal_error(values[:, k], season) for k in range(targets)]
    single = [seasonal_error(values[:, k], 1) for k in range(targets)]
    return np.where(np.isnan(scales), single, scales)


def skill(error: float, reference: float) -> float:
    """The share of a reference error that is spared; NaN where that is 0 or unknown."""
    spared = 1 - error / reference if reference else float("nan")
    return 0.0 if abs(spared) < ROUNDING else spared


def point_metrics(actual: Array, forecast: Array, scales: Array) -> dict[str, Array]:
    """Each of :data:`METRICS` as (K,): ``actual`` and ``forecast`` are (N, H, K), ``scales`` (N, K) MASE's q.

    NaN in ``actual`` is not scored, NaN in ``scales`` leaves a window out of MASE. A metric without a
    single scored value is NaN.
    """
    sizes = [np.fmax.reduce(np.abs(each), axis=(0, 1), initial=0.0) for each in (actual, forecast)]
    largest = np.maximum(*sizes)
    unit = np.where(largest > 0, largest, 1.0)  # (K,): sums and squares of huge numbers would overflow
    error = np.abs(actual / unit - forecast / unit)  # (N, H, K)
    size = np.abs(actual / unit) + np.abs(forecast / unit)
    return {
        "mae": _mean(error) * unit,
        "rmse": np.sqrt(_mean(error**2)) * unit,
        "smape": _mean(200 * error / np.where(size > 0, size, 1.0)),
        "mase": _mean(error / (scales[:, None] / unit)),
    }


def mean_known(values: Any) -> float:
    """Mean of what is not NaN, of any shape (...); NaN where nothing is."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")


def _mean(values: Array) -> Array:
    """Mean over windows and steps (N, H, K) → (K,) of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=(0, 1))
    # Divided before it is summed: a sum of huge numbers would overflow.
    total = np.where(known, values / np.maximum(count, 1), 0.0).sum(axis=(0, 1))
    return np.where(count > 0, total, np.nan)


def averaged(per_target: dict[str, Array]) -> dict[str, float]:
    """Each metric (K,) as one number: the mean over the targets that have one, else NaN."""
    out = {}
    for name, values in per_target.items():
        known = values[~np.isnan(values)]
        out[name] = float(known.mean()) if len(known) else float("nan")
    return out
