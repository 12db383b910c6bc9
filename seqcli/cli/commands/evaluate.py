"""``seqcli evaluate FILE -m MODEL``: the model's metrics on a file that has the answers."""

from __future__ import annotations

from collections.abc import Collection

from seqcli.cli.command import Command, Invocation
from seqcli.errors import SeqcliError, UsageError, near_miss
from seqcli.options import EvaluateOptions, ModelOptions, OutputOptions, ReadingOptions
from seqcli.reporting.results import check_output, result_format, write_result
from seqcli.reporting.screen import Screen
from seqcli.reporting.training import show_tables
from seqcli.results import ResultTable


def evaluate(call: Invocation) -> int:
    """Score a file; the first table goes to stdout, details to stderr."""
    if not call.files:
        raise UsageError("evaluate needs a labelled file", "seqcli evaluate test.csv -m reviews.seqcli")
    from seqcli.cli.use import open_model, read_whole
    from seqcli.inference.evaluate import evaluate as score

    output = call.group(OutputOptions)
    check_output(output)
    screen = Screen(output.quiet, output.verbose)
    model = open_model(call.group(ModelOptions).model, screen)
    limits = call.group(EvaluateOptions).fail_under
    check_names(limits, next(iter(model.record["metrics"].values()), {}))
    table = read_whole(call.files, call.group(ReadingOptions), screen)
    tables = score(model, table)
    show_tables(screen, tuple(tables[1:]))
    write_result(tables[0], output)
    if tables[0].caption and result_format(output) != "table":
        screen.line(tables[0].caption)
    check_limits(tables[0], limits)
    return 0


def check_names(limits: tuple[tuple[str, float], ...], metrics: Collection[str]) -> None:
    """Raise UsageError for a limit on a metric that is not measured."""
    for metric, _ in limits:
        if metric not in metrics:
            close = near_miss(metric, metrics)
            hint = f"did you mean {close}?" if close else f"the metrics are {', '.join(metrics)}"
            raise UsageError(f"--fail-under: the result has no metric {metric!r}", hint)


def check_limits(result: ResultTable, limits: tuple[tuple[str, float], ...]) -> None:
    """Hold the model's row (the first) against ``--fail-under``. Raises SeqcliError (exit 1)."""
    record = result.records()[0]
    metrics = {name: value for name, value in record.items() if isinstance(value, int | float)}
    check_names(limits, metrics)
    for metric, limit in limits:
        if not metrics[metric] >= limit:
            raise SeqcliError(
                f"{metric} {metrics[metric]:.4g} is under {limit:g}", "--fail-under asked for more"
            )


COMMAND = Command(
    run=evaluate,
    examples=(
        "seqcli evaluate test.csv -m reviews.seqcli",
        "seqcli evaluate test.csv -m reviews.seqcli --fail-under accuracy=.9",
    ),
    groups=(ModelOptions, EvaluateOptions, ReadingOptions, OutputOptions),
    only={ReadingOptions: ("input_format", "encoding", "delimiter")},
    files="FILE",
    files_help="A file with the model's input columns and its target.",
)
