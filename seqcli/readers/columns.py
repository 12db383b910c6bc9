"""Columns of verbatim cells, split and typed only when somebody asks.

A clean block of a delimited file stays the bytes it was read as, with the position of each cell's
end; a column of it is a view. So a file of numbers is typed straight from its bytes, a whole column
of cells at a time, and no string is ever made of a cell that nobody looks at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray

_LONGEST_PLAIN = 15
"""Digits, sign and point of a plain number: up to here its digits are an exact float64."""

_POWERS = 10.0 ** np.arange(_LONGEST_PLAIN, -1, -1)


class Column(ABC):
    """The cells of one column, as they stand in the file."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _split(self) -> list[str]: ...

    @abstractmethod
    def _type(self) -> NDArray[np.float64]: ...

    def _pick(self, rows: IntArray) -> list[str]:
        cells = self.cells()
        return [cells[row] for row in rows.tolist()]

    def cells(self) -> list[str]:
        """Every cell, verbatim; not to be changed."""
        return self._cells

    def plain_numbers(self) -> NDArray[np.float64]:
        """Every cell that is a short plain number (``-12.5``), NaN for all others: (N,); a shared array."""
        return self._numbers

    def pick(self, rows: IntArray) -> list[str]:
        """The cells of some rows, in the order given."""
        return self._pick(rows) if len(rows) else []

    @cached_property
    def _cells(self) -> list[str]:
        return self._split()

    @cached_property
    def _numbers(self) -> NDArray[np.float64]:
        return self._type()


class TextColumn(Column):
    """Cells that are already strings."""

    def __init__(self, cells: list[str]) -> None:
        self._given = cells

    def __len__(self) -> int:
        return len(self._given)

    def _split(self) -> list[str]:
        return self._given

    def _type(self) -> NDArray[np.float64]:
        encoded = [cell.encode() for cell in self._given]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        ends = np.cumsum(lengths)
        return plain_numbers(np.frombuffer(b"".join(encoded), np.uint8), ends - lengths, ends)


class CleanBlock:
    """Whole lines of a delimited file that hold no quote and the same number of cells each.

    ``ends`` (rows, columns) says where in ``text`` each cell stops.
    """

    def __init__(self, text: bytes, ends: NDArray[np.int32]) -> None:
        self.text = text
        self.ends = ends

    @classmethod
    def scan(cls, text: bytes, delimiter: str, width: int) -> CleanBlock | None:
        """Find the cells of ``text``; None when a line has not exactly ``width`` of them."""
        characters = np.frombuffer(text, np.uint8)
        line_end, between = ord("\n"), ord(delimiter)
        stops = np.flatnonzero((characters == between) | (characters == line_end))
        if len(stops) % width:
            return None
        ends = stops.astype(np.int32).reshape(-1, width)
        last = characters[ends] == line_end
        return cls(text, ends) if last[:, -1].all() and not last[:, :-1].any() else None

    def __len__(self) -> int:
        return len(self.ends)

    def columns(self) -> list[Column]:
        """The block's columns, as views."""
        return [BlockColumn(self, index) for index in range(self.ends.shape[1])]


class BlockColumn(Column):
    """One column of a :class:`CleanBlock`; nothing is copied until its cells are asked for."""

    def __init__(self, block: CleanBlock, index: int) -> None:
        self._block = block
        self._index = index

    def __len__(self) -> int:
        return len(self._block)

    def _bounds(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        ends = self._block.ends
        if self._index:
            return ends[:, self._index - 1] + 1, ends[:, self._index]
        starts = np.zeros(len(ends), dtype=np.int32)
        starts[1:] = ends[:-1, -1] + 1
        return starts, ends[:, 0]

    def _split(self) -> list[str]:
        starts, ends = self._bounds()
        return self._decode(starts.tolist(), ends.tolist())

    def _pick(self, rows: IntArray) -> list[str]:
        starts, ends = self._bounds()
        return self._decode(starts[rows].tolist(), ends[rows].tolist())

    def _decode(self, starts: list[int], ends: list[int]) -> list[str]:
        if self._block.text.isascii():
            text = self._block.text.decode("ascii")
            return [text[start:end] for start, end in zip(starts, ends, strict=True)]
        return [self._block.text[start:end].decode() for start, end in zip(starts, ends, strict=True)]

    def _type(self) -> NDArray[np.float64]:
        starts, ends = self._bounds()
        return plain_numbers(np.frombuffer(self._block.text, np.uint8), starts, ends)


class JoinedColumn(Column):
    """Columns of the same name, one after another."""

    def __init__(self, parts: Sequence[Column]) -> None:
        self._parts = parts
        self._firsts = np.cumsum([0, *map(len, parts)])

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def _split(self) -> list[str]:
        return [cell for part in self._parts for cell in part._split()]

    def _type(self) -> NDArray[np.float64]:
        return np.concatenate([np.empty(0), *(part._type() for part in self._parts)])

    def _pick(self, rows: IntArray) -> list[str]:
        owners = np.searchsorted(self._firsts, rows, side="right") - 1
        if (np.diff(owners) < 0).any():  # out of order: splitting all is simpler
            return super()._pick(rows)
        return [
            cell
            for owner in np.unique(owners).tolist()
            for cell in self._parts[owner]._pick(rows[owners == owner] - self._firsts[owner])
        ]


class TakenColumn(Column):
    """Some rows of another column, in any order."""

    def __init__(self, whole: Column, rows: IntArray) -> None:
        self._whole = whole
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def _split(self) -> list[str]:
        return self._whole.pick(self._rows)

    def _type(self) -> NDArray[np.float64]:
        return self._whole.plain_numbers()[self._rows]


def plain_numbers(
    characters: NDArray[np.uint8], starts: NDArray[np.integer], ends: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Numbers of the cells ``characters[starts[i]:ends[i]]``: (N,), NaN where a cell is not plain.

    Plain is an optional minus, digits and at most one point, 15 characters at most. Then the digits
    without the point are an exact float64, and one division by an exact power of ten rounds
    correctly, so each value is the one that ``float`` gives (Clinger 1990, the fast path).
    """
    values = np.full(len(starts), np.nan)
    lengths = ends - starts
    for length in np.unique(lengths).tolist():
        if not 1 <= length <= _LONGEST_PLAIN:
            continue
        rows = np.flatnonzero(lengths == length)
        windows = np.lib.stride_tricks.sliding_window_view(characters, length)
        values[rows] = _numbers_of_length(windows[starts[rows]])
    return values


def _numbers_of_length(cells: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Numbers of cells of one length, (M, L) characters → (M,), NaN where not plain."""
    length = cells.shape[1]
    digits = cells - np.uint8(ord("0"))  # (M, L), anything that is no digit wraps to 10 or more
    is_digit = digits < 10
    is_point = cells == ord(".")
    negative = cells[:, 0] == ord("-")
    points = is_point.sum(axis=1)
    count = is_digit.sum(axis=1)
    plain = (count + points + negative == length) & (points <= 1) & (count > 0)
    packed = np.where(is_digit, digits, 0).astype(np.float64) @ _POWERS[-length:]  # the point as a 0
    if points.any():
        decimals = np.where(points > 0, length - 1 - is_point.argmax(axis=1), 0)
        scale = np.where(points > 0, 10.0 ** (decimals + 1), 1.0)
        left = np.floor(packed / scale)
        right = packed - left * scale
        power = 10.0**decimals
        packed = np.where(points > 0, (left * power + right) / power, packed)
    packed = np.where(negative, -packed, packed)
    return np.where(plain, packed, np.nan)
