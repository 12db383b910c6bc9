"""What every recurrent cell offers, and the parameter layout that all of them share.

A cell is one layer in one direction. It computes a step, scans a whole batch, and writes itself
into an ONNX graph; :mod:`seqcli.backends.encoder` stacks cells and runs them backwards. A cell's
module docstring holds its equations, and ``seqcli show --equations`` prints them from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter

State: TypeAlias = tuple[Tensor, ...]
"""What a cell carries from step to step, each (B, H): (h,), (h, c), or () when nothing is carried."""


class Cell(nn.Module):
    """One layer, one direction. G gates; weight_ih (G*H, F), weight_hh (G*H, H), biases (G*H,).

    A cell that is more than its gates has weights of its own: see :mod:`seqcli.backends.cells.block`.
    """

    name: ClassVar[str]
    """Registry name with its version, such as "gru.v1"."""
    gates: ClassVar[tuple[str, ...]]
    """The row blocks of the weights, in order."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    """Names of what is carried from step to step; the first is also the output, unless a block makes that."""
    memory: ClassVar[tuple[str, ...]] = ()
    """Those of ``states`` that reach far back, () for all; the others are inputs of the last few steps."""
    onnx_operator: ClassVar[str] = ""
    """The ONNX operator that is this layer, "" when it is written in smaller ones."""
    onnx_gates: ClassVar[tuple[str, ...]] = ()
    """``gates`` in the order in which that operator wants them."""
    keep_gate: ClassVar[str] = ""
    """What keeps the old state as far as it is open, a gate or what gates make; "" when there is none."""
    input_gate: ClassVar[str] = ""
    """A gate of its own for new input, "" when it is missing or tied to the keep gate."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.recurrent_dropout = 0.0
        self.make_weights()

    def make_weights(self) -> None:
        """Room for the weights, whose values :mod:`seqcli.backends.initialisation` draws."""
        rows = len(self.gates) * self.hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, self.input_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        if self.states:
            self.weight_hh = nn.Parameter(torch.empty(rows, self.hidden_size))
            self.bias_hh = nn.Parameter(torch.empty(rows))

    def weights(self) -> list[Tensor]:
        """Weights (G·H, F), (G·H, H) and both biases (G·H,), in the order of torch's fused operators.

        In training a share of W_hh is left out, the same at all steps (DropConnect on recurrent weights:
        Merity, Keskar and Socher 2018, arXiv:1708.02182, section 2).
        """
        weight_hh = F.dropout(self.weight_hh, self.recurrent_dropout, self.training)
        return [self.weight_ih, weight_hh, self.bias_ih, self.bias_hh]

    def initial_state(self, x: Tensor) -> State:
        """Zeros (B, H) for each state, of the type and on the device of ``x`` (B, ...)."""
        return tuple(x.new_zeros(x.shape[0], self.hidden_size) for _ in self.states)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x (B, F), state → (output (B, H), next state)."""
        raise NotImplementedError  # abstract: every cell in this folder has its own

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps: x (B, T, F), state → (outputs (B, T, H), state after step T)."""
        raise NotImplementedError  # abstract: every cell in this folder has its own

    def state_at(self, x: Tensor, outputs: Tensor, state: State, lengths: Tensor) -> State:
        """The state after each row's own last step, each (B, H).

        ``outputs`` (B, T, H) is what :meth:`scan` made of ``x`` (B, T, F) and the initial ``state``;
        ``lengths`` (B,) counts valid steps. A cell that carries more than its output overrides this.
        """
        return (last_step(outputs, lengths),) if self.states else ()

    def write_graph(
        self, graph: GraphWriter, x: str, lengths: str, backward: Cell | None, initial: tuple[str, ...] = ()
    ) -> tuple[str, tuple[str, ...]]:
        """Add this layer to an ONNX graph, time-major as its operators want it.

        ``x`` names (T, B, F), ``lengths`` int32 (B,), ``initial`` one (1, B, H) a state, zeros when
        empty; ``backward`` is the cell of the other direction. Returns the names of the outputs
        (T, B, H or 2H) and of the last states, each (directions, B, H).
        """
        raise NotImplementedError  # abstract: every cell in this folder has its own


def last_step(values: Tensor, lengths: Tensor) -> Tensor:
    """The last valid step of each row: values (B, T, F), lengths (B,) → (B, F)."""
    rows = torch.arange(values.shape[0], device=values.device)
    return values[rows, lengths - 1]
