"""The one thing that flows through the house: ragged sequences, sets of fields, and windows.

Everything before training or inference ends as an :class:`Examples`: something with a length, the
number of steps of each example, and a method that gathers any rows into one padded batch. There
are two: :class:`Batchable` (named fields, one entry a row) and :class:`Windows` (fixed-size looks
into long series, gathered and never materialised). All are NumPy and know nothing of torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float32]
AnyArray: TypeAlias = NDArray[Any]
Batch: TypeAlias = dict[str, AnyArray]
"""Field name → dense array whose first axis is the batch; ``lengths`` (B,) counts valid steps."""

LENGTHS = "lengths"
TARGET = "target"
WEIGHT = "weight"


def as_ids(values: AnyArray) -> AnyArray:
    """Token ids that are held in few bytes as int64, of any shape (B, ...); all else as it is."""
    return values.astype(np.int64) if values.dtype.kind == "u" else values


class Examples(Protocol):
    """What training and inference consume."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> IntArray:
        """Steps of each example, (N,)."""

    def batch(self, rows: IntArray) -> Batch:
        """Gather ``rows`` into padded arrays (B, T[, F]) plus ``lengths`` (B,)."""


@dataclass(frozen=True)
class Sequences:
    """A ragged array: sequence i is ``values[offsets[i]:offsets[i + 1]]``.

    ``values`` is (total steps,) or (total steps, F); ``offsets`` is (N + 1,) and need not start at
    zero, which is what makes a slice O(1) and lets ``values`` be a memory map. With a second level
    ``inner`` (total steps + 1,) the steps are themselves ragged: step j of a row holds
    ``values[inner[j]:inner[j + 1]]`` (characters per word per row).
    """

    values: AnyArray
    offsets: IntArray
    inner: IntArray | None = None

    @classmethod
    def from_lists(cls, rows: Sequence[AnyArray | Sequence[Any]], dtype: Any) -> Sequences:
        """Concatenate rows of (T,) or (T, F) into one ragged array of ``dtype``."""
        counts = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if not rows:
            return cls(np.empty(0, dtype=dtype), offsets)
        return cls(np.concatenate([np.asarray(row, dtype=dtype) for row in rows]), offsets)

    @classmethod
    def from_nested(cls, rows: Sequence[Sequence[Sequence[Any]]], dtype: Any) -> Sequences:
        """Concatenate rows of steps of items into a two-level ragged array of ``dtype``."""
        steps = [step for row in rows for step in row]
        flat = cls.from_lists(steps, dtype)
        counts = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
        return cls(flat.values, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), flat.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> IntArray:
        """Steps of each sequence, (N,)."""
        return np.diff(self.offsets)

    def __getitem__(self, rows: slice) -> Sequences:
        """A contiguous slice in O(1); the values are shared, not copied."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("Sequences slice with step 1 only; use take() for other rows")
        return Sequences(self.values, self.offsets[start : max(stop, start) + 1], self.inner)

    def row(self, index: int) -> AnyArray:
        """The values of one sequence, (T,) or (T, F); for two levels its steps run together."""
        start, stop = self.offsets[index], self.offsets[index + 1]
        if self.inner is not None:
            start, stop = self.inner[start], self.inner[stop]
        return self.values[start:stop]

    def take(self, rows: IntArray) -> Sequences:
        """Copy the named rows (B,), in the order given, into a new ragged array."""
        steps, offsets = _gather_index(self.offsets, rows)
        if self.inner is None:
            return Sequences(self.values[steps], offsets)
        items, inner = _gather_index(self.inner, steps)
        return Sequences(self.values[items], offsets, inner)

    def pad(self, rows: IntArray, fill: float = 0) -> tuple[AnyArray, IntArray]:
        """Gather rows into a dense array padded at the end with ``fill``.

        Returns ((B, T) or (B, T, F), lengths (B,)); for two levels ((B, T, C), lengths (B,)) where
        C is the longest step of the batch.
        """
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        width = int(lengths.max(initial=0))
        if self.inner is None:
            dense = np.full((len(rows), width, *self.values.shape[1:]), fill, dtype=self.values.dtype)
            dense[np.arange(width) < lengths[:, None]] = self.values[_gather_index(self.offsets, rows)[0]]
            return dense, lengths
        steps, _ = _gather_index(self.offsets, rows)
        items, _ = Sequences(self.values, self.inner).pad(steps, fill)  # (S, C)
        nested = np.full((len(rows), width, items.shape[1]), fill, dtype=self.values.dtype)
        nested[np.arange(width) < lengths[:, None]] = items
        return nested, lengths


@dataclass(frozen=True)
class LookUp:
    """A ragged array whose steps repeat: step j is row ``numbers[j]`` of ``table`` (D, K), 0 being padding.

    ``numbers`` is one-level :class:`Sequences` of whole numbers, and row 0 of the table is zeros, so that a
    million words of ten thousand kinds are held as ten thousand rows.
    """

    numbers: Sequences
    table: AnyArray

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def lengths(self) -> IntArray:
        """Steps of each sequence, (N,)."""
        return self.numbers.lengths

    def __getitem__(self, rows: slice) -> LookUp:
        """A contiguous slice in O(1)."""
        return LookUp(self.numbers[rows], self.table)

    def row(self, index: int) -> AnyArray:
        """The values of one sequence, (T, K)."""
        values: AnyArray = self.table[self.numbers.row(index)]
        return values

    def take(self, rows: IntArray) -> LookUp:
        """The named rows (B,), in the order given; the table is shared."""
        return LookUp(self.numbers.take(rows), self.table)

    def pad(self, rows: IntArray) -> tuple[AnyArray, IntArray]:
        """Gather rows (B,) into (B, T, K) with zeros at the end, and lengths (B,)."""
        numbers, lengths = self.numbers.pad(rows)
        return self.table.take(numbers, axis=0), lengths


@dataclass(frozen=True)
class CsrRows:
    """Sparse rows: row i has ``values[offsets[i]:offsets[i+1]]`` at columns ``indices[...]``.

    ``values`` and ``indices`` are (total,), ``offsets`` is (N + 1,).
    """

    values: FloatArray
    indices: IntArray
    offsets: IntArray
    width: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice) -> CsrRows:
        """A contiguous slice in O(1)."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("CsrRows slice with step 1 only; use take() for other rows")
        return CsrRows(self.values, self.indices, self.offsets[start : max(stop, start) + 1], self.width)

    def take(self, rows: IntArray) -> CsrRows:
        """Copy the named rows (B,), in the order given."""
        items, offsets = _gather_index(self.offsets, rows)
        return CsrRows(self.values[items], self.indices[items], offsets, self.width)

    def dense(self, rows: IntArray) -> FloatArray:
        """The named rows as a dense array (B, width)."""
        items, offsets = _gather_index(self.offsets, rows)
        out = np.zeros((len(rows), self.width), dtype=np.float32)
        owner = np.repeat(np.arange(len(rows)), np.diff(offsets))
        np.add.at(out, (owner, self.indices[items]), self.values[items])
        return out


