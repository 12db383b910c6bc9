"""Minimal long short-term memory (Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.2).

    f_t = σ(W_f c_t + b_f)                     forget: how much to keep
    i_t = σ(W_i c_t + b_i)                     input: how much to write
    n_t = W_n c_t + b_n                        candidate
    a_t = f_t / (f_t + i_t)                    the share that is kept, so that both are 1 together
    h_t = a_t ⊙ h_{t-1} + (1 − a_t) ⊙ n_t      new state

The LSTM without what looks at the state, without a memory apart from its output, and with both gates scaled
to a sum of 1. Of what goes into the two σ, f̂ and î, that share is σ(softplus(−î) − softplus(−f̂)), which
divides by nothing. c_t is what :mod:`seqcli.backends.cells.block` makes of the input of a layer, and o_t what
that makes of h_t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seqcli.backends.cells.block import MinCell
from seqcli.backends.products import linear

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter


class MinLstm(MinCell):
    """Gates f, i, n; carries h and the block's three last u."""

    name: ClassVar[str] = "minlstm.v1"
    gates: ClassVar[tuple[str, ...]] = ("f", "i", "n")
    keep_gate: ClassVar[str] = "f"
    input_gate: ClassVar[str] = "i"

    def coefficients(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """a and (1 − a) ⊙ n of steps c (..., H), (..., H) each."""
        f, i, n = linear(c, self.weight_ih, self.bias_ih).chunk(3, dim=-1)
        a = torch.sigmoid(F.softplus(-i) - F.softplus(-f))
        return a, n - a * n

    def write_coefficients(self, graph: GraphWriter, c: str) -> tuple[str, str]:
        """The same, ``c`` (T, B, H)."""
        (w_f, w_i, w_n), (b_f, b_i, b_n) = self.weight_ih.chunk(3), self.bias_ih.chunk(3)
        f, i = graph.affine(c, -w_f, -b_f), graph.affine(c, -w_i, -b_i)  # what is read, negative
        f, i = graph.node("Softplus", f), graph.node("Softplus", i)
        a = graph.node("Sigmoid", graph.node("Sub", i, f))
        n = graph.affine(c, w_n, b_n)
        return a, graph.node("Sub", n, graph.node("Mul", a, n))
