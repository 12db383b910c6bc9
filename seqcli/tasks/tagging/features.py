"""What a network reads of a word: the word itself, and its parts, by which it knows words it never met."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from seqcli.errors import ModelError
from seqcli.preprocessing.subwords import Subwords, shape
from seqcli.preprocessing.vocabulary import RESERVED, UNKNOWN
from seqcli.sequences import Field, IntArray, LookUp, Sequences

WORD_IDS, PARTS = "words", "parts"
"""Fields of the examples."""
MOST_WORDS = 50_000


class WordParts(Subwords):
    """The parts of a word in lower case, and ahead of them how it is written."""

    def parts(self, word: str) -> list[str]:
        """Its shape, how it begins (Paris, paris, 3rd, #tag), then what :class:`Subwords` finds."""
        if not word:
            return []
        first = word[0]
        kind = "X" if first.isupper() else "x" if first.isalpha() else "d" if first.isdigit() else first
        return ["=" + shape(word), "^" + kind, *super().parts(word)][: self.most]


@dataclass(frozen=True)
class WordFeatures:
    """Words met in training, in lower case and the most frequent first, and the parts of all others."""

    words: tuple[str, ...]
    subwords: WordParts | None
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {word: number for number, word in enumerate(self.words, start=RESERVED)}
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def fit(cls, words: Iterable[str], subwords: WordParts | None) -> WordFeatures:
        """Words that come twice or more: one met once teaches what an unknown word is."""
        counts = Counter(map(plain, words))
        kept = [word for word, count in counts.items() if count > 1]
        kept.sort(key=lambda word: (-counts[word], word))
        return cls(tuple(kept[:MOST_WORDS]), subwords)

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included."""
        return len(self.words) + RESERVED

    def encode(self, words: Sequence[str], offsets: IntArray) -> dict[str, Field]:
        """Sentences laid end to end, with offsets (N + 1,): ids of words (M,), of parts (M, K)."""
        find = self._ids.get
        ids = np.fromiter((find(plain(word), UNKNOWN) for word in words), np.int64, len(words))
        fields: dict[str, Field] = {WORD_IDS: Sequences(ids, offsets)}
        if self.subwords is not None:
            found = self.subwords.look_up([words] if words else [])
            fields[PARTS] = LookUp(Sequences(found.numbers.values, offsets), found.table)
        return fields

    def unknown(self, words: Sequence[str]) -> float:
        """The share of ``words`` that are not in the vocabulary."""
        return sum(plain(word) not in self._ids for word in words) / max(len(words), 1)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {"words": list(self.words), "subwords": self.subwords.to_json() if self.subwords else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> WordFeatures:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError or TypeError on anything else."""
        words = data["words"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ModelError("the model's words cannot be read", "train it again")
        if len(set(words)) < len(words):
            raise ModelError("the model's vocabulary repeats a word", "train it again")
        parts = None if data["subwords"] is None else WordParts.from_json(data["subwords"])
        return cls(tuple(words), cast(WordParts | None, parts))


def plain(word: str) -> str:
    """A word as it is looked up: composed accents, lower case."""
    return (word if word.isascii() else unicodedata.normalize("NFC", word)).lower()
