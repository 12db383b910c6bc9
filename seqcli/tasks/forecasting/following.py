"""A saved forecaster that reads the newest steps of a stream in the place of a whole file.

:class:`~seqcli.tasks.forecasting.history.History` has put the rows on the grid and typed their cells, so
that what is handed to the task is a table of plain numbers and ISO dates, and the task a copy which takes
them as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import isnan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.calendar import Calendar
from seqcli.readers.columns import Column, TextColumn
from seqcli.readers.dates import DateForm
from seqcli.readers.numbers import NumberForm
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray, IntArray
from seqcli.tasks.forecasting.history import History
from seqcli.tasks.forecasting.rows import value_columns

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FilledCalendar(Calendar):
    """A calendar for rows whose gaps were filled before."""

    def gaps(self, stamps: AnyArray, longest: int | None = None) -> AnyArray:
        """None: an empty array (0,), whatever ``stamps`` (T,) are."""
        return stamps[:0]


class NumberColumn(Column):
    """A column that was numbers before it stood in a table; NaN is an empty cell."""

    def __init__(self, values: Array) -> None:
        self._given = values

    def __len__(self) -> int:
        return len(self._given)

    def _split(self) -> list[str]:
        return ["" if isnan(value) else repr(value) for value in self._given.tolist()]

    def _type(self) -> Array:
        return self._given

    def _pick(self, rows: IntArray) -> list[str]:
        return NumberColumn(self._given[rows])._split()


def follower(task: Forecast) -> Forecast:
    """``task`` as it reads a :func:`newest_table`. Series without a column of time have one there."""
    time = task.plan.time
    if time is None:
        time = "step"
        while time in (*value_columns(task.plan), *task.plan.id):
            time += "_"
    forms: dict[str, NumberForm | DateForm] = dict.fromkeys(value_columns(task.plan), NumberForm())
    if task.plan.time in task.forms:
        forms[time] = DateForm(resolution="time")
    calendar = {item.name: getattr(task.calendar, item.name) for item in fields(Calendar)}
    return replace(
        task,
        plan=replace(task.plan, time=time),
        forms=forms,
        merge=None,
        calendar=FilledCalendar(**calendar),
    )


def newest_table(task: Forecast, source: str, histories: Sequence[History], count: int) -> Table:
    """The last ``count`` steps of each series for the :func:`follower` ``task``, as a table.

    One step ahead of them stands there where there is one: see :meth:`History.newest`.
    """
    parts = [
        history.on_line(count) if task.missing == "interpolate" else history.newest(count)
        for history in histories
    ]
    stamps = np.concatenate([part[0] for part in parts])
    values = np.concatenate([part[1] for part in parts])
    columns: dict[str, Column] = {
        name: NumberColumn(values[:, column]) for column, name in enumerate(value_columns(task.plan))
    }
    if stamps.dtype.kind == "M":
        columns[str(task.plan.time)] = TextColumn(np.datetime_as_string(stamps, unit="us").tolist())
    else:
        columns[str(task.plan.time)] = NumberColumn(stamps.astype(np.float64))
    for place, name in enumerate(task.plan.id):
        cells = zip(histories, parts, strict=True)
        columns[name] = TextColumn([history.key[place] for history, part in cells for _ in part[0]])
    for place, name in enumerate(task.plan.static):
        cells = zip(histories, parts, strict=True)
        columns[name] = TextColumn([history.static[place] for history, part in cells for _ in part[0]])
    return Table(source, tuple(columns), columns, np.arange(1, len(stamps) + 1))


def knowing(task: Forecast, scales: Sequence[tuple[str, tuple[Array, Array, Array]]]) -> Forecast:
    """``task`` with the scaling (shift, scale and floor, each (F,)) of further series, by name."""
    if not scales:
        return task
    old = task.scaling
    shift, scale, floor = (
        np.concatenate([known, np.stack([own[part] for _, own in scales])])
        for part, known in enumerate((old.shift, old.scale, old.floor))
    )
    names = (*old.names, *(name for name, _ in scales))
    scaling = replace(old, names=names, shift=shift, scale=scale, floor=floor)
    return replace(task, scaling=scaling, seen=(*task.seen, *(-np.inf for _ in scales)))
