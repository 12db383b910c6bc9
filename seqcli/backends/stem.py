"""A stem: a few 1-D convolutions ahead of the recurrence, which see the short shapes of a series.

    x^0_t = x_t     x^l_t = relu(norm(b + Σ_j W_j x^{l-1}_{t+j}))     and with a stride s: y_t = x^L_{st}

The window of j is centred on t where the network reads both ways, and ends at t where it reads one way, so
that no step sees what comes later. Steps behind a row's end are zeros to every convolution, however far a
batch is padded: no padding changes an output. The norm is over the channels of one step (Ba et al. 2016,
Layer normalization).
"""

from __future__ import annotations

from typing import cast

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.backends.encoder import padding_mask
from seqcli.backends.graph_writer import FLOAT, INT64, GraphWriter
from seqcli.network import NetworkSpec


class Stem(nn.Module):
    """x (B, T, F), lengths (B,) → (B, ⌈T / stride⌉, width) and lengths (B,)."""

    def __init__(self, spec: NetworkSpec, width: int) -> None:
        super().__init__()
        self.kernel, self.stride, self.causal = spec.stem_kernel, spec.stem_stride, not spec.bidirectional
        sizes = [width] + [spec.stem_width] * spec.stem
        self.output_size = sizes[-1]
        self.layers = nn.ModuleList(nn.Conv1d(size, spec.stem_width, self.kernel) for size in sizes[:-1])
        self.norms = nn.ModuleList(nn.LayerNorm(spec.stem_width) for _ in range(spec.stem))
        self.dropout = nn.Dropout(spec.dropout)

    @property
    def reach(self) -> tuple[int, int]:
        """Steps that a convolution sees ahead of its own, and behind it."""
        if self.causal:
            return self.kernel - 1, 0
        return (self.kernel - 1) // 2, self.kernel // 2

    def strides(self) -> list[int]:
        """From one step of each layer's output to the next, in steps of its input; the last one jumps."""
        return [1] * (len(self.layers) - 1) + [self.stride]

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, F) with zeros at padding, lengths (B,) → as the class says, with zeros at padding."""
        for layer, norm, stride in zip(self.layers, self.norms, self.strides(), strict=True):
            conv = cast(nn.Conv1d, layer)
            seen = F.pad(x.transpose(1, 2), self.reach)  # (B, F, T + kernel - 1)
            said = F.conv1d(seen, conv.weight, conv.bias, stride=stride).transpose(1, 2)
            if stride > 1:
                lengths = (lengths + stride - 1) // stride
            x = F.relu(norm(said))
            padding = padding_mask(lengths, x.shape[1])
            x = x if padding is None else x.masked_fill(padding, 0.0)
        return self.dropout(x), lengths

    def write_graph(self, graph: GraphWriter, x: str) -> str:
        """The same in a graph, whose ``lengths`` are then those behind: x (B, T, F) → (B, T', width)."""
        ahead, behind = self.reach
        for layer, norm, stride in zip(self.layers, self.norms, self.strides(), strict=True):
            conv = cast(nn.Conv1d, layer)
            assert conv.bias is not None
            said = graph.node(
                "Conv",
                graph.node("Transpose", x, perm=[0, 2, 1]),
                graph.weight(conv.weight),
                graph.weight(conv.bias),
                kernel_shape=[self.kernel],
                strides=[stride],
                pads=[ahead, behind],
            )
            if stride > 1:  # a power of two, so that the product is exact
                longer = graph.node("Add", graph.lengths, graph.constant(stride - 1))
                share = graph.node(
                    "Mul", graph.node("Cast", longer, to=FLOAT), graph.constant(np.float32(1 / stride))
                )
                graph.lengths = graph.node("Cast", share, to=INT64)
            x = graph.node("Relu", graph.norm(graph.node("Transpose", said, perm=[0, 2, 1]), norm))
            x = graph.node("Where", graph.valid(x), x, graph.constant(np.float32(0)))
        return x
