"""How recurrent weights begin, which decides what can be remembered before anything is learned.

    torch    torch's own: everything uniform in ±1/√H
    gated    W_hh orthogonal a gate, W_ih Xavier-uniform a gate, biases 0, and the gate that keeps the
             old state open: bias +1 (Jozefowicz et al. 2015), so that σ(1) = .73 of it survives a step
    chrono   as gated, with the keep gate's bias ln U(1, T − 1) and the input gate's its negative, so that
             units forget over 1 … T steps (Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16)

In torch's GRU it is the update gate z that keeps the old state. A cell without gates begins the same
under gated and chrono.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from seqcli.backends.cells.block import Block
from seqcli.backends.cells.cell import Cell
from seqcli.backends.encoder import Encoder, Layer
from seqcli.errors import UsageError, near_miss


def initialise(encoder: Encoder, kind: str, time_range: int) -> None:
    """Draw all weights of ``encoder`` from torch's global generator.

    ``kind`` is "torch", "gated" or "chrono"; ``time_range`` is chrono's T, in steps. Raises UsageError
    for another kind.
    """
    if kind not in INITIALISATIONS:
        close = near_miss(kind, INITIALISATIONS)
        raise UsageError(f"no initialisation is called {kind!r}", f"did you mean {close}?" if close else "")
    with torch.no_grad():
        for layer in encoder.layers:
            for cell in cast(Layer, layer).cells:
                if isinstance(cell, Block):
                    cell.start(kind, time_range)
                else:
                    INITIALISATIONS[kind](cell, time_range)


def initialise_embeddings(embeddings: nn.ModuleList, kind: str) -> None:
    """Normal rows of deviation min(1, 10/√V) for V ids; under "torch" they stay N(0, 1).

    Most rows of a large table are met a few times only, and would stay the noise they began as; the
    few rows of a small table (characters) are met often and learn faster from a deviation near 1.
    """
    if kind == "torch":
        return
    with torch.no_grad():
        for embedding in embeddings:
            rows = cast(nn.Embedding, embedding).weight  # (V, E); row 0 is padding and stays zero
            rows.mul_(min(1.0, 10.0 / len(rows) ** 0.5))


def torch_default(cell: Cell, time_range: int) -> None:
    """Uniform in ±1/√H, weights and biases alike, as torch's recurrent layers begin."""
    bound = cell.hidden_size**-0.5
    for weight in cell.parameters():
        weight.uniform_(-bound, bound)


def gated(cell: Cell, time_range: int) -> None:
    """Orthogonal W_hh, Xavier W_ih, zero biases but +1 for the gate that keeps the old state."""
    for name, weight in cell.named_parameters():
        if name.startswith("bias"):
            weight.zero_()
            continue
        for block in weight.chunk(len(cell.gates)):  # (H, F) or (H, H), one a gate
            (nn.init.orthogonal_ if name == "weight_hh" else nn.init.xavier_uniform_)(block)
    if cell.keep_gate:
        gate_bias(cell, cell.keep_gate).fill_(1.0)


def chrono(cell: Cell, time_range: int) -> None:
    """As :func:`gated`, with keep gates whose time constants are spread over 1 … ``time_range``."""
    gated(cell, time_range)
    if cell.keep_gate:
        bias = gate_bias(cell, cell.keep_gate)
        bias.uniform_(1.0, max(time_range - 1.0, 1.0)).log_()
        if cell.input_gate:
            gate_bias(cell, cell.input_gate).copy_(-bias)


def gate_bias(cell: Cell, gate: str) -> Tensor:
    """The input-side bias (H,) of one gate, as a view."""
    start = cell.gates.index(gate) * cell.hidden_size
    return cell.bias_ih[start : start + cell.hidden_size]


INITIALISATIONS: dict[str, Callable[[Cell, int], None]] = {
    "gated": gated,
    "torch": torch_default,
    "chrono": chrono,
}
