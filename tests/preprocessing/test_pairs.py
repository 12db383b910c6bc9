"""Byte-pair encoding, learnt: held against the algorithm as it is told, without any shortcut."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seqcli.preprocessing.pairs import learn_pairs, merged

WORDS = st.dictionaries(st.text("abc", min_size=1, max_size=8), st.integers(1, 5), min_size=1, max_size=12)


def plain(words, size):
    """All pairs counted anew after every merge."""
    cut = {word: list(word) for word in words}
    known, merges = {letter for word in words for letter in word}, []
    while len(known) < size:
        found = Counter()
        for word, count in words.items():
            for pair in pairwise(cut[word]):
                found[pair] += count
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if best is None or found[best] < 2:
            break
        merges.append(best)
        known.add("".join(best))
        cut = {word: merged(pieces, best) for word, pieces in cut.items()}
    return merges


@given(WORDS, st.integers(1, 30))
def test_the_merges_are_those_of_the_algorithm(words, size):
    assert learn_pairs(words, size) == plain(words, size)


def test_neighbours_are_merged_from_the_left():
    assert merged(["a", "a", "a", "b"], ("a", "a")) == ["aa", "a", "b"]


def test_the_order_of_the_words_does_not_matter():
    words = {"lower": 3, "newest": 6, "low": 5, "wider": 2}
    assert learn_pairs(words, 20) == learn_pairs(dict(reversed(words.items())), 20)
