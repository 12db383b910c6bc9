"""Texts as tokens that can be put together again: characters, or pieces of words that hold their blanks.

At the level of pieces a text is cut into words, numbers and marks, and a blank ahead of one is its first
character, written ▁; each is then cut into pieces by merges that were learnt on training texts
(:mod:`seqcli.preprocessing.pairs`). So the pieces of a text, one behind the other, are the text::

    "Two men, running."    ▁Two ▁men , ▁runn ing .
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise, repeat
from typing import Any

import numpy as np

from seqcli.errors import ModelError
from seqcli.preprocessing.pairs import learn_pairs, merged
from seqcli.preprocessing.pieces import KEPT_WORDS, LONGEST_WORD, MOST_MERGES
from seqcli.preprocessing.vocabulary import BPE, RESERVED, UNKNOWN
from seqcli.sequences import IntArray, Sequences

NAME = "spelling.v1"
CHARACTERS = "characters"
SPELT = (CHARACTERS, BPE)
END_OF_TEXT = 2
"""The id that stands behind a text, and ahead of one that is written."""
BLANK = "▁"
_MARKS = (  # as in preprocessing.vocabulary, with the mark of a blank
    r"!-/:-@\[-`{-~\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7"
    "\u2010-\u205e\u20a0-\u20bf\u2100-\u2bff\u3001-\u303f\uff01-\uff0f\uff1a-\uff20"
    "\U0001f000-\U0001faff"
)
_WORD = re.compile(rf"{BLANK}?(?:[^\s\d{_MARKS}]+|\d|[^\s{BLANK}])|{BLANK}")


def words_of(text: str) -> list[str]:
    """Words, digits and marks of a text, each with the blank that stands ahead of it."""
    text = unicodedata.normalize("NFC", text).replace(BLANK, "_")
    return _WORD.findall("".join(BLANK + word for word in text.split()))


@dataclass(frozen=True)
class Spelling:
    """The tokens of one side, with ids from 3 on; 0 pads, 1 is a token not listed, 2 ends a text."""

    level: str
    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _ranks: dict[tuple[str, str], int] = field(init=False, repr=False, compare=False)
    _known: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {token: number for number, token in enumerate(self.tokens, start=RESERVED)}
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_ranks", {pair: rank for rank, pair in enumerate(self.merges)})

    @classmethod
    def fit(
        cls, texts: Sequence[str], level: str, size: int = 0, merges: Iterable[tuple[str, str]] | None = None
    ) -> Spelling:
        """The tokens of training ``texts``; about ``size`` pieces, unless their ``merges`` are given.

        Every character is a token, and every piece that a training text is cut into.
        """
        if level == CHARACTERS:
            kept = Counter(character for text in texts for character in unicodedata.normalize("NFC", text))
            return cls(level, tuple(sorted(kept, key=lambda token: (-kept[token], token))))
        words = Counter(word for text in texts for word in words_of(text))
        pairs = tuple(learn_pairs(words, size) if merges is None else merges)
        cutter = cls(level, (), pairs)
        counts: Counter[str] = Counter()
        for word, count in words.items():
            for piece in cutter.pieces(word):
                counts[piece] += count
            for character in word:
                counts[character] += 0
        return cls(level, tuple(sorted(counts, key=lambda token: (-counts[token], token))), pairs)

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included: rows of an embedding."""
        return len(self.tokens) + RESERVED

    @property
    def unit(self) -> str:
        """What one token is called."""
        return "piece" if self.level == BPE else "character"

    def cut(self, text: str) -> list[str]:
        """The tokens of a text, known or not."""
        if self.level == CHARACTERS:
            return list(unicodedata.normalize("NFC", text))
        if len(self._known) > KEPT_WORDS:
            self._known.clear()
        found: list[str] = []
        for word in words_of(text):
            pieces = self._known.get(word)
            if pieces is None:
                pieces = self._known[word] = self.pieces(word)
            found += pieces
        return found

    def pieces(self, word: str) -> list[str]:
        """The pieces of one word: of all neighbours those are merged first that were learnt first."""
        parts = [*word[:LONGEST_WORD]]
        never = len(self._ranks)
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, never))
            if best not in self._ranks:
                break
            parts = merged(parts, best)
        return parts

    def word_numbers(self, tokens: Sequence[str]) -> list[int]:
        """Of tokens that follow each other, which word each begins in, from 0 on; a character is its own."""
        if self.level == CHARACTERS:
            return list(range(len(tokens)))
        begins = [found.start() for found in _WORD.finditer("".join(tokens))]
        places = accumulate(map(len, tokens[:-1]), initial=0) if tokens else ()
        return [max(bisect_right(begins, place) - 1, 0) for place in places]

    def encode(self, texts: Iterable[str], most: int | None = None) -> Sequences:
        """Ids of each text and the end behind it, cut after ``most`` tokens: N ragged int64 rows."""
        find = self._ids.get
        values, ends = array("q"), array("q", [0])
        for text in texts:
            values.extend(map(find, self.cut(text)[:most], repeat(UNKNOWN)))
            values.append(END_OF_TEXT)
            ends.append(len(values))
        return Sequences(np.array(values, dtype=np.int64), np.array(ends, dtype=np.int64))

    def token(self, number: int) -> str:
        """The token of an id; "" for a reserved one."""
        return self.tokens[number - RESERVED] if number >= RESERVED else ""

    def shown(self, number: int) -> str:
        """The token of an id as a person sees it, reserved ones too."""
        return self.token(number) or {UNKNOWN: "<unknown>", END_OF_TEXT: "<end>"}.get(number, "")

    def decode(self, ids: Iterable[int] | IntArray) -> str:
        """The text of ids (T,), up to the end where there is one."""
        found: list[str] = []
        for number in ids:
            if number == END_OF_TEXT:
                break
            found.append(self.token(int(number)))
        text = "".join(found)
        return text if self.level == CHARACTERS else text.replace(BLANK, " ").strip()

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        merges = [list(pair) for pair in self.merges]
        return {"name": NAME, "level": self.level, "tokens": list(self.tokens), "merges": merges}

    @classmethod
    def from_json(cls, data: Any) -> Spelling:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        if not isinstance(data, Mapping) or data.get("name") != NAME or data.get("level") not in SPELT:
            raise ModelError("the model's tokens cannot be read", "was it made by a newer seqcli?")
        level, tokens, merges = data["level"], data.get("tokens"), data.get("merges")
        if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
            raise ModelError("the model's tokens are no texts")
        if len(set(tokens)) != len(tokens):
            raise ModelError("the model's tokens repeat one")
        if not isinstance(merges, list) or len(merges) > MOST_MERGES or (merges and level == CHARACTERS):
            raise ModelError("the model's pieces of words cannot be read")
        for pair in merges:
            whole = isinstance(pair, list) and len(pair) == 2
            if not whole or not all(isinstance(part, str) and part for part in pair):
                raise ModelError("the model's pieces of words cannot be read")
        return cls(str(level), tuple(tokens), tuple((left, right) for left, right in merges))
