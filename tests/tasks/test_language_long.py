"""Long texts: pieces of a text are the text, and numbers that are held in few bytes say the same."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli import large
from seqcli.options import Options, ReadingOptions
from seqcli.preprocessing.byte_corpus import encoded, fit_corpus, together
from seqcli.readers import read
from seqcli.readers.read import read_table
from seqcli.sequences import TARGET
from seqcli.tasks import language_baseline, language_texts
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import prepare
from seqcli.training.fit_setup import FitSetup

LINES = [
    f"line {place} of naïve words, and {'more ' * (place % 5)}" if place % 7 else "" for place in range(900)
]
TEXT = "\n".join(LINES) + "\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def prepared_from(file, **typed):
    options = Options.from_flat({"task": "language", **typed})
    table = read_table([file], ReadingOptions())
    return prepare(Tables(table, None, None), make_plan(table, options.columns, options.reading), options)


def same(found, wanted) -> None:
    assert found.task == wanted.task
    for name in ("train", "validation", "test"):
        one, other = getattr(found, name).past, getattr(wanted, name).past
        assert one.keys() == other.keys()
        for field in one:
            np.testing.assert_array_equal(one[field], other[field])


@pytest.mark.parametrize("level", ["characters", "words", "bytes", "bpe"])
def test_a_text_in_small_pieces_is_the_same_text(file, monkeypatch, level) -> None:
    wanted = prepared_from(file, level=level)
    monkeypatch.setattr(language_texts, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(read, "_ROWS_AT_ONCE", 7)
    same(prepared_from(file, level=level), wanted)
    parts = (wanted.train, wanted.validation, wanted.test)
    ids = [[*part.past["tokens"][:1], *part.past[TARGET]] for part in parts]
    if level == "characters":
        unknown = "\N{REPLACEMENT CHARACTER}"
        assert "".join(map(wanted.task.corpus.decode, ids)).replace(unknown, "?") == TEXT.replace(
            unknown, "?"
        )


def test_a_long_text_is_held_in_few_bytes_and_means_the_same(file, monkeypatch) -> None:
    wanted = prepared_from(file)
    monkeypatch.setattr(large, "LARGE", 1000)
    found = prepared_from(file)
    assert found.train.past["tokens"].dtype == np.uint8
    assert not found.train.past["tokens"].flags.owndata
    same(found, wanted)
    nats = np.ones((len(wanted.test.past[TARGET]), 2), dtype=np.float32)
    assert found.task.score(nats, found.test) == wanted.task.score(nats, wanted.test)
    assert [s.values for s in found.task.baselines(found)] == [
        s.values for s in wanted.task.baselines(wanted)
    ]


def test_batches_of_a_long_text_are_whole_ids(file, monkeypatch) -> None:
    from seqcli.training.streams import StreamFeed

    wanted = prepared_from(file)
    monkeypatch.setattr(large, "LARGE", 1000)
    found = prepared_from(file)
    setup = FitSetup(
        batch_size=3, bptt=11, seed=4, loss="cross_entropy", metric="nats", learning_rate=0.1, epochs=1
    )
    one, other = (StreamFeed(each.train.past, None, setup).batch(5) for each in (found, wanted))
    assert one["tokens"].dtype == np.int64
    for name, values in other.items():
        np.testing.assert_array_equal(one[name], values)


def test_numbers_fit_the_bytes_they_are_held_in() -> None:
    corpus = fit_corpus("".join(map(chr, range(300, 700))), "characters", False)
    text = "".join(map(chr, range(300, 700)))
    pieces = encoded(corpus, [text, text[:5]])
    assert pieces[0].dtype == np.uint16
    np.testing.assert_array_equal(together(pieces), corpus.encode(text + text[:5]))
    assert together([]).shape == (0,)


def test_held_out_parts_of_a_long_text_have_an_end(file, monkeypatch) -> None:
    monkeypatch.setattr(language_texts, "MOST_HELD_OUT", 500)
    found = prepared_from(file)
    assert ", 500 validation, 500 test characters" in found.rules[0]
    typed = prepared_from(file, test_share=0.2)
    assert f"{round(0.2 * len(TEXT)):,} test characters" in typed.rules[0]


def test_counting_has_an_end_and_says_so(file, monkeypatch) -> None:
    from seqcli.tasks import language

    wanted = prepared_from(file)
    monkeypatch.setattr(language_baseline, "COUNTED", 2000)
    monkeypatch.setattr(language, "COUNTED", 2000)
    found = prepared_from(file)
    assert "n-grams are counted in the last 2,000 training tokens, the network may read all" in found.rules
    last = {name: values[-2000:] for name, values in wanted.train.past.items()}
    short = type(wanted.train)(last, {}, np.zeros(0, dtype=np.int64), 64, 0)
    expected = language_baseline.ngram_scores(
        short, wanted.validation, wanted.test, wanted.task.corpus.size, True
    )
    assert [s.values for s in found.task.baselines(found)] == [s.values for s in expected]
