"""Facts about the columns of a table, from which the task is found: what a person sees at a glance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from seqcli.readers.alike import together
from seqcli.readers.fasta import ID, from_fasta
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray

MOST_CLASSES = 50
"""A column with more different values than this is no column of classes unless something else says so."""
TEXT_WORDS = 3.0
"""Cells with more words than this on average are running text."""
LONG_CHARACTERS = 20.0
"""Cells longer than this on average are content even without spaces: DNA, passwords, Chinese."""

# fmt: off
TIME_WORDS = frozenset({
    "date", "time", "datetime", "timestamp", "ds", "day", "month", "week", "quarter", "year", "period",
    "step", "t", "tick", "index", "epoch",
})
ID_WORDS = frozenset({"id", "uuid", "guid", "key", "index", "idx", "no", "nr", "rowid"})
SERIES_WORDS = frozenset({
    "id", "series", "sequence", "sample", "recording", "trial", "session", "store", "shop", "item", "sku",
    "product", "ticker", "symbol", "stock", "station", "sensor", "device", "machine", "unit", "region",
    "country", "city", "location", "site", "customer", "user", "subject", "patient",
})
# fmt: on


def bare(name: str) -> str:
    """The name in lower case after its last dot: ``AAPL.Close`` → ``close``."""
    return name.rpartition(".")[2].strip().lower()


def name_words(name: str) -> list[str]:
    """The words a column name is made of: ``airlineSentiment_2`` → airline, sentiment, 2."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[a-z]+|\d+", spaced.lower())


