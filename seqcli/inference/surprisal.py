"""How well a saved language model foresees a text: as a whole, and token by token."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqcli.inference.kinds import language_task
from seqcli.inference.stream import States, StreamSession
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.results import Cell
from seqcli.sequences import TARGET, FloatArray, Windows, as_ids
from seqcli.tasks.language_scores import LOGITS_AT_ONCE, nats_of, perplexity, surprisals

TOKEN_COLUMNS = ("position", "token", "nats", "bits", "probability", "rank", "perplexity")
"""``rank`` 1 is the likeliest token there; ``perplexity`` is that of the text up to here."""
_ROWS_AT_ONCE = 4096

if TYPE_CHECKING:
    from seqcli.readers.table import Table


def text_nats(model: SavedModel, examples: Windows) -> FloatArray:
    """Nats (M, 2) of each target: with the state carried through, and in cold windows."""
    language_task(model)
    return surprisals(StreamSession.open(model).read, examples, model.network.output_shape[0])


def unit_of(model: SavedModel) -> str:
    """What a token of a language model is, for a sentence: "character", "word"."""
    return language_task(model).unit


def token_rows(model: SavedModel, table: Table) -> Iterator[list[tuple[Cell, ...]]]:
    """Rows of :data:`TOKEN_COLUMNS` for the text of ``table``, in batches as it is read.

    The first token has nothing ahead of it, and so no figures.
    """
    task = language_task(model)
    with blamed_on(model):
        fields, pieces = task.encode_labelled(table).past, task.pieces(table)
    streams = StreamSession.open(model)
    states: States | None = None
    steps = min(_ROWS_AT_ONCE, max(1, LOGITS_AT_ONCE // task.corpus.size))
    total = 0.0
    rows: list[tuple[Cell, ...]] = [(1, piece, None, None, None, None, None) for piece in pieces[:1]]
    for start in range(0, len(fields[TARGET]), steps):
        part = {name: as_ids(values[None, start : start + steps]) for name, values in fields.items()}
        logits, states = streams.read(part, states)  # (1, T, V)
        nats = nats_of(logits, part[TARGET])[0]  # (T,)
        own = np.take_along_axis(logits, part[TARGET][..., None], axis=-1)  # (1, T, 1)
        ranks = 1 + (logits > own).sum(axis=-1)[0]
        for place, (value, rank) in enumerate(zip(nats.tolist(), ranks.tolist(), strict=True), start + 1):
            total += value
            figures = (value, value / math.log(2), math.exp(-value), rank, perplexity(total / place))
            rows.append((place + 1, pieces[place], *map(_short, figures)))
        yield rows
        rows = []


def _short(number: float) -> float:
    """Six digits: more than float32 logits are good for are noise in a file."""
    return number if isinstance(number, int) else float(f"{number:.6g}")
