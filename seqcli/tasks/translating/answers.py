"""What a network says of pairs, as rows of numbers: how well it foresaw a text, and what it wrote itself.

nats of the true text · tokens of it · ids of the text that was written, zeros behind it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from seqcli.preprocessing.batching import sequential_batches
from seqcli.sequences import Batchable, FloatArray, IntArray
from seqcli.tasks.translating.search import Search, Translation, Writer, search

FIGURES = 2
SOURCES = 64
"""Sources that are searched at once."""
SCORED = 64
"""Pairs that are scored at once, at most."""
EXTRA = 10
"""Tokens that a text may have beyond what its source's length lets expect."""
MOST_WRITTEN = 2000
"""Tokens of a text, whatever is expected."""
LOGITS_AT_ONCE = 2**24
"""Numbers that are made to score texts, so that a few long ones need no more memory."""


def packed(nats: FloatArray, texts: Sequence[Sequence[int]]) -> FloatArray:
    """Figures (N, 2) and ids of each text as rows (N, 2 + T)."""
    longest = max(map(len, texts), default=0)
    rows = np.zeros((len(texts), FIGURES + longest), dtype=np.float32)
    rows[:, :FIGURES] = nats
    for row, ids in zip(rows, texts, strict=True):
        row[FIGURES : FIGURES + len(ids)] = ids
    return rows


def unpacked(outputs: FloatArray) -> tuple[FloatArray, list[list[int]]]:
    """What :func:`packed` was given, from its rows (N, 2 + T): figures (N, 2) and the ids of each text."""
    ids = outputs[:, FIGURES:].astype(np.int64)
    return outputs[:, :FIGURES], [row[row > 0].tolist() for row in ids]


def limits_of(lengths: IntArray, growth: float) -> IntArray:
    """How many tokens may be written for sources of ``lengths`` (B,), (B,)."""
    limits: IntArray = np.minimum(np.ceil(lengths * growth) + EXTRA, MOST_WRITTEN).astype(np.int64)
    return limits


def scored_batches(lengths: IntArray, vocabulary: int) -> Iterator[IntArray]:
    """Rows (B,) of true texts of ``lengths`` (N,) that are scored together, those of like length."""
    for rows in sequential_batches(lengths, SCORED):
        most = max(1, LOGITS_AT_ONCE // (int(lengths[rows].max()) * vocabulary))
        yield from (rows[start : start + most] for start in range(0, len(rows), most))


def translate(
    writer: Writer, examples: Batchable, growth: float, how: Search, sources: int = SOURCES
) -> list[list[Translation]]:
    """The best texts for each source, in their order; sources of like length are read together."""
    found: list[list[Translation]] = [[] for _ in range(len(examples))]
    for rows in sequential_batches(examples.lengths, sources):
        batch = examples.batch(rows)
        limits = limits_of(batch["lengths"], growth)
        for row, texts in zip(rows.tolist(), search(writer, batch, limits, how), strict=True):
            found[row] = texts
    return found
