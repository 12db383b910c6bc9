"""Several labels a row: in one cell with a separator between them, or one column of 0 and 1 for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.roles import MAX_BAD, MAX_MISSING, counted
from seqcli.readers.table import Table
from seqcli.sequences import TARGET, AnyArray, Batchable, Examples, FloatArray, IntArray

SEPARATORS = ("|", ";", ",")
"""Tried where none is typed."""
LIST = "list"
"""Stands for a separator where cells are lists in JSON."""
UNKNOWN = "unknown"
"""The field with how many labels of a row training never saw, (N,)."""
TRUTH = {"1": 1, "0": 0, "1.0": 1, "0.0": 0, "true": 1, "false": 0, "yes": 1, "no": 0}
"""Cells of a column that says of one label whether a row has it."""


def split_labels(cell: str, separator: str) -> tuple[str, ...]:
    """The different labels of a cell in their order; none of an empty one. Raises ValueError for no list."""
    if separator != LIST:
        parts = cell.split(separator)
    else:
        parts = json.loads(cell) if cell.strip() else []
        if not isinstance(parts, list):
            raise ValueError(cell)
    return tuple(dict.fromkeys(text for part in parts if (text := str(part).strip())))


@dataclass(frozen=True)
class LabelSets:
    """What rows are labelled with."""

    rows: IntArray
    """(N,) the rows of the table whose labels can be read."""
    target: FloatArray
    """(N, L) 1 for each label that a row has, else 0."""
    unknown: IntArray
    """(N,) how many other labels it has."""


def read_label_sets(table: Table, target: tuple[str, ...], separator: str, names: Sequence[str]) -> LabelSets:
    """The labels of each row as columns of ``names``; rows that cannot be read are left out."""
    if not separator:
        truth = np.array(
            [[TRUTH.get(cell.strip().lower(), -1) for cell in table.cells(name)] for name in target]
        )
        rows = np.flatnonzero((truth >= 0).all(axis=0))
        return LabelSets(rows, truth.T[rows].astype(np.float32), np.zeros(len(rows), np.int64))
    places = {name: place for place, name in enumerate(names)}
    cells = table.cells(target[0])
    rows = known_rows(table, target, separator)
    found = np.zeros((len(rows), len(names)), dtype=np.float32)
    unknown = np.zeros(len(rows), dtype=np.int64)
    for at, row in enumerate(rows.tolist()):
        for label in split_labels(cells[row], separator):
            if label in places:
                found[at, places[label]] = 1
            else:
                unknown[at] += 1
    return LabelSets(rows, found, unknown)


def known_rows(table: Table, target: tuple[str, ...], separator: str) -> IntArray:
    """The rows (N,) of which it is known which labels they have; an empty cell says that they have none."""
    if not separator:
        return read_label_sets(table, target, separator, ()).rows
    if separator != LIST:
        return np.arange(len(table))
    return np.flatnonzero([_is_list(cell) for cell in table.cells(target[0])])


def _is_list(cell: str) -> bool:
    try:
        split_labels(cell, LIST)
    except ValueError:
        return False
    return True


def label_names(table: Table, target: tuple[str, ...], separator: str) -> tuple[str, ...]:
    """The labels of a table: the columns, or what stands in the cells, in order of the alphabet."""
    if not separator:
        return target
    cells = table.cells(target[0])
    rows = known_rows(table, target, separator).tolist()
    return tuple(sorted({label for row in rows for label in split_labels(cells[row], separator)}))


def check_label_sets(table: Table, target: tuple[str, ...], separator: str) -> list[str]:
    """Sentences on odd cells.

    Raises DataError where more than 1 % cannot be read, and where there is nothing to tell apart.
    """
    known = known_rows(table, target, separator)
    said, lost = [], np.setdiff1d(np.arange(len(table)), known)
    if len(lost):
        row, wanted = int(lost[0]), "a list in JSON" if separator else "0 or 1"
        name = next(name for name in target if separator or _truth(table, name, row) < 0)
        what = f'{table.where(row, name)}: "{table.cells(name)[row].strip()[:40]}" is not {wanted}'
        empty = sum(
            all(table.cells(each)[at].strip() in ("", *TRUTH) for each in target) for at in lost.tolist()
        )
        if len(lost) - empty > MAX_BAD * len(table) or len(lost) > MAX_MISSING * len(table):
            hint = "of each label a column of 0 and 1; or one column with --label-separator '|'"
            raise DataError(f"{what}, and {counted(len(lost), 'row')} of {len(table):,} cannot be read", hint)
        said.append(f"{what}; {counted(len(lost), 'such row')} dropped")
    names = label_names(table, target, separator)
    sets = read_label_sets(table, target, separator, names)
    idle = [name for name, column in zip(names, sets.target.T, strict=True) if len(set(column.tolist())) < 2]
    if not separator and idle:
        raise DataError(
            f"{table.source}, column {idle[0]}: it says the same in every row, which teaches nothing",
            "leave it out of --target",
        )
    if len(names) < 2:
        only = f"only {names[0]!r}" if names else "nothing"
        raise DataError(
            f"{table.source}, column {target[0]}: it holds {only}", "two or more labels are needed"
        )
    none = int((sets.target.sum(axis=1) == 0).sum())
    if none:
        said.append(f"{counted(none, 'row')} of {len(table):,} have no label, which is learnt too")
    return said


def rarest_labels(sets: LabelSets) -> list[str]:
    """What each part should hold an equal share of: the rarest label of each row, "" where it has none."""
    order = np.argsort(sets.target.sum(axis=0), kind="stable")
    ranked = sets.target[:, order] > 0  # (N, L)
    firsts = np.where(sets.target.sum(axis=1) > 0, ranked.argmax(axis=1), -1)
    return [str(first) if first >= 0 else "" for first in firsts.tolist()]


def labels_of(examples: Examples) -> FloatArray:
    """The labels of labelled examples, (N, L)."""
    found: FloatArray = _field(examples, TARGET)
    return found


def unknown_of(examples: Examples) -> IntArray:
    """How many labels of each example training never saw, (N,)."""
    found: IntArray = _field(examples, UNKNOWN)
    return found


def _field(examples: Examples, name: str) -> AnyArray:
    assert isinstance(examples, Batchable)
    found = examples.fields[name]
    assert isinstance(found, np.ndarray)
    return found


def _truth(table: Table, name: str, row: int) -> int:
    return TRUTH.get(table.cells(name)[row].strip().lower(), -1)
