"""``seqcli forecast FILE``: the next rows, from the model that fits, or from one trained now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from seqcli.cli.command import NEVER_IN_FORECAST, TRAINING_GROUPS, Command, Invocation
from seqcli.cli.find_or_train import Wanted, dry_run, find_or_train, typed_in
from seqcli.cli.use import open_model, read_whole
from seqcli.cli.watching import watch
from seqcli.errors import UsageError
from seqcli.options import (
    ColumnOptions,
    ModelOptions,
    NetworkOptions,
    OutputOptions,
    PlotOptions,
    RunOptions,
    SavingOptions,
)
from seqcli.options_use import WatchOptions
from seqcli.reporting.forecast import for_people, forecast_figure, show_charts
from seqcli.reporting.plots import check_plot, write_plot
from seqcli.reporting.results import check_output, result_format, write_result
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table

WANTED = Wanted(
    "forecast", "forecast", obeyed=frozenset({"interval", "input_format", "encoding", "delimiter", "names"})
)


def forecast(call: Invocation) -> int:
    """Write the next rows to stdout; the backtest, a chart and the next step go to stderr."""
    watched = call.group(WatchOptions)
    if watched.follow or watched.flag_anomalies:
        return watch(WANTED, call)
    if not call.files:
        raise UsageError("forecast needs a file", "seqcli forecast prices.csv --window 60")
    call.refuse_idle("forecast")
    output = call.group(OutputOptions)
    check_output(output)
    check_plot(call.group(PlotOptions), output)
    screen = Screen(output.quiet, output.verbose)
    stdin = typed_in(call.files)
    options, fresh = call.training(), False
    options = replace(options, columns=replace(options.columns, task="forecast"))
    if call.group(RunOptions).dry_run:
        return dry_run(call, options, screen)
    named = call.group(ModelOptions).model
    if named is not None:
        WANTED.refuse_training(call, f"-m {named}", "leave out {flag}, or -m")
        model = open_model(named, screen)
        table = read_whole(call.files, options.reading, screen)
    else:
        model, table, fresh = find_or_train(WANTED, call, options, screen, stdin)
    write_forecast(call, model, table, screen, fresh)
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
    plot = call.group(PlotOptions)
    if plot.plot is not None:  # ahead of the rows, whose reader may be gone after the first of them
        shown = (result.rows, result.context, task.plan.target, task.calendar, table.source)
        write_plot(forecast_figure(*shown), plot, screen)
    output = call.group(OutputOptions)
    write_result(for_people(result.rows) if result_format(output) == "table" else result.rows, output)
    screen.line(f"\n{result.next_step}", "bold")


COMMAND = Command(
    run=forecast,
    examples=(
        "seqcli forecast prices.csv --window 60",
        "seqcli forecast prices.csv --horizon 20 --interval 50,90 --target close",
        "seqcli forecast prices.csv -m prices.seqcli -o next.csv",
        "seqcli forecast prices.csv -m prices.seqcli --plot next.html",
        "seqcli forecast prices.csv -m prices.seqcli --flag-anomalies",
        "cat prices.csv | seqcli forecast - -m prices.seqcli --follow",
    ),
    groups=(
        ModelOptions,
        WatchOptions,
        *TRAINING_GROUPS,
        SavingOptions,
        RunOptions,
        PlotOptions,
        OutputOptions,
    ),
    only={
        group: tuple(item.name for item in fields(group) if item.name not in (*NEVER_IN_FORECAST, "task"))
        for group in (ColumnOptions, NetworkOptions)
    },
    files="FILE",
    files_help="A csv, tsv or jsonl file of numbers over time (.gz too), or - for stdin.",
)
