"""What a linear model reads of DNA: which bases stand at which place, and how often short runs come.

A run of ambiguous bases is a little of each run that it may be: the product of their shares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqcli.preprocessing.dna import other_strand
from seqcli.sequences import FloatArray, LookUp, Sequences

ROWS_AT_ONCE = 256


def runs(shares: FloatArray, length: int) -> FloatArray:
    """Shares (B, T, 4) → those of runs of K bases, ``length``, from each place on: (B, T - K + 1, 4^K)."""
    found = shares
    for step in range(1, length):
        product = found[:, :-1, :, None] * shares[:, step:, None, :]
        found = product.reshape(*product.shape[:2], -1)
    return found


def place_count(places: int, longest: int) -> int:
    """Numbers that :func:`at_places` makes."""
    return sum((places - length + 1) * 4**length for length in range(1, min(longest, places) + 1))


def at_places(shares: FloatArray, places: int, longest: int) -> FloatArray:
    """Which runs of up to ``longest`` bases begin at each of the first ``places``: (B, T, 4) → (B, numbers).

    Divided by the root of how many places there are, so that rows of any length weigh the same.
    """
    cut = np.zeros((len(shares), places, shares.shape[2]), np.float32)
    some = shares[:, :places]
    cut[:, : some.shape[1]] = some
    blocks = [
        runs(cut, length).reshape(len(cut), -1) / np.float32((places - length + 1) ** 0.5)
        for length in range(1, min(longest, places) + 1)
    ]
    return np.concatenate(blocks, axis=1)


def run_count(longest: int) -> int:
    """Numbers that :func:`often` makes."""
    return sum(4**length for length in range(1, longest + 1))


def often(shares: FloatArray, longest: int) -> FloatArray:
    """How often runs of 1 to ``longest`` bases come: (B, T, 4) → (B, numbers), the root of each one's share.

    Steps of padding hold no shares, so that no run reaches into them.
    """
    blocks = []
    for length in range(1, longest + 1):
        if shares.shape[1] < length:
            blocks.append(np.zeros((len(shares), 4**length), np.float32))
            continue
        counts = runs(shares, length).sum(axis=1)
        blocks.append(np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)))
    return np.concatenate(blocks, axis=1).astype(np.float32)


def strands(bases: LookUp, both: bool) -> Iterator[tuple[slice, list[FloatArray]]]:
    """Some rows at a time, and their padded shares (B, T, 4), those of the other strand behind them."""
    for start in range(0, len(bases), ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(bases)))
        found = [bases.pad(rows)[0]]
        if both:
            others = [other_strand(bases.row(row)) for row in rows.tolist()]
            found.append(Sequences.from_lists(others, np.float32).pad(np.arange(len(rows)))[0])
        yield slice(start, start + len(rows)), found
