"""Tables of a model of music: how well it foresees, and what its pieces are like beside the corpus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqcli.readers.roles import counted
from seqcli.results import ResultColumn, ResultTable
from seqcli.tasks.base import Scores
from seqcli.tasks.language_scores import COLD_STEPS
from seqcli.tasks.music_stats import PITCH_CLASSES, Style


def scores_table(scores: list[Scores], count: int) -> ResultTable:
    """The predictors beside each other, on ``count`` test events."""
    columns = (
        ResultColumn("predictor"),
        ResultColumn("nats", ".4f", emphasis=True),
        ResultColumn("blk64", ".4f"),
        ResultColumn("bits", ".3f"),
        ResultColumn("perplexity", ".2f"),
    )
    names = [column.name for column in columns[1:]]
    rows = [(score.predictor, *(_or_none(score.values.get(name)) for name in names)) for score in scores]
    caption = (
        f"nats: an event, with all the music before it; blk64: in windows of {COLD_STEPS}, "
        "each read without what came before"
    )
    return ResultTable(f"{count:,} test events", columns, rows, caption)


def style_table(written: Sequence[Style], corpus: Style) -> ResultTable:
    """What each written piece is like, and below it the training pieces."""
    columns = (
        ResultColumn("piece"),
        ResultColumn("key"),
        ResultColumn("meter"),
        ResultColumn("bars", ".0f"),
        ResultColumn("notes", ".0f"),
        ResultColumn("notes_a_bar", ".1f"),
        ResultColumn("at_once", ".2f"),
        ResultColumn("range"),
        ResultColumn("C_to_B"),
    )
    names = [str(number) for number in range(1, len(written) + 1)] if len(written) > 1 else ["written"]
    named = [*zip(names, written, strict=True), ("corpus", corpus)]
    rows = [
        (
            name, style.key, style.meter, style.bars, style.notes, style.density, style.at_once,
            style.range_text, style.histogram_text,
        )
        for name, style in named
    ]  # fmt: skip
    caption = (
        "key: after Krumhansl and Schmuckler, of the corpus the most frequent; bars, notes: the median; "
        f"at_once: pitches that begin together; C_to_B: tenths of the notes on {' '.join(PITCH_CLASSES)}, "
        "0 less than half a tenth"
    )
    title = f"What was written, beside the corpus of {counted(corpus.pieces, 'training piece')}"
    return ResultTable(title, columns, [*rows], caption)


def _or_none(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else value
