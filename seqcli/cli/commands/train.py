"""``seqcli train FILE``: a file becomes a trained, tested, saved model."""

from __future__ import annotations

from seqcli.cli.command import TRAINING_GROUPS, Command, Invocation
from seqcli.cli.learning import plot_learning
from seqcli.cli.use import say_leftover
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, PlotOptions, RunOptions, SavingOptions
from seqcli.reporting.live import TrainingView
from seqcli.reporting.plots import check_plot
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import check_output, write_result
from seqcli.reporting.screen import Screen
from seqcli.reporting.training import report_training, show_dry_run
from seqcli.threads import team_place


def train(call: Invocation) -> int:
    """Train as typed; the test table goes to stdout, all else to stderr."""
    if not call.files:
        raise UsageError("train needs a file to learn from", "seqcli train reviews.csv")
    output, saving = call.group(OutputOptions), call.group(SavingOptions)
    plot = call.group(PlotOptions)
    check_output(output)
    check_plot(plot, output)
    if team_place()[0] > 0:
        return _help(call, saving)
    screen = Screen(output.quiet, output.verbose)
    with waiting(screen, "starting"):
        from seqcli.training.run import plan_only
        from seqcli.training.run import train as run
    if call.group(RunOptions).dry_run:
        with waiting(screen, "reading"):
            plan = plan_only(call.files, call.training(), saving)
        call.refuse_idle(plan.task)
        show_dry_run(screen, plan, output)
        return 0
    say_leftover("train", call.files, saving, screen)
    view = TrainingView(screen)
    trained = view.follow(call.checked(run(call.files, call.training(), saving, call.typed_training)))
    report_training(screen, trained)
    if plot.plot is not None:  # ahead of the result, whose reader may be gone
        from seqcli.model_dir import read_model

        plot_learning(read_model(trained.model), plot, screen)
    write_result(trained.result, output)
    music = {"music": "generate -o tune.mid", "pianoroll": "generate -o tune.mid"}
    use = {"forecast": "forecast FILE", "language": "generate", **music}.get(view.task, "predict FILE")
    screen.line(f"\nuse it: seqcli {use} -m {trained.model}", "dim")
    return 0


def _help(call: Invocation, saving: SavingOptions) -> int:
    """Take this process's share of a training that another one leads; it says nothing."""
    if not call.group(RunOptions).dry_run:
        from seqcli.training.helping import help_to_train

        events = help_to_train(call.files, call.training(), saving, call.typed_training)
        for _ in call.checked(events):
            pass
    return 0


COMMAND = Command(
    run=train,
    examples=(
        "seqcli train reviews.csv",
        "seqcli train reviews.csv --cell lstm --hidden-size 64 --epochs 5",
        "seqcli train corpus.txt --level characters --time-budget 30s",
        "seqcli train sensor.csv --id sequence --target label --time-budget 60s",
        "seqcli train ner.conll --tag-column tag --members 1",
        "seqcli train dates.csv --attention bahdanau --time-budget 60s",
        "seqcli train --source train.de --target train.en --cell lstm",
        "seqcli train reviews.csv --plot curves.svg",
        "seqcli train reviews.csv --dry-run",
    ),
    groups=(*TRAINING_GROUPS, SavingOptions, RunOptions, OutputOptions, PlotOptions),
    files="FILE",
    files_help="csv, tsv, jsonl or txt (.gz too), a folder, - for stdin. Names of several files are labels.",
)
