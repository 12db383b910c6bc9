"""Series on their calendar's grid, end to end, with room after each for the steps to be forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.large import empty, kept
from seqcli.preprocessing.calendar import Calendar
from seqcli.sequences import AnyArray, FloatArray, IntArray
from seqcli.tasks.forecasting.ahead import Later
from seqcli.tasks.forecasting.rows import Rows
from seqcli.tasks.forecasting.scaling import SeriesScaling

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """S series of ``lengths`` steps, each followed by ``room`` empty steps of the future.

    Positions count along this line, so that a horizon that begins in a series never reads the next.
    """

    names: tuple[str, ...]
    lengths: IntArray
    """(S,) steps on the grid, gaps included and room not."""
    room: int
    targets: int
    """The first K columns of ``values`` are the targets."""
    stamps: AnyArray
    """(total,)"""
    values: Array
    """(total, F) as in the file; NaN in gaps and in the room."""
    records: IntArray
    """(total,) row numbers as the user counts them, 0 in gaps and in the room."""
    calendar: Calendar
    """Whose cycles the network is told."""
    later: Later | None = None
    """Rows behind the last target of their series: what is known of the room."""
    static: tuple[tuple[str, ...], ...] = ()
    """(S, n) one cell for each static column of each series, as in the file."""
    told: FloatArray | None = None
    """(total, A) what the network is told of the steps to come, scaled; None for nothing."""
    traits: FloatArray | None = None
    """(S, C) what the network is told of each series; None for nothing."""

    @property
    def total(self) -> int:
        """Steps of all series with their room."""
        return len(self.stamps)

    @cached_property
    def offsets(self) -> IntArray:
        """Where each series begins, (S,)."""
        sizes = self.lengths + self.room
        return np.asarray(np.cumsum(sizes) - sizes, dtype=np.int64)

    @cached_property
    def calendar_features(self) -> FloatArray:
        """Where each step lies in the cycles of the calendar, (total, C)."""
        return self.calendar.features(self.stamps)

    @cached_property
    def missing_share(self) -> FloatArray:
        """Share of each step's cells that are missing, (total,)."""
        return np.asarray(np.isnan(self.values).mean(axis=1), dtype=np.float32)

    def series_of(self, positions: IntArray) -> IntArray:
        """Number of the series that each position (N,) lies in."""
        return np.asarray(np.searchsorted(self.offsets, positions, side="right") - 1, dtype=np.int64)

    def moments(self, positions: IntArray) -> IntArray:
        """The number of the moment at each position (N,), counted over all series from their first one on."""
        return np.asarray(np.searchsorted(np.unique(self.stamps), self.stamps[positions]), dtype=np.int64)

    def each_step(self, values: AnyArray) -> AnyArray:
        """What is said of each series, (S,), at every step with its room: (total,)."""
        return np.repeat(values, self.lengths + self.room)

    def spans(self, begins: IntArray, ends: IntArray) -> IntArray:
        """Positions of the steps ``begins[s]`` … ``ends[s]`` − 1 of every series s, both (S,)."""
        counts = np.maximum(ends - begins, 0)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.asarray(np.repeat(self.offsets + begins, counts) + within, dtype=np.int64)

    def series(self, row: int, upto: int | None = None) -> Array:
        """The values (T, F) of one series, or its first ``upto`` steps."""
        start = int(self.offsets[row])
        length = int(self.lengths[row])
        return self.values[start : start + (length if upto is None else min(upto, length))]

    def scored(self, scaled: FloatArray) -> FloatArray:
        """The targets of ``scaled`` (total, F) with NaN where the file had none: (total, K)."""
        return np.where(
            np.isnan(self.values[:, : self.targets]), np.float32(np.nan), scaled[:, : self.targets]
        )

    def known_ahead(self, columns: IntArray) -> Array:
        """Some columns (A,) with what is known of the room: (total, A) as in the file, NaN elsewhere."""
        values = self.values[:, columns].copy()
        if self.later is None or not len(self.later) or not self.room:
            return values
        bounds = np.searchsorted(self.later.series, np.arange(len(self.lengths) + 1))
        for row in np.flatnonzero(np.diff(bounds)).tolist():
            own = np.arange(bounds[row], bounds[row + 1])
            first = int(self.offsets[row] + self.lengths[row])
            stamps = self.stamps[first : first + self.room]
            slack = (stamps[0] - self.stamps[first - 1]) / 12  # a clock that runs ahead, summer time
            place = np.minimum(np.searchsorted(stamps, self.later.stamps[own] - slack), self.room - 1)
            meant = abs(stamps[place] - self.later.stamps[own]) <= slack
            values[first + place[meant]] = self.later.values[own[meant]][:, columns]
        return values

    def columns(self, kept: NDArray[np.bool_]) -> Panel:
        """The same steps with some of the columns (F,)."""
        if kept.all():
            return self
        later = None if self.later is None else self.later.columns(kept)
        return replace(self, values=self.values[:, kept], later=later)

    def with_room(self, calendar: Calendar, room: int) -> Panel:
        """The same series without room so far, each followed by ``room`` steps of the future."""
        spread = np.arange(len(self.stamps)) + room * np.repeat(np.arange(len(self.lengths)), self.lengths)
        total = len(self.stamps) + room * len(self.lengths)
        stamps = empty((total,), self.stamps.dtype)
        values, records = empty((total, self.values.shape[1]), np.float64), empty((total,), np.int64)
        values[...], records[...] = np.nan, 0
        stamps[spread], values[spread], records[spread] = self.stamps, self.values, self.records
        ends = np.cumsum(self.lengths + room)
        for end, last in zip(ends, self.stamps[np.cumsum(self.lengths) - 1], strict=True):
            stamps[end - room : end] = calendar.next(last, room)
        return replace(self, room=room, stamps=stamps, values=values, records=records, calendar=calendar)

    def only(self, rows: IntArray) -> Panel:
        """A panel of some of the series: their numbers (N,), ascending."""
        if len(rows) == len(self.lengths):
            return self
        begins = np.zeros(len(self.lengths), dtype=np.int64)
        ends = begins.copy()
        ends[rows] = self.lengths[rows] + self.room
        steps = self.spans(begins, ends)
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            lengths=self.lengths[rows],
            stamps=self.stamps[steps],
            values=self.values[steps],
            records=self.records[steps],
            later=None if self.later is None else self.later.only(rows),
            static=tuple(self.static[row] for row in rows) if self.static else (),
            told=None if self.told is None else self.told[steps],
            traits=None if self.traits is None else self.traits[rows],
        )


