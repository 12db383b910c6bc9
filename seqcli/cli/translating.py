"""What ``seqcli predict`` does with a model that translates texts."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from seqcli.cli.command import Invocation
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, PlotOptions, ReadingOptions
from seqcli.options_use import PredictOptions, TranslateOptions
from seqcli.reporting.alignment import AlignmentWriter
from seqcli.reporting.progress import counted
from seqcli.reporting.results import CONLL, TEXT_LINES, RowWriter, result_format, result_stream
from seqcli.reporting.screen import Screen, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqcli.inference.predict import Row
    from seqcli.inference.translating import TextTranslations
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import RecordStream
    from seqcli.reporting.alignment_figure import Looks

ASKED = "asked"
"""The form of an answer to a person: what was typed stands right above."""
OF_CLASSES = {
    "probabilities": "--probabilities",
    "top_classes": "--top-k",
    "threshold": "--threshold",
    "intervals": "--interval",
}
OF_TRANSLATIONS = {
    "beams": "--beam",
    "length_penalty": "--length-penalty",
    "n_best": "--n-best",
    "align": "--align",
    "plot": "--plot",
}


def refuse_translation(call: Invocation, model: SavedModel, searches: bool = False) -> None:
    """Raise UsageError for an option on translations where a model makes none, but a beam of speech."""
    for name, flag in OF_TRANSLATIONS.items():
        if name in call.typed and not (searches and name == "beams"):
            raise UsageError(f"{flag} is of translations, and {model.path} makes none", f"leave out {flag}")


def predict_texts(call: Invocation, model: SavedModel, screen: Screen, asked: RecordStream | None) -> int:
    """Translate row by row, as they come from a file or a pipe, or as they are ``asked`` of a person.

    Lines that come from a pipe are answered line by line.
    """
    from seqcli.inference.translating import TextTranslations, search_for, translator
    from seqcli.readers.stream import open_stream
    from seqcli.reporting.alignment_figure import Looks
    from seqcli.reporting.panel_figure import write_panels

    output, options = call.group(OutputOptions), call.group(PredictOptions)
    for name, flag in OF_CLASSES.items():
        if name in call.typed:
            raise UsageError(
                f"{flag} is of classes or numbers, and this model writes texts", f"leave out {flag}"
            )
    plot, task = call.group(PlotOptions), translator(model)
    how = search_for(call.group(TranslateOptions))
    how = replace(how, aligned=how.aligned or plot.plot is not None)
    file = call.files[0] if call.files else "-"
    stream = asked or open_stream(file, call.group(ReadingOptions), task.columns, task.text_column)
    try:
        lines = asked is None and file == "-" and stream.unit == "line" and len(stream.names) == 1
        form = translated_form(output, call, lines)
        predictions = TextTranslations(model, stream, (options, how), screen.warn)
    except BaseException:
        stream.close()
        raise
    for note in stream.notes if asked is None else ():
        screen.line(f"{stream.source}: {note}", "dim")
    scrolling = is_terminal(sys.stdout) and output.output in (None, "-")
    watched = asked is not None or scrolling
    rows: Iterable[list[Row]] = predictions
    if not watched:
        rows = counted(screen, predictions, "texts", lambda: stream.share)
    looks = Looks()
    try:
        with result_stream(output) as sink:
            aligns = bool(call.values.get("align"))
            form = plain_form(form, asked, aligns)
            _write(_noted(rows, predictions, looks), predictions, (form, aligns), sink)
    finally:  # the reader of the rows may be gone after the first of them
        figure = looks.figure(model.path.name, stream.source)
        write_panels(figure, plot, screen, "no text was translated")
    screen.detail(f"{predictions.rows:,} texts")
    predictions.check()
    return 0


def translated_form(output: OutputOptions, call: Invocation, lines: bool) -> str:
    """The form of the result: as asked, for lines from a pipe lines, else as of any rows."""
    align, several = bool(call.values.get("align")), (call.values.get("n_best") or 1) > 1
    form = result_format(output)
    if form == CONLL:
        raise UsageError("--format conll has a tag for each word, and this model tags none", "--format csv")
    if align and several:
        raise UsageError("--align shows one translation of a text", "leave out --n-best")
    if align:
        form = form if output.format or form == "table" else "jsonl"
        if form in ("csv", TEXT_LINES):
            raise UsageError(
                "--align has a table for each text", "--format jsonl writes them, table draws them"
            )
        return form
    plain = output.format is None and form == "csv" and output.output in (None, "-")
    if lines and plain and not several and "keep" not in call.typed and "as_name" not in call.typed:
        return TEXT_LINES
    if form == TEXT_LINES and several:
        raise UsageError("--format txt has one translation a line", "--format csv has all of --n-best")
    return form


def plain_form(form: str, asked: RecordStream | None, aligns: bool) -> str:
    """``form``, but for a table of answers to what a person types."""
    return ASKED if asked is not None and form == "table" and not aligns else form


def _noted(rows: Iterable[list[Row]], predictions: TextTranslations, looks: Looks) -> Iterator[list[Row]]:
    """Pass rows on, and keep where was looked for the first of them."""
    for batch in rows:
        for aligned in predictions.aligned:
            looks.note(aligned)
        yield batch


def _write(
    rows: Iterable[list[Row]], predictions: TextTranslations, how: tuple[str, bool], sink: IO[str]
) -> None:
    """Every row as it comes, in the form that was chosen, or where was looked for it."""
    form, aligns = how
    if aligns:
        drawn = AlignmentWriter(form, sink)
        for _ in rows:
            for aligned in predictions.aligned:
                drawn.write(aligned)
            sink.flush()
        drawn.close()
        return
    if form in (TEXT_LINES, ASKED):
        for batch in rows:
            sink.writelines(f"{_said(row[-predictions.computed :])}\n" for row in batch)
            sink.flush()
        return
    writer = RowWriter(predictions.names, form, sink, predictions.computed)
    for batch in rows:
        for row in batch:
            writer.write(row)
        writer.flush()
    writer.close()


def _said(cells: Row) -> str:
    """The cells of an answer in one line, scores in four digits."""
    return "  ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell or "") for cell in cells)
