"""From a table to the rows of its series: typed, in time order, one row a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError
from seqcli.readers.aggregate import aggregate, refuse_shared_times
from seqcli.readers.dates import DateForm
from seqcli.readers.numbers import NumberForm
from seqcli.readers.roles import (
    counted,
    feature_numbers,
    later_numbers,
    later_stamps,
    target_numbers,
    time_stamps,
)
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray, IntArray
from seqcli.tasks.base import Plan

Array = NDArray[np.float64]
Forms: TypeAlias = Mapping[str, NumberForm | DateForm]
"""How each column is written, by name: what a later file is read with."""

LARGEST = 1e300
"""Sums of larger numbers are infinite."""
JOINT = " / "
"""Between the values of several id columns in the name of a series."""


@dataclass(frozen=True)
class Rows:
    """The rows of S series, end to end, each in time order without two rows at one moment."""

    names: tuple[str, ...]
    """(S,) "" for the only series of a file without ids."""
    lengths: IntArray
    """(S,)"""
    stamps: AnyArray
    """(N,) datetime64[us], or step numbers; 0, 1, 2… where no column of time is."""
    values: Array
    """(N, F) targets first, NaN where a cell is missing."""
    records: IntArray
    """(N,) row numbers as the user counts them."""


def value_columns(plan: Plan) -> tuple[str, ...]:
    """The columns of :attr:`Rows.values`: targets, then further inputs."""
    return (*plan.target, *(name for name in plan.features if name not in plan.target))


def read_training_rows(table: Table, plan: Plan, merge: str | None) -> tuple[Rows, Forms, list[str]]:
    """Rows to train on, the forms of their columns, and sentences on what was odd.

    ``merge`` is how rows of one moment become one ("sum", "mean", "last", None: they are an error).
    Raises DataError for what the rules of :mod:`seqcli.readers.roles` refuse.
    """
    table, sentences = _merged(table, plan, merge)
    forms: dict[str, NumberForm | DateForm] = {}
    stamps: AnyArray = np.arange(len(table), dtype=np.int64)
    usable = np.ones(len(table), dtype=bool)
    if plan.time is not None:
        time = time_stamps(table, plan.time)
        stamps, usable = time.values, time.usable
        sentences += time.sentences
        if time.form is not None:
            forms[plan.time] = time.form
    names, said = _series_names(table, plan)
    usable &= np.array([name is not None for name in names], dtype=bool)
    dead = _dead_series(table, plan, names) if plan.id else set()
    if dead:
        said.append(f"{len(dead)} series without a single value left out: {', '.join(sorted(dead)[:5])}")
        usable &= np.array([name not in dead for name in names], dtype=bool)
    living = table.take(np.flatnonzero(usable)) if dead else table
    columns = []
    for name in value_columns(plan):
        if name in plan.target:
            target = target_numbers(living, name)
            numbers, said_too = table.numbers(name, target.form), target.sentences
            usable[numbers.bad_rows] = False
            columns.append(numbers.values)
            forms[name] = target.form
        else:
            feature = feature_numbers(table, name)
            columns.append(feature.values)
            forms[name], said_too = feature.form, feature.sentences
        sentences += said_too
    values = np.stack(columns, axis=1)
    for row, column in np.argwhere(np.abs(values) > LARGEST)[:1].tolist():
        name = value_columns(plan)[column]
        raise DataError(
            f"{table.where(row, name)}: {values[row, column]:g} is too large to compute with",
            "give the column in a larger unit",
        )
    rows, order = _in_order(table, plan, (stamps, values, names), usable)
    return rows, forms, [*sentences, *said, *order]


def read_later_rows(table: Table, plan: Plan, merge: str | None, forms: Forms) -> tuple[Rows, list[str]]:
    """Rows to forecast from, read in the ``forms`` of the training file; an unreadable cell is missing.

    Raises DataError when the column of time, an id or a target is not there, no row has a time, or more
    cells are unreadable than the rules of :mod:`seqcli.readers.roles` allow.
    """
    for name in (plan.time, *plan.id, *plan.target):
        if name is not None:
            table.column(name)
    table, sentences = _merged(table, plan, merge)
    stamps: AnyArray = np.arange(len(table), dtype=np.int64)
    usable = np.ones(len(table), dtype=bool)
    if plan.time is not None:
        form = forms.get(plan.time)
        time = later_stamps(table, plan.time, form if isinstance(form, DateForm) else None)
        stamps, usable = time.values, time.usable
        sentences += time.sentences
    values = np.full((len(table), len(value_columns(plan))), np.nan)
    for column, name in enumerate(value_columns(plan)):
        if name not in table.names:
            sentences.append(f"column {name} is not there: its values count as missing")
            continue
        known, said = later_numbers(table, name, forms[name])  # type: ignore[arg-type]
        values[:, column] = np.where(np.abs(known) <= LARGEST, known, np.nan)
        sentences += said
    names, lost = _series_names(table, plan)
    usable &= np.array([name is not None for name in names], dtype=bool)
    try:
        rows, order = _in_order(table, plan, (stamps, values, names), usable)
    except DataError as error:
        raise DataError(error.message, "give it rows like those that the model was made from") from error
    return rows, [*sentences, *lost, *order]


def _merged(table: Table, plan: Plan, merge: str | None) -> tuple[Table, list[str]]:
    """The table with one row a moment, and a sentence where that merged any."""
    if merge is None or plan.time is None:
        return table, []
    merged = aggregate(table, plan.time, plan.id, merge)
    return merged, list(merged.notes[len(table.notes) :])


def _series_names(table: Table, plan: Plan) -> tuple[list[str | None], list[str]]:
    """The name of each row's series, None where an id is empty, and a sentence on those."""
    if not plan.id:
        return [""] * len(table), []
    cells = zip(*(table.cells(name) for name in plan.id), strict=True)
    stripped = ([cell.strip() for cell in row] for row in cells)
    names = [JOINT.join(row) if all(row) else None for row in stripped]
    lost = names.count(None)
    return names, [f"{counted(lost, 'row')} without {' or '.join(plan.id)} left out"] if lost else []


