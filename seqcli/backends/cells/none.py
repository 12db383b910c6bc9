"""No recurrence: a feedforward layer at each step, which shows what memory is worth.

    h_t = tanh(W_ih x_t + b_ih)   output; nothing is carried on

Both directions of a step are the same kind of layer; a bidirectional one simply has two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seqcli.backends.cells.cell import Cell, State

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter


class NoRecurrence(Cell):
    """No gates and no state: weight_ih and bias_ih only."""

    name: ClassVar[str] = "none.v1"
    gates: ClassVar[tuple[str, ...]] = ("h",)
    states: ClassVar[tuple[str, ...]] = ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x (B, F), () → (output (B, H), ())."""
        return torch.tanh(F.linear(x, self.weight_ih, self.bias_ih)), ()

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps at once: x (B, T, F), () → (outputs (B, T, H), ())."""
        return self.step(x, state)

    def write_graph(
        self, graph: GraphWriter, x: str, lengths: str, backward: Cell | None, initial: tuple[str, ...] = ()
    ) -> tuple[str, tuple[str, ...]]:
        """MatMul, Add and Tanh; both directions see the same step, so order does not matter."""
        cells: list[Cell] = [self] if backward is None else [self, backward]
        weight = torch.cat([cell.weight_ih for cell in cells])
        bias = torch.cat([cell.bias_ih for cell in cells])
        return graph.node("Tanh", graph.affine(x, weight, bias)), ()
