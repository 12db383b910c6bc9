"""From a table to the rows of its series: typed, in time order, one row a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError
from seqcli.readers.aggregate import aggregate
from seqcli.readers.dates import DateForm
from seqcli.readers.numbers import NumberForm
from seqcli.readers.roles import feature_numbers, labels, target_numbers, time_stamps
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray, IntArray
from seqcli.tasks.base import Plan

Array = NDArray[np.float64]
Forms: TypeAlias = Mapping[str, NumberForm | DateForm]
"""How each column is written, by name: what a later file is read with."""

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


def read_training_rows(table: Table, plan: Plan, merge: str | None) -> tuple[Rows, dict[str, Any], list[str]]:
    """Rows to train on, the forms of their columns, and sentences on what was odd.

    ``merge`` is how rows of one moment become one ("sum", "mean", "last", None: they are an error).
    Raises DataError for what DESIGN's table of odd data refuses.
    """
    if merge is not None and plan.time is not None:
        table = aggregate(table, plan.time, plan.id, merge)
    sentences: list[str] = []
    usable = np.ones(len(table), dtype=bool)
    forms: dict[str, Any] = {}
    stamps: AnyArray = np.arange(len(table), dtype=np.int64)
    if plan.time is not None:
        if table.kind(plan.time) == "date":
            read = time_stamps(table, plan.time)
            stamps, usable = read.values, usable & read.usable
            forms[plan.time] = table.dates(plan.time).form
        else:
            read = feature_numbers(table, plan.time, "error")
            stamps, usable = read.values, usable & ~np.isnan(read.values)
            forms[plan.time] = table.numbers(plan.time).form
        sentences += read.sentences
    keys: list[list[str]] = []
    for name in plan.id:
        cells, known, said = labels(table, name)
        keys.append(cells)
        usable &= known
        sentences += said
    columns = []
    for name in value_columns(plan):
        numbers = target_numbers(table, name) if name in plan.target else feature_numbers(table, name, "mask")
        columns.append(numbers.values)
        sentences += numbers.sentences
        forms[name] = table.numbers(name).form
    values = np.stack(columns, axis=1)
    rows, said = _in_order(table, plan, (stamps, values, keys), usable)
    return rows, forms, [*sentences, *said]


def read_later_rows(table: Table, plan: Plan, merge: str | None, forms: Forms) -> tuple[Rows, list[str]]:
    """Rows to forecast from, read in the ``forms`` of the training file; a cell that cannot be read is missing."""
    missing = [name for name in (plan.time, *plan.id, *plan.target) if name is not None and name not in table.names]
    if missing:
        table.cells(missing[0])  # raises, naming the closest column
    if merge is not None and plan.time is not None:
        table = aggregate(table, plan.time, plan.id, merge)
    usable = np.ones(len(table), dtype=bool)
    stamps: AnyArray = np.arange(len(table), dtype=np.int64)
    sentences: list[str] = []
    if plan.time is not None:
        form = forms[plan.time]
        if isinstance(form, DateForm):
            stamps = table.dates(plan.time, form).values
            usable = ~np.isnat(stamps)
        else:
            stamps = table.numbers(plan.time, form).values
            usable = np.isfinite(stamps)
        if not usable.all():
            sentences.append(f"{int((~usable).sum()):,} rows without a readable {plan.time} are left out")
    values = np.full((len(table), len(value_columns(plan))), np.nan)
    for column, name in enumerate(value_columns(plan)):
        if name in table.names:
            numbers = table.numbers(name, forms[name])  # type: ignore[arg-type]
            values[:, column] = np.where(np.isfinite(numbers.values), numbers.values, np.nan)
            if len(numbers.bad_rows):
                sentences.append(f"column {name}: {len(numbers.bad_rows):,} cells are not numbers and count as missing")
        else:
            sentences.append(f"column {name} is not there and counts as missing")
    keys = [[cell.strip() for cell in table.cells(name)] for name in plan.id]
    rows, said = _in_order(table, plan, (stamps, values, keys), usable)
    return rows, [*sentences, *said]


def join_rows(earlier: Rows, later: Rows, sources: tuple[str, str], dated: bool) -> Rows:
    """The series of two files as one; those of ``later`` must lie behind. Without stamps they are counted on."""
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
                raise DataError(
                    f"{sources[1]}, row {rows.records[own][0]}: {stamps[0]} is not after the last row of {sources[0]}",
                    "a forecast is validated and tested on the rows that follow",
                )
            known.append((stamps, rows.values[own], rows.records[own]))
    stamps, values, records = (
        np.concatenate([piece[field] for own in pieces for piece in own]) for field in range(3)
    )
    lengths = np.array([sum(len(piece[0]) for piece in own) for own in pieces], dtype=np.int64)
    return Rows(tuple(names), lengths, stamps, values, records)


def _in_order(
    table: Table, plan: Plan, content: tuple[AnyArray, Array, list[list[str]]], usable: NDArray[np.bool_]
) -> tuple[Rows, list[str]]:
    """Sort by series (in order of appearance) and time; refuse two rows at one moment."""
    stamps, values, keys = content
    kept = np.flatnonzero(usable)
    if not len(kept):
        raise DataError(f"{table.source}: no row can be used", f"is {plan.time} the column of time? --time names it")
    joined = [JOINT.join(parts) for parts in zip(*keys, strict=True)] if keys else [""] * len(table)
    number: dict[str, int] = {}
    series = np.array([number.setdefault(joined[row], len(number)) for row in kept], dtype=np.int64)
    stamps, values = stamps[kept], values[kept]
    if stamps.dtype.kind == "f" and np.array_equal(stamps, np.rint(stamps)) and np.abs(stamps).max() < 2**53:
        stamps = stamps.astype(np.int64)
    sentences = []
    if plan.time is not None:
        order = np.lexsort((stamps, series))
        together = np.flatnonzero(np.diff(series) == 0)
        steps = np.diff(stamps)[together]
        if len(steps) and not (steps > np.zeros(1, dtype=steps.dtype)).all():
            falling = bool((steps < np.zeros(1, dtype=steps.dtype)).all())
            how = "newest first" if falling else "not in order of time"
            sentences.append(f"the rows were {how} and have been sorted by {plan.time}")
    else:
        order = np.argsort(series, kind="stable")
    if plan.time is None and keys:
        counts = np.bincount(series, minlength=len(number))
        stamps = stamps.copy()
        stamps[order] = np.arange(len(stamps)) - np.repeat(np.cumsum(counts) - counts, counts)
    series, stamps, values, kept = series[order], stamps[order], values[order], kept[order]
    same = np.flatnonzero((np.diff(series) == 0) & (stamps[1:] == stamps[:-1]))
    if len(same):
        raise _repeated(table, plan, kept, int(same[0]))
    lengths = np.bincount(series, minlength=len(number)).astype(np.int64)
    return Rows(tuple(number), lengths, stamps, values, table.records[kept]), sentences


def _repeated(table: Table, plan: Plan, kept: IntArray, at: int) -> DataError:
    """Two rows share one moment: what would merge them, or tell them apart."""
    first, second = int(kept[at]), int(kept[at + 1])
    time = plan.time or ""
    proposal = ""
    others = [name for name in table.names if name not in {time, *plan.target, *plan.id} and table.kind(name) == "text"]
    for size in (1, 2):
        for chosen in combinations(others[:8], size):
            names = (time, *plan.id, *chosen)
            cells = list(zip(*(table.cells(name) for name in names), strict=True))
            if len(set(cells)) == len(cells) and not proposal:
                proposal = f", --id {','.join((*plan.id, *chosen))} tells them apart"
    stamp = table.cells(time)[second].strip()
    return DataError(
        f"{table.where(second, time)}: {stamp} stands in row {table.records[first]} already",
        f"--aggregate sum, mean or last merges such rows{proposal}",
    )


def forms_to_json(forms: Forms) -> dict[str, Any]:
    """Forms as JSON values: kind and content by column."""
    return {name: {"date": isinstance(form, DateForm), **form.to_json()} for name, form in forms.items()}


def forms_from_json(data: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, NumberForm | DateForm]:
    """Rebuild the forms of ``names``. Raises ModelError when one is missing or unusable."""
    forms: dict[str, NumberForm | DateForm] = {}
    for name in names:
        try:
            content = dict(data[name])
            forms[name] = DateForm.from_json(content) if content.pop("date") else NumberForm.from_json(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"the model does not say how column {name} is written") from error
    return forms
