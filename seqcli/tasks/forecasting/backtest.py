"""What every forecast of one fold comes to: sums that add up over folds.

The forecasts are the mix, the network and the ridge alone, and those that need nothing fitted: naive,
seasonal naive, season mean, drift. Beside the intervals that the model saves stand rolling ones, and those
around the seasonal naive forecast, calibrated on the same validation part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.forecasting.conformal import conformal_radii
from seqcli.tasks.forecasting.interval_scores import IntervalSums, rolling_radii
from seqcli.tasks.forecasting.metrics import METRICS, point_metrics
from seqcli.tasks.forecasting.mixture import NAIVE, NETWORK, RIDGE, SEASON_MEAN, SEASONAL, called
from seqcli.tasks.forecasting.references import reference_forecasts
from seqcli.tasks.forecasting.starts import part_starts
from seqcli.tasks.forecasting.widths import in_widths
from seqcli.tasks.forecasting.windows import VALUES, ForecastWindows, make_windows

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]
Measure: TypeAlias = Callable[[Array], dict[str, float]]
"""Figures of a protocol for a forecast (N, H, K)."""

COMBINED, DRIFT = "combined", "drift"
SIMPLE = (NAIVE, SEASONAL, SEASON_MEAN, DRIFT)
"""Forecasts that need nothing fitted."""
SAVED, ROLLING = "as saved", "rolling"


@dataclass(frozen=True)
class Answers:
    """A calibrated task, windows and what its network said to them (N, H, K); the same of validation."""

    task: Forecast
    examples: ForecastWindows
    outputs: FloatArray
    validation: ForecastWindows
    validated: FloatArray
    network: str
    """What the network is called: its cell."""

    def take(self, rows: IntArray) -> Answers:
        """Some of the tested windows, by number (B,)."""
        return replace(self, examples=self.examples.take(rows), outputs=self.outputs[rows])

    def over(self, begins: IntArray, ends: IntArray) -> ForecastWindows:
        """Windows over the steps ``begins`` … ``ends`` − 1 (S,) of each series, seen as the tested ones."""
        seen, frame = self.examples, self.task.frame
        part = seen.panel.spans(begins, ends)
        starts = part_starts(seen.panel, part, frame.window, frame.horizon)
        made = make_windows(seen.panel, frame, seen.windows.past[VALUES], starts, part)
        return replace(made, ridge=seen.ridge, units=seen.units)


@dataclass(frozen=True)
class Points:
    """Errors of one forecast, which add up: means with the counts that they are of."""

    metrics: dict[str, Array]
    """(K,) by name"""
    counts: dict[str, Array]
    """(K,) by name"""
    steps: tuple[Array, Array]
    """Sum (H,) and count (H,) of errors in MASE's units, by steps ahead."""
    series: dict[str, tuple[float, int]]
    """The same by series."""
    protocol: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Fold:
    """All that is measured of one fold."""

    begin: str
    end: str
    """The first and the last moment that was scored."""
    rows: int
    """Steps that were scored, of all series."""
    season: int | None
    """Of the seasonal naive forecast."""
    seasons: int
    """In the season mean; 0 where there is none."""
    points: dict[str, Points]
    intervals: dict[tuple[str, int], IntervalSums]
    """By kind and level; kinds are :data:`SAVED`, :data:`ROLLING`, :data:`SEASONAL`."""


def measure_fold(
    answers: Answers, ends: IntArray, scales: Array, measure: Measure | None = None, rolling: bool = True
) -> Fold:
    """Measure every forecast on the tested windows; ``ends`` (S,) is where their part begins.

    ``scales`` (S, K) are MASE's denominators.
    """
    task, examples = answers.task, answers.examples
    actual, each = examples.actual(), scales[examples.series]
    points = {}
    for name, forecast in forecasts(answers):
        protocol = measure(forecast) if measure else {}
        points[name] = replace(_points(actual, forecast, each, examples), protocol=protocol)
    steps = examples.origins[:, None] + np.arange(task.frame.horizon)
    scored = np.unique(steps[(~np.isnan(actual)).any(axis=2)])
    stamps = examples.panel.stamps[scored]
    return Fold(
        task.calendar.iso(stamps.min()),
        task.calendar.iso(stamps.max()),
        len(scored),
        task.naive_season,
        task.mixture.seasons,
        points,
        _intervals(answers, actual, ends, each, rolling),
    )


def forecasts(answers: Answers) -> Iterator[tuple[str, Array]]:
    """Each forecast (N, H, K) with its name, on values as in the file."""
    task, examples = answers.task, answers.examples
    scaling = task.scaling_of(examples.panel, task.frame.window)
    yield COMBINED, scaling.inverse(task.combined(answers.outputs, examples), examples.series)
    names = {NETWORK: f"{called(answers.network)} alone", RIDGE: "ridge alone", SEASON_MEAN: SEASON_MEAN}
    for member in reversed(task.mixture.members):
        if member in names:
            scaled = task.member(member, answers.outputs, examples)
            yield names[member], scaling.inverse(scaled, examples.series)
    for name, forecast in reference_forecasts(examples, task.naive_season).items():
        yield (SEASONAL if name.startswith(SEASONAL) else name), forecast


