"""What a forecast decides where nothing was typed: season, horizon, window, and how long to train.

The season comes from the calendar and the training rows (:mod:`seqcli.tasks.forecasting.season`). The
horizon is one season, else 10. The window is the best on validation of one season, two seasons and 60 steps
(at most a quarter of the rows), as judged by a linear forecast in closed form: that costs
milliseconds, where training a network for each would cost minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqcli.errors import DataError
from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.readers.roles import counted
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.forecasting.season import find_season
from seqcli.tasks.forecasting.windows import evenly, part_starts

DEFAULT_HORIZON = 10
DEFAULT_WINDOW = 60
LEAST_ROWS = 12
"""What the smallest window, its training windows and the two held-out parts need."""
LEAST_WINDOWS = 8
"""Training windows below which there is nothing to learn from."""
RIDGE_WINDOWS = 1500
RIDGE = 0.03
"""Penalty of the linear forecast, as a share of the mean square of its inputs times their number."""


def held_out_floor(options: Options, calendar: Calendar, longest: int) -> int:
    """Steps that validation and test get at least: a horizon, typed or likely, at most an eighth of all."""
    likely = options.forecast.horizon or max(DEFAULT_HORIZON, calendar.season or 0)
    return max(min(likely, longest // 8), 1)


def choose_season(panel: Panel, train: IntArray, calendar: Calendar) -> int | None:
    """The season that the targets' training rows (``train`` (S,) steps of each series) confirm."""
    series = [
        panel.series(row, int(train[row]))[:, target]
        for row in range(len(panel.names))
        for target in range(panel.targets)
    ]
    return find_season(series, calendar.seasons)


def choose_horizon(season: int | None, options: Options, longest: int) -> tuple[int, str]:
    """The horizon and why; refuses a typed one that leaves nothing to learn from."""
    if options.forecast.horizon is not None:
        return options.forecast.horizon, f"horizon {options.forecast.horizon} as typed"
    if season is not None:
        return season, f"horizon {season}: one season"
    horizon = min(DEFAULT_HORIZON, max(longest // 4, 1))
    return horizon, f"horizon {horizon}: no season found"


def window_candidates(season: int | None, longest: int, train: int) -> list[int]:
    """One season, two seasons and 60, none above a quarter of the ``longest`` series' rows.

    Of its ``train`` training rows enough must be left for the windows to learn from.
    """
    most = max(min(longest // 4, train - LEAST_WINDOWS), 1)
    wanted = {DEFAULT_WINDOW, *((season, 2 * season) if season else ())}
    return sorted({size for size in wanted if size <= most} or {most})


def check_window(window: int, train: int, rows: int, source: str) -> None:
    """Raise DataError when ``train`` of a series' ``rows`` make fewer than :data:`LEAST_WINDOWS` windows."""
    if train >= window + LEAST_WINDOWS:
        return
    share = max(train / rows, 0.01)
    most = train - LEAST_WINDOWS
    if most < 1:
        raise too_few(rows, source)
    raise DataError(
        f"{source}: a window of {window} needs about {math.ceil((window + LEAST_WINDOWS) / share)} rows to "
        f"learn from, and there are {rows}",
        f"--window {most} would do",
    )


def too_few(rows: int, source: str) -> DataError:
    """The error for series whose longest has too few ``rows`` for any window."""
    return DataError(
        f"{source}: a series of {counted(rows, 'row')} is too short to learn from",
        f"at least {LEAST_ROWS} rows are needed",
    )


def best_window(
    panel: Panel,
    scaled: FloatArray,
    parts: tuple[IntArray, IntArray],
    candidates: Sequence[int],
    horizon: int,
) -> tuple[int, str]:
    """The best of some window sizes on validation, and why.

    ``scaled`` (total, F) has no NaN; ``parts`` are the positions (N,) of training and validation.
    """
    if len(candidates) == 1:
        why = "no season to compare it with" if candidates[0] == DEFAULT_WINDOW else "what the rows allow"
        return candidates[0], f"window {candidates[0]}: {why}"
    errors = [_linear_error(panel, scaled, parts, (window, horizon)) for window in candidates]
    best = min(errors)
    if not np.isfinite(best):
        return candidates[0], f"window {candidates[0]}: nothing to choose it on"
    # A longer window must earn its cost: 1 % at the least.
    window = next(size for size, error in zip(candidates, errors, strict=True) if error <= 1.01 * best)
    others = ", ".join(str(size) for size in candidates)
    return window, f"window {window}: of {others} it gives a linear forecast the least error on validation"


def _linear_error(
    panel: Panel, scaled: FloatArray, parts: tuple[IntArray, IntArray], shape: tuple[int, int]
) -> float:
    """Mean absolute error on validation, scaled, of ridge regression from a window to its horizon.

    One matrix for all targets; inputs and outputs are relative to the window's last value; ``shape`` is
    (window, horizon). Infinite where there is nothing to fit or to score.
    """
    window, horizon = shape
    pairs = []
    for positions in parts:
        starts = evenly(part_starts(panel, positions, window, horizon), RIDGE_WINDOWS)
        target = np.full((panel.total, panel.targets), np.nan)
        target[positions] = panel.scored(scaled)[positions]
        past = scaled[starts[:, None] + np.arange(window), : panel.targets].astype(np.float64)  # (N, W, K)
        last = past[:, -1:]
        future = target[starts[:, None] + window + np.arange(horizon)] - last  # (N, H, K)
        pairs.append(
            (
                (past - last).transpose(0, 2, 1).reshape(-1, window),
                future.transpose(0, 2, 1).reshape(-1, horizon),
            )
        )
    (x, y), (x_new, y_new) = pairs
    whole = ~np.isnan(y).any(axis=1)
    x, y = x[whole], y[whole]
    if not len(x) or np.isnan(y_new).all():
        return float("inf")
    gram = x.T @ x
    penalty = RIDGE * max(float(np.trace(gram)) / window, 1e-9)
    weights = np.linalg.solve(gram + penalty * np.eye(window), x.T @ y)
    return float(np.nanmean(np.abs(y_new - x_new @ weights)))


def training_defaults(windows: int, window: int) -> dict[str, Any]:
    """Batch size, epochs, learning rate, patience and hidden size from the number of windows alone.

    Steps are what costs time, in proportion to batch × window; their number is held where two slow
    cores need some five seconds, and never below one pass over the windows.
    """
    batch = next(
        size for size, most in ((32, 512), (64, 4096), (128, 16384), (256, math.inf)) if windows <= most
    )
    steps = min(max(1_600_000 / (batch * window), 150), 600)
    epochs = int(min(max(round(steps * batch / max(windows, 1)), 1), 100))
    return {
        "epochs": epochs,
        "batch_size": batch,
        "learning_rate": 5e-3 if windows <= 4096 else 3e-3,
        "patience": max(epochs // 5, 3),
        "hidden_size": 32 if windows <= 4096 else 64,
    }
