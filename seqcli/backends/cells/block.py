"""The residual block around a recurrence whose gates do not look at the state, which makes it a cell.

    v_t = W_v x_t + b_v                                    x_t itself where it has H numbers
    u_t = norm(v_t)
    c_t = b_c + Σ_k w_k ⊙ u_{t-k},  k = 0 … 3              each unit by itself
    y_t = recurrence(c_t)                                  the cell's own equations
    v_t = v_t + y_t
    v_t = v_t + W_d (silu(W_g norm(v_t) + b_g) ⊙ (W_u norm(v_t) + b_u)) + b_d
    o_t = norm(v_t)                                        output, which the next layer reads

norm is layer normalisation (Ba, Kiros and Hinton 2016, arXiv:1607.06450) ahead of each part, so that the sum
v passes through unchanged (Xiong et al. 2020, arXiv:2002.04745); the gated layer at the end is that of
Shazeer 2020, arXiv:2002.05202. What a recurrent layer would have learnt with W_hh, these parts learn between
the layers, and all steps of them at once. Carried are the recurrence's memory and the three last u.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.backends.cells.causal_conv import REACH, causal_conv
from seqcli.backends.cells.cell import Cell, State, last_step
from seqcli.backends.cells.linear_scan import linear_scan
from seqcli.backends.products import linear

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter

SEEN = ("u1", "u2", "u3")
"""Names of the last u's, the newest first."""
CACHED, LEAST_STEPS = 2**18, 16
"""Numbers that are widest on the way, in the steps that are read at a time; and the fewest steps."""
WIDER = 2
"""How many times as wide as the layer its gated part is inside."""


