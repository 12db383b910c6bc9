"""How many steps fit into a time budget: a short probe on a copy of the network, which leaves no trace."""

from __future__ import annotations

import copy
import time

import torch
from torch import nn

from seqcli.training.distributed import team
from seqcli.training.feeds import Feed
from seqcli.training.fit_setup import FitSetup
from seqcli.training.schedules import LEAST_SCORINGS
from seqcli.training.stepping import make_trainer

PROBE_SHARE = 0.05
PROBE_SECONDS = 2.0
SAFETY = 0.95
"""Share of the budget that is planned for; the rest absorbs an uneven machine."""


def probe_steps(network: nn.Module, feed: Feed, setup: FitSetup) -> tuple[int, float]:
    """Return (steps that fit into the time budget, seconds a step).

    Trains a copy for up to 2 s or 5 % of the budget, scores a part of the validation, and extrapolates
    by padded steps (B × T), because bucketed batches differ in length. The scorings that the steps
    bring with them are part of the sum.
    """
    assert setup.time_budget is not None
    all_of_us = team()
    started = time.monotonic()
    allowed = min(PROBE_SECONDS, PROBE_SHARE * setup.time_budget)
    devices = [setup.device] if setup.device != "cpu" else []
    with torch.random.fork_rng(devices=devices):
        trainer = make_trainer(copy.deepcopy(network), setup)
        trainer.step(feed.batch(0), 0.0)  # the first step sets things up: not timed
        trainer.is_finite()
        begun = time.monotonic()
        cells = step = 0
        while all_of_us.tell([step == 0 or time.monotonic() - started < allowed])[0]:
            trainer.step(feed.batch(step % feed.steps_per_pass), 0.0)
            trainer.is_finite()  # waits for the device
            cells += feed.cells(step % feed.steps_per_pass)
            step += 1
        second_per_cell = (time.monotonic() - begun) / max(cells, 1)
        scoring = feed.scoring_seconds(trainer)
    a_pass = sum(feed.cells(step) for step in range(feed.steps_per_pass))
    seconds_per_step = second_per_cell * a_pass / feed.steps_per_pass
    left = SAFETY * setup.time_budget - (time.monotonic() - started)
    steps = left / (seconds_per_step + scoring / feed.steps_per_pass)
    if steps < LEAST_SCORINGS * feed.steps_per_pass:
        steps = (left - LEAST_SCORINGS * scoring) / seconds_per_step
    steps, seconds_per_step = all_of_us.tell([steps, seconds_per_step])
    return max(1, int(steps)), seconds_per_step
