"""Rows held against the interval that was forecast for them one step before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.readers.table import Table
from seqcli.results import Cell
from seqcli.sequences import FloatArray
from seqcli.tasks.forecasting.following import knowing
from seqcli.tasks.forecasting.next import figure
from seqcli.tasks.forecasting.use import every_window, panel_of
from seqcli.tasks.forecasting.windows import ForecastWindows

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Watched:
    """N rows and what was forecast for each of their K targets, one step ahead; all (N, K)."""

    examples: ForecastWindows
    """The window ahead of each row."""
    actual: Array
    """NaN where a cell is missing: such a one is not scored."""
    forecast: Array
    low: Array
    high: Array

    @property
    def scores(self) -> Array:
        """How far each value lies from its forecast, in half widths of the interval on that side: (N, K).

        Above 1 is outside. Where one side has no width (a count cannot go below 0) the other's is taken.
        """
        away = self.actual - self.forecast
        up, down = self.high - self.forecast, self.forecast - self.low
        own, other = np.where(away > 0, (up, down), (down, up))
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.abs(away) / np.where(own > 0, own, other)
        outside = (self.actual < self.low) | (self.actual > self.high)
        # A value between an end of the interval and rounding is what the ends say it is.
        scores = np.where(outside, np.maximum(scores, np.nextafter(1.0, 2.0)), np.minimum(scores, 1.0))
        return np.where(np.isnan(self.actual), np.nan, np.where(away == 0, 0.0, scores))


def watched_windows(task: Forecast, table: Table) -> tuple[Forecast, ForecastWindows, list[str]]:
    """The task that reads windows, the one ahead of each row that has one, and what is odd about the file.

    A gap carries the last value, also where the model was trained to interpolate: that would look at
    the very row that is to be judged. A series that training has not seen is scaled by its first window.
    Raises DataError when no series is long enough.
    """
    task = replace(task, missing="mask", seen=(-np.inf,) * len(task.scaling.names))
    panel, said = panel_of(task, table)
    longest, window = int(panel.lengths.max(initial=0)), task.frame.window
    if longest <= window:
        raise DataError(
            f"{table.source}: {longest} rows, and each is held against a window of {window} ahead of it",
            f"give it more than {window} rows",
        )
    unseen = [row for row, name in enumerate(panel.names) if name not in task.scaling.names]
    if unseen:
        names = [panel.names[row] for row in unseen]
        first = task.scaling.extended(names, [panel.series(row, window) for row in unseen])
        own = zip(first.shift, first.scale, first.floor, strict=True)
        task = knowing(task, list(zip(names, own, strict=True)))
    examples = every_window(task, table)
    return task, chosen(examples, panel.records[examples.origins] > 0), said


def chosen(examples: ForecastWindows, which: NDArray[np.bool_] | slice) -> ForecastWindows:
    """Some of the windows: flags (N,) or a slice."""
    return replace(examples, windows=replace(examples.windows, starts=examples.windows.starts[which]))


def watch(task: Forecast, outputs: FloatArray, examples: ForecastWindows, level: int) -> Watched:
    """Hold the first row behind each of ``examples`` against the interval of ``level`` percent.

    ``outputs`` (N, H, K) are the network's for these windows.
    """
    forecast, (_, low, high) = task.forecasts(outputs, examples), task.held_to(outputs, examples, (level,))[0]
    return Watched(examples, examples.actual()[:, 0], forecast[:, 0], low[:, 0], high[:, 0])


def watch_columns(task: Forecast, level: int) -> tuple[str, ...]:
    """The columns of :func:`watch_rows`."""
    return (
        *(["series"] if task.plan.id else []),
        "timestamp",
        *(["target"] if len(task.plan.target) > 1 else []),
        *("actual", "forecast", f"lo{level}", f"hi{level}", "score", "anomaly"),
    )


def watch_rows(task: Forecast, watched: Watched) -> list[tuple[Cell, ...]]:
    """One row for each row and target, in the order of the windows."""
    examples, targets = watched.examples, task.plan.target
    panel, scores = examples.panel, watched.scores
    rows: list[tuple[Cell, ...]] = []
    pairs: Sequence[tuple[int, int]] = list(
        zip(examples.series.tolist(), examples.origins.tolist(), strict=True)
    )
    for row, (series, origin) in enumerate(pairs):
        words = [*([panel.names[series]] if task.plan.id else []), task.calendar.iso(panel.stamps[origin])]
        for k, target in enumerate(targets):
            at = (row, k)
            actual, score = float(watched.actual[at]), float(scores[at])
            known = not np.isnan(actual)
            numbers = (figure(float(part[at])) for part in (watched.forecast, watched.low, watched.high))
            rows.append((
                *words,
                *([target] if len(targets) > 1 else []),
                actual if known else None,
                *numbers,
                figure(score) if known else None,
                score > 1 if known else None,
            ))  # fmt: skip
    return rows


def trained_on(task: Forecast, examples: ForecastWindows) -> int:
    """How many of the rows behind ``examples`` lie in what ``task`` was trained on or chosen by."""
    panel, seen = examples.panel, dict(zip(task.scaling.names, task.seen, strict=True))
    stamps = panel.stamps[examples.origins]
    plain = stamps.astype("datetime64[us]").astype(np.int64) if stamps.dtype.kind == "M" else stamps
    last = np.array([seen.get(name, -np.inf) for name in panel.names])
    return int((plain <= last[examples.series]).sum())
