"""``seqcli demo``: the tour, or one section of it on data that it writes here."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path

from seqcli.cli.command import Command, Invocation
from seqcli.errors import UsageError
from seqcli.options import OutputOptions
from seqcli.reporting.results import write_result
from seqcli.reporting.screen import Screen
from seqcli.results import ResultColumn, ResultTable


def demo(call: Invocation) -> int:
    """List the tour, or run the section that was typed, command by command."""
    from seqcli.demo.tour import SECTIONS

    output = call.group(OutputOptions)
    tour = {str(section.number): section for section in SECTIONS}
    if not call.files:
        columns = (ResultColumn("section"), ResultColumn("title", emphasis=True), ResultColumn("commands"))
        rows = [(section.number, section.title, len(section.commands)) for section in tour.values()]
        write_result(ResultTable("", columns, list(rows), caption="seqcli demo 1 runs the first"), output)
        return 0
    if len(call.files) > 1 or call.files[0] not in tour:
        raise UsageError(
            f"the tour has no section {' '.join(call.files)!r}", f"the sections are {', '.join(tour)}"
        )
    section = tour[call.files[0]]
    screen = Screen(output.quiet, output.verbose)
    screen.line(f"{section.number}. {section.title}", "bold")
    for line in textwrap.wrap(section.text, 80):
        screen.line(line)
    screen.line("")
    for name in section.files:
        write_missing(name, screen)
    for line in section.commands:
        screen.line(f"\n$ {line}", "bold")
        code = run_line(line)
        if code:
            return code
    return 0


def write_missing(name: str, screen: Screen) -> None:
    """Write one sample file here, unless a file of that name stands here already."""
    from seqcli.demo.samples import write_sample

    if Path(name).exists():
        screen.line(f"{name} is here already and stays as it is", "dim")
    else:
        write_sample(name, Path())
        screen.line(f"wrote {name}", "dim")


def run_line(line: str) -> int:
    """Run one command line of the tour in this process."""
    from seqcli.cli.main import main

    return main(shlex.split(line)[1:])


COMMAND = Command(
    run=demo,
    examples=("seqcli demo", "seqcli demo 1"),
    groups=(OutputOptions,),
    only={OutputOptions: ("format", "output", "quiet")},
    files="N",
    files_help="The section to run; without it the tour is listed.",
)
