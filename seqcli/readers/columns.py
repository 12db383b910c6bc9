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

from seqcli.large import empty
from seqcli.readers.alike import code_cells, in_order_of_appearance
from seqcli.readers.iso import IsoStamps, iso_stamps
from seqcli.readers.plain import plain_numbers
from seqcli.sequences import IntArray

_FEW = 1000
"""Cells that are decoded one by one, and not out of a string of the whole block."""


class Column(ABC):
    """The cells of one column, as they stand in the file."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _split(self) -> list[str]: ...

    @abstractmethod
    def _type(self) -> NDArray[np.float64]: ...

    def _date(self) -> IsoStamps:
        return iso_stamps(*_bytes_of(self.cells()))

    def _pick(self, rows: IntArray) -> list[str]:
        cells = self.cells()
        return [cells[row] for row in rows.tolist()]

    def cells(self) -> list[str]:
        """Every cell, verbatim; not to be changed."""
        return self._cells

    def plain_numbers(self) -> NDArray[np.float64]:
        """Every cell that is a short plain number (``-12.5``), NaN for all others: (N,); a shared array."""
        return self._numbers

    def iso_stamps(self) -> IsoStamps:
        """Every cell that is an ISO date without a zone, NaT for all others; shared arrays."""
        return self._iso

    def pick(self, rows: IntArray) -> list[str]:
        """The cells of some rows (B,), in the order given."""
        return self._pick(rows) if len(rows) else []

    def codes(self) -> tuple[IntArray, list[str]]:
        """The number of each cell's text (N,), and the texts: stripped, each once."""
        return self._codes

    def _code(self) -> tuple[IntArray, list[str]]:
        known: dict[str, int] = {}
        cells = self._split()
        numbers = (known.setdefault(cell.strip(), len(known)) for cell in cells)
        return np.fromiter(numbers, np.int64, len(cells)), list(known)

    @cached_property
    def _codes(self) -> tuple[IntArray, list[str]]:
        return self._code()

    @cached_property
    def _cells(self) -> list[str]:
        return self._split()

    @cached_property
    def _numbers(self) -> NDArray[np.float64]:
        return self._type()

    @cached_property
    def _iso(self) -> IsoStamps:
        return self._date()


class TextColumn(Column):
    """Cells that are already strings."""

    def __init__(self, cells: list[str]) -> None:
        self._given = cells

    def __len__(self) -> int:
        return len(self._given)

    def _split(self) -> list[str]:
        return self._given

    def _type(self) -> NDArray[np.float64]:
        return plain_numbers(*_bytes_of(self._given))


class CleanBlock:
    """Rows of the same number of cells each, as bytes: one cell behind another, one byte between two.

    ``ends`` (rows, columns) says where in ``text`` each cell stops.
    """

    def __init__(self, text: NDArray[np.uint8], ends: NDArray[np.int32]) -> None:
        self.text = text
        self.ends = ends

    @classmethod
    def scan(cls, text: bytes, delimiter: str, width: int) -> CleanBlock | None:
        """Find the cells of ``text``; None when a line has not exactly ``width`` of them.

        Quotes may stand around whole cells, as long as these hold no quote and no line end; they are taken
        out.
        """
        characters = np.frombuffer(text, np.uint8)
        line_end, between = ord("\n"), ord(delimiter)
        stops = np.flatnonzero((characters == between) | (characters == line_end))
        quotes = np.flatnonzero(characters == ord('"')) if b'"' in text else np.empty(0, np.int64)
        if len(quotes):
            before = np.searchsorted(quotes, stops)  # how many quotes lie ahead of each
            inside = before % 2 == 1
            outside = stops[~inside]
            if (characters[stops[inside]] == line_end).any() or not _around_cells(quotes, outside):
                return None
            lines, stops = characters[outside] == line_end, outside - before[~inside]
            characters = np.delete(characters, quotes)
        else:
            lines = characters[stops] == line_end
        if len(stops) % width:
            return None
        ends, lines = stops.astype(np.int32).reshape(-1, width), lines.reshape(-1, width)
        return cls(characters, ends) if lines[:, -1].all() and not lines[:, :-1].any() else None

    @classmethod
    def packed(cls, columns: Sequence[Sequence[str]]) -> CleanBlock:
        """Columns of equal length whose cells were strings."""
        cells = [cell.encode() for row in zip(*columns, strict=True) for cell in row]
        lengths = np.fromiter(map(len, cells), np.int64, len(cells))
        ends = np.cumsum(lengths + 1) - 1
        text = np.frombuffer(b"\n".join(cells) + b"\n", np.uint8)
        return cls(text, ends.astype(np.int32).reshape(-1, len(columns)))

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def size(self) -> int:
        """Bytes that the block takes."""
        return self.text.nbytes + self.ends.nbytes

    @staticmethod
    def shelve(blocks: Sequence[CleanBlock]) -> None:
        """Move what some blocks hold into one file, so that the memory they take can be had back."""
        shelf, at = empty((sum(block.size for block in blocks),), np.uint8), 0
        for block in blocks:  # ends first, so that each begins at a multiple of its size
            shelf[at : at + block.ends.nbytes] = block.ends.reshape(-1).view(np.uint8)
            block.ends = shelf[at : at + block.ends.nbytes].view(np.int32).reshape(block.ends.shape)
            at += block.ends.nbytes
        for block in blocks:
            shelf[at : at + len(block.text)] = block.text
            block.text = shelf[at : at + len(block.text)]
            at += len(block.text)

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

    @property
    def block(self) -> CleanBlock:
        """The block that it is a view of."""
        return self._block

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
        held = memoryview(self._block.text)  # type: ignore[arg-type]
        if len(starts) < _FEW:
            return [bytes(held[start:end]).decode() for start, end in zip(starts, ends, strict=True)]
        whole = bytes(held)
        if whole.isascii():
            text = whole.decode("ascii")
            return [text[start:end] for start, end in zip(starts, ends, strict=True)]
        return [whole[start:end].decode() for start, end in zip(starts, ends, strict=True)]

    def _type(self) -> NDArray[np.float64]:
        return plain_numbers(self._block.text, *self._bounds())

    def _date(self) -> IsoStamps:
        return iso_stamps(self._block.text, *self._bounds())

    def _code(self) -> tuple[IntArray, list[str]]:
        found = code_cells(self._block.text, *self._bounds())
        if found is None:
            return super()._code()
        codes, texts = TextColumn(self._pick(found[1]))._code()  # a space around a text is none of it
        return codes[found[0]], texts


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
        out = empty((len(self),), np.float64)
        for part, begin, end in zip(self._parts, self._firsts, self._firsts[1:], strict=False):
            out[begin:end] = part._type()
        return out

    def _date(self) -> IsoStamps:
        out = IsoStamps(empty((len(self),), "datetime64[us]"), empty((len(self),), np.bool_))
        for part, begin, end in zip(self._parts, self._firsts, self._firsts[1:], strict=False):
            out.stamps[begin:end], out.clock[begin:end] = part._date()
        return out

    def _pick(self, rows: IntArray) -> list[str]:
        owners = np.searchsorted(self._firsts, rows, side="right") - 1
        if (np.diff(owners) < 0).any():  # out of order: splitting all is simpler
            return super()._pick(rows)
        return [
            cell
            for owner in np.unique(owners).tolist()
            for cell in self._parts[owner]._pick(rows[owners == owner] - self._firsts[owner])
        ]

    def _code(self) -> tuple[IntArray, list[str]]:
        known: dict[str, int] = {}
        parts = [np.empty(0, np.int64)]
        for codes, texts in (part._code() for part in self._parts):
            number = [known.setdefault(text, len(known)) for text in texts]
            parts.append(np.array(number, dtype=np.int64)[codes])
        return np.concatenate(parts), list(known)


