"""A fitted forecaster on a later file: the newest windows to go on from, and those that can be scored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.readers.table import Table
from seqcli.tasks.forecasting.ahead import with_told
from seqcli.tasks.forecasting.choices import thinned
from seqcli.tasks.forecasting.later import later_panel
from seqcli.tasks.forecasting.mixture import NETWORK, RIDGE
from seqcli.tasks.forecasting.next import ForecastContext, last_windows
from seqcli.tasks.forecasting.panel import Newest, Panel, scale_panel
from seqcli.tasks.forecasting.windows import ForecastWindows, make_windows, part_starts

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

MOST_SHOWN, LEAST_SHOWN = 4, 48
"""Steps of the past that a chart may show: so many times the horizon, and at least so many."""


def labelled_windows(task: Forecast, table: Table) -> ForecastWindows:
    """Those of :func:`every_window` that are scored: of very many some, and the note says so."""
    examples = every_window(task, table)
    starts, said = thinned(examples.windows.starts, task.frame.horizon, examples.panel.targets)
    note = "; ".join(each for each in (examples.note, said) if each)
    return replace(examples, windows=replace(examples.windows, starts=starts), note=note)


def every_window(task: Forecast, table: Table) -> ForecastWindows:
    """Windows over the rows after those that training has seen, else over all; the note says which."""
    panel, _ = panel_of(task, table)
    seen = dict(zip(task.scaling.names, task.seen, strict=True))
    begins = np.zeros(len(panel.names), dtype=np.int64)
    for row, name in enumerate(panel.names):
        if name in seen:
            own = panel.stamps[panel.offsets[row] : panel.offsets[row] + panel.lengths[row]]
            begins[row] = np.searchsorted(as_numbers(own), seen[name], side="right")
    part = panel.spans(begins, panel.lengths)
    window, horizon = task.frame.window, task.frame.horizon
    starts = part_starts(panel, part, window, horizon)
    note = ""
    if not len(starts):
        part = panel.spans(0 * panel.lengths, panel.lengths)
        starts = part_starts(panel, part, window, horizon)
        note = f"these rows are no newer than those {learnt_words(task)}"
    if not len(starts):
        raise _too_short(task, table, panel)
    scaling = task.scaling_of(panel, window)
    panel = with_told(panel, scaling, task.plan, task.static)
    scaled = scale_panel(panel, scaling, task.missing)
    windows = make_windows(panel, task.frame, scaled, starts, part, note)
    first = np.minimum(panel.lengths, window)  # as an unknown series was scaled
    units = task.units.of(panel, panel.scored(scaled), 0 * first, first)
    return replace(windows, ridge=task.mixture.ridge, units=units)


def learnt_words(task: Forecast) -> str:
    """What follows "rows": what has learnt from them, of all that the forecast is made of."""
    members = [f"the {name}" for name in (NETWORK, RIDGE) if task.mixture.counts(name)]
    return f"that {' and '.join(members)} learnt from" if members else "that the forecast was chosen by"


def newest_windows(task: Forecast, table: Table) -> tuple[ForecastWindows, ForecastContext]:
    """The last window of each series that is long enough, and what makes rows of what is said about it.

    Raises DataError when there is nothing to forecast from.
    """
    frame = task.frame
    shown = max(MOST_SHOWN * frame.horizon, LEAST_SHOWN)
    panel, notes = panel_of(task, table, Newest(max(frame.window, shown), frozenset(task.scaling.names)))
    scaling = task.scaling_of(panel)
    panel = with_told(panel, scaling, task.plan, task.static)
    examples, context = last_windows(panel, scaling, task.units, frame, (task.missing, task.scaling.names))
    if not len(examples) and (not task.plan.id or len(context.silent) == len(panel.names)):
        raise _too_short(task, table, panel)
    return examples, replace(context, odd=tuple(notes))


def panel_of(task: Forecast, table: Table, newest: Newest | None = None) -> tuple[Panel, list[str]]:
    """The series of a later file, or their ``newest`` steps, with room for the horizon; what was odd."""
    how = task.merge, task.forms
    return later_panel(table, task.plan, how, task.calendar, task.frame.horizon, newest)


def plain_stamps(stamps: NDArray[Any]) -> list[int | float]:
    """Stamps (N,) as JSON numbers: microseconds since 1970, or step numbers."""
    return [value.item() for value in as_numbers(stamps)]


def as_numbers(stamps: NDArray[Any]) -> NDArray[Any]:
    """Stamps (N,) as numbers (N,): microseconds since 1970, or step numbers."""
    return stamps.astype("datetime64[us]").astype(np.int64) if stamps.dtype.kind == "M" else stamps


def _too_short(task: Forecast, table: Table, panel: Panel) -> DataError:
    rows, window = int(panel.lengths.max(initial=0)), task.frame.window
    if rows >= window:
        return DataError(
            f"{table.source}, column {task.plan.target[0]}: not one value to forecast from",
            "is it the file that the model was made for?",
        )
    return DataError(
        f"{table.source}: {rows} rows, and the model reads a window of {window}",
        f"give it at least the last {window} rows",
    )
