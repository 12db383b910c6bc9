"""The short training ahead of an inspection: each cell from the same start and on the same batches."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import replace

from seqcli.errors import DivergedError
from seqcli.options import TrainingOptions
from seqcli.sequences import Examples
from seqcli.training.events import StepDone
from seqcli.training.fit_setup import FitSetup
from seqcli.training.gradients.curves import Doing, Flow, Said, ShortTraining, Snapshot
from seqcli.training.gradients.flow import through_time
from seqcli.training.gradients.ground import Ground
from seqcli.training.gradients.inputs import UNITS
from seqcli.training.gradients.watching import TrainingWatch
from seqcli.training.loop import fit

MOST_STEPS = 120_000
"""Time steps (sequences × steps, at 128 units) of a short training: seconds a cell."""


def trained_cells(
    ground: Ground, cells: Sequence[str]
) -> Generator[Said | Doing | StepDone, None, list[Flow]]:
    """The cells after a short training of each, with what they were like on the way, where that is asked."""
    assert ground.prepared is not None
    steps, said = short_training(ground.prepared.train, ground.options.training, ground)
    yield Said(said)
    flows = []
    for cell in cells:
        flows.append((yield from _trained(ground, cell, steps)))
    return flows


def _trained(ground: Ground, cell: str, steps: int) -> Generator[Said | Doing | StepDone, None, Flow]:
    """One cell after ``steps`` steps."""
    assert ground.prepared is not None
    network = ground.network(cell, ground.options.network.init)
    watch = TrainingWatch(network, steps)
    every, shots = ground.inspect.look_every, []

    def shot(step: int) -> Snapshot:
        curves = through_time(network, ground.looked.batch, ground.options.training.seed)
        return Snapshot(step, tuple(curves), watch.lately())

    if every:
        yield Doing(f"following gradients: {cell}")
        shots.append(shot(0))
    yield Doing(f"training {cell}")
    reached, clipped = 0, 0.0
    events = fit(network, ground.prepared.train, None, replace(_setup(ground, steps), watch=watch))
    try:
        while True:
            event = next(events)
            if isinstance(event, StepDone):
                reached = event.step
                yield event
                if every and (reached % every == 0 or reached == steps):
                    shots.append(shot(reached))
    except StopIteration as end:
        clipped = end.value.clipped
    except DivergedError:
        return Flow(cell, "trained", diverged=reached + 1, snapshots=tuple(shots))
    yield Doing(f"following gradients: {cell}, trained")
    flow = ground.flow(network, cell, "trained")
    training = ShortTraining(steps, clipped, watch.found())
    return replace(flow, training=training, snapshots=tuple(shots))


def short_training(train: Examples, training: TrainingOptions, ground: Ground) -> tuple[int, str]:
    """Steps of the short training of each cell, and the rule in a sentence.

    As many epochs as the task would take, but at most :data:`MOST_STEPS` time steps; typed epochs in full.
    """
    batch, units = training.batch_size or 1, ground.spec.hidden_size
    each, count = float(train.lengths.mean()) / ground.spec.segment, len(train)
    if training.bptt:  # a text, which is read in pieces of this length
        each, count = training.bptt, math.ceil(int(train.lengths.sum()) / training.bptt)
    a_pass = max(1, math.ceil(count / batch))
    begin = f"training: {ground.options.network.init} start"
    if ground.epochs is not None:
        steps = ground.epochs * a_pass
        return steps, f"{begin}, {_count(steps)} of {batch} sequences for each cell, the epochs as typed"
    time_steps = each * min(batch, count) * units / UNITS  # of one batch
    usual = training.steps or (training.epochs or 1) * a_pass
    steps = min(usual, max(1, int(MOST_STEPS / time_steps)))
    share = steps / a_pass
    epochs = f"{share:.0f} epochs" if share >= 10 else f"{share:.2g} epochs"
    if steps < usual:
        unit = "segments" if ground.spec.segment > 1 else "time steps"
        epochs += f" of {MOST_STEPS:,} {unit} at {UNITS} units; --epochs decides otherwise"
    return steps, f"{begin}, {_count(steps)} of {batch} sequences for each cell, {epochs}"


def _count(steps: int) -> str:
    return f"{steps:,} step{'' if steps == 1 else 's'}"


def _setup(ground: Ground, steps: int) -> FitSetup:
    """A fit of so many steps, scored never; ``--clip-norm 0`` clips nothing."""
    training, prepared = ground.options.training, ground.prepared
    assert prepared is not None
    return FitSetup(
        loss=prepared.loss,
        batch_size=training.batch_size or 1,
        learning_rate=training.learning_rate or 0.0,
        steps=steps,
        weight_decay=FitSetup.weight_decay if training.weight_decay is None else training.weight_decay,
        clip_norm=training.clip_norm or math.inf,
        clip_value=training.clip_value,
        seed=training.seed,
        optimizer=training.optimizer or "adamw",
        bptt=training.bptt,
    )
