"""Figures of label sets against scikit-learn, and thresholds against trying each."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.label_cuts import BORROWED, GRID, best_cut, best_cuts
from seqcli.tasks.label_metrics import chances_of, in_pairs, label_table, set_scores

RNG = np.random.default_rng(4)
NONE = np.zeros(40, np.int64)


def drawn(rows=40, labels=5):
    target = (RNG.random((rows, labels)) < 0.3).astype(np.float32)
    logits = (RNG.normal(size=(rows, labels)) + 2 * target - 1).astype(np.float32)
    return logits, target


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.8])
def test_figures_equal_scikit_learns(cut) -> None:
    logits, target = drawn()
    chances = 1 / (1 + np.exp(-logits.astype(np.float64)))
    said = chances >= cut
    scores = set_scores(said, logits, target, NONE)
    assert scores["micro_f1"] == pytest.approx(metrics.f1_score(target, said, average="micro"))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(target, said, average="macro"))
    assert scores["subset_accuracy"] == pytest.approx(metrics.accuracy_score(target, said))
    losses = [metrics.log_loss(target[:, at], chances[:, at], labels=[0, 1]) for at in range(5)]
    assert scores["log_loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    found = label_table(said, target, tuple("abcde"), (cut,) * 5)
    wanted = metrics.precision_recall_fscore_support(target, said, zero_division=0)
    for at, row in enumerate(found.rows):
        assert row[2:5] == pytest.approx([each[at] for each in wanted[:3]])
        assert row[5:] == (int(wanted[3][at]), int(said[:, at].sum()))


def test_whole_sets_by_hand() -> None:
    target = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
    said = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1], [1, 0, 0]], bool)
    scores = set_scores(said, np.zeros((4, 3), np.float32), target, np.zeros(4, np.int64))
    assert scores["subset_accuracy"] == 2 / 4
    assert scores["micro_f1"] == 2 * 4 / (5 + 5)
    assert scores["macro_f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert scores["log_loss"] == pytest.approx(np.log(2))


def test_a_label_that_training_never_saw_is_missed_and_its_set_is_wrong() -> None:
    target = np.array([[1, 0], [0, 1]], np.float32)
    scores = set_scores(target > 0, 9 * target, target, np.array([1, 0]))
    assert scores["subset_accuracy"] == 0.5
    assert scores["micro_f1"] == 2 * 2 / (2 + 2 + 1)


def test_a_label_that_nowhere_occurs_counts_in_no_mean_and_no_rows_are_nan() -> None:
    target = np.array([[1, 0], [0, 0]], np.float32)
    assert set_scores(target > 0, target, target, np.zeros(2, np.int64))["macro_f1"] == 1
    empty = np.zeros((0, 2), np.float32)
    assert all(np.isnan(value) for value in set_scores(empty > 0, empty, empty, NONE[:0]).values())


def test_pairs_are_two_classes_with_the_same_probability() -> None:
    logits, _ = drawn()
    chances = np.exp(log_softmax(in_pairs(logits)))[:, 1].reshape(logits.shape)
    np.testing.assert_allclose(chances, chances_of(logits), rtol=1e-5)


def test_the_common_threshold_has_the_best_micro_f1_of_all() -> None:
    logits, target = drawn(300)
    chances = chances_of(logits)
    f1 = [metrics.f1_score(target, chances >= cut, average="micro") for cut in GRID.round(4)]
    cut = best_cut(logits, target)
    assert metrics.f1_score(target, chances >= cut, average="micro") == pytest.approx(max(f1))
    assert cut != 0.5


def test_thresholds_are_found_by_trying_each_with_rows_of_all_labels_lent() -> None:
    logits, target = drawn(300)
    target[:, 4] = 0
    target[:2, 4] = 1
    chances = chances_of(logits)
    found = best_cuts(logits, target)
    share = BORROWED / target.sum()
    for label in range(5):
        best = -1.0
        for cut in GRID.round(4).tolist():
            said = chances >= cut
            hits, true = said & (target > 0), target
            own = 2 * (hits[:, label].sum() + share * hits.sum())
            value = own / (said[:, label].sum() + true[:, label].sum() + share * (said.sum() + true.sum()))
            if value > best + 1e-12:
                best, chosen = value, [cut]
            elif value > best - 1e-12:
                chosen.append(cut)
        assert found[label] == min(chosen, key=lambda cut: abs(cut - 0.5))
    assert len(set(found)) > 1


def test_few_true_rows_choose_nothing() -> None:
    logits, target = drawn(20)
    target[:] = 0
    assert best_cuts(logits, target) == (0.5,) * 5
    assert best_cut(logits, target) == 0.5
