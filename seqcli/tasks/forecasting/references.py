"""Forecasts that need no network: the last value, the last season, the straight line through the past.

    naive           f_{T+h} = y_T
    seasonal naive  f_{T+h} = y_{T+h−m·⌈h/m⌉}, the same step of the last season of m steps
    drift           f_{T+h} = y_T + h · (y_T − y_1) / (T − 1)

as in Hyndman & Athanasopoulos, Forecasting: Principles and Practice (3rd ed. 2021), section 5.2. A
missing value is the last one before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.tasks.forecasting.panel import carried
from seqcli.tasks.forecasting.windows import ForecastWindows

Array = NDArray[np.float64]


def reference_forecasts(examples: ForecastWindows, season: int | None) -> dict[str, Array]:
    """Forecasts (N, H, K) by name for every window, on values as in the file.

    ``season`` None leaves the seasonal one out; a series with less past than that gets its last value.
    """
    panel = examples.panel
    past = np.empty((panel.total, panel.targets))
    for row in range(len(panel.names)):
        start = int(panel.offsets[row])
        stop = start + int(panel.lengths[row]) + panel.room
        past[start:stop] = carried(panel.values[start:stop, : panel.targets])
    origins, begin = examples.origins, panel.offsets[examples.series]
    ahead = np.arange(examples.frame.horizon)
    last = past[origins - 1][:, None]  # (N, 1, K)
    naive = np.repeat(last, len(ahead), axis=1)
    out = {"naive": naive}
    if season:
        steps = origins[:, None] - season + ahead % season
        enough = (origins - season >= begin)[:, None, None]
        out[f"seasonal naive ({season})"] = np.where(enough, past[np.maximum(steps, 0)], naive)
    behind = np.maximum(origins - 1 - begin, 1)[:, None, None]
    slope = last / behind - past[begin][:, None] / behind
    out["drift"] = last + (ahead + 1)[None, :, None] * slope
    return out
