"""The baseline that needs no network: each word by itself, as a table of which word goes with which says.

    t(e | f) ← Σ over pairs of texts  t(e | f) / Σ_f' t(e | f'),   made to sum to 1 over e

a few times (Brown et al. 1993, model 1, by expectation and maximisation); f' runs over the source's words and
one that is nothing. A word of the source becomes the likeliest of those it goes with, in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray

PASSES = 5
MOST_PAIRS = 4_000_000
"""Pairs of words from which on a table is learnt from a part of the texts."""
NOTHING = 0


@dataclass(frozen=True)
class Lexicon:
    """What each word is most often written as; a word that is in no training text stays as it is."""

    words: dict[str, str]

    @classmethod
    def fit(cls, sources: Sequence[Sequence[str]], targets: Sequence[Sequence[str]]) -> Lexicon:
        """Learn from the words of training texts that say the same."""
        spent, count = 0, 0
        for source, target in zip(sources, targets, strict=True):
            spent += (len(source) + 1) * len(target)
            if spent > MOST_PAIRS and count:
                break
            count += 1
        read, read_ids = _numbered(sources[:count], first=1)
        said, said_ids = _numbered(targets[:count], first=0)
        f, e, token = _pairs(read_ids, said_ids)
        best = _likeliest(f, e, token, (len(read) + 1, len(said)))
        return cls({word: said[best[number]] for number, word in enumerate(read, start=1)})

    def write(self, words: Sequence[str]) -> list[str]:
        """Each word by itself."""
        return [self.words.get(word, word) for word in words]


def _numbered(texts: Sequence[Sequence[str]], first: int) -> tuple[list[str], list[IntArray]]:
    """The different words, the frequent ones first, and each text as their numbers from ``first`` on."""
    counts = Counter(word for text in texts for word in text)
    words = sorted(counts, key=lambda word: (-counts[word], word))
    numbers = {word: number for number, word in enumerate(words, start=first)}
    return words, [np.array([numbers[word] for word in text], dtype=np.int64) for text in texts]


def _pairs(sources: Sequence[IntArray], targets: Sequence[IntArray]) -> tuple[IntArray, IntArray, IntArray]:
    """Every word of a source, and nothing, with every word of its target, and which of those: (M,) each."""
    f, e, token, begun = [], [], [], 0
    for source, target in zip(sources, targets, strict=True):
        padded = np.concatenate([[NOTHING], source])
        f.append(np.tile(padded, len(target)))
        e.append(np.repeat(target, len(padded)))
        token.append(begun + np.repeat(np.arange(len(target)), len(padded)))
        begun += len(target)
    empty = np.zeros(0, dtype=np.int64)
    return (np.concatenate([empty, *f]), np.concatenate([empty, *e]), np.concatenate([empty, *token]))


def _likeliest(f: IntArray, e: IntArray, token: IntArray, sizes: tuple[int, int]) -> IntArray:
    """The likeliest e of each f, (sizes[0],), after some passes over all pairs (M,)."""
    keys, place = np.unique(f * sizes[1] + e, return_inverse=True)
    of_f, of_e = keys // sizes[1], keys % sizes[1]
    chances: NDArray[np.float64] = np.ones(len(keys))
    for _ in range(PASSES):
        each = chances[place]
        shares = each / np.bincount(token, each)[token]
        counts = np.bincount(place, shares, len(keys))
        chances = counts / np.bincount(of_f, counts, sizes[0])[of_f]
    order = np.lexsort((of_e, -chances, of_f))  # of equally likely ones the frequent one
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = of_f[order][1:] != of_f[order][:-1]
    best = np.zeros(sizes[0], dtype=np.int64)
    best[of_f[order][first]] = of_e[order][first]
    return best


def word_by_word(
    train: tuple[Sequence[str], Sequence[str]], sources: Sequence[str], cut: Callable[[str], list[str]]
) -> list[str]:
    """Each source text by the lexicon of training texts, which ``cut`` makes words of."""
    lexicon = Lexicon.fit([cut(text) for text in train[0]], [cut(text) for text in train[1]])
    return ["".join(lexicon.write(cut(text))) for text in sources]
