"""Attention: how much each step of a source counts for a step that is written.

With a query q (what the decoder knows) and the memory m_s (what the encoder said at step s of the source):

    dot         e_s = q · W m_s / √A                 (Luong et al. 2015, arXiv:1508.04025, "general")
    bahdanau    e_s = v · tanh(W_q q + W m_s)        (Bahdanau et al. 2015, arXiv:1409.0473)

    a = softmax(e) over the steps that are no padding        c = Σ_s a_s m_s

W m is worked out once a source. All queries of a source are asked at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.backends.products import linear

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter

DOT, BAHDANAU = "dot", "bahdanau"
LOWEST = -1e9
"""The score of a padded step, whose weight is then exactly 0 in single precision."""


class Attention(nn.Module):
    """Queries (B, T, H) over memories (B, S, D)."""

    def __init__(self, kind: str, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.kind = kind
        self.query_size = query_size
        self.keys = nn.Linear(memory_size, query_size)
        if kind == BAHDANAU:
            self.asked = nn.Linear(query_size, query_size, bias=False)
            self.score = nn.Linear(query_size, 1, bias=False)

    def keys_of(self, memory: Tensor) -> Tensor:
        """W m: memory (B, S, D) → keys (B, S, A)."""
        return linear(memory, self.keys.weight, self.keys.bias)

    def weights(self, query: Tensor, keys: Tensor, hidden: Tensor | None) -> Tensor:
        """query (B, T, H), keys (B, S, A), hidden (B, 1, S) True at padding → weights (B, T, S)."""
        if self.kind == DOT:
            scores = query @ keys.transpose(1, 2) / math.sqrt(self.query_size)
        else:
            sums = self.asked(query)[:, :, None] + keys[:, None]  # (B, T, S, A)
            scores = self.score(torch.tanh(sums))[..., 0]
        if hidden is not None:
            scores = scores.masked_fill(hidden, LOWEST)
        return torch.softmax(scores, dim=-1)

    def write_weights(self, graph: GraphWriter, query: str, keys: str, padding: str) -> str:
        """As :meth:`weights` in a graph; ``padding`` (B, 1, S) is 0, or :data:`LOWEST` at padding."""
        if self.kind == DOT:
            turned = graph.node("Transpose", keys, perm=[0, 2, 1])
            scores = graph.node("MatMul", query, turned)
            scores = graph.node("Mul", scores, graph.constant(np.float32(1 / math.sqrt(self.query_size))))
        else:
            asked = graph.node("Unsqueeze", graph.affine(query, self.asked.weight), graph.constant([2]))
            sums = graph.node("Add", asked, graph.node("Unsqueeze", keys, graph.constant([1])))
            scores = graph.affine(graph.node("Tanh", sums), self.score.weight)  # (B, T, S, 1)
            scores = graph.node("Squeeze", scores, graph.constant([3]))
        return graph.node("Softmax", graph.node("Add", scores, padding), axis=-1)
