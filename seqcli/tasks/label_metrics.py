"""How good sets of labels are: micro and macro F1, whole sets, and each label by itself."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.results import ResultColumn, ResultTable
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.classify_metrics import LEAST_PROBABILITY, calibration_error

BoolArray: TypeAlias = NDArray[np.bool_]


def chances_of(logits: FloatArray) -> NDArray[np.float64]:
    """The probability of each label, (N, L) → (N, L)."""
    chances: NDArray[np.float64] = 0.5 * (1 + np.tanh(logits.astype(np.float64) / 2))
    return chances


def in_pairs(logits: FloatArray) -> FloatArray:
    """The logits (N, L) of labels as those of two classes each, "has it not" and "has it": (N L, 2)."""
    flat = logits.reshape(-1, 1) / np.float32(2)
    pairs: FloatArray = np.concatenate([-flat, flat], axis=1)
    return pairs


def set_scores(
    said: BoolArray, logits: FloatArray, target: FloatArray, unknown: IntArray
) -> dict[str, float]:
    """Micro F1, macro F1, subset accuracy, log loss and calibration error of labels (N, L).

    ``said`` are the labels that are predicted, ``logits`` how likely each is, ``target`` is 1 for what is
    true; ``unknown`` (N,) counts labels that training never saw, which are always missed. Macro F1 is the
    mean over the labels that occur in the target or the predictions. The last two are means over rows and
    labels. No rows give NaN.
    """
    if not len(target):
        return dict.fromkeys(("micro_f1", "macro_f1", "subset_accuracy", "log_loss", "ece"), np.nan)
    true = target > 0
    hits = (said & true).sum(axis=0)
    all_said, all_true = said.sum(axis=0), true.sum(axis=0)
    occurring = all_said + all_true > 0
    f1 = 2 * hits / np.maximum(all_said + all_true, 1)
    chances = chances_of(logits)
    of_truth = np.maximum(np.where(true, chances, 1 - chances), LEAST_PROBABILITY)
    sure = np.maximum(chances, 1 - chances).ravel()
    return {
        "micro_f1": 2 * int(hits.sum()) / max(int(all_said.sum() + all_true.sum() + unknown.sum()), 1),
        "macro_f1": float(f1[occurring].mean()) if occurring.any() else 0.0,
        "subset_accuracy": float(((said == true).all(axis=1) & (unknown == 0)).mean()),
        "log_loss": float(-np.log(of_truth).mean()),
        "ece": calibration_error(sure, ((chances >= 0.5) == true).ravel()),
    }


def label_table(
    said: BoolArray, target: FloatArray, names: tuple[str, ...], cuts: tuple[float, ...]
) -> ResultTable:
    """Precision, recall, F1 and support of each label, from (N, L) each; what would divide by 0 is 0."""
    true = target > 0
    hits, all_said, all_true = (said & true).sum(axis=0), said.sum(axis=0), true.sum(axis=0)
    precision, recall = hits / np.maximum(all_said, 1), hits / np.maximum(all_true, 1)
    f1 = 2 * hits / np.maximum(all_said + all_true, 1)
    columns = (
        ResultColumn("label"),
        *(ResultColumn(name, ".3f") for name in ("threshold", "precision", "recall", "f1")),
        ResultColumn("support", ",d"),
        ResultColumn("predicted", ",d"),
    )
    measures = (cuts, precision.tolist(), recall.tolist(), f1.tolist(), all_true.tolist(), all_said.tolist())
    return ResultTable(
        "Labels",
        columns,
        list(zip(names, *measures, strict=True)),
        "a label is predicted from its threshold on",
    )