@dataclass(frozen=True)
class Newest:
    """How much of each series a forecast reads: the newest ``steps`` of those in ``names``, all of any other.

    A series that training has not seen is scaled by all that there is of it.
    """

    steps: int
    names: frozenset[str]

    def first(self, name: str, values: Array) -> int:
        """The first step that is needed of a series (T, F): one where all that is carried on is known."""
        start = len(values) - self.steps
        if start <= 0 or name not in self.names:
            return 0
        first = start
        for column in np.flatnonzero(np.isnan(values[start])):
            known = np.flatnonzero(~np.isnan(values[:start, column]))
            first = min([first, *known[-1:].tolist()])
        return first


def build_panel(
    rows: Rows, calendar: Calendar, targets: int, room: int, newest: Newest | None = None
) -> tuple[Panel, int]:
    """Put ``rows``, or the ``newest`` of them, on the calendar's grid; how many steps were gaps in all."""
    starts = np.cumsum(rows.lengths) - rows.lengths
    parts: list[tuple[AnyArray, Array, IntArray]] = []
    gaps = 0
    for name, start, count in zip(rows.names, starts.tolist(), rows.lengths.tolist(), strict=True):
        own = slice(start, start + count)
        part = (rows.stamps[own], rows.values[own], rows.records[own])
        missing = calendar.gaps(part[0])
        if len(missing):
            part = _with_gaps(part, missing)
            gaps += len(missing)
        first = newest.first(name, part[1]) if newest else 0
        parts.append((part[0][first:], part[1][first:], part[2][first:]))
    lengths = [len(part[0]) for part in parts]
    joined = (rows.stamps, rows.values, rows.records)
    if sum(lengths) != len(rows.stamps) or gaps:
        stamps, values, records = zip(*parts, strict=True)
        joined = (np.concatenate(stamps), np.concatenate(values), np.concatenate(records))
    panel = Panel(
        rows.names,
        np.array(lengths, dtype=np.int64),
        0,
        targets,
        kept(joined[0]),
        kept(joined[1]),
        kept(joined[2]),
        calendar,
        rows.later,
        rows.static,
    )
    return (panel.with_room(calendar, room) if room else panel), gaps


