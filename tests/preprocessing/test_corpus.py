"""The tokens of a language model: put together they are the text, whatever it holds."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.preprocessing.corpus import MOST_TOKENS, UNKNOWN_TEXT, Corpus, cut
from seqcli.preprocessing.vocabulary import LEVELS, RESERVED, UNKNOWN

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
PROSE = st.text(st.sampled_from("ab' ’.,\n\r\t-ß日本😀\u00a0\u0301"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The cat, the dog.", ["The", " cat", ",", " the", " dog", "."]),
        ("don't l’eau 'tis", ["don't", " l’eau", " '", "tis"]),
        ("  two  spaces ", [" ", " two", " ", " spaces", " "]),
        ("a\r\nb\n\n\tc", ["a", "\r", "\n", "b", "\n", "\n", "\t", "c"]),
        ("3.14 x_1", ["3", ".", "14", " x_1"]),
        ("日本語です。はい", ["日本語です", "。", "はい"]),
        ("so 😀😀!", ["so", " 😀", "😀", "!"]),
        ("\ud800a \udfff", ["\ud800", "a", " \udfff"]),
        ("", []),
    ],
)
def test_words_carry_the_space_ahead_of_them(text, words):
    assert cut(text, "words") == words


@settings(deadline=None)
@given(ANY_TEXT | PROSE)
def test_tokens_put_together_are_the_text(text):
    assert cut(text, "characters") == list(text)
    words = cut(text, "words")
    assert "".join(words) == text
    for word in words:
        letters = word.removeprefix(" ")
        assert len(letters) == 1 or word == " " or all(mark.isalnum() or mark in "_'’" for mark in letters)


@settings(deadline=None)
@given(st.sampled_from(LEVELS), ANY_TEXT | PROSE)
def test_what_was_learnt_comes_back_exactly(level, text):
    corpus = Corpus.fit(text, level, by_heart=True)
    ids = corpus.encode(text)
    assert (ids.dtype, ids.shape) == (np.int64, (len(cut(text, level)),))
    assert (ids >= RESERVED).all()
    assert (ids < corpus.size).all()
    assert corpus.decode(ids.tolist()) == text


@settings(deadline=None)
@given(st.sampled_from(LEVELS), PROSE, PROSE | ANY_TEXT)
def test_another_text_comes_back_but_for_what_is_unknown(level, learnt, text):
    corpus = Corpus.fit(learnt, level)
    counts = Counter(cut(learnt, level))
    least = 1 if level == "characters" else 2
    known = {token for token, count in counts.items() if count >= least}
    assert set(corpus.tokens) == known
    ids = corpus.encode(text)
    pieces = cut(text, level)
    assert [bool(i != UNKNOWN) for i in ids] == [piece in known for piece in pieces]
    mended = "".join(piece if piece in known else UNKNOWN_TEXT[level] for piece in pieces)
    assert corpus.decode(ids.tolist()) == mended


@settings(deadline=None)
@given(st.sampled_from(LEVELS), PROSE)
def test_the_most_frequent_come_first_and_equals_by_themselves(level, text):
    corpus = Corpus.fit(text * 2, level)
    counts = Counter(cut(text * 2, level))
    ranks = [(-counts[token], token) for token in corpus.tokens]
    assert ranks == sorted(ranks)
    assert corpus.size == len(corpus.tokens) + RESERVED


def test_ids_by_hand():
    corpus = Corpus.fit("b a b\nb", "characters")
    assert corpus.tokens == ("b", " ", "\n", "a")
    assert corpus.encode("ab\nz").tolist() == [6, 3, 5, UNKNOWN]
    assert (
        corpus.decode([3, 0, 1, 2, 6]) == "b\N{REPLACEMENT CHARACTER}" + "\N{REPLACEMENT CHARACTER}" * 2 + "a"
    )
    words = Corpus.fit("to be or not to be, to do", "words")
    assert words.tokens == (" be", " to")
    assert words.encode("not to be").tolist() == [UNKNOWN, 4, 3]
    assert words.decode([UNKNOWN, 4, 3]) == " <unk> to be"


def test_a_word_seen_once_is_unknown_unless_the_text_is_learnt_by_heart():
    text = "one two three two\n"
    assert Corpus.fit(text, "words").tokens == (" two",)
    assert set(Corpus.fit(text, "words", by_heart=True).tokens) == {"one", " two", " three", "\n"}


def test_the_rarest_of_too_many_tokens_are_unknown():
    often = "".join(chr(0x4E00 + k) for k in range(MOST_TOKENS))
    corpus = Corpus.fit(often * 2 + "xyz", "characters")
    assert len(corpus.tokens) == MOST_TOKENS
    assert corpus.encode("x" + often[0]).tolist() == [UNKNOWN, RESERVED]


@pytest.mark.parametrize("code", [0, 0x7F, 0xD800, 0xDFFF, 0xFFFF, 0x10000, 0x10FFFF])
def test_characters_at_the_ends_of_unicode(code):
    corpus = Corpus.fit(chr(code), "characters")
    assert corpus.encode(chr(code)).tolist() == [RESERVED]
    neighbours = [chr(other) for other in (code - 1, code + 1) if 0 <= other <= 0x10FFFF]
    assert corpus.encode("".join(neighbours)).tolist() == [UNKNOWN] * len(neighbours)


@settings(deadline=None)
@given(st.sampled_from(LEVELS), ANY_TEXT | PROSE, PROSE)
def test_json_restores(level, text, other):
    assume(text)
    corpus = Corpus.fit(text, level, by_heart=True)
    restored = Corpus.from_json(json.loads(json.dumps(corpus.to_json())))
    assert restored == corpus
    assert restored.encode(text + other).tolist() == corpus.encode(text + other).tolist()


GOOD = {"name": "corpus.v1", "level": "characters", "tokens": ["a", "b"]}


def test_the_example_below_is_good_until_it_is_broken():
    assert Corpus.from_json(GOOD).encode("ba").tolist() == [4, 3]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "corpus.v1",
        {},
        GOOD | {"name": "corpus.v2"},
        GOOD | {"name": None},
        GOOD | {"level": "bytes"},
        GOOD | {"level": None},
        GOOD | {"level": []},
        GOOD | {"level": {}},
        GOOD | {"tokens": []},
        GOOD | {"tokens": "ab"},
        GOOD | {"tokens": None},
        GOOD | {"tokens": {"a": 3}},
        GOOD | {"tokens": ["a", 1]},
        GOOD | {"tokens": ["a", None]},
        GOOD | {"tokens": ["a", ["b"]]},
        GOOD | {"tokens": ["a", ""]},
        GOOD | {"tokens": ["a", "a"]},
        GOOD | {"tokens": ["a", "bc"]},
        GOOD | {"level": "words", "tokens": [" to", " to"]},
        GOOD | {"level": "words", "tokens": [""]},
        {key: value for key, value in GOOD.items() if key != "tokens"},
    ],
)
def test_broken_json_is_a_model_error(data):
    with pytest.raises(ModelError):
        Corpus.from_json(data)
