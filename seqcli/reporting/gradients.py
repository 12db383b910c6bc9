"""An inspection of gradients for a person and for a program: a table, a chart, a verdict, every number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence

from seqcli.options import OutputOptions
from seqcli.reporting.gradient_map import draw_map, map_panels
from seqcli.reporting.gradient_numbers import numbers_table
from seqcli.reporting.gradient_reading import reading
from seqcli.reporting.gradient_tables import full_tables, snapshot_table
from seqcli.reporting.gradient_verdict import memory_text, stage_name, verdict
from seqcli.reporting.log_chart import LogLine, LogPanel, draw_panels
from seqcli.reporting.progress import REDRAW
from seqcli.reporting.results import result_format, result_stream, write_result
from seqcli.reporting.screen import Screen, is_plain, is_terminal
from seqcli.reporting.tables import write_table
from seqcli.reporting.training import show_tables
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.training.events import StepDone
from seqcli.training.gradients.curves import Curve, Doing, Inspection, Read, Said

CHART_WIDTH = 122
"""Three panels beside each other; on a terminal of 80 columns there are two."""


def follow(
    screen: Screen,
    events: Generator[Read | Said | Doing | StepDone, None, Inspection],
    on_task: Callable[[str], None] | None = None,
) -> Inspection:
    """Say what is said, show what goes on, and hand back what was found.

    ``on_task`` is called with the task of a file as soon as it is known.
    """
    doing, drawn = "", 0.0
    try:
        while True:
            event = next(events)
            if isinstance(event, Read):
                if on_task:
                    on_task(event.task)
            elif isinstance(event, Said):
                (screen.warn if event.odd else screen.line)(event.text)
            elif isinstance(event, Doing):
                doing = event.text
                screen.move(screen.styled(f"{doing} …", "dim"))
            elif time.monotonic() - drawn > REDRAW:
                drawn = time.monotonic()
                screen.move(screen.styled(f"{doing}, step {event.step} of {event.total_steps} …", "dim"))
    except StopIteration as end:
        found: Inspection = end.value
        return found
    finally:
        screen.move("")


def report(screen: Screen, found: Inspection, output: OutputOptions, full: bool = False) -> None:
    """The tables, or in another form every number, as the result; what is said of them on the screen."""
    tables = [summary_table(found)]
    tables += [table for table in (snapshot_table(found),) if table.rows]
    tables += full_tables(found) if full else []
    as_table = result_format(output) == "table"
    screen.line("")
    if as_table:
        write_tables(tables, output)
        screen.line("")
    else:
        show_tables(screen, tuple(tables))
    show_chart(screen, found)
    if full:
        show_map(screen, found)
    for line in verdict(found):
        screen.line(line, "" if line.startswith("-") else "bold")
    said = reading(found)
    if said:
        screen.line("")
        screen.prose(said)
    if not as_table:
        if output.output in (None, "-"):
            screen.line("")
        write_result(numbers_table(found), output)


def write_tables(tables: Sequence[ResultTable], output: OutputOptions) -> None:
    """Tables below each other, to where ``output`` says."""
    with result_stream(output) as stream:
        for place, table in enumerate(tables):
            if place:
                stream.write("\n")
            write_table(table, "table", stream)


def show_map(screen: Screen, found: Inspection) -> None:
    """Layers and states by steps back, on the screen."""
    if screen.quiet:
        return
    from rich.text import Text

    for line in draw_map(map_panels(found), found.unit, min(CHART_WIDTH, screen.console.width)):
        screen.show(Text.assemble(*line))
    screen.line("")


def show_chart(screen: Screen, found: Inspection) -> None:
    """On a terminal, one panel a stage."""
    if screen.quiet or not is_terminal(screen.stream):
        return
    width = min(CHART_WIDTH, screen.console.width)
    for line in draw_panels(panels(found), width, is_plain(screen.stream)):
        screen.pieces(line)
    screen.line("")


def panels(found: Inspection) -> list[LogPanel]:
    """Of each cell the state that carries furthest; total and through-time parts in one panel."""
    if found.flows[0].stage == "time":
        carrier = found.flows[0].carrier
        title = f"{found.flows[0].cell}, share of the gradient that reaches {carrier.state}"
        return [
            LogPanel(
                title,
                [_line(flow.beside(carrier), stage_name(flow.stage)) for flow in found.flows],
                found.unit,
            )
        ]
    drawn = []
    for stage, flows in found.stages.items():
        lines = [_line(flow.carrier, flow.cell) for flow in flows if flow.curves]
        title = stage_name(stage) if stage != "linear" else "W_hh = s Q"
        drawn += [LogPanel(title, lines, found.unit)] if lines else []
    return drawn


def _line(curve: Curve, name: str) -> LogLine:
    return LogLine(name, curve.ratio.tolist())


def summary_table(found: Inspection) -> ResultTable:
    """One row a cell, stage, layer and state: how fast its gradient fades."""
    deep = any(curve.layer > 1 for flow in found.flows for curve in flow.curves)
    gated = any(cause.gate for flow in found.flows for cause in flow.causes)
    trained = any(flow.training or flow.diverged for flow in found.flows)
    columns = [
        ResultColumn("cell", emphasis=True),
        ResultColumn("stage"),
        *([ResultColumn("layer")] if deep else []),
        ResultColumn("state"),
        ResultColumn("rate", ".3f"),
        ResultColumn("half-life", ".1f"),
        ResultColumn("memory"),
        ResultColumn(f"at {found.steps}", ".1e"),
        *([ResultColumn("gate", ".2f")] if gated else []),
        *([ResultColumn("clipped", ".0%")] if trained else []),
    ]
    rows: list[tuple[Cell, ...]] = []
    for flow in found.flows:
        clipped = flow.training.clipped if flow.training else None
        if flow.diverged:
            rest = (None,) * (len(columns) - 3 - deep)
            rows.append((flow.cell, flow.stage, *((None,) if deep else ()), "NaN", *rest))
        for curve in flow.curves:
            gate = flow.causes[curve.layer - 1].gate_mean
            row: list[Cell] = [flow.cell, flow.stage, *([curve.layer] if deep else []), curve.state]
            row += [curve.rate, curve.half_life, memory_text(curve), float(curve.ratio[-1])]
            row += [None if math.isnan(gate) else gate] if gated else []
            rows.append((*row, *((clipped,) if trained else ())))
    caption = (
        f"rate: factor a {found.unit}; memory: {found.unit}s until less than 1 % is left"
        + ("; gate: mean opening of what keeps the state" if gated else "")
        + ("; c is measured against its own peak" if any(row[2 + deep] == "c" for row in rows) else "")
    )
    title = "How far back the gradient of the last state reaches"
    if found.segment > 1:
        title += f", in segments of {found.segment} steps"
    return ResultTable(title, tuple(columns), rows, caption)
