"""Network outputs for many examples, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from seqcli.inference.session import GraphSession
from seqcli.preprocessing.batching import sequential_batches, step_places
from seqcli.sequences import Batch, Examples, FloatArray, IntArray

if TYPE_CHECKING:
    from concurrent.futures import Future

BATCH_SIZE = 256
"""Rows that are padded to the same length."""
SLICE = 32
"""Rows of them that go through the graph at once: what an operator hands to the next stays in the cache."""
WAITING = 8
"""Slices that wait for each thread, so that it never waits for one."""
MAX_STEPS = 2**16
"""Padded steps (rows × longest row) of one run, so that a few very long rows need no more memory."""
MAX_IDS = 2**18
"""As many ids of bags, (rows × longest row × K), each of which becomes a vector of its own."""


def outputs_for(session: GraphSession, examples: Examples, batch_size: int = BATCH_SIZE) -> FloatArray:
    """Outputs (N, *output_shape) in row order, computed over rows of similar length together.

    Where each step is answered, the steps of all rows end to end: (M, *output_shape).
    """
    lengths = examples.lengths
    order, parts = [], []
    for rows, outputs in _runs(session, _slices(examples, batch_size), len(lengths)):
        order.append(rows)
        parts.append(outputs)
    if not parts:
        return np.empty((0,), dtype=np.float32)
    if session.each_step:
        return _end_to_end(lengths, parts, order)
    found = np.empty((len(lengths), *parts[0].shape[1:]), dtype=np.float32)
    found[np.concatenate(order)] = np.concatenate(parts)
    return found


def _slices(examples: Examples, batch_size: int) -> Iterator[tuple[IntArray, Batch]]:
    """Which rows (B,) go through the graph at once, and those rows, padded with others of their length."""
    lengths = examples.lengths
    of_a_step = _ids_of_a_step(examples) if len(lengths) else 0
    most = min(MAX_STEPS, MAX_IDS // of_a_step) if of_a_step else MAX_STEPS
    for rows in sequential_batches(lengths, batch_size):
        fitting = max(1, most // max(1, int(lengths[rows].max())))
        for start in range(0, len(rows), fitting):
            some = rows[start : start + fitting]
            batch = examples.batch(some)
            # Of equal size, as one row alone is summed in another order than two.
            ends = np.linspace(0, len(some), -(-len(some) // SLICE) + 1).astype(int).tolist()
            for first, end in pairwise(ends):
                yield some[first:end], {name: values[first:end] for name, values in batch.items()}


def _runs(
    session: GraphSession, slices: Iterable[tuple[IntArray, Batch]], count: int
) -> Iterator[tuple[IntArray, FloatArray]]:
    """The rows (B,) of each slice and their outputs, in order; a thread has a slice to itself.

    ``count`` is the number of rows of all slices.
    """
    if session.workers == 1 or count <= SLICE:
        for rows, batch in slices:
            yield rows, session.run(batch)
        return
    from concurrent.futures import ThreadPoolExecutor  # here, because a line typed needs none

    pool = ThreadPoolExecutor(session.workers)
    try:
        running: deque[tuple[IntArray, Future[FloatArray]]] = deque()
        for rows, batch in slices:
            running.append((rows, pool.submit(session.run, batch)))
            if len(running) > WAITING * session.workers:
                done, outputs = running.popleft()
                yield done, outputs.result()
        for done, outputs in running:
            yield done, outputs.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_to_end(lengths: IntArray, parts: list[FloatArray], order: list[IntArray]) -> FloatArray:
    """The valid steps of all rows: batches (B, T, *output_shape) of rows (B,) → (M, *output_shape)."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    outputs = np.empty((int(offsets[-1]), *parts[0].shape[2:]), dtype=np.float32)
    for part, rows in zip(parts, order, strict=True):
        places, valid = step_places(offsets, rows, part.shape[1])
        outputs[places] = part[valid]
    return outputs


def _ids_of_a_step(examples: Examples) -> int:
    """K of fields (B, T, K) of ids, all of them together; 0 where there is none."""
    first = examples.batch(np.zeros(1, dtype=np.int64))
    return sum(values.shape[2] for values in first.values() if values.ndim == 3 and values.dtype == np.int64)
