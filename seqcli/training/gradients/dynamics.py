"""What each layer does to a gradient at each step, measured over real sequences in float64.

Decompositions cost the cube of the state, so a large one is looked at in fewer sequences and at fewer steps.
Of a block, whose gates do not look at the state, the Jacobian of the memory is diagonal and costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqcli.backends.cells.block import Block
from seqcli.backends.cells.cell import Cell, State
from seqcli.backends.network import Network
from seqcli.backends.numpy_cells import Weights, load_numpy_cell
from seqcli.sequences import LENGTHS
from seqcli.training.gradients.causes import LARGEST
from seqcli.training.gradients.corridor import LinearRnn
from seqcli.training.gradients.flow import SteppedLayer, inputs_of, measured_copy, run_stepped
from seqcli.training.gradients.jacobians import (
    FIRST,
    diagonal_exponents,
    jacobians,
    kept_shares,
    lyapunov,
)
from seqcli.training.gradients.measures import OPEN, SHUT, Dynamics, Exponents, GateUse, GateWeights, Spread

ROWS = 8
"""Sequences that are looked at."""
TURNS, FEWEST_TURNS = 400_000_000, 24
"""Steps × D³ of the exponents, and the fewest steps."""
MOST_AHEAD = 20
"""Steps that only turn Q; a third, where sequences are short."""
SAMPLES, FEWEST_SAMPLES, MOST_SAMPLES = 30_000_000, 4, 24
"""Samples × D³ of the singular values and eigenvalues, and how many there are at least and at most."""
TANH = frozenset({"h", "g", "n"})
"""Names that cells give to what goes through tanh."""


def dynamics(network: Network, batch: dict[str, Tensor]) -> list[Dynamics]:
    """The measures of every layer's forward cell on ``batch``: fields (B, T[, F]), ``lengths`` (B,)."""
    network = measured_copy(network)
    rows = _longest(batch[LENGTHS])
    x, lengths, start = inputs_of(network, {name: values[rows] for name, values in batch.items()})
    with torch.no_grad():
        _, layers = run_stepped(network.encoder, x, lengths, start)
    steps = int(lengths.max())
    return [_of_layer(depth, layer, steps) for depth, layer in enumerate(layers, start=1)]


def _longest(lengths: Tensor) -> Tensor:
    """The first :data:`ROWS` of those that are as long as the longest, by ``lengths`` (B,)."""
    return torch.nonzero(lengths == lengths.max())[:ROWS, 0]


def _of_layer(depth: int, layer: SteppedLayer, steps: int) -> Dynamics:
    cell = layer.cell
    read = layer.read[:, :steps]  # (B, T, F)
    before = tuple(torch.stack(part, dim=1)[:, :steps].detach() for part in zip(*layer.states, strict=True))
    if isinstance(cell, Block):
        return _of_block(depth, cell, read, before)
    size = cell.hidden_size * len(cell.states)
    stretch, radius = _of_samples(cell, read, before)
    blocks = cell.weight_hh.chunk(len(cell.gates))
    matrices = tuple(_matrix(name, block) for name, block in zip(cell.gates, blocks, strict=True))
    plain = not cell.keep_gate
    with np.errstate(divide="ignore"):
        bound = matrices[0].stretch if plain else float(np.exp(np.log(stretch).mean()))
    return Dynamics(
        depth,
        ", ".join(cell.states),
        bound,
        Spread.of(stretch),
        Spread.of(radius),
        _exponents(cell, read, before, size),
        _gates(cell, read, before),
        matrices,
    )


def _of_block(depth: int, cell: Block, read: Tensor, before: State) -> Dynamics:
    """A block: x (B, T, F), states ahead of each step (B, T, H) each."""
    rows, steps = read.shape[:2]
    flat = kept_shares(cell, read.flatten(0, 1), tuple(part.flatten(0, 1) for part in before))
    shares = flat.view(rows, steps, -1)  # (B, T, M)
    largest = shares.abs().amax(dim=-1).flatten().numpy()
    with np.errstate(divide="ignore"):
        bound = float(np.exp(np.log(largest).mean()))
    spread = Spread.of(largest)  # of a diagonal matrix both are its largest number
    gate = _gate_use(cell.keep_gate, shares.numpy(), squashed=False, keeps=True)
    state = ", ".join(cell.memory)
    return Dynamics(depth, state, bound, spread, spread, diagonal_exponents(shares), (gate,), ())


