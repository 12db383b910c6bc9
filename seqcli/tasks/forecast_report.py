"""Tables of a backtest, and the rows of a forecast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.tasks.base import Scores
from seqcli.tasks.forecast_metrics import METRICS
from seqcli.tasks.forecast_panel import Panel
from seqcli.tasks.forecast_scaling import SeriesScaling

Array = NDArray[np.float64]

SPECS = {"mae": ",.4g", "rmse": ",.4g", "smape": ".2f", "mase": ".3f"}
"""How people see each metric."""
SIGNIFICANT = 7
"""Digits of a forecast: the network computes with no more."""


@dataclass(frozen=True)
class ForecastContext:
    """What turns outputs into rows: the series, and which of them the network forecasts."""

    panel: Panel
    network_rows: NDArray[np.int64]
    """Numbers of the series whose windows are the examples, in their order."""
    reference: Array
    """(S, H, K) scaled reference forecast of every series."""
    scaling: SeriesScaling
    """With a row for each series of the panel."""
    silent: frozenset[int]
    """Series without a single value: they get no row."""
    flat: frozenset[int]
    """Series that never changed: their interval is their value."""
    notes: tuple[str, ...]
    """Sentences on series that are forecast by their last value, and on odd cells."""

    def history(self, row: int, target: int, steps: int) -> list[float]:
        """The last known values of one series, oldest first, for a chart."""
        values = self.panel.series(row)[:, target]
        return [float(value) for value in values[~np.isnan(values)][-steps:]]


def comparison(title: str, scores: Sequence[Scores], caption: str) -> ResultTable:
    """One row a predictor: the network, then what needs none."""
    columns = (ResultColumn("forecast"), *(ResultColumn(name, SPECS[name]) for name in METRICS))
    rows: list[tuple[Cell, ...]] = [
        (each.predictor, *(_number(each.values[name]) for name in METRICS)) for each in scores
    ]
    return ResultTable(title, columns, rows, caption)


def by_target(targets: Sequence[str], metrics: dict[str, Array], naive: dict[str, Array]) -> ResultTable:
    """One row a target: the network's errors and how they compare to the last value's."""
    columns = (
        ResultColumn("target"),
        *(ResultColumn(name, SPECS[name]) for name in METRICS),
        ResultColumn("mae / naive", ".3f"),
    )
    rows: list[tuple[Cell, ...]] = []
    for index, target in enumerate(targets):
        ratio = float(metrics["mae"][index] / naive["mae"][index]) if naive["mae"][index] else math.nan
        rows.append((target, *(_number(metrics[name][index]) for name in METRICS), _number(ratio)))
    return ResultTable("By target", columns, rows)


def by_step(actual: Array, forecast: Array, naive: Array) -> ResultTable:
    """Error by steps ahead, beside the last value's: all steps of short horizons, some of long ones."""
    horizon = actual.shape[1]
    steps = range(horizon) if horizon <= 12 else sorted({round(i * (horizon - 1) / 11) for i in range(12)})
    columns = (ResultColumn("steps ahead", "d"), ResultColumn("mae", ",.4g"), ResultColumn("naive mae", ",.4g"))
    rows: list[tuple[Cell, ...]] = []
    for step in steps:
        errors = [np.abs(actual[:, step] - other[:, step]) for other in (forecast, naive)]
        known = ~np.isnan(errors[0])
        means = [float(each[known].mean()) if known.any() else math.nan for each in errors]
        rows.append((step + 1, *(_number(value) for value in means)))
    return ResultTable("By steps ahead", columns, rows)


def coverage(actual: Array, bounds: Sequence[tuple[int, Array, Array]]) -> ResultTable:
    """How often the intervals held: ``bounds`` are (percent, low (N, H, K), high (N, H, K))."""
    columns = (
        ResultColumn("interval", "d"),
        ResultColumn("covered", ".1%"),
        ResultColumn("mean width", ",.4g"),
    )
    known = ~np.isnan(actual)
    rows: list[tuple[Cell, ...]] = []
    for level, low, high in bounds:
        inside = (actual >= low) & (actual <= high)
        share = float(inside[known].mean()) if known.any() else math.nan
        width = float((high - low)[known].mean()) if known.any() else math.nan
        rows.append((level, _number(share), _number(width)))
    return ResultTable("Intervals on the rows of the backtest", columns, rows)


def figure(value: float) -> float:
    """A forecast to as many digits as it has."""
    return float(f"{value:.{SIGNIFICANT}g}") if math.isfinite(value) else value


def in_words(value: float, largest: float) -> str:
    """A number for a sentence: four digits of the ``largest`` beside it, thousands apart."""
    if not math.isfinite(value):
        return str(value)
    size = math.floor(math.log10(abs(largest))) if largest else 0
    if size >= 12 or size < -4:
        return f"{value:.4g}"
    return f"{value:,.{max(0, 3 - size)}f}"


def _number(value: float) -> float | None:
    """None for what could not be measured."""
    return float(value) if math.isfinite(value) else None
