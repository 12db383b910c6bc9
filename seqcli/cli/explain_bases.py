"""``explain`` for a classifier of DNA: which bases its class needs, as a logo."""

from __future__ import annotations

from itertools import tee
from typing import TYPE_CHECKING

from seqcli.cli.command import Invocation
from seqcli.cli.explain_texts import refuse_other
from seqcli.errors import UsageError
from seqcli.options import OutputOptions, PlotOptions, ReadingOptions
from seqcli.options_use import ExplainOptions
from seqcli.reporting.results import result_format, result_stream
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.tasks.classify import Classify

IDLE = frozenset({"series", "steps_ahead", "shuffle_seed", "method", "word"})


def explain_bases(call: Invocation, model: SavedModel, task: Classify, screen: Screen) -> int:
    """Each sequence of a file or a pipe, as it comes; one that cannot be read is exit 3 at the end."""
    refuse_other(call, IDLE, "a classifier of DNA")
    if len(call.files) > 1:
        raise UsageError("explain reads one file of DNA", f"cat them: … | seqcli explain - {call.files[0]}")
    from seqcli.inference.mutagenesis import Mutations
    from seqcli.readers.stream import open_stream
    from seqcli.reporting.logo import write_logos
    from seqcli.reporting.logo_figure import DRAWN, MOST_LOGOS, LogoFigure
    from seqcli.reporting.plots import write_figure

    asked, output, plot = call.group(ExplainOptions), call.group(OutputOptions), call.group(PlotOptions)
    stream = open_stream(call.files[0], call.group(ReadingOptions), task.columns, task.text_column)
    for note in stream.notes:
        screen.line(f"{stream.source}: {note}", "dim")
    found = Mutations(model, task, stream, screen.warn, asked.row)
    rows, drawn = iter(found), None
    if plot.plot is not None:
        rows, kept = tee(rows)
        drawn = [each for _, each in zip(range(MOST_LOGOS), kept, strict=False)]
        figure = LogoFigure(f"What {task.plan.target[0]} needs", stream.source, tuple(drawn))
        write_figure(figure, plot, screen, (DRAWN, "sequences", "no sequence was explained"))
    with result_stream(output) as sink:
        write_logos(rows, result_format(output), sink, screen)
    found.check()
    return 0
