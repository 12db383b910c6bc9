"""A forecast for a person: a chart of each series, the table of its rows, and the next step in bold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqcli.reporting.chart import Band, ForecastChart, draw_chart, shown_history
from seqcli.reporting.fan import MOST_PANELS, FanFigure
from seqcli.reporting.screen import Screen, is_plain, is_terminal
from seqcli.results import Cell, ResultTable
from seqcli.tasks.forecasting.next import in_words

if TYPE_CHECKING:
    from seqcli.preprocessing.calendar import Calendar
    from seqcli.sequences import AnyArray
    from seqcli.tasks.forecasting.next import ForecastContext

CHARTS = 2
"""More series than this are in the table only."""
CHART_WIDTH = 80
DIGITS = 5
"""Digits of the largest number of a series in a table."""
_YEAR = 365.2425 * 86_400_000_000
"""Microseconds."""


def show_charts(
    screen: Screen,
    rows: ResultTable,
    context: ForecastContext,
    targets: tuple[str, ...],
    label: Callable[[Any], str],
) -> None:
    """Draw the first series on a terminal. ``label`` names a stamp of the panel for people."""
    if screen.quiet or not is_terminal(screen.stream):
        return
    plain = is_plain(screen.stream)
    charts = list(forecast_charts(rows, context, targets, label))
    for chart in charts[:CHARTS]:
        for line in draw_chart(chart, min(CHART_WIDTH, screen.console.width), plain=plain):
            screen.pieces(line)
        screen.line("")
    if len(charts) > CHARTS:
        screen.line(f"{len(charts) - CHARTS} more series are in the table\n", "dim")


def forecast_figure(
    rows: ResultTable, context: ForecastContext, targets: tuple[str, ...], calendar: Calendar, source: str
) -> FanFigure:
    """The first series and targets as a figure. ``source`` names the file."""
    every = forecast_charts(rows, context, targets, calendar.label, calendar.iso)
    charts = list(islice(every, MOST_PANELS))
    left = (len(context.panel.names) - len(context.silent)) * len(targets) - len(charts)
    notes = [f"{left} more series are in the table"] if left else []
    ends = {tuple(chart.names[-len(chart.forecast) :]) for chart in charts}
    steps = context.panel.room
    following = "the next row" if steps == 1 else f"the next {steps} rows"
    if len(ends) == 1:
        (names,) = ends
        when = f"{following}, {names[0]} to {names[-1]}" if steps > 1 else f"{following}, {names[0]}"
    else:
        when = f"{following} of each series"
    named = f"{Path(source).name}: {when}" if source else when
    what = charts[0].title if len(charts) == 1 else ", ".join(targets)
    return FanFigure(f"Forecast of {what}", named, charts, (*notes, *context.notes), left)


def forecast_charts(
    rows: ResultTable,
    context: ForecastContext,
    targets: tuple[str, ...],
    label: Callable[[Any], str],
    iso: Callable[[Any], str] = str,
) -> Iterator[ForecastChart]:
    """One chart for each series and target of the forecast, in the order of its rows.

    ``label`` names a stamp of the panel for people, ``iso`` as files write it.
    """
    panel = context.panel
    levels = [column.name.removeprefix("lo") for column in rows.columns if column.name.startswith("lo")]
    several = any(column.name == "series" for column in rows.columns)
    named = any(column.name == "target" for column in rows.columns)
    own = _by_series(rows)
    for row, name in enumerate(panel.names):
        if row in context.silent:
            continue
        begin, length = int(panel.offsets[row]), int(panel.lengths[row])
        for index, target in enumerate(targets):
            mine = own[name if several else None, target if named else None]
            past = shown_history(length, len(mine))
            stamps = panel.stamps[begin + length - past : begin + length + len(mine)]
            yield ForecastChart(
                title=" · ".join(part for part in (name if several else "", target) if part),
                history=[float(value) for value in panel.series(row)[-past:, index]],
                forecast=[_number(record["forecast"]) for record in mine],
                bands=[
                    Band(
                        int(level),
                        *([_number(record[side + level]) for record in mine] for side in ("lo", "hi")),
                    )
                    for level in levels
                ],
                first=label(stamps[0]),
                now=label(stamps[past - 1]),
                last=label(stamps[-1]),
                stamps=_plain(stamps),
                names=[iso(stamp) for stamp in stamps],
            )


def for_people(rows: ResultTable) -> ResultTable:
    """The rows with the numbers of one series and target to as many decimals as the largest of them needs."""
    words = {"series", "timestamp", "target"}
    largest = {
        key: max(abs(cell) for each in own for cell in each.values() if isinstance(cell, float))
        for key, own in _by_series(rows).items()
    }
    shown: list[tuple[Cell, ...]] = []
    for each in rows.records():
        size = largest[each.get("series"), each.get("target")]
        cells = (in_words(cell, size, DIGITS) if isinstance(cell, float) else cell for cell in each.values())
        shown.append(tuple(cells))
    columns = tuple(
        column if column.name in words else replace(column, keep="right") for column in rows.columns
    )
    return replace(rows, columns=columns, rows=shown)


def _by_series(rows: ResultTable) -> dict[tuple[Cell, Cell], list[dict[str, Cell]]]:
    """The records of each series and target, None where the rows do not name one."""
    own: dict[tuple[Cell, Cell], list[dict[str, Cell]]] = {}
    for record in rows.records():
        own.setdefault((record.get("series"), record.get("target")), []).append(record)
    return own


def _plain(stamps: AnyArray) -> list[datetime | float]:
    """Stamps (T,) as moments or numbers; years past 9999, which no datetime holds, as numbers of years."""
    plain = stamps.tolist()
    if stamps.dtype.kind != "M" or all(isinstance(stamp, datetime) for stamp in plain):
        return list(plain)
    return [1970 + float(time) / _YEAR for time in stamps.astype("datetime64[us]").astype("int64")]


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else float("nan")