class Block(Cell):
    """A cell in a residual block. A kind of its own says what the recurrence is."""

    states: ClassVar[tuple[str, ...]] = ("h", *SEEN)
    memory: ClassVar[tuple[str, ...]] = ("h",)

    def make_weights(self) -> None:
        """Room for the weights of the block, then for those of the recurrence."""
        size, inner = self.hidden_size, WIDER * self.hidden_size
        self.enters = self.input_size != size
        if self.enters:
            self.weight_in = nn.Parameter(torch.empty(size, self.input_size))
            self.bias_in = nn.Parameter(torch.empty(size))
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(3))
        self.weight_conv = nn.Parameter(torch.empty(REACH + 1, size))
        self.bias_conv = nn.Parameter(torch.empty(size))
        self.make_mixer()
        self.weight_up = nn.Parameter(torch.empty(2 * inner, size))
        self.bias_up = nn.Parameter(torch.empty(2 * inner))
        self.weight_down = nn.Parameter(torch.empty(size, inner))
        self.bias_down = nn.Parameter(torch.empty(size))

    # ---- the recurrence: what a kind of its own writes ---------------------------------------

    def make_mixer(self) -> None:
        """Room for the weights of the recurrence: weight_ih (G·H, H), bias_ih (G·H,)."""
        rows = len(self.gates) * self.hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, self.hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))

    def mix_step(self, c: Tensor, u: Tensor, memory: State) -> tuple[Tensor, State]:
        """One step: c and u (B, H), memory (B, H) each → y (B, H), memory."""
        raise NotImplementedError  # abstract: every kind has its own

    def mix(self, c: Tensor, u: Tensor, memory: State) -> tuple[Tensor, State]:
        """All steps: c and u (T, B, H), memory (B, H) each → y (T, B, H), the memory after each (T, B, H)."""
        raise NotImplementedError  # abstract: every kind has its own

    def kept(self, c: Tensor) -> Tensor:
        """The share of each unit's memory that a step keeps: c (..., H) → (..., H)."""
        raise NotImplementedError  # abstract: every kind has its own

    def start_mixer(self, kind: str, time_range: int) -> None:
        """First values of the recurrence's weights, under "torch", "gated" or "chrono"."""
        raise NotImplementedError  # abstract: every kind has its own

    def write_mix(
        self, graph: GraphWriter, c: str, u: str, memory: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """:meth:`mix` in an ONNX graph: ``c`` and ``u`` (T, B, H), memory (1, B, H) each, as the last is."""
        raise NotImplementedError  # abstract: every kind has its own

    # ---- a cell ------------------------------------------------------------------------------

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x (B, F), state → (output (B, H), next state)."""
        *memory, u1, u2, u3 = state
        v = F.linear(x, self.weight_in, self.bias_in) if self.enters else x
        u = self.norms[0](v)
        c = self.bias_conv + sum(w * seen for w, seen in zip(self.weight_conv, (u, u1, u2, u3), strict=True))
        y, after = self.mix_step(c, u, tuple(memory))
        v = v + y
        gate, up = F.linear(self.norms[1](v), self.weight_up, self.bias_up).chunk(2, dim=-1)
        v = v + F.linear(F.silu(gate) * up, self.weight_down, self.bias_down)
        return self.norms[2](v), (*after, u, u1, u2)

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps: x (B, T, F), state → (outputs (B, T, H), state after step T).

        On a processor some steps at a time, as many as its cache holds of what is made on the way: all at
        once would be written to the slow memory and read again for each of the small operations.
        """
        width = max(2 * WIDER, len(self.memory)) * self.hidden_size * len(x)
        steps = max(LEAST_STEPS, CACHED // width)
        if x.shape[1] <= steps or x.device.type != "cpu":
            return self._scan(x, state)
        parts = []
        for part in x.split(steps, dim=1):
            outputs, state = self._scan(part, state)
            parts.append(outputs)
        return torch.cat(parts, dim=1), state

    def _scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps at once: x (B, T, F), state → (outputs (B, T, H), state after step T)."""
        v, seen, u = self._enter(x, state)
        y, memory = self.mix(causal_conv(seen, self.weight_conv, self.bias_conv), u, state[:-REACH])
        v = v + y
        gate, up = linear(self.norms[1](v), self.weight_up, self.bias_up).chunk(2, dim=-1)
        v = v + linear(F.silu(gate) * up, self.weight_down, self.bias_down)
        after = (*(part[-1] for part in memory), *(seen[-k] for k in range(1, REACH + 1)))
        return self.norms[2](v).transpose(0, 1), after

    def _enter(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, T, F) → v (T, B, H), the u of before and of now (3 + T, B, H), and of now (T, B, H).

        Time comes first from here on: what a step of the recurrence touches then lies side by side.
        """
        v = x.transpose(0, 1).contiguous()
        if self.enters:
            v = linear(v, self.weight_in, self.bias_in)
        u = self.norms[0](v)
        return v, torch.cat([torch.stack(state[: -REACH - 1 : -1]), u]), u

    def state_at(self, x: Tensor, outputs: Tensor, state: State, lengths: Tensor) -> State:
        """The state after each row's own last step, (B, H) each, made anew: outputs do not tell it."""
        _, seen, u = self._enter(x, state)
        _, memory = self.mix(causal_conv(seen, self.weight_conv, self.bias_conv), u, state[:-REACH])
        last = [last_step(part.transpose(0, 1), lengths) for part in memory]
        return (*last, *(last_step(seen.transpose(0, 1), lengths + REACH - k) for k in range(REACH)))

    def opening(self, x: Tensor, state: State) -> Tensor:
        """:meth:`kept` at every step: x (B, T, F) and the first state → (B, T, H)."""
        _, seen, _ = self._enter(x, state)
        return self.kept(causal_conv(seen, self.weight_conv, self.bias_conv)).transpose(0, 1)

    # ---- how it begins -----------------------------------------------------------------------

    def start(self, kind: str, time_range: int) -> None:
        """First values of all weights: as torch's layers have them, or Xavier-uniform with biases 0."""
        for name, weight in self.named_parameters(recurse=False):
            if weight.ndim == 1:
                weight.zero_()
            elif kind == "torch":
                bound = weight.shape[1] ** -0.5
                weight.uniform_(-bound, bound)
            else:
                for part in weight.chunk(2 if name == "weight_up" else 1):
                    nn.init.xavier_uniform_(part)
        bound = (REACH + 1) ** -0.5
        self.weight_conv.uniform_(-bound, bound)
        self.start_mixer(kind, time_range)

    # ---- as a graph --------------------------------------------------------------------------

    def write_graph(
        self, graph: GraphWriter, x: str, lengths: str, backward: Cell | None, initial: tuple[str, ...] = ()
    ) -> tuple[str, tuple[str, ...]]:
        """The block in small operators, its recurrence as ONNX's Scan.

        Last states are given where all rows are as long as each other, which is where they are asked for.
        """
        outputs, states = self._write_way(graph, x, initial)
        if backward is None:
            return outputs, states if not lengths else ()
        assert isinstance(backward, Block)
        back, _ = backward._write_way(graph, graph.reversed(x, lengths), ())
        return graph.node("Concat", outputs, graph.reversed(back, lengths), axis=2), ()

    def _write_way(self, graph: GraphWriter, x: str, initial: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """One direction: ``x`` (T, B, F) → outputs (T, B, H) and last states (1, B, H)."""
        v = graph.affine(x, self.weight_in, self.bias_in) if self.enters else x
        u = graph.norm(v, self.norms[0])
        if not initial:
            zero = graph.node("Mul", graph.slice(u, 0, 1), graph.weight(torch.zeros(1)))
            initial = (zero,) * len(self.states)
        seen = graph.node("Concat", *initial[: -REACH - 1 : -1], u, axis=0)  # (3 + T, B, H)
        c = graph.weight(self.bias_conv)
        for back, weight in enumerate(self.weight_conv):
            part = graph.slice(seen, REACH - back, -back or None)
            c = graph.node("Add", c, graph.node("Mul", part, graph.weight(weight)))
        y, memory = self.write_mix(graph, c, u, initial[:-REACH])
        v = graph.node("Add", v, y)
        m = graph.norm(v, self.norms[1])
        parts = zip(self.weight_up.chunk(2), self.bias_up.chunk(2), strict=True)
        gate, up = (graph.affine(m, *part) for part in parts)
        inner = graph.node("Mul", graph.silu(gate), up)
        v = graph.node("Add", v, graph.affine(inner, self.weight_down, self.bias_down))
        last = [graph.slice(seen, -k, 1 - k or None) for k in range(1, REACH + 1)]
        return graph.norm(v, self.norms[2]), (*memory, *last)


class MinCell(Block):
    """A recurrence h_t = a_t ⊙ h_{t-1} + b_t of single units, whose output is h."""

    def coefficients(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """a and b of steps c (..., H), (..., H) each."""
        raise NotImplementedError  # abstract: every kind has its own

    def write_coefficients(self, graph: GraphWriter, c: str) -> tuple[str, str]:
        """:meth:`coefficients` in an ONNX graph: ``c`` (T, B, H) → (T, B, H) each."""
        raise NotImplementedError  # abstract: every kind has its own

    def mix_step(self, c: Tensor, u: Tensor, memory: State) -> tuple[Tensor, State]:
        """One step: c (B, H), (h,) → (h (B, H), (h,))."""
        a, b = self.coefficients(c)
        h = a * memory[0] + b
        return h, (h,)

    def mix(self, c: Tensor, u: Tensor, memory: State) -> tuple[Tensor, State]:
        """All steps: c (T, B, H), (h_0,) → (h (T, B, H), (the same,))."""
        h = linear_scan(*self.coefficients(c), memory[0])
        return h, (h,)

    def kept(self, c: Tensor) -> Tensor:
        """a of steps c (..., H)."""
        return self.coefficients(c)[0]

    def write_mix(
        self, graph: GraphWriter, c: str, u: str, memory: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """a, b and the loop over them; ``c`` (T, B, H), memory (1, B, H)."""
        first = graph.node("Squeeze", memory[0], graph.constant([0]))
        h, last = graph.linear_scan(*self.write_coefficients(graph, c), first)
        return h, (graph.node("Unsqueeze", last, graph.constant([0])),)

    def start_mixer(self, kind: str, time_range: int) -> None:
        """Xavier-uniform a gate, and the gate that keeps open by +1, or over 1 … ``time_range`` steps."""
        if kind == "torch":
            return
        for block in self.weight_ih.chunk(len(self.gates)):
            nn.init.xavier_uniform_(block)
        bias = self.gate_bias(self.keep_gate)
        bias.fill_(1.0)
        if kind == "chrono":
            bias.uniform_(1.0, max(time_range - 1.0, 1.0)).log_()
            if self.input_gate:
                self.gate_bias(self.input_gate).copy_(-bias)

    def gate_bias(self, gate: str) -> Tensor:
        """The bias (H,) of one gate, as a view."""
        return self.bias_ih.chunk(len(self.gates))[self.gates.index(gate)]
