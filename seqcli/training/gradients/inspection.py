"""An inspection of gradients through time, from the file or the model to what is found.

A generator: it says what it works on, tells what goes on, and returns an :class:`Inspection`. Several cells
begin under two initialisations, side by side; with a file they are then trained for a short while, each
from the same start and on the same batches.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from seqcli.backends.device import set_threads
from seqcli.backends.encoder import Layer
from seqcli.backends.network import Network, build_network, make_network
from seqcli.backends.registry import CELLS, load_cell
from seqcli.errors import DivergedError, ModelError, UsageError, near_miss
from seqcli.model_dir import SavedModel
from seqcli.network import NetworkSpec
from seqcli.options import Options, SavingOptions, TrainingOptions
from seqcli.options_use import InspectOptions
from seqcli.saved.exported import need_weights
from seqcli.sequences import Examples
from seqcli.tasks.base import Prepared
from seqcli.threads import training_threads
from seqcli.training.events import StepDone
from seqcli.training.fit_setup import FitSetup
from seqcli.training.gradients.causes import causes
from seqcli.training.gradients.corridor import make_linear
from seqcli.training.gradients.curves import Doing, Flow, Inspection, Read, Said, ShortTraining
from seqcli.training.gradients.flow import in_total, through_time
from seqcli.training.gradients.inputs import Looked, drawn, longest, random_spec, trained_length
from seqcli.training.loop import fit
from seqcli.training.run import decide

Telling: TypeAlias = Read | Said | Doing | StepDone
Inspecting: TypeAlias = Generator[Telling, None, Inspection]
UNITS = 128
"""Of the cells that read random sequences."""
MOST_STEPS = 120_000
"""Time steps (sequences × steps, at 128 units) of a short training: seconds a cell."""
STARTS = ("torch", "gated")
"""The initialisations that stand side by side."""


@dataclass(frozen=True)
class Ground:
    """What all cells of one inspection share: the sequences, the network around the cell, the choices."""

    looked: Looked
    spec: NetworkSpec
    options: Options
    inspect: InspectOptions
    prepared: Prepared | None = None
    """What there is to train on."""
    epochs: int | None = None
    """Passes of the short training, where they were typed."""

    def network(self, cell: str, init: str) -> Network:
        """A network of one direction that reads its last state, W_hh multiplied by ``--init-scale``."""
        pool = self.spec.pool if self.spec.pool == "none" else "last"
        spec = replace(self.spec, cell=cell, init=init, bidirectional=False, pool=pool, members=1)
        network = build_network(spec, self.options.training.seed)
        with torch.no_grad():
            for layer in network.encoder.layers:
                assert isinstance(layer, Layer)
                if self.inspect.init_scale != 1.0:
                    layer.forward_cell.weight_hh.mul_(self.inspect.init_scale)
        return network

    def flow(self, network: Network, cell: str, stage: str) -> Flow:
        """What is found in one network."""
        batch = self.looked.batch
        curves = through_time(network, batch, self.options.training.seed)
        return Flow(cell, stage, tuple(curves), tuple(causes(network, batch)))


def inspect_cells(files: Sequence[str], options: Options, inspect: InspectOptions) -> Inspecting:
    """Cells side by side: on random sequences, or on those of ``files``, and then after a short training.

    Raises :class:`UsageError` for a cell that is not known or carries nothing.
    """
    cells = known_cells(inspect.cells)
    _refuse_scale(cells, inspect)
    ground = (yield from _of_files(files, options, inspect)) if files else _of_noise(options, inspect)
    yield Said(f"cells: {_what(ground)}")
    yield Said(ground.looked.said)
    if ground.looked.odd:
        yield Said(ground.looked.odd, odd=True)
    if inspect.linear is not None:
        yield Doing("following gradients")
        network = ground.network("rnn", "torch")
        make_linear(network, inspect.linear, options.training.seed)
        flows = [ground.flow(network, "linear", "linear")]
    else:
        flows = []
        for init in dict.fromkeys((*STARTS, options.network.init)):
            for cell in cells:
                yield Doing(f"following gradients: {cell}, {init}")
                flows.append(ground.flow(ground.network(cell, init), cell, init))
        if ground.prepared is not None:
            flows += yield from _trained(ground, cells)
    return Inspection(tuple(flows), ground.looked.steps, linear=inspect.linear, segment=ground.spec.segment)


def known_cells(names: Sequence[str]) -> tuple[str, ...]:
    """The cells that were typed, each once. Raises UsageError for one that has no gradient through time."""
    for name in names:
        if name not in CELLS:
            close = near_miss(name, CELLS)
            hint = f"did you mean {close}?" if close else f"there are {', '.join(CELLS)}"
            raise UsageError(f"--cells: no cell is called {name!r}", hint)
        if not load_cell(name).states:
            raise UsageError(
                f"the cell {name} carries nothing from step to step: no gradient goes through time",
                "--cells rnn,lstm,gru compares those that do",
            )
    if not names:
        raise UsageError("--cells names no cell", "--cells rnn,lstm,gru is usual")
    return tuple(dict.fromkeys(names))


def _refuse_scale(cells: Sequence[str], inspect: InspectOptions) -> None:
    """Raise UsageError where W_hh is to be larger of a cell that has none."""
    without = next((name for name in cells if load_cell(name).memory), "")
    if without and inspect.init_scale != 1.0:
        raise UsageError(
            f"--init-scale multiplies W_hh, and the gates of {without} do not look at the state: it has none",
            f"leave out --init-scale, or {without} of --cells",
        )


def _of_noise(options: Options, inspect: InspectOptions) -> Ground:
    """Random sequences, for cells that nothing is learnt with."""
    units = options.network.hidden_size or UNITS
    set_threads(training_threads(options.training.threads, units))
    spec = random_spec(units, options.network.num_layers or 1)
    looked = drawn(spec, inspect.look_back or trained_length({}), options.training.seed)
    return Ground(looked, spec, options, inspect)


def _of_files(
    files: Sequence[str], options: Options, inspect: InspectOptions
) -> Generator[Telling, None, Ground]:
    """The sequences of the training part of ``files``, prepared as a training would.

    A forecast is read step by step unless segments are asked for: of those there are too few to show how
    a gradient fades.
    """
    asked = options.forecast
    if inspect.look_back and asked.window is None:
        asked = replace(asked, window=inspect.look_back)
    if asked.decoder is None and asked.segment is None:
        asked = replace(asked, decoder="direct")
    options = replace(options, forecast=asked)
    yield Doing("reading")
    run = decide(files, options, SavingOptions())
    yield Read(run.prepared.task.plan.task)
    for line in run.prepared.task.plan.reasons:
        yield Said(line)
    for note in (*run.notes, *run.prepared.warnings):
        yield Said(note, odd=True)
    spec, seed = run.prepared.network, options.training.seed
    looked = longest(run.prepared.train, spec.reader, inspect.look_back, seed, run.tables.main.source)
    return Ground(looked, spec, run.options, inspect, run.prepared, options.training.epochs)


def _what(ground: Ground) -> str:
    """What is inspected, for people."""
    count, units = ground.spec.num_layers, ground.spec.hidden_size
    layers = f"{count} layer{'s' if count > 1 else ''} of {units} units"
    if ground.inspect.linear is not None:
        return f"{layers}, linear, W_hh = {ground.inspect.linear:g} · Q with an orthogonal Q"
    if ground.prepared is None:
        return f"{layers} each, as initialised; with a FILE they are trained too"
    return f"{layers} each, read forward to the last state; as initialised, then after a short training"


# ---- the short training ------------------------------------------------------------------------


def _trained(ground: Ground, cells: Sequence[str]) -> Generator[Telling, None, list[Flow]]:
    """The cells after a short training of each."""
    assert ground.prepared is not None
    steps, said = short_training(ground.prepared.train, ground.options.training, ground)
    yield Said(said)
    flows = []
    for cell in cells:
        network = ground.network(cell, ground.options.network.init)
        yield Doing(f"training {cell}")
        reached, clipped = 0, 0.0
        events = fit(network, ground.prepared.train, None, _setup(ground, steps))
        try:
            while True:
                event = next(events)
                if isinstance(event, StepDone):
                    reached = event.step
                    yield event
        except StopIteration as end:
            clipped = end.value.clipped
        except DivergedError:
            flows.append(Flow(cell, "trained", diverged=reached + 1))
            continue
        yield Doing(f"following gradients: {cell}, trained")
        flow = ground.flow(network, cell, "trained")
        flows.append(replace(flow, training=ShortTraining(steps, clipped)))
    return flows


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
        weight_decay=training.weight_decay,
        clip_norm=training.clip_norm or math.inf,
        clip_value=training.clip_value,
        seed=training.seed,
        optimizer=training.optimizer or "adamw",
        bptt=training.bptt,
    )


# ---- a saved model -----------------------------------------------------------------------------


def inspect_model(
    model: SavedModel, examples: Examples | None, source: str, inspect: InspectOptions, seed: int = 0
) -> Inspecting:
    """A saved network on ``examples`` of the file ``source``, or on random sequences of the trained length.

    Where pooling or a second direction gives every step a path of its own to the output, what comes
    through time and what comes in total are shown apart.
    """
    spec = model.network
    network = saved_network(model)
    known_cells([spec.cell])
    set_threads(training_threads(None, spec.hidden_size))
    if examples is None:
        length = inspect.look_back or trained_length(model.record["task"])
        if spec.segment == 1 and length < 2:
            raise UsageError(
                f"{model.path}: this model reads rows of one step, and nothing goes through time",
                "--steps 20 shows what it would do to longer sequences",
            )
        looked = drawn(spec.reader, length, seed)
        looked = replace(looked, said=f"{looked.said}; a FILE beside -m gives real ones")
    else:
        looked = longest(examples, spec.reader, inspect.look_back, seed, source)
    yield Said(looked.said)
    if looked.odd:
        yield Said(looked.odd, odd=True)
    yield Doing("following gradients")
    ground = Ground(looked, spec, Options.from_flat({"seed": seed}), inspect)
    flows = [ground.flow(network, spec.cell, "time")]
    found = shortcuts(spec)
    if found:
        curves = in_total(network, looked.batch)
        flows.append(replace(flows[0], stage="total", curves=tuple(curves)))
    return Inspection(tuple(flows), looked.steps, found, segment=spec.segment)


def shortcuts(spec: NetworkSpec) -> tuple[str, ...]:
    """What gives every step of a network a path of its own to the one output: not a last-state read-out."""
    if spec.pool == "none":
        return ()
    pooling = (f"{spec.pool} pooling",) if spec.pool != "last" else ()
    return (*pooling, "the second direction") if spec.bidirectional else pooling


def saved_network(model: SavedModel) -> Network:
    """The torch network of a saved model.

    Raises :class:`ModelError` when its weights are of another one, or not finite.
    """
    need_weights(model.record, model.path, "gradients")
    weights: dict[str, Tensor] = {name: torch.from_numpy(a) for name, a in model.weights().items()}
    try:
        with torch.device("meta"):  # shapes alone, so that sizes are compared before memory is taken
            network = make_network(model.network)
        network.load_state_dict(weights, assign=True)
    except (RuntimeError, UsageError, ValueError):
        raise ModelError(
            f"{model.path}: its weights are not those of the network it describes", "train the model again"
        ) from None
    if not all(bool(weight.isfinite().all()) for weight in weights.values()):
        raise ModelError(f"{model.path}: its weights are not finite", "train the model again")
    return network
