"""A running text as bytes, or as runs of bytes that come often: no character of any script is unknown.

Every byte is a token. At the level of pieces neighbours within a word that come often are merged, those first
that were merged first in training (byte-pair encoding: Sennrich, Haddow and Birch 2016, arXiv:1508.07909, on
bytes as Radford et al. 2019 have it). The merges are learnt by the package ``tokenizers`` and applied here.
Text is UTF-8, so a character may be several tokens: :class:`Decoder` never gives out a part of one.
"""

from __future__ import annotations

import codecs
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli import large
from seqcli.errors import ModelError, UsageError
from seqcli.preprocessing.corpus import Corpus, Decoder, cut
from seqcli.preprocessing.pieces import INSTALL, KEPT_WORDS, LONGEST_WORD, MOST_MERGES
from seqcli.preprocessing.vocabulary import BPE, RESERVED
from seqcli.sequences import AnyArray, IntArray

BYTES = "bytes"
BYTE_LEVELS = (BYTES, BPE)
NAME = "corpus.v2"
CHARACTERS_A_PIECE, FEWEST_PIECES, MOST_PIECES = 400, 100, 4000
"""Characters of training text for each piece that is learnt, and how many there are at least and at most."""
LEARNT_FROM = 10_000_000
"""Characters from twice which on pieces are learnt from a part of the text, spread over all of it."""
_SHIFT = 0x100
"""A byte is a letter of its own, none of them white space, where the package learns."""


@dataclass(frozen=True)
class ByteCorpus:
    """Bytes with ids from 3 on, then what merges make of them; 0 pads, 1 and 2 stand for no text."""

    level: str
    merges: tuple[tuple[bytes, bytes], ...] = ()
    tokens: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The tokens as texts, a byte that is no character by itself as ``\\xc3``."""
    _raw: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _ids: dict[bytes, int] = field(init=False, repr=False, compare=False)
    _ranks: dict[tuple[bytes, bytes], int] = field(init=False, repr=False, compare=False)
    _known: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        merged = (left + right for left, right in self.merges)
        raw = tuple(dict.fromkeys([*(bytes([value]) for value in range(256)), *merged]))
        object.__setattr__(self, "_raw", raw)
        object.__setattr__(self, "tokens", tuple(token.decode("utf-8", "backslashreplace") for token in raw))
        object.__setattr__(self, "_ids", {token: number for number, token in enumerate(raw, start=RESERVED)})
        object.__setattr__(self, "_ranks", {pair: rank for rank, pair in enumerate(self.merges)})

    @classmethod
    def fit(cls, text: str | Sequence[str], level: str) -> ByteCorpus:
        """Bytes as they are, or with the pieces of a training text, the more of them the longer it is."""
        if level == BYTES:
            return cls(level)
        parts = [text] if isinstance(text, str) else text
        length = sum(map(len, parts))
        size = int(np.clip(length // CHARACTERS_A_PIECE, FEWEST_PIECES, MOST_PIECES))
        return cls(level, learn_merges(parts[:: max(1, length // LEARNT_FROM)], size))

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included: rows of an embedding, and of the logits."""
        return len(self._raw) + RESERVED

    @property
    def unit(self) -> str:
        """What a token is, for a sentence."""
        return "byte" if self.level == BYTES else "piece"

    @property
    def characters(self) -> NDArray[np.float64]:
        """How many characters each token begins, (V,): the bytes that do not go on with one."""
        begun = [sum(byte & 0xC0 != 0x80 for byte in token) for token in self._raw]
        return np.array([*[0] * RESERVED, *begun], dtype=np.float64)

    def described(self) -> str:
        """Which tokens there are, in words."""
        if self.level == BYTES:
            return "all 256 bytes are tokens"
        return f"{len(self._raw):,} pieces: all bytes, and what came often in the training part"

    def cut(self, text: str) -> list[str]:
        """The tokens of ``text`` as texts; one that is a part of a character is shown by its bytes."""
        return [self.tokens[i - RESERVED] for i in self.encode(text).tolist()]

    def encode(self, text: str) -> IntArray:
        """Token ids (N,) of a text."""
        if not self.merges:
            found = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
            return found.astype(np.int64) + RESERVED
        if len(self._known) > KEPT_WORDS:
            self._known.clear()
        ids, find = array("q"), self._known.get
        for word in cut(text, "words"):
            own = find(word)
            if own is None:
                own = self._known[word] = self._pieces(word)
            ids.extend(own)
        return np.array(ids, dtype=np.int64)

    def _pieces(self, word: str) -> list[int]:
        """The ids of the pieces of one word."""
        whole = word.encode("utf-8", "surrogatepass")
        found: list[int] = []
        for start in range(0, len(whole), LONGEST_WORD):
            parts = [bytes([value]) for value in whole[start : start + LONGEST_WORD]]
            never = len(self._ranks)
            while len(parts) > 1:
                best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, never))
                if best not in self._ranks:
                    break
                parts = _merged(parts, best)
            found += [self._ids[part] for part in parts]
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids (N,); what is no UTF-8 is replaced, reserved ids stand for nothing."""
        return self.raw(ids).decode("utf-8", "replace")

    def raw(self, ids: Iterable[int]) -> bytes:
        """The bytes of token ids (N,)."""
        return b"".join(self._raw[i - RESERVED] for i in ids if i >= RESERVED)

    def decoder(self) -> Decoder:
        """What decodes tokens as they come."""
        return ByteDecoder(self)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :func:`restore_corpus` restores; bytes are written as the characters below 256."""
        merges = [[left.decode("latin-1"), right.decode("latin-1")] for left, right in self.merges]
        tokens = [token.decode("latin-1") for token in self._raw]
        return {"name": NAME, "level": self.level, "merges": merges, "tokens": tokens}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ByteCorpus:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        level, merges = data.get("level"), data.get("merges")
        if level not in BYTE_LEVELS or not isinstance(merges, list) or len(merges) > MOST_MERGES:
            raise ModelError("the model's tokens cannot be read")
        pairs: list[tuple[bytes, bytes]] = []
        known = {bytes([value]) for value in range(256)}
        for pair in merges:
            if (
                not isinstance(pair, list)
                or len(pair) != 2
                or not all(isinstance(part, str) for part in pair)
            ):
                raise ModelError("the model's pieces cannot be read")
            try:
                left, right = (part.encode("latin-1") for part in pair)
            except UnicodeEncodeError:
                raise ModelError("the model's pieces are no bytes") from None
            if left not in known or right not in known or len(left + right) > LONGEST_WORD:
                raise ModelError("the model's pieces are made of others that there are not")
            known.add(left + right)
            pairs.append((left, right))
        if bool(pairs) and level == BYTES:
            raise ModelError("the model's bytes are merged")
        made = cls(str(level), tuple(pairs))
        if made.to_json()["tokens"] != data.get("tokens"):
            raise ModelError("the model's tokens are not those that its merges make")
        return made


