"""Wide tables, one series a row, as long ones: a row for each value, with its series and its step.

    id,2024-01,2024-02,2024-03            id,date,value
    a,1,2,3                        →      a,2024-01,1
    b,,5,6                                a,2024-02,2 …

This is the layout of the M4 competition (``"V1","V2",…``), of statistics offices (a column a year) and
of spreadsheets. Empty cells before the first and behind the last value of a row belong to no series;
empty ones between them are missing values. Each long row keeps the number of the row, and the name of
the column, that it came from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, near_miss
from seqcli.readers.columns import Column, RepeatedColumn, TextColumn, WideColumn
from seqcli.readers.dates import DateForm, read_dates
from seqcli.readers.intervals import parse_every, stamps_after
from seqcli.readers.numbers import is_missing
from seqcli.readers.roles import counted
from seqcli.readers.table import Spread, Table
from seqcli.readers.unwritten import StampColumn, StepColumn
from seqcli.sequences import IntArray

HEADERS = ("dates", "numbers", "counted")
"""What the names of the value columns say: when each is, which step it is, or nothing but the order."""

LEAST_COLUMNS = 20
"""Value columns above which a table is taken for wide without being told."""

_NUMBERED = re.compile(r"(.*?)[ _.-]?(\d+)", re.ASCII)


@dataclass(frozen=True)
class WideForm:
    """How a file lays its series out in rows; what a later file is read with."""

    ids: tuple[str, ...]
    """Columns that name the series of a row."""
    header: str
    """One of :data:`HEADERS`."""
    start: str | None = None
    """Column that says when a row's first value is."""
    every: str = ""
    """From one value to the next, where ``start`` is given: "1h", "15min", "1mo"."""
    start_form: DateForm | None = None

    @property
    def value(self) -> str:
        """The long table's column of values."""
        return self._free("value")

    @property
    def time(self) -> str | None:
        """The long table's column of time; None where values are only counted."""
        if self.start is not None or self.header == "dates":
            return self._free("date")
        return self._free("step") if self.header == "numbers" else None

    def _free(self, name: str) -> str:
        return name + "_" if name in {*self.ids, self.start} else name

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WideForm:
        """Rebuild from ``asdict``. Raises KeyError, TypeError or ValueError on anything else."""
        start = None if data["start"] is None else str(data["start"])
        form = None if data["start_form"] is None else DateForm.from_json(data["start_form"])
        wide = cls(tuple(map(str, data["ids"])), str(data["header"]), start, str(data["every"]), form)
        if not wide.ids or wide.header not in HEADERS or (start is None) != (form is None):
            raise ValueError("not a wide form")
        if start is not None:
            parse_every(wide.every)
        return wide


def find_wide(table: Table, ids: Sequence[str], start: str | None, every: str | None) -> WideForm:
    """The form of a table that is said to be wide; ``ids`` () is its first column.

    Raises :class:`DataError` where no two columns hold values, or where ``start`` has no dates.
    """
    named = tuple(ids) or tuple(name for name in table.names if name != start)[:1]
    columns, header = _value_columns(table, (*named, start))
    if len(columns) < 2:
        raise DataError(
            f"{table.source}: {counted(len(columns), 'column')} of values beside {', '.join(named)}",
            "--wide reads one series a row, its values from left to right; a table with a row for each "
            "value needs no --wide",
        )
    if start is None:
        return WideForm(named, header)
    dates = table.dates(start)
    if not (~np.isnat(dates.values)).any():
        raise DataError(
            f"{table.source}, column {start}: no row has a date",
            "with --wide, --time names the column that says when each row begins",
        )
    return WideForm(named, header, start, every or "", dates.form)


