"""Long windows in segments: several steps read at a time, and all segments to come decoded side by side.

    v_i = ReLU(W_v x_{(i−1)w+1 … iw} + b_v)            segment i of w steps, i = 1 … n
    h_n = cell(v_1, …, v_n)
    q_j = [p_j; c_k] + W_a a_j                         segment j to come: its place, its target, what is known
    y_{(j−1)w+1 … jw} = W_y cell(q_j, h_n) + b_y       j = 1 … m, each from the same h_n

Reading w steps at a time makes n = T / w steps of the recurrence out of T, and m of the horizon, which
no longer feeds its own errors back (Lin et al. 2023, SegRNN, arXiv:2308.11200, sections 4.1 and 4.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.backends.cells.cell import State
from seqcli.backends.encoder import Encoder
from seqcli.backends.graph_writer import to_numpy
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
        rows, steps, _ = x.shape
        count = steps // self.segment
        x = x[:, steps - count * self.segment :]
        if self.readers > 1:
            own = x[..., : self.readers].transpose(1, 2)[..., None]  # (B, K, T, 1)
            rest = x[:, None, :, self.readers :].expand(-1, self.readers, -1, -1)
            x = torch.cat([own, rest], dim=-1)
        x = x.reshape(rows * self.readers, count, self.segment * self.width)
        return torch.relu(linear(x, self.project.weight, self.project.bias))

    def write_graph(self, graph: GraphWriter, x: str) -> str:
        """Add the same to an ONNX graph: ``x`` (B, T, F), T whole segments → (n, B * readers, H)."""
        if self.readers > 1:
            own = graph.node("Gather", x, graph.constant(np.arange(self.readers)), axis=2)
            own = graph.node("Transpose", own, perm=[0, 2, 1])
            x_own = graph.node("Unsqueeze", own, graph.constant([3]))  # (B, K, T, 1)
            x = self._beside(graph, x_own, x) if self.others else x_own
        size = self.segment * self.width
        joined = graph.node("Reshape", x, graph.constant([0, self.readers, -1, size]))
        read = graph.node("Relu", graph.affine(joined, self.project.weight, self.project.bias))
        read = graph.node("Transpose", read, perm=[2, 0, 1, 3])  # (n, B, readers, H)
        return graph.node("Reshape", read, graph.constant([0, -1, self.project.out_features]))

    def _beside(self, graph: GraphWriter, own: str, x: str) -> str:
        """own (B, K, T, 1) with the columns of x (B, T, F) behind the targets: (B, K, T, 1 + R)."""
        rest = graph.node("Gather", x, graph.constant(np.array(self.others)), axis=2)
        rest = graph.node("Unsqueeze", rest, graph.constant([1]))  # (B, 1, T, R)
        spread = graph.constant(np.zeros((1, self.readers, 1, 1), dtype=np.float32))
        return graph.node("Concat", own, graph.node("Add", rest, spread), axis=3)


class ParallelDecoder(nn.Module):
    """The last states of an encoder → (B, horizon, targets), all segments to come at once.

    A row is answered for one of ``readers``: the target it read, where each is read by itself.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        hidden, readers = spec.hidden_size, spec.readers
        ahead = sum(item.size for item in spec.inputs if item.kind == "ahead")
        self.segment, self.horizon = spec.segment, spec.output_shape[0]
        self.count = -(-self.horizon // spec.segment)
        self.place = nn.Parameter(torch.randn(self.count, hidden // 2))
        self.reader = nn.Parameter(torch.randn(readers, hidden - hidden // 2))
        self.known = nn.Linear(spec.segment * ahead, hidden, bias=False) if ahead else None
        if self.known is not None:
            nn.init.zeros_(self.known.weight)
        self.dropout = nn.Dropout(spec.dropout)
        self.project = nn.Linear(hidden, spec.segment * (spec.output_shape[1] // readers))

    def queries(self) -> Tensor:
        """[place; reader] of every segment to come, (readers, m, H)."""
        readers = len(self.reader)
        places = self.place.expand(readers, -1, -1)
        return torch.cat([places, self.reader[:, None].expand(-1, self.count, -1)], dim=-1)

    def forward(self, encoder: Encoder, states: list[State], ahead: Tensor | None) -> Tensor:
        """States (B * readers, H), layer by layer, and ahead (B, horizon, A) → (B, horizon, targets)."""
        readers, rows = len(self.reader), len(states[0][0])
        x = self.queries()[None]  # (1, readers, m, H)
        if self.known is not None and ahead is not None:
            x = x + self.known(self._segmented(ahead))[:, None]
        x = x.expand(rows // readers, -1, -1, -1).reshape(rows * self.count, 1, -1)
        for cell, state in zip(encoder.forward_cells, states, strict=True):
            x, _ = cell.scan(x, tuple(part.repeat_interleave(self.count, dim=0) for part in state))
        out: Tensor = self.project(self.dropout(x))  # (B * readers * m, 1, w * K / readers)
        out = out.view(rows // readers, readers, self.count * self.segment, -1)
        return out.transpose(1, 2).flatten(2)[:, : self.horizon]

    def _segmented(self, ahead: Tensor) -> Tensor:
        """(B, horizon, A) → (B, m, w * A); steps behind the horizon are 0."""
        padded = nn.functional.pad(ahead, (0, 0, 0, self.count * self.segment - self.horizon))
        return padded.reshape(len(ahead), self.count, -1)

    def write_graph(
        self, graph: GraphWriter, encoder: Encoder, states: list[tuple[str, ...]], ahead: str
    ) -> str:
        """Add the same to an ONNX graph: states (1, B * readers, H) → (B, horizon, targets).

        ``ahead`` names (B, horizon, A), "" where nothing is known of the steps to come.
        """
        readers, hidden = len(self.reader), encoder.forward_cells[0].hidden_size
        count, segment = self.count, self.segment
        # Zeros of the shape (B, readers, 1, H) spread the queries over the rows.
        zero = graph.node("Mul", states[0][0], graph.constant(np.float32(0)))
        zero = graph.node("Reshape", zero, graph.constant([-1, readers, 1, hidden]))
        x = graph.node("Add", graph.constant(to_numpy(self.queries())), zero)  # (B, readers, m, H)
        if self.known is not None and ahead:
            x = graph.node("Add", x, graph.node("Unsqueeze", self._known(graph, ahead), graph.constant([1])))
        x = graph.node("Reshape", x, graph.constant([1, -1, hidden]))  # (1, B * readers * m, H)
        spread = graph.constant(np.zeros((1, 1, count, 1), dtype=np.float32))
        for cell, state in zip(encoder.forward_cells, states, strict=True):
            initial = []
            for part in state:  # (1, B * readers, H) → (1, B * readers * m, H)
                part = graph.node("Add", graph.node("Unsqueeze", part, graph.constant([2])), spread)
                initial.append(graph.node("Reshape", part, graph.constant([1, -1, hidden])))
            x, _ = cell.write_graph(graph, x, "", None, tuple(initial))
        out = graph.affine(x, self.project.weight, self.project.bias)
        own = self.project.out_features // segment
        out = graph.node("Reshape", out, graph.constant([-1, readers, count * segment, own]))
        out = graph.node("Transpose", out, perm=[0, 2, 1, 3])
        out = graph.node("Reshape", out, graph.constant([0, 0, readers * own]))
        return graph.node("Gather", out, graph.constant(np.arange(self.horizon)), axis=1)

    def _known(self, graph: GraphWriter, ahead: str) -> str:
        """W_a a_j: ``ahead`` (B, horizon, A) → (B, m, H)."""
        assert self.known is not None
        weight = to_numpy(self.known.weight).T  # (w * A, H)
        size = len(weight) // self.segment
        rest = self.count * self.segment - self.horizon
        if rest:  # zeros behind the horizon: any step, times 0
            last = graph.node("Gather", ahead, graph.constant(np.zeros(rest, dtype=np.int64)), axis=1)
            last = graph.node("Mul", last, graph.constant(np.float32(0)))
            ahead = graph.node("Concat", ahead, last, axis=1)
        ahead = graph.node("Reshape", ahead, graph.constant([0, self.count, self.segment * size]))
        return graph.node("MatMul", ahead, graph.constant(weight))
