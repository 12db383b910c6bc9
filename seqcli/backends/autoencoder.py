"""A series through a narrow place: an encoder reads it to a few numbers, and a decoder writes it again.

    z = W_z p + b_z                          the code: p is the last state of each direction of the encoder
    d_t = decoder([z; place_t])_t            the same cell reads the code, and where it is, at each step
    x̂_t = W d_t + b

What was learnt from usual series is written well, what is new is not: the error of x̂ says how odd a series
is (Malhotra et al. 2016, LSTM-based encoder-decoder for multi-sensor anomaly detection, arXiv:1607.00148).
There the decoder reads the value that it wrote one step before. Here it reads the code at each step, so that
no error is fed back, and all steps are one scan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.backends.encoder import Encoder
from seqcli.backends.initialisation import initialise
from seqcli.backends.network import Network
from seqcli.backends.pooling import Pool
from seqcli.network import CODE_PLACE, NetworkSpec
from seqcli.sequences import LENGTHS

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter


class Autoencoder(Network):
    """Fields of values and places (B, T, F), ``lengths`` (B,) → the values again, (B, T, C)."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__(spec)
        self.last = Pool("last", spec.hidden_size, spec.bidirectional)
        self.code = nn.Linear(self.last.width, spec.bottleneck)
        self.place = next(item.field for item in spec.inputs if item.field == CODE_PLACE)
        places = next(item.size for item in spec.inputs if item.field == CODE_PLACE)
        self.writer = Encoder(
            spec.cell, spec.bottleneck + places, spec.hidden_size, 1, spec.bidirectional, spec.dropout
        )

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Fields as the spec's inputs say, with ``lengths`` (B,) int64 → (B, T, C)."""
        x, lengths = self.read(batch)
        place = batch[self.place]
        code = self.code(self.dropout(self.last(self.encoder(x, lengths), lengths)))  # (B, K)
        told = torch.cat([code[:, None].expand(-1, place.shape[1], -1), place], dim=-1)
        return self._per_step(self.writer(told, batch[LENGTHS]))

    def begin(self) -> None:
        """First values of the decoder's weights."""
        initialise(self.writer, self.spec.init, self.spec.time_range)

    def further_parts(self) -> list[tuple[str, str, nn.Module]]:
        """The code and the decoder, for the table of parameters."""
        cell = self.writer.forward_cells[0]
        shape = f"{cell.input_size} → {self.writer.output_size}"
        return [
            ("code", f"{self.code.in_features} → {self.code.out_features}", self.code),
            (f"decoder, {self.spec.cell}", shape, self.writer),
        ]

    def write_again(self, graph: GraphWriter, outputs: str) -> str:
        """The decoder in a graph: what the encoder said at each step (B, T', D) → its own steps (B, T, D)."""
        from seqcli.backends.graph import encoder_steps, pool_steps

        code = pool_steps(graph, self.last, outputs)
        graph.lengths = LENGTHS  # a stem may have left fewer
        code = graph.node(
            "Unsqueeze", graph.affine(code, self.code.weight, self.code.bias), graph.constant([1])
        )
        first = graph.node("Gather", self.place, graph.constant([0]), axis=2)  # (B, T, 1)
        spread = graph.node("Mul", first, graph.constant(np.float32(0)))
        told = graph.node("Concat", graph.node("Add", spread, code), self.place, axis=2)
        return encoder_steps(graph, self.writer, told)
