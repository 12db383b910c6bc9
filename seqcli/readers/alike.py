"""Which of many rows are alike: cells numbered by their text, rows by what several columns say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import AnyArray, IntArray

_SEED = 20_230_917


def in_order_of_appearance(keys: AnyArray) -> IntArray:
    """The number of each key among the distinct ``keys`` (N,), counted as they first come: (N,)."""
    if len(keys) < 2 or (keys[1:] > keys[:-1]).all():
        return np.arange(len(keys), dtype=np.int64)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return np.asarray(rank[inverse.ravel()], dtype=np.int64)


def together(columns: Sequence[AnyArray], count: int) -> IntArray:
    """A number (N,) for each of ``count`` rows that is equal where all ``columns`` (N,) are.

    The columns hold numbers from 0 on, few beside what an int64 holds.
    """
    keys = np.zeros(count, dtype=np.int64)
    for column in columns:
        size = int(column.max(initial=-1)) + 1
        if size and int(keys.max(initial=0)) >= np.iinfo(np.int64).max // size - 1:
            keys = in_order_of_appearance(keys)
        keys = keys * size + column
    return keys


def code_cells(
    characters: NDArray[np.uint8], starts: NDArray[np.integer], ends: NDArray[np.integer]
) -> tuple[IntArray, IntArray] | None:
    """The number (N,) of each cell's text, and the first row (D,) of each of the D texts.

    Texts are numbered as they first come. They are told apart by a sum of their characters, each times a
    random number of its place, and every cell is then compared with the first of its number; None where two
    texts have one sum (which chance makes once in 10¹⁹ pairs), or some are too long for it to pay.
    """
    lengths = (ends - starts).astype(np.int64)
    longest = int(lengths.max(initial=0))
    if longest > 64:
        return None
    factors = np.random.default_rng(_SEED).integers(1, 2**63, size=65, dtype=np.uint64)
    sums = lengths.astype(np.uint64) * factors[64]
    rows_of = [np.flatnonzero(lengths == length) for length in range(longest + 1)]
    for length, rows in enumerate(rows_of):
        for place in range(length if len(rows) else 0):
            sums[rows] += characters[starts[rows] + place] * factors[place]
    codes = in_order_of_appearance(sums)
    first = np.full(int(codes.max(initial=-1)) + 1, len(codes), dtype=np.int64)
    np.minimum.at(first, codes, np.arange(len(codes)))
    meant = first[codes]
    if (lengths[meant] != lengths).any():
        return None
    for length, rows in enumerate(rows_of):
        for place in range(length if len(rows) else 0):
            if (characters[starts[rows] + place] != characters[starts[meant[rows]] + place]).any():
                return None
    return codes, first
