"""How good class predictions are: accuracy, macro F1, log loss, and the tables that show where they fail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import IntArray
from seqcli.tasks.base import Scores

LEAST_PROBABILITY = 1e-7
"""A class that was given less counts as this in the log loss, so that one row cannot make it infinite."""
LEAST_CALIBRATED = 50
BINS = 15
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.25, 16.0
MOST_CONFUSED = 20
"""Above this many classes the confusion matrix becomes a list of the most frequent confusions."""


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Log-probabilities of logits, (N, C) → (N, C)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_probabilities: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_probabilities


def class_scores(log_probabilities: NDArray[np.float64], target: IntArray) -> dict[str, float]:
    """Accuracy, macro F1, log loss and calibration error of (N, C) log-probabilities against classes (N,).

    A target of -1 is a class that training never saw: always wrong. Macro F1 is the mean over the
    classes that occur in the target or the predictions, as in scikit-learn. No rows give NaN.
    """
    if not len(target):
        return {"accuracy": np.nan, "macro_f1": np.nan, "log_loss": np.nan, "ece": np.nan}
    rows = np.arange(len(target))
    predicted = log_probabilities.argmax(axis=1)
    picked = np.where(target >= 0, log_probabilities[rows, target], -np.inf)
    matrix = confusion_matrix(target, predicted, log_probabilities.shape[1])
    _, _, f1, support = precision_recall_f1(matrix)
    occurring = support + matrix.sum(axis=0) > 0
    return {
        "accuracy": float((predicted == target).mean()),
        "macro_f1": float(f1[occurring].mean()),
        "log_loss": float(-np.maximum(picked, np.log(LEAST_PROBABILITY)).mean()),
        "ece": calibration_error(np.exp(log_probabilities.max(axis=1)), predicted == target),
    }


def calibration_error(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """How far the predictions' probabilities (N,) are from how often they are right (N,).

    The mean, over 15 bins of equally many rows in order of probability, of the gap between the two
    (ECE with equal-mass bins; Nixon et al. 2019, Measuring Calibration in Deep Learning). Rows of one
    probability share a bin, so that the order of a file's rows says nothing.
    """
    ranked = np.sort(sure)
    sizes = [len(part) for part in np.array_split(ranked, min(BINS, len(ranked)))]
    bins = np.repeat(np.arange(len(sizes)), sizes)[np.searchsorted(ranked, sure)]
    return float(np.abs(np.bincount(bins, sure - right)).sum()) / len(sure)


def best_temperature(logits: NDArray[np.float32], target: IntArray, doubt: bool = False) -> float:
    """The T for which softmax(logits / T), of (N, C), gives the classes (N,) the least log loss.

    A network that was trained to the end is too sure of itself; dividing its logits changes no
    prediction (Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2). Fewer than 50
    rows decide nothing: 1.

    Where all rows are right, the surest T is the best one, however few they are. With ``doubt`` each class
    is met once more than it was, so that it takes many rows to be that sure (Platt 1999, Probabilistic
    outputs for support vector machines, section 2.2): a row counts (N + 1) / (N + C) as its class and
    1 / (N + C) as each other.
    """
    if len(target) < LEAST_CALIBRATED:
        return 1.0
    candidates = np.geomspace(LEAST_TEMPERATURE, MOST_TEMPERATURE, 121)
    rows, classes = np.arange(len(target)), logits.shape[1]
    share = 1 / (len(target) + classes) if doubt else 0.0
    losses = []
    for value in candidates:
        chances = log_softmax(logits / np.float32(value))
        own = chances[rows, target].mean()
        losses.append(-(1 - share * classes) * own - share * chances.sum(axis=1).mean())
    return float(candidates[int(np.argmin(losses))])


def confusion_matrix(target: IntArray, predicted: IntArray, classes: int) -> IntArray:
    """How often class i was predicted as class j, (C + 1, C); the last row is classes never seen."""
    matrix = np.zeros((classes + 1, classes), dtype=np.int64)
    np.add.at(matrix, (np.where(target < 0, classes, target), predicted), 1)
    return matrix


def precision_recall_f1(
    matrix: IntArray,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], IntArray]:
    """Precision, recall, F1 and support of each class, (C,) each, from a (C + 1, C) confusion matrix.

    What would divide by zero is 0.
    """
    classes = matrix.shape[1]
    hits = np.diag(matrix[:classes]).astype(np.float64)
    support = matrix[:classes].sum(axis=1)
    precision = hits / np.maximum(matrix.sum(axis=0), 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    return precision, recall, f1, support


def comparison_table(title: str, scores: list[Scores], spec: str = ".3f") -> ResultTable:
    """One row a predictor, one column a metric."""
    names = list(scores[0].values) if scores else []
    columns = (
        ResultColumn("predictor"),
        *(ResultColumn(name, spec, emphasis=name == names[0]) for name in names),
    )
    return ResultTable(
        title, columns, [(item.predictor, *(item.values.get(name) for name in names)) for item in scores]
    )


def calibration_table(rows: list[tuple[str, NDArray[Any]]], target: IntArray) -> ResultTable:
    """How well probabilities are meant, from (whose, logits (N, C)), before and after their scaling."""
    names = ("log_loss", "ece")
    columns = (ResultColumn("probabilities"), *(ResultColumn(name, ".3f") for name in names))
    cells: list[tuple[Cell, ...]] = []
    for name, logits in rows:
        scores = class_scores(log_softmax(logits), target)
        cells.append((name, *(scores[key] for key in names)))
    return ResultTable("Calibration", columns, cells, "ece: mean gap of probability and accuracy in 15 bins")


def class_table(matrix: IntArray, classes: tuple[str, ...]) -> ResultTable:
    """Precision, recall, F1 and support of each class, from the confusion matrix (C + 1, C)."""
    measures = precision_recall_f1(matrix)
    columns = (
        ResultColumn("class"),
        *(ResultColumn(name, ".3f") for name in ("precision", "recall", "f1")),
        ResultColumn("support", ",d"),
    )
    precision, recall, f1, support = (values.tolist() for values in measures)
    return ResultTable("Classes", columns, list(zip(classes, precision, recall, f1, support, strict=True)))


def confusion_table(matrix: IntArray, classes: tuple[str, ...]) -> ResultTable:
    """The confusion matrix (C + 1, C), a row a true class; for many classes the most frequent confusions."""
    names = (*classes, "a class not in training") if matrix[-1].any() else classes
    if len(classes) <= MOST_CONFUSED:
        columns = (ResultColumn("true class"), *(ResultColumn(name, ",d") for name in classes))
        rows = [(name, *counts) for name, counts in zip(names, matrix.tolist(), strict=False)]
        return ResultTable("Confusion matrix", columns, rows, "rows are true classes, columns predictions")
    wrong = matrix[: len(names)].copy()
    np.fill_diagonal(wrong, 0)
    most = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [divmod(int(place), len(classes)) for place in most]
    columns = (ResultColumn("true class"), ResultColumn("predicted"), ResultColumn("count", ",d"))
    rows = [(names[true], classes[said], int(wrong[true, said])) for true, said in pairs if wrong[true, said]]
    return ResultTable("Most frequent confusions", columns, rows)
