"""Language models of bytes and of pieces: exact text, and nats that compare across levels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqcli.errors import UsageError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.sequences import TARGET
from seqcli.tasks.base import Scores, Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import load_task, prepare

LINES = [f"The naïve café sold {place} crêpes to the owl. 日本" for place in range(120)]


def prepared_at(level, **typed):
    table = Table.from_records("t.csv", ["text"], [(line,) for line in LINES], range(2, 2 + len(LINES)))
    options = Options.from_flat({"task": "language", "level": level, **typed})
    return prepare(Tables(table, None, None), make_plan(table, options.columns, options.reading), options)


def text_of(task, part) -> str:
    return task.corpus.decode([*part.past["tokens"][:1].tolist(), *part.past[TARGET].tolist()])


@pytest.mark.parametrize("level", ["bytes", "bpe"])
def test_the_parts_are_the_text_and_nothing_is_unknown(level) -> None:
    prepared = prepared_at(level)
    parts = (prepared.train, prepared.validation, prepared.test)
    assert "".join(text_of(prepared.task, part) for part in parts) == "\n".join(LINES) + "\n"
    assert prepared.warnings == []
    assert prepared.network.output_shape == (prepared.task.corpus.size,)
    restored = load_task(json.loads(json.dumps(prepared.task.to_json())))
    assert restored == prepared.task


@pytest.mark.parametrize(("level", "unit"), [("bytes", "byte"), ("bpe", "piece"), ("words", "word")])
def test_nats_a_character_are_all_nats_over_all_characters(level, unit) -> None:
    prepared = prepared_at(level)
    task, test = prepared.task, prepared.test
    count = len(test.past[TARGET])
    nats = np.random.default_rng(0).random((count, 2)).astype(np.float32)
    scores = task.score(nats, test)
    text = task.corpus.decode(test.past[TARGET].tolist())
    if level == "words":
        assert np.isnan(scores["character_nats"])  # a word that is unknown has no length
    else:
        assert scores["character_nats"] == pytest.approx(nats[:, 0].sum() / len(text), rel=1e-5)
    rows = task.report([Scores("gru", scores), Scores("1-gram", {"nats": 2.0})], nats, test)[0]
    assert rows.title.endswith(f"test {unit}s")
    counted = rows.records()[1]["character_nats"]
    assert counted is None if level == "words" else counted == pytest.approx(2.0 * count / len(text))


def test_characters_are_what_they_were() -> None:
    prepared = prepared_at("characters")
    nats = np.ones((len(prepared.test.past[TARGET]), 2), dtype=np.float32)
    scores = prepared.task.score(nats, prepared.test)
    assert "character_nats" not in scores
    assert prepared.task.to_json()["corpus"]["name"] == "corpus.v1"


def test_labelled_texts_are_not_read_as_bytes() -> None:
    rows = [(line, "ab"[place % 2]) for place, line in enumerate(LINES)]
    table = Table.from_records("t.csv", ["text", "label"], rows, range(2, 2 + len(rows)))
    options = Options.from_flat({"level": "bytes"})
    with pytest.raises(UsageError, match="--level bytes is for a text to go on with"):
        prepare(Tables(table, None, None), make_plan(table, options.columns, options.reading), options)
