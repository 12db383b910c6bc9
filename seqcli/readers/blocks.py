"""What a format makes of a piece of text: a block of columns, and the rows that went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from seqcli.errors import DataError, near_miss
from seqcli.options import ReadingOptions
from seqcli.readers.columns import Column
from seqcli.sequences import IntArray


class Fault(NamedTuple):
    """Why one row cannot be used, and what to do."""

    reason: str
    hint: str = ""


class Opening(NamedTuple):
    """How an input begins: its name, the text so far, and whether that is all of it.

    ``expected`` are the input columns of the model that will read it, none in training; lines of
    plain text become the column ``text_column``.
    """

    source: str
    text: str
    final: bool
    options: ReadingOptions
    expected: tuple[str, ...] = ()
    text_column: str = "text"


@dataclass(frozen=True)
class Block:
    """Some consecutive rows: their numbers (N,) in the file, and one column of N cells a name.

    ``faults`` maps a position in the block to what is wrong with that row; its cells are what could
    be saved of it.
    """

    numbers: IntArray
    columns: dict[str, Column]
    faults: dict[int, Fault] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def rows(self, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """The rows as tuples of one cell a name, "" where a name has no column here."""
        empty = [""] * len(self)
        cells = [self.columns[name].cells() if name in self.columns else empty for name in names]
        return zip(*cells, strict=True)


class Format(Protocol):
    """A reader of one format: begun on an :class:`Opening`, then fed the text that follows."""

    unit: str
    """What its records are numbered by: "row" or "line"."""
    names: tuple[str, ...]
    """Columns, as far as they are known from the opening."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def __init__(self, opening: Opening) -> None: ...

    def feed(self, text: str, final: bool) -> Block:
        """Read the complete records in what was left and ``text``; the opening's text counts as left."""


def missing_column(source: str, names: Sequence[str], expected: Sequence[str]) -> DataError:
    """The error for an input that lacks a column of the model."""
    missing = next(name for name in expected if name not in names)
    close = near_miss(missing, names)
    hint = f"{close!r} → {missing!r}?" if close else f"its columns are {', '.join(names)}"
    if not close and any(map(_is_number, names)):
        hint += "; if that is a first row of data, --names A,B names the columns"
    return DataError(f"{source}: no column is called {missing!r}", hint)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def fault_error(source: str, unit: str, number: int, fault: Fault) -> DataError:
    """The error for one bad row: ``reviews.csv, row 17: 4 cells where the header has 2``."""
    return DataError(f"{source}, {unit} {number}: {fault.reason}", fault.hint)


def no_rows(source: str) -> DataError:
    """The error for a file that ends after its header."""
    return DataError(f"{source}: a header and no rows", "add rows under the header")
