"""What is known of the future: rows behind the last target whose other columns are filled.

A file may go on after the last value of its target, with prices that are planned, holidays, or a
weather forecast. Such rows are no history: a forecast starts after the last known target. The columns
that they fill are *known ahead*: their values over the horizon are inputs like those of the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.options import Options
from seqcli.readers.roles import counted
from seqcli.sequences import AnyArray, FloatArray, IntArray
from seqcli.tasks.forecasting.static import StaticEncoding

if TYPE_CHECKING:
    from seqcli.tasks.base import Plan
    from seqcli.tasks.forecasting.panel import Panel
    from seqcli.tasks.forecasting.scaling import SeriesScaling

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Later:
    """The M rows behind the last target of their series, by series and time."""

    series: IntArray
    """(M,) numbers of their series."""
    stamps: AnyArray
    """(M,)"""
    values: Array
    """(M, F) NaN where a cell is missing; so are all targets."""

    def __len__(self) -> int:
        return len(self.series)

    def only(self, rows: IntArray) -> Later:
        """Those of some series, which are numbered anew in the order of ``rows`` (N,)."""
        number = np.full(max(int(self.series.max(initial=-1)), int(rows.max(initial=-1))) + 1, -1)
        number[rows] = np.arange(len(rows))
        kept = np.flatnonzero(number[self.series] >= 0)
        return Later(number[self.series[kept]], self.stamps[kept], self.values[kept])

    def columns(self, kept: Flags | IntArray) -> Later:
        """With some of the F columns: flags (F,) or numbers (A,)."""
        return Later(self.series, self.stamps, self.values[:, kept])


def behind_targets(series: IntArray, known: Flags) -> Flags:
    """Which rows (N,), sorted by ``series`` (N,) and time, lie behind the last ``known`` target (N,).

    A series without any known target has no such rows.
    """
    if not len(series):
        return np.zeros(0, dtype=bool)
    at = np.where(known, np.arange(len(series)), -1)
    last = np.full(int(series.max()) + 1, -1)
    np.maximum.at(last, series, at)
    return np.asarray((last[series] >= 0) & (np.arange(len(series)) > last[series]))


def lone_blanks(series: IntArray, behind: Flags, filled: Flags) -> Flags:
    """Which rows (N,) ``behind`` the last target are the only one of their series, and hold nothing.

    That is a last value that is missing, and no future: in training it stays, unscored.
    """
    if not behind.any():
        return behind
    many = np.bincount(series[behind], minlength=int(series.max()) + 1)
    return np.asarray(behind & ~filled & (many[series] == 1), dtype=bool)


def ahead_columns(panel: Panel) -> IntArray:
    """Numbers (N,) of the columns that hold a value behind the last target of some series."""
    if panel.later is None or not len(panel.later):
        return np.zeros(0, dtype=np.int64)
    known = np.flatnonzero((~np.isnan(panel.later.values)).any(axis=0))
    return np.asarray(known[known >= panel.targets], dtype=np.int64)


def horizon_ahead(panel: Panel, options: Options) -> tuple[int, str] | None:
    """The horizon that the rows behind the last target are made for, and why; None where one was typed.

    It is the number of such rows with something in them, of the series that has the most.
    """
    filled = ahead_columns(panel)
    if options.forecast.horizon is not None or not len(filled):
        return None
    assert panel.later is not None
    told = ~np.isnan(panel.later.values[:, filled]).all(axis=1)
    steps = int(np.bincount(panel.later.series[told]).max(initial=0))
    most = max(int(panel.lengths.max()) // 4, 1)
    if steps > most:
        return most, f"horizon {most}: a quarter of the rows, though {steps} follow the last target"
    return steps, f"horizon {steps}: the rows behind the last known value of the target"


def settle_ahead(panel: Panel, columns: Sequence[str], horizon: int) -> tuple[tuple[str, ...], list[str]]:
    """Which of ``columns`` (F,) are known ahead over the whole ``horizon``, and a sentence on the rows.

    A column that ends earlier is an input of the past alone: in the past its values over a horizon are
    all there, and a network that learned to lean on them would find none.
    ``panel`` (total, F) has room for the horizon.
    """
    if panel.later is None or not len(panel.later):
        return (), []
    rows = counted(len(panel.later), "row")
    filled = ahead_columns(panel)
    target = columns[0] if panel.targets == 1 else "targets"
    said = f"{rows} behind the last known {target}: the forecast starts ahead of them"
    if not len(filled):
        return (), [said]
    room = room_steps(panel, np.unique(panel.later.series))
    future = panel.known_ahead(filled)[room]
    told = np.asarray(np.isfinite(future), dtype=bool).reshape(-1, horizon, len(filled))  # (S, H, A)
    enough: Flags = np.logical_and.reduce(told, axis=0)  # (H, A)
    whole: Flags = np.logical_and.reduce(enough, axis=0)
    names = tuple(columns[at] for at in filled[whole])
    short = [columns[at] for at in filled[~whole]]
    if names:
        said += f"; known ahead: {', '.join(names)}"
    if short:
        upto = int(enough[:, ~whole].sum(axis=0).min())
        said += f"; {', '.join(short)} known for {upto} of {horizon} steps, so used up to the last {target}"
    return names, [said]


def room_steps(panel: Panel, series: IntArray) -> IntArray:
    """Positions (N · room,) of the steps to be forecast of some series (N,)."""
    begins = (panel.offsets + panel.lengths)[series]
    return np.asarray(begins[:, None] + np.arange(panel.room), dtype=np.int64).ravel()


def with_told(panel: Panel, scaling: SeriesScaling, plan: Plan, static: StaticEncoding) -> Panel:
    """``panel`` with what the network is told beside the past: columns known ahead, and static ones.

    ``scaling`` has a row for each series of the panel, which has room for the horizon.
    """
    from seqcli.tasks.forecasting.rows import panel_columns

    told = scaled_ahead(panel, scaling, panel_columns(plan), plan.ahead) if plan.ahead else None
    traits = static.encode(panel.static, len(panel.names)) if static.columns else None
    return replace(panel, told=told, traits=traits)


def scaled_ahead(
    panel: Panel, scaling: SeriesScaling, columns: Sequence[str], ahead: Sequence[str]
) -> FloatArray:
    """Known-ahead values (total, A) as the network may see them: scaled, NaN-free, room included.

    ``scaling`` has a row for each series of the panel; ``columns`` (F,) are its columns, ``ahead`` (A,)
    some of them. A missing value carries the last one on.
    """
    from seqcli.tasks.forecasting.panel import carried

    numbers = np.array([columns.index(name) for name in ahead], dtype=np.int64)
    values = panel.values.copy()
    values[:, numbers] = panel.known_ahead(numbers)
    out = np.zeros((panel.total, len(numbers)), dtype=np.float32)
    size = np.finfo(np.float32).max / 4
    for row, start in enumerate(panel.offsets.tolist()):
        own = slice(start, start + int(panel.lengths[row]) + panel.room)
        scaled = carried(scaling.transform(values[own], row)[:, numbers])
        out[own] = np.clip(scaled, -size, size)
    return out