def _dead_series(table: Table, plan: Plan, names: list[str | None]) -> set[str]:
    """Series in which no target has a single value: they must not count as missing cells of the others."""
    known = np.zeros(len(table), dtype=bool)
    for name in plan.target:
        known |= ~np.isnan(table.numbers(name).values)
    living = {names[row] for row in np.flatnonzero(known).tolist()}
    return {name for name in names if name is not None and name not in living}


def join_rows(earlier: Rows, later: Rows, sources: tuple[str, str], dated: bool) -> Rows:
    """The series of two files as one; ``later`` must lie behind. Without stamps the rows are counted on."""
    names = list(dict.fromkeys([*earlier.names, *later.names]))
    pieces: list[list[tuple[AnyArray, Array, IntArray]]] = [[] for _ in names]
    for rows in (earlier, later):
        ends = np.cumsum(rows.lengths)
        for name, end, count in zip(rows.names, ends, rows.lengths, strict=True):
            own = slice(int(end - count), int(end))
            stamps, known = rows.stamps[own], pieces[names.index(name)]
            if known and not dated:
                stamps = stamps + known[0][0][-1] + 1
            elif known and stamps[0] <= known[0][0][-1]:
                where = f"{sources[1]}, row {rows.records[own][0]}"
                raise DataError(
                    f"{where}: {stamps[0]} is not after the rows of {sources[0]}",
                    "a forecast is validated and tested on the rows that follow",
                )
            known.append((stamps, rows.values[own], rows.records[own]))
    stamps, values, records = (
        np.concatenate([piece[field] for own in pieces for piece in own]) for field in range(3)
    )
    lengths = np.array([sum(len(piece[0]) for piece in own) for own in pieces], dtype=np.int64)
    return Rows(tuple(names), lengths, stamps, values, records)


def _in_order(
    table: Table, plan: Plan, content: tuple[AnyArray, Array, list[str | None]], usable: NDArray[np.bool_]
) -> tuple[Rows, list[str]]:
    """Sort by series (in order of appearance) and time; refuse two rows at one moment."""
    stamps, values, names = content
    kept = np.flatnonzero(usable)
    if not len(kept):
        raise DataError(f"{table.source}: no row can be used", "--time and --target name the columns")
    number: dict[str | None, int] = {}
    series = np.array([number.setdefault(names[row], len(number)) for row in kept.tolist()], dtype=np.int64)
    stamps = stamps[kept]
    sentences = []
    if plan.time is not None:
        order = np.lexsort((stamps, series))
        steps = np.diff(stamps)[np.diff(series) == 0]
        backwards = steps < np.zeros(1, dtype=steps.dtype)
        if backwards.any():
            how = "newest first" if backwards.all() else "not in the order of time"
            sentences.append(f"the rows were {how}: sorted by {plan.time}")
    else:
        order = np.argsort(series, kind="stable")
    lengths = np.bincount(series, minlength=len(number)).astype(np.int64)
    series, stamps, kept = series[order], stamps[order], kept[order]
    if plan.time is None:
        stamps = np.arange(len(kept)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    elif ((np.diff(series) == 0) & (stamps[1:] == stamps[:-1])).any():
        refuse_shared_times(table, plan.time, plan.id)
        raise DataError(
            f"{table.source}, column {plan.time}: rows share one time", "--aggregate last keeps one"
        )
    return Rows(
        tuple(str(name) for name in number), lengths, stamps, values[kept], table.records[kept]
    ), sentences


def forms_to_json(forms: Forms) -> dict[str, Any]:
    """Forms as JSON values: kind and content by column."""
    return {name: {"date": isinstance(form, DateForm), **form.to_json()} for name, form in forms.items()}


def forms_from_json(data: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, NumberForm | DateForm]:
    """Rebuild the forms of ``names``. Raises ModelError when one is missing or unusable."""
    forms: dict[str, NumberForm | DateForm] = {}
    for name in names:
        try:
            content = dict(data[name])
            forms[name] = (
                DateForm.from_json(content) if content.pop("date") else NumberForm.from_json(content)
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"the model does not say how column {name} is written") from error
    return forms
