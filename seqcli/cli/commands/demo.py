"""``seqcli demo``: the tour, or one section of it on data that it writes here."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path

from seqcli.cli.command import Command, Invocation
from seqcli.errors import UsageError, near_miss
from seqcli.options import OutputOptions
from seqcli.options_use import DemoOptions
from seqcli.reporting.results import write_result
from seqcli.reporting.screen import Screen
from seqcli.results import ResultColumn, ResultTable

SIZES = {"remembered": "--steps", "sequences": "--sequences", "drawn_from": "--seed"}


def demo(call: Invocation) -> int:
    """List the tour, or run the section that was typed, command by command."""
    from seqcli.demo.long_memory import PROBLEMS
    from seqcli.demo.tour import SECTIONS

    output = call.group(OutputOptions)
    if call.files and (call.files[0] in PROBLEMS or not call.files[0].isdigit()):
        return write_problem(call)
    if call.typed & SIZES.keys():
        flag = SIZES[min(call.typed & SIZES.keys())]
        raise UsageError(f"{flag} is for {', '.join(PROBLEMS)}", "seqcli demo copying --steps 100")
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
    if section.scene:
        from seqcli.demo.scenes import play

        play(section.scene, screen)
    return 0


def write_problem(call: Invocation) -> int:
    """Write the file of one problem here, and say what a memory has to beat and what to type next."""
    from seqcli.demo.long_memory import PROBLEMS, Size

    output, flags = call.group(OutputOptions), call.group(DemoOptions)
    name = call.files[0]
    if len(call.files) > 1 or name not in PROBLEMS:
        close = near_miss(name, PROBLEMS)
        hint = f"did you mean {close}?" if close else f"a section's number, or {', '.join(PROBLEMS)}"
        raise UsageError(f"the demo has no {' '.join(call.files)!r}", hint)
    problem = PROBLEMS[name](Path(), Size(flags.remembered, flags.sequences, flags.drawn_from))
    columns = (
        ResultColumn("file", emphasis=True),
        ResultColumn("sequences", ",d"),
        ResultColumn("steps", ",d"),
        ResultColumn("without_memory", wrap=True),
    )
    row = (str(problem.path), problem.sequences, problem.steps, problem.chance)
    write_result(ResultTable("", columns, [row]), output)
    Screen(output.quiet, output.verbose).line(f"next: {problem.command}", "bold")
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
    examples=("seqcli demo", "seqcli demo 1", "seqcli demo adding --steps 50 --sequences 500"),
    groups=(DemoOptions, OutputOptions),
    only={OutputOptions: ("format", "output", "quiet")},
    files="N",
    files_help="The section to run, or copying, adding, digits or dates to write; else the tour is listed.",
)
