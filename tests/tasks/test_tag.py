"""The task itself: what it makes of sentences, how it scores, what it stands beside."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from seqcli.errors import DataError, ModelError
from seqcli.network import CHAIN
from seqcli.options import ColumnOptions, Options, ReadingOptions
from seqcli.readers.table import Table
from seqcli.sequences import TARGET, LookUp, Sequences
from seqcli.tasks.base import Chained, Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import load_task, prepare
from seqcli.tasks.tag import Tag
from seqcli.tasks.tagging.baseline import baseline_scores
from seqcli.tasks.tagging.features import WordFeatures, WordParts
from seqcli.tasks.tagging.labels import NOT_LEARNT, Labels
from seqcli.tasks.tagging.schemes import IOB2, find_scheme
from seqcli.tasks.tagging.sentences import read_words


def table(sentences, names=("sentence", "form", "upos"), source="x.csv"):
    """A row a word of sentences such as "It/PRON ran/VERB"."""
    rows = [
        (str(number), *word.split("/"))
        for number, text in enumerate(sentences, start=1)
        for word in text.split()
    ]
    return Table.from_records(source, names, rows, range(2, len(rows) + 2))


KINDS = [f"the/DET thing{n}/NOUN ran/VERB" if n % 3 else f"It{n}/PRON ran/VERB" for n in range(40)]
SPANS = [f"Ann{n}/B-PER Lee/I-PER met/O Bo{n}/B-PER" if n % 2 else f"no/O one{n}/O" for n in range(40)]


def prepared(sentences, **flat):
    main = table(sentences)
    options = Options.from_flat({"hidden_size": 4, "embedding_size": 4, "members": 1, **flat})
    return prepare(Tables(main), make_plan(main, ColumnOptions(), ReadingOptions()), options)


def with_chain(task: Tag) -> Tag:
    size = len(task.labels.tags) + 1
    return task.with_chain({CHAIN: np.zeros((size, size), np.float32)})


def right(task: Tag, examples) -> np.ndarray:
    """Outputs (M, C) that say the true tags, of those that there are."""
    target = examples.fields[TARGET].values
    return np.eye(len(task.labels.tags), dtype=np.float32)[np.maximum(target, 0)] * 5


def test_sentences_become_words_parts_and_targets() -> None:
    made = prepared(KINDS)
    task, train = made.task, made.train
    assert isinstance(task, Tag)
    assert isinstance(task, Chained)
    assert (task.metric, task.labels.tags) == ("accuracy", ("DET", "NOUN", "PRON", "VERB"))
    words, parts, target = (train.fields[name] for name in ("words", "parts", TARGET))
    assert isinstance(words, Sequences)
    assert isinstance(parts, LookUp)
    assert (words.lengths == target.lengths).all()
    assert made.sizes == (28, 4, 8)
    assert made.unit == "sentences"
    assert made.network.chain == ((),) * 5
    batch = train.batch(np.array([0, 1]))
    assert batch["parts"].shape[:2] == batch["words"].shape == batch[TARGET].shape
    everything = made.refit()
    assert len(everything) == 40
    assert everything.batch(np.array([39]))["parts"].any()


def test_a_word_that_was_never_met_has_its_parts() -> None:
    features = WordFeatures.fit(["a", "a", "b", "B", "c"], WordParts(1000))
    assert features.words == ("a", "b")
    fields = features.encode(["A", "zzz", "b"], np.array([0, 3]))
    assert fields["words"].row(0).tolist() == [3, 1, 4]
    assert fields["parts"].row(0)[1].any()
    assert features.unknown(["a", "x"]) == 0.5
    found = WordFeatures.from_json(json.loads(json.dumps(features.to_json())))
    assert found == features


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("Paris", "Rouen", {"=Xxxx", "^X"}),
        ("#tag", "#rag", {"=#xxx", "^#", "ag>", "g>", "<#"}),
        ("3rd", "4th", {"^d"}),
    ],
)
def test_words_written_alike_share_parts(one, other, shared) -> None:
    parts = WordParts(1000)
    assert shared <= set(parts.parts(one)) & set(parts.parts(other))
    assert parts.parts("") == []
    assert len(WordParts(1000, most=6).parts("Donaudampfschiff")) == 6


def test_scores_of_right_and_of_wrong_tags() -> None:
    made = prepared(SPANS)
    task = with_chain(made.task)
    assert task.metric == "f1"
    outputs = right(task, made.test)
    assert set(task.score(outputs, made.test).values()) == {1.0}
    outside = np.zeros_like(outputs)
    outside[:, 0] = 5
    found = task.score(outside, made.test)
    assert (found["f1"], found["recall"]) == (0.0, 0.0)
    assert 0 < found["accuracy"] < 1


def test_the_bias_against_o_is_the_one_with_the_best_f1() -> None:
    made = prepared(SPANS * 4)
    task = with_chain(made.task)
    outputs = right(task, made.train)
    outputs[:, 0] += 5.8  # O wins everywhere, by 0.8 where it is wrong
    assert task.score(outputs, made.train)["f1"] == 0.0
    calibrated = task.calibrate(outputs, made.train)
    assert calibrated.bias == 1.0
    assert calibrated.score(outputs, made.train)["f1"] == 1.0
    assert load_task(json.loads(json.dumps(calibrated.to_json()))).bias == 1.0
    few = prepared(SPANS)
    assert with_chain(few.task).calibrate(right(with_chain(few.task), few.test), few.test).bias == 0.0
    kinds = prepared(KINDS)
    assert with_chain(kinds.task).calibrate(right(kinds.task, kinds.train), kinds.train).bias == 0.0


def test_tags_that_training_did_not_see_are_wrong_and_named() -> None:
    made = prepared(SPANS)
    task = with_chain(made.task)
    other = task.encode_labelled(table(["Xo/B-NEW Xi/I-NEW met/O Ann/B-PER"]))
    assert other.fields[TARGET].values.tolist() == [-2, -3, 0, 1]
    outputs = right(task, other)
    scores = task.score(outputs, other)
    assert (scores["precision"], scores["recall"]) == (1.0, 0.5)
    _, spans = task.report([], outputs, other)
    assert [row[0] for row in spans.rows] == ["PER", NOT_LEARNT]
    assert spans.rows[1][-1] == 1


def test_the_training_over_all_rows_leaves_out_sentences_with_tags_that_it_cannot_say() -> None:
    made = prepared([*KINDS, *(f"Odd{n}/KIND{n} ran/VERB" for n in range(20))])
    assert made.refit is not None
    every, parts = made.refit(), (made.train, made.validation, made.test)
    unseen = sum(int((part.fields[TARGET].values < 0).sum()) for part in parts)  # one a sentence
    assert unseen > 0
    assert every.fields[TARGET].values.min() >= 0
    assert len(every) == sum(map(len, parts)) - unseen


def test_the_most_frequent_tag_of_each_word() -> None:
    names = ("s", "w", "t")
    train = read_words(table(["a/X a/X a/Y b/Y c/Y", "d/Z b/Y"], names), "w", ("s",), "t")
    test = read_words(table(["a/X b/Y e/Y e/Z"], names), "w", ("s",), "t")
    labels = Labels.fit(train.tag_lists(), None, "f")
    seen = {}

    def measures(said, target, offsets):
        seen[len(seen)] = [labels.tags[tag] for tag in said]
        return {"accuracy": float((said == target).mean())}

    first, second = baseline_scores(train, test, labels, measures)
    assert seen[0] == ["X", "Y", "Y", "Y"]  # e is new: of c and d, met once, the tag that comes first
    assert (first.values["accuracy"], second.values["accuracy"]) == (0.75, 0.5)
    assert second.predictor == "always Y"


def test_labels_go_there_and_back_in_every_spelling() -> None:
    sentences = [["I-A", "I-A", "B-A", "O"], ["I-B", "O"]]
    scheme = find_scheme(sentences)
    labels = Labels.fit(sentences, scheme, "f")
    assert labels.tags == ("O", "B-A", "I-A", "B-B", "I-B")
    ids = labels.encode(sentences)
    assert [labels.tags[tag] for tag in ids] == ["B-A", "I-A", "B-A", "O", "B-B", "O"]
    tags, spans = labels.spelt(ids[:4])
    assert (tags, len(spans)) == (sentences[0], 2)
    assert labels.spans_in(ids) == 3
    assert Labels.from_json(json.loads(json.dumps(labels.to_json()))) == labels
    assert labels.kinds == ("A", "B")


def test_too_many_tags_are_refused() -> None:
    with pytest.raises(DataError, match="2,001 different tags"):
        Labels.fit([[f"t{n}" for n in range(2001)]], None, "f")


def test_a_restored_task_needs_its_chain() -> None:
    task = prepared(KINDS).task
    restored = load_task(json.loads(json.dumps(task.to_json())))
    assert isinstance(restored, Tag)
    assert restored == replace(task, chain=None)
    with pytest.raises(ModelError, match="no scores of neighbouring tags"):
        restored.with_chain({})
    assert IOB2.name == "IOB2"


def test_parts_of_words_may_be_left_out() -> None:
    made = prepared(KINDS, subwords=False)
    assert [item.field for item in made.network.inputs] == ["words"]
    assert "parts" not in made.train.fields
    assert load_task(json.loads(json.dumps(made.task.to_json()))) == made.task


def test_no_sentence_gets_no_tag() -> None:
    task = with_chain(prepared(KINDS).task)
    examples = task.encode_labelled(table(["a/X"]).take(np.empty(0, np.int64)))
    assert len(examples) == 0
    assert len(task.tags(np.empty((0, 4), np.float32), np.array([0]))) == 0
