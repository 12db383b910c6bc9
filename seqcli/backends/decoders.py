"""From the last states of an encoder to a horizon, segment by segment of w steps, by the same cell.

    q_j = [p_j; c_k] + W_a a_j                         segment j to come: its place, its target, what is known
    y_{(j−1)w+1 … jw} = W_y cell(q_j, h_n) + b_y       j = 1 … m, each from the same h_n

is the parallel decoder, which never feeds its own errors back (Lin et al. 2023, SegRNN, arXiv:2308.11200,
section 4.2). The recursive one says a segment after the other, and reads what it has said:

    y_{(j−1)w+1 … jw} = W_y (h_{n+j−1} + c_k + W_a a_j) + b_y
    h_{n+j} = cell(v(y_{(j−1)w+1 … jw}), h_{n+j−1})    v reads, other columns as they were last

Where a network carries its state, what it reads of a target is the change since the step before, and so is
what it says: y_j = y_{j−1} + W_y (…) + b_y, of which v reads the change alone.

With a band each is also said how far off it may be, from the vector that W_y reads (:mod:`.band`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.backends.band import Band
from seqcli.backends.cells.cell import State
from seqcli.backends.encoder import Encoder
from seqcli.backends.graph_writer import to_numpy
from seqcli.backends.segments import Segments
from seqcli.network import NetworkSpec

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter

Ended: TypeAlias = tuple[Tensor, list[State]]
"""What the encoder said last, and its states then, layer by layer: (B * readers, H) each."""
GraphEnded: TypeAlias = tuple[str, list[tuple[str, ...]]]
"""The same by the names they have in a graph: (1, B * readers, H) each."""


class Decoder(nn.Module):
    """What was reached, (B * readers, H) → (B, horizon, targets[, 3]).

    A row is answered for one of ``readers``: the target it read, where each is read by itself. ``x`` is what
    the readers saw, (B * readers, T, F'), ``ahead`` what is known of the steps to come, (B, horizon, A).
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        ahead = sum(item.size for item in spec.inputs if item.kind == "ahead")
        self.segment, self.horizon, self.readers = spec.segment, spec.output_shape[0], spec.readers
        self.count = -(-self.horizon // spec.segment)
        self.known = nn.Linear(spec.segment * ahead, spec.hidden_size, bias=False) if ahead else None
        if self.known is not None:
            nn.init.zeros_(self.known.weight)
        self.dropout = nn.Dropout(spec.dropout)
        self.own = spec.output_shape[1] // spec.readers
        self.project = nn.Linear(spec.hidden_size, spec.segment * self.own)
        self.band = Band(spec.hidden_size, spec.segment * self.own) if spec.band else None

    def write_graph(
        self, graph: GraphWriter, nets: tuple[Segments, Encoder], x: str, reached: GraphEnded, ahead: str
    ) -> str:
        """Add the same to an ONNX graph; returns the name of (B, horizon, targets[, 3]).

        ``x`` names what the readers saw, ``ahead`` (B, horizon, A), "" where nothing is known of what comes.
        """
        raise NotImplementedError  # abstract: each decoder has its own

    def _segmented(self, ahead: Tensor) -> Tensor:
        """(B, horizon, A) → (B, m, w * A); steps behind the horizon are 0."""
        padded = nn.functional.pad(ahead, (0, 0, 0, self.count * self.segment - self.horizon))
        return padded.reshape(len(ahead), self.count, -1)

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

    def _joined(self, out: Tensor) -> Tensor:
        """What is said of each segment, (B * readers, m, w * own[, 3]) → (B, horizon, targets[, 3])."""
        last = out.shape[3:]
        out = out.reshape(-1, self.readers, self.count * self.segment, self.own, *last)
        return out.transpose(1, 2).flatten(2, 3)[:, : self.horizon]

    def _write_joined(self, graph: GraphWriter, out: str) -> str:
        """:meth:`_joined` of anything in the order of (B * readers, m, w, own[, 3])."""
        last = [3] if self.band else []
        shape = [-1, self.readers, self.count * self.segment, self.own, *last]
        out = graph.node("Reshape", out, graph.constant(shape))
        out = graph.node("Transpose", out, perm=[0, 2, 1, *range(3, 4 + len(last))])
        out = graph.node("Reshape", out, graph.constant([0, 0, self.readers * self.own, *last]))
        return graph.node("Gather", out, graph.constant(np.arange(self.horizon)), axis=1)

    def _say(self, x: Tensor) -> Tensor:
        """What is said from x (..., H): (..., w * own[, 3])."""
        out: Tensor = self.project(self.dropout(x))
        return out if self.band is None else self.band.around(out, x)

    def _write_say(self, graph: GraphWriter, x: str, before: str = "") -> tuple[str, str, str]:
        """:meth:`_say`, the answer (..., w * own) alone, and that added to what was said ``before``."""
        out = graph.affine(x, self.project.weight, self.project.bias)
        whole = graph.node("Add", before, out) if before else out
        return (whole if self.band is None else self.band.write_around(graph, whole, x)), out, whole


class ParallelDecoder(Decoder):
    """All segments to come at once."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__(spec)
        self.place = nn.Parameter(torch.randn(self.count, spec.hidden_size // 2))
        self.reader = nn.Parameter(torch.randn(spec.readers, spec.hidden_size - spec.hidden_size // 2))

    def queries(self) -> Tensor:
        """[place; reader] of every segment to come, (readers, m, H)."""
        readers = len(self.reader)
        places = self.place.expand(readers, -1, -1)
        return torch.cat([places, self.reader[:, None].expand(-1, self.count, -1)], dim=-1)

    def forward(
        self, nets: tuple[Segments, Encoder], x: Tensor, reached: Ended, ahead: Tensor | None
    ) -> Tensor:
        """→ (B, horizon, targets[, 3]), as :class:`Decoder` says; what was read is in the states."""
        encoder, states = nets[1], reached[1]
        readers, rows = len(self.reader), len(states[0][0])
        x = self.queries()[None]  # (1, readers, m, H)
        if self.known is not None and ahead is not None:
            x = x + self.known(self._segmented(ahead))[:, None]
        x = x.expand(rows // readers, -1, -1, -1).reshape(rows * self.count, 1, -1)
        for cell, state in zip(encoder.forward_cells, states, strict=True):
            x, _ = cell.scan(x, tuple(part.repeat_interleave(self.count, dim=0) for part in state))
        return self._joined(self._say(x.view(rows, self.count, -1)))

    def write_graph(
        self, graph: GraphWriter, nets: tuple[Segments, Encoder], x: str, reached: GraphEnded, ahead: str
    ) -> str:
        """As :class:`Decoder` says."""
        encoder, states = nets[1], reached[1]
        readers, hidden = len(self.reader), encoder.forward_cells[0].hidden_size
        count = self.count
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
        return self._write_joined(graph, self._write_say(graph, x)[0])


class RecursiveDecoder(Decoder):
    """A segment after the other, each read before the next is said."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__(spec)
        self.reader = nn.Parameter(torch.zeros(spec.readers, spec.hidden_size))
        self.by_changes = spec.stateful

    def forward(
        self, nets: tuple[Segments, Encoder], x: Tensor, reached: Ended, ahead: Tensor | None
    ) -> Tensor:
        """→ (B, horizon, targets[, 3]), as :class:`Decoder` says."""
        (segments, encoder), (top, states) = nets, reached
        rows, own = len(top), self.own
        told = self.reader.expand(rows // self.readers, -1, -1)[:, :, None]  # (B, readers, 1, H)
        if self.known is not None and ahead is not None:
            told = told + self.known(self._segmented(ahead))[:, None]
        told = told.expand(-1, -1, self.count, -1).flatten(0, 1)  # (B * readers, m, H)
        held = x[:, -1:, own:].expand(-1, self.segment, -1)
        said: list[Tensor] = []
        for step in range(self.count):
            if said:
                answer = said[-1] if self.band is None else said[-1][..., 0]
                read = segments.read(torch.cat([answer.view(rows, self.segment, own), held], dim=-1))
                top, states = self._read_on(encoder, read, states)
            said.append(self._say(top + told[:, step]))
        whole = torch.stack(said, dim=1)  # (B * readers, m, w * own[, 3])
        if self.by_changes and self.band is not None:
            whole = torch.cat([whole[..., :1].cumsum(dim=1), whole[..., 1:]], dim=-1)
        elif self.by_changes:
            whole = whole.cumsum(dim=1)
        return self._joined(whole)

    @staticmethod
    def _read_on(encoder: Encoder, read: Tensor, states: list[State]) -> Ended:
        """What is reached, (B, H) each, after one more segment, ``read`` as (B, 1, H)."""
        after = []
        for cell, state in zip(encoder.forward_cells, states, strict=True):
            read, state = cell.scan(read, state)
            after.append(state)
        return read[:, -1], after

    def write_graph(
        self, graph: GraphWriter, nets: tuple[Segments, Encoder], x: str, reached: GraphEnded, ahead: str
    ) -> str:
        """As :class:`Decoder` says, one step unrolled behind the other."""
        (segments, encoder), (top, states), hidden = nets, reached, self.project.in_features
        told = graph.constant(to_numpy(self.reader)[None, :, None])  # (1, readers, 1, H)
        if self.known is not None and ahead:
            known = graph.node("Unsqueeze", self._known(graph, ahead), graph.constant([1]))  # (B, 1, m, H)
            told = graph.node("Add", known, told)
        held = self._held(graph, x, segments)
        said: list[str] = []
        out = whole = ""
        for step in range(self.count):
            if said:
                answer = graph.node("Reshape", out, graph.constant([-1, self.segment, self.own]))
                read = graph.node("Concat", answer, held, axis=2) if held else answer
                value, after = segments.write_read(graph, read), []
                for cell, state in zip(encoder.forward_cells, states, strict=True):
                    value, state = cell.write_graph(graph, value, "", None, state)
                    after.append(state)
                states, top = after, value
            place = graph.constant(np.array([step if self.known is not None and ahead else 0]))
            now = graph.node("Gather", told, place, axis=2)  # (B or 1, readers, 1, H)
            shown = graph.node("Reshape", top, graph.constant([-1, self.readers, 1, hidden]))
            before = whole if self.by_changes else ""
            both, out, whole = self._write_say(graph, graph.node("Add", shown, now), before)
            shape = [-1, self.segment * self.own, *([3] if self.band else [])]  # (B * readers, w * own[, 3])
            said.append(graph.node("Reshape", both, graph.constant(shape)))
        joined = said[0] if len(said) == 1 else graph.node("Concat", *said, axis=1)
        return self._write_joined(graph, joined)

    def _held(self, graph: GraphWriter, x: str, segments: Segments) -> str:
        """The other columns of ``x`` as they were last, (B * readers, w, F' − K / readers); "" for none."""
        width, own = segments.width, self.own
        if width == own:
            return ""
        x = graph.node("Reshape", x, graph.constant([0, -1, self.segment * width]))
        last = graph.node("Gather", x, graph.constant(-1), axis=1)  # the last segment, (B * readers, w * F')
        places = (self.segment - 1) * width + np.arange(own, width)
        held = graph.node("Gather", last, graph.constant(np.tile(places, self.segment)), axis=1)
        return graph.node("Reshape", held, graph.constant([-1, self.segment, width - own]))


DECODERS: dict[str, type[Decoder]] = {"parallel": ParallelDecoder, "recursive": RecursiveDecoder}
