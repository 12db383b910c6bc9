"""``seqcli tune FILE``: options are tried out, and the best ones become a configuration for ``train``."""

from __future__ import annotations

from dataclasses import fields

from seqcli.cli.command import TRAINING_GROUPS, Command, Invocation
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, RunOptions, TrainingOptions
from seqcli.options_use import TuneOptions
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import check_output, write_result
from seqcli.reporting.screen import Screen
from seqcli.reporting.training import show_dry_run
from seqcli.reporting.tuning import TuningView

LENGTHS = ("time_budget", "stop_at")
"""Options of one training that trials do without: they stop early, and time is for all of them."""


def tune(call: Invocation) -> int:
    """Try out what was not typed; the ranked trials go to stdout, all else to stderr."""
    if not call.files:
        raise UsageError("tune needs a file to learn from", "seqcli tune reviews.csv")
    output, flags = call.group(OutputOptions), call.group(TuneOptions)
    check_output(output)
    screen = Screen(output.quiet, output.verbose)
    with waiting(screen, "starting"):
        from seqcli.training.tuning.tune import plan_tuning
        from seqcli.training.tuning.tune import tune as run
    if call.group(RunOptions).dry_run:
        with waiting(screen, "reading"):
            plan = plan_tuning(call.files, call.training(), flags, call.typed_training)
        call.refuse_idle(plan.task)
        show_dry_run(screen, plan, output)
        return 0
    events = run(call.files, call.training(), flags, call.typed_training)
    tuned = TuningView(screen).follow(call.checked(events))
    write_result(tuned.result, output)
    for note in tuned.notes:
        screen.prose(note)
    screen.line(f"wrote {tuned.config}: the options of the best trial", "bold")
    screen.line(f"use it: {tuned.command}", "dim")
    return 0


COMMAND = Command(
    run=tune,
    examples=(
        "seqcli tune reviews.csv",
        "seqcli tune reviews.csv --trials 50 --time-budget 30m --cell lstm",
        "seqcli tune prices.csv --task forecast --horizon 7 --trials 10",
        "seqcli tune reviews.csv --trials 80 --save best.toml",
    ),
    groups=(TuneOptions, *TRAINING_GROUPS, RunOptions, OutputOptions),
    only={TrainingOptions: tuple(item.name for item in fields(TrainingOptions) if item.name not in LENGTHS)},
    files="FILE",
    files_help="What train takes: csv, tsv, jsonl or txt (.gz too), a folder, - for stdin.",
)
