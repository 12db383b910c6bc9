"""``explain`` for taggers, translators, and whatever reads sound, series or columns: a map for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from seqcli.cli.explain_texts import refuse_other
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, PlotOptions, ReadingOptions
from seqcli.options_use import ExplainOptions
from seqcli.reporting.results import result_format, result_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqcli.cli.command import Invocation
    from seqcli.inference.effects import Effects
    from seqcli.inference.explain_steps import Stepped
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import RecordStream
    from seqcli.reporting.panels import Panel
    from seqcli.reporting.screen import Screen
    from seqcli.tasks.base import Task
    from seqcli.tasks.regress import Regress
    from seqcli.tasks.tag import Tag
    from seqcli.tasks.translate import Translate

IDLE = frozenset({"series", "steps_ahead", "shuffle_seed", "method"})
MADE_OF = {"tag": "a tagger", "translate": "a translator", "transcribe": "a transcriber"}


class Explained(Protocol):
    """Rows with what their answers hang on."""

    def __iter__(self) -> Iterator[Effects]:
        """Each as it comes."""

    def check(self) -> None:
        """After the last one: raise DataError when some could not be read."""


def explain_maps(call: Invocation, model: SavedModel, task: Task, screen: Screen) -> int:
    """Each row of a file or a pipe, as it comes; one that cannot be read is exit 3 at the end."""
    kind = task.plan.task
    refuse_other(call, IDLE, MADE_OF.get(kind, "a model of numbers"))
    if kind != "tag":
        refuse_other(call, frozenset({"word"}), MADE_OF.get(kind, "a model of numbers"))
    if len(call.files) > 1:
        raise UsageError("explain reads one file of rows", f"cat them: … | seqcli explain - {call.files[0]}")
    from seqcli.reporting.effect_map_panels import kept_panels
    from seqcli.reporting.effect_maps import PLAIN, TAGS, TEXTS, write_maps
    from seqcli.reporting.panel_figure import PanelFigure, write_panels

    output = call.group(OutputOptions)
    stream = _stream(call, task)
    for note in stream.notes:
        screen.line(f"{stream.source}: {note}", "dim")
    try:
        found = _explained(call, model, task, stream, screen)
    except BaseException:
        stream.close()
        raise
    kept: list[Panel] = []
    written = {"tag": TAGS, "translate": TEXTS}.get(kind, PLAIN)
    try:
        with result_stream(output) as sink:
            write_maps(kept_panels(found, kept), written, result_format(output), sink, screen)
    finally:  # the reader of the rows may be gone after the first of them
        title = f"What the answers of {model.path.name} hang on"
        figure = PanelFigure(title, f"the first rows of {stream.source}", kept)
        write_panels(figure, call.group(PlotOptions), screen, "nothing was explained")
    found.check()
    return 0


def _stream(call: Invocation, task: Task) -> RecordStream:
    """The rows to explain, read as those to predict on are."""
    from seqcli.readers.stream import open_stream

    reading = call.group(ReadingOptions)
    if task.plan.task == "tag":
        from seqcli.inference.tagging import open_input

        return open_input(call.files[0], cast("Tag", task), reading)
    rows = cast("Translate", task)
    return open_stream(call.files[0], reading, (*rows.columns, *task.plan.id), rows.text_column)


def _explained(
    call: Invocation, model: SavedModel, task: Task, stream: RecordStream, screen: Screen
) -> Explained:
    asked = call.group(ExplainOptions)
    if task.plan.task == "tag":
        from seqcli.inference.explain_tags import TagExplanations

        return TagExplanations(model, cast("Tag", task), stream, screen.warn, (asked.row, asked.word))
    if task.plan.task == "translate":
        from seqcli.inference.explain_translations import TranslationExplanations

        return TranslationExplanations(model, stream, screen.warn, asked.row)
    from seqcli.inference.explain import explains_text

    if explains_text(task):
        from seqcli.inference.explain_numbers import NumberExplanations

        return NumberExplanations(model, cast("Regress", task), stream, screen.warn, asked.row)
    from seqcli.inference.explain_steps import StepExplanations

    return StepExplanations(model, cast("Stepped", task), stream, screen.warn, asked.row)
