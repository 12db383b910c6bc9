from __future__ import annotations

import numpy as np

from seqcli.options import Options
from seqcli.sequences import Batchable, Sequences
from seqcli.tasks.base import Plan
from seqcli.tasks.baseline_features import baseline_features, summaries
from seqcli.tasks.classify_baseline import majority_scores, regression_scores
from seqcli.tasks.classify_members import linear_baseline
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.parts import Source


def test_summaries_by_hand() -> None:
    values = Sequences.from_lists([np.array([[1.0, 4], [3, 0]]), np.array([[5.0, 6]])], np.float32)
    table = summaries(Batchable({"values": values}, np.arange(2)))
    assert table[0].tolist() == [2, 2, 1, 2, 1, 0, 3, 4, 1, 4, 3, 0, 2]
    assert table[1].tolist() == [5, 6, 0, 0, 5, 6, 5, 6, 5, 6, 5, 6, 1]


def test_single_rows_are_their_own_summary() -> None:
    values = Sequences.from_lists([np.array([[1.0, 4]]), np.array([[5.0, 6]])], np.float32)
    assert summaries(Batchable({"values": values}, np.arange(2))).tolist() == [[1, 4], [5, 6]]


def test_words_that_only_the_test_has_are_no_features(table_of) -> None:
    train = table_of("text,label\n" + "good film of the year,1\nbad film of the year,2\n")
    test = table_of("text,label\nsuperb superb superb superb,1\n")
    inputs, _ = Inputs.fit(train, Plan("classify", ("label",), text=("text",)), Options())
    name, parts = baseline_features(inputs, Source(train, test, test.take(np.arange(0))))
    assert name == "TF-IDF + "
    assert [part.shape[0] for part in parts] == [2, 1, 0]
    assert parts[1].nnz == 0


def test_columns_stand_beside_the_words(table_of) -> None:
    train = table_of("text,votes,label\ngood film of the year,1,1\nbad film of the year,3,2\n")
    plan = Plan("classify", ("label",), text=("text",), features=("votes",))
    inputs, _ = Inputs.fit(train, plan, Options())
    _, parts = baseline_features(inputs, Source(train, train, train))
    assert parts[0][:, -1].toarray().ravel().tolist() == [-1, 1]


def labelled(table_of, lines: list[str]) -> tuple[Inputs, Source, list[Batchable], np.ndarray]:
    """Texts and their class as all three parts: inputs, tables, examples, classes."""
    table = table_of("text,label\n" + "\n".join(lines))
    inputs, _ = Inputs.fit(table, Plan("classify", ("label",), text=("text",)), Options())
    target = np.array([int(cell) for cell in table.cells("label")])
    examples = inputs.encode(table)[0]
    part = Batchable({**examples.fields, "target": target}, examples.row_ids)
    return inputs, Source(table, table, table), [part] * 3, target


def test_regression_learns_what_words_tell_and_the_usual_class_does_not(table_of) -> None:
    lines = [f"this {['good', 'bad', 'odd'][i % 3]} thing went on,{i % 3}" for i in range(60)] + [
        "this good thing went,0"
    ] * 20
    inputs, source, parts, target = labelled(table_of, lines)
    usual = majority_scores([target] * 3, 3)
    assert usual.values["accuracy"] == 0.5
    shares = np.bincount(target) / len(target)
    assert np.isclose(usual.values["log_loss"], -(shares * np.log(shares)).sum())
    assert linear_baseline(inputs, source, parts, 3).values["accuracy"] == 1.0


def test_a_class_without_training_rows_is_never_the_answer(table_of) -> None:
    lines = [f"this {['good', 'bad'][i % 2]} thing went,{i % 2}" for i in range(40)]
    inputs, source, parts, _ = labelled(table_of, lines)
    assert linear_baseline(inputs, source, parts, 3).values["accuracy"] == 1.0


def test_summaries_of_columns_tell_classes_apart(table_of) -> None:
    table = table_of("x,label\n" + "\n".join(f"{i % 2 + i / 1000},{i % 2}" for i in range(60)))
    inputs, _ = Inputs.fit(table, Plan("classify", ("label",), features=("x",)), Options())
    target = np.array([int(cell) for cell in table.cells("label")])
    scores = regression_scores(inputs, Source(table, table, table), [target] * 3, 2)
    assert scores.predictor == "logistic regression"
    assert scores.values["accuracy"] == 1.0