class TakenColumn(Column):
    """Some rows of another column, in any order."""

    def __init__(self, whole: Column, rows: IntArray) -> None:
        self._whole = whole
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def _split(self) -> list[str]:
        return self._whole.pick(self._rows)

    def _pick(self, rows: IntArray) -> list[str]:
        return self._whole.pick(self._rows[rows])

    def _type(self) -> NDArray[np.float64]:
        return self._whole.plain_numbers()[self._rows]

    def _date(self) -> IsoStamps:
        if 10 * len(self) < len(self._whole):  # a sample: the whole may never be asked
            return super()._date()
        stamps, clock = self._whole.iso_stamps()
        return IsoStamps(stamps[self._rows], clock[self._rows])

    def _code(self) -> tuple[IntArray, list[str]]:
        if 10 * len(self) < len(self._whole):
            return super()._code()
        codes, texts = self._whole.codes()
        own = codes[self._rows]
        numbers = in_order_of_appearance(own)
        first = np.full(int(numbers.max(initial=-1)) + 1, len(own), dtype=np.int64)
        np.minimum.at(first, numbers, np.arange(len(own)))
        return numbers, [texts[code] for code in own[first].tolist()]


class RepeatedColumn(TakenColumn):
    """Cells of a short column, each many times: what is known of a text is found out once."""

    def codes(self) -> tuple[IntArray, list[str]]:
        """The number of each cell's text (N,) among those of the short column."""
        codes, texts = self._whole.codes()
        return codes[self._rows], texts

    @property
    def short(self) -> tuple[Column, IntArray]:
        """The short column, and which of its cells stands in each row (N,)."""
        return self._whole, self._rows


class WideColumn(Column):
    """Cells of A columns of R rows, one after another: cell ``rows[i]`` of column ``of[i]`` is the i-th."""

    def __init__(
        self, columns: Sequence[Column], numbers: NDArray[np.float64], rows: IntArray, of: IntArray
    ) -> None:
        """``numbers`` (R, A) are the columns' plain numbers."""
        self._columns = columns
        self._plain = numbers
        self._rows = rows
        self._of = of

    def __len__(self) -> int:
        return len(self._rows)

    def _type(self) -> NDArray[np.float64]:
        return self._plain[self._rows, self._of]

    def _split(self) -> list[str]:
        cells = [column.cells() for column in self._columns]
        return [cells[of][row] for row, of in zip(self._rows.tolist(), self._of.tolist(), strict=True)]

    def _pick(self, rows: IntArray) -> list[str]:
        if len(rows) > 1000:
            return super()._pick(rows)
        places = zip(self._rows[rows].tolist(), self._of[rows].tolist(), strict=True)
        return [self._columns[of].pick(np.array([row]))[0] for row, of in places]


def _around_cells(quotes: IntArray, stops: IntArray) -> bool:
    """Whether ``quotes`` (Q,) stand in pairs, right behind one of the ``stops`` and ahead of the next."""
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return False
    place = np.searchsorted(stops, opening)
    begins = np.append(0, stops + 1)[place]
    return bool((opening == begins).all() and (closing + 1 == np.append(stops, -1)[place]).all())


def _bytes_of(cells: list[str]) -> tuple[NDArray[np.uint8], IntArray, IntArray]:
    """Cells (N,) as the bytes of all, and where each begins and ends among them."""
    encoded = [cell.encode("utf-8", "replace") for cell in cells]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    ends = np.cumsum(lengths)
    return np.frombuffer(b"".join(encoded), np.uint8), ends - lengths, ends
