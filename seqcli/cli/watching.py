"""``forecast --follow`` and ``--flag-anomalies``: rows that a saved model answers as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from seqcli.cli.use import open_model, read_whole
from seqcli.errors import DataError, UsageError
from seqcli.options import ModelOptions, OutputOptions, PlotOptions, ReadingOptions, RunOptions
from seqcli.options_use import WatchOptions
from seqcli.reporting.progress import counted
from seqcli.reporting.results import RowWriter, check_output, result_format, result_stream
from seqcli.reporting.screen import Screen, is_terminal
from seqcli.results import Cell

if TYPE_CHECKING:
    from seqcli.cli.command import Invocation
    from seqcli.cli.find_or_train import Wanted
    from seqcli.inference.anomalies import Watching
    from seqcli.inference.follow import Following
    from seqcli.model_dir import SavedModel


def watch(wanted: Wanted, call: Invocation) -> int:
    """Answer each row of a pipe, or mark the odd rows of a file; ``wanted`` refuses options of training."""
    options, output = call.group(WatchOptions), call.group(OutputOptions)
    flag = "--follow" if options.follow else "--flag-anomalies"
    if call.group(RunOptions).dry_run:
        raise UsageError(
            f"--dry-run plans a training, and {flag} uses a saved model", "leave out one of them"
        )
    plot = call.group(PlotOptions).plot
    if plot is not None:
        raise UsageError(
            f"--plot draws the rows to come, and {flag} writes an answer for each row",
            f"leave out --plot, or {flag}",
        )
    wanted.refuse_training(
        call, f"the model of {flag}", f"leave out {{flag}}, or train first, without {flag}"
    )
    _check_files(call.files, options.follow, output)
    check_output(output)
    screen = Screen(output.quiet, output.verbose)
    model = open_model(call.group(ModelOptions).model, screen, call.files)
    if options.follow:
        _follow(call, model, screen)
    else:
        _flag(call, model, screen)
    return 0


def _check_files(files: tuple[str, ...], follow: bool, output: OutputOptions) -> None:
    """Refuse what cannot be followed, and a result that would never be finished. Raises UsageError."""
    if not follow:
        if not files:
            raise UsageError("forecast needs a file", "seqcli forecast prices.csv --flag-anomalies")
        return
    if files not in ((), ("-",)):
        raise UsageError(
            f"--follow reads what a pipe sends, not {files[0]}",
            f"tail -n +1 -f {files[0]} | seqcli forecast - --follow",
        )
    if output.output not in (None, "-"):
        raise UsageError(
            "-o writes a file when all is done, and --follow has no end", f"> {output.output} in its place"
        )


def _follow(call: Invocation, model: SavedModel, screen: Screen) -> None:
    """Write the answer to each row of stdin as soon as it is there."""
    from seqcli.inference.follow import Following, expected_columns
    from seqcli.inference.forecast import forecast_task
    from seqcli.readers.stream import open_stream

    output, intervals = call.group(OutputOptions), call.values.get("interval")
    form = result_format(output)
    try:
        stream = open_stream("-", call.group(ReadingOptions), expected_columns(forecast_task(model)))
    except DataError as error:
        raise _without_header(error) from error
    for note in stream.notes:
        screen.line(f"{stream.source}: {note}", "dim")
    answers: Following | Watching
    if call.group(WatchOptions).flag_anomalies:
        from seqcli.inference.anomalies import Watching

        answers = Watching(model, stream, screen.warn, intervals)
    else:
        # A person at a terminal sees a line a row: the next step alone.
        answers = Following(model, stream, screen.warn, intervals, 1 if form == "table" else None)
    _write(answers, answers.names, form, output)
    if answers.summary:
        screen.line(answers.summary)
    answers.check()


def _without_header(error: DataError) -> DataError:
    """The same error; a stream without one of the columns may be that of tail -f, which sends no header."""
    if "no column is called" in error.message and error.hint.startswith("its columns are"):
        return DataError(error.message, "the first line must name the columns: tail -n +1 -f FILE sends it")
    return error


def _flag(call: Invocation, model: SavedModel, screen: Screen) -> None:
    """Write every row of a file with what was forecast for it."""
    from seqcli.inference.anomalies import Anomalies

    output = call.group(OutputOptions)
    table = read_whole(call.files, call.group(ReadingOptions), screen)
    found = Anomalies(model, table, call.values.get("interval"))
    for note in found.notes:
        screen.warn(note)
    scrolling = is_terminal(sys.stdout) and output.output in (None, "-")
    rows = found if scrolling else counted(screen, found, "rows", lambda: found.share)
    _write(rows, found.names, result_format(output), output)
    screen.line(found.tally.said())


def _write(
    answers: Iterable[list[tuple[Cell, ...]]], names: tuple[str, ...], form: str, output: OutputOptions
) -> None:
    """Write rows as they come; each list is on its way to the reader before the next is asked for."""
    with result_stream(output) as sink:
        writer = RowWriter(names, form, sink, computed=len(names) - 1)
        for rows in answers:
            for row in rows:
                writer.write(row)
            writer.flush()
        writer.close()
