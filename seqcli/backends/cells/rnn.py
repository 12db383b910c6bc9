"""Simple recurrent network (Elman 1990, Cognitive Science 14:179).

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)        state and output

Gradients pass W_hh and tanh at every step, and so vanish or explode: the baseline for gated cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seqcli.backends.cells.cell import Cell, State

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter


class Rnn(Cell):
    """No gates; carries h."""

    name: ClassVar[str] = "rnn.v1"
    onnx_operator: ClassVar[str] = "RNN"
    onnx_gates: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[tuple[str, ...]] = ("h",)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x (B, F), (h,) → (h (B, H), (h,))."""
        (h,) = state
        h = torch.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh))
        return h, (h,)

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps in one fused call: x (B, T, F), (h,) → (outputs (B, T, H), (h_T,))."""
        outputs, h = torch.rnn_tanh(
            x, state[0][None], self.weights(), True, 1, 0.0, self.training, False, True
        )
        return outputs, (h[0],)

    def write_graph(
        self, graph: GraphWriter, x: str, lengths: str, backward: Cell | None, initial: tuple[str, ...] = ()
    ) -> tuple[str, tuple[str, ...]]:
        """ONNX's RNN; tanh is its default activation."""
        cells: list[Cell] = [self] if backward is None else [self, backward]
        return graph.recurrent(cells, x, lengths, initial)
