"""How much an example counts in training: rare classes more, where there are many and some are far rarer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqcli.sequences import WEIGHT, Batchable, FloatArray, IntArray
from seqcli.tasks.classify_members import target_of

MANY_CLASSES = 5
FAR_RARER = 10
"""Times that the most frequent class comes as often as the rarest."""


def usual_weighing(train: Batchable, classes: int) -> str:
    """Whether rare classes weigh more where nothing is typed: among many, of which some are far rarer.

    Of few classes the probabilities matter, which weights would shift.
    """
    return usual_of(np.bincount(target_of(train), minlength=classes))


def usual_of(counts: IntArray) -> str:
    """The same from how often each class comes, (C,)."""
    uneven = len(counts) >= MANY_CLASSES and counts.max() >= FAR_RARER * counts.min()
    return "auto" if uneven else "none"


def weights_of(counts: IntArray) -> FloatArray:
    """What an example of each class weighs, (C,), from how often each comes, (C,); the mean is 1.

    The fourth root of what would make all classes count the same: macro F1 gains, accuracy does not lose.
    """
    weights = ((counts.max() / np.maximum(counts, 1)) ** 0.25).astype(np.float32)
    found: FloatArray = weights / np.float32((weights * counts).sum() / counts.sum())
    return found


def weighing(train: Batchable, classes: int, how: str) -> Callable[[Batchable], Batchable]:
    """What gives examples their weight in training, from how often each class comes in ``train``."""
    if how != "auto":
        return lambda examples: examples
    weights = weights_of(np.bincount(target_of(train), minlength=classes))

    def weigh(examples: Batchable) -> Batchable:
        own = weights[target_of(examples)]
        return Batchable({**examples.fields, WEIGHT: own}, examples.row_ids)

    return weigh
