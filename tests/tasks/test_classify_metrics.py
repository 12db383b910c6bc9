from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from seqcli.tasks.base import Scores
from seqcli.tasks.classify_metrics import (
    LEAST_PROBABILITY,
    best_temperature,
    calibration_error,
    calibration_table,
    class_scores,
    class_table,
    comparison_table,
    confusion_matrix,
    confusion_table,
    log_softmax,
)

RNG = np.random.default_rng(1)


@pytest.mark.parametrize(("rows", "classes"), [(200, 2), (500, 7), (3, 5)])
def test_scores_equal_scikit_learns(rows, classes) -> None:
    logits = RNG.normal(size=(rows, classes)).astype(np.float32) * 1.5
    target = RNG.integers(0, classes, rows)
    predicted = logits.argmax(axis=1)
    scores = class_scores(log_softmax(logits), target)
    probabilities = np.exp(log_softmax(logits))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(target, predicted))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(target, predicted, average="macro"))
    expected = metrics.log_loss(target, probabilities, labels=range(classes))
    assert scores["log_loss"] == pytest.approx(expected, rel=1e-6)


def test_the_temperature_undoes_a_scale_and_changes_no_prediction() -> None:
    logits = RNG.normal(size=(20_000, 3)).astype(np.float32)
    chances = np.exp(log_softmax(logits))
    drawn = RNG.random((20_000, 1))
    target = (chances.cumsum(axis=1) < drawn).sum(axis=1).clip(0, 2)  # classes as the softmax says
    assert best_temperature(logits * 4, target) == pytest.approx(4, rel=0.1)
    assert best_temperature(logits, target) == pytest.approx(1, rel=0.1)
    assert best_temperature(logits[:49] * 4, target[:49]) == 1.0


def test_few_rows_that_are_all_right_do_not_make_a_network_sure() -> None:
    logits, target = np.tile(np.array([[1, -1]], dtype=np.float32), (60, 1)), np.zeros(60, dtype=np.int64)
    assert best_temperature(logits, target) == 0.25  # the surest there is
    # As if 61 of 62 rows had been right, which a margin of log 61 says.
    assert best_temperature(logits, target, doubt=True) == pytest.approx(2 / np.log(61), rel=0.04)
    logits = RNG.normal(size=(20_000, 3)).astype(np.float32) * 3
    target = logits.argmax(axis=1)
    target[::5] = RNG.integers(0, 3, len(target[::5]))
    without = best_temperature(logits, target)
    assert best_temperature(logits, target, doubt=True) == pytest.approx(without, rel=0.04)


def test_huge_logits_stay_finite() -> None:
    out = log_softmax(np.array([[1e30, 0, -1e30]], dtype=np.float32))
    assert out[0, 0] == 0
    scores = class_scores(out, np.array([2]))
    assert scores["log_loss"] == pytest.approx(-np.log(LEAST_PROBABILITY))


def test_a_class_never_seen_is_always_wrong() -> None:
    logits = np.array([[5, 0], [0, 5], [5, 0]], dtype=np.float32)
    scores = class_scores(log_softmax(logits), np.array([0, 1, -1]))
    assert scores["accuracy"] == pytest.approx(2 / 3)
    matrix = confusion_matrix(np.array([0, 1, -1]), np.array([0, 1, 0]), 2)
    assert matrix.tolist() == [[1, 0], [0, 1], [1, 0]]
    table = confusion_table(matrix, ("no", "yes"))
    assert table.rows[-1] == ("a class not in training", 1, 0)


def test_no_rows_give_nan_without_a_warning() -> None:
    scores = class_scores(np.empty((0, 2)), np.empty(0, dtype=np.int64))
    assert all(np.isnan(value) for value in scores.values())


def test_the_class_table_equals_scikit_learns() -> None:
    target, predicted = RNG.integers(0, 4, 100), RNG.integers(0, 3, 100)  # class 3 is never predicted
    table = class_table(confusion_matrix(target, predicted, 4), ("a", "b", "c", "d"))
    expected = metrics.precision_recall_fscore_support(target, predicted, labels=range(4), zero_division=0)
    for row, values in zip(table.rows, zip(*expected, strict=True), strict=True):
        assert row[1:] == pytest.approx(values)


def test_the_confusion_table_equals_scikit_learns() -> None:
    target, predicted = RNG.integers(0, 4, 100), RNG.integers(0, 4, 100)
    table = confusion_table(confusion_matrix(target, predicted, 4), ("a", "b", "c", "d"))
    expected = metrics.confusion_matrix(target, predicted)
    assert [list(row[1:]) for row in table.rows] == expected.tolist()
    assert [row[0] for row in table.rows] == ["a", "b", "c", "d"]


def test_many_classes_give_the_most_frequent_confusions() -> None:
    target = np.array([0] * 5 + [1] * 3 + [2] * 9)
    predicted = np.array([1] * 5 + [2] * 3 + [2] * 9)
    names = tuple(f"c{number}" for number in range(25))
    table = confusion_table(confusion_matrix(target, predicted, 25), names)
    assert table.rows == [("c0", "c1", 5), ("c1", "c2", 3)]


def test_the_comparison_has_a_row_a_predictor() -> None:
    table = comparison_table(
        "t",
        [
            Scores("net", {"accuracy": 0.9, "log_loss": 0.2}),
            Scores("base", {"accuracy": 0.5, "log_loss": 0.7}),
        ],
    )
    assert table.records() == [
        {"predictor": "net", "accuracy": 0.9, "log_loss": 0.2},
        {"predictor": "base", "accuracy": 0.5, "log_loss": 0.7},
    ]


def test_the_calibration_error_by_hand() -> None:
    sure = np.repeat(np.linspace(0.51, 0.93, 15), 2)  # a bin for each of the 15 values
    right = np.tile([True, False], 15)
    shuffled = RNG.permutation(30)
    assert calibration_error(sure[shuffled], right[shuffled]) == pytest.approx((sure - 0.5).mean())
    assert calibration_error(np.full(30, 0.5), right) == 0
    assert calibration_error(np.array([0.9, 0.7]), np.array([True, False])) == pytest.approx((0.1 + 0.7) / 2)
    sevenths = np.arange(31) / 31  # 31 rows: one bin of three, then pairs
    gaps = [np.abs(sevenths[:3].mean() - 1) * 3, *(np.abs(sevenths[3:].reshape(14, 2).mean(1) - 1) * 2)]
    assert calibration_error(sevenths, np.ones(31, dtype=bool)) == pytest.approx(sum(gaps) / 31)


def test_equal_probabilities_are_one_bin_in_whatever_order_rows_come() -> None:
    sure = np.repeat([0.6, 0.9], [70, 30])
    right = np.concatenate([np.arange(70) < 35, np.arange(30) < 27])  # half of the one, nine tenths
    assert calibration_error(sure, right) == pytest.approx(0.7 * 0.1)
    shuffled = RNG.permutation(100)
    assert calibration_error(sure[shuffled], right[shuffled]) == pytest.approx(0.7 * 0.1)


def test_calibration_before_and_after() -> None:
    target = RNG.integers(0, 2, 300)
    logits = np.where(np.arange(2) == target[:, None], 8, 0).astype(np.float32)
    logits[::4] = logits[::4, ::-1]
    table = calibration_table([("before", logits), ("after", logits / 7.3)], target)
    (_, loss, error), (_, after_loss, after_error) = table.rows
    assert loss == pytest.approx(2.0, abs=0.01)
    assert error == pytest.approx(0.25, abs=0.01)
    assert after_loss < 0.6
    assert after_error < 0.01
