"""How well odd series are told apart, and the tables that show it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.tasks.base import Scores
from seqcli.tasks.ranking_metrics import area_under_roc, average_precision
from seqcli.tasks.reconstructing.calibration import Calibration

Array = NDArray[np.float64]

SPECS = {
    "auroc": ".4f",
    "auprc": ".4f",
    "hits": ".3f",
    "false_alarms": ".3f",
    "flagged": ".3f",
    "mse": ".4g",
}
"""Columns of the result, and how they are shown."""
QUANTILES = (("lowest", 0.0), ("median", 0.5), ("90 %", 0.9), ("highest", 1.0))


def odd_scores(scores: Array, odd: NDArray[np.float32], threshold: float) -> dict[str, float]:
    """How well scores (N,) tell the odd series from the others, where some are known; else the flagged share.

    ``hits`` is the share of odd series above the threshold, ``false_alarms`` that of usual ones.
    """
    above = scores > threshold
    known = ~np.isnan(odd)
    if not known.any():
        return {"flagged": float(above.mean()) if len(above) else np.nan}
    positive = odd[known] == 1
    found, flagged = scores[known], above[known]
    return {
        "auroc": area_under_roc(found, positive),
        "auprc": average_precision(found, positive),
        "hits": float(flagged[positive].mean()) if positive.any() else np.nan,
        "false_alarms": float(flagged[~positive].mean()) if not positive.all() else np.nan,
    }


def report_tables(
    scores: list[Scores], found: Array, odd: NDArray[np.float32], usual: Calibration, rate: float
) -> list[ResultTable]:
    """The predictors beside each other, and how the scores (N,) of the model lie about its threshold."""
    names = [name for name in SPECS if name in scores[0].values]
    columns = (
        ResultColumn("predictor"),
        *(ResultColumn(name, SPECS[name], emphasis=name == names[0]) for name in names),
    )
    count = int(np.nansum(odd))
    known = f", {count:,} of them odd" if not np.isnan(odd).all() else ""
    rows = [(each.predictor, *(each.values.get(name) for name in names)) for each in scores]
    table = ResultTable(
        f"{len(found):,} test series{known}", columns, [*rows], _caption(usual, rate, len(usual.usual))
    )
    return [table, _spread_table(found, odd, usual)]


def _caption(usual: Calibration, rate: float, count: int) -> str:
    """What the threshold is."""
    how = f"exceeded by {100 * rate:g} % of usual series at most, by {count:,} validation series"
    if not usual.by_rank:
        how = f"for {100 * rate:g} % of usual series, by a log-normal fit to only {count:,} validation series"
    return f"threshold {usual.threshold:.4g}: {how}"


def _spread_table(found: Array, odd: NDArray[np.float32], usual: Calibration) -> ResultTable:
    """Quantiles of scores beside the threshold: of validation series, and of those at hand."""
    kinds = [("validation", usual.usual)]
    if np.isnan(odd).all():
        kinds.append(("all", found))
    else:
        kinds += [("usual", found[odd == 0]), ("odd", found[odd == 1])]
        kinds += [("not known", found[np.isnan(odd)])] if np.isnan(odd).any() else []
    columns = (
        ResultColumn("series"),
        ResultColumn("count", ",d"),
        *(ResultColumn(name, ".4g") for name, _ in QUANTILES),
        ResultColumn("above threshold", ",d"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            len(scores),
            *(float(np.quantile(scores, share)) for _, share in QUANTILES),
            int((scores > usual.threshold).sum()),
        )
        for name, scores in kinds
        if len(scores)
    ]
    return ResultTable("Scores", columns, rows)
