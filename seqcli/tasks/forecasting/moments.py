"""Moments of a series that need a word: an hour that comes twice, one that is not there, a change of pace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.calendar import Calendar
from seqcli.preprocessing.changes import clocks_turned, frequency_change
from seqcli.preprocessing.frequency import DAY
from seqcli.preprocessing.wording import duration
from seqcli.readers.roles import counted, time_stamps
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray, IntArray

if TYPE_CHECKING:
    from seqcli.tasks.forecasting.panel import Panel

_EVERY = 200
"""Series that are looked at for a change of frequency."""


def time_sentences(stamps: Sequence[AnyArray], panel: Panel, calendar: Calendar, how: str) -> list[str]:
    """What is odd about the time of a panel without room: a change of frequency, no grid, gaps.

    ``stamps`` are those of each series (T,) as they were read; ``how`` says what a gap is filled with.
    """
    said = []
    gaps = np.flatnonzero(panel.records == 0)
    words = calendar.describe()
    if panel.stamps.dtype.kind == "M":
        zone = calendar.writing.zone
        said += [f"forecasts are stamped {zone}, like the last row"] if zone not in ("", "Z") else []
        said += _change_sentence(stamps, calendar, words)
        if not calendar.frequency.regular:
            said.append(
                f"the stamps lie on no grid ({words}): each row is one step, and stamps to come are guesses"
            )
        missing = panel.stamps[gaps].astype("datetime64[us]").astype(np.int64)
        finer = calendar.frequency.unit == "time" and calendar.frequency.count < DAY
        turned = clocks_turned(missing) if finer else missing[:0]
        if len(turned):
            said.append(f"{_first(turned, calendar)} not there, as where clocks are set forward: {how}")
            gaps = gaps[~np.isin(missing, turned)]
    if len(gaps):
        said.append(f"{counted(len(gaps), 'step')} of the calendar ({words}) without a row: {how}")
    return said


def last_written(table: Table, time: str | None) -> str:
    """The latest cell of the column of time, as the file writes it, but without a zone that is not read."""
    if time is None:
        return ""
    stamps = time_stamps(table, time)
    usable = np.flatnonzero(stamps.usable)
    latest = usable[np.argmax(stamps.values[usable])]
    cell = table.column(time).pick(np.array([latest]))[0].strip()
    local = stamps.form is not None and stamps.form.local
    return re.sub(r" ?[+-]\d\d:?(\d\d)?$", "", cell) if local else cell


def _change_sentence(stamps: Sequence[AnyArray], calendar: Calendar, words: str) -> list[str]:
    """A sentence on the moment from which rows come at another pace."""
    longest = sorted(stamps, key=len, reverse=True)[:_EVERY]
    change = frequency_change([each.astype("datetime64[us]").astype(np.int64) for each in longest])
    if change is None:
        return []
    last = calendar.iso(np.datetime64(change.last, "us"))
    return [
        f"the rows are {duration(change.before)} apart up to {last} and {duration(change.after)} apart "
        f"behind it, and are read as {words} throughout; cut the file there if that is not meant"
    ]


def _first(times: IntArray, calendar: Calendar) -> str:
    """The hours that some times (N,) lie in, for the head of a sentence on them."""
    hours = np.unique(times // 3_600_000_000)
    first = calendar.iso(np.datetime64(int(times.min()), "us"))
    return (
        f"the hour from {first} is" if len(hours) == 1 else f"{len(hours)} hours, the first from {first}, are"
    )


def without_doubled_hours(table: Table, time: str | None) -> Table:
    """The table without the rows of hours that come twice where clocks are set back: for the plan alone.

    Such rows are known by how many share a stamp: twice as many as a day before and after, in one night a
    year.
    """
    if time is None or table.kind(time) != "date":
        return table
    dates = table.dates(time)
    steps = np.diff(dates.values.astype(np.int64))
    if dates.form.zoned or dates.form.resolution != "time" or (steps > 0).all() or (steps < 0).all():
        return table
    found, number, counts = np.unique(dates.values.astype(np.int64), return_inverse=True, return_counts=True)
    near = np.maximum(_counts_at(found - DAY, found, counts), _counts_at(found + DAY, found, counts))
    doubled = counts >= 2 * np.where(near > 0, near, np.median(counts))
    doubled &= np.isin(found, clocks_turned(found[doubled]))
    return table.take(np.flatnonzero(~doubled[number.ravel()])) if doubled.any() else table


def _counts_at(times: IntArray, found: IntArray, counts: IntArray) -> IntArray:
    """How many rows lie at each of ``times`` (N,): the counts (M,) of the times found (M,), 0 elsewhere."""
    place = np.minimum(np.searchsorted(found, times), len(found) - 1)
    return np.where(found[place] == times, counts[place], 0)


def merge_doubled_hours(
    stamps: AnyArray, series: IntArray, values: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[Any], str]:
    """Average the two rows of each moment in hours that come twice where clocks are set back.

    ``stamps`` (N,), ``series`` (N,) and ``values`` (N, F) are sorted by series and time. Returns which rows
    stay (N,), the values (N, F), and a sentence; all rows stay where other moments have several rows, too.
    """
    stay = np.ones(len(stamps), dtype=bool)
    second = np.flatnonzero((np.diff(series) == 0) & (stamps[1:] == stamps[:-1])) + 1
    times = (
        stamps[second].astype("datetime64[us]").astype(np.int64) if stamps.dtype.kind == "M" else second[:0]
    )
    if not len(second) or (np.diff(second) == 1).any() or len(clocks_turned(times)) < len(second):
        return stay, values, ""
    stay[second] = False
    values = values.copy()
    both = np.stack([values[second - 1], values[second]])  # (2, M, F)
    known = ~np.isnan(both)
    total = np.where(known, both, 0.0).sum(axis=0)
    values[second - 1] = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
    hours = np.unique(times // 3_600_000_000)
    first = str(np.datetime64(int(times.min()), "us").astype("datetime64[m]")).replace("T", " ")
    which = (
        f"the hour from {first} comes"
        if len(hours) == 1
        else f"{len(hours)} hours, the first from {first}, come"
    )
    return stay, values, f"{which} twice, as where clocks are set back: the two rows of a moment are averaged"
