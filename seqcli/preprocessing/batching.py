"""Which examples go together in a batch: buckets of similar length, from seed and epoch alone.

The order of an epoch is a pure function of (lengths, batch size, seed, epoch), so that resuming a
training is arithmetic: nothing about the order has to be saved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray

POOL_BATCHES = 50
"""Batches that are sorted by length together: large enough to leave little padding, small enough
that an epoch still mixes."""


def bucketed_batches(lengths: IntArray, batch_size: int, seed: int, epoch: int) -> list[IntArray]:
    """Batches of one training epoch: every row once, rows of similar length together.

    ``lengths`` (N,) counts the steps of each example. Rows are shuffled, sorted by length inside
    pools of ``POOL_BATCHES`` batches, cut, and the batches shuffled. All hold ``batch_size`` rows
    but one, which holds the rest. Each is (B,) positions into ``lengths``.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    pool = batch_size * POOL_BATCHES
    batches: list[IntArray] = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[cut : cut + batch_size] for cut in range(0, len(rows), batch_size)]
    return [batches[index] for index in rng.permutation(len(batches))]


def sequential_batches(lengths: IntArray, batch_size: int) -> list[IntArray]:
    """Batches (B,) for evaluation: every row once, sorted by ``lengths`` (N,), so that padding is least."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def step_places(offsets: IntArray, rows: IntArray, steps: int) -> tuple[IntArray, NDArray[np.bool_]]:
    """Where the steps of a padded batch stand when all rows lie end to end.

    ``offsets`` (N + 1,) of all rows and ``rows`` (B,) of the batch → places (R,) of its valid steps, row by
    row, and which cells of the batch (B, steps) those are.
    """
    valid = np.arange(steps) < (offsets[rows + 1] - offsets[rows])[:, None]
    return (offsets[rows][:, None] + np.arange(steps))[valid], valid


def covering_length(lengths: IntArray, share: float = 0.99) -> tuple[int, float]:
    """The shortest cut that keeps at least ``share`` of all steps, and the share it does keep.

    ``lengths`` (N,). A row of length n keeps min(n, cut) steps. Returns (0, 1.0) for no steps.
    """
    ordered = np.sort(lengths)
    total = int(ordered.sum())
    if total == 0:
        return 0, 1.0
    below = np.concatenate([[0], np.cumsum(ordered)])
    longest = int(ordered[-1])

    def kept(cut: int) -> int:
        shorter = int(np.searchsorted(ordered, cut, side="right"))
        return int(below[shorter]) + cut * (len(ordered) - shorter)

    low, high = 1, longest  # kept() grows with the cut: halve the range
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if kept(middle) >= share * total else (middle + 1, high)
    return low, kept(low) / total


def token_batches(sources: IntArray, targets: IntArray, count: int, seed: int, epoch: int) -> list[IntArray]:
    """Exactly ``count`` batches of one epoch, of about equally many tokens: every pair of texts once.

    ``sources`` and ``targets`` (N,) count the tokens of each pair. Pairs are sorted by both, the second
    first, those of equal lengths anew at random in each epoch, and cut where the sum of the longer of both
    is due; the batches are shuffled. Each is (B,) positions, none empty while there are as many pairs.
    """
    rng = np.random.default_rng([seed, epoch])
    mixed = rng.permutation(len(sources))
    order = mixed[np.lexsort((sources[mixed], targets[mixed]))]
    due = np.cumsum(np.maximum(sources, targets)[order])
    total = max(int(due[-1]) if len(due) else 1, 1)
    wanted = np.arange(1, count) * total / count
    cuts = np.searchsorted(due, wanted, side="left") + 1
    room = np.arange(1, count)  # at least one pair in each batch, and one left for each that follows
    cuts = np.maximum.accumulate(np.maximum(cuts, room) - room) + room
    cuts = np.minimum(cuts, len(order) - count + room)
    batches = np.split(order, np.maximum(cuts, 0))
    return [batches[index] for index in rng.permutation(count)]
