"""A table: named columns of verbatim cells, each typed on demand.

Nothing is converted when a file is read: a review that says "None" stays a review, ``007`` stays
``007``. A column becomes numbers or dates when a task asks for them, and the answer says which
cells could not be read, by the row number that the user sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from seqcli.errors import DataError, near_miss
from seqcli.readers.columns import Column, TakenColumn, TextColumn
from seqcli.readers.dates import DateForm, Dates, names_time, read_dates
from seqcli.readers.numbers import NumberForm, Numbers, read_numbers
from seqcli.sequences import IntArray

Kind: TypeAlias = Literal["number", "date", "text", "empty"]

_MOSTLY = 0.9
"""Share of a column's cells that must read as numbers or dates for the column to be meant as such.

Roles refuse more than 1 % of bad cells; a column between the two is refused with its row named, not
taken for text and passed over in silence.
"""

_LISTED = 30
"""Columns that a hint lists."""

_SAMPLE = 1000
"""Cells looked at before the whole column is read."""


class Spread(NamedTuple):
    """Where the cells of one column came from: column ``columns[of[i]]`` of a wide file is the i-th."""

    name: str
    columns: tuple[str, ...]
    of: IntArray
    """(N,)"""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length with the row numbers that the user counts.

    ``source`` is the name to show; ``records`` (N,) holds each row's number in its file: the header
    is row 1 (in text and jsonl the line number). ``files`` are the names of all files read and
    ``file_of`` (N,) says which one a row came from. ``notes`` are facts worth a line on stderr,
    ``warnings`` doubts. ``digest`` is the SHA-256 of the bytes read, "" for records of a stream.
    """

    source: str
    names: tuple[str, ...]
    columns: Mapping[str, Column]
    records: IntArray
    files: tuple[str, ...] = ()
    file_of: IntArray | None = None
    unit: str = "row"
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str = ""
    spread: Spread | None = None
    """The column that was many columns of a wide file, if there is one."""
    _typed: dict[tuple[str, str], Numbers | Dates | Kind] = field(default_factory=dict, repr=False)

    @classmethod
    def from_records(
        cls, source: str, names: Sequence[str], rows: Sequence[Sequence[str]], records: Sequence[int]
    ) -> Table:
        """A table of rows that are already split into one cell a name."""
        split = [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in names]
        columns = {name: TextColumn(cells) for name, cells in zip(names, split, strict=True)}
        return cls(source, tuple(names), columns, np.asarray(records, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.records)

    def column(self, name: str) -> Column:
        """The column called ``name``. Raises :class:`DataError` with the closest name otherwise."""
        if name not in self.columns:
            close = near_miss(name, self.names)
            more = ", …" if len(self.names) > _LISTED else ""
            listed = f"its columns are {', '.join(self.names[:_LISTED])}{more}"
            hint = f"did you mean {close!r}?" if close else listed
            raise DataError(f"{self.source}: no column is called {name!r}", hint)
        return self.columns[name]

    def cells(self, name: str) -> list[str]:
        """The cells of a column, verbatim; not to be changed."""
        return self.column(name).cells()

    def take(self, rows: IntArray) -> Table:
        """The named rows (B,), in the order given."""
        rows = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            columns={name: TakenColumn(column, rows) for name, column in self.columns.items()},
            records=self.records[rows],
            file_of=None if self.file_of is None else self.file_of[rows],
            spread=None if self.spread is None else self.spread._replace(of=self.spread.of[rows]),
            _typed={},
        )

    def with_column(self, name: str, cells: list[str]) -> Table:
        """This table with one column more, or with the column of that name replaced."""
        if len(cells) != len(self):
            raise ValueError(f"{len(cells)} cells for {len(self)} rows")
        names = self.names if name in self.columns else (*self.names, name)
        columns = {**self.columns, name: TextColumn(cells)}
        typed = {key: value for key, value in self._typed.items() if key[1] != name}
        return replace(self, names=names, columns=columns, _typed=typed)

    def where(self, row: int, name: str = "") -> str:
        """How to name a row, or one of its cells, to a person: ``prices.csv, row 17, column close``."""
        file = self.source if self.file_of is None else self.files[int(self.file_of[row])]
        name = self.called(name, np.array([row]))
        return f"{file}, {self.unit} {self.records[row]}" + (f", column {name}" if name else "")

    def called(self, name: str, rows: IntArray) -> str:
        """What the file calls column ``name`` in some rows (B,): in a wide one, where they came from."""
        if self.spread is None or name != self.spread.name:
            return name
        found = list(dict.fromkeys(self.spread.columns[of] for of in self.spread.of[rows].tolist()))
        return ", ".join(found[:3]) + (", …" if len(found) > 3 else "")

    def kind(self, name: str) -> Kind:
        """What a column holds, by at least 90 % of the cells that are not missing.

        Numbers whose name and size say time (``year``, an epoch in ``timestamp``) are dates.
        """
        key = ("kind", name)
        if key not in self._typed:
            self._typed[key] = self._find_kind(name)
        return self._typed[key]  # type: ignore[return-value]

    def numbers(self, name: str, form: NumberForm | None = None) -> Numbers:
        """A column as float64, written in ``form``, or in the form that fits the column best."""
        if form is not None:
            return read_numbers(self.column(name), self.records, form)
        key = ("numbers", name)
        if key not in self._typed:
            self._typed[key] = read_numbers(self.column(name), self.records)
        return self._typed[key]  # type: ignore[return-value]

    def dates(self, name: str, form: DateForm | None = None) -> Dates:
        """A column as UTC datetime64[us], written in ``form``, or in the form that fits it best."""
        if form is not None:
            return read_dates(self.column(name), self.records, name, form)
        key = ("dates", name)
        if key not in self._typed:
            self._typed[key] = read_dates(self.column(name), self.records, name)
        return self._typed[key]  # type: ignore[return-value]

    def _find_kind(self, name: str) -> Kind:
        sample = self
        if len(self) > 2 * _SAMPLE:
            sample = self.take(np.linspace(0, len(self) - 1, _SAMPLE).astype(np.int64))
            sample_kind = sample._find_kind(name)
            if sample_kind == "text" and not _is_mixed(sample, name):
                return "text"
            if sample_kind == "date" and self._mostly_iso(name):
                return "date"
        numbers = self.numbers(name)
        present = int((~numbers.missing).sum())
        is_number = len(numbers.bad_rows) <= (1 - _MOSTLY) * present
        if not present:
            return "empty"
        if is_number and not names_time(name):
            return "number"
        if len(self.dates(name).bad_rows) <= (1 - _MOSTLY) * present:
            return "date"
        return "number" if is_number else "text"

    def _mostly_iso(self, name: str) -> bool:
        """Whether so many cells are ISO dates that a look at each as a number can change nothing."""
        lost = np.isnat(self.column(name).iso_stamps().stamps).sum()
        return bool(lost <= (1 - _MOSTLY) * len(self))


def _is_mixed(table: Table, name: str) -> bool:
    """Whether so many cells of a sample read as numbers or dates that all of them must be asked."""
    numbers, dates = table.numbers(name), table.dates(name)
    return min(len(numbers.bad_rows), len(dates.bad_rows)) < 0.2 * int((~numbers.missing).sum())