Field: TypeAlias = Sequences | LookUp | CsrRows | AnyArray


@dataclass(frozen=True)
class Batchable:
    """Named fields of equal length with the ids of their rows: an :class:`Examples`.

    A field is ragged (:class:`Sequences`, :class:`LookUp`), sparse (:class:`CsrRows`) or dense (N, ...).
    All ragged one-level fields of one Batchable have the same lengths. ``row_ids`` (N,) are positions in
    the table the rows came from.
    """

    fields: Mapping[str, Field]
    row_ids: IntArray

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def lengths(self) -> IntArray:
        """Steps of each example, (N,): those of the first ragged field, else ones."""
        for field in self.fields.values():
            if isinstance(field, Sequences | LookUp):
                return field.lengths
        return np.ones(len(self), dtype=np.int64)

    def __getitem__(self, rows: slice) -> Batchable:
        """A contiguous slice in O(1)."""
        return Batchable({name: field[rows] for name, field in self.fields.items()}, self.row_ids[rows])

    def take(self, rows: IntArray) -> Batchable:
        """The named examples (B,), in the order given."""
        picked: dict[str, Field] = {
            name: field[rows] if isinstance(field, np.ndarray) else field.take(rows)
            for name, field in self.fields.items()
        }
        return Batchable(picked, self.row_ids[rows])

    def batch(self, rows: IntArray) -> Batch:
        """Gather ``rows``: ragged fields padded to (B, T[, F]), sparse ones dense, plus lengths."""
        out: Batch = {}
        for name, field in self.fields.items():
            if isinstance(field, Sequences | LookUp):
                out[name] = field.pad(rows)[0]
            elif isinstance(field, CsrRows):
                out[name] = field.dense(rows)
            else:
                out[name] = field[rows]
        out[LENGTHS] = self.lengths[rows]
        return out


