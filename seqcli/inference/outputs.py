"""Network outputs for many examples, in their order."""

from __future__ import annotations

import numpy as np

from seqcli.inference.session import GraphSession
from seqcli.preprocessing.batching import sequential_batches
from seqcli.sequences import Examples, FloatArray

BATCH_SIZE = 256
MAX_STEPS = 2**16
"""Padded steps (rows × longest row) of one run, so that a few very long rows need no more memory."""


def outputs_for(session: GraphSession, examples: Examples, batch_size: int = BATCH_SIZE) -> FloatArray:
    """Outputs (N, *output_shape) in row order, computed over rows of similar length together."""
    lengths = examples.lengths
    parts, order = [], []
    for rows in sequential_batches(lengths, batch_size):
        fitting = max(1, MAX_STEPS // max(1, int(lengths[rows].max())))
        for start in range(0, len(rows), fitting):
            some = rows[start : start + fitting]
            parts.append(session.run(examples.batch(some)))
            order.append(some)
    if not parts:
        return np.empty((0,), dtype=np.float32)
    outputs = np.empty((len(lengths), *parts[0].shape[1:]), dtype=np.float32)
    outputs[np.concatenate(order)] = np.concatenate(parts)
    return outputs
