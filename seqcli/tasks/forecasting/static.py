"""Static columns: what is said once of a series (its region, its size), as numbers that a network can read.

A number is (x − mean) / spread over the series that training has seen; a word is one of n + 1 switches,
of which the first stands for words that training never met, and for none at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcli.errors import ModelError
from seqcli.readers.columns import TextColumn
from seqcli.readers.numbers import NumberForm, read_numbers
from seqcli.readers.table import Table
from seqcli.sequences import FloatArray, IntArray

MOST_WORDS = 50
"""A static column of more different words than this names the series rather than says what they are."""
_GLANCED = 2000
"""Rows that are looked at before all of them."""
_FARTHEST = 10.0
"""Numbers further than this many spreads from the mean are seen as this far."""


def find_static(table: Table, ids: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Those of ``names`` that say one thing of each series and different things of some.

    A word that no two series share is no more than another name of the series.
    """
    if not ids:
        return ()
    glanced = np.arange(min(len(table), _GLANCED))
    first = [name for name in names if _one_each(table.take(glanced), ids, name)]
    found = []
    for name in first:
        if not _one_each(table, ids, name):
            continue
        codes, texts = table.column(name).codes()
        distinct = {texts[code] for code in np.unique(codes).tolist()} - {""}
        number = table.kind(name) == "number"
        series = len(np.unique(_keys(table, ids)))
        if len(distinct) >= 2 and (number or len(distinct) < min(series, MOST_WORDS + 1)):
            found.append(name)
    return tuple(found)


def _keys(table: Table, ids: Sequence[str]) -> IntArray:
    """A number for each row's series (N,)."""
    columns = np.stack([table.column(name).codes()[0] for name in ids], axis=1)
    return np.asarray(np.unique(columns, axis=0, return_inverse=True)[1].ravel(), dtype=np.int64)


def _one_each(table: Table, ids: Sequence[str], name: str) -> bool:
    """Whether the filled cells of a column are the same within each series."""
    codes, texts = table.column(name).codes()
    filled = np.array([bool(text) for text in texts], dtype=bool)[codes]
    keys = _keys(table, ids)[filled]
    return len(np.unique(keys * (len(texts) + 1) + codes[filled])) == len(np.unique(keys))


def static_cells(
    table: Table, names: Sequence[str], series: IntArray, rows: IntArray, count: int
) -> tuple[tuple[str, ...], ...]:
    """One cell for each of ``names`` of each of ``count`` series: (count, n), "" where there is none.

    ``series`` (B,) are the numbers of the series that the ``rows`` (B,) of the table belong to.
    """
    columns = []
    for name in names:
        cells = [""] * count
        if name in table.names:
            codes, texts = table.column(name).codes()
            own = codes[rows]
            filled = np.flatnonzero(np.array([bool(text) for text in texts], dtype=bool)[own])
            found, first = np.unique(series[filled], return_index=True)
            for at, row in zip(found.tolist(), filled[first].tolist(), strict=True):
                cells[at] = texts[own[row]]
        columns.append(cells)
    return tuple(zip(*columns, strict=True)) if names else ()


@dataclass(frozen=True)
class StaticColumn:
    """How one static column becomes numbers."""

    name: str
    words: tuple[str, ...] = ()
    """Its words in training, in order; () for a number."""
    form: NumberForm | None = None
    """How a number is written; None for words."""
    mean: float = 0.0
    spread: float = 1.0

    @property
    def width(self) -> int:
        """Numbers that it becomes."""
        return 1 if self.form is not None else len(self.words) + 1

    def encode(self, cells: Sequence[str]) -> FloatArray:
        """Cells of S series → (S, width)."""
        if self.form is not None:
            values = read_numbers(TextColumn(list(cells)), np.arange(len(cells)), self.form).values
            scaled = np.where(np.isfinite(values), (values - self.mean) / self.spread, 0.0)
            return np.clip(scaled, -_FARTHEST, _FARTHEST).astype(np.float32)[:, None]
        place = {word: at for at, word in enumerate(self.words, 1)}
        switched = np.array([place.get(cell.strip(), 0) for cell in cells], dtype=np.int64)
        return np.eye(self.width, dtype=np.float32)[switched]


@dataclass(frozen=True)
class StaticEncoding:
    """How the static columns of a series become C numbers; fitted on the series of training."""

    columns: tuple[StaticColumn, ...] = ()

    @classmethod
    def fit(cls, names: Sequence[str], cells: Sequence[Sequence[str]]) -> StaticEncoding:
        """From one cell for each of n ``names`` of each series that is trained on: (S, n)."""
        columns = []
        for at, name in enumerate(names):
            own = [row[at].strip() for row in cells]
            numbers = read_numbers(TextColumn(own), np.arange(len(own)))
            known = numbers.values[np.isfinite(numbers.values)]
            if not len(numbers.bad_rows) and len(known):
                spread = float(known.std())
                columns.append(StaticColumn(name, (), numbers.form, float(known.mean()), spread or 1.0))
            else:
                columns.append(StaticColumn(name, tuple(sorted(set(own) - {""}))[:MOST_WORDS]))
        return cls(tuple(columns))

    @property
    def width(self) -> int:
        """The number C of numbers a series."""
        return sum(column.width for column in self.columns)

    @property
    def labels(self) -> tuple[str, ...]:
        """What each of the C numbers says: "size", "region=north", "region=?" for an unknown word."""
        return tuple(
            column.name if column.form is not None else f"{column.name}={word}"
            for column in self.columns
            for word in ("?", *column.words)[: column.width]
        )

    def encode(self, cells: Sequence[Sequence[str]], series: int) -> FloatArray:
        """One cell for each column of each of S ``series``, (S, n) → (S, C) float32."""
        if not self.columns:
            return np.zeros((series, 0), dtype=np.float32)
        parts = [column.encode([row[at] for row in cells]) for at, column in enumerate(self.columns)]
        return np.concatenate(parts, axis=1)

    def to_json(self) -> list[dict[str, Any]]:
        """JSON values that :meth:`from_json` restores."""
        return [
            {
                "name": column.name,
                "words": list(column.words),
                "form": None if column.form is None else column.form.to_json(),
                "mean": column.mean,
                "spread": column.spread,
            }
            for column in self.columns
        ]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> StaticEncoding:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            columns = tuple(
                StaticColumn(
                    str(item["name"]),
                    tuple(str(word) for word in item["words"]),
                    None if item["form"] is None else NumberForm.from_json(item["form"]),
                    float(item["mean"]),
                    float(item["spread"]),
                )
                for item in data
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's static columns cannot be read") from error
        good = all(
            np.isfinite([column.mean, column.spread]).all()
            and column.spread > 0
            and len(column.words) <= MOST_WORDS
            for column in columns
        )
        if not good:
            raise ModelError("the model's static columns hold numbers that cannot be used")
        return cls(columns)
