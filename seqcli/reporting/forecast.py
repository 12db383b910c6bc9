"""A forecast for a person: a chart of each series, the table of its rows, and the next step in bold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from seqcli.reporting.chart import Band, ForecastChart, draw_chart, shown_history
from seqcli.reporting.screen import Screen, is_plain, is_terminal
from seqcli.results import ResultTable

if TYPE_CHECKING:
    from seqcli.tasks.forecasting.next import ForecastContext

CHARTS = 2
"""More series than this are in the table only."""
CHART_WIDTH = 80


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


def forecast_charts(
    rows: ResultTable, context: ForecastContext, targets: tuple[str, ...], label: Callable[[Any], str]
) -> Iterator[ForecastChart]:
    """One chart for each series and target of the forecast, in the order of its rows."""
    panel, records = context.panel, rows.records()
    levels = [column.name.removeprefix("lo") for column in rows.columns if column.name.startswith("lo")]
    for row, name in enumerate(panel.names):
        if row in context.silent:
            continue
        begin, length = int(panel.offsets[row]), int(panel.lengths[row])
        for index, target in enumerate(targets):
            mine = [
                record
                for record in records
                if record.get("series", name) == name and record.get("target", target) == target
            ]
            past = shown_history(length, len(mine))
            stamps = panel.stamps[begin + length - past : begin + length + len(mine)]
            yield ForecastChart(
                title=" · ".join(part for part in (name if "series" in records[0] else "", target) if part),
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
            )


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else float("nan")
