"""The rows after the last one of each series, and the next step in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.calendar import Calendar
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.base import Plan
from seqcli.tasks.forecasting.panel import Panel, scale_panel
from seqcli.tasks.forecasting.scaling import SeriesScaling
from seqcli.tasks.forecasting.units import Units
from seqcli.tasks.forecasting.windows import ForecastWindows, Frame, make_windows

Array = NDArray[np.float64]

SIGNIFICANT = 7
"""Digits of a forecast: the network computes with no more."""


@dataclass(frozen=True)
class ForecastContext:
    """What turns outputs into rows: the series, and which of them the network forecasts."""

    panel: Panel
    examples: ForecastWindows
    """The windows that the network answers for."""
    network_rows: IntArray
    """(N,) numbers of the series whose windows are the examples, in their order."""
    reference: Array
    """(S, H, K) scaled last value of every series."""
    scaling: SeriesScaling
    """With a row for each series of the panel."""
    units: FloatArray
    """(S,) how hard each series is, and so how wide its intervals are."""
    silent: frozenset[int]
    """Series without a single value: they get no row."""
    flat: frozenset[int]
    """Long series that never changed: their interval is their value."""
    unsure: frozenset[int]
    """Series of too few values to say how far off a forecast may be: no interval."""
    notes: tuple[str, ...]
    """Sentences on series that are forecast by their last value."""
    odd: tuple[str, ...] = ()
    """Sentences on odd cells and rows of the file."""

    def history(self, row: int, target: int, steps: int) -> list[float]:
        """The last known values of one series, oldest first, for a chart."""
        values = self.panel.series(row)[:, target]
        return [float(value) for value in values[~np.isnan(values)][-steps:]]


def last_windows(
    panel: Panel,
    scaling: SeriesScaling,
    units: Units,
    frame: Frame,
    fitted: tuple[str, tuple[str, ...]],
) -> tuple[ForecastWindows, ForecastContext]:
    """The last window of each series that the network can forecast, and the context of all series.

    ``fitted`` is how gaps are filled, and the names of the series that training has seen.
    """
    missing, names = fitted
    scaled = scale_panel(panel, scaling, missing)
    ends = panel.offsets + panel.lengths
    silent: set[int] = set()
    flat: set[int] = set()
    unsure: set[int] = set()
    able: list[int] = []
    for row, name in enumerate(panel.names):
        values = panel.series(row)[:, : panel.targets]
        if np.isnan(values).all(axis=0).any():
            silent.add(row)
        elif name not in names and (np.nanmin(values, axis=0) == np.nanmax(values, axis=0)).all():
            (flat if panel.lengths[row] >= frame.window else unsure).add(row)
        elif panel.lengths[row] >= frame.window:
            able.append(row)
    through = np.array(able, dtype=np.int64)
    examples = make_windows(panel, frame, scaled, ends[through] - frame.window)
    last = scaled[ends - 1, None, : panel.targets].astype(np.float64)
    reference = np.repeat(last, frame.horizon, axis=1)  # (S, H, K)
    short = sorted(set(range(len(panel.names))) - silent - set(able))
    said = (
        (short, f"without change or shorter than the window of {frame.window}: forecast by their last value"),
        (sorted(silent), "without a value: no forecast"),
    )
    notes = tuple(f"{named(panel, rows)} {what}" for rows, what in said if rows)
    context = ForecastContext(
        panel,
        examples,
        through,
        reference,
        scaling,
        units.of(panel, panel.scored(scaled), np.maximum(panel.lengths - frame.window, 0), panel.lengths),
        frozenset(silent),
        frozenset(flat),
        frozenset(unsure),
        notes,
    )
    return examples, context


def named(panel: Panel, rows: Sequence[int]) -> str:
    """Some series by name, for a sentence: "2 series (store 3, store 5)"."""
    names = ", ".join(panel.names[row] for row in rows[:5]) + (", …" if len(rows) > 5 else "")
    return f"{len(rows)} series{f' ({names})' if names else ''}"


def next_rows(
    plan: Plan,
    calendar: Calendar,
    context: ForecastContext,
    values: Array,
    bounds: Sequence[tuple[int, Array, Array]],
) -> ResultTable:
    """Rows of forecasts ``values`` (S, H, K) with ``bounds`` (percent, low, high) of the same shape."""
    panel, several = context.panel, len(plan.target) > 1
    names = (
        *(["series"] if plan.id else []),
        "timestamp",
        *(["target"] if several else []),
        "forecast",
        *(f"{side}{level}" for level, _, _ in bounds for side in ("lo", "hi")),
    )
    rows: list[tuple[Cell, ...]] = []
    for row in range(len(panel.names)):
        if row in context.silent:
            continue
        first = int(panel.offsets[row] + panel.lengths[row])
        for step in range(values.shape[1]):
            stamp = calendar.iso(panel.stamps[first + step])
            for k, target in enumerate(plan.target):
                at = (row, step, k)
                numbers: list[float | None] = [figure(float(values[at]))]
                for _, low, high in bounds:
                    pair = (values[at],) * 2 if row in context.flat else (low[at], high[at])
                    numbers += [None if row in context.unsure else figure(float(limit)) for limit in pair]
                words = [*([panel.names[row]] if plan.id else []), stamp, *([target] if several else [])]
                rows.append((*words, *numbers))
    text = {"series", "timestamp", "target"}
    columns = tuple(ResultColumn(name, "" if name in text else ",.5g", name == "forecast") for name in names)
    return ResultTable(f"The next {values.shape[1]} rows", columns, rows)


def next_step_line(rows: ResultTable, context: ForecastContext, calendar: Calendar) -> str:
    """The first of ``rows`` in words: "Tue 3 Mar: 127.4, 80 %: 124.9–129.8"; "" where there is none."""
    if not rows.rows:
        return ""
    panel, record = context.panel, rows.records()[0]
    row = next(row for row in range(len(panel.names)) if row not in context.silent)
    label = calendar.label(panel.stamps[panel.offsets[row] + panel.lengths[row]])
    numbers = {name: value for name, value in record.items() if isinstance(value, float)}
    largest = max(abs(value) for value in numbers.values())
    named = [str(record[key]) for key in ("series", "target") if key in record]
    line = f"{label}: {' '.join([*named, in_words(numbers['forecast'], largest)])}"
    low = next((name for name in numbers if name.startswith("lo")), None)
    if low is None:
        return line
    ends = [in_words(numbers[name], largest) for name in (low, f"hi{low[2:]}")]
    pair = (" to " if ends[0].startswith("-") else "–").join(ends)
    return f"{line}, {low[2:]} %: {pair}"


def figure(value: float) -> float:
    """A forecast to as many digits as it has."""
    return float(f"{value:.{SIGNIFICANT}g}") if math.isfinite(value) else value


def in_words(value: float, largest: float, digits: int = 4) -> str:
    """A number for people: so many digits of the ``largest`` beside it, thousands apart."""
    if not math.isfinite(value):
        return str(value)
    size = math.floor(math.log10(abs(largest))) if largest else 0
    if size >= 12 or size < -4:
        return f"{value:.{digits}g}"
    return f"{value:,.{max(0, digits - 1 - size)}f}"
