"""``explain`` for a classifier of texts: which tokens led to the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcli.cli.command import Invocation
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, PlotOptions, ReadingOptions
from seqcli.options_use import ExplainOptions
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import result_format, result_stream
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.inference.explain_text import Scorer
    from seqcli.model_dir import SavedModel
    from seqcli.reporting.panels import Panel
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.multilabel import Multilabel

OF_TEXTS = frozenset({"method", "row", "word"})
OF_FORECASTS = frozenset({"series", "steps_ahead", "shuffle_seed", "word"})
"""Options that mean nothing to the other kind of model."""


def refuse_other(call: Invocation, idle: frozenset[str], what: str) -> None:
    """Raise UsageError for an option that is typed and that ``what`` does not read."""
    flags = {"shuffle_seed": "--seed"}
    for name in sorted(call.typed & idle):
        flag = flags.get(name, "--" + name.replace("_", "-"))
        raise UsageError(f"{flag} means nothing to {what}", f"leave out {flag}")


def explain_texts(call: Invocation, model: SavedModel, task: Classify | Multilabel, screen: Screen) -> int:
    """Each text of a file or a pipe, as it comes; one that cannot be read is exit 3 at the end."""
    refuse_other(call, OF_FORECASTS, "a classifier of texts")
    if len(call.files) > 1:
        raise UsageError("explain reads one file of texts", f"cat them: … | seqcli explain - {call.files[0]}")
    from seqcli.inference.explain_text import TextExplanations
    from seqcli.readers.stream import open_stream
    from seqcli.reporting.effect_panels import noted
    from seqcli.reporting.panel_figure import PanelFigure, write_panels
    from seqcli.reporting.text_effects import write_effects

    asked = call.group(ExplainOptions)
    output = call.group(OutputOptions)
    scorer = scorer_of(asked.method, model, task, screen)
    stream = open_stream(call.files[0], call.group(ReadingOptions), task.columns, task.text_column)
    for note in stream.notes:
        screen.line(f"{stream.source}: {note}", "dim")
    effects = TextExplanations(model, task, stream, scorer, screen.warn, asked.row)
    assert task.inputs.vocabulary is not None
    kept: list[Panel] = []
    try:
        with result_stream(output) as sink:
            passed = noted(iter(effects), kept)
            write_effects(passed, result_format(output), sink, screen, task.inputs.vocabulary.level)
    finally:  # the reader of the rows may be gone after the first of them
        title = f"What led {model.path.name} to its classes"
        figure = PanelFigure(title, f"the first texts of {stream.source}", kept)
        write_panels(figure, call.group(PlotOptions), screen, "no text was explained")
    effects.check()
    return 0


def scorer_of(method: str, model: SavedModel, task: Classify | Multilabel, screen: Screen) -> Scorer:
    """What scores the tokens of a text; gradients alone need torch."""
    if method == "gradients":
        with waiting(screen, "starting"):
            from seqcli.training.gradients.attribution import IntegratedGradients
        return IntegratedGradients(model, task)
    from seqcli.inference.explain_text import Occlusion

    return Occlusion(model, task)
