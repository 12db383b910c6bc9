"""What a person should see before trusting a result: the worst mistakes, and sentences on what is odd."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqcli.preprocessing.vocabulary import Vocabulary
from seqcli.tasks.base import Plan
from seqcli.tasks.classify import Classify
from seqcli.tasks.doubts import TextCounter, doubts
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.parts import contradictions

PLAN = Plan("classify", ("label",), text=("review",))


def task_of(max_length: int | None = None) -> Classify:
    vocabulary = Vocabulary("words", ("good", "bad", "film"))
    return Classify(PLAN, Inputs(("review",), (), None, vocabulary, max_length, None), ("neg", "pos"))


def looked_at(task: Classify, table: Any, logits: list[tuple[float, float]]):
    return doubts(task, np.array(logits, dtype=np.float32), task.encode_labelled(table), table)


def test_the_worst_mistakes_are_the_surest_wrong_rows_by_their_own_numbers(table_of) -> None:
    table = table_of("review,label\ngood film,pos\nbad film,neg\nfilm,\nfilm bad,neg\ngood,new\nbad,pos\n")
    # The row without a label is no example, so the fourth example is row 6 of the file.
    found = looked_at(task_of(), table, [(1.0, 0.0), (3.0, 0.0), (0.0, 2.0), (0.0, 0.5), (4.0, 0.0)])
    (worst,) = found.tables
    sure = [1 / (1 + np.exp(-each)) for each in (4.0, 2.0, 1.0, 0.5)]
    assert [column.name for column in worst.columns] == ["row", "text", "label", "prediction", "probability"]
    assert [row[:4] for row in worst.rows] == [
        (7, "bad", "pos", "neg"),
        (5, "film bad", "neg", "pos"),
        (2, "good film", "pos", "neg"),
        (6, "good", "new", "pos"),
    ]
    assert [row[4] for row in worst.rows] == pytest.approx(sure, abs=1e-6)
    assert "4 in 5" in worst.caption
    right = looked_at(task_of(), table, [(0, 1), (3, 0), (2, 0), (0, 0.5), (0, 4)])
    assert [row[2] for row in right.tables[0].rows] == ["new"]


def test_long_texts_are_shortened_and_few_are_listed(table_of) -> None:
    text = "good " * 100
    table = table_of("review,label\n" + f"{text},neg\n" * 30)
    (worst,) = looked_at(task_of(), table, [(0.0, 1.0)] * 30).tables
    assert len(worst.rows) == 10
    assert all(len(str(row[1])) == 160 and str(row[1]).endswith("…") for row in worst.rows)


@pytest.mark.parametrize(("rows", "said"), [(40, True), (10, False)])
def test_one_class_for_all_rows_is_said(table_of, rows, said) -> None:
    table = table_of("review,label\n" + "good film,pos\nbad film,neg\n" * (rows // 2))
    found = looked_at(task_of(), table, [(1.0, 0.0)] * rows)
    assert any("are predicted to be neg" in sentence for sentence in found.sentences) == said
    other = looked_at(task_of(), table, [(1.0, 0.0)] * (rows - 1) + [(0.0, 1.0)])
    assert not any("are predicted" in sentence for sentence in other.sentences)
    same = table_of("review,label\n" + "bad film,neg\n" * rows)
    assert not looked_at(task_of(), same, [(1.0, 0.0)] * rows).sentences


@pytest.mark.parametrize(
    ("text", "count", "said"),
    [
        ("good film qq", 10, "33 % of the words are unknown"),
        ("good film qq", 5, ""),  # 15 words are no share
        ("good film bad good film qq", 10, ""),
    ],
)
def test_many_unknown_words_are_said(table_of, text, count, said) -> None:
    counter = TextCounter.of(task_of())
    assert counter is not None
    for _ in range(count):  # as they come
        table = table_of(f"review\n{text}")
        counter.add(table, task_of().encode(table))
    assert bool(counter.sentences()) == bool(said)
    assert said in "".join(counter.sentences())


def test_many_texts_that_are_cut_are_said_but_not_those_that_just_fit(table_of) -> None:
    task = task_of(max_length=3)
    fitting, long = "good bad film", "good bad film film film"
    for more, said in ((1, ""), (3, "3 of 33 texts are cut: the network reads 3 words, the longest has 5")):
        table = table_of("review,label\n" + f"{fitting},neg\n" * 30 + f"{long},neg\n" * more)
        found = looked_at(task, table, [(1.0, 0.0)] * (30 + more))
        assert "".join(found.sentences) == said


def test_equal_texts_with_different_labels_are_named(table_of) -> None:
    table = table_of("review,label\na b,x\nc d,y\na b ,x\na b,y\nc d,\ne f,x\n")
    (said,) = contradictions(table, PLAN)
    assert said.startswith("1 text comes with more than one label, such as row 2 (x) and row 5 (y)")
    assert contradictions(table_of("review,label\na b,x\nc d,y\na b,x\n"), PLAN) == []
    beside = replace(PLAN, features=("n",))
    assert contradictions(table_of("review,n,label\na b,1,x\na b,2,y\n"), beside) == []
    assert contradictions(table_of("n,label\n1,x\n1,y\n"), Plan("classify", ("label",), ("n",))) == []
