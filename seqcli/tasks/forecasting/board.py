"""The tables of a backtest over folds or by a protocol: the leaderboard first, then where it is weak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.tasks.forecasting.backtest import (
    COMBINED,
    ROLLING,
    SAVED,
    SIMPLE,
    Fold,
    Points,
    pooled,
    shared,
)
from seqcli.tasks.forecasting.interval_scores import IntervalSums
from seqcli.tasks.forecasting.metrics import METRICS, averaged, skill
from seqcli.tasks.forecasting.mixture import NAIVE, SEASON_MEAN, SEASONAL
from seqcli.tasks.forecasting.report import (
    INTERVAL_COLUMNS,
    SCORE_WORDS,
    SPECS,
    interval_cells,
    number,
    picked_steps,
    ranks,
    skill_words,
)

WORST = 5
PROTOCOLS = {"ltsf": ("mse", "mae"), "m4": ("smape", "mase", "owa")}
"""What each protocol measures; the last of m4, the first of ltsf ranks."""
UNITS = {"ltsf": "mae and rmse in units of the file, not in z-scores as in the table of all targets"}
"""What is said of each target's errors where the protocol measures in other units."""
RANKING = {"ltsf": "mse", "m4": "owa", "": "mase"}
_SPECS = {**SPECS, "mse": ".4f", "owa": ".3f", "skill": "z.1%"}


def leaderboard(
    folds: Sequence[Fold], protocol: str, targets: Sequence[str], words: tuple[str, Sequence[str]]
) -> list[ResultTable]:
    """The mix, then the others from the best on; by fold, target, steps ahead; worst series, intervals.

    ``words`` are the title, and what the caption begins with.
    """
    folds = shared(folds)
    points = {name: pooled([fold.points[name] for fold in folds]) for name in folds[0].points}
    measured = {name: figures(each, protocol) for name, each in points.items()}
    best = best_simple(measured, protocol)
    said = _names(folds)
    tables = [_board(measured, protocol, best, said, words)]
    if len(folds) > 1:
        tables.append(_by_fold(folds, best, said))
    if len(targets) > 1:
        by_target = _by_target(targets, points[COMBINED], points[best], said[best])
        tables.append(replace(by_target, caption=UNITS.get(protocol, "")))
    if len(points[COMBINED].steps[0]) > 1:
        tables.append(_by_step(points[COMBINED], points[best], said[best]))
    if len(points[COMBINED].series) > 1:
        tables.append(_worst(points[COMBINED], points[best], said[best]))
    return [*tables, intervals_table(folds)]


def _names(folds: Sequence[Fold]) -> dict[str, str]:
    """What each forecast is called, with its season where that is the same in all folds."""
    said = {name: name for name in folds[0].points}
    steps, counts = {fold.season for fold in folds}, {fold.seasons for fold in folds}
    if SEASONAL in said and len(steps) == 1:
        said[SEASONAL] = f"{SEASONAL} ({folds[0].season})"
    if SEASON_MEAN in said:
        said[SEASON_MEAN] = f"mean of {folds[0].seasons} seasons" if len(counts) == 1 else "mean of seasons"
    return said


def figures(points: Points, protocol: str) -> dict[str, float]:
    """The metrics that a leaderboard shows, by name."""
    return points.protocol if protocol else averaged(points.metrics)


def best_simple(measured: dict[str, dict[str, float]], protocol: str) -> str:
    """The forecast with the least error of those that need nothing fitted."""
    by = "owa" if protocol == "m4" else "mae"
    simple = [name for name in measured if name in SIMPLE]
    return min(simple, key=lambda name: ranks(measured[name][by]))


