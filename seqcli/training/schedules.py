"""How long a fit is and how its learning rate runs: pure functions of the step, so resume is arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seqcli.training.fit_setup import FitSetup

WARM_UP_SHARE = 0.05
MAX_WARM_UP = 500
LEAST_SCORINGS = 5
"""A run of fewer passes than this, when steps set its length, is still scored this often."""


@dataclass(frozen=True)
class StepPlan:
    """``total_steps`` in all, scored after every ``interval`` steps (one epoch) and at the end."""

    total_steps: int
    interval: int

    @property
    def epochs(self) -> int:
        """Epochs that will be run at most."""
        return math.ceil(self.total_steps / self.interval)

    def epoch_end(self, epoch: int) -> int:
        """The step at which epoch ``epoch`` (counted from 1) ends."""
        return min(epoch * self.interval, self.total_steps)


def plan_steps(
    setup: FitSetup, steps_per_pass: int, budget_steps: int | None = None, scorings: int = LEAST_SCORINGS
) -> StepPlan:
    """Settle the length of a fit whose training part makes ``steps_per_pass`` batches.

    Of passes, steps and ``budget_steps``, what a probe says fits into the time budget, the least counts. A
    length that is not given in passes alone is cut into at least ``scorings`` epochs; a fit without
    validation needs 1.
    """
    passes = None if setup.epochs is None else setup.epochs * steps_per_pass
    steps = min(length for length in (passes, setup.steps, budget_steps) if length is not None)
    if setup.steps is None and budget_steps is None:
        return StepPlan(steps, steps_per_pass)
    return StepPlan(steps, min(steps_per_pass, math.ceil(steps / scorings)))


def learning_rate_at(step: int, total_steps: int, peak: float) -> float:
    """The learning rate of step ``step`` (counted from 0) of ``total_steps``.

    Linear warm-up over the first 5 % (at most 500 steps), then half a cosine down towards 0
    (Loshchilov and Hutter, SGDR, ICLR 2017, equation 5 with one cycle).
    """
    warm_up = max(1, min(MAX_WARM_UP, int(total_steps * WARM_UP_SHARE)))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, total_steps - warm_up)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
