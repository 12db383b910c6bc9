"""``seqcli export``: a saved model for use elsewhere: its graphs as plain files, or weights of 8 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seqcli.cli.command import Command, Invocation
from seqcli.errors import UsageError
from seqcli.options import ModelOptions, OutputOptions, ReadingOptions, SavingOptions
from seqcli.options_use import ExportOptions
from seqcli.reporting.results import write_result
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel


def export(call: Invocation) -> int:
    """Write the directory; what it holds, or with --int8 what it costs and gives, goes to stdout."""
    from seqcli.cli.use import open_model

    output, options = call.group(OutputOptions), call.group(ExportOptions)
    named = call.group(ModelOptions).model
    places = [*([] if named is None else [named]), *call.files]
    if len(places) > 1:
        raise UsageError("export takes one model", f"seqcli export {places[0]}")
    if options.directory == "":
        raise UsageError("the name of the directory is empty", "a shell variable may not be set")
    if options.measured_on is not None and not options.int8:
        raise UsageError("--data measures what --int8 costs", "add --int8, or leave out --data")
    if not options.int8:
        idle = sorted(call.typed & READING)
        if idle:
            flag = "--" + idle[0].replace("_", "-")
            raise UsageError(f"{flag} says how --data is read", f"leave out {flag}")
    screen = Screen(output.quiet, output.verbose)
    model = open_model(next(iter(places), None), screen)
    return (round_weights if options.int8 else write_graphs)(call, model, screen)


def write_graphs(call: Invocation, model: SavedModel, screen: Screen) -> int:
    """Write the graphs as plain files; what was written goes to stdout."""
    from seqcli.inference.graph_files import graph_files, listed
    from seqcli.inference.trust import blamed_on
    from seqcli.saved.plain import write_directory

    target = Path(call.group(ExportOptions).directory or f"{_stem(model)}.onnx")
    with blamed_on(model):
        files = graph_files(model)
    write_directory(target, files, force=call.group(SavingOptions).force)
    write_result(listed(files, model), call.group(OutputOptions))
    screen.line(f"written to {target}/; try it: python {target / 'example.py'}")
    return 0


def round_weights(call: Invocation, model: SavedModel, screen: Screen) -> int:
    """Write the model with weights of 8 bits; a table of both models goes to stdout."""
    from seqcli.cli.use import read_whole
    from seqcli.inference.evaluate import evaluate
    from seqcli.inference.rounding import comparison, said, write_rounded
    from seqcli.inference.trust import blamed_on
    from seqcli.model_dir import check_target, lock, read_model

    need_onnx()
    options = call.group(ExportOptions)
    target = Path(options.directory or f"{_stem(model)}.int8.seqcli")
    if target.absolute() == model.path.absolute():
        raise UsageError(f"{target}: is the model itself", "give -o another DIR")
    table = before = None
    with _our_flag():
        check_target(
            target,
            named=options.directory is not None,
            source=model.record["data"]["source"],
            task=model.record["task"]["name"],
            force=call.group(SavingOptions).force,
        )
    if (
        options.measured_on is not None
    ):  # ahead of the writing: a file that cannot be scored leaves nothing behind
        table = read_whole([options.measured_on], call.group(ReadingOptions), screen)
        before = evaluate(model, table, screen.warn)[0]
    with _our_flag(), lock(target):
        rounded = write_rounded(model, target)
    small = read_model(target)
    with blamed_on(model):
        compared = comparison([model, small], table, before)
    write_result(compared, call.group(OutputOptions))
    for line in said(compared, rounded, measured=table is not None):
        screen.prose(line)
    screen.line(f"written to {target}; use it: -m {target}")
    return 0


@contextmanager
def _our_flag() -> Iterator[None]:
    """Hints on where a model goes name the flag of this command."""
    try:
        yield
    except UsageError as error:
        raise UsageError(error.message, error.hint.replace("--save", "-o")) from None


def need_onnx() -> None:
    """Raise UsageError where the package that rewrites graphs is missing, as where one only predicts."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise UsageError("--int8 needs onnx, which is not installed", "pip install onnx") from None


def _stem(model: SavedModel) -> str:
    """The name of a model directory without its ending."""
    return model.path.absolute().name.removesuffix(".seqcli")


READING = frozenset({"input_format", "encoding", "delimiter", "names"})

COMMAND = Command(
    run=export,
    examples=(
        "seqcli export reviews.seqcli",
        "seqcli export corpus.seqcli -o elsewhere",
        "seqcli export reviews.seqcli --int8 --data test.csv",
    ),
    groups=(ExportOptions, ModelOptions, ReadingOptions, SavingOptions, OutputOptions),
    only={
        ReadingOptions: tuple(sorted(READING)),
        SavingOptions: ("force",),
        OutputOptions: ("format", "quiet", "verbose"),
    },
    files="MODEL",
    files_help="The model to export; the only *.seqcli here.",
)
