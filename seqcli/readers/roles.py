"""What odd data gets: the rules by which a column becomes a feature, a target, a label or a time.

| cells               | in a feature        | in the target or label                | in the time         |
|---------------------|---------------------|---------------------------------------|---------------------|
| ≤ 1 % do not read   | missing, rows named | rows dropped, named                   | rows dropped, named |
| more, or infinite   | refused             | refused                               | refused             |
| missing             | NaN, or --missing   | unscored, label dropped; > 20 % refused | rows dropped      |
| all the same        | left out, named     | refused                               | –                   |
| unusual number form | read, and said      | read, and said                        | read, and said      |

Every function returns what was read, which rows cannot be used, and sentences that say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.readers.dates import DateForm, Dates
from seqcli.readers.numbers import BoolArray, NumberForm, Numbers
from seqcli.readers.table import Table
from seqcli.sequences import IntArray

MAX_BAD = 0.01
"""Share of a column's rows that may hold cells which do not read."""

MAX_MISSING = 0.2
"""Share of a target's rows that may be missing."""

_NAMED = 5
"""Rows that a sentence names before it only counts."""


@dataclass(frozen=True)
class RoleNumbers:
    """A number column in its role.

    ``values`` (N,) is NaN wherever ``missing`` (N,) is true or the cell did not read; ``dropped``
    (N,) marks rows that must not be used at all; ``constant`` says that one value is all there is.
    """

    values: NDArray[np.float64]
    missing: BoolArray
    dropped: BoolArray
    sentences: tuple[str, ...]
    constant: bool
    form: NumberForm


@dataclass(frozen=True)
class Stamps:
    """A time column, of which only ``usable`` rows (N,) count.

    ``values`` (N,) are datetime64[us] in UTC; or, with ``form`` None, step numbers: int64, or float64
    where they have fractions.
    """

    values: NDArray[np.datetime64] | NDArray[np.int64] | NDArray[np.float64]
    usable: BoolArray
    form: DateForm | None
    sentences: tuple[str, ...]


def feature_numbers(
    table: Table, name: str, missing_policy: str = "mask", form: NumberForm | None = None
) -> RoleNumbers:
    """A column as a numeric input: (N,) values, NaN to be filled where there is none.

    With the policy "error" the first missing cell is refused. Raises :class:`DataError` for more
    than 1 % of cells that do not read and for any infinite one.
    """
    numbers = table.numbers(name, form)
    _refuse_bad(
        table, name, numbers, "a number", "correct them, or leave the column out by naming --features"
    )
    _refuse_infinite(table, name, numbers)
    missing = np.isnan(numbers.values)
    if missing_policy == "error" and missing.any():
        row = int(np.flatnonzero(missing)[0])
        text = table.column(name).pick(np.array([row]))[0].strip()
        what = f'"{_short(text)}" is not a number' if text else "the cell is empty"
        raise DataError(f"{table.where(row, name)}: {what}", "--missing mask or interpolate fills gaps")
    sentences = [*_said(name, numbers), *_bad_sentence(table, name, numbers, "a number", "taken as missing")]
    if numbers.missing.any():
        sentences.append(f"column {name}: {counted(int(numbers.missing.sum()), 'missing cell')}")
    return RoleNumbers(
        numbers.values,
        missing,
        np.zeros(len(table), np.bool_),
        tuple(sentences),
        _is_constant(numbers.values),
        numbers.form,
    )


def target_numbers(table: Table, name: str, form: NumberForm | None = None) -> RoleNumbers:
    """A column as a numeric target: rows that do not read are dropped, missing ones stay unscored.

    Raises :class:`DataError` for more than 1 % of cells that do not read, any infinite one, more
    than 20 % missing ones, and a column that is the same in every row.
    """
    numbers = table.numbers(name, form)
    _refuse_bad(table, name, numbers, "a number", "correct them, or choose another --target")
    _refuse_infinite(table, name, numbers)
    _refuse_missing(table, name, numbers.missing)
    if _is_constant(numbers.values):
        raise DataError(
            f"{table.source}, column {name}: the target is the same in every row", "choose another --target"
        )
    dropped = np.zeros(len(table), np.bool_)
    dropped[numbers.bad_rows] = True
    sentences = [*_said(name, numbers), *_bad_sentence(table, name, numbers, "a number", "dropped")]
    if numbers.missing.any():
        sentences.append(f"column {name}: {counted(int(numbers.missing.sum()), 'missing value')}, not scored")
    return RoleNumbers(numbers.values, numbers.missing, dropped, tuple(sentences), False, numbers.form)


