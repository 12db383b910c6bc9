"""Which windows a backtest scores, on what scale, and the words for its title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray
from seqcli.tasks.base import Prepared
from seqcli.tasks.forecasting.backtest import Answers, Fold, Measure, Points
from seqcli.tasks.forecasting.panel import carried
from seqcli.tasks.forecasting.protocols import (
    competition_errors,
    error_scale,
    naive2,
    overall,
    standard_errors,
    training_spread,
)
from seqcli.tasks.forecasting.windows import ForecastWindows, windows_of

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]
NAIVE2 = "naive2"


@dataclass(frozen=True)
class Chosen:
    """What a protocol scores, and how."""

    answers: Answers
    scales: Array
    """(S, K) MASE's denominators."""
    measure: Measure
    notes: tuple[str, ...]
    beside: dict[str, float] | None = None
    """Naive2's figures, by which m4's OWA is measured."""

    def completed(self, fold: Fold) -> Fold:
        """The fold with each forecast's OWA, and with Naive2 among them."""
        if self.beside is None:
            return fold
        points: dict[str, Points] = {}
        for name, each in fold.points.items():
            points[name] = replace(each, protocol=with_owa(each.protocol, self.beside))
        some = next(iter(points.values()))
        points[NAIVE2] = replace(some, protocol=with_owa(self.beside, self.beside))
        return replace(fold, points=points)


def with_owa(errors: dict[str, float], beside: dict[str, float]) -> dict[str, float]:
    """sMAPE and MASE with OWA."""
    return {**errors, "owa": overall(errors, beside)}


def scored_windows(examples: ForecastWindows, ends: IntArray, whole: bool) -> IntArray:
    """Numbers (N,) of the windows that a protocol scores; parts end at ``ends`` (S, 3).

    They are those with their ``whole`` horizon in the test part, else the one of each series ahead of it.
    """
    first = (examples.panel.offsets + ends[:, 1])[examples.series]
    last = (examples.panel.offsets + ends[:, 2])[examples.series]
    origins = examples.origins
    fits = (origins >= first) & (origins + examples.frame.horizon <= last) if whole else origins == first
    return np.flatnonzero(fits).astype(np.int64)


def by_standard(answers: Answers, ends: IntArray) -> Chosen:
    """z-scores by the training rows, which end at ``ends[:, 0]`` (S, 3)."""
    panel = answers.examples.panel
    spreads = np.stack(
        [
            training_spread(panel.series(row, int(ends[row, 0]))[:, : panel.targets])
            for row in range(len(panel.names))
        ]
    )
    examples = answers.examples
    actual, spread = examples.actual(), spreads[examples.series]
    notes = (
        f"{len(examples):,} windows whose whole horizon lies in the test part",
        "mse and mae in z-scores (mean and deviation of the training rows), not in units of the file",
    )
    return Chosen(
        answers, answers.task.errors, lambda forecast: standard_errors(actual, forecast, spread), notes
    )


def by_competition(answers: Answers, ends: IntArray) -> Chosen:
    """One window a series; all that is ahead of its test part, at ``ends[:, 1]`` (S, 3), is M4's training."""
    examples, task = answers.examples, answers.task
    panel = examples.panel
    season = competition_season(task)
    scales = np.full((len(panel.names), panel.targets), np.nan)
    beside = np.empty((len(examples), task.frame.horizon, panel.targets))
    for row in range(len(panel.names)):
        values = panel.series(row, int(ends[row, 1]))[:, : panel.targets]
        own = np.flatnonzero(examples.series == row)
        for k in range(panel.targets):
            scales[row, k] = error_scale(values[:, k], season)
        past = carried(values)
        for at in own:
            beside[at] = np.stack(
                [naive2(past[:, k], season, task.frame.horizon) for k in range(panel.targets)], axis=1
            )
    actual, each = examples.actual(), scales[examples.series]

    def measure(forecast: Array) -> dict[str, float]:
        return competition_errors(actual, forecast, each)

    notes = (f"{len(examples):,} series, one forecast each", f"season {season} of MASE and Naive2")
    return Chosen(answers, scales, measure, notes, measure(beside))


def competition_season(task: Forecast) -> int:
    """The season of MASE and Naive2: the one that was found, else the calendar's, else 1."""
    return task.frame.season if task.frame.season > 1 else task.naive_season or 1


def target_words(prepared: Prepared) -> str:
    """How many rows a fold learns from, and which it is tested on."""
    panel, ends = windows_of(prepared.test).panel, prepared.source
    task: Forecast = prepared.task  # type: ignore[assignment]
    tested = panel.stamps[panel.spans(ends[:, 1], ends[:, 2])]
    rows = int(ends[:, 1].sum())
    return (
        f"{rows:,} rows to learn from and to choose on, tested on {len(tested):,} from "
        f"{task.calendar.iso(tested.min())} to {task.calendar.iso(tested.max())}"
    )


def tested_words(answers: Answers, folds: Sequence[Fold], how: str) -> tuple[str, list[str]]:
    """The title of a leaderboard, and what its caption begins with."""
    task = answers.task
    horizon = task.frame.horizon
    ahead = f"1 to {horizon} steps" if horizon > 1 else "1 step"
    rows = sum(fold.rows for fold in folds)
    title = f"Backtest of {', '.join(task.plan.target)}, {how}: {rows:,} rows, each forecast {ahead} ahead"
    before = f"the season before ({task.frame.season} steps)" if task.frame.season > 1 else "the last value"
    return title, [f"MASE 1 is the error that {before} made in training"]
