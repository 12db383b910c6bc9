"""Where tokens and n-grams stand in a text, for whoever must say which part of it did something.

Positions count the characters of the text with its accents composed (NFC), case kept.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from seqcli.preprocessing.ngrams import MOST_CHARACTERS, Hashes, Keys, NgramForm, character_units, runs
from seqcli.preprocessing.ngrams import word_units as units_of_words
from seqcli.preprocessing.vocabulary import TOKEN, prepared_words
from seqcli.sequences import IntArray

NOT = "n't"


def composed(text: str) -> str:
    """The text that positions count in."""
    return unicodedata.normalize("NFC", text)


def token_spans(text: str, level: str) -> IntArray:
    """Where each token of a text begins and ends, (T, 2), cut as a vocabulary of ``level`` cuts it."""
    text = composed(text)
    if level == "characters":
        begins = np.arange(len(text), dtype=np.int64)
        return np.stack([begins, begins + 1], axis=1)
    places = _places(text)
    found = [(places[m.start()], places[m.end() - 1] + 1) for m in TOKEN.finditer(prepared_words(text))]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _places(text: str) -> list[int]:
    """Of each character that a word is cut from, the one of ``text`` that it was."""
    low, places = text.lower(), list(range(len(text)))
    if len(low) != len(text):  # a capital that is two characters when it is small
        places = [place for place, character in enumerate(text) for _ in character.lower()]
    low = low.replace("’", "'")
    start = low.find(NOT)
    moved = 0
    while start >= 0:
        places.insert(start + moved, places[start + moved])  # the space that is put ahead of it
        moved += 1
        start = low.find(NOT, start + len(NOT))
    return places


@dataclass(frozen=True)
class GramPlaces:
    """Each time that an n-gram stands in a text: (M,) keys, of the tokens ``first`` … ``last`` - 1.

    An n-gram of no token, as of white space between words, has ``first`` = ``last``.
    """

    keys: Keys
    first: IntArray
    last: IntArray


def gram_places(text: str, form: NgramForm, spans: IntArray) -> GramPlaces:
    """The n-grams of a text whose tokens stand at ``spans`` (T, 2)."""
    text = composed(text)
    owner = np.full(len(text), -1, dtype=np.int64)  # the token of each character
    for token, (begin, end) in enumerate(spans.tolist()):
        owner[begin:end] = token
    found: list[tuple[Hashes, IntArray, IntArray]] = []
    if form.words:
        own = token_spans(text, "words")
        tokens = [owner[begin:end] for begin, end in own.tolist()]
        begins = np.array([-1, *(int(each[0]) for each in tokens), -1])
        ends = np.array([-1, *(int(each[-1]) for each in tokens), -1])
        found += _placed(units_of_words([text])[0], begins, ends, (1, form.words, 0))
    if form.characters:
        kept = _kept(text)
        own = np.array([-1, *owner[kept].tolist(), -1])
        size = (form.fewest, form.characters, MOST_CHARACTERS)
        found += _placed(character_units([text])[0], own, own, size)
    keys, first, last = (np.concatenate(each) for each in zip(*found, strict=True))
    return GramPlaces(keys.astype(np.uint32), first, last)


def _placed(
    units: Hashes, begins: IntArray, ends: IntArray, size: tuple[int, int, int]
) -> list[tuple[Hashes, IntArray, IntArray]]:
    """Runs of units (U,), whose first and last token are (U,) or -1, with the tokens that they touch.

    ``size`` is that of the runs, from and to, and their salt.
    """
    starts = np.array([0, len(units)], dtype=np.int64)
    none = np.iinfo(np.int64).max
    after = np.minimum.accumulate(np.where(begins < 0, none, begins)[::-1])[::-1]  # the first from here on
    before = np.maximum.accumulate(ends)  # the last up to here
    found = []
    for length, places, hashes in runs(units, starts, *size):
        first, last = after[places], before[places + length - 1] + 1
        empty = first >= last
        found.append((hashes, np.where(empty, 0, first), np.where(empty, 0, last)))
    return found


def _kept(text: str) -> IntArray:
    """The places of the characters that n-grams are made of: of white space in a row the first one alone."""
    spaces = [character.isspace() or character in "\x02\x03" for character in text]
    kept = [place for place, space in enumerate(spaces) if not space or (place > 0 and not spaces[place - 1])]
    while kept and spaces[kept[-1]]:
        kept.pop()
    return np.array(kept, dtype=np.int64)