def labels(table: Table, name: str) -> tuple[list[str], BoolArray, tuple[str, ...]]:
    """A column as labels: stripped cells, the rows (N,) that have one, and what to say.

    Only an empty cell is missing: "None" and ``007`` are labels. Raises :class:`DataError` for more
    than 20 % missing ones and for fewer than two different labels.
    """
    cells = [cell.strip() for cell in table.cells(name)]
    usable = np.fromiter(map(bool, cells), np.bool_, len(cells))
    _refuse_missing(table, name, ~usable)
    kinds = sorted(set(cells) - {""})
    if len(kinds) < 2:
        only = f"only {kinds[0]!r}" if kinds else "nothing"
        raise DataError(f"{table.source}, column {name}: it holds {only}", "a label needs two or more values")
    dropped = np.flatnonzero(~usable)
    said = (f"{_rows(table, dropped)}, column {name}: no label; dropped",) if len(dropped) else ()
    return cells, usable, said


def time_stamps(table: Table, name: str, form: DateForm | None = None) -> Stamps:
    """A column as time: dates in UTC, or step numbers where it holds plain numbers.

    Rows whose time is missing or does not read are not usable. Raises :class:`DataError` for more
    than 1 % that do not read, any infinite step number, and a column without any time.
    """
    if form is None and table.kind(name) == "number":
        return _step_numbers(table, name)
    dates = table.dates(name, form)
    _refuse_bad(table, name, dates, "a date", "correct them, or name another column with --time")
    usable = ~np.isnat(dates.values)
    if not usable.any():
        raise DataError(
            f"{table.source}, column {name}: no row has a date", "name another column with --time"
        )
    sentences = [
        *_said(name, dates),
        *_bad_sentence(table, name, dates, "a date", "dropped"),
        *_missing_time(table, name, dates.missing),
    ]
    return Stamps(dates.values, usable, dates.form, tuple(sentences))


def later_numbers(table: Table, name: str, form: NumberForm) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """A column (N,) of a file that a finished model reads, in the form of its training; NaN where missing.

    A cell that does not read counts as missing and is named. Raises :class:`DataError` for more than
    one of them and 1 %, and for any infinite one.
    """
    numbers = table.numbers(name, form)
    _refuse_bad(table, name, numbers, "a number", "correct them", allowed=1)
    _refuse_infinite(table, name, numbers)
    return numbers.values, tuple(_bad_sentence(table, name, numbers, "a number", "taken as missing"))


def later_stamps(table: Table, name: str, form: DateForm | None) -> Stamps:
    """The time of a file that a finished model reads, in the form of its training; None: step numbers.

    Rows whose time is missing or does not read are not usable. Raises :class:`DataError` for more than
    one that does not read and 1 %, and for any infinite step number.
    """
    read: Numbers | Dates = table.dates(name, form) if form else table.numbers(name)
    what = "a date" if form else "a step number"
    _refuse_bad(table, name, read, what, "correct them", allowed=1)
    if isinstance(read, Numbers):
        _refuse_infinite(table, name, read)
        usable = ~np.isnan(read.values)
    else:
        usable = ~np.isnat(read.values)
    sentences = (
        *_bad_sentence(table, name, read, what, "dropped"),
        *_missing_time(table, name, read.missing),
    )
    return Stamps(read.values, usable, form, sentences)


