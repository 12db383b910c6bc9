"""Texts as sets of hashed n-grams: runs of words and runs of characters, without a vocabulary.

Each n-gram is a number of 32 bits, made from its words' or characters' own numbers by NumPy, for all
texts of a batch at once; nothing is stored of an n-gram but that number. Among 300,000 of them about
ten share theirs with another one.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from unicodedata import normalize
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.preprocessing.vocabulary import tokenize_words
from seqcli.sequences import FloatArray, IntArray

Keys = NDArray[np.uint32]
Hashes = NDArray[np.uint64]

BEGIN, END = 2, 3
"""Marks around each text, so that an n-gram can say where it stands; no character that is read is one."""
TEXTS_AT_ONCE = 2048
KEPT_WORDS = 50_000
"""Words whose numbers are remembered."""
LEAST_BITS, MOST_BITS = 16, 24
MOST_WORDS, MOST_CHARACTERS = 5, 12
"""The longest n-grams that a saved form may name."""
_MULTIPLIER, _MIXER, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93), np.uint64(32)


@dataclass(frozen=True)
class NgramForm:
    """Which n-grams are read: of 1 to ``words`` words, of ``fewest`` to ``characters`` characters; 0 is none.

    Words are lower-cased as in a vocabulary of words; characters keep their case, and cross words.
    """

    words: int
    fewest: int
    characters: int

    def to_json(self) -> dict[str, int]:
        """JSON values that :meth:`from_json` restores."""
        return {"words": self.words, "fewest": self.fewest, "characters": self.characters}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NgramForm:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError, TypeError or ValueError."""
        form = cls(int(data["words"]), int(data["fewest"]), int(data["characters"]))
        if not 0 <= form.words <= MOST_WORDS or not 0 <= form.characters <= MOST_CHARACTERS:
            raise ModelError("the model's n-grams are of a length that cannot be read")
        if not (form.words or form.characters) or (form.characters and form.fewest < 1):
            raise ModelError("the model's n-grams are of no length")
        return form


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of texts: those of text i are ``keys[offsets[i]:offsets[i + 1]]``, each once.

    ``keys`` (total,) ascend within a text, ``counts`` (total,) say how often each is there, ``offsets``
    is (N + 1,).
    """

    keys: Keys
    counts: FloatArray
    offsets: IntArray

    def __len__(self) -> int:
        return len(self.offsets) - 1


class NgramIndex:
    """Finds n-grams among ``keys`` (G,), which ascend and differ in their first ``bits`` bits.

    Those bits are a place in a table: one look, where each step of a binary search waits for memory.
    """

    def __init__(self, keys: Keys, bits: int) -> None:
        self._keys, self._shift = keys, np.uint32(32 - bits)
        self._places = np.zeros(2**bits, dtype=np.int32)
        self._places[keys >> self._shift] = np.arange(len(keys), dtype=np.int32)

    def find(self, wanted: Keys) -> tuple[IntArray, IntArray]:
        """Which of ``wanted`` (M,) are known, ascending (K,), and the place of each among the keys (K,)."""
        if not len(self._keys):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        places = self._places[wanted >> self._shift]
        known = np.flatnonzero(self._keys[places] == wanted)
        return known, places[known].astype(np.int64)


def bits_for(count: int) -> int:
    """So many first bits that of ``count`` n-grams about one in thirty has those of another."""
    return min(max(count.bit_length() + 4, LEAST_BITS), MOST_BITS)


def apart(keys: Keys, documents: IntArray, bits: int) -> NDArray[np.bool_]:
    """Which of ``keys`` (G,), ascending, to keep so that their first bits differ: (G,).

    Of those with the same ones the n-gram that stands in most ``documents`` (G,).
    """
    first = keys >> np.uint32(32 - bits)
    order = np.lexsort((-documents, first))
    ahead = np.concatenate([[True], first[order][1:] != first[order][:-1]])[: len(keys)]
    kept = np.zeros(len(keys), dtype=np.bool_)
    kept[order[ahead]] = True
    return kept


def read_ngrams(texts: Sequence[str], form: NgramForm) -> Ngrams:
    """The n-grams of each text."""
    parts = list(_in_parts(texts, form))
    offsets = np.concatenate([[0], *(np.diff(part.offsets) for part in parts)]).cumsum().astype(np.int64)
    if not parts:
        return Ngrams(np.empty(0, np.uint32), np.empty(0, np.float32), offsets)
    keys, counts = (np.concatenate(found) for found in zip(*((p.keys, p.counts) for p in parts), strict=True))
    return Ngrams(keys, counts, offsets)


def _in_parts(texts: Sequence[str], form: NgramForm) -> Iterator[Ngrams]:
    """The n-grams of some texts after the other, so that little is held that is not kept."""
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        found = []
        if form.words:
            found.append(_hashed(*word_units(some), 1, form.words, salt=0))
        if form.characters:
            found.append(_hashed(*character_units(some), form.fewest, form.characters, salt=MOST_CHARACTERS))
        keys, counts = np.unique(np.concatenate(found), return_counts=True)
        ends = np.searchsorted(keys, np.arange(len(some) + 1, dtype=np.uint64) << _HALF)
        yield Ngrams(keys.astype(np.uint32), counts.astype(np.float32), ends.astype(np.int64))


def word_units(texts: Sequence[str]) -> tuple[Hashes, IntArray]:
    """The words of all texts between their marks as numbers (U,), and where each text begins (N + 1,)."""
    units, starts = array("Q"), array("q", [0])
    for text in texts:
        units.append(BEGIN)
        units.extend(map(_word, tokenize_words(text)))
        units.append(END)
        starts.append(len(units))
    return np.array(units, dtype=np.uint64), np.array(starts, dtype=np.int64)


@lru_cache(KEPT_WORDS)
def _word(word: str) -> int:
    """The number of a word, never that of a mark."""
    return crc32(word.encode("utf-8", "surrogatepass")) + (1 << 32)


def character_units(texts: Sequence[str]) -> tuple[Hashes, IntArray]:
    """The characters of all texts, (U,) and (N + 1,) as :func:`word_units` gives words.

    White space of any kind is one space.
    """
    begin, end = chr(BEGIN), chr(END)
    cleared = {BEGIN: " ", END: " "}
    rows = [f"{begin}{' '.join(normalize('NFC', text).translate(cleared).split())}{end}" for text in texts]
    starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    units = np.frombuffer("".join(rows).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return units.astype(np.uint64), starts


def _hashed(units: Hashes, starts: IntArray, fewest: int, most: int, salt: int) -> Hashes:
    """(row << 32 | hash) of each run of ``fewest`` to ``most`` units (U,) within a text, in any order."""
    rows = np.repeat(np.arange(len(starts) - 1, dtype=np.uint64), np.diff(starts)) << _HALF
    found = [rows[places] | hashes for _, places, hashes in runs(units, starts, fewest, most, salt)]
    return np.concatenate(found)


def runs(
    units: Hashes, starts: IntArray, fewest: int, most: int, salt: int
) -> Iterator[tuple[int, IntArray, Hashes]]:
    """Of each length the runs of units (U,) within a text: length, where they begin (R,), hashes (R,).

    Texts begin at ``starts`` (N + 1,). A run holds a mark at its ends alone, and never no more than one mark.
    """
    mark, end = units <= END, units == END
    hashes, whole = _mixed(units), np.ones(len(units), dtype=np.bool_)
    for length in range(1, most + 1):
        if length > 1:
            hashes = _mixed(hashes[:-1] * _MULTIPLIER + units[length - 1 :])
            whole = whole[:-1] & ~end[length - 2 : len(end) - 1]  # what goes beyond an end is another text
        if length >= fewest:
            places = np.flatnonzero(whole & ~mark if length == 1 else whole)
            yield length, places, _mixed(hashes[places] + np.uint64(salt + length)) >> _HALF


def _mixed(numbers: Hashes) -> Hashes:
    """Hashes (U,) of which each bit depends on all bits."""
    numbers = (numbers ^ (numbers >> _HALF)) * _MIXER
    return numbers ^ (numbers >> _HALF)
