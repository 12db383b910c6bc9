"""Texts as tokens that can be put together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.preprocessing.spelling import END_OF_TEXT, Spelling, words_of
from seqcli.preprocessing.vocabulary import UNKNOWN

TEXTS = ["Two men, running fast.", "A man's hat costs 12.50!", "Zwei Männer laufen.", "二人の男"]
TEXT = st.text(st.characters(exclude_characters="▁", exclude_categories=("Cs", "Cc")), max_size=30)


@pytest.mark.parametrize("level", ["characters", "bpe"])
@given(text=TEXT)
def test_what_was_cut_is_put_together_again(level, text):
    import unicodedata

    text = unicodedata.normalize("NFC", " ".join(text.split()))
    spelling = Spelling.fit([*TEXTS, text], level, 60)
    encoded = spelling.encode([text])
    assert encoded.row(0)[-1] == END_OF_TEXT
    assert UNKNOWN not in encoded.values
    assert spelling.decode(encoded.row(0)) == text


def test_marks_and_blanks_belong_to_pieces():
    assert words_of("Two men, running. 2x") == ["▁Two", "▁men", ",", "▁running", ".", "▁2", "x"]


def test_frequent_words_become_one_piece_and_unknown_characters_are_known_as_such():
    spelling = Spelling.fit(["the cat sat on the mat"] * 5, "bpe", 40)
    assert "▁the" in spelling.cut("the cat")
    assert UNKNOWN in spelling.encode(["the ☃"]).values
    assert spelling.encode([""]).row(0).tolist() == [END_OF_TEXT]
    assert spelling.shown(UNKNOWN) == "<unknown>"


def test_a_text_is_cut_at_its_end():
    spelling = Spelling.fit(["abc"], "characters")
    assert spelling.decode(spelling.encode(["abcabc"], most=4).row(0)) == "abca"


def test_json_restores_it():
    spelling = Spelling.fit(TEXTS, "bpe", 50)
    again = Spelling.from_json(spelling.to_json())
    assert again == spelling
    assert again.cut("Two hats") == spelling.cut("Two hats")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "spelling.v9"},
        {"level": "words"},
        {"tokens": ["a", "a"]},
        {"tokens": ["", "b"]},
        {"tokens": 3},
        {"merges": [["a"]]},
        {"merges": [["a", ""]]},
        {"merges": "ab"},
        {"level": "characters"},
    ],
)
def test_foreign_json_is_refused(change):
    data = {**Spelling.fit(TEXTS, "bpe", 50).to_json(), **change}
    with pytest.raises(ModelError):
        Spelling.from_json(data)
