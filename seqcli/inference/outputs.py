"""Network outputs for many examples, in their order."""

from __future__ import annotations

import numpy as np

from seqcli.inference.session import GraphSession
from seqcli.preprocessing.batching import sequential_batches, step_places
from seqcli.sequences import Examples, FloatArray, IntArray

BATCH_SIZE = 256
MAX_STEPS = 2**16
"""Padded steps (rows × longest row) of one run, so that a few very long rows need no more memory."""
MAX_IDS = 2**18
"""As many ids of bags, (rows × longest row × K), each of which becomes a vector of its own."""


def outputs_for(session: GraphSession, examples: Examples, batch_size: int = BATCH_SIZE) -> FloatArray:
    """Outputs (N, *output_shape) in row order, computed over rows of similar length together.

    Where each step is answered, the steps of all rows end to end: (M, *output_shape).
    """
    lengths = examples.lengths
    parts, order = [], []
    of_a_step = _ids_of_a_step(examples) if len(lengths) else 0
    most = min(MAX_STEPS, MAX_IDS // of_a_step) if of_a_step else MAX_STEPS
    for rows in sequential_batches(lengths, batch_size):
        fitting = max(1, most // max(1, int(lengths[rows].max())))
        for start in range(0, len(rows), fitting):
            some = rows[start : start + fitting]
            parts.append(session.run(examples.batch(some)))
            order.append(some)
    if not parts:
        return np.empty((0,), dtype=np.float32)
    if session.each_step:
        return _end_to_end(lengths, parts, order)
    outputs = np.empty((len(lengths), *parts[0].shape[1:]), dtype=np.float32)
    outputs[np.concatenate(order)] = np.concatenate(parts)
    return outputs


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
