"""What is said around a training: its plan, and at the end its tables, rules and model."""

from __future__ import annotations

from seqcli.options import OutputOptions
from seqcli.reporting.confusion import fitting
from seqcli.reporting.live import show_plan
from seqcli.reporting.results import result_format, write_result
from seqcli.reporting.screen import Screen, is_plain
from seqcli.reporting.tables import drawn
from seqcli.results import ResultColumn, ResultTable
from seqcli.training.events import PlanMade, Trained


def show_tables(screen: Screen, tables: tuple[ResultTable, ...]) -> None:
    """Draw tables on stderr for a person, each with an empty line behind it."""
    for table in tables:
        if not screen.quiet:
            width = screen.console.width
            screen.show(drawn(fitting(table, width), width, is_plain(screen.stream)))
            screen.line("")


def report_training(screen: Screen, trained: Trained) -> None:
    """Details, the rules that were kept and where the model is; the result itself goes to stdout."""
    show_tables(screen, trained.details)
    screen.line("Rules kept", "bold")
    for rule in trained.rules:
        screen.line(f"- {rule}", "dim")
    if trained.replaced:
        screen.line(trained.replaced)
    screen.line(f"model: {trained.model}\n", "bold")


def show_dry_run(screen: Screen, plan: PlanMade, output: OutputOptions) -> None:
    """The plan is the result of a dry run: on a terminal as training shows it, else as rows."""
    if result_format(output) == "table" and output.output in (None, "-"):
        show_plan(Screen(stream=None), plan)
        screen.line("dry run: nothing was trained", "dim")
        return
    rows = [("plan", line) for line in plan.lines] + [("note", text) for text in plan.warnings]
    write_result(ResultTable("", (ResultColumn("kind"), ResultColumn("text")), list(rows)), output)
