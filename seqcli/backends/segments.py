"""Long windows in segments: several steps read at a time.

    v_i = ReLU(W_v x_{(i−1)w+1 … iw} + b_v)            segment i of w steps, i = 1 … n
    h_n = cell(v_1, …, v_n)

Reading w steps at a time makes n = T / w steps of the recurrence out of T (Lin et al. 2023, SegRNN,
arXiv:2308.11200, section 4.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.backends.products import linear
from seqcli.network import NetworkSpec

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter


class Segments(nn.Module):
    """(B, T, F) → (B * readers, T // w, H): each segment of w steps as one vector.

    Where each target is read by itself there is a row for each: its own column and those behind the
    targets.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        width = sum(item.size for item in spec.inputs if item.kind == "values")
        self.segment, self.readers = spec.segment, spec.readers
        self.others = range(self.readers, width) if self.readers > 1 else range(0)
        self.width = 1 + len(self.others) if self.readers > 1 else width
        self.project = nn.Linear(self.segment * self.width, spec.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, F), all steps valid → (B * readers, n, H); the oldest T mod w steps are left out."""
        return self.read(self.apart(x))

    def apart(self, x: Tensor) -> Tensor:
        """What each reader sees of x (B, T, F), in whole segments: (B * readers, T', F')."""
        x = x[:, x.shape[1] % self.segment :]
        if self.readers > 1:
            own = x[..., : self.readers].transpose(1, 2)[..., None]  # (B, K, T, 1)
            rest = x[:, None, :, self.readers :].expand(-1, self.readers, -1, -1)
            x = torch.cat([own, rest], dim=-1).flatten(0, 1)
        return x

    def read(self, x: Tensor) -> Tensor:
        """x (N, n * w, F') → (N, n, H)."""
        x = x.reshape(len(x), x.shape[1] // self.segment, self.segment * self.width)
        return torch.relu(linear(x, self.project.weight, self.project.bias))

    def write_apart(self, graph: GraphWriter, x: str) -> str:
        """:meth:`apart` for ``x`` (B, T, F) of whole segments."""
        if self.readers == 1:
            return x
        own = graph.node("Gather", x, graph.constant(np.arange(self.readers)), axis=2)
        own = graph.node("Transpose", own, perm=[0, 2, 1])
        own = graph.node("Unsqueeze", own, graph.constant([3]))  # (B, K, T, 1)
        both = self._beside(graph, own, x) if self.others else own
        # (B, K, T, F') → (B * K, T, F'), by way of segments, since T may be any number of them.
        size = self.segment * self.width
        joined = graph.node("Reshape", both, graph.constant([0, 0, -1, size]))
        joined = graph.node("Transpose", joined, perm=[2, 0, 1, 3])  # (n, B, K, w * F')
        joined = graph.node("Reshape", joined, graph.constant([0, -1, size]))
        return graph.node("Transpose", joined, perm=[1, 0, 2])  # (B * K, n, w * F')

    def _beside(self, graph: GraphWriter, own: str, x: str) -> str:
        """own (B, K, T, 1) with the columns of x (B, T, F) behind the targets: (B, K, T, 1 + R)."""
        rest = graph.node("Gather", x, graph.constant(np.array(self.others)), axis=2)
        rest = graph.node("Unsqueeze", rest, graph.constant([1]))  # (B, 1, T, R)
        spread = graph.constant(np.zeros((1, self.readers, 1, 1), dtype=np.float32))
        return graph.node("Concat", own, graph.node("Add", rest, spread), axis=3)

    def write_read(self, graph: GraphWriter, x: str) -> str:
        """:meth:`read`, time first: (N, n * w, F') or (N, n, w * F') → (n, N, H)."""
        joined = graph.node("Reshape", x, graph.constant([0, -1, self.segment * self.width]))
        read = graph.node("Relu", graph.affine(joined, self.project.weight, self.project.bias))
        return graph.node("Transpose", read, perm=[1, 0, 2])
