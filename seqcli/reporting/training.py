"""What is said around a training: its plan, and at the end its tables, rules and model."""

from __future__ import annotations

from pathlib import Path

from seqcli.options import OutputOptions
from seqcli.reporting.confusion import fitting, matrix_of
from seqcli.reporting.learning import history_of, learning_panels
from seqcli.reporting.live import show_plan
from seqcli.reporting.panel_chart import fits, show_panels
from seqcli.reporting.results import result_format, write_result
from seqcli.reporting.screen import Screen, is_plain
from seqcli.reporting.tables import drawn
from seqcli.results import ResultColumn, ResultTable
from seqcli.saved.record import HISTORY
from seqcli.training.events import PlanMade, Trained

LEAST_EPOCHS = 3
"""Points below which a learning curve says no more than the table of epochs."""


def show_tables(screen: Screen, tables: tuple[ResultTable, ...]) -> None:
    """Draw tables on stderr for a person, each with an empty line behind it."""
    for table in tables:
        if not screen.quiet:
            width = screen.console.width
            matrix = matrix_of(table) if screen.live else None
            if matrix is not None and fits(matrix, width):
                show_panels(screen, [matrix])
                continue
            screen.show(drawn(fitting(table, width), width, is_plain(screen.stream)))
            screen.line("")


def report_training(screen: Screen, trained: Trained) -> None:
    """Details, the rules that were kept and where the model is; the result itself goes to stdout."""
    show_tables(screen, trained.details)
    show_curves(screen, trained.model)
    screen.line("Rules kept", "bold")
    for rule in trained.rules:
        screen.line(f"- {rule}", "dim")
    if trained.replaced:
        screen.line(trained.replaced)
    screen.line(f"model: {trained.model}\n", "bold")


def show_curves(screen: Screen, model: Path) -> None:
    """On a terminal the learning curves of a new model: loss, and what the validation part said of it."""
    if screen.live:
        panels = learning_panels(history_of((model / HISTORY).read_bytes()))[:2]
        show_panels(screen, [panel for panel in panels if len(panel.lines[0].points) >= LEAST_EPOCHS])


def show_dry_run(screen: Screen, plan: PlanMade, output: OutputOptions) -> None:
    """The plan is the result of a dry run: on a terminal as training shows it, else as rows."""
    if result_format(output) == "table" and output.output in (None, "-"):
        show_plan(Screen(stream=None), plan)
        screen.line("dry run: nothing was trained", "dim")
        return
    rows = [("plan", line) for line in plan.lines] + [("note", text) for text in plan.warnings]
    write_result(ResultTable("", (ResultColumn("kind"), ResultColumn("text")), list(rows)), output)
