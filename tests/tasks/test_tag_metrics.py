"""Span scores against counts made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqcli.tasks.tagging.metrics import SpanCounts, lists, span_scores, span_table, tag_scores

TRUE = [
    ["O", "B-PER", "I-PER", "O", "B-LOC"],  # both found, the second of another type
    ["B-ORG", "I-ORG", "I-ORG"],  # cut short: wrong
    ["O", "O", "B-PER"],  # missed
    ["I-LOC", "O"],  # IOB1 in the truth
]
SAID = [
    ["O", "B-PER", "I-PER", "O", "B-ORG"],
    ["B-ORG", "I-ORG", "O"],
    ["O", "O", "O"],
    ["B-LOC", "B-LOC"],
]


def test_spans_are_counted_whole() -> None:
    counts = SpanCounts.of(TRUE, SAID)
    assert (counts.true.total(), counts.predicted.total(), counts.right.total()) == (5, 5, 2)
    assert counts.measures() == (2 / 5, 2 / 5, 0.4)
    assert counts.measures("PER") == (1.0, 0.5, pytest.approx(2 / 3))
    assert counts.measures("LOC") == (0.5, 0.5, 0.5)
    assert counts.measures("ORG") == (0.0, 0.0, 0.0)


def test_scores_hold_the_accuracy_of_tags_too() -> None:
    scores = span_scores(TRUE, SAID)
    assert list(scores) == ["f1", "precision", "recall", "accuracy"]
    assert scores["accuracy"] == pytest.approx(8 / 13)
    assert all(math.isnan(value) for value in span_scores([], []).values())
    assert span_scores([["O"]], [["O"]])["f1"] == 0.0


def test_the_table_has_the_most_frequent_type_first() -> None:
    rows = span_table(TRUE, SAID).rows
    assert [row[0] for row in rows] == ["LOC", "PER", "ORG"]
    assert rows[1][1:] == (1.0, 0.5, pytest.approx(2 / 3), 1, 2)


def test_words_and_whole_sentences() -> None:
    true, said = np.array([0, 1, 2, 0, 0]), np.array([0, 1, 2, 1, 0])
    scores = tag_scores(true, said, np.array([0, 2, 4, 4, 5]))  # an empty sentence is none
    assert scores == {"accuracy": 0.8, "whole_sentences": pytest.approx(2 / 3)}
    assert all(math.isnan(v) for v in tag_scores(true[:0], said[:0], np.array([0])).values())


def test_numbers_become_sentences_of_tags() -> None:
    assert lists(("a", "b", "last"), np.array([0, 1, -1]), np.array([0, 2, 3])) == [["a", "b"], ["last"]]
