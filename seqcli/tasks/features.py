"""Columns of numbers and of classes → one matrix, scaled on training rows: the numeric half of the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.scaling import Scaler, StandardScaler, restore_scaler
from seqcli.readers.numbers import NumberForm
from seqcli.readers.table import Table
from seqcli.sequences import IntArray
from seqcli.tasks.columns import MOST_CLASSES

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: how it is written, and whether a channel says where it is missing."""

    name: str
    form: NumberForm
    masked: bool


@dataclass(frozen=True)
class ClassColumn:
    """A column of strings, one 0/1 channel a value; a value not seen in training sets none."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Features:
    """Numbers (scaled), then a missing channel for each that needs one, then one channel a class.

    ``missing`` is what a gap becomes: "mask" and "error" carry the last value of the sequence (the
    mean where there is none), "interpolate" draws a line across it.
    """

    numbers: tuple[NumberColumn, ...]
    classes: tuple[ClassColumn, ...]
    scaler: Scaler
    missing: str

    @classmethod
    def fit(cls, table: Table, names: tuple[str, ...], missing: str) -> Features:
        """Fit on the rows of ``table``, which are training rows and nothing else."""
        numbers = [name for name in names if table.kind(name) != "text"]
        classes = [name for name in names if table.kind(name) == "text"]
        values = [_finite(table.numbers(name).values) for name in numbers]
        columns = tuple(
            NumberColumn(
                name, table.numbers(name).form, missing != "interpolate" and bool(np.isnan(column).any())
            )
            for name, column in zip(numbers, values, strict=True)
        )
        strings = tuple(ClassColumn(name, _frequent(table.cells(name))) for name in classes)
        matrix = np.stack(values, axis=1) if values else np.empty((len(table), 0))
        return cls(columns, strings, StandardScaler.fit(matrix), missing)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each channel of the matrix."""
        return (
            *(column.name for column in self.numbers),
            *(f"{column.name} missing" for column in self.numbers if column.masked),
            *(f"{column.name} = {value}" for column in self.classes for value in column.values),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that are read."""
        return (*(column.name for column in self.numbers), *(column.name for column in self.classes))

    def matrix(self, table: Table, offsets: IntArray | None = None) -> NDArray[np.float32]:
        """Rows of ``table`` as (N, channels); a cell that cannot be read counts as missing.

        ``offsets`` (sequences + 1,) cuts the rows into sequences, within which gaps are filled;
        without it each row stands alone and a gap becomes the mean.
        """
        return self._matrix(table, offsets, None)[0]

    def going_on(
        self, table: Table, offsets: IntArray, before: Matrix
    ) -> tuple[NDArray[np.float32], Matrix]:
        """The next rows of sequences as (N, channels), and the last scaled numbers of each.

        ``before`` (sequences, numbers) are those of the rows ahead, NaN where there were none.
        """
        return self._matrix(table, offsets, before)

    def _matrix(
        self, table: Table, offsets: IntArray | None, before: Matrix | None
    ) -> tuple[NDArray[np.float32], Matrix]:
        """The channels (N, channels) of rows, and the last scaled numbers of each sequence that goes on."""
        values = [_finite(table.numbers(column.name, column.form).values) for column in self.numbers]
        numbers = np.stack(values, axis=1) if values else np.empty((len(table), 0))  # (N, numbers)
        gaps = np.isnan(numbers)
        scaled = self.scaler.transform(numbers)
        if offsets is not None and gaps.any():
            scaled = fill_gaps(scaled, offsets, self.missing)
        last = np.empty((0, len(self.numbers)))
        if before is not None and offsets is not None:
            owner = np.repeat(np.arange(len(before)), np.diff(offsets))
            scaled = np.where(np.isnan(scaled), before[owner], scaled)
            last = scaled[offsets[1:] - 1]
        parts = [np.nan_to_num(scaled, nan=0.0), gaps[:, [column.masked for column in self.numbers]]]
        parts += [_one_hot(table.cells(column.name), column.values) for column in self.classes]
        return np.concatenate(parts, axis=1).astype(np.float32), last

    def bad_cells(self, table: Table) -> dict[int, str]:
        """Rows with a cell that is no number, or an infinite one: position → what is wrong."""
        found: dict[int, str] = {}
        for column in self.numbers:
            numbers = table.numbers(column.name, column.form)
            for cell in numbers.bad:
                found.setdefault(
                    cell.row, f"{table.where(cell.row, column.name)}: {cell.text!r} is not a number"
                )
            for row in np.flatnonzero(np.isinf(numbers.values)).tolist():
                found.setdefault(row, f"{table.where(row, column.name)}: not a finite number")
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "numbers": [
                {"name": column.name, "form": column.form.to_json(), "masked": column.masked}
                for column in self.numbers
            ],
            "classes": [{"name": column.name, "values": list(column.values)} for column in self.classes],
            "scaler": self.scaler.to_json(),
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Features:
        """Rebuild from :meth:`to_json`; raises TypeError, KeyError, ValueError or ModelError otherwise."""
        numbers = tuple(
            NumberColumn(str(item["name"]), NumberForm.from_json(item["form"]), bool(item["masked"]))
            for item in data["numbers"]
        )
        classes = tuple(
            ClassColumn(str(item["name"]), tuple(str(value) for value in item["values"]))
            for item in data["classes"]
        )
        scaler = restore_scaler(data["scaler"])
        if scaler.shift.shape != (len(numbers),):
            raise ValueError("the scaler is of another number of columns")
        return cls(numbers, classes, scaler, str(data["missing"]))


def _finite(values: Matrix) -> Matrix:
    """Infinite values as missing."""
    return np.where(np.isfinite(values), values, np.nan)


def _frequent(cells: list[str]) -> tuple[str, ...]:
    """The different values, at most the 50 most frequent, in alphabetical order; the empty cell is none."""
    counts: dict[str, int] = {}
    for cell in cells:
        if value := cell.strip():
            counts[value] = counts.get(value, 0) + 1
    kept = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CLASSES]
    return tuple(sorted(kept))


def _one_hot(cells: list[str], values: tuple[str, ...]) -> Matrix:
    """(N,) strings → (N, values) of 0 and 1."""
    position = {value: index for index, value in enumerate(values)}
    out = np.zeros((len(cells), len(values)))
    for row, cell in enumerate(cells):
        index = position.get(cell.strip())
        if index is not None:
            out[row, index] = 1.0
    return out


def fill_gaps(values: Matrix, offsets: IntArray, missing: str) -> Matrix:
    """(N, F) with the gaps of each sequence filled as ``missing`` says, NaN where nothing is known."""
    return _interpolate(values, offsets) if missing == "interpolate" else _carry(values, offsets)


def _carry(values: Matrix, offsets: IntArray) -> Matrix:
    """(N, F) with each gap filled by the last value before it in its own sequence."""
    rows = np.arange(len(values))[:, None]
    first = np.repeat(offsets[:-1], np.diff(offsets))[:, None]
    last_known = np.maximum.accumulate(np.where(np.isnan(values), -1, rows), axis=0)
    known = last_known >= first
    filled = np.take_along_axis(values, np.maximum(last_known, 0), axis=0)
    return np.where(known, filled, np.nan)


def _interpolate(values: Matrix, offsets: IntArray) -> Matrix:
    """(N, F) with each gap filled by a line between its neighbours in its own sequence."""
    out = values.copy()
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        for column in range(values.shape[1]):
            part = out[start:stop, column]
            gaps = np.isnan(part)
            if gaps.any() and not gaps.all():
                part[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), part[~gaps])
    return out
