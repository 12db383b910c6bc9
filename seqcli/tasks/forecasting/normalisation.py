"""What a window is seen relative to: its last value, or its own mean and spread.

Instance normalisation (Kim et al. 2022, "Reversible instance normalization", without its learnt scale) makes
windows of different level and restlessness alike; but where the last value says most it is in the way. Which
helps is asked of two linear forecasts in closed form, fitted on training windows and judged on validation,
since training a network twice would take twice as long.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.windowing import evenly
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.forecasting.ridge import MOST_JUDGED, PENALTIES, Series

Array = NDArray[np.float64]

LAST, INSTANCE = "last", "instance"
NORMALISATIONS = (LAST, INSTANCE)
STILL = 0.1
"""A window that hardly moves is seen as one that moves by this share of its series' spread."""
MOST_WINDOWS = 8_000
"""Windows, all targets counted, that the linear forecasts are fitted on."""
LEAST_GAIN = 0.05
"""What instance normalisation must gain, as a share of the error relative to the last value."""


def swing(past: FloatArray) -> FloatArray:
    """How far windows (N, W, F) range around their mean: (N, 1, F)."""
    return np.asarray(np.sqrt(past.var(axis=1, keepdims=True, dtype=np.float64) + STILL**2), np.float32)


@np.errstate(over="ignore", invalid="ignore")
def choose_normalisation(
    learnt: tuple[Series, IntArray], asked: tuple[Series, IntArray], shape: tuple[int, int]
) -> str:
    """The better of :data:`NORMALISATIONS` for linear forecasts, all targets together.

    ``learnt`` and ``asked`` are series and the starts (N,) of their windows, ``shape`` is (window, horizon).
    """
    errors = [_error(learnt, asked, shape, kind) for kind in NORMALISATIONS]
    return INSTANCE if errors[1] < (1 - LEAST_GAIN) * errors[0] else LAST


def _error(
    learnt: tuple[Series, IntArray], asked: tuple[Series, IntArray], shape: tuple[int, int], kind: str
) -> float:
    """The mean squared error on ``asked`` of the best ridge that sees windows so; infinite without one."""
    window, horizon = shape
    gram, cross = np.zeros((window, window)), np.zeros((window, horizon))
    for x, y, _ in _seen(*learnt, shape, MOST_WINDOWS, kind):
        whole = ~np.isnan(y).any(axis=1)
        gram += x[whole].T @ x[whole]
        cross += x[whole].T @ y[whole]
    trace = float(np.trace(gram))
    if not 0 < trace < np.inf:
        return np.inf
    maps = [np.linalg.solve(gram + penalty * trace * np.eye(window), cross) for penalty in PENALTIES]
    totals, count = np.zeros(len(maps)), 0
    for x, y, scale in _seen(*asked, shape, MOST_JUDGED, kind):
        known = ~np.isnan(y)
        totals += [float(np.square(((x @ each - y) * scale)[known]).sum()) for each in maps]
        count += int(known.sum())
    return float(totals.min()) / count if count and np.isfinite(totals.min()) else np.inf


def _seen(
    series: Series, starts: IntArray, shape: tuple[int, int], most: int, kind: str
) -> Iterator[tuple[Array, Array, Array]]:
    """Windows (n, W) and horizons (n, H) as they are seen, and their scale (n, 1)."""
    for past, future in series.pairs(evenly(starts, max(most // series.past.shape[1], 1)), *shape):
        x = past.reshape(-1, past.shape[2]).astype(np.float64)
        y = future.reshape(-1, future.shape[2]).astype(np.float64)
        scale = np.ones((len(x), 1))
        if kind == INSTANCE:
            centre = x.mean(axis=1, keepdims=True)
            scale = np.sqrt(x.var(axis=1, keepdims=True) + STILL**2)
            x, y = (x - centre) / scale, (y - centre) / scale
        yield x, y, scale