def _board(
    measured: dict[str, dict[str, float]],
    protocol: str,
    best: str,
    said: dict[str, str],
    words: tuple[str, Sequence[str]],
) -> ResultTable:
    names = PROTOCOLS.get(protocol, METRICS)
    by, rank = ("owa" if protocol == "m4" else "mae"), RANKING[protocol]
    others = sorted(
        (name for name in measured if name != COMBINED), key=lambda name: ranks(measured[name][rank])
    )
    columns = (ResultColumn("forecast"), *(ResultColumn(name, _SPECS[name]) for name in (*names, "skill")))
    rows: list[tuple[Cell, ...]] = []
    for name in (COMBINED, *others):
        values = measured[name]
        shown = [number(values[metric]) for metric in names]
        rows.append((said[name], *shown, number(skill(values[by], measured[best][by]))))
    title, notes = words
    caption = [*notes, skill_words(by, said[best])]
    return ResultTable(title, columns, rows, "; ".join(caption))


def _by_fold(folds: Sequence[Fold], best: str, said: dict[str, str]) -> ResultTable:
    columns = (
        ResultColumn("fold", "d"),
        ResultColumn("from"),
        ResultColumn("to"),
        ResultColumn("rows", ",d"),
        ResultColumn("mase", ".3f"),
        ResultColumn(f"{said[best]} mase", ".3f"),
    )
    rows: list[tuple[Cell, ...]] = []
    for place, fold in enumerate(folds, 1):
        errors = [averaged(fold.points[name].metrics)["mase"] for name in (COMBINED, best)]
        rows.append((place, fold.begin, fold.end, fold.rows, *map(number, errors)))
    return ResultTable("By fold", columns, rows)


def _by_target(targets: Sequence[str], own: Points, best: Points, called: str) -> ResultTable:
    columns = (
        ResultColumn("target"),
        *(ResultColumn(name, SPECS[name]) for name in METRICS),
        ResultColumn(f"{called} mase", ".3f"),
    )
    rows: list[tuple[Cell, ...]] = []
    for k, target in enumerate(targets):
        means = [number(own.metrics[name][k]) for name in METRICS]
        rows.append((target, *means, number(best.metrics["mase"][k])))
    return ResultTable("By target", columns, rows)


def _by_step(own: Points, best: Points, called: str) -> ResultTable:
    columns = (
        ResultColumn("steps ahead", "d"),
        ResultColumn("mase", ".3f"),
        ResultColumn(f"{called} mase", ".3f"),
    )
    means = [total / np.where(count > 0, count, np.nan) for total, count in (own.steps, best.steps)]
    rows: list[tuple[Cell, ...]] = [
        (step + 1, *(number(each[step]) for each in means)) for step in picked_steps(len(means[0]))
    ]
    return ResultTable("By steps ahead", columns, rows)


def _worst(own: Points, best: Points, called: str) -> ResultTable:
    columns = (ResultColumn("series"), ResultColumn("mase", ".3f"), ResultColumn(f"{called} mase", ".3f"))
    means = [{name: total / count for name, (total, count) in each.series.items()} for each in (own, best)]
    names = sorted(means[0], key=lambda name: -means[0][name])[:WORST]
    rows: list[tuple[Cell, ...]] = [(name, number(means[0][name]), number(means[1][name])) for name in names]
    more = len(means[0]) - len(names)
    return ResultTable("Worst series", columns, rows, f"{more:,} more are better" if more else "")


def intervals_table(folds: Sequence[Fold]) -> ResultTable:
    """Every kind of interval at every level: how often it held, how wide it was, its score."""
    columns = (ResultColumn("kind"), ResultColumn("interval", "d"), *INTERVAL_COLUMNS)
    around = SEASONAL if any(fold.season for fold in folds) else NAIVE
    said = {SAVED: SAVED, ROLLING: ROLLING, SEASONAL: f"around {around}"}
    rows: list[tuple[Cell, ...]] = []
    for kind, level in dict.fromkeys(key for fold in folds for key in fold.intervals):
        sums = sum((fold.intervals.get((kind, level), IntervalSums()) for fold in folds), IntervalSums())
        rows.append((said[kind], level, *interval_cells(sums)))
    caption = SCORE_WORDS
    if any(ROLLING in key for fold in folds for key in fold.intervals):
        caption += "; rolling: calibrated on all that was at least a horizon old by then"
    return ResultTable("Intervals on the rows tested", columns, rows, caption)
