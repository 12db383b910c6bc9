"""An inspection of gradients through time, from the file or the model to what is found.

A generator: it says what it works on, tells what goes on, and returns an :class:`Inspection`. Several cells
begin under two initialisations, side by side; with a file they are then trained for a short while, each
from the same start and on the same batches.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TypeAlias

import torch
from torch import Tensor

from seqcli.backends.device import set_threads
from seqcli.backends.network import Network, make_network
from seqcli.backends.registry import CELLS, load_cell
from seqcli.errors import ModelError, UsageError, near_miss
from seqcli.model_dir import SavedModel
from seqcli.network import NetworkSpec
from seqcli.options import Options, SavingOptions
from seqcli.options_use import InspectOptions
from seqcli.saved.exported import need_weights
from seqcli.sequences import Examples
from seqcli.threads import training_threads
from seqcli.training.events import StepDone
from seqcli.training.gradients.corridor import make_linear
from seqcli.training.gradients.curves import Doing, Flow, Inspection, Read, Said
from seqcli.training.gradients.flow import in_total
from seqcli.training.gradients.ground import Ground
from seqcli.training.gradients.inputs import UNITS, drawn, longest, random_spec, trained_length
from seqcli.training.gradients.short_training import trained_cells
from seqcli.training.run import decide

Telling: TypeAlias = Read | Said | Doing | StepDone
Inspecting: TypeAlias = Generator[Telling, None, Inspection]
STARTS = ("torch", "gated")
"""The initialisations that stand side by side."""


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
            flows += yield from trained_cells(ground, cells)
    return Inspection(
        tuple(flows),
        ground.looked.steps,
        linear=inspect.linear,
        segment=ground.spec.segment,
        init=ground.options.network.init,
        scale=inspect.init_scale,
        bptt=ground.options.training.bptt,
    )


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
        flows.append(Flow(spec.cell, "total", tuple(curves), flows[0].causes))
    return Inspection(tuple(flows), looked.steps, found, segment=spec.segment, init=spec.init)


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
