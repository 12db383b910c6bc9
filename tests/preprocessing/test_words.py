"""Raw text is cut as the training file was, and every word knows its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.preprocessing.words import WordCutter

SPLIT, WHOLE, MARKS = WordCutter(True, "split"), WordCutter(True, "whole"), WordCutter(False, "marks")


@pytest.mark.parametrize(
    ("cutter", "text", "words"),
    [
        (SPLIT, "I can't, won't and don't.", "I ca n't , wo n't and do n't ."),
        (SPLIT, "It's O'Neill's, they'll say", "It 's O'Neill 's , they 'll say"),
        (WHOLE, "It's O'Neill's re-entry", "It's O'Neill's re-entry"),
        (MARKS, "don't re-enter", "don ' t re - enter"),
        (SPLIT, "a re-elected Jean-Luc -- well-", "a re-elected Jean-Luc -- well -"),
        (SPLIT, "$3.14 at 10:30, 1,000 (2020).", "$ 3.14 at 10:30 , 1,000 ( 2020 ) ."),
        (SPLIT, "Mr. Smith of the U.S. left...", "Mr. Smith of the U.S. left ..."),
        (SPLIT, "@bob see http://x.yz/a?b=1, #now :)", "@bob see http://x.yz/a?b=1 , #now :)"),
        (SPLIT, "mail a.b@c.de.", "mail a.b@c.de ."),
        (SPLIT, "naïve Ærø 東京 Ко́т", "naïve Ærø 東 京 Ко́т"),
        (SPLIT, "I said no. No", "I said no . No"),
        (SPLIT, "", ""),
    ],
)
def test_words_and_marks(cutter: WordCutter, text: str, words: str) -> None:
    assert cutter.cut(text)[0] == words.split()


@given(st.text(max_size=60), st.sampled_from([SPLIT, WHOLE, MARKS]))
def test_places_hold_the_words_and_nothing_but_white_space_is_lost(text: str, cutter: WordCutter) -> None:
    words, places = cutter.cut(text)
    assert [text[start:stop] for start, stop in places] == words
    ends = [0, *(stop for _, stop in places)]
    starts = [*(start for start, _ in places), len(text)]
    assert all(not text[a:b].strip() for a, b in zip(ends, starts, strict=True))
    assert all(word and not any(mark.isspace() for mark in word) for word in words)


@pytest.mark.parametrize(
    ("words", "cutter"),
    [
        ("He did n't see the re-elected one 's face", SPLIT),
        ("He didn't see the re-elected one's face", WHOLE),
        ("He didn ' t see - the one ' s 'face '", WordCutter(False, "marks")),
        ("no such words", SPLIT),
    ],
)
def test_the_way_of_a_file_is_seen_in_its_words(words: str, cutter: WordCutter) -> None:
    found = WordCutter.fit(words.split())
    assert found == cutter
    assert WordCutter.from_json(found.to_json()) == cutter


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ValueError, match="no such way"):
        WordCutter.from_json({"hyphens": True, "apostrophes": "sideways"})
