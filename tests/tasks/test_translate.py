"""The task: what it finds in a file, what it learns from training pairs alone, what it saves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqcli.demo.written_dates import dates
from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import ColumnOptions, Options, ReadingOptions
from seqcli.readers.table import Table
from seqcli.sequences import TARGET, Sequences
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import load_task, prepare
from seqcli.tasks.translate import PairExamples, Translate
from seqcli.tasks.translate_plan import of_two_files
from seqcli.tasks.translating.answers import packed, unpacked


def table_of(names, rows):
    return Table.from_records("pairs.csv", names, rows, range(2, len(rows) + 2))


def plan_of(table, **columns):
    return make_plan(table, ColumnOptions(**columns), ReadingOptions())


SENTENCES = [(f"the {a} man number {b} walks over there", f"der {a} Mann Nummer {b} geht dort")
             for a in ("old", "new", "tall") for b in range(20)]  # fmt: skip
DATES = table_of(("source", "target"), dates(80))


def test_columns_called_source_and_target_are_a_translation_whatever_they_hold():
    plan = plan_of(DATES)
    assert (plan.task, plan.text, plan.target) == ("translate", ("source",), ("target",))


def test_two_columns_of_text_are_one_too_and_either_may_be_the_target():
    table = table_of(("english", "deutsch"), SENTENCES)
    assert plan_of(table).target == ("deutsch",)
    plan = plan_of(table, task="translate", target=("english",))
    assert (plan.text, plan.target) == (("deutsch",), ("english",))


def test_a_third_column_is_left_out_and_two_candidates_are_an_error():
    rows = [(*pair, f"{place % 7}", f"note {place} on it with words") for place, pair in enumerate(SENTENCES)]
    table = table_of(("source", "target", "no", "remark"), rows)
    plan = plan_of(table)
    assert dict(plan.left_out).keys() == {"no", "remark"}
    other = table_of(("a", "b", "no", "c"), rows)
    with pytest.raises(DataError, match="more than one column could be read: b, c") as caught:
        plan_of(other, task="translate", target=("a",))
    assert caught.value.hint == "choose with --text b"
    assert plan_of(other, task="translate", target=("a",), features=("c",)).text == ("c",)


def test_too_few_pairs_are_refused():
    with pytest.raises(DataError, match="12 pairs of texts cannot be learnt from"):
        prepare(Tables(table_of(("source", "target"), dates(12))), plan_of(DATES), Options())


def test_a_row_without_one_of_its_texts_is_left_out():
    rows = [*dates(60), ("", "2001-01-01"), ("1 May 2001", " ")]
    prepared = prepare(Tables(table_of(("source", "target"), rows)), plan_of(DATES), Options())
    assert sum(prepared.sizes) == 60
    assert prepared.warnings == ["pairs.csv: 2 rows with one text alone or none left out"]


@pytest.mark.parametrize("level", [None, "characters", "bpe"])
def test_what_is_fitted_sees_training_pairs_alone(level):
    options = Options.from_flat({"level": level})
    first = prepare(Tables(DATES), plan_of(DATES), options)
    held = {int(row) for part in (first.validation, first.test) for row in part.row_ids}
    cells = list(zip(DATES.cells("source"), DATES.cells("target"), strict=True))
    changed = [(f"{a} ☃☃☃", f"☃ {b} and more") if row in held else (a, b) for row, (a, b) in enumerate(cells)]
    again = prepare(Tables(table_of(("source", "target"), changed)), plan_of(DATES), options)
    assert json.dumps(first.task.to_json()) == json.dumps(again.task.to_json())
    assert first.network == again.network


def test_short_texts_are_read_by_characters_and_long_ones_by_pieces():
    table = table_of(("source", "target"), SENTENCES)
    long, short = (
        prepare(Tables(table), plan_of(table), Options()),
        prepare(Tables(DATES), plan_of(DATES), Options()),
    )
    assert (long.training["level"], short.training["level"]) == ("bpe", "characters")
    with pytest.raises(UsageError, match="--level words is not how a text is written here"):
        prepare(Tables(table), plan_of(table), Options.from_flat({"level": "words"}))


def test_written_stands_one_token_ahead_of_the_target():
    prepared = prepare(Tables(DATES), plan_of(DATES), Options())
    task, examples = prepared.task, prepared.test
    assert isinstance(task, Translate)
    assert isinstance(examples, PairExamples)
    target = examples.fields[TARGET]
    assert isinstance(target, Sequences)
    for row in range(len(examples)):
        written, wanted = examples.fields["written"].row(row), target.row(row)
        assert written[0] == wanted[-1] == 2
        assert written[1:].tolist() == wanted[:-1].tolist()
        assert task.target.decode(wanted) == examples.pairs.targets[row]
    right = packed(
        np.ones((len(examples), 2)), [target.row(row)[:-1].tolist() for row in range(len(examples))]
    )
    found = task.score(right, examples)
    assert (found["exact"], found["token_error"], found["nats"]) == (1.0, 0.0, 1.0)


def test_answers_are_packed_and_unpacked():
    nats = np.array([[1.5, 3], [2, 1]], dtype=np.float32)
    figures, ids = unpacked(packed(nats, [[3, 4], []]))
    assert (figures == nats).all()
    assert ids == [[3, 4], []]


def test_json_restores_the_task_and_foreign_json_is_refused():
    task = prepare(Tables(DATES), plan_of(DATES), Options()).task
    again = load_task(json.loads(json.dumps(task.to_json())))
    assert again == task
    for change in ({"growth": 0}, {"growth": None}, {"plan": 3}, {"source": {}}, {"growth": float("nan")}):
        with pytest.raises(ModelError):
            Translate.from_json({**task.to_json(), **change})


def test_long_pairs_are_left_out_of_training():
    rows = [*dates(60), *((f"day {place} " + "very " * 90, "x") for place in range(30))]
    prepared = prepare(
        Tables(table_of(("source", "target"), rows)),
        plan_of(DATES),
        Options.from_flat({"level": "characters"}),
    )
    assert int(prepared.train.lengths.max()) <= 300
    assert any(
        "pairs of more than 300 characters are left out of training" in said for said in prepared.warnings
    )
    assert prepared.refit is not None
    assert int(prepared.refit().lengths.max()) <= 300


def test_a_source_file_wants_a_target_file():
    with pytest.raises(UsageError, match="--source names a file of texts"):
        of_two_files(ColumnOptions(source="a"))
    with pytest.raises(UsageError, match="means nothing to the task tag"):
        of_two_files(ColumnOptions(source="a", target=("b",), task="tag"))
    assert of_two_files(ColumnOptions(target=("b",))) == ColumnOptions(target=("b",))
