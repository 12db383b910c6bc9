"""What a word is made of, as hashed ids: its character n-grams, its beginning and end, its shape.

A word that no training text has still has parts that some have. Each part is hashed into one of
``buckets`` ids, so that nothing but a few numbers has to be saved (Bojanowski et al. 2017, Enriching
Word Vectors with Subword Information, arXiv:1607.04606).
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from seqcli.errors import ModelError
from seqcli.sequences import IntArray, LookUp, Sequences

NAME = "subwords.v1"
NO_WORDS = ("",)
BEGIN, END = "<", ">"
"""Marks around a word, so that a beginning and an end are no middle: ``<wh``, ``ing>``."""
MOST_BUCKETS = 2**22
LONGEST = 12
MOST_PARTS = 64
KEPT_WORDS = 100_000
"""Words whose ids are remembered; past that memory begins anew, so that a long stream needs no more."""
SHOWN_SHAPE = 3
"""A run of one kind of character counts as so many at most in a shape: Xxxx, dd, xx-dd."""


class _Met(dict[str, int]):
    """The words met so far, numbered as they come; ``ids`` (words or more, K) has the parts of each."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.ids: IntArray = np.zeros((1024, most), dtype=np.int64)
        self._new: list[str] = []

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        self._new.append(word)
        return number

    def describe(self, ids: Callable[[str], IntArray]) -> None:
        """Note the ids (K,) of the words that were met since."""
        if len(self) > len(self.ids):
            more = np.zeros((2 * len(self) - len(self.ids), self.ids.shape[1]), dtype=np.int64)
            self.ids = np.concatenate([self.ids, more])
        for number, word in enumerate(self._new, start=len(self) - len(self._new)):
            self.ids[number] = ids(word)
        self._new.clear()


@dataclass(frozen=True)
class Subwords:
    """Which parts a word has, and how many ids there are for them: 1 … ``buckets``, 0 being none.

    The parts are, in this order, its shape where case is kept, its beginnings and ends of 1 …
    ``affixes`` characters, and its n-grams of ``shortest`` … ``longest`` characters, marks included.
    Of a word with more than ``most`` parts the first ones count.
    """

    buckets: int
    shortest: int = 3
    longest: int = 5
    affixes: int = 3
    cased: bool = False
    """Whether case is kept and a shape such as ``Xxxx`` is a part; else words are lower-cased."""
    most: int = 24
    _met: _Met = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_met", _Met(self.most))

    @property
    def size(self) -> int:
        """Number of ids, 0 included: rows of an embedding."""
        return self.buckets + 1

    def parts(self, word: str) -> list[str]:
        """The parts of one word, each once, ``most`` at most; the empty word has none."""
        if not word:
            return []
        word = unicodedata.normalize("NFC", word)
        text = word if self.cased else word.lower()
        found = ["=" + shape(word)] if self.cased else []
        for size in range(1, min(self.affixes, len(text)) + 1):
            found += [BEGIN + text[:size], text[-size:] + END]
        marked = BEGIN + text + END
        for size in range(self.shortest, self.longest + 1):
            found += [marked[start : start + size] for start in range(len(marked) - size + 1)]
        return list(dict.fromkeys(found))[: self.most]

    def ids(self, word: str) -> IntArray:
        """The ids (K,) of the parts of one word, zeros behind them; K is ``most``."""
        ids = np.zeros(self.most, dtype=np.int64)
        parts = self.parts(word)
        ids[: len(parts)] = [crc32(part.encode()) % self.buckets + 1 for part in parts]
        return ids

    def encode(self, texts: Iterable[Sequence[str]], max_length: int | None = None) -> Sequences:
        """Ids of the words of each text: N ragged rows of (T, K) int64, none of them empty.

        A text is cut after ``max_length`` words; one without words is one step without ids, as a
        :class:`~seqcli.preprocessing.vocabulary.Vocabulary` reads it.
        """
        found = self.look_up(texts, max_length)
        return Sequences(found.table[found.numbers.values], found.numbers.offsets)

    def look_up(self, texts: Iterable[Sequence[str]], max_length: int | None = None) -> LookUp:
        """As :meth:`encode`, with the ids (K,) of each different word once."""
        met, numbers, ends = self._met, array("q"), array("q", [0])
        if len(met) > KEPT_WORDS:
            met.clear()
        for words in texts:
            numbers.extend(map(met.__getitem__, words[:max_length] or NO_WORDS))
            ends.append(len(numbers))
        met.describe(self.ids)
        here, places = np.unique(np.array(numbers, dtype=np.int64), return_inverse=True)
        table = np.zeros((len(here) + 1, self.most), dtype=np.int64)
        table[1:] = met.ids[here]
        return LookUp(Sequences(places + 1, np.array(ends, dtype=np.int64)), table)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        names = ("buckets", "shortest", "longest", "affixes", "cased", "most")
        return {"name": NAME, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_json(cls, data: Any) -> Subwords:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        if not isinstance(data, Mapping) or data.get("name") != NAME:
            raise ModelError("the model's subwords cannot be read", "was it made by a newer seqcli?")
        limits = {
            "buckets": (1, MOST_BUCKETS),
            "shortest": (1, LONGEST),
            "longest": (0, LONGEST),
            "affixes": (0, LONGEST),
            "most": (1, MOST_PARTS),
        }
        for name, (low, high) in limits.items():
            if type(data.get(name)) is not int or not low <= data[name] <= high:
                raise ModelError(f"the model's subwords have an impossible number of {name}")
        if type(data.get("cased")) is not bool:
            raise ModelError("the model's subwords cannot be read")
        return cls(**{name: data[name] for name in limits}, cased=data["cased"])


def shape(word: str) -> str:
    """Kinds of the characters of a word, long runs cut: ``Xxxx`` for Paris, ``dd`` for 42, ``xx-dd``."""
    kinds = ("X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word)
    out: list[str] = []
    for kind in kinds:
        if out[-SHOWN_SHAPE:] != [kind] * SHOWN_SHAPE:
            out.append(kind)
    return "".join(out)