class ByteDecoder(Decoder):
    """Bytes that come in pieces: a character is given out with its last byte."""

    def __init__(self, corpus: ByteCorpus) -> None:
        self._corpus = corpus
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: Iterable[int]) -> str:
        """The characters that are whole after these tokens (N,)."""
        return self._utf8.decode(self._corpus.raw(ids))

    @property
    def pending(self) -> bytes:
        """The bytes of a character that is not whole."""
        return self._utf8.getstate()[0]

    def wait_for(self, pending: bytes) -> None:
        """Begin behind these bytes of a character."""
        self._utf8.reset()
        self._utf8.decode(pending)


AnyCorpus: TypeAlias = Corpus | ByteCorpus
SHELVED = 1 << 20
"""Bytes of a piece of a long text from which on it is held in a file."""


def encoded(corpus: AnyCorpus, texts: Iterable[str]) -> list[AnyArray]:
    """Token ids of each of several texts, (N,) each, in as few bytes as they fit in."""
    small = np.min_scalar_type(corpus.size - 1)
    return [large.kept(corpus.encode(text).astype(small), SHELVED) for text in texts]


def together(pieces: Sequence[AnyArray]) -> AnyArray:
    """Pieces of token ids as one array (N,): int64, but of a long text smaller numbers in a file."""
    length = sum(map(len, pieces))
    long = 8 * length >= large.LARGE
    whole = large.empty((length,), pieces[0].dtype if pieces and long else np.int64)
    at = 0
    for piece in pieces:
        whole[at : at + len(piece)] = piece
        at += len(piece)
    return whole


def fit_corpus(text: str | Sequence[str], level: str, by_heart: bool) -> AnyCorpus:
    """The tokens of a training text at one of the levels."""
    return ByteCorpus.fit(text, level) if level in BYTE_LEVELS else Corpus.fit(text, level, by_heart)


def restore_corpus(data: Any) -> AnyCorpus:
    """Rebuild the tokens of a model. Raises ModelError on anything else."""
    if isinstance(data, Mapping) and data.get("name") == NAME:
        return ByteCorpus.from_json(data)
    return Corpus.from_json(data)


def learn_merges(texts: Sequence[str], size: int) -> tuple[tuple[bytes, bytes], ...]:
    """The merges that lead to at most ``size`` pieces beside the bytes.

    Raises UsageError where the package that learns them is not installed.
    """
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError:
        raise UsageError("--level bpe wants the package tokenizers to learn pieces with", INSTALL) from None
    letters = [chr(_SHIFT + value) for value in range(256)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + size, min_frequency=2, show_progress=False, initial_alphabet=letters
    )
    lines = (
        " ".join(_letters(word) for word in cut(line, "words")) for text in texts for line in text.split("\n")
    )
    tokenizer.train_from_iterator(lines, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in merges)
    return tuple((_bytes(left), _bytes(right)) for left, right in pairs)


def _letters(word: str) -> str:
    """The bytes of a word as letters."""
    return "".join(chr(_SHIFT + value) for value in word.encode("utf-8", "surrogatepass")[:LONGEST_WORD])


def _bytes(letters: str) -> bytes:
    return bytes(ord(letter) - _SHIFT for letter in letters)


def _merged(parts: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """``parts`` with each ``pair`` of neighbours made one, from left to right."""
    found: list[bytes] = []
    place = 0
    while place < len(parts):
        if place + 1 < len(parts) and (parts[place], parts[place + 1]) == pair:
            found.append(parts[place] + parts[place + 1])
            place += 2
        else:
            found.append(parts[place])
            place += 1
    return found
