"""Sentences of words with their tags, whatever form the rows of a table have.

words   a row a word; rows of one sentence follow each other    CoNLL, CoNLL-U, csv with --id
lists   a row a sentence: a list of words, a list of tags       {"tokens": ["It", "ran"], "tags": ["O", "O"]}
texts   a row a text, with the spans that are marked in it      {"text": "It ran", "spans": [{"start": 0, …}]}
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from seqcli.errors import DataError
from seqcli.preprocessing.words import WordCutter
from seqcli.readers.table import Table
from seqcli.sequences import IntArray
from seqcli.tasks.tagging.schemes import IOB2, OUTSIDE, Span, split_tag

WORDS, LISTS, TEXTS = "words", "lists", "texts"
FORMS = (WORDS, LISTS, TEXTS)
UNTAGGED = "_"
"""The tag of a word that has none, in CoNLL-U and elsewhere; it is not learnt."""
_A_SPAN = '{"start": 0, "end": 4, "label": "PER"}'
_BETWEEN = re.compile(r"[ ,;|]+")
"""What stands between two tags of one word."""


@dataclass(frozen=True)
class Sentences:
    """N sentences laid end to end: sentence i holds words ``offsets[i]`` to ``offsets[i + 1]``.

    ``offsets`` is (N + 1,), ``rows`` (N,) the first row of each in its table. ``tags`` are as they were
    written, none where they are not asked for. ``texts`` are N raw texts, in which word j stands at
    ``places[j]``; a text of which the words alone are known is None.
    """

    words: list[str]
    offsets: IntArray
    rows: IntArray
    tags: list[str] | None = None
    texts: list[str] | None = None
    places: list[tuple[int, int]] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def bounds(self) -> Iterator[tuple[int, int]]:
        """First and last (exclusive) word of each sentence."""
        return pairwise(self.offsets.tolist())

    def tag_lists(self) -> list[list[str]]:
        """The tags of each sentence."""
        assert self.tags is not None
        return [self.tags[start:stop] for start, stop in self.bounds()]

    def keys(self) -> list[str]:
        """The words of each sentence as one text, by which equal sentences are found."""
        return ["\0".join(self.words[start:stop]) for start, stop in self.bounds()]

    def tagged(self) -> tuple[Sentences, int]:
        """The sentences in which every word has a tag, and how many others there were."""
        kept = [place for place, tags in enumerate(self.tag_lists()) if UNTAGGED not in tags]
        dropped = len(self) - len(kept)
        return (self.take(np.asarray(kept, dtype=np.int64)) if dropped else self), dropped

    def take(self, rows: IntArray) -> Sentences:
        """The named sentences (B,), in the order given."""
        bounds = [(int(self.offsets[row]), int(self.offsets[row + 1])) for row in rows.tolist()]
        ends = np.cumsum([0, *(stop - start for start, stop in bounds)]).astype(np.int64)

        def picked(items: list[Any] | None) -> list[Any] | None:
            return None if items is None else [item for a, b in bounds for item in items[a:b]]

        texts = None if self.texts is None else [self.texts[row] for row in rows.tolist()]
        words = picked(self.words) or []
        return replace(
            self, words=words, offsets=ends, rows=self.rows[rows],
            tags=picked(self.tags), texts=texts, places=picked(self.places),
        )  # fmt: skip


def _laid(lists: Iterable[Sequence[Any]]) -> tuple[list[Any], IntArray]:
    """Lists end to end, and the offsets (N + 1,) of each."""
    items: list[Any] = []
    ends = [0]
    for some in lists:
        items += some
        ends.append(len(items))
    return items, np.asarray(ends, dtype=np.int64)


def read_words(table: Table, word: str, ids: Sequence[str], tag: str | None = None) -> Sentences:
    """A row a word: a sentence is rows in a row whose ``ids`` are equal.

    An empty id goes on with the sentence above, as in files that name a sentence at its first word alone.
    Of two tags in one cell the first counts.
    """
    rows = len(table)
    keys = list(zip(*(table.cells(name) for name in ids), strict=True))
    begins = np.ones(rows, dtype=bool)
    above: tuple[str, ...] | None = None
    for row, key in enumerate(keys):
        empty = not any(cell.strip() for cell in key)
        begins[row] = above is None or not (empty or key == above)
        above = above if empty and above is not None else key
    first = np.flatnonzero(begins).astype(np.int64)
    tags, notes = _first_tags(table, tag) if tag is not None else (None, ())
    return Sentences(table.cells(word), np.append(first, rows), first, tags, notes=notes)


def _first_tags(table: Table, tag: str) -> tuple[list[str], tuple[str, ...]]:
    """The tags of a column, the first of each cell that holds several; and a sentence on those."""
    tags, several = [], []
    for row, cell in enumerate(table.cells(tag)):
        pieces = [piece for piece in _BETWEEN.split(cell) if piece]
        if len(pieces) > 1:
            if not all(piece == OUTSIDE or split_tag(piece)[0] != OUTSIDE for piece in pieces):
                pieces = [cell]  # one tag that has such a mark in it
            else:
                several.append(row)
        tags.append(pieces[0] if pieces else UNTAGGED)
    if not several:
        return tags, ()
    count = f"{len(several):,} words have" if len(several) > 1 else "1 word has"
    return tags, (f"{count} several tags, of which the first counts ({table.where(several[0], tag)})",)


def read_lists(table: Table, word: str, tag: str | None = None) -> Sentences:
    """A row a sentence: JSON lists of words and of tags. Raises DataError for a row that is none."""
    words: list[list[str]] = []
    tags: list[list[str]] = []
    rows = []
    for row, cell in enumerate(table.cells(word)):
        found = _strings(cell)
        if found is None:
            raise DataError(f"{table.where(row, word)}: not a list of words", 'such as ["It", "ran"]')
        if tag is not None:
            said = _strings(table.cells(tag)[row])
            if said is None or len(said) != len(found):
                raise _no_tags(table, row, tag, len(found))
            tags.append(said)
        if found:
            words.append(found)
            rows.append(row)
        elif tag is not None:
            tags.pop()
    laid, offsets = _laid(words)
    return Sentences(laid, offsets, np.asarray(rows, dtype=np.int64), None if tag is None else _laid(tags)[0])


def _no_tags(table: Table, row: int, tag: str, words: int) -> DataError:
    """The error for a row whose tags are none, or too many or few for its words."""
    cell = table.cells(tag)[row]
    said = _strings(cell)
    if said is not None:
        what, hint = f"{len(said)} tags for {words} words", "each word needs one tag, in a list"
    elif _strings(cell, numbers=True) is not None:
        what, hint = "numbers, not the names of tags", "write what they stand for, such as B-PER"
    else:
        what, hint = "not a list of tags", "each word needs one tag, in a list"
    return DataError(f"{table.where(row, tag)}: {what}", hint)


def read_texts(table: Table, text: str, cutter: WordCutter, spans: str | None = None) -> Sentences:
    """A row a text: its words where ``cutter`` cuts, tagged in IOB2 by the spans of characters in it.

    A text without a word is left out. A span that begins or ends within a word takes in the whole word.
    """
    words, places, tags, rows, texts = [], [], [], [], []
    odd = 0
    for row, cell in enumerate(table.cells(text)):
        found, where = cutter.cut(cell)
        if not found:
            continue
        if spans is not None:
            marked, moved = _word_spans(_marks(table, row, text, spans), where)
            odd += moved
            tags.append(IOB2.tags(marked, len(found)))
        words.append(found)
        places.append(where)
        texts.append(cell)
        rows.append(row)
    laid, offsets = _laid(words)
    notes = (
        (f"{odd:,} spans do not end where words do, or lie over others: moved or left out",) if odd else ()
    )
    return Sentences(
        laid, offsets, np.asarray(rows, dtype=np.int64), None if spans is None else _laid(tags)[0],
        texts, _laid(places)[0], notes,
    )  # fmt: skip


class Mark(NamedTuple):
    """Characters ``start`` to ``stop`` (exclusive) of a text, and what they are."""

    start: int
    stop: int
    label: str


def _marks(table: Table, row: int, text: str, spans: str) -> list[Mark]:
    """The spans of one row. Raises DataError for what is none, or lies outside of its text."""
    marks = []
    length = len(table.cells(text)[row])
    items = _items(table.cells(spans)[row])
    if items is None:
        raise DataError(f"{table.where(row, spans)}: not a list of spans", f"such as [{_A_SPAN}]")
    for item in items:
        mark = _mark(item)
        if mark is None or not 0 <= mark.start < mark.stop <= length:
            raise DataError(
                f"{table.where(row, spans)}: {json.dumps(item)[:60]} is no span of {length} characters",
                f"such as {_A_SPAN}, the end behind the last character",
            )
        marks.append(mark)
    return sorted(marks)


def _mark(item: Any) -> Mark | None:
    """A span from an object with start, end and label, or from a list of the three."""
    if isinstance(item, dict):
        item = [item.get("start"), item.get("end"), item.get("label")]
    if not isinstance(item, list) or len(item) != 3:
        return None
    start, stop, label = item
    whole = type(start) is int and type(stop) is int
    return Mark(start, stop, label) if whole and isinstance(label, str) and label else None


def _word_spans(marks: list[Mark], places: list[tuple[int, int]]) -> tuple[list[Span], int]:
    """Spans of characters as spans of words, and how many did not fit or lay over another."""
    starts = [start for start, _ in places]
    ends = [stop for _, stop in places]
    spans: list[Span] = []
    odd = 0
    for mark in marks:
        first, stop = bisect_right(ends, mark.start), bisect_left(starts, mark.stop)
        if first >= stop or (spans and first < spans[-1].stop):
            odd += 1
            continue
        odd += starts[first] < mark.start or ends[stop - 1] > mark.stop
        spans.append(Span(first, stop, mark.label))
    return spans, odd


def _items(cell: str) -> list[Any] | None:
    """A JSON list, or None; an empty cell is an empty list."""
    if not cell.strip():
        return []
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _strings(cell: str, numbers: bool = False) -> list[str] | None:
    """A JSON list of strings (or of ``numbers`` too), or None."""
    found, kinds = _items(cell), (str, int) if numbers else (str,)
    return found if found is not None and all(isinstance(item, kinds) for item in found) else None


def is_list_column(cells: Sequence[str], numbers: bool = False) -> bool:
    """Whether the first filled cells are JSON lists of strings, or of whole ``numbers`` too."""
    some = [_strings(cell, numbers) for cell in cells[:200] if cell.strip()]
    return None not in some and any(some)


def is_span_column(cells: Sequence[str]) -> bool:
    """Whether the first filled cells are JSON lists of spans, but for some that are to be corrected."""
    lists = [_items(cell) for cell in cells[:200] if cell.strip()]
    items = [item for found in lists for item in found or []]
    spans = sum(_mark(item) is not None for item in items)
    return spans > len(items) - spans + lists.count(None)