def _with_gaps(part: tuple[AnyArray, Array, IntArray], missing: AnyArray) -> tuple[AnyArray, Array, IntArray]:
    """Stamps (T,), values (T, F) and records (T,) of a series with empty steps at ``missing`` stamps (G,)."""
    line = np.concatenate([part[0], missing])
    order = np.argsort(line, kind="stable")
    empty = np.full((len(missing), part[1].shape[1]), np.nan)
    records = np.concatenate([part[2], np.zeros(len(missing), dtype=np.int64)])
    return line[order], np.concatenate([part[1], empty])[order], records[order]


def refuse_missing(panel: Panel, columns: tuple[str, ...], calendar: Calendar, source: str) -> None:
    """For ``--missing error``: raise DataError at the first gap or missing cell of the first ``columns``."""
    inside = np.zeros((panel.total, 1), dtype=bool)
    inside[panel.spans(0 * panel.lengths, panel.lengths)] = True
    where = np.argwhere(np.isnan(panel.values[:, : len(columns)]) & inside)
    if not len(where):
        return
    step, column = (int(index) for index in where[0])
    hint = "--missing mask carries the last value, --missing interpolate draws a line"
    if panel.records[step]:
        place = f"{source}, row {panel.records[step]}, column {columns[column]}: a value is missing"
        if (panel.records == panel.records[step]).sum() > 1:  # a row that holds a whole series
            place += f" at {calendar.iso(panel.stamps[step])}"
        raise DataError(place, hint)
    raise DataError(f"{source}: there is no row for {calendar.iso(panel.stamps[step])}", hint)


def scale_panel(panel: Panel, scaling: SeriesScaling, missing: str) -> FloatArray:
    """Scaled values (total, F) without NaN: missing ones carry the last value on, or are interpolated.

    ``scaling`` has a row for each series of the panel. Before its first value a column stands at 0,
    the middle of the training rows; the room carries the last value.
    """
    scaled = empty(panel.values.shape, np.float32)
    size = np.finfo(np.float32).max / 4
    for row in range(len(panel.names)):
        start = int(panel.offsets[row])
        stop = start + int(panel.lengths[row]) + panel.room
        own = scaling.transform(panel.values[start:stop], row)
        if missing == "interpolate":
            own = _interpolated(own)
        scaled[start:stop] = np.clip(carried(own), -size, size)
    return scaled


def carried(values: Array) -> Array:
    """Each NaN of (T, F) replaced by the last value before it, 0 before the first."""
    known = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, carried, 0.0)


def _interpolated(values: Array) -> Array:
    """Each NaN between two known values of a column of (T, F) put on the line between them."""
    out: NDArray[Any] = values.copy()
    steps = np.arange(len(values))
    for column in out.T:
        known = np.flatnonzero(~np.isnan(column))
        if len(known):
            between = np.arange(known[0], known[-1])
            column[between] = np.interp(steps[between], known, column[known])
    return out
