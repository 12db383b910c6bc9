"""How many steps fit into a time budget: a short probe on a copy of the network, which leaves no trace."""

from __future__ import annotations

import copy
import time

import torch
from torch import nn

from seqcli.preprocessing.batching import sequential_batches
from seqcli.sequences import Examples, IntArray
from seqcli.training.batches import BatchOrder, to_tensors
from seqcli.training.fit_setup import FitSetup
from seqcli.training.schedules import LEAST_SCORINGS
from seqcli.training.stepping import Stepper

PROBE_SHARE = 0.05
PROBE_SECONDS = 2.0
SAFETY = 0.95
"""Share of the budget that is planned for; the rest absorbs an uneven machine."""


def probe_steps(
    network: nn.Module,
    train: Examples,
    validation: Examples | None,
    setup: FitSetup,
    *,
    order: BatchOrder,
    budget: float,
) -> tuple[int, float]:
    """Return (steps that fit into ``budget`` seconds, seconds a step).

    Trains a copy for up to 2 s or 5 % of the budget, scores one validation batch, and extrapolates
    by padded steps (B × T), because bucketed batches differ in length. The scorings that the steps
    bring with them are part of the sum.
    """
    started = time.monotonic()
    allowed = min(PROBE_SECONDS, PROBE_SHARE * budget)
    devices = [setup.device] if setup.device != "cpu" else []
    with torch.random.fork_rng(devices=devices):
        stepper = Stepper(copy.deepcopy(network), setup)
        stepper.step(train.batch(order.rows(0)), 0.0)  # the first step sets things up: not timed
        stepper.is_finite()
        begun = time.monotonic()
        cells = step = 0
        while step == 0 or time.monotonic() - started < allowed:
            rows = order.rows(step % order.steps_per_pass)
            stepper.step(train.batch(rows), 0.0)
            stepper.is_finite()  # waits for the device
            cells += _padded_steps(train.lengths, rows)
            step += 1
        second_per_cell = (time.monotonic() - begun) / max(cells, 1)
        scoring = _scoring_seconds(stepper, validation, setup)
    a_pass = sum(_padded_steps(train.lengths, order.rows(step)) for step in range(order.steps_per_pass))
    seconds_per_step = second_per_cell * a_pass / order.steps_per_pass
    left = SAFETY * budget - (time.monotonic() - started)
    steps = left / (seconds_per_step + scoring / order.steps_per_pass)
    if steps < LEAST_SCORINGS * order.steps_per_pass:
        steps = (left - LEAST_SCORINGS * scoring) / seconds_per_step
    return max(1, int(steps)), seconds_per_step


def _padded_steps(lengths: IntArray, rows: IntArray) -> int:
    """Cells (B × T) of the padded batch that ``rows`` make."""
    return len(rows) * int(lengths[rows].max(initial=1))


def _scoring_seconds(stepper: Stepper, validation: Examples | None, setup: FitSetup) -> float:
    """Seconds of one pass over the validation part, from its middle batch."""
    if validation is None:
        return 0.0
    batches = sequential_batches(validation.lengths, setup.batch_size)
    middle = batches[len(batches) // 2]
    batch = to_tensors(validation.batch(middle), stepper.device)
    stepper.network.eval()
    started = time.monotonic()
    with torch.inference_mode():
        stepper.network(batch).sum().item()  # waits for the device
    every = sum(_padded_steps(validation.lengths, rows) for rows in batches)
    return (time.monotonic() - started) * every / _padded_steps(validation.lengths, middle)
