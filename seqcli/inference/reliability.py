"""How far a classifier's probabilities hold on a file: the points of a reliability diagram."""

from __future__ import annotations

import numpy as np

from seqcli.sequences import Batchable, Examples, FloatArray
from seqcli.tasks.base import Task

BINS = 10


def reliability(task: Task, outputs: FloatArray, examples: Examples) -> list[tuple[float, float, int]]:
    """(mean probability of the answer, share of right answers, rows) of each tenth of the rows, rising.

    ``outputs`` (N, *output_shape) are the network's for labelled ``examples``. Nothing for a task that gives
    no classes. Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian
    Binning, AAAI 2015, with bins of equal mass.
    """
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.classify_members import target_of
    from seqcli.tasks.classify_metrics import log_softmax

    if not isinstance(task, Classify) or not isinstance(examples, Batchable):
        return []
    chances = log_softmax(task.joined(outputs, examples))
    right = chances.argmax(axis=1) == target_of(examples)
    sure = np.exp(chances.max(axis=1))
    order = np.argsort(sure, kind="stable")
    return [
        (float(sure[part].mean()), float(right[part].mean()), len(part))
        for part in np.array_split(order, min(BINS, len(order)))
    ]
