from __future__ import annotations

import json
import random
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.preprocessing.split import stratified_split
from seqcli.preprocessing.vocabulary import (
    EMPTY,
    LEVELS,
    PADDING,
    RESERVED,
    UNKNOWN,
    Vocabulary,
    tokenize_characters,
    tokenize_words,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The film, 2 hours!", ["the", "film", ",", "2", "hours", "!"]),
        ("I don't; you won’t", ["i", "do", "n't", ";", "you", "wo", "n't"]),
        ("does n't it 's", ["does", "n't", "it", "'s"]),
        ("It's we'll 'tis", ["it", "'s", "we", "'ll", "'", "tis"]),
        ("'quoted' l'homme", ["'", "quoted", "'", "l", "'", "homme"]),
        ("3.14 1,000 10:30 5. 3d", ["3.14", "1,000", "10:30", "5", ".", "3d"]),
        ("well-made a_b C++", ["well", "-", "made", "a", "_", "b", "c", "+", "+"]),
        ("so-so... :)", ["so", "-", "so", ".", ".", ".", ":", ")"]),
        ("<br />", ["<", "br", "/", ">"]),
        ("großer ÉTÉ", ["großer", "été"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("日本語 です", ["日", "本", "語", "で", "す"]),
        ("안녕 great😀", ["안녕", "great", "😀"]),
        ("¿Qué? «oui» — “no”", ["¿", "qué", "?", "«", "oui", "»", "—", "“", "no", "”"]),
        (" \t\n\x85", []),
        ("", []),
    ],
)
def test_words(text, tokens):
    assert tokenize_words(text) == tokens


def test_composed_and_decomposed_accents_are_one_token():
    assert tokenize_words("e\u0301te\u0301") == tokenize_words("\u00e9t\u00e9") == ["été"]
    assert tokenize_characters("e\u0301") == ["é"]


def test_characters_keep_case_and_space():
    assert tokenize_characters("O Neal") == ["O", " ", "N", "e", "a", "l"]


@settings(deadline=None)
@given(st.text())
def test_words_lose_only_white_space(text):
    tokens = tokenize_words(text)
    assert all(token and not any(letter.isspace() for letter in token) for token in tokens)
    lowered = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    assert "".join(tokens) == re.sub(r"\s", "", lowered)


def test_ids_are_reserved_and_ordered_by_count_then_token():
    vocabulary = Vocabulary.fit(["b a b", "c a d"], "words")
    assert vocabulary.tokens == ("a", "b", "c", "d")
    assert vocabulary.size == 4 + RESERVED
    encoded = vocabulary.encode(["a b", "", "zebra d", "  "])
    assert [encoded.row(at).tolist() for at in range(4)] == [[3, 4], [EMPTY], [UNKNOWN, 6], [EMPTY]]
    assert encoded.values.dtype == np.int64
    assert PADDING not in encoded.values


def test_sizes_and_counts_limit_the_tokens():
    texts = ["a a a b b c"]
    assert Vocabulary.fit(texts, "words", max_size=RESERVED + 2).tokens == ("a", "b")
    assert Vocabulary.fit(texts, "words", min_count=2).tokens == ("a", "b")
    assert Vocabulary.fit(texts, "words", max_size=1).tokens == ()


def test_long_texts_are_cut_and_no_text_is_fine():
    vocabulary = Vocabulary.fit(["abcabc"], "characters")
    assert vocabulary.encode(["abcabc", "a"], max_length=4).lengths.tolist() == [4, 1]
    assert len(vocabulary.encode([])) == 0


@pytest.mark.parametrize("level", LEVELS)
def test_row_order_does_not_matter(level):
    texts = ["the cat", "a dog sat", "the dog", "cat"] * 3
    shuffled = texts[:]
    random.Random(0).shuffle(shuffled)
    assert Vocabulary.fit(texts, level) == Vocabulary.fit(shuffled, level)


@pytest.mark.parametrize("level", LEVELS)
def test_json_restores(level):
    vocabulary = Vocabulary.fit(['don\'t "stop" é 😀', "\ud800 lone"], level)
    restored = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert restored == vocabulary
    assert restored.encode(["stop é?"]).values.tolist() == vocabulary.encode(["stop é?"]).values.tolist()


@pytest.mark.parametrize(
    "data",
    [
        {},
        None,
        {"name": "vocabulary.v2", "level": "words", "tokens": []},
        {"name": "vocabulary.v1", "level": "bytes", "tokens": []},
        {"name": "vocabulary.v1", "level": "words", "tokens": "abc"},
        {"name": "vocabulary.v1", "level": "words", "tokens": [1]},
        {"name": "vocabulary.v1", "level": "words", "tokens": ["a", "a"]},
        {"name": "vocabulary.v1", "level": [], "tokens": ["a"]},
    ],
)
def test_a_mutated_vocabulary_is_a_model_error(data):
    with pytest.raises(ModelError):
        Vocabulary.from_json(data)


def test_an_unknown_level_is_an_error():
    with pytest.raises(ValueError, match="words, characters"):
        Vocabulary.fit(["a"], "bytes")


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 5), edit=st.text(), pick=st.integers(0, 1000))
def test_rows_outside_training_leave_no_trace(seed, edit, pick):
    texts = [f"word{at % 7} common {at}" for at in range(60)]
    split = stratified_split([at % 2 for at in range(60)], validation_share=0.1, test_share=0.2, seed=seed)
    before = json.dumps(Vocabulary.fit([texts[row] for row in split.train], "words").to_json())
    held_out = np.concatenate([split.validation, split.test])
    texts[held_out[pick % len(held_out)]] = edit
    assert json.dumps(Vocabulary.fit([texts[row] for row in split.train], "words").to_json()) == before