def counted(number: int, thing: str) -> str:
    """``1 row``, ``2 rows``, ``1,234 rows``: a count in words."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def series_numbers(ids: Sequence[Sequence[str]], count: int) -> IntArray:
    """The number of each row's series, (N,), counted from 0 in order of appearance."""
    known: dict[tuple[str, ...], int] = {}
    keys = zip(*ids, strict=True) if ids else [()] * count
    return np.fromiter((known.setdefault(key, len(known)) for key in keys), np.int64, count)


def _step_numbers(table: Table, name: str) -> Stamps:
    numbers = table.numbers(name)
    _refuse_bad(table, name, numbers, "a step number", "correct them, or name another column with --time")
    _refuse_infinite(table, name, numbers)
    usable = ~np.isnan(numbers.values)
    sentences = [
        *_said(name, numbers),
        *_bad_sentence(table, name, numbers, "a number", "dropped"),
        *_missing_time(table, name, numbers.missing),
    ]
    known = np.where(usable, numbers.values, 0.0)
    whole = (known == np.floor(known)).all() and (np.abs(known) < 2**53).all()
    return Stamps(known.astype(np.int64) if whole else known, usable, None, tuple(sentences))


def _refuse_bad(
    table: Table, name: str, read: Numbers | Dates, what: str, remedy: str, allowed: int = 0
) -> None:
    """Refuse a column with more than 1 % (and ``allowed``) of cells that do not read, naming the first."""
    count = len(read.bad_rows)
    if count > max(MAX_BAD * len(table), allowed):
        row = int(read.bad_rows[0])
        text = table.column(name).pick(read.bad_rows[:1])[0]
        raise DataError(
            f'{table.where(row, name)}: "{_short(text)}" is not {what}',
            f"{count} of {len(table)} cells are not, at most 1 % may be: {remedy}",
        )


def _refuse_infinite(table: Table, name: str, numbers: Numbers) -> None:
    infinite = np.flatnonzero(np.isinf(numbers.values))
    if len(infinite):
        text = table.column(name).pick(infinite[:1])[0]
        raise DataError(
            f'{table.where(int(infinite[0]), name)}: "{_short(text)}" is infinite',
            "correct the cell, or leave it empty if the value is not known",
        )


def _refuse_missing(table: Table, name: str, missing: BoolArray) -> None:
    count = int(missing.sum())
    if count > MAX_MISSING * len(table):
        row = int(np.flatnonzero(missing)[0])
        raise DataError(
            f"{table.where(row, name)}: the target is missing, as in {count} of {len(table)} rows",
            "at most 20 % may be missing: fill them, or choose another --target",
        )


def _is_constant(values: NDArray[np.float64]) -> bool:
    known = values[~np.isnan(values)]
    return not len(known) or bool((known == known[0]).all())


def _said(name: str, read: Numbers | Dates) -> list[str]:
    return [f"column {name}: {', '.join(read.notes)}"] if read.notes else []


def _bad_sentence(table: Table, name: str, read: Numbers | Dates, what: str, fate: str) -> list[str]:
    if not len(read.bad_rows):
        return []
    text = _short(table.column(name).pick(read.bad_rows[:1])[0])
    others = " and the like are" if len(read.bad_rows) > 1 else " is"
    place = f"{_rows(table, read.bad_rows)}, column {table.called(name, read.bad_rows)}"
    return [f'{place}: "{text}"{others} not {what}; {fate}']


def _missing_time(table: Table, name: str, missing: BoolArray) -> list[str]:
    rows = np.flatnonzero(missing)
    return [f"{_rows(table, rows)}, column {name}: no time; dropped"] if len(rows) else []


def _rows(table: Table, rows: IntArray) -> str:
    """Name rows as the user counts them: ``rows 2, 17, 30 and 4 more``."""
    numbers = [str(number) for number in table.records[rows[:_NAMED]].tolist()]
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return f"{table.unit}{'s' if len(rows) > 1 else ''} {', '.join(numbers)}{more}"


def _short(text: str) -> str:
    """A cell's text, cut where it is too long for a line."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 40 else one_line[:39] + "…"
