"""Steps of padded batches find their places among the steps of all rows."""

from __future__ import annotations

import numpy as np
import torch

from seqcli.preprocessing.batching import sequential_batches, step_places
from seqcli.training.batches import StepOrder


def test_every_step_of_every_batch_comes_home() -> None:
    lengths = np.array([3, 1, 5, 2, 1])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    found = np.full(offsets[-1], -1)
    gathered = StepOrder(lengths)
    for rows in sequential_batches(lengths, 2):
        steps = int(lengths[rows].max())
        places, valid = step_places(offsets, rows, steps)
        padded = np.where(
            np.arange(steps) < lengths[rows][:, None], offsets[rows][:, None] + np.arange(steps), 99
        )
        found[places] = padded[valid]
        gathered.put(rows, torch.from_numpy(np.stack([padded, 2 * padded], axis=-1)).float())
    assert found.tolist() == list(range(12))
    assert gathered.outputs[:, 1].tolist() == [2.0 * place for place in range(12)]
