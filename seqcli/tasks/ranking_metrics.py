"""How well scores rank, and how well answers agree beyond chance: what papers on DNA report.

    MCC      correlation of answers and truth (Matthews 1975), for several classes R_K (Gorodkin 2004)
    AUROC    chance that a row of a class is ranked above one of the others
    AUPRC    average precision: the mean of the precision at each row of the class that is found

Of several classes the last two are the mean over the classes, each against all others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray


def matthews(target: IntArray, predicted: IntArray, classes: int) -> float:
    """The correlation of classes (N,) and answers (N,); 0 where either is always the same."""
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (target, predicted), 1)
    truth, said, rows = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    together = rows * np.trace(matrix) - truth @ said
    apart = np.sqrt((rows**2 - said @ said) * (rows**2 - truth @ truth))
    return float(together / apart) if apart > 0 else 0.0


def area_under_roc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The area for scores (N,) of rows of which some are ``positive`` (N,); equal scores count half.

    NaN where all rows are of one kind.
    """
    count = int(positive.sum())
    if not 0 < count < len(positive):
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of each score
    over = ranks[place][positive].sum() - count * (count + 1) / 2
    return float(over / (count * (len(positive) - count)))


def average_precision(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Average precision of scores (N,); rows of one score are found together. NaN without a positive row."""
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    precision = hits[last] / (last + 1)
    recall = hits[last] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def ranking_scores(log_chances: NDArray[np.float64], target: IntArray) -> dict[str, float]:
    """MCC, AUROC and AUPRC of log-probabilities (N, C); rows of an unknown class (-1) are left out."""
    known = target >= 0
    chances, truth = log_chances[known], target[known]
    classes = chances.shape[1]
    kinds = [1] if classes == 2 else [kind for kind in range(classes) if (truth == kind).any()]
    roc = [area_under_roc(chances[:, kind], truth == kind) for kind in kinds]
    precision = [average_precision(chances[:, kind], truth == kind) for kind in kinds]
    return {
        "mcc": matthews(truth, chances.argmax(axis=1), classes),
        "auroc": float(np.mean(roc)) if roc else float("nan"),
        "auprc": float(np.mean(precision)) if precision else float("nan"),
    }
