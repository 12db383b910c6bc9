"""Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000).

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)      input: how much to write
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)      forget: how much to keep
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)   candidate
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)      output: how much to show
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t                     memory
    h_t = o_t ⊙ tanh(c_t)                               output

c is carried by a sum, scaled by f alone: this is the path on which gradients reach far back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seqcli.backends.cells.cell import Cell, State, last_step

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter


class Lstm(Cell):
    """Gates i, f, g, o; carries h and c."""

    name: ClassVar[str] = "lstm.v1"
    onnx_operator: ClassVar[str] = "LSTM"
    onnx_gates: ClassVar[tuple[str, ...]] = ("i", "o", "f", "g")
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    states: ClassVar[tuple[str, ...]] = ("h", "c")
    keep_gate: ClassVar[str] = "f"
    input_gate: ClassVar[str] = "i"

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x (B, F), (h, c) → (h (B, H), (h, c))."""
        h, c = state
        gates = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, dim=-1)  # (B, H) each
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps in one fused call: x (B, T, F), (h, c) → (outputs (B, T, H), (h_T, c_T))."""
        hx = [state[0][None], state[1][None]]
        outputs, h, c = torch.lstm(x, hx, self.weights(), True, 1, 0.0, self.training, False, True)
        return outputs, (h[0], c[0])

    def state_at(self, x: Tensor, outputs: Tensor, state: State, lengths: Tensor) -> State:
        """The state after each row's own last step, h and c (B, H) each.

        The fused call returns c after step T only. But with all h known the gates of every step
        follow at once, and c is then an element-wise recurrence; gradients reach the weights
        through the gates and through ``outputs`` alike, so they are those of the whole scan.
        """
        before = torch.cat([state[0][:, None], outputs[:, :-1]], dim=1)  # (B, T, H): h_{t-1}
        gates = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(before, self.weight_hh, self.bias_hh)
        i, f, g, _ = gates.chunk(4, dim=-1)  # (B, T, H) each
        write = torch.sigmoid(i) * torch.tanh(g)
        memory = [state[1]]
        for kept, written in zip(torch.sigmoid(f).unbind(1), write.unbind(1), strict=True):
            memory.append(kept * memory[-1] + written)
        return last_step(outputs, lengths), last_step(torch.stack(memory[1:], dim=1), lengths)

    def write_graph(
        self, graph: GraphWriter, x: str, lengths: str, backward: Cell | None, initial: tuple[str, ...] = ()
    ) -> tuple[str, tuple[str, ...]]:
        """ONNX's LSTM, whose gates come in the order i, o, f, c."""
        cells: list[Cell] = [self] if backward is None else [self, backward]
        return graph.recurrent(cells, x, lengths, initial)