def joined(parts: Sequence[Batchable]) -> Batchable:
    """The examples of several Batchables of the same fields, one part after the other."""
    fields = {name: _joined_field([part.fields[name] for part in parts]) for name in parts[0].fields}
    return Batchable(fields, np.concatenate([part.row_ids for part in parts]))


def _joined_field(fields: Sequence[Field]) -> Field:
    """One field of several Batchables: dense (N, ...), one-level ragged, or ragged by a table."""
    if all(isinstance(field, np.ndarray) for field in fields):
        return np.concatenate([np.asarray(field) for field in fields])
    tables = [field for field in fields if isinstance(field, LookUp)]
    if len(tables) == len(fields):
        return _joined_tables(tables)
    ragged = [field for field in fields if isinstance(field, Sequences) and field.inner is None]
    if len(ragged) < len(fields):
        raise TypeError("only dense and one-level ragged fields can be joined")
    lengths = np.concatenate([field.lengths for field in ragged])
    values = np.concatenate([field.values[field.offsets[0] : field.offsets[-1]] for field in ragged])
    return Sequences(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def _joined_tables(fields: Sequence[LookUp]) -> LookUp:
    """The tables one below the other, with one row of zeros, and the numbers moved to where they then are."""
    width = max(field.table.shape[1] for field in fields)  # of ids some tables have fewer a row
    tables = [np.pad(field.table, ((0, 0), (0, width - field.table.shape[1]))) for field in fields]
    table = np.concatenate([tables[0][:1], *(each[1:] for each in tables)])
    moved, ahead = [], 0
    for field in fields:
        values = field.numbers.values
        moved.append(Sequences(np.where(values > 0, values + ahead, 0), field.numbers.offsets))
        ahead += len(field.table) - 1
    numbers = _joined_field(moved)
    assert isinstance(numbers, Sequences)
    return LookUp(numbers, table)


@dataclass(frozen=True)
class Windows:
    """Looks of ``window`` past and ``horizon`` future steps into long series: an :class:`Examples`.

    ``past`` names fields read over the window, ``future`` fields read over the horizon that
    follows; each is (total steps, F), all series laid end to end. Example i starts at step
    ``starts[i]``. A batch holds each past field as (B, window, F) and each future field as
    (B, horizon, F). Nothing is copied until a batch is gathered.
    """

    past: Mapping[str, AnyArray]
    future: Mapping[str, AnyArray]
    starts: IntArray
    window: int
    horizon: int

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> IntArray:
        """Every window has the same number of steps, (N,)."""
        return np.full(len(self.starts), self.window, dtype=np.int64)

    def take(self, rows: IntArray) -> Windows:
        """The named windows (B,), in the order given."""
        return Windows(self.past, self.future, self.starts[rows], self.window, self.horizon)

    def batch(self, rows: IntArray) -> Batch:
        """Gather windows into (B, window, F) and (B, horizon, F) arrays plus lengths (B,)."""
        starts = self.starts[rows][:, None]
        past = starts + np.arange(self.window)
        future = starts + self.window + np.arange(self.horizon)
        out: Batch = {name: values[past] for name, values in self.past.items()}
        out.update({name: values[future] for name, values in self.future.items()})
        out[LENGTHS] = np.full(len(rows), self.window, dtype=np.int64)
        return out


def _gather_index(offsets: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Positions of all items of the named rows, in order, and the offsets they then have."""
    starts = offsets[rows]
    counts = offsets[rows + 1] - starts
    out = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    positions = np.arange(out[-1], dtype=np.int64) + np.repeat(starts - out[:-1], counts)
    return positions, out
