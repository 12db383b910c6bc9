"""How far a classifier's probabilities hold on a file: the points of a reliability diagram."""

from __future__ import annotations

import numpy as np

from seqcli.inference.carried import network_outputs
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.readers.table import Table

BINS = 10


def reliability(model: SavedModel, table: Table) -> list[tuple[float, float, int]]:
    """(mean probability of the answer, share of right answers, rows) of each tenth of the rows, rising.

    Nothing for a model that gives no classes. Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated
    Probabilities Using Bayesian Binning, AAAI 2015, with bins of equal mass.
    """
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.classify_members import target_of
    from seqcli.tasks.classify_metrics import log_softmax

    task = saved_task(model)
    if not isinstance(task, Classify):
        return []
    with blamed_on(model):
        examples = task.encode_labelled(table)
        chances = log_softmax(task.joined(network_outputs(model)(examples), examples))
        right = chances.argmax(axis=1) == target_of(examples)
    sure = np.exp(chances.max(axis=1))
    order = np.argsort(sure, kind="stable")
    return [
        (float(sure[part].mean()), float(right[part].mean()), len(part))
        for part in np.array_split(order, min(BINS, len(order)))
    ]
