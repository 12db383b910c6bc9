"""What ``seqcli predict`` does with a model that tags words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seqcli.errors import UsageError
from seqcli.options import OutputOptions, ReadingOptions
from seqcli.options_use import PredictOptions
from seqcli.reporting.progress import counted
from seqcli.reporting.results import CONLL, result_format, result_stream
from seqcli.reporting.screen import is_terminal
from seqcli.reporting.tagged import TEXT, TaggedForm, TaggedWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqcli.cli.command import Invocation
    from seqcli.inference.tagging import Tagged
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import RecordStream
    from seqcli.reporting.screen import Screen
    from seqcli.tasks.tag import Tag

_SUFFIXES = (".conll", ".conllu")


def predict_tags(
    call: Invocation, model: SavedModel, task: Tag, screen: Screen, typed: RecordStream | None
) -> int:
    """Tag sentence by sentence, as they come from a file or a pipe, or as they are ``typed``."""
    from seqcli.inference.tagging import TagPredictions, open_input

    output, options = call.group(OutputOptions), call.group(PredictOptions)
    stream = typed or open_input(call.files[0] if call.files else "-", task, call.group(ReadingOptions))
    for note in stream.notes if typed is None else ():
        screen.line(f"{stream.source}: {note}", "dim")
    try:
        predictions = TagPredictions(model, task, stream, options, screen.warn)
        told = TaggedForm(
            tagged_format(output),
            predictions.input,
            stream.names,
            options.keep,
            options.as_name,
            task.plan.target[0],
            task.labels.scheme is not None,
            task.labels.tags if options.probabilities else (),
        )
        refuse_idle(told, call)
    except BaseException:
        stream.close()
        raise
    scrolling = is_terminal(sys.stdout) and output.output in (None, "-")
    followed: Iterable[list[Tagged]] = predictions
    if typed is None and not scrolling:
        followed = counted(screen, predictions, "sentences", lambda: stream.share)
    with result_stream(output) as sink:
        writer = TaggedWriter(told, sink)
        for sentences in followed:
            for sentence in sentences:
                writer.write(sentence)
            writer.flush()
        writer.close()
    screen.detail(f"{predictions.words:,} words of {predictions.sentences:,} sentences")
    predictions.check()
    return 0


def tagged_format(output: OutputOptions) -> str:
    """The form of the result: as asked, by the file's name, a text for a person, else CSV."""
    if output.format is None and str(output.output or "").lower().endswith(_SUFFIXES):
        return CONLL
    form = result_format(output)
    return TEXT if form == "table" and output.format is None else form


def refuse_idle(told: TaggedForm, call: Invocation) -> None:
    """Raise UsageError for an option that the form of the result would not show."""
    for name, flag in (("top_classes", "--top-k"), ("threshold", "--threshold"), ("transcripts", "--beam")):
        if name in call.typed:
            raise UsageError(f"{flag} is of a row's classes, and this model tags words", f"leave out {flag}")
    rows = told.form in ("csv", "table")
    for name, flag in (("probabilities", "--probabilities"), ("as_name", "--as")):
        if name in call.typed and not rows:
            raise UsageError(
                f"{flag} is about columns, and {told.form} has none for it", "--format csv shows it"
            )
    if "keep" in call.typed and told.form == TEXT:
        raise UsageError("--keep is about columns, and a text has none", "--format csv shows them")
