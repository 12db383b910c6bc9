"""A step that is several things at once: the mean of their vectors.

    x_t = √u/n_t Σ_{k: i_tk ≠ 0} E[i_tk]      n_t ids are there; 0 fills up, and a step without ids is 0

A mean of n vectors is 1/√n as large as each, and moves as much more slowly in training: where a bag usually
holds u ids, √u makes up for both (1 leaves the mean as it is).

Hashed character n-grams of a word are such a bag (Bojanowski et al. 2017, Enriching Word Vectors with
Subword Information, arXiv:1607.04606, eq. 2, as a mean).
"""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.backends.graph_writer import FLOAT, GraphWriter, to_numpy


class Bag(nn.Embedding):
    """ids (B, T, K), 0 where there is none → the mean of their rows of the table, (B, T, E)."""

    def __init__(self, size: int, embedding_size: int, usual: int = 1) -> None:
        super().__init__(size, embedding_size, padding_idx=0)
        self.scale = float(usual) ** 0.5

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T, K) int64 → (B, T, E)."""
        flat = ids.flatten(0, 1)  # (B*T, K)
        means: Tensor = F.embedding_bag(flat, self.weight, mode="mean", padding_idx=0)
        return means.view(*ids.shape[:2], self.embedding_dim).mul(self.scale)

    def write_graph(self, graph: GraphWriter, ids: str) -> str:
        """The same in a graph: ids (B, T, K) → (B, T, E)."""
        rows = to_numpy(self.weight) * np.float32(self.scale)
        rows[0] = 0.0
        axis, zero, one = graph.constant([2]), graph.constant(np.int64(0)), graph.constant(np.float32(1))
        total = graph.node("ReduceSum", graph.node("Gather", graph.constant(rows), ids), axis, keepdims=0)
        there = graph.node("Cast", graph.node("Less", zero, ids), to=FLOAT)
        count = graph.node("ReduceSum", there, axis, keepdims=1)  # (B, T, 1)
        count = graph.node("Where", graph.node("Less", count, one), one, count)
        return graph.node("Div", total, count)
