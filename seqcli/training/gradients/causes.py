"""Why a gradient fades or grows: how far gates are open, what tanh passes on, what W_hh does to lengths.

For h_t = tanh(… + W_hh h_{t-1}) a step back is the product with W_hhᵀ diag(1 − h²): a largest singular
value of W_hh below 1 suffices to vanish, above 1 is needed to explode (Pascanu, Mikolov and Bengio, ICML
2013). A gate f on the way of the state multiplies by f itself, and keeps −1/ln f steps (Tallec and
Ollivier 2018, arXiv:1804.11188).
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqcli.backends.cells.block import Block
from seqcli.backends.cells.cell import Cell
from seqcli.backends.network import Network
from seqcli.training.gradients.corridor import LinearRnn
from seqcli.training.gradients.curves import Cause
from seqcli.training.gradients.flow import SteppedLayer, inputs_of, measured_copy, run_stepped

LARGEST = 512
"""Units up to which a spectral radius is worked out: eigenvalues cost seconds beyond."""
WIDEST = 0.9
"""Of the units, those beyond this quantile are the widest open."""


def causes(network: Network, batch: dict[str, Tensor]) -> list[Cause]:
    """What each layer's forward cell does, measured on ``batch``: fields (B, T[, F]), ``lengths`` (B,)."""
    network = measured_copy(network)
    x, lengths, start = inputs_of(network, batch)
    with torch.no_grad():
        _, layers = run_stepped(network.encoder, x, lengths, start)
        return [_cause(layer, lengths) for layer in layers]


def _cause(layer: SteppedLayer, lengths: Tensor) -> Cause:
    cell = layer.cell
    if isinstance(cell, Block):
        return _of_block(cell, layer, lengths)
    hidden = torch.stack([state[0] for state in layer.states], dim=1)  # (B, T + 1, H)
    valid = torch.arange(layer.read.shape[1]) < lengths[:, None]  # (B, T)
    blocks = cell.weight_hh.chunk(len(cell.gates))  # (H, H), one a gate
    if cell.keep_gate:
        opening = gate_opening(cell, cell.keep_gate, layer.read, hidden[:, :-1])[valid].mean(0)  # (H,)
        widest = float(torch.quantile(opening, WIDEST))
        content = blocks[_content(cell)]
        return Cause(cell.keep_gate, float(opening.mean()), widest, stretch=_stretch(content))
    tanh = not isinstance(cell, LinearRnn)
    slope = float((1 - hidden[:, 1:][valid].square()).mean()) if tanh else 1.0
    return Cause(slope=slope, radius=_radius(blocks[0]), stretch=_stretch(blocks[0]))


def _of_block(cell: Block, layer: SteppedLayer, lengths: Tensor) -> Cause:
    """A recurrence whose gates do not look at the state: nothing but they is on the way back."""
    valid = torch.arange(layer.read.shape[1]) < lengths[:, None]  # (B, T)
    opening = cell.opening(layer.read, layer.states[0])[valid].mean(0)  # (H,)
    return Cause(cell.keep_gate, float(opening.mean()), float(torch.quantile(opening, WIDEST)))


def gate_opening(cell: Cell, gate: str, x: Tensor, before: Tensor) -> Tensor:
    """σ of one gate of ``cell``: x (B, T, F) and the h that each step starts from, (B, T, H) → (B, T, H)."""
    size = cell.hidden_size
    rows = slice(cell.gates.index(gate) * size, (cell.gates.index(gate) + 1) * size)
    of_input = torch.nn.functional.linear(x, cell.weight_ih[rows], cell.bias_ih[rows])
    return torch.sigmoid(
        of_input + torch.nn.functional.linear(before, cell.weight_hh[rows], cell.bias_hh[rows])
    )


def _content(cell: Cell) -> int:
    """The row block that makes new content, by the names that cells give it: n, g, else the last."""
    return next((cell.gates.index(name) for name in ("n", "g") if name in cell.gates), len(cell.gates) - 1)


def _stretch(weight: Tensor) -> float:
    """Largest singular value of (H, H); infinite where the weights are not finite."""
    return float(torch.linalg.matrix_norm(weight, 2)) if bool(weight.isfinite().all()) else float("inf")


def _radius(weight: Tensor) -> float:
    """Largest magnitude of an eigenvalue of (H, H); NaN where it would take too long."""
    if len(weight) > LARGEST or not bool(weight.isfinite().all()):
        return float("nan")
    return float(torch.linalg.eigvals(weight).abs().max())
