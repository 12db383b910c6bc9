"""``seqcli evaluate FILE``: metrics of a saved model on a file that has the answers, or of a backtest."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from seqcli.cli.command import NEVER_IN_FORECAST, TRAINING_GROUPS, Command, Invocation
from seqcli.cli.dynamic import OBEYED, check_dynamic, dynamic_scores
from seqcli.errors import SeqcliError, UsageError, near_miss
from seqcli.options import (
    ColumnOptions,
    ModelOptions,
    NetworkOptions,
    OutputOptions,
    PlotOptions,
    ReadingOptions,
)
from seqcli.options_use import BacktestOptions, EvaluateOptions, FusionOptions, SpeechOptions
from seqcli.reporting.plots import check_plot
from seqcli.reporting.results import RowWriter, check_output, result_format, result_stream, write_result
from seqcli.reporting.screen import Screen, has_colours
from seqcli.reporting.surprise import SurpriseWriter
from seqcli.reporting.training import show_tables
from seqcli.results import ResultTable
from seqcli.tasks.metrics import HIGHER_IS_BETTER, ODD_METRICS, is_worse

if TYPE_CHECKING:
    from seqcli.inference.evaluate import Measured
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table
    from seqcli.reporting.panels import Panel
    from seqcli.sequences import Examples
    from seqcli.tasks.base import Scores, Task

NOTHING = "this result has nothing to draw"


def evaluate(call: Invocation) -> int:
    """Score a file; the first table goes to stdout, or with --per-token each token; details to stderr."""
    if not call.files:
        raise UsageError("evaluate needs a labelled file", "seqcli evaluate test.csv -m reviews.seqcli")
    output = call.group(OutputOptions)
    check_output(output)
    plot = call.group(PlotOptions)
    check_plot(plot, output)
    screen = Screen(output.quiet, output.verbose)
    wanted = call.group(BacktestOptions)
    if wanted.folds or wanted.protocol:
        return test_by_training(call, screen)
    options = call.group(EvaluateOptions)
    refuse_training(call, options.dynamic)
    from seqcli.cli.use import open_model
    from seqcli.inference.evaluate import measure
    from seqcli.inference.foresight import with_search

    model = open_model(call.group(ModelOptions).model, screen, call.files)
    limits, per_token = options.fail_under, options.per_token
    if per_token and not model.network.streams:
        raise UsageError("--per-token goes with a language model, which this is not", "leave out --per-token")
    if options.dynamic:
        check_dynamic(call, model)
    check_names(limits, measurable(model))
    table = read_labelled(call, model, screen)
    if per_token:
        write_tokens(model, table, output, screen)

    def also(examples: Examples) -> list[Scores]:
        return dynamic_scores(call, model, examples, screen) if options.dynamic else []

    def searching(task: Task) -> Task:
        return with_search(task, model, call.group(SpeechOptions).transcripts, call.group(FusionOptions))

    measured = measure(model, table, screen.warn, also, searching, call.group(ColumnOptions))
    tables = measured.tables
    show_tables(screen, tuple(tables if per_token else tables[1:]))
    show_scored(measured, f"{model.path.name} on {Path(table.source).name}", plot, screen)
    if not per_token:
        write_first(tables[0], output, screen)
    check_limits(tables[0], limits)
    return 0


def test_by_training(call: Invocation, screen: Screen) -> int:
    """Train as --folds or --protocol say, and score what was held out."""
    from seqcli.cli.backtest import run_backtest
    from seqcli.tasks.forecasting.board import PROTOCOLS
    from seqcli.tasks.forecasting.metrics import METRICS

    limits = call.group(EvaluateOptions).fail_under
    check_names(limits, (*PROTOCOLS.get(call.group(BacktestOptions).protocol or "", METRICS), "skill"))
    tested = run_backtest(call, screen)
    show_tables(screen, tested.details)
    from seqcli.reporting.scored_figure import table_panels

    name = f"Forecasts of {Path(call.files[0]).name}, trained and tested by rolling origin"
    draw(table_panels(tested.details), (name, tested.result.title), call.group(PlotOptions), screen)
    write_first(tested.result, call.group(OutputOptions), screen)
    check_limits(tested.result, limits)
    return 0


def show_scored(measured: Measured, title: str, plot: PlotOptions, screen: Screen) -> None:
    """Draw what was measured: lines on a terminal, all of it into the file of ``plot``."""
    if not screen.live and plot.plot is None:
        return
    from seqcli.reporting.scored_figure import scored_panels

    values = {name: value for name, value in measured.tables[0].records()[0].items() if name != "predictor"}
    figures = [f"{name} {value:.4g}" for name, value in values.items() if isinstance(value, int | float)]
    said = f"{measured.tables[0].title}: {', '.join(figures)}"
    draw(scored_panels(measured), (title, said), plot, screen)


def draw(panels: Sequence[Panel], titles: tuple[str, str], plot: PlotOptions, screen: Screen) -> None:
    """Draw panels of lines on a terminal, whose tables show the others, and all into the file of ``plot``."""
    from seqcli.reporting.panel_chart import show_panels
    from seqcli.reporting.panel_figure import PanelFigure, write_panels
    from seqcli.reporting.panels import LinePanel

    show_panels(screen, [panel for panel in panels if isinstance(panel, LinePanel)])
    write_panels(PanelFigure(*titles, panels), plot, screen, NOTHING)


def refuse_training(call: Invocation, dynamic: bool) -> None:
    """Raise UsageError for an option that shapes a training where a saved model is scored.

    One that is ``dynamic`` goes on learning, and some say how.
    """
    kept = {"input_format", "encoding", "delimiter", "names"} | (OBEYED if dynamic else frozenset())
    pair = {"source", "target"} if "source" in call.typed else set()
    pair |= {"anomalous", "target"} if "anomalous" in call.typed else set()
    idle = sorted(call.typed_training - kept - pair)
    if idle:
        flag = "--" + idle[0].replace("_", "-")
        raise UsageError(
            f"{flag} shapes a training, and evaluate scores a saved model as it is",
            f"leave out {flag}, or add --folds 5 to train and test a forecast",
        )


def read_labelled(call: Invocation, model: SavedModel, screen: Screen) -> Table:
    """The file with its answers; of a translator it may be two files. Raises UsageError for one of them."""
    from seqcli.cli.use import read_whole, say_notes

    columns, reading = call.group(ColumnOptions), call.group(ReadingOptions)
    if columns.source is None:
        return read_whole(call.files, reading, screen)
    if not model.network.attention:
        raise UsageError("--source is of texts to translate, and this model makes none", "name a FILE")
    from seqcli.inference.translating import labelled_pair

    table = labelled_pair(model, columns, call.files, reading)
    say_notes(table, screen)
    return table


def write_first(table: ResultTable, output: OutputOptions, screen: Screen) -> None:
    """The result, and in a pipe its caption for whoever looks on."""
    write_result(table, output)
    if table.caption and result_format(output) != "table":
        screen.prose(table.caption)


def write_tokens(model: SavedModel, table: Table, output: OutputOptions, screen: Screen) -> None:
    """A row for each token of the text, as it is read; for a person the text, coloured."""
    from seqcli.inference.frames import FRAME_COLUMNS, frame_rows
    from seqcli.inference.surprisal import TOKEN_COLUMNS, token_rows, unit_of

    form = result_format(output)
    task = str(model.record["task"]["name"])
    if task.startswith("language.") and form == "table" and not output.format and has_colours(sys.stdout):
        surprise = SurpriseWriter(sys.stdout, unit_of(model))
        for rows in token_rows(model, table):
            surprise.write([(str(row[1]), None if row[3] is None else float(row[3])) for row in rows])
        surprise.close()
        screen.line(f"bits a {unit_of(model)}: {surprise.legend}; --format table has the figures", "dim")
        return
    columns, each = (
        (FRAME_COLUMNS, frame_rows) if task.startswith("pianoroll.") else (TOKEN_COLUMNS, token_rows)
    )
    with result_stream(output) as sink:
        writer = RowWriter(columns, form, sink, computed=5)
        for rows in each(model, table):
            for position, token, *measured in rows:
                # A person sees where spaces and line breaks stand; a program gets the token itself.
                shown = json.dumps(token, ensure_ascii=False) if form == "table" else token
                writer.write((position, shown, *measured))
            writer.flush()
        writer.close()


def measurable(model: SavedModel) -> frozenset[str]:
    """The metrics that the model can have on some file."""
    own: Mapping[str, float | None] = next(iter(model.record["metrics"].values()), {})
    judged = ODD_METRICS if str(model.record["task"]["name"]).startswith("reconstruct.") else ()
    return frozenset({*own, *judged})


def check_names(limits: tuple[tuple[str, float], ...], metrics: Collection[str]) -> None:
    """Raise UsageError for a limit on a metric that is not measured."""
    for metric, _ in limits:
        if metric not in metrics:
            close = near_miss(metric, metrics)
            hint = f"did you mean {close}?" if close else f"the metrics are {', '.join(metrics)}"
            raise UsageError(f"--fail-under: the result has no metric {metric!r}", hint)


def check_limits(result: ResultTable, limits: tuple[tuple[str, float], ...]) -> None:
    """Hold the model's row (the first) against ``--fail-under``: no metric may be worse than its limit.

    Raises SeqcliError (exit 1) for one that is, or that cannot be measured.
    """
    metrics = {name: value for name, value in result.records()[0].items() if name in HIGHER_IS_BETTER}
    check_names(limits, metrics)
    for metric, limit in limits:
        value = metrics[metric]
        if not isinstance(value, int | float) or math.isnan(value):
            raise SeqcliError(f"{metric} cannot be measured on this file", "put the limit on another metric")
        if is_worse(metric, value, limit):
            rising = HIGHER_IS_BETTER[metric]
            raise SeqcliError(
                f"{metric} {value:.4g} is {'under' if rising else 'over'} {limit:g}",
                f"--fail-under asked for at least {limit:g}"
                if rising
                else f"lower is better: --fail-under asked for at most {limit:g}",
            )


COMMAND = Command(
    run=evaluate,
    examples=(
        "seqcli evaluate test.csv -m reviews.seqcli",
        "seqcli evaluate test.csv -m reviews.seqcli --fail-under accuracy=.9",
        "seqcli evaluate test.csv -m reviews.seqcli --fail-under accuracy=.9,log_loss=.4",
        "seqcli evaluate test.csv -m reviews.seqcli --plot confusion.svg",
        "seqcli evaluate corpus.txt -m corpus.seqcli --per-token -o tokens.csv",
        "seqcli evaluate corpus.txt -m corpus.seqcli --dynamic",
        "seqcli evaluate prices.csv --folds 3 --steps 100",
    ),
    groups=(
        *(ModelOptions, EvaluateOptions, SpeechOptions, FusionOptions, BacktestOptions),
        *TRAINING_GROUPS,
        *(OutputOptions, PlotOptions),
    ),
    only={
        group: tuple(
            item.name
            for item in fields(group)
            if item.name not in (*NEVER_IN_FORECAST, "task") or item.name in ("source", "anomalous")
        )
        for group in (ColumnOptions, NetworkOptions)
    },
    files="FILE",
    files_help="A file with the model's input columns and its target; a text for a language model.",
)
