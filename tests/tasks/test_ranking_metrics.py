"""MCC, AUROC and AUPRC are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, matthews_corrcoef, roc_auc_score

from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.ranking_metrics import area_under_roc, average_precision, matthews, ranking_scores


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, classes, 60)
    logits = np.round(rng.standard_normal((60, classes)) + np.eye(classes)[target], 1)  # with ties
    chances = log_softmax(logits)
    found = ranking_scores(chances, target)
    assert found["mcc"] == pytest.approx(matthews_corrcoef(target, chances.argmax(axis=1)))
    kinds = [1] if classes == 2 else range(classes)
    roc = [roc_auc_score(target == kind, chances[:, kind]) for kind in kinds]
    precision = [average_precision_score(target == kind, chances[:, kind]) for kind in kinds]
    assert found["auroc"] == pytest.approx(np.mean(roc))
    assert found["auprc"] == pytest.approx(np.mean(precision))


def test_equal_scores_rank_by_chance_alone_and_one_kind_says_nothing() -> None:
    positive = np.array([True, False, True, False])
    assert area_under_roc(np.zeros(4), positive) == 0.5
    assert average_precision(np.zeros(4), positive) == 0.5
    assert np.isnan(area_under_roc(np.arange(4.0), np.ones(4, bool)))
    assert np.isnan(average_precision(np.arange(4.0), np.zeros(4, bool)))
    assert matthews(np.array([0, 1]), np.array([0, 0]), 2) == 0.0


def test_rows_of_an_unknown_class_are_left_out() -> None:
    chances = log_softmax(np.array([[2.0, 0], [0, 2], [9, 0]]))
    assert ranking_scores(chances, np.array([0, 1, -1])) == {"mcc": 1.0, "auroc": 1.0, "auprc": 1.0}
