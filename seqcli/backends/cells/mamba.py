"""The selective state space of Mamba (Gu and Dao 2023, arXiv:2312.00752, algorithm 2), with N states a unit.

    s_t = silu(c_t)
    d_t = softplus(W_d s_t + b_d)                   how long a step is, each unit by itself
    [B_t; C_t] = W_s s_t                            what is written to, and read from, each state (N each)
    a_tn = exp(−d_t ⊙ exp(A_n))                     the share of state n that is kept, n = 1 … N
    h_tn = a_tn ⊙ h_{t-1,n} + B_tn d_t ⊙ s_t        new states
    h_t = Σ_n C_tn h_tn + D ⊙ s_t                   what they show
    y_t = W_y (h_t ⊙ silu(W_z u_t + b_z)) + b_y

Long steps forget and write, short ones keep: the input itself says which, as a gate does. The states of a
unit forget at different speeds exp(A_n). c_t and u_t are what :mod:`seqcli.backends.cells.block` makes of the
input of a layer, and o_t what that makes of y_t; Mamba's own block has the gate z and no layer behind it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.backends.cells.block import SEEN, Block
from seqcli.backends.cells.cell import State
from seqcli.backends.cells.linear_scan import linear_scan
from seqcli.backends.products import linear

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter

STATES = 4
"""N, the states of a unit. Mamba has 16; here a unit is one number of every state that is carried."""
SHORTEST, LONGEST = 0.001, 0.1
"""Between these the length of a step begins, evenly in its logarithm (section 3.6)."""


class Mamba(Block):
    """Carries h_1 … h_N and the block's three last u."""

    name: ClassVar[str] = "mamba.v1"
    gates: ClassVar[tuple[str, ...]] = ("d",)
    memory: ClassVar[tuple[str, ...]] = tuple(f"h{n}" for n in range(1, STATES + 1))
    states: ClassVar[tuple[str, ...]] = (*memory, *SEEN)
    keep_gate: ClassVar[str] = "a"

    def make_mixer(self) -> None:
        """Room for W_d (H, H) and b_d, W_s (2 N, H), A (N, H), D (H,), W_z and W_y (H, H), b_z and b_y."""
        super().make_mixer()
        size = self.hidden_size
        self.weight_select = nn.Parameter(torch.empty(2 * STATES, size))
        self.log_speed = nn.Parameter(torch.empty(STATES, size))
        self.through = nn.Parameter(torch.empty(size))
        self.weight_gate = nn.Parameter(torch.empty(size, size))
        self.bias_gate = nn.Parameter(torch.empty(size))
        self.weight_out = nn.Parameter(torch.empty(size, size))
        self.bias_out = nn.Parameter(torch.empty(size))

    def mix_step(self, c: Tensor, u: Tensor, memory: State) -> tuple[Tensor, State]:
        """One step: c and u (B, H), h_1 … h_N (B, H) each → y (B, H), h_1 … h_N."""
        s = F.silu(c)
        d = F.softplus(F.linear(s, self.weight_ih, self.bias_ih))
        write, read = F.linear(s, self.weight_select).chunk(2, dim=-1)  # (B, N) each
        shown, after = self.through * s, []
        for n, (h, speed) in enumerate(zip(memory, self.log_speed.exp(), strict=True)):
            h = torch.exp(-d * speed) * h + write[:, n, None] * d * s
            shown = shown + read[:, n, None] * h
            after.append(h)
        gate = F.silu(F.linear(u, self.weight_gate, self.bias_gate))
        return F.linear(shown * gate, self.weight_out, self.bias_out), tuple(after)

    def mix(self, c: Tensor, u: Tensor, memory: State) -> tuple[Tensor, State]:
        """All steps: c and u (T, B, H), h_1 … h_N (B, H) each → y (T, B, H), and each h_n (T, B, H)."""
        s = F.silu(c)
        d = F.softplus(linear(s, self.weight_ih, self.bias_ih))
        select = F.linear(s, self.weight_select).transpose(1, 2)[..., None]
        write, read = select.chunk(2, dim=1)  # (T, N, B, 1) each
        a = torch.exp(d[:, None] * -self.log_speed.exp()[:, None])  # (T, N, B, H)
        h = linear_scan(a, write * (d * s)[:, None], torch.stack(memory))
        shown = (h * read).sum(1) + self.through * s
        gate = F.silu(linear(u, self.weight_gate, self.bias_gate))
        return linear(shown * gate, self.weight_out, self.bias_out), h.unbind(1)

    def kept(self, c: Tensor) -> Tensor:
        """a of steps c (..., H), the mean over the states of each unit."""
        d = F.softplus(F.linear(F.silu(c), self.weight_ih, self.bias_ih))
        return torch.stack([torch.exp(-d * speed) for speed in self.log_speed.exp()]).mean(0)

    def start_mixer(self, kind: str, time_range: int) -> None:
        """A_n = ln n, D = 1; steps between :data:`SHORTEST` and :data:`LONGEST` long, whatever is read.

        Under "chrono" the first state keeps over 1 … ``time_range`` steps instead.
        """
        places = torch.arange(1.0, STATES + 1, dtype=self.log_speed.dtype)
        self.log_speed.copy_(places.log()[:, None].expand(-1, self.hidden_size))
        self.through.fill_(1.0)
        if kind == "chrono":
            length = 1 / torch.empty_like(self.bias_ih).uniform_(1.0, max(time_range - 1.0, 1.0))
        else:
            length = self.bias_ih.uniform_(math.log(SHORTEST), math.log(LONGEST)).exp()
        self.bias_ih.copy_(length.expm1().log())  # softplus of it is that length
        nn.init.uniform_(self.weight_ih, -(self.hidden_size**-0.5), self.hidden_size**-0.5).mul_(0.1)

    def write_mix(
        self, graph: GraphWriter, c: str, u: str, memory: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """The same: states stand side by side as (N, B, H) while they are carried."""
        s = graph.silu(c)
        d = graph.node("Softplus", graph.affine(s, self.weight_ih, self.bias_ih))  # (T, B, H)
        second, last = graph.constant([1]), graph.constant([3])
        write, read = (
            graph.node(
                "Unsqueeze", graph.node("Transpose", graph.affine(s, weight), perm=[0, 2, 1]), last
            )  # (T, N, B, 1)
            for weight in self.weight_select.chunk(2)
        )
        speed = graph.weight(-self.log_speed.exp()[:, None])  # (N, 1, H)
        a = graph.node("Exp", graph.node("Mul", graph.node("Unsqueeze", d, second), speed))
        b = graph.node("Mul", write, graph.node("Unsqueeze", graph.node("Mul", d, s), second))
        h, end = graph.linear_scan(a, b, graph.node("Concat", *memory, axis=0))
        shown = graph.node("ReduceSum", graph.node("Mul", h, read), second, keepdims=0)
        shown = graph.node("Add", shown, graph.node("Mul", graph.weight(self.through), s))
        gate = graph.silu(graph.affine(u, self.weight_gate, self.bias_gate))
        y = graph.affine(graph.node("Mul", shown, gate), self.weight_out, self.bias_out)
        return y, tuple(graph.slice(end, n, n + 1) for n in range(STATES))
