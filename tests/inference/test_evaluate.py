"""Figures on labelled files, against counting by hand and scikit-learn."""

from __future__ import annotations

import math

import pytest
from sklearn.metrics import f1_score, log_loss

from seqcli.errors import DataError
from seqcli.inference.evaluate import evaluate
from seqcli.options import ReadingOptions
from seqcli.readers.read import read_table

LINES = ["review,label", "good,pos", "bad,neg", "great bad,neg", "the bad,pos", "unheard,neg", "good,"]
LOGITS = [(0, 1), (1, 0), (1, 2), (1.25, 0.25), (0, 0)]
TRUE = [1, 0, 0, 1, 0]


def result(tables) -> dict:
    return tables[0].records()[0]


def test_the_figures_of_a_labelled_file(word_model, write_csv) -> None:
    tables = evaluate(word_model, read_table([str(write_csv("test.csv", LINES))], ReadingOptions()))
    chances = [[math.exp(x) / (math.exp(a) + math.exp(b)) for x in (a, b)] for a, b in LOGITS]
    guessed = [int(b > a) for a, b in LOGITS]
    record = result(tables)
    assert record["accuracy"] == pytest.approx(3 / 5)
    assert record["log_loss"] == pytest.approx(log_loss(TRUE, chances), abs=1e-6)
    assert record["macro_f1"] == pytest.approx(f1_score(TRUE, guessed, average="macro"))
    assert next(iter(record.values())) == "seqcli (gru)"
    assert "trained on" not in tables[0].caption


def test_a_file_without_answers(word_model, write_csv) -> None:
    with pytest.raises(DataError, match="label"):
        evaluate(word_model, read_table([str(write_csv("test.csv", ["review", "good"]))], ReadingOptions()))


def test_a_file_whose_answers_are_all_empty(word_model, write_csv) -> None:
    table = read_table(
        [str(write_csv("test.csv", ["review,label,n", "good,,1", "bad,,2"]))], ReadingOptions()
    )
    with pytest.raises(DataError, match="label"):
        evaluate(word_model, table)


def test_the_file_that_the_model_was_trained_on_is_named_as_such(word_model, write_csv) -> None:
    table = read_table([str(write_csv("test.csv", LINES))], ReadingOptions())
    word_model.record["data"]["digest"] = table.digest
    tables = evaluate(word_model, table)
    assert "trained on rows of this file (train.csv)" in tables[0].caption