# ---- one step ----------------------------------------------------------------------------------


def _of_samples(cell: Cell, read: Tensor, before: State) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """σ_max and spectral radius of Jacobians of steps evenly apart, (S,) each."""
    size = cell.hidden_size * len(cell.states)
    x, state = read.flatten(0, 1), tuple(part.flatten(0, 1) for part in before)
    count = min(len(x), max(FEWEST_SAMPLES, min(MOST_SAMPLES, SAMPLES // size**3)))
    picked = torch.linspace(0, len(x) - 1, count).round().long()
    found = jacobians(cell, x[picked], tuple(part[picked] for part in state))
    if not bool(found.isfinite().all()):
        return np.full(count, np.nan), np.full(count, np.nan)
    stretch = torch.linalg.matrix_norm(found, 2).numpy()
    if size > 2 * LARGEST:
        return stretch, np.full(count, np.nan)
    return stretch, torch.linalg.eigvals(found).abs().amax(dim=-1).numpy()


def _exponents(cell: Cell, read: Tensor, before: State, size: int) -> Exponents:
    """Exponents over the last steps, as many as there is time for."""
    rows, total = read.shape[:2]
    work = size**3 if size <= LARGEST else size**2 * FIRST
    pairs = max(FEWEST_TURNS, TURNS // work)
    steps = min(total, pairs)
    rows = max(1, min(rows, pairs // steps))
    ahead = min(MOST_AHEAD, steps // 3)

    def each() -> Iterator[Tensor]:
        for t in range(total - steps, total):
            yield jacobians(cell, read[:rows, t], tuple(part[:rows, t] for part in before))

    if not all(bool(part[:rows].isfinite().all()) for part in before):
        return Exponents(np.zeros(0), float("nan"), 0)
    return lyapunov(each(), ahead, None if size <= LARGEST else FIRST)


def _matrix(gate: str, weight: Tensor) -> GateWeights:
    """One block (H, H) of W_hh."""
    if not bool(weight.isfinite().all()):
        return GateWeights(gate, *[float("inf")] * 4)
    gram = weight.T @ weight - torch.eye(len(weight), dtype=weight.dtype)
    stretch, defect = float(torch.linalg.matrix_norm(weight, 2)), float(torch.linalg.matrix_norm(gram))
    if len(weight) > LARGEST:
        return GateWeights(gate, stretch, float("nan"), defect, float("nan"))
    values = torch.linalg.eigvals(weight).abs()
    square = float(weight.square().sum())
    apart = max(square - float(values.square().sum()), 0.0)
    return GateWeights(gate, stretch, float(values.max()), defect, (apart / square) ** 0.5 if square else 0.0)


# ---- gates -------------------------------------------------------------------------------------


def _gates(cell: Cell, read: Tensor, before: State) -> tuple[GateUse, ...]:
    """All gates of a cell, by its equations in NumPy: x (B, T, F), states ahead of each step (B, T, H)."""
    if isinstance(cell, LinearRnn):
        return ()
    weights = (getattr(cell, name).detach().numpy() for name in Weights._fields)
    written = load_numpy_cell(cell.name.partition(".")[0])(Weights(*weights))
    first = tuple(part[:, 0].numpy() for part in before)
    _, _, trace = written.forward(read.detach().transpose(0, 1).numpy(), first)
    return tuple(
        _gate_use(name, trace[name][-read.shape[1] :], name in TANH, name == cell.keep_gate)
        for name in cell.gates
    )


def _gate_use(name: str, values: NDArray[np.floating], squashed: bool, keeps: bool) -> GateUse:
    """The use of a gate from its values (..., M), one a unit."""
    units = values.reshape(-1, values.shape[-1]).mean(axis=0).astype(np.float64)
    low, high = (float((values < (-OPEN if squashed else SHUT)).mean()), float((values > OPEN).mean()))
    with np.errstate(divide="ignore"):
        times = Spread.of(-1 / np.log(units)) if keeps else None
    return GateUse(name, squashed, Spread.of(units), low, high, times)
