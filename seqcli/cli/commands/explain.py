"""``seqcli explain FILE -m MODEL``: what drove the forecast after the last row, or the answer to each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from seqcli.cli.command import Command, Invocation
from seqcli.cli.explain_texts import OF_TEXTS, explain_texts, refuse_other
from seqcli.cli.use import open_model, read_whole
from seqcli.errors import UsageError
from seqcli.options import ModelOptions, OutputOptions, PlotOptions, ReadingOptions
from seqcli.options_use import ExplainOptions
from seqcli.reporting.plots import check_plot, write_figure
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import check_output, result_format, write_result
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.forecast import Forecast
    from seqcli.tasks.multilabel import Multilabel


def explain(call: Invocation) -> int:
    """Explain the answers of a saved model, each kind in its own way; the influences go to stdout."""
    if not call.files:
        raise UsageError(
            "explain needs a file, or - for texts from stdin", "seqcli explain prices.csv -m prices.seqcli"
        )
    from seqcli.inference.explain import explainable, explains_bases, explains_text
    from seqcli.tasks.regress import Regress

    output, plot = call.group(OutputOptions), call.group(PlotOptions)
    check_output(output)
    check_plot(plot, output)
    screen = Screen(output.quiet, output.verbose)
    model = open_model(call.group(ModelOptions).model, screen, call.files)
    task = explainable(model)
    if explains_bases(task):
        from seqcli.cli.explain_bases import explain_bases

        return explain_bases(call, model, cast("Classify", task), screen)
    if explains_text(task) and not isinstance(task, Regress):
        return explain_texts(call, model, cast("Classify | Multilabel", task), screen)
    if task.plan.task != "forecast":
        from seqcli.cli.explain_maps import explain_maps

        return explain_maps(call, model, task, screen)
    refuse_other(call, OF_TEXTS, "a forecast")
    return explain_forecasts(call, model, cast("Forecast", task), screen)


def explain_forecasts(call: Invocation, model: SavedModel, task: Forecast, screen: Screen) -> int:
    """Write the influence of every input to stdout; what it comes to in words and a chart go to stderr."""
    from seqcli.inference.explain import explain_forecast
    from seqcli.reporting.influence import show_influence, strongest
    from seqcli.reporting.influence_words import verdicts
    from seqcli.tasks.forecasting.explain import Question, asked_steps
    from seqcli.tasks.forecasting.mixture import called

    output, plot = call.group(OutputOptions), call.group(PlotOptions)
    asked = call.group(ExplainOptions)
    question = Question(asked.series, asked.steps_ahead, asked.shuffle_seed)
    asked_steps(task, question)  # refused ahead of the reading
    table = read_whole(call.files, call.group(ReadingOptions), screen)
    with waiting(screen, "moving and shuffling inputs"):
        found = explain_forecast(model, task, table, question)
    for note in found.notes:
        screen.warn(note)
    frame, frequency = task.frame, task.calendar.frequency
    said = verdicts(found.rows.records(), (frame.window, frame.season), frequency, question.steps_ahead)
    show_influence(screen, found.rows, frame.window)
    if plot.plot is not None:  # ahead of the rows, whose reader may be gone after the first of them
        from seqcli.reporting.lag_figure import lag_figure
        from seqcli.reporting.lag_plots import DRAWN

        figure = lag_figure(found.rows, frame.window, said, table.source)
        write_figure(figure, plot, screen, (DRAWN, "panels", "no input moves this forecast"))
    as_table = result_format(output) == "table"
    write_result(strongest(found.rows, called(model.network.cell)) if as_table else found.rows, output)
    for at, sentence in enumerate(said):
        screen.prose(f"\n{sentence}" if as_table and not at else sentence, "bold")
    return 0


COMMAND = Command(
    run=explain,
    examples=(
        "seqcli explain prices.csv -m prices.seqcli",
        "seqcli explain prices.csv -m prices.seqcli --steps-ahead 1 --plot lags.html",
        "seqcli explain shops.csv -m shops.seqcli --series north --format csv -o influence.csv",
        "echo 'a dull and tired film' | seqcli explain - -m reviews.seqcli",
        "seqcli explain reviews.csv -m reviews.seqcli --row 17 --method gradients",
        "seqcli explain reviews.csv -m reviews.seqcli --plot words.svg",
        "seqcli explain sites.fa -m sites.seqcli --plot logo.svg",
        "seqcli explain ner.conll -m ner.seqcli --row 2",
        "echo '7/3/1988' | seqcli explain - -m dates.seqcli",
        "seqcli explain clips.csv -m clips.seqcli --format csv -o seconds.csv",
    ),
    groups=(ExplainOptions, ModelOptions, ReadingOptions, PlotOptions, OutputOptions),
    only={ReadingOptions: ("input_format", "encoding", "delimiter", "names")},
    files="FILE",
    files_help="As for forecast -m: its newest window is explained. As for predict: each row; - is stdin.",
)
