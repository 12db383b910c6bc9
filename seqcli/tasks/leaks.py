"""Columns that give the answer away: one that alone predicts the label on rows it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqcli.readers.table import Table
from seqcli.sequences import IntArray

SURE = 0.995
"""Share of the validation rows that a column must predict alone to be left out."""
BINS = 64
"""A column of many numbers is cut at this many quantiles of its training rows."""


@dataclass(frozen=True)
class Answers:
    """Rows of one part, one an example, and their classes (N,)."""

    table: Table
    target: IntArray


def leaking(train: Answers, held: Answers, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``names`` that, fitted alone on ``train``, predict the classes of ``held``.

    Each value (or bin of numbers) predicts its most frequent class among the training rows. To
    count, a column must also make at most a fifth of the errors that always saying one class makes.
    """
    if not len(held.target):
        return ()
    usual = int(np.bincount(train.target).argmax())
    errors = float((held.target != usual).mean())
    found = []
    for name in names:
        codes, held_codes = _codes(train.table, held.table, name)
        counts = np.zeros((int(codes.max()) + 1, int(train.target.max()) + 1), dtype=np.int64)
        np.add.at(counts, (codes, train.target), 1)
        said = np.where(held_codes < 0, usual, counts.argmax(axis=1)[held_codes])
        wrong = float((said != held.target).mean())
        if wrong <= 1 - SURE and 5 * wrong < errors:
            found.append(name)
    return tuple(found)


def _codes(train: Table, held: Table, name: str) -> tuple[IntArray, IntArray]:
    """A number for each value of a column, (N,) and (M,); -1 for a value not seen in training."""
    if train.kind(name) == "number":
        form = train.numbers(name).form
        values = [np.nan_to_num(table.numbers(name, form).values) for table in (train, held)]
        if len(np.unique(values[0])) > BINS:
            inner = np.quantile(values[0], np.linspace(0, 1, BINS + 1)[1:-1])
            edges = np.unique(inner)
            return np.searchsorted(edges, values[0], "right"), np.searchsorted(edges, values[1], "right")
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(cell.strip(), len(numbers)) for cell in train.cells(name)]
    held_codes = [numbers.get(cell.strip(), -1) for cell in held.cells(name)]
    return np.array(codes, dtype=np.int64), np.array(held_codes, dtype=np.int64)
