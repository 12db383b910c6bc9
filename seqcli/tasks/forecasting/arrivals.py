"""Rows of a stream as a forecast reads them: typed as the training file was written, or named as odd."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqcli.readers.dates import DateForm
from seqcli.readers.numbers import NumberForm
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray
from seqcli.tasks.base import Plan
from seqcli.tasks.forecasting.rows import LARGEST, Forms, value_columns

Array = NDArray[np.float64]

_LONGEST_CELL = 40


@dataclass(frozen=True)
class Arrivals:
    """N rows, in the order in which they came."""

    keys: list[tuple[str, ...]]
    """The id cells of each row: the series that it belongs to."""
    stamps: AnyArray | None
    """(N,) datetime64[us] or step numbers; None where no column of time is."""
    values: Array
    """(N, F) targets first, NaN where a cell is missing."""
    static: list[tuple[str, ...]]
    """The cells of the static columns of each row, "" where there is none."""
    faults: dict[int, str] = field(default_factory=dict)
    """What is wrong with a row that cannot be used, one line each."""


def read_arrivals(table: Table, plan: Plan, forms: Forms) -> Arrivals:
    """Type the rows of ``table`` (N) in the ``forms`` of the training file.

    A missing number is missing; a row whose time, id or number cannot be read is a fault. A further
    input column that is not there counts as missing.
    """
    faults: dict[int, str] = {}
    ids = [[cell.strip() for cell in table.cells(name)] for name in plan.id]
    keys: list[tuple[str, ...]] = list(zip(*ids, strict=True)) if ids else [()] * len(table)
    stamps = None
    if plan.time is not None:
        form = forms.get(plan.time)
        stamps, odd = _stamps(table, plan.time, form if isinstance(form, DateForm) else None)
        faults.update(odd)
    values = np.full((len(table), len(value_columns(plan))), np.nan)
    for column, name in enumerate(value_columns(plan)):
        number = forms[name]
        if name in table.names and isinstance(number, NumberForm):
            read = table.numbers(name, number)
            values[:, column] = np.where(np.abs(read.values) <= LARGEST, read.values, np.nan)
            bad = np.union1d(read.bad_rows, np.flatnonzero(np.isinf(read.values)))
            faults.update({row: _says(table, row, name, "a number") for row in bad.tolist()})
    for row, key in enumerate(keys):
        if not all(key):
            faults[row] = f"{table.where(row, plan.id[key.index('')])}: the cell is empty"
    told = [table.cells(name) if name in table.names else [""] * len(table) for name in plan.static]
    static: list[tuple[str, ...]] = list(zip(*told, strict=True)) if told else [()] * len(table)
    return Arrivals(keys, stamps, values, static, faults)


def _stamps(table: Table, name: str, form: DateForm | None) -> tuple[AnyArray, dict[int, str]]:
    """The time of each row (N,), and what is wrong with those that have none."""
    if form is not None:
        dates = table.dates(name, form)
        lost = np.flatnonzero(np.isnat(dates.values))
        return dates.values, {row: _says(table, row, name, "a date") for row in lost.tolist()}
    steps = table.numbers(name).values
    lost = np.flatnonzero(~np.isfinite(steps))
    return steps, {row: _says(table, row, name, "a step number") for row in lost.tolist()}


def _says(table: Table, row: int, name: str, what: str) -> str:
    """Why a cell cannot be used."""
    text = " ".join(table.column(name).pick(np.array([row]))[0].split())
    if not text:
        return f"{table.where(row, name)}: the cell is empty"
    short = text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
    return f'{table.where(row, name)}: "{short}" is not {what}'
