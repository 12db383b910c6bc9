"""The tables of a backtest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import TARGET, FloatArray
from seqcli.tasks.base import Scores
from seqcli.tasks.forecasting.interval_scores import IntervalSums
from seqcli.tasks.forecasting.metrics import METRICS, skill
from seqcli.tasks.forecasting.mixture import NETWORK, RIDGE
from seqcli.tasks.forecasting.references import reference_forecasts
from seqcli.tasks.forecasting.windows import ForecastWindows

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]

SIMPLE_NAMES = ("naive", "seasonal naive", "drift", "mean of")
"""How the forecasts begin that need nothing fitted."""
ALONE = " alone"
"""How the scores of one fitted member end."""
INTERVAL_COLUMNS = (
    ResultColumn("covered", ".1%"),
    ResultColumn("mean width", ",.4g"),
    ResultColumn("score", ".3f"),
)
SCORE_WORDS = "score: width, and 2/(1 − level) times each miss, in units of MASE's scale; lower is better"
SPECS = {"mae": ",.4g", "rmse": ",.4g", "smape": ".2f", "mase": ".3f"}
"""How people see each metric."""


def backtest(
    task: Forecast, scores: Sequence[Scores], outputs: FloatArray, examples: ForecastWindows
) -> list[ResultTable]:
    """Forecasts beside what needs no network; by target or by steps ahead; how the intervals held.

    ``outputs`` are (N, H, K).
    """
    targets, season = task.plan.target, task.frame.season
    before = f"the season before ({season} steps)" if season > 1 else "the last value"
    caption = [
        f"MASE 1 is the error that {before} made in training",
        task.composition(_network_name(scores)),
    ]
    caption += [examples.note] if examples.note else []
    tables = [comparison(backtest_title(targets, examples), scores, "; ".join(caption))]
    if not len(examples):
        return tables
    actual, forecast = examples.actual(), task.forecasts(outputs, examples)
    naive = reference_forecasts(examples, None)["naive"]
    if len(targets) > 1:
        errors = [task.metrics_of(each, examples) for each in (forecast, naive)]
        tables.append(by_target(targets, *errors))
    else:
        tables.append(by_step(actual[..., 0], forecast[..., 0], naive[..., 0]))
    bounds = task.held_to(outputs, examples, task.intervals)
    return [*tables, coverage(actual, bounds, task.scales_of(examples))]


def _network_name(scores: Sequence[Scores]) -> str:
    """What the network is called where its own score stands among ``scores``."""
    alone = [each.predictor.removesuffix(ALONE) for each in scores if each.predictor.endswith(ALONE)]
    return next((name for name in alone if name != RIDGE), NETWORK)


def backtest_title(targets: Sequence[str], examples: ForecastWindows) -> str:
    """What was scored: the targets, on how many rows, how far ahead."""
    steps = examples.origins[:, None] + np.arange(examples.frame.horizon)
    rows = int((~np.isnan(examples.windows.future[TARGET][np.unique(steps)])).any(axis=1).sum())
    ahead = f"1 to {examples.frame.horizon} steps" if examples.frame.horizon > 1 else "1 step"
    return f"Backtest of {', '.join(targets)}: {rows:,} rows, each forecast {ahead} ahead"


def comparison(title: str, scores: Sequence[Scores], caption: str) -> ResultTable:
    """The model, then all else from the best on, each with its skill beside the best simple one."""
    columns = (
        ResultColumn("forecast"),
        *(ResultColumn(name, SPECS[name]) for name in METRICS),
        ResultColumn("skill", "z.1%"),
    )
    simple = [each for each in scores if each.predictor.startswith(SIMPLE_NAMES)]
    best = min(simple, key=lambda each: ranks(each.values["mae"]), default=None)
    others = sorted(scores[1:], key=lambda each: ranks(each.values["mase"]))
    rows: list[tuple[Cell, ...]] = []
    for each in (*scores[:1], *others):
        spared = skill(each.values["mae"], best.values["mae"]) if best else math.nan
        rows.append((each.predictor, *(number(each.values[name]) for name in METRICS), number(spared)))
    if best:
        caption += f"; {skill_words('mae', best.predictor)}"
    return ResultTable(title, columns, rows, caption)


def skill_words(metric: str, best: str) -> str:
    """What the column of that name says."""
    return f"skill: the share of {metric} spared beside {best}, the best that needs no fitting"


def ranks(value: float) -> float:
    """A figure to sort by: one that could not be measured comes last."""
    return math.inf if math.isnan(value) else value


def by_target(targets: Sequence[str], metrics: dict[str, Array], naive: dict[str, Array]) -> ResultTable:
    """One row a target: the network's errors (K,) and how they compare to the last value's."""
    columns = (
        ResultColumn("target"),
        *(ResultColumn(name, SPECS[name]) for name in METRICS),
        ResultColumn("mae / naive", ".3f"),
    )
    rows: list[tuple[Cell, ...]] = []
    for index, target in enumerate(targets):
        ratio = float(metrics["mae"][index] / naive["mae"][index]) if naive["mae"][index] else math.nan
        rows.append((target, *(number(metrics[name][index]) for name in METRICS), number(ratio)))
    return ResultTable("By target", columns, rows)


def by_step(actual: Array, forecast: Array, naive: Array) -> ResultTable:
    """Error by steps ahead, beside the last value's: all steps of short horizons, some of long ones.

    All three are (N, H, K), NaN in ``actual`` where unscored.
    """
    columns = (
        ResultColumn("steps ahead", "d"),
        ResultColumn("mae", ",.4g"),
        ResultColumn("naive mae", ",.4g"),
    )
    rows: list[tuple[Cell, ...]] = []
    for step in picked_steps(actual.shape[1]):
        errors = [np.abs(actual[:, step] - other[:, step]) for other in (forecast, naive)]
        known = ~np.isnan(errors[0])
        means = [float(each[known].mean()) if known.any() else math.nan for each in errors]
        rows.append((step + 1, *(number(value) for value in means)))
    return ResultTable("By steps ahead", columns, rows)


def picked_steps(horizon: int) -> Sequence[int]:
    """All steps of a short horizon, twelve of a long one, counted from 0."""
    return range(horizon) if horizon <= 12 else sorted({round(i * (horizon - 1) / 11) for i in range(12)})


def coverage(actual: Array, bounds: Sequence[tuple[int, Array, Array]], scales: Array) -> ResultTable:
    """How often the intervals held, and their score in units of MASE's ``scales`` (N, K).

    ``bounds`` are (percent, low (N, H, K), high (N, H, K)).
    """
    columns = (ResultColumn("interval", "d"), *INTERVAL_COLUMNS)
    rows: list[tuple[Cell, ...]] = [
        (level, *interval_cells(IntervalSums.of(level, actual, (low, high), scales)))
        for level, low, high in bounds
    ]
    return ResultTable("Intervals on the rows of the backtest", columns, rows, SCORE_WORDS)


def interval_cells(sums: IntervalSums) -> tuple[Cell, ...]:
    """The cells of :data:`INTERVAL_COLUMNS`."""
    steps, scaled = sums.steps or math.nan, sums.scaled_steps or math.nan
    return number(sums.inside / steps), number(sums.width / steps), number(sums.score / scaled)


def number(value: float) -> float | None:
    """None for what could not be measured."""
    return float(value) if math.isfinite(value) else None
