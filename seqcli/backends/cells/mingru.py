"""Minimal gated recurrent unit (Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.1).

    z_t = σ(W_z c_t + b_z)                     update gate
    n_t = W_n c_t + b_n                        candidate
    h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t-1}      new state

The GRU without what looks at the state: no reset gate, no W_hh, no tanh. So all gates of all steps are two
matrix products, and what is left of the loop is an element-wise sum. z keeps the old state here as in
:mod:`seqcli.backends.cells.gru`; the paper's z is 1 − z. c_t is what :mod:`seqcli.backends.cells.block` makes
of the input of a layer, and o_t what that makes of h_t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from seqcli.backends.cells.block import MinCell
from seqcli.backends.products import linear

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter


class MinGru(MinCell):
    """Gates z, n; carries h and the block's three last u."""

    name: ClassVar[str] = "mingru.v1"
    gates: ClassVar[tuple[str, ...]] = ("z", "n")
    keep_gate: ClassVar[str] = "z"

    def coefficients(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """z and (1 − z) ⊙ n of steps c (..., H), (..., H) each."""
        z, n = linear(c, self.weight_ih, self.bias_ih).chunk(2, dim=-1)
        z = torch.sigmoid(z)
        return z, n - z * n

    def write_coefficients(self, graph: GraphWriter, c: str) -> tuple[str, str]:
        """The same, ``c`` (T, B, H)."""
        (w_z, w_n), (b_z, b_n) = self.weight_ih.chunk(2), self.bias_ih.chunk(2)
        z = graph.node("Sigmoid", graph.affine(c, w_z, b_z))
        n = graph.affine(c, w_n, b_n)
        return z, graph.node("Sub", n, graph.node("Mul", z, n))
