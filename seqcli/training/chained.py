"""A task whose answers need what the network has learnt of neighbouring steps, while it learns it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from seqcli.network import CHAIN
from seqcli.sequences import Examples
from seqcli.tasks.base import Chained, Changing, Task
from seqcli.training.fit_setup import Change, Scoring


def as_learnt(task: Task, network: nn.Module) -> Task:
    """``task`` with the scores of neighbouring steps as they stand in ``network``, if it reads any."""
    if not isinstance(task, Chained):
        return task
    return task.with_chain({CHAIN: network.state_dict()[CHAIN].cpu().numpy().copy()})


def scoring(task: Task, network: nn.Module) -> Scoring:
    """The metrics of ``task`` for outputs (N, ...), with what ``network`` has learnt when it is asked."""
    if not isinstance(task, Chained):
        return task.score

    def score(outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        return as_learnt(task, network).score(outputs, examples)

    return score


def changer(task: Task, seed: int) -> Change | None:
    """What a batch becomes at a step of the training by ``seed``, where ``task`` changes it."""
    if not isinstance(task, Changing):
        return None
    return lambda batch, step: task.changed(batch, (seed, step))