def _points(actual: Array, forecast: Array, scales: Array, examples: ForecastWindows) -> Points:
    known = ~np.isnan(actual)
    scaled = np.abs(actual - forecast) / scales[:, None]
    there = known & ~np.isnan(scaled)
    total, count = np.where(there, scaled, 0.0).sum(axis=(1, 2)), there.sum(axis=(1, 2))
    names = examples.panel.names
    sums = np.bincount(examples.series, total, len(names))
    counts = np.bincount(examples.series, count, len(names)).astype(np.int64)
    all_known = known.sum(axis=(0, 1)).astype(np.float64)
    return Points(
        point_metrics(actual, forecast, scales),
        {name: there.sum(axis=(0, 1)) * 1.0 if name == "mase" else all_known for name in METRICS},
        (np.where(there, scaled, 0.0).sum(axis=(0, 2)), there.sum(axis=(0, 2)) * 1.0),
        {names[row]: (float(sums[row]), int(counts[row])) for row in np.flatnonzero(counts)},
    )


def _intervals(
    answers: Answers, actual: Array, ends: IntArray, scales: Array, rolling: bool
) -> dict[tuple[str, int], IntervalSums]:
    """The intervals saved with the model, rolling ones, and those around the seasonal naive forecast."""
    task, examples = answers.task, answers.examples
    levels, spread = task.intervals, task.frame.target_spread
    outputs = (answers.validated, answers.outputs)
    own = [
        task.combined(said, windows)
        for said, windows in zip(outputs, (answers.validation, examples), strict=True)
    ]
    simple = [_seasonal(task, windows) for windows in (answers.validation, examples)]
    both = list(zip(outputs, (answers.validation, examples), strict=True))
    plain = [np.repeat(windows.own_units[..., None], 2, axis=3) for _, windows in both]
    widths = [task.widths_of(said, windows) for said, windows in both]
    out: dict[tuple[str, int], IntervalSums] = {}

    def hold(kind: str, scaled: Array, radii: Array, wide: Array, rows: IntArray) -> None:
        scaling, series = task.scaling_of(examples.panel, task.frame.window), examples.series[rows]
        below, above = -wide[rows, ..., 0], wide[rows, ..., 1]
        for level, radius in zip(levels, radii * spread, strict=True):
            low, high = (scaling.inverse(scaled[rows] + radius * side, series) for side in (below, above))
            sums = IntervalSums.of(level, actual[rows], (low, high), scales[rows])
            out[kind, level] = out.get((kind, level), IntervalSums()) + sums

    everyone = np.arange(len(examples))
    saved = task.radii[[task.levels.index(level) for level in levels]]
    hold(SAVED, own[1], saved, widths[1], everyone)
    came = answers.validation.scaled_actual()
    if rolling and len(came):
        truths = (came, examples.scaled_actual())
        each = zip(truths, own, widths, strict=True)
        misses = np.concatenate([in_widths((true - said) / spread, wide) for true, said, wide in each])
        clocks = [_clock(windows, ends) for windows in (answers.validation, examples)]
        for rows, radii in rolling_radii(misses, np.concatenate(clocks), clocks[1], levels, saved):
            hold(ROLLING, own[1], radii, widths[1], rows)
    if len(came):
        radii = conformal_radii(in_widths((came - simple[0]) / spread, plain[0]), levels)
        hold(SEASONAL, simple[1], radii, plain[1], everyone)
    return out


def _clock(windows: ForecastWindows, ends: IntArray) -> IntArray:
    """Steps (N,) from where the test part begins, (S,), to each window's first step to come."""
    return np.asarray(windows.origins - (windows.panel.offsets + ends)[windows.series], dtype=np.int64)


def _seasonal(task: Forecast, examples: ForecastWindows) -> Array:
    """The scaled seasonal naive forecast (N, H, K); the naive one where there is no season."""
    scaled = replace(examples.panel, values=examples.windows.past[VALUES].astype(np.float64))
    found = reference_forecasts(replace(examples, panel=scaled), task.naive_season)
    return found[f"{SEASONAL} ({task.naive_season})" if task.naive_season else NAIVE]


# ---------------------------------------------------------------------- over folds


def shared(folds: Sequence[Fold]) -> list[Fold]:
    """The folds with the forecasts that all of them have.

    Where one has found no season, its seasonal forecasts are the last value.
    """
    every = {name for fold in folds for name in fold.points}
    filled = [
        replace(
            fold,
            points={
                **{name: fold.points[NAIVE] for name in (SEASON_MEAN, SEASONAL) if name in every},
                **fold.points,
            },
        )
        for fold in folds
    ]
    kept = [name for name in filled[0].points if all(name in fold.points for fold in filled)]
    order = [name for name in folds[0].points if name in kept] + [
        name for name in kept if name not in folds[0].points
    ]
    return [replace(fold, points={name: fold.points[name] for name in order}) for fold in filled]


def pooled(points: Sequence[Points]) -> Points:
    """The points of several folds as one."""
    metrics, counts = {}, {}
    for name in METRICS:
        weights = np.stack([each.counts[name] for each in points])
        values = np.stack([each.metrics[name] for each in points])
        weights = np.where(np.isnan(values), 0.0, weights)
        values = np.where(np.isnan(values), 0.0, values)
        counts[name] = weights.sum(axis=0)
        share = weights / np.maximum(counts[name], 1.0)
        if name == "rmse":
            most = np.where(values.max(axis=0) > 0, values.max(axis=0), 1.0)
            mean = most * np.sqrt((share * (values / most) ** 2).sum(axis=0))
        else:
            mean = (share * values).sum(axis=0)
        metrics[name] = np.where(counts[name] > 0, mean, np.nan)
    steps = tuple(np.sum([each.steps[place] for each in points], axis=0) for place in (0, 1))
    series: dict[str, tuple[float, int]] = {}
    for each in points:
        for name, (total, count) in each.series.items():
            before = series.get(name, (0.0, 0))
            series[name] = (before[0] + total, before[1] + count)
    return Points(metrics, counts, (steps[0], steps[1]), series, points[0].protocol)
