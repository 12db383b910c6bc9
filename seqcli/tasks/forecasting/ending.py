"""Which columns of a table of series end ahead of the others: what is to be forecast.

A file that goes on with planned prices or holidays has rows behind the last value of its target. Where
nobody says which column that is, the one that ends first is it, and what goes on is known ahead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqcli.readers.alike import together
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray, IntArray

MOST = 0.25
"""The share of a series' rows that may lie behind its last value: a column that is silent for longer died."""


def ending_first(
    table: Table, names: Sequence[str], time: str | None, ids: Sequence[str]
) -> tuple[tuple[str, ...], int]:
    """Those of the columns ``names`` that end first, and how many rows go on without them; (), 0 for none.

    Every series must tell them from the rest in the same way, or not at all. So many empty cells in a
    row must be more than they miss anywhere else: else their last values may be missed alike.
    """
    columns = [table.numbers(name).values for name in names]
    order, begins = _in_time(table, time, ids)
    ends = np.append(begins[1:], len(order))
    if not len(order) or not any(np.isnan(column[order[ends - 1]]).any() for column in columns):
        return (), 0
    filled = np.stack([~np.isnan(column) for column in columns], axis=1)  # (N, F)
    found: NDArray[np.bool_] | None = None
    longest = 0
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        own = filled[order[begin:end]]
        last = np.where(own.any(axis=0), len(own) - 1 - own[::-1].argmax(axis=0), -1)
        first, behind = last == last.min(), int(last.max() - last.min())
        if first.all():
            continue
        if last.min() < 0 or behind > MOST * len(own) or (found is not None and (first != found).any()):
            return (), 0
        found, longest = first, max(longest, behind)
    if found is None or _longest_hole(filled[order][:, found], begins, ends) >= longest:
        return (), 0
    return tuple(name for name, chosen in zip(names, found, strict=True) if chosen), longest


def _in_time(table: Table, time: str | None, ids: Sequence[str]) -> tuple[IntArray, IntArray]:
    """The rows (M,) by series and time, without those whose time is missing, and where each series begins."""
    stamps: AnyArray = np.arange(len(table))
    usable = np.ones(len(table), dtype=bool)
    if time is not None and table.kind(time) == "date":
        stamps = table.dates(time).values
        usable = ~np.isnat(stamps)
    elif time is not None:
        stamps = table.numbers(time).values
        usable = ~np.isnan(stamps)
    series = together([table.column(name).codes()[0] for name in ids], len(table))
    order = np.flatnonzero(usable)
    if ids or (stamps[order][1:] < stamps[order][:-1]).any():
        order = order[np.lexsort((stamps[order], series[order]))]
    return order, np.flatnonzero(np.diff(series[order], prepend=-1))


def _longest_hole(filled: NDArray[np.bool_], begins: IntArray, ends: IntArray) -> int:
    """The most empty cells in a row between two that are ``filled`` (M, F) in one series."""
    longest = 0
    for column in filled.T:
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            longest = max(longest, int(np.diff(np.flatnonzero(column[begin:end])).max(initial=1)) - 1)
    return longest
