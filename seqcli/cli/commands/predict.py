"""``seqcli predict``: rows come in, the same rows go out with the model's predictions; words with tags."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from seqcli.cli.command import Command, Invocation
from seqcli.cli.listening import check_listening, predict_sound
from seqcli.cli.translating import predict_texts, refuse_translation
from seqcli.cli.use import open_model
from seqcli.errors import UsageError
from seqcli.option import option
from seqcli.options import ModelOptions, OutputOptions, PlotOptions, ReadingOptions
from seqcli.options_use import FusionOptions, ListenOptions, PredictOptions, TranslateOptions
from seqcli.reporting.plots import check_plot
from seqcli.reporting.progress import counted
from seqcli.reporting.results import CONLL, TEXT_LINES, RowWriter, check_output, result_format, result_stream
from seqcli.reporting.screen import Screen, is_terminal
from seqcli.results import Cell

if TYPE_CHECKING:
    from seqcli.inference.predict import Predictions
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import Record, RecordStream
    from seqcli.tasks.base import RowTask
    from seqcli.tasks.tag import Tag
    from seqcli.tasks.translate import Translate


@dataclass(frozen=True)
class PredictOutputOptions(OutputOptions):
    """Output"""

    format: str | None = option(
        None,
        "Form of the result; a table or a coloured text on a terminal, CSV or txt in a pipe.",
        choices=("table", "csv", "jsonl", "json", CONLL, TEXT_LINES),
    )


def predict(call: Invocation) -> int:
    """Predict row by row, as rows come; a row without a prediction is exit 3 at the end."""
    if len(call.files) > 1:
        raise UsageError(
            f"predict reads one file, not {len(call.files)}",
            f"cat them: … | seqcli predict - {call.files[0]}",
        )
    from seqcli.inference.answers import decoder
    from seqcli.inference.foresight import with_search
    from seqcli.inference.predict import row_task
    from seqcli.inference.series_steps import StepScores, refuse_steps
    from seqcli.inference.steps import predictions_of
    from seqcli.inference.trust import saved_task
    from seqcli.tasks.base import Chained

    output = call.group(OutputOptions)
    check_output(output)
    check_plot(call.group(PlotOptions), output)
    screen, listening = Screen(output.quiet, output.verbose), check_listening(call)
    model = open_model(call.group(ModelOptions).model, screen, call.files)
    if listening:
        return predict_sound(call, model, screen)
    prompting = not call.files and is_terminal(sys.stdin)
    if model.network.attention or isinstance(saved_task(model), Chained):
        return predict_language(call, model, screen, prompting)
    transcribes = hasattr(saved_task(model), "beam")
    refuse_translation(call, model, transcribes)
    task = row_task(model)
    beam = call.group(TranslateOptions).beams if transcribes else None
    task = with_search(task, model, beam, call.group(FusionOptions))
    options = call.group(PredictOptions)
    decoder(model, task, options)  # refuses ahead of the reading
    if options.per_step:
        refuse_steps(model, task)
    if output.format in (CONLL, TEXT_LINES):
        what = "a tag for each word" if output.format == CONLL else "a translation a line"
        raise UsageError(f"--format {output.format} has {what}, and this model makes none", "--format csv")
    if prompting:
        if task.plan.id or task.plan.time or (task.plan.task == "steps" and not task.plan.text):
            raise UsageError("this model reads sequences of rows, which cannot be typed in", "name a FILE")
        stream = cast("RecordStream", Prompt(task.columns, screen))
    else:
        stream = _rows_of(call, model, task, screen)
    kind = StepScores if options.per_step else predictions_of
    predictions = kind(model, stream, options, screen.warn, task)
    asked = len(task.columns) if prompting else 0
    return _answer_rows(predictions, stream, asked, output, screen)


def _answer_rows(
    predictions: Predictions, stream: RecordStream, asked: int, output: OutputOptions, screen: Screen
) -> int:
    """Print or write what comes of each row; ``asked`` columns are asked for on the terminal."""
    form = result_format(output)
    if asked and form == "table":
        answer(predictions, asked)
        return 0
    # Rows that scroll by on this very terminal are the best sign of how far it is.
    scrolling = is_terminal(sys.stdout) and output.output in (None, "-")
    with result_stream(output) as sink:
        writer = RowWriter(predictions.names, form, sink, predictions.computed)
        watched = asked or scrolling
        followed = predictions if watched else counted(screen, predictions, "rows", lambda: stream.share)
        for rows in followed:
            for row in rows:
                writer.write(row)
            writer.flush()
        writer.close()
    screen.detail(f"{predictions.rows:,} rows, {predictions.failed:,} of them without a prediction")
    if predictions.unsure:
        screen.line(f"{predictions.unsure:,} of {predictions.rows:,} rows are below the --threshold", "dim")
    predictions.check()
    return 0


def _rows_of(call: Invocation, model: SavedModel, task: RowTask, screen: Screen) -> RecordStream:
    """The rows of a file or pipe; of DNA in windows, where those are asked for."""
    from seqcli.readers.stream import open_stream

    file, apart = call.files[0] if call.files else "-", call.group(PredictOptions).windows
    stream = open_stream(file, call.group(ReadingOptions), task.columns, task.text_column)
    for note in stream.notes:
        screen.line(f"{stream.source}: {note}", "dim")
    if apart is None:
        return stream
    from seqcli.inference.genome import base_windows

    try:
        return cast("RecordStream", base_windows(model, task, stream, apart))
    except UsageError:
        stream.close()
        raise


def predict_language(call: Invocation, model: SavedModel, screen: Screen, prompting: bool) -> int:
    """What models of whole texts do: tag their words, or translate them."""
    from seqcli.inference.foresight import with_search
    from seqcli.inference.trust import saved_task
    from seqcli.tasks.base import Chained

    task = with_search(saved_task(model), model, None, call.group(FusionOptions))
    texts = ("text",) if isinstance(task, Chained) else cast("Translate", task).columns
    asked = cast("RecordStream", Prompt(texts, screen)) if prompting else None
    if not isinstance(task, Chained):
        return predict_texts(call, model, screen, asked)
    from seqcli.cli.tagging import predict_tags  # here, because other models need none of it

    refuse_translation(call, model)
    return predict_tags(call, model, cast("Tag", task), screen, asked)


class Prompt:
    """Rows asked of a person, one cell at a time; stands where a stream of records would."""

    def __init__(self, names: tuple[str, ...], screen: Screen) -> None:
        self.source = "what was typed"
        self.unit = "line"
        self.names = names
        self._screen = screen

    def close(self) -> None:
        """Nothing was opened."""

    def batches(self, size: int) -> Iterator[list[Record]]:
        """One row at a time, until the end of the input (Ctrl-D)."""
        from seqcli.readers.stream import Record

        self._screen.line("Ctrl-D ends", "dim")
        number = 0
        while True:
            cells = []
            for name in self.names:
                self._screen.stream.write(self._screen.styled(f"{name}> ", "bold"))
                self._screen.stream.flush()
                line = sys.stdin.readline()
                if not line:
                    self._screen.line("")
                    return
                cells.append(line.rstrip("\r\n"))
            number += 1
            if any(cell.strip() for cell in cells):
                yield [Record(number, tuple(cells), "")]


def answer(batches: Iterable[list[tuple[Cell, ...]]], asked: int) -> None:
    """Print the predictions for typed rows, without the row that stands right above."""
    for rows in batches:
        for row in rows:
            cells = [
                f"{cell:.4g}" if isinstance(cell, float) else "" if cell is None else str(cell)
                for cell in row[asked:]
            ]
            print("  ".join(cells), flush=True)


COMMAND = Command(
    run=predict,
    examples=(
        "seqcli predict new.csv -m reviews.seqcli",
        "seqcli predict new.csv -m reviews.seqcli --probabilities -o predicted.csv",
        "seqcli predict new.csv -m reviews.seqcli --threshold .8",
        "echo 'a great film' | seqcli predict - -m reviews.seqcli --format jsonl",
        "seqcli predict -m reviews.seqcli",
        "echo '3 May 1999' | seqcli predict - -m dates.seqcli",
        "echo '3 May 1999' | seqcli predict - -m dates.seqcli --align --format table",
        "seqcli predict dates.csv -m dates.seqcli --align --plot looked.svg -o looked.jsonl",
        "seqcli predict dates.csv -m dates.seqcli --beam 10 --n-best 3",
        "seqcli predict clip.wav -m speech.seqcli --stream",
        "seqcli predict clips.csv -m speech.seqcli --beam 8 --language-model text.seqcli",
        "echo 'John lives in Paris' | seqcli predict - -m ner.seqcli --format conll",
    ),
    groups=(
        *(ModelOptions, PredictOptions, TranslateOptions, FusionOptions, ListenOptions),
        *(ReadingOptions, PlotOptions, PredictOutputOptions),
    ),
    only={ReadingOptions: ("input_format", "encoding", "delimiter", "names")},
    files="FILE",
    files_help="Rows with the model's input columns; - or a pipe is stdin. On a terminal: asks for rows.",
)
