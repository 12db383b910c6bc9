"""From text to numbers: words, pieces of words or characters, and the vocabulary fitted on training texts.

A vocabulary of words or pieces lower-cases; a character vocabulary keeps case, which tells names apart. Both
first compose accents (Unicode NFC), so that é is one thing however a file spells it.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from seqcli.errors import ModelError
from seqcli.preprocessing.pieces import Pieces, learn_pieces
from seqcli.sequences import Sequences

PADDING, UNKNOWN, EMPTY = 0, 1, 2
"""Ids kept free at the front: no step, a token not in the vocabulary, a text without tokens."""
RESERVED = 3

LEVELS = ("words", "characters")
MOST_PIECES = 4000
BPE = "bpe"
"""The level of pieces, which a vocabulary alone has: words cut by :mod:`seqcli.preprocessing.pieces`."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # kana and Han: no spaces, one token each
_MARKS = (  # punctuation and symbols, by block: cheaper to list than the letters of every script
    r"!-/:-@\[-`{-~\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7"
    "\u2010-\u205e\u20a0-\u20bf\u2100-\u2bff\u3001-\u303f\uff01-\uff0f\uff1a-\uff20"
    "\U0001f000-\U0001faff"
)
TOKEN = re.compile(
    r"n't|'(?:s|d|m|t|ll|re|ve)(?!\w)"  # clitics: "don't" → do n't, as corpora split beforehand have it
    r"|\d+(?:[.,:]\d+)+"  # 1,000  3.14  10:30
    rf"|[{_IDEOGRAPHS}]"
    rf"|[^\s{_MARKS}{_IDEOGRAPHS}]+"  # a word: letters, digits, combining marks of any script
    r"|\S"  # a mark or symbol
)


def tokenize_words(text: str) -> list[str]:
    """Lower-cased words, numbers and single marks of ``text``, in order; white space is dropped."""
    return TOKEN.findall(prepared_words(unicodedata.normalize("NFC", text)))


def prepared_words(text: str) -> str:
    """A text of composed accents as :data:`TOKEN` cuts it."""
    return text.lower().replace("’", "'").replace("n't", " n't")


def tokenize_characters(text: str) -> list[str]:
    """The characters of ``text`` as they stand, accents composed."""
    return list(unicodedata.normalize("NFC", text))


@dataclass(frozen=True)
class Vocabulary:
    """Tokens with ids from 3 on, the most frequent first.

    Id 0 pads, 1 stands for every token not listed, 2 is the one step of a text without tokens, so
    that no row is empty.
    """

    level: str
    tokens: tuple[str, ...]
    pieces: Pieces | None = None
    """How words are cut, at the level of pieces."""
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {token: number for number, token in enumerate(self.tokens, start=RESERVED)}
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        level: str,
        max_size: int | None = None,
        min_count: int = 1,
        known: Collection[str] = (),
    ) -> Vocabulary:
        """Count the tokens of training ``texts``; keep those ``known`` or seen ``min_count`` times or more.

        At most ``max_size`` ids in all, the three reserved ones included; pieces are learnt to be about as
        many. Equal counts are ordered
        by the token itself, so that the order of the rows does not matter.
        """
        if level not in (*LEVELS, BPE):
            raise ValueError(f"level is one of {', '.join((*LEVELS, BPE))}, not {level!r}")
        pieces = None
        if level == BPE:
            texts = list(texts)
            pieces = learn_pieces(map(tokenize_words, texts), max_size or MOST_PIECES)
        tokenize = cls(level, (), pieces).cut
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(tokenize(text))
        kept = [token for token, count in counts.items() if count >= min_count or token in known]
        kept.sort(key=lambda token: (-counts[token], token))
        return cls(level, tuple(kept if max_size is None else kept[: max(max_size - RESERVED, 0)]), pieces)

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included: rows of an embedding."""
        return len(self.tokens) + RESERVED

    def cut(self, text: str) -> list[str]:
        """The tokens of ``text``, known or not."""
        if self.pieces is not None:
            return self.pieces.cut(tokenize_words(text))
        return tokenize_words(text) if self.level == "words" else tokenize_characters(text)

    @property
    def unit(self) -> str:
        """What one token is called."""
        return "piece" if self.level == BPE else self.level.removesuffix("s")

    def encode(self, texts: Iterable[str], max_length: int | None = None) -> Sequences:
        """Ids of each text, cut after ``max_length`` steps: N ragged int64 rows, none empty."""
        return self.encode_tokens(self.cut(text)[:max_length] for text in texts)

    def encode_tokens(self, texts: Iterable[Sequence[str]]) -> Sequences:
        """Ids of the tokens of each text: N ragged int64 rows, none empty."""
        find = self._ids.get
        values, ends = array("q"), array("q", [0])
        for tokens in texts:
            values.extend(map(find, tokens, repeat(UNKNOWN)) if tokens else (EMPTY,))
            ends.append(len(values))
        return Sequences(np.array(values, dtype=np.int64), np.array(ends, dtype=np.int64))

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        pieces = {} if self.pieces is None else {"pieces": self.pieces.to_json()}
        return {"name": "vocabulary.v1", "level": self.level, "tokens": list(self.tokens), **pieces}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        if not isinstance(data, Mapping) or data.get("name") != "vocabulary.v1":
            raise ModelError("the model's vocabulary cannot be read", "was it made by a newer seqcli?")
        level, tokens = data.get("level"), data.get("tokens")
        known = level in (*LEVELS, BPE) and (level == BPE) == ("pieces" in data)
        if not known or not isinstance(tokens, list):
            raise ModelError("the model's vocabulary cannot be read")
        if not all(isinstance(token, str) for token in tokens) or len(set(tokens)) != len(tokens):
            raise ModelError("the model's vocabulary repeats a token or holds one that is no text")
        return cls(str(level), tuple(tokens), Pieces.from_json(data["pieces"]) if level == BPE else None)
