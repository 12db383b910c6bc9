"""Class probabilities as cells: the likeliest, several, one that is favoured, none below a threshold."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.tasks.classify_answers import Asked, answers

CLASSES = ("a", "b", "c")
CHANCES = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.25, 0.25, 0.5]])
LOGITS = np.log(CHANCES).astype(np.float32)


def said(key: str, asked: Asked) -> list[object]:
    return [row[key] for row in answers(LOGITS, CLASSES, asked)]


def test_the_likeliest_class_and_every_probability() -> None:
    assert said("prediction", Asked()) == ["a", "c", "c"]
    rows = answers(LOGITS, CLASSES, Asked(probabilities=True))
    assert list(rows[0]) == ["prediction", "probability", "probability_a", "probability_b", "probability_c"]
    assert [list(row.values())[2:] for row in rows] == [pytest.approx(row, abs=1e-6) for row in CHANCES]
    assert answers(LOGITS[:0], CLASSES, Asked()) == []


def test_several_in_order_and_equal_ones_as_the_classes_stand() -> None:
    rows = answers(LOGITS, CLASSES, Asked(top=3))
    assert [[row[f"prediction_{rank}"] for rank in (1, 2, 3)] for row in rows] == [
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["c", "a", "b"],
    ]
    assert list(answers(LOGITS, CLASSES, Asked(top=1))[0]) == ["prediction_1", "probability_1"]
    assert [row["probability_2"] for row in rows] == pytest.approx([0.3, 0.2, 0.25], abs=1e-6)


def test_below_a_threshold_nothing_is_named_and_the_probability_stays() -> None:
    assert said("prediction", Asked(least=0.6)) == [None, "c", None]
    assert said("probability", Asked(least=0.6)) == pytest.approx([0.5, 0.7, 0.5], abs=1e-6)
    assert said("prediction_2", Asked(top=2, least=0.25)) == ["b", None, "a"]


def test_one_class_is_chosen_from_its_threshold_on_and_never_below() -> None:
    asked = Asked(least=0.25, favoured=1)
    assert said("prediction", asked) == ["b", "c", "b"]
    assert said("probability", asked) == pytest.approx([0.3, 0.7, 0.25], abs=1e-6)
    assert said("prediction", Asked(least=0.6, favoured=0)) == ["b", "c", "c"]
    assert said("prediction", Asked(least=0.9, favoured=2)) == ["a", "b", "a"]
