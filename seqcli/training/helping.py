"""What a process does of a training that another one leads: its share of every fit, and nothing else."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from seqcli.options import Options, SavingOptions
from seqcli.saved.places import CHECKPOINT, default_target, partial_dir, resume_command
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.distributed import team
from seqcli.training.events import EpochDone, Notice, PlanMade, StepDone
from seqcli.training.going_on import go_on_over_validation, goes_on, shortened
from seqcli.training.loop import fit
from seqcli.training.pretraining import read_ahead
from seqcli.training.run import decide, plan_made, refit
from seqcli.training.started import StartedRun
from seqcli.training.told import fit_setup


def help_to_train(
    files: Sequence[str], options: Options, saving: SavingOptions, typed: frozenset[str]
) -> Generator[PlanMade | StepDone | EpochDone | Notice]:
    """The fits of :func:`~seqcli.training.run.train`, from the same files and options, in the same order.

    Nothing is written. The first process tests, and says whether the network goes on over all rows.
    """
    place = partial_dir(Path(saving.save) if saving.save else default_target(files)) / CHECKPOINT
    if saving.resume:
        options = StartedRun.read(place).options_for(options, typed)
    checkpoints = CheckpointStore(place, resume_command("train", files, saving.save))
    run = decide(files, options, saving)
    setup = fit_setup(run)
    yield plan_made(run)
    if run.prepared.members:
        run = replace(run, prepared=run.prepared.members())
    prepared, network = run.prepared, run.network
    if run.ahead is not None:
        yield from read_ahead(network, run.ahead, setup, checkpoints)
    going_on = goes_on(prepared, run.options.training.refit, setup)
    first = shortened(setup) if going_on else setup
    outcome = yield from fit(network, prepared.train, prepared.validation, first, checkpoints)
    if going_on:
        yield from go_on_over_validation(network, prepared, setup, outcome, checkpoints)
    if prepared.refit and run.options.training.refit and team().tell([0.0])[0]:
        yield from refit(run, prepared.refit(), setup, outcome, checkpoints)