def looks_wide(table: Table, labels: Collection[str] = ()) -> bool:
    """Whether a table cannot be meant otherwise: a name a row, no name twice, then a long run of steps.

    Beside columns called V2, V3, … nothing else may stand: a label or a further column makes rows of
    numbers an example each. Beside dates other texts may, but none that is called like one of the ``labels``.
    """
    names = table.names[1:]
    columns, header = _value_columns(table, table.names[:1], by_name=True)
    if len(columns) < LEAST_COLUMNS or len(table) < 2:
        return False
    if header == "dates":
        others = [name for name in names if name not in columns]
        if any(name.lower() in labels or table.kind(name) not in {"text", "empty"} for name in others):
            return False
    elif len(columns) < len(names) or not _is_run(names):
        return False
    texts = table.column(table.names[0]).codes()[1]
    if "" in texts or len(texts) < len(table) or table.kind(table.names[0]) != "text":
        return False
    return all(table.kind(name) in {"number", "empty"} for name in (columns[0], columns[len(columns) // 2]))


def dated_columns(table: Table) -> tuple[str, ...]:
    """Columns that are called by dates, where they are so many that they must be the steps of a series."""
    columns, header = _value_columns(table, (), by_name=True)
    return columns if header == "dates" and len(columns) >= LEAST_COLUMNS else ()


def _is_run(names: Sequence[str]) -> bool:
    """Whether all names are one word and the numbers from 0, 1 or 2 on, as in V2, V3, V4."""
    found = [_NUMBERED.fullmatch(name) for name in names]
    numbers = [int(match[2]) for match in found if match]
    return numbers[0] <= 2 and numbers == list(range(numbers[0], numbers[0] + len(names)))


def lengthen(table: Table, form: WideForm) -> Table:
    """The long table of a wide one: ids, time where it is known, further columns, and the values.

    Raises :class:`DataError` for a table that is not laid out in ``form``, for a name that two rows
    share, and for a cell of values that is no number.
    """
    values = _checked(table, form)
    ids = [table.column(name).codes() for name in form.ids]
    _refuse_same_name(table, form, [codes for codes, _ in ids])
    columns = [table.column(name) for name in values]
    plain = np.stack([column.plain_numbers() for column in columns], axis=1)  # (R, A)
    present = ~np.isnan(plain)
    for at, column in enumerate(columns):
        rows = np.flatnonzero(~present[:, at])
        present[rows, at] = [not is_missing(cell) for cell in column.pick(rows)]
    any_value = present.any(axis=1)
    first = np.where(any_value, present.argmax(axis=1), 0)
    last = np.where(any_value, present.shape[1] - 1 - present[:, ::-1].argmax(axis=1), 0)
    steps = np.arange(present.shape[1])
    rows, of = np.nonzero((steps >= first[:, None]) & (steps <= last[:, None]))
    long: dict[str, Column] = {name: RepeatedColumn(table.column(name), rows) for name in form.ids}
    if form.time is not None:
        long[form.time] = _times(table, form, values, (rows, of), first)
    for name in further_columns(table, form):
        long[name] = RepeatedColumn(table.column(name), rows)
    long[form.value] = WideColumn(columns, plain, rows, of)
    return replace(
        table,
        names=tuple(long),
        columns=long,
        records=table.records[rows],
        file_of=None if table.file_of is None else table.file_of[rows],
        spread=Spread(form.value, values, of),
        _typed={},
    )


def further_columns(table: Table, form: WideForm) -> tuple[str, ...]:
    """Columns that hold neither names, nor values, nor starts: they say something of each series."""
    values, _ = _value_columns(table, (*form.ids, form.start))
    known = {*form.ids, form.start, form.value, form.time, *values}
    return tuple(name for name in table.names if name not in known)


def describe_wide(table: Table, form: WideForm) -> str:
    """The layout in words, for the plan: how many series, where their values stand, what the header says."""
    values, _ = _value_columns(table, (*form.ids, form.start))
    steps = {"dates": "at the dates of the header", "numbers": "at the steps of the header"}
    how = f"from {form.start} on, every {form.every}" if form.start else steps.get(form.header, "in order")
    return f"{len(table):,} rows of up to {counted(len(values), 'value')}, {values[0]} to {values[-1]}, {how}"


def _times(
    table: Table, form: WideForm, values: Sequence[str], place: tuple[IntArray, IntArray], first: IntArray
) -> Column:
    """The column of time: a date or a step number for each long row, at ``place`` (rows, columns)."""
    rows, of = place
    if form.start is not None:
        assert form.start_form is not None
        starts = table.dates(form.start, form.start_form).values
        return StampColumn(stamps_after(starts[rows], of - first[rows], form.every))
    if form.header == "dates":
        return RepeatedColumn(TextColumn(list(values)), of)
    return StepColumn(np.array([int(name) for name in values], dtype=np.int64)[of])


def _checked(table: Table, form: WideForm) -> tuple[str, ...]:
    """The value columns of a table in ``form``. Raises DataError where it is laid out otherwise."""
    for name in (*form.ids, form.start):
        if name is not None and name not in table.names:
            close = near_miss(name, table.names[:50])
            hint = f"did you mean {close!r}?" if close else "give a file in the layout of the training file"
            raise DataError(
                f"{table.source}: one series a row is expected, and no column is called {name!r}", hint
            )
    values, header = _value_columns(table, (*form.ids, form.start))
    if not values or (header != form.header and form.start is None):
        expected = {
            "dates": "columns called by dates",
            "numbers": "columns called by step numbers",
            "counted": "columns of values from left to right",
        }
        raise DataError(
            f"{table.source}: one series a row is expected, with {expected[form.header]}",
            "give a file in the layout of the training file",
        )
    return values


def _refuse_same_name(table: Table, form: WideForm, codes: list[IntArray]) -> None:
    """Raise DataError for two rows of one name."""
    keys = np.stack(codes, axis=1)
    _, firsts = np.unique(keys, axis=0, return_index=True)
    if len(firsts) == len(table):
        return
    row = int(np.setdiff1d(np.arange(len(table)), firsts)[0])
    name = " / ".join(table.column(each).pick(np.array([row]))[0].strip() for each in form.ids)
    named = ", ".join(form.ids)
    raise DataError(
        f"{table.where(row, named)}: {name!r} names two rows, and each row is a series",
        "--id A,B names the columns that tell the rows apart",
    )


def _value_columns(
    table: Table, taken: Sequence[str | None], by_name: bool = False
) -> tuple[tuple[str, ...], str]:
    """The columns that hold values, and what their names say; ``by_name``: nothing but names is looked at.

    They are the largest family of names: dates, numbers, one word with numbers behind it; without any,
    all columns that hold numbers.
    """
    names = [name for name in table.names if name not in taken]
    if not names:
        return (), "counted"
    rows = np.arange(len(names))
    dated = ~np.isnat(read_dates(TextColumn(names), rows, "date").values)
    numbered: NDArray[np.bool_] = np.array([name.isascii() and name.isdigit() for name in names])
    words = [match[1] if (match := _NUMBERED.fullmatch(name)) else None for name in names]
    counts = Counter(word for word in words if word)
    word, most = counts.most_common(1)[0] if counts else ("", 0)
    if dated.sum() >= max(2, numbered.sum(), most):
        return _picked(names, dated), "dates"
    if numbered.sum() >= max(2, most):
        return _picked(names, numbered), "numbers"
    if most >= 2:
        return _picked(names, np.array([each == word for each in words])), "counted"
    if by_name:
        return (), "counted"
    kinds = np.array([table.kind(name) in {"number", "empty"} for name in names])
    return _picked(names, kinds), "counted"


def _picked(names: Sequence[str], chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, flag in zip(names, chosen, strict=True) if flag)
