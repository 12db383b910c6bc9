"""Several rows with one time: merged by ``--aggregate``, or refused with what would tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.readers.alike import in_order_of_appearance, together
from seqcli.readers.roles import Stamps, time_stamps
from seqcli.readers.table import Table
from seqcli.sequences import IntArray

_MERGES: dict[str, Callable[[NDArray[np.float64]], float]] = {
    "sum": lambda values: float(np.sum(values)),
    "mean": lambda values: float(np.mean(values)),
}


def aggregate(table: Table, time: str, ids: Sequence[str], how: str) -> Table:
    """Merge rows that share one time (and ids) into one: "sum", "mean" or "last".

    Number columns are added or averaged over the cells that hold a number; every other column keeps
    its last cell. The merged row stands where its first row stood and has its last row's number. Rows
    without a usable time stay, for the time's own rules.
    """
    stamps = time_stamps(table, time)
    groups = _groups(table, stamps, ids)
    sizes = np.bincount(groups)
    if sizes.max(initial=1) == 1:
        return table
    by_group = np.argsort(groups, kind="stable")
    lasts = by_group[np.cumsum(sizes) - 1]
    merged = table.take(lasts)
    several = np.flatnonzero(sizes > 1)
    members = [
        by_group[stop - size : stop]
        for stop, size in zip(np.cumsum(sizes)[several], sizes[several], strict=True)
    ]
    if how in _MERGES:
        for name in table.names:
            if name != time and name not in ids and table.kind(name) == "number":
                cells = _merge_cells(table, name, lasts, several, members, _MERGES[how])
                merged = merged.with_column(name, cells)
    note = f"{len(table)} rows merged into {len(merged)} by {how} over {', '.join([time, *ids])}"
    return replace(merged, notes=(*table.notes, note))


def _merge_cells(
    table: Table,
    name: str,
    lasts: IntArray,
    several: IntArray,
    members: list[IntArray],
    merge: Callable[[NDArray[np.float64]], float],
) -> list[str]:
    """The cells of one merged number column, in the column's plain form."""
    numbers = table.numbers(name)
    plain = numbers.form.notes() == ()
    if plain:
        cells = table.column(name).pick(lasts)
    else:  # written anew, so that the whole column has one form
        cells = ["" if np.isnan(value) else repr(float(value)) for value in numbers.values[lasts]]
    for group, rows in zip(several.tolist(), members, strict=True):
        known = numbers.values[rows][~np.isnan(numbers.values[rows])]
        cells[group] = repr(merge(known)) if len(known) else ""
    return cells


def _groups(table: Table, stamps: Stamps, ids: Sequence[str]) -> IntArray:
    """The number of each row's (time, ids), (N,); a row without a time is a group of its own."""
    times = in_order_of_appearance(stamps.values)
    ids_of = [table.column(name).codes()[0] for name in ids]
    if not stamps.usable.all():
        times = np.where(stamps.usable, times, len(table) + np.arange(len(table)))
    return in_order_of_appearance(together([*ids_of, times], len(table)))


def shared_times(table: Table, time: str, ids: Sequence[str]) -> int:
    """How many rows share their time (and ids) with another row."""
    sizes = np.bincount(_groups(table, time_stamps(table, time), ids))
    return int(sizes[sizes > 1].sum())


def first_shared_time(table: Table, time: str, ids: Sequence[str] = ()) -> int:
    """The first row whose time (and ids) came before, -1 for none."""
    return _first_repeat(_groups(table, time_stamps(table, time), ids))


def refuse_shared_times(table: Table, time: str, ids: Sequence[str] = ()) -> None:
    """Raise :class:`DataError` when two rows share one time (and ids), proposing what would help."""
    stamps = time_stamps(table, time)
    row = _first_repeat(_groups(table, stamps, ids))
    if row < 0:
        return
    found = _telling_columns(table, stamps, time, ids)
    split = f"--id {','.join(found)} tells them apart, or " if found else ""
    raise DataError(
        f"{table.where(row, time)}: {table.column(time).pick(np.array([row]))[0]} stands in several rows",
        f"{split}--aggregate sum|mean|last merges them",
    )


def _first_repeat(groups: IntArray) -> int:
    """The first row whose group came before, -1 for none."""
    if int(groups.max(initial=-1)) + 1 == len(groups):  # numbered as they come, each its own
        return -1
    first = np.unique(groups, return_index=True)[1]
    repeated = np.setdiff1d(np.arange(len(groups)), first, assume_unique=True)
    return int(repeated[0]) if len(repeated) else -1


def _telling_columns(table: Table, stamps: Stamps, time: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The fewest further columns with repeated values that leave no two rows of one time."""
    candidates = [
        name
        for name in table.names
        if name not in {time, *ids} and len(set(table.cells(name))) <= max(2, len(table) // 3)
    ]
    usual = [name for name in candidates if table.kind(name) == "text"]
    usual += [name for name in candidates if table.kind(name) == "number" and _all_whole(table, name)]
    for size in (1, 2, 3):
        for names in combinations(usual[:12], size):
            if _first_repeat(_groups(table, stamps, (*ids, *names))) < 0:
                return (*ids, *names)
    return ()


def _all_whole(table: Table, name: str) -> bool:
    """Whether a number column holds whole numbers only, as the number of a store does."""
    values = table.numbers(name).values
    return bool((values == np.floor(values)).all())
