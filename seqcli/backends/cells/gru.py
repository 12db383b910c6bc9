"""Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078), in the form torch computes.

    r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)              reset gate
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)              update gate
    n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))   candidate
    h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t-1}                       new state
    in textbooks: n_t = tanh(W_in x_t + b_in + W_hn (r_t ⊙ h_{t-1}) + b_hn)

The textbook applies r to h before the product; here r follows the product, so that all three gates need
one matrix product. ONNX calls this ``linear_before_reset=1``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqcli.backends.cells.cell import Cell, State
from seqcli.backends.products import product

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter

BLOCK_ELEMENTS = 65536
"""Numbers (B*H a step) whose gradient factors are worked out at a time, so that they stay in cache."""


class Gru(Cell):
    """Gates r, z, n; carries h."""

    name: ClassVar[str] = "gru.v1"
    onnx_operator: ClassVar[str] = "GRU"
    onnx_gates: ClassVar[tuple[str, ...]] = ("z", "r", "n")
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    keep_gate: ClassVar[str] = "z"

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x (B, F), (h,) → (h (B, H), (h,))."""
        (h,) = state
        x_r, x_z, x_n = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=-1)  # (B, H) each
        h_r, h_z, h_n = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, dim=-1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = n + z * (h - n)
        return h, (h,)

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps: x (B, T, F), (h,) → (outputs (B, T, H), (h_T,))."""
        if x.device.type == "cpu":
            steps: Tensor = _CpuScan.apply(x.transpose(0, 1), *state, *self.weights())  # type: ignore[no-untyped-call]
            return steps.transpose(0, 1), (steps[-1],)
        outputs, h = torch.gru(x, state[0][None], self.weights(), True, 1, 0.0, self.training, False, True)
        return outputs, (h[0],)

    def write_graph(
        self, graph: GraphWriter, x: str, lengths: str, backward: Cell | None, initial: tuple[str, ...] = ()
    ) -> tuple[str, tuple[str, ...]]:
        """ONNX's GRU, whose gates come in the order z, r, h."""
        cells: list[Cell] = [self] if backward is None else [self, backward]
        return graph.recurrent(cells, x, lengths, initial, linear_before_reset=1)


class _CpuScan(torch.autograd.Function):
    """x (T, B, F), h_0 (B, H) and the four weights → h_1 … h_T (T, B, H), with gradients by hand.

    torch's own GRU on a CPU records every small operation of every step; this is more than twice as fast
    where a step's product is large enough for oneDNN (see :mod:`seqcli.backends.products`). With
    m = W_hn h_{t-1} + b_hn and dh = ∂L/∂h_t, and a hat on what goes into a gate's σ or tanh:

        dn̂ = dh ⊙ (1 − z)(1 − n²)                 dr̂ = dh ⊙ (1 − z)(1 − n²) m r (1 − r)
        dẑ = dh ⊙ (h_{t-1} − n) z (1 − z)         ∂L/∂h_{t-1} = dh ⊙ z + [dr̂, dẑ, r ⊙ dn̂] W_hh

    Every factor beside dh is known before the loop, so a step back is two products and a sum.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, h0: Tensor, *weights: Tensor) -> Tensor:
        weight_ih, weight_hh, bias_ih, bias_hh = weights
        steps, batch, size = len(x), *h0.shape
        inputs = x.reshape(steps * batch, -1)
        gates = product(inputs, weight_ih, bias_ih).view(steps, batch, 3 * size)  # becomes r, z, m in place
        candidates = gates.new_empty(steps, batch, size)  # n
        states = gates.new_empty(steps + 1, batch, size)  # h_0 … h_T
        states[0] = h0
        # Views of each step are made here at once: in the loop they would cost as much as the sums.
        parts = (gates[..., : 2 * size], *gates.chunk(3, dim=-1), candidates, states)
        views = [part.unbind(0) for part in parts]
        for t in range(steps):
            rz, r, z, x_n, n, h = (part[t] for part in views)
            hidden = product(h, weight_hh, bias_hh)  # (B, 3H)
            m = hidden[:, 2 * size :]
            rz.add_(hidden[:, : 2 * size]).sigmoid_()
            torch.addcmul(x_n, r, m, out=n).tanh_()
            x_n.copy_(m)
            torch.lerp(n, h, z, out=views[-1][t + 1])
        ctx.save_for_backward(x, gates, candidates, states, weight_ih, weight_hh)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, gates, candidates, states, weight_ih, weight_hh = ctx.saved_tensors
        steps, batch, size = grad.shape
        block = min(steps, max(1, BLOCK_ELEMENTS // (batch * size)))
        factors = gates.new_empty(block, batch, 3, size)  # of dh; become dr̂, dẑ, r ⊙ dn̂
        flat = factors.view(block, batch, 3 * size)
        dh = gates.new_empty(block, batch, 1, size)
        d_gates = gates.new_empty(steps, batch, 3, size)  # dr̂, dẑ, dn̂
        d_weight_hh, d_bias_m = torch.zeros_like(weight_hh.t()), gates.new_zeros(size)
        carried = gates.new_zeros(batch, size)  # ∂L/∂h of the step before, without its own output's part
        turned = weight_hh.t()
        for end in range(steps, 0, -block):
            start = max(0, end - block)
            count = end - start
            r, z, m = gates[start:end].chunk(3, dim=-1)
            n, h = candidates[start:end], states[start:end]
            d_r, d_z, d_m = factors[:count].unbind(2)
            open_gate = 1 - z
            d_n = torch.addcmul(open_gate, open_gate * n, n, value=-1)
            torch.mul(d_n, r, out=d_m)
            torch.mul(d_m * m, 1 - r, out=d_r)
            torch.mul((h - n) * z, open_gate, out=d_z)
            for t in range(count - 1, -1, -1):
                torch.add(carried, grad[start + t], out=dh[t, :, 0])
                factors[t].mul_(dh[t])
                torch.addcmul(product(flat[t], turned), dh[t, :, 0], z[t], out=carried)
            d_weight_hh += product(h.reshape(-1, size).t(), flat[:count].reshape(-1, 3 * size).t())
            d_bias_m += d_m.sum((0, 1))
            d_gates[start:end, :, :2] = factors[:count, :, :2]
            torch.mul(dh[:count, :, 0], d_n, out=d_gates[start:end, :, 2])
        d_flat = d_gates.view(steps * batch, 3 * size)
        d_bias_ih = d_flat.sum(0)
        d_bias_hh = torch.cat([d_bias_ih[: 2 * size], d_bias_m])
        d_weight_ih = product(x.reshape(steps * batch, -1).t(), d_flat.t()).t()
        d_x = product(d_flat, weight_ih.t()).view(x.shape) if ctx.needs_input_grad[0] else None
        return d_x, carried, d_weight_ih, d_weight_hh.t(), d_bias_ih, d_bias_hh
