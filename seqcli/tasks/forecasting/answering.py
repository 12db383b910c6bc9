"""What is read of the newest rows of some series, and the forecast that is made of what the network says.

Both are those of a file, made on a panel that holds the unread steps alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqcli.sequences import TARGET, Batch, FloatArray, Windows
from seqcli.tasks.forecasting.ahead import Later, with_told
from seqcli.tasks.forecasting.carried import reading
from seqcli.tasks.forecasting.following import knowing
from seqcli.tasks.forecasting.newest import NewestRows, Step, together
from seqcli.tasks.forecasting.next import ForecastContext
from seqcli.tasks.forecasting.panel import Panel
from seqcli.tasks.forecasting.windows import VALUES, ForecastWindows, make_windows

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast


def alike(series: Sequence[NewestRows]) -> list[list[NewestRows]]:
    """Some series in groups that have as many steps to read, and a step ahead of them or none."""
    groups: dict[tuple[int, bool], list[NewestRows]] = {}
    for each in series:
        groups.setdefault((len(each.unread), each.previous is None), []).append(each)
    return list(groups.values())


def unread(task: Forecast, series: Sequence[NewestRows], but: int = 0) -> tuple[Panel, Batch]:
    """The unread steps of series that are :func:`alike`, and the fields of a network that reads them.

    The newest ``but`` steps are left out.
    """
    steps = [
        [*([each.previous] if each.previous else []), *each.unread[: len(each.unread) - but]]
        for each in series
    ]
    length, ahead = len(steps[0]), 0 if series[0].previous is None else 1
    panel, scaled = _panel(task, series, steps)
    examples = make_windows(panel, task.frame, scaled, panel.offsets[:0])
    positions = panel.offsets[:, None] + np.arange(ahead, length)
    return panel, reading(examples, positions)


def _panel(task: Forecast, series: Sequence[NewestRows], steps: list[list[Step]]) -> tuple[Panel, FloatArray]:
    """Equally many ``steps`` of each series, with room for the horizon, and as they are scaled (total, F)."""
    count, length, horizon = len(series), len(steps[0]), task.frame.horizon
    size, columns = length + horizon, len(task.scaling.logs)
    values, scaled = (np.full((count, size, columns), np.nan) for _ in range(2))
    stamps = []
    for row, own in enumerate(steps):
        values[row, :length] = [step.values for step in own]
        scaled[row, :length] = [step.scaled for step in own]
        scaled[row, length:] = own[-1].scaled
        line = np.array([step.stamp for step in own])
        line = line.astype("datetime64[us]") if line.dtype.kind == "M" else line
        stamps += [line, task.calendar.next(line[-1], horizon)]
    panel = Panel(
        tuple(each.name for each in series),
        np.full(count, length, dtype=np.int64),
        horizon,
        len(task.plan.target),
        np.concatenate(stamps),
        values.reshape(count * size, columns),
        np.zeros(count * size, dtype=np.int64),
        task.calendar,
        _later(series, columns) if task.plan.ahead else None,
        tuple(tuple(each.static) for each in series) if task.plan.static else (),
    )
    if task.plan.ahead or task.static.columns:
        filled = values.copy()  # what no later row tells is carried on
        filled[:, length - 1] = [each.filled for each in series]
        whole = replace(panel, values=filled.reshape(panel.values.shape))
        told = with_told(whole, together(series), task.plan, task.static)
        panel = replace(panel, told=told.told, traits=told.traits)
    return panel, scaled.reshape(count * size, columns).astype(np.float32)


def _later(series: Sequence[NewestRows], columns: int) -> Later:
    """The rows behind the last target of each series."""
    rows = [(row, *each) for row, own in enumerate(series) for each in own.behind]
    values = np.full((len(rows), columns), np.nan)
    for at, (_, _, own) in enumerate(rows):
        values[at, : len(own)] = own
    stamps = np.array([stamp for _, stamp, _ in rows])
    return Later(np.array([row for row, _, _ in rows], dtype=np.int64), stamps, values)


def answer_rows(
    task: Forecast, series: Sequence[NewestRows], panel: Panel
) -> tuple[FloatArray, ForecastContext]:
    """What the network has said last, (N, H, K), but of series that never changed, and what makes rows of it.

    ``panel`` is that of :func:`unread`; every one of ``series`` holds a window.
    """
    window, horizon, targets = task.frame.window, task.frame.horizon, panel.targets
    past = np.stack([each.past.last for each in series])  # (B, W, K)
    flat = frozenset(row for row, each in enumerate(series) if not each.known and each.flat)
    moving = np.array([row for row in range(len(series)) if row not in flat], dtype=np.int64)
    windows = Windows({VALUES: past.reshape(-1, targets)}, {}, moving * window, window, horizon)
    last = past[:, -1:].astype(np.float64)
    context = ForecastContext(
        panel,
        ForecastWindows(panel, task.frame, windows, task.mixture.ridge),
        moving,
        np.repeat(last, horizon, axis=1),
        together(series),
        _units(task, series),
        frozenset(),
        flat,
        frozenset(),
        (),
    )
    said = [(series[row].after or {})["output"] for row in moving.tolist()]
    return np.stack(said) if said else np.empty((0, horizon, targets), np.float32), context


def _units(task: Forecast, series: Sequence[NewestRows], first: bool = False) -> FloatArray:
    """How hard each series is, (B,): one that training has not seen by its newest window, or its first."""
    window = task.frame.window
    scored = np.concatenate(
        [each.first if first and each.first is not None else each.scored.last for each in series]
    )  # (B * W, K)
    nothing = np.zeros(len(scored), dtype=np.int64)
    lengths = np.full(len(series), window, dtype=np.int64)
    names, values = tuple(each.name for each in series), scored.astype(np.float64)
    panel = Panel(names, lengths, 0, len(task.plan.target), nothing, values, nothing, task.calendar)
    return task.units.of(panel, scored, 0 * lengths, lengths)


def judged(task: Forecast, series: Sequence[NewestRows]) -> tuple[Forecast, ForecastWindows]:
    """The task that knows the series, and the window of each ahead of its newest row, labelled with that row.

    Every one holds a window and a row; one that training has not seen is as hard as its first window was.
    """
    frame, targets, count = task.frame, len(task.plan.target), len(series)
    window, size = frame.window, frame.window + 1 + frame.horizon
    values, scored = (np.full((count, size, targets), np.nan) for _ in range(2))
    past = np.zeros((count, size, targets), dtype=np.float32)
    newest = np.array([each.unread[-1].stamp for each in series])
    stamps = np.repeat(newest.astype("datetime64[us]") if newest.dtype.kind == "M" else newest, size)
    for row, each in enumerate(series):
        past[row, :window] = each.past.before
        values[row, window] = each.unread[-1].values[:targets]
        scored[row, window] = each.scored.last[-1]
    flat = (count * size, targets)
    names, lengths = tuple(each.name for each in series), np.full(count, window + 1, dtype=np.int64)
    records = np.zeros(len(stamps), dtype=np.int64)
    panel = Panel(
        names, lengths, frame.horizon, targets, stamps, values.reshape(flat), records, task.calendar
    )
    fields = {VALUES: past.reshape(flat)}, {TARGET: scored.reshape(flat)}
    windows = Windows(*fields, panel.offsets, window, frame.horizon)
    new = [(each.name, each.scaling) for each in series if not each.known and each.scaling is not None]
    task = knowing(task, [(name, (own.shift[0], own.scale[0], own.floor[0])) for name, own in new])
    units = _units(task, series, first=True)
    return task, ForecastWindows(panel, frame, windows, task.mixture.ridge, units)
