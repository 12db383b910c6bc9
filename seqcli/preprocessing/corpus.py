"""A running text as one row of token ids, and back again without a loss.

A language model writes what it read, so its tokens are exact: every character stands for itself, and a
word carries the space ahead of it, so that the tokens of a text put together are the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.preprocessing.vocabulary import LEVELS, RESERVED, UNKNOWN
from seqcli.readers.roles import counted
from seqcli.sequences import IntArray

MOST_TOKENS = 10_000
"""Tokens of a vocabulary, the reserved ones left aside; rarer ones are unknown."""
LEAST_WORD_COUNT = 2
"""A word seen once is kept unknown, so that the network meets unknown words in training."""
UNKNOWN_TEXT = {"characters": "\N{REPLACEMENT CHARACTER}", "words": " <unk>"}
"""What an unknown token is written as."""

_WORD = re.compile(r" ?\w+(?:['’]\w+)*| ?[^\w\s]|\s")


def cut(text: str, level: str) -> list[str]:
    """The tokens of ``text``, which put together are the text."""
    return list(text) if level == "characters" else _WORD.findall(text)


class Decoder(Protocol):
    """Tokens that come one after the other become text."""

    def feed(self, ids: Iterable[int]) -> str:
        """The text that is sure after these tokens (N,)."""

    @property
    def pending(self) -> bytes:
        """The bytes of a character that is not whole."""

    def wait_for(self, pending: bytes) -> None:
        """Begin behind these bytes of a character."""


@dataclass(frozen=True)
class Corpus:
    """Tokens with ids from 3 on, the most frequent first; 0 pads, 1 is every token not listed."""

    level: str
    tokens: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _by_code: IntArray = field(init=False, repr=False, compare=False)
    """The id of each code point, (N,); the last one is that of all others."""

    def __post_init__(self) -> None:
        ids = {token: number for number, token in enumerate(self.tokens, start=RESERVED)}
        object.__setattr__(self, "_ids", ids)
        codes = [ord(token) for token in self.tokens] if self.level == "characters" else []
        by_code = np.full(max(codes, default=0) + 2, UNKNOWN, dtype=np.int64)  # the last one: any other code
        by_code[codes] = np.arange(RESERVED, RESERVED + len(codes))
        object.__setattr__(self, "_by_code", by_code)

    @classmethod
    def fit(cls, text: str | Iterable[str], level: str, by_heart: bool = False) -> Corpus:
        """The tokens of a training text, which may come in pieces; equal counts are ordered by the token.

        Of a text that is learnt ``by_heart`` each word is known.
        """
        counts: Counter[str] = Counter()
        for piece in [text] if isinstance(text, str) else text:
            counts.update(piece if level == "characters" else cut(piece, level))
        least = 1 if level == "characters" or by_heart else LEAST_WORD_COUNT
        kept = sorted((token for token, count in counts.items() if count >= least), key=_order(counts))
        return cls(level, tuple(kept[:MOST_TOKENS]))

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included: rows of an embedding, and of the logits."""
        return len(self.tokens) + RESERVED

    @property
    def unit(self) -> str:
        """What a token is, for a sentence."""
        return self.level.removesuffix("s")

    @property
    def characters(self) -> NDArray[np.float64]:
        """How many characters each token has, (V,); of a reserved one nobody knows."""
        return np.array([*[np.nan] * RESERVED, *map(len, self.tokens)], dtype=np.float64)

    def described(self) -> str:
        """Which tokens there are, in words."""
        return f"{counted(len(self.tokens), f'different {self.unit}')} in the training part"

    def cut(self, text: str) -> list[str]:
        """The tokens of ``text``, known or not."""
        return cut(text, self.level)

    def decoder(self) -> Decoder:
        """What decodes tokens as they come."""
        return WholeDecoder(self)

    def encode(self, text: str) -> IntArray:
        """Token ids (N,) of a text."""
        if self.level == "characters":
            codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
            return self._by_code[np.minimum(codes, len(self._by_code) - 1)]
        find = self._ids.get
        words = cut(text, self.level)
        return np.fromiter((find(word, UNKNOWN) for word in words), dtype=np.int64, count=len(words))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids (N,); reserved ones become :data:`UNKNOWN_TEXT`."""
        unknown = UNKNOWN_TEXT[self.level]
        return "".join(self.tokens[i - RESERVED] if i >= RESERVED else unknown for i in ids)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {"name": "corpus.v1", "level": self.level, "tokens": list(self.tokens)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Corpus:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        if not isinstance(data, Mapping) or data.get("name") != "corpus.v1":
            raise ModelError("the model's tokens cannot be read", "was it made by a newer seqcli?")
        level, tokens = data.get("level"), data.get("tokens")
        if level not in LEVELS or not isinstance(tokens, list) or not tokens:
            raise ModelError("the model's tokens cannot be read")
        if not all(isinstance(token, str) and token for token in tokens) or len(set(tokens)) != len(tokens):
            raise ModelError("the model's tokens repeat, or one of them is no text")
        if level == "characters" and any(len(token) != 1 for token in tokens):
            raise ModelError("the model's characters are longer than one")
        return cls(level, tuple(tokens))


class WholeDecoder(Decoder):
    """Tokens that are whole characters each."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def feed(self, ids: Iterable[int]) -> str:
        """The text of these tokens (N,)."""
        return self._corpus.decode(ids)

    @property
    def pending(self) -> bytes:
        """Nothing: a character is one token."""
        return b""

    def wait_for(self, pending: bytes) -> None:
        """Nothing is waited for."""


def _order(counts: Counter[str]) -> Any:
    """Most frequent first, then by the token."""
    return lambda token: (-counts[token], token)