@dataclass(frozen=True)
class Column:
    """What is known of one column; missing cells are left aside."""

    table: Table
    name: str

    @property
    def kind(self) -> str:
        """What the cells are meant to be: "number", "date", "text" or "empty"."""
        return self.table.kind(self.name)

    @cached_property
    def cells(self) -> list[str]:
        """The cells that hold something, stripped."""
        return [text for cell in self.table.cells(self.name) if (text := cell.strip())]

    @cached_property
    def texts(self) -> dict[str, int]:
        """Each text that stands in a cell, and in how many."""
        codes, texts = self.table.column(self.name).codes()
        counts = np.bincount(codes, minlength=len(texts)).tolist()
        return {text: count for text, count in zip(texts, counts, strict=True) if text}

    @cached_property
    def written(self) -> int:
        """How many cells hold a text of any kind."""
        return sum(self.texts.values())

    @cached_property
    def filled(self) -> int:
        """How many cells hold something."""
        return int((~np.isnan(self.numbers)).sum()) if self.kind == "number" else self.written

    @cached_property
    def distinct(self) -> int:
        """How many different values there are; 1 and 1.0 are one number."""
        if self.kind == "number":
            return len(np.unique(self.numbers[~np.isnan(self.numbers)]))
        return len(self.texts)

    @cached_property
    def words(self) -> float:
        """Words a cell, on average."""
        return sum(len(text.split()) * count for text, count in self.texts.items()) / max(self.written, 1)

    @cached_property
    def characters(self) -> float:
        """Characters a cell, on average."""
        return sum(len(text) * count for text, count in self.texts.items()) / max(self.written, 1)

    @cached_property
    def numbers(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """The column as numbers (N,), NaN where missing."""
        return self.table.numbers(self.name).values

    @property
    def constant(self) -> bool:
        """Every cell says the same; a number that is sometimes missing says no more."""
        return self.distinct == 1 and (self.kind == "number" or self.filled == len(self.table))

    @property
    def useless(self) -> str:
        """Why the column is neither input nor target, "" where it may be."""
        if self.kind == "empty":
            return "empty"
        if self.constant:
            return "every row says the same"
        return "it names rows" if self.identifier else ""

    @property
    def repeated(self) -> bool:
        """Values that come again: twice each on average, at the least."""
        return self.distinct >= 2 and (2 * self.distinct <= self.filled or 2 * self.distinct <= self.written)

    @property
    def classes(self) -> bool:
        """At most :data:`MOST_CLASSES` values that come again."""
        return self.repeated and self.distinct <= MOST_CLASSES

    @property
    def running_text(self) -> bool:
        """Strings of more than :data:`TEXT_WORDS` words."""
        return self.kind == "text" and self.words > TEXT_WORDS

    @cached_property
    def whole(self) -> bool:
        """Numbers without a fraction."""
        numbers = self.numbers[np.isfinite(self.numbers)] if self.kind == "number" else np.empty(0)
        return len(numbers) > 0 and bool((numbers == np.round(numbers)).all())

    @cached_property
    def monotone(self) -> bool:
        """Numbers that only rise, or only fall, from row to row."""
        steps = np.diff(self.numbers) if self.kind == "number" else np.empty(0)
        return len(steps) > 0 and bool((steps > 0).all() or (steps < 0).all())

    @cached_property
    def counter(self) -> bool:
        """Whole numbers that go up (or down) by one from row to row, but for a few fresh starts."""
        steps = np.diff(self.numbers) if self.whole and self.filled > 2 else np.empty(0)
        return len(steps) > 0 and max((steps == 1).mean(), (steps == -1).mean()) >= 0.99

    @cached_property
    def identifier(self) -> bool:
        """Values that name rows rather than say something about them.

        A running number; else nearly all differ, in a column called id, key, uuid, … or as short codes
        that mix letters and digits.
        """
        if self.name == ID and from_fasta(self.table.names, self.table.unit):
            return True
        if self.kind == "number" and self.counter:
            return True
        if not self.filled or self.distinct < 0.95 * self.filled or self.running_text:
            return False
        if {*name_words(self.name)[-1:]} & ID_WORDS:
            return self.kind != "number" or self.whole
        if self.kind != "text":
            return False
        of = self.texts.items()
        digits = sum(count for text, count in of if any(mark.isdigit() for mark in text))
        links = sum(count for text, count in of if "@" in text or "://" in text)
        return max(digits, links) > 0.5 * self.written


class Columns:
    """The columns of a table by name, each looked at once; ``time`` and ``ids`` are what the user typed."""

    def __init__(self, table: Table, time: str | None = None, ids: tuple[str, ...] = ()) -> None:
        self.table = table
        self._time = time
        self.ids = ids
        self._known = {name: Column(table, name) for name in table.names}

    def __getitem__(self, name: str) -> Column:
        return self._known[name]

    def __iter__(self) -> Iterator[Column]:
        return iter(self._known.values())

    def of_kind(self, kind: str) -> list[Column]:
        """Columns of one kind, in the order of the file."""
        return [column for column in self if column.kind == kind]

    def time_column(self) -> Column | None:
        """The column that orders rows in time: dates (one called so first), else rising step numbers."""
        if self._time is not None:
            return self[self._time]
        dates = self.of_kind("date")
        named = [column for column in dates if bare(column.name) in TIME_WORDS]
        if dates:
            return (named or dates)[0]
        for column in self.of_kind("number"):
            if bare(column.name) in TIME_WORDS and (column.monotone or self.separators(column.name)):
                return column
        return None

    def repeats(self, names: Sequence[str]) -> bool:
        """Whether two rows agree in all the named columns; not where a number or date cannot be read."""
        known = np.ones(len(self.table), dtype=bool)
        for name in names:
            if self[name].kind == "date":
                known &= ~np.isnat(self.table.dates(name).values)
            elif self[name].kind == "number":
                known &= ~np.isnan(self.table.numbers(name).values)
        codes = [self.table.column(name).codes()[0] for name in names]
        rows = np.sort(together(codes, len(self.table))[known])
        return bool((rows[1:] == rows[:-1]).any())

    def varies_within(self, name: str, ids: Sequence[str]) -> bool:
        """Whether rows that agree in ``ids`` differ in column ``name``."""
        keys = list(zip(*(self.table.cells(column) for column in ids), strict=True))
        return len(set(zip(keys, self.table.cells(name), strict=True))) > len(set(keys))

    def separators(self, time: str, most: int = 1) -> list[tuple[str, ...]]:
        """Sets of at most ``most`` columns that tell apart the rows that share one ``time``.

        Strings qualify, and whole numbers with about as many values as one time has rows: of such
        a panel each value stands for a series, which a measured number does not. The best comes first:
        fewest columns, then a name that says so, then strings before numbers.
        """
        if self.ids:
            return [self.ids]
        if self[time].kind == "date" and _turns_nowhere(self.table.dates(time).values):
            return []
        largest = int(np.bincount(self.table.column(time).codes()[0]).max(initial=0))
        if largest < 2:
            return []
        candidates = [column for column in self if column.name != time and self._tells_apart(column, largest)]
        candidates.sort(key=lambda column: (not _names_series(column.name), column.kind != "text"))
        for size in range(1, most + 1):
            found = [
                tuple(column.name for column in chosen)
                for chosen in combinations(candidates[:8], size)
                if not self.repeats([time, *(column.name for column in chosen)])
            ]
            if found:
                return found
        return []

    @staticmethod
    def _tells_apart(column: Column, largest: int) -> bool:
        if not column.repeated or column.running_text or column.kind not in {"text", "number"}:
            return False
        if column.kind == "text":
            return True
        return column.whole and (_names_series(column.name) or column.distinct <= 2 * largest)


def _turns_nowhere(stamps: AnyArray) -> bool:
    """Whether ``stamps`` (N,) only rise, or only fall: no two are equal."""
    later = stamps[1:] > stamps[:-1]
    return bool(later.all() or (stamps[1:] < stamps[:-1]).all())


def _names_series(name: str) -> bool:
    words = name_words(name)
    return bool(words) and (words[-1] in SERIES_WORDS or words[0] in SERIES_WORDS)
