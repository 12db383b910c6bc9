"""``seqcli forecast FILE``: the next rows, from the model that fits, or from one trained now."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seqcli.cli.command import NEVER_IN_FORECAST, TRAINING_GROUPS, TRAINING_OPTIONS, Command, Invocation
from seqcli.cli.use import open_model, read_whole, say_leftover, say_notes
from seqcli.errors import ModelError, UsageError
from seqcli.options import (
    ColumnOptions,
    ModelOptions,
    NetworkOptions,
    Options,
    OutputOptions,
    RunOptions,
    SavingOptions,
)
from seqcli.reporting.forecast import show_charts
from seqcli.reporting.live import TrainingView
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import check_output, write_result
from seqcli.reporting.screen import Screen
from seqcli.reporting.training import report_training, show_dry_run, show_tables

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table

NEVER_RETRAIN = frozenset({"interval", "input_format", "encoding", "delimiter"})
"""Options that a finished model can obey without being trained again."""


SHAPING = TRAINING_OPTIONS - NEVER_RETRAIN
"""All others of a training."""


def forecast(call: Invocation) -> int:
    """Write the next rows to stdout; the backtest, a chart and the next step go to stderr."""
    if not call.files:
        raise UsageError("forecast needs a file", "seqcli forecast prices.csv --window 60")
    output = call.group(OutputOptions)
    check_output(output)
    screen = Screen(output.quiet, output.verbose)
    stdin = sys.stdin.buffer.read() if "-" in call.files else None
    replay(stdin)
    options, fresh = call.training(), False
    options = replace(options, columns=replace(options.columns, task="forecast"))
    if call.group(RunOptions).dry_run:
        return dry_run(call, options, screen)
    named = call.group(ModelOptions).model
    if named is not None:
        refuse_training_options(call, named)
        model = open_model(named, screen)
        table = read_whole(call.files, options.reading, screen)
    else:
        model, table, fresh = find_or_train(call, options, screen, stdin)
    write_forecast(call, model, table, screen, fresh)
    return 0


def refuse_training_options(call: Invocation, named: str) -> None:
    """A model that was named is used as it is: an option that would shape a training is a mistake."""
    shaping = sorted((call.typed & SHAPING) | (call.typed & {"save", "force", "resume"}))
    if shaping:
        flag = "--" + shaping[0].replace("_", "-")
        raise UsageError(
            f"{flag} shapes a training, and -m {named} is used as it is", f"leave out {flag}, or -m"
        )


def find_or_train(
    call: Invocation, options: Options, screen: Screen, stdin: bytes | None
) -> tuple[SavedModel, Table, bool]:
    """The default model when data and typed options agree with it; else one that is trained now.

    The last item says whether it was trained, so that what is odd about the file has been said.
    """
    from seqcli.model_dir import default_target, read_model
    from seqcli.readers.read import read_table

    saving = call.group(SavingOptions)
    target = Path(saving.save) if saving.save else default_target(call.files)
    with waiting(screen, "reading"):
        table = read_table(call.files, options.reading)
    if target.is_dir() and not (saving.force or saving.resume):
        model = matching_model(target, call, options, table)
        if model is not None:
            say_notes(table, screen)
            screen.line(f"model: {model.path}, {model.age()}, of the same data and options", "dim")
            return model, table, False
    replay(stdin)
    return read_model(train(call, options, screen)), table, True


def replay(content: bytes | None) -> None:
    """Let stdin be read from its start: once to look for a model, once more to train."""
    if content is not None:
        sys.stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def matching_model(target: Path, call: Invocation, options: Options, table: Table) -> SavedModel | None:
    """The model at ``target``, when it forecasts and agrees with the data and with what was typed."""
    from seqcli.model_dir import agrees, read_model

    try:
        model = read_model(target)
    except ModelError:
        return None  # training says what is wrong with it, and what --force would do
    flat = options.to_flat()
    typed = {name: flat[name] for name in call.typed & SHAPING}
    is_forecast = str(model.record["task"]["name"]).startswith("forecast.")
    return model if is_forecast and agrees(model, table.digest, typed) else None


def train(call: Invocation, options: Options, screen: Screen) -> Path:
    """Train, show the backtest, and return the model's directory."""
    with waiting(screen, "starting"):
        from seqcli.training.run import train as run
    saving = call.group(SavingOptions)
    say_leftover("forecast", call.files, saving, screen)
    events = run(call.files, options, saving, call.typed_training, "forecast")
    trained = TrainingView(screen).follow(events)
    show_tables(screen, (trained.result,))
    report_training(screen, trained)
    return trained.model


def dry_run(call: Invocation, options: Options, screen: Screen) -> int:
    """Print the plan of the training that would be done."""
    from seqcli.training.run import plan_only

    with waiting(screen, "reading"):
        plan = plan_only(call.files, options, call.group(SavingOptions))
    show_dry_run(screen, plan, call.group(OutputOptions))
    return 0


def write_forecast(call: Invocation, model: SavedModel, table: Table, screen: Screen, fresh: bool) -> None:
    """Compute the next rows, show them, and write them."""
    from seqcli.inference.forecast import forecast_rows, forecast_task

    intervals: Sequence[int] | None = call.values.get("interval")
    result = forecast_rows(model, table, intervals)
    for note in result.context.notes if fresh else result.notes:
        screen.warn(note)
    task = forecast_task(model)
    show_charts(screen, result.rows, result.context, task.plan.target, task.calendar.label)
    write_result(result.rows, call.group(OutputOptions))
    screen.line(f"\n{result.next_step}", "bold")


COMMAND = Command(
    run=forecast,
    examples=(
        "seqcli forecast prices.csv --window 60",
        "seqcli forecast prices.csv --horizon 20 --interval 50,90 --target close",
        "seqcli forecast prices.csv -m prices.seqcli -o next.csv",
    ),
    groups=(ModelOptions, *TRAINING_GROUPS, SavingOptions, RunOptions, OutputOptions),
    only={
        group: tuple(item.name for item in fields(group) if item.name not in (*NEVER_IN_FORECAST, "task"))
        for group in (ColumnOptions, NetworkOptions)
    },
    files="FILE",
    files_help="A csv, tsv or jsonl file of numbers over time (.gz too), or - for stdin.",
)
