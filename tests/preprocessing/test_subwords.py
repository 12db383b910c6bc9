from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqcli.preprocessing.subwords as module
from seqcli.errors import ModelError
from seqcli.preprocessing.subwords import Subwords, shape


def test_the_parts_of_a_word_by_hand() -> None:
    plain = Subwords(100, shortest=3, longest=4, affixes=2, most=64)
    assert plain.parts("Wheel") == [
        "<w", "l>", "<wh", "el>",
        "whe", "hee", "eel",
        "<whe", "whee", "heel", "eel>",
    ]  # fmt: skip
    cased = Subwords(100, shortest=4, longest=4, affixes=1, cased=True)
    assert cased.parts("IBM") == ["=XXX", "<I", "M>", "<IBM", "IBM>"]
    assert plain.parts("a") == ["<a", "a>", "<a>"]
    assert plain.parts("") == []


def test_the_first_parts_count_where_there_are_too_many() -> None:
    few = Subwords(1000, most=5)
    assert few.parts("extraordinary") == Subwords(1000, most=64).parts("extraordinary")[:5]
    assert few.ids("extraordinary").all()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Paris", "Xxxx"),
        ("McDonald", "XxXxxx"),
        ("42", "dd"),
        ("2024", "ddd"),
        ("x-12", "x-dd"),
        ("!!!!", "!!!"),
    ],
)
def test_shapes(word, expected) -> None:
    assert shape(word) == expected


def test_ids_are_checksums_of_parts() -> None:
    subwords = Subwords(50, most=64)
    ids = subwords.ids("über")
    expected = [zlib.crc32(part.encode()) % 50 + 1 for part in subwords.parts("über")]
    assert ids.tolist() == expected + [0] * (64 - len(expected))
    assert "<ü" in subwords.parts("über")
    decomposed = "u\u0308ber"
    assert subwords.parts(decomposed) == subwords.parts("über")


@given(st.lists(st.lists(st.text(max_size=15), max_size=6), max_size=6), st.integers(1, 4))
def test_encoding_is_word_by_word_and_never_leaves_a_text_empty(texts, cut) -> None:
    subwords = Subwords(37, cased=True)
    found = subwords.encode(texts, cut)
    assert len(found) == len(texts)
    for row, words in enumerate(texts):
        expected = [subwords.ids(word) for word in words[:cut]] or [np.zeros(subwords.most, np.int64)]
        assert np.array_equal(found.row(row), np.stack(expected))
    if texts:
        assert found.values.min() >= 0
        assert found.values.max() < subwords.size


def test_a_long_stream_needs_no_more_memory(monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT_WORDS", 10)
    subwords = Subwords(1000)
    fresh = Subwords(1000)
    for start in range(0, 100, 7):
        words = [f"word{number}" for number in range(start, start + 7)]
        assert np.array_equal(subwords.encode([words]).values, np.stack([fresh.ids(word) for word in words]))
        assert len(subwords._met) <= 17


def test_words_keep_their_ids_as_more_are_met() -> None:
    subwords = Subwords(1000)
    words = [f"word{number}" for number in range(5000)]
    for start in range(0, 5000, 700):
        subwords.encode([words[start : start + 700]])
    assert np.array_equal(subwords.encode([words]).values, np.stack([subwords.ids(word) for word in words]))


def test_json_restores_it_and_nothing_else_passes() -> None:
    subwords = Subwords(500, shortest=2, longest=4, affixes=1, cased=True, most=16)
    data = subwords.to_json()
    assert Subwords.from_json(data) == subwords
    for change in (
        {"name": "subwords.v2"},
        {"buckets": 0},
        {"buckets": 2**40},
        {"buckets": True},
        {"most": 10_000},
        {"longest": -1},
        {"cased": 1},
    ):
        with pytest.raises(ModelError):
            Subwords.from_json({**data, **change})
    for other in (None, [], "subwords.v1"):
        with pytest.raises(ModelError):
            Subwords.from_json(other)
