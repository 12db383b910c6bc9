"""``seqcli compare FILE``: cells, directions, attention and baselines side by side, ranked on validation."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from seqcli.cli.command import TRAINING_GROUPS, Command, Invocation
from seqcli.errors import UsageError
from seqcli.options import NetworkOptions, OutputOptions, PlotOptions, RunOptions, TrainingOptions
from seqcli.options_use import CompareOptions
from seqcli.reporting.comparing import ComparisonView
from seqcli.reporting.plots import check_plot, write_figure
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import check_output, write_result
from seqcli.reporting.screen import Screen
from seqcli.reporting.training import show_dry_run, show_tables

NOT_COMPARED = {
    NetworkOptions: ("cell", "vectors"),
    TrainingOptions: ("time_budget", "stop_at", "pretrain", "refit", "backend", "init_from"),
}
"""Options of one training that a comparison does without: cells differ, and weights begin anew."""


def compare(call: Invocation) -> int:
    """Train what is compared; the ranked table goes to stdout, all else to stderr."""
    if not call.files:
        raise UsageError("compare needs a file to learn from", "seqcli compare reviews.csv")
    output, flags = call.group(OutputOptions), call.group(CompareOptions)
    plot = call.group(PlotOptions)
    check_output(output)
    check_plot(plot, output)
    screen = Screen(output.quiet, output.verbose)
    with waiting(screen, "starting"):
        from seqcli.training.comparing.compare import compare as run
        from seqcli.training.comparing.compare import plan_comparison
    if call.group(RunOptions).dry_run:
        with waiting(screen, "reading"):
            plan = plan_comparison(call.files, call.training(), flags, call.typed)
        call.refuse_idle(plan.task)
        show_dry_run(screen, plan, output)
        return 0
    events = run(call.files, call.training(), flags, call.typed)
    compared = ComparisonView(screen).follow(call.checked(events))
    show_tables(screen, compared.details)
    write_result(compared.result, output)
    if plot.plot is not None:
        from seqcli.reporting.compared_figure import compared_figure, drawn

        figure = compared_figure(compared.standings, Path(call.files[0]).name)
        how = (drawn(compared.result), "networks", "no network came to its end")
        write_figure(figure, plot, screen, how)
    for note in compared.notes:
        screen.prose(note)
    return 0


COMMAND = Command(
    run=compare,
    examples=(
        "seqcli compare reviews.csv",
        "seqcli compare reviews.csv --cells gru,lstm --seeds 3",
        "seqcli compare reviews.csv --cells none,gru,transformer --rows 20,40 --plot few.svg",
        "seqcli compare prices.csv --task forecast --horizon 7 --time-budget 1m",
    ),
    groups=(CompareOptions, *TRAINING_GROUPS, RunOptions, OutputOptions, PlotOptions),
    only={
        group: tuple(item.name for item in fields(group) if item.name not in left_out)
        for group, left_out in NOT_COMPARED.items()
    },
    files="FILE",
    files_help="What train takes: csv, tsv, jsonl or txt (.gz too), a folder, - for stdin.",
)
