"""A network that reads one text and writes another, looking at all of what it read before each token.

    m_s = encoder(x)_s                                   source, read both ways
    s = tanh(W_s mean_s(m) + b_s)                        the first states
    h_t = reader(E y_{t-1}, h_{t-1})                     what is written so far
    c_t = Σ_s a_ts m_s,   a_t = attention(h_t, m)        what it looks at (seqcli.backends.looking)
    g_t = writer([h_t; c_t], g_{t-1})                    what it has looked at so far
    o_t = W_o [g_t; c_t] + b_o
    p(y_t) = softmax(E o_t + b)                          by the table of the tokens that are written

What it looks at goes into a second cell and not back into the first (as in the lower layers of Wu et al.
2016, arXiv:1609.08144), so that in training, where y is known, each cell reads all steps in one go. The
table is shared with the softmax (Press and Wolf 2017, arXiv:1608.05859), which is taken of real tokens alone.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqcli.backends.cells.block import Block
from seqcli.backends.cells.cell import Cell, State
from seqcli.backends.dropping import InputDropout
from seqcli.backends.encoder import Encoder, padding_mask
from seqcli.backends.initialisation import INITIALISATIONS, initialise
from seqcli.backends.looking import Attention
from seqcli.backends.network import Network
from seqcli.backends.products import linear
from seqcli.backends.registry import load_cell
from seqcli.network import SOURCE, WRITTEN, NetworkSpec
from seqcli.saved.translator import memory_size
from seqcli.sequences import LENGTHS, TARGET

SPREAD = 0.5
"""Deviation of what the cells read of a token at the beginning; the softmax has vectors of about length 1."""


class Memory:
    """What was read: memory (B, S, D), keys (B, S, H), padding (B, 1, S) True or None, first states."""

    def __init__(self, memory: Tensor, keys: Tensor, padding: Tensor | None, states: list[State]) -> None:
        self.memory, self.keys, self.padding, self.states = memory, keys, padding, states


class Translator(Network):
    """Fields ``source`` (B, S), ``lengths`` (B,), ``written`` and ``target`` (B, T) → logits (M, V) of the M
    tokens of the target that are no padding, row by row.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        nn.Module.__init__(self)  # of a Network it has the spec, the encoder and what is dropped
        self.spec = spec
        size, hidden, width = spec.inputs[0].embedding_size, spec.hidden_size, memory_size(spec)
        self.embeddings = nn.ModuleList(nn.Embedding(item.size, size, padding_idx=0) for item in spec.inputs)
        self.bags = nn.ModuleList()
        self.scale = SPREAD * size**0.5
        self.encoder = Encoder(
            spec.cell,
            size,
            hidden,
            spec.num_layers,
            spec.bidirectional,
            spec.dropout,
            recurrent_dropout=spec.recurrent_dropout,
        )
        kind = load_cell(spec.cell)
        self.reader: Cell = kind(size, hidden)
        self.writer: Cell = kind(hidden + width, hidden)
        for cell in (self.reader, self.writer):
            cell.recurrent_dropout = spec.recurrent_dropout
        self.names = [f"{name}_{place}" for place in range(2) for name in kind.states]
        self.bridge = nn.Linear(width, max(len(self.names), 1) * hidden)
        self.attention = Attention(spec.attention, hidden, width)
        self.project = nn.Linear(hidden + width, size)
        self.bias = nn.Parameter(torch.zeros(spec.output_shape[0]))
        self.dropout = nn.Dropout(spec.dropout)
        self.input_dropout = InputDropout(spec)
        self.segments = self.decoder = self.pool = self.band = self.stem = None

    def begin(self) -> None:
        """First values of all weights, from torch's global generator."""
        spec = self.spec
        initialise(self.encoder, spec.init, spec.time_range)
        with torch.no_grad():
            for cell in (self.reader, self.writer):
                if isinstance(cell, Block):
                    cell.start(spec.init, spec.time_range)
                else:
                    INITIALISATIONS[spec.init](cell, spec.time_range)
            for table in self.embeddings:
                weight = cast(nn.Embedding, table).weight
                weight.normal_(0.0, weight.shape[1] ** -0.5)
                weight[0] = 0.0

    def further_parts(self) -> list[tuple[str, str, nn.Module]]:
        """The decoder, for the table of parameters."""
        first, cell = self.bridge, self.spec.cell
        parts: list[tuple[str, str, nn.Module]] = [
            ("first states", f"{first.in_features} → {first.out_features}", first),
            *(
                (f"{cell}, {name}", f"{own.input_size} → {own.hidden_size}", own)
                for name, own in (("reader", self.reader), ("writer", self.writer))
            ),
            (f"{self.spec.attention} attention", f"{self.spec.hidden_size}", self.attention),
            ("head", f"{self.project.in_features} → {self.project.out_features}", self.project),
            ("bias of the tokens", f"{len(self.bias)}", nn.ParameterList([self.bias])),
        ]
        return parts

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (M, V) of the tokens of ``target`` (B, T) that are no padding."""
        read = self.read_source(batch[SOURCE], batch[LENGTHS])
        said, _, _ = self.write(batch[WRITTEN], read, read.states)
        return self.logits(said[batch[TARGET] > 0])

    def read(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What the encoder reads, (B, S, E), and how long each row is, (B,)."""
        return self.steps(batch), batch[LENGTHS]

    def steps(self, batch: dict[str, Tensor]) -> Tensor:
        """The vectors of the source, (B, S, E)."""
        return self._vectors(0, batch[SOURCE])

    def read_source(self, source: Tensor, lengths: Tensor) -> Memory:
        """Tokens (B, S), lengths (B,) → what is looked at, and the states to write from."""
        memory = self.encoder(self._vectors(0, source), lengths)  # (B, S, D)
        padding = padding_mask(lengths, source.shape[1])
        mean = memory.sum(1) / lengths[:, None]
        states = self._parted(torch.tanh(self.bridge(mean)))
        memory = self.dropout(memory)
        hidden = None if padding is None else padding.transpose(1, 2)
        return Memory(memory, self.attention.keys_of(memory), hidden, states)

    def write(self, written: Tensor, read: Memory, states: list[State]) -> tuple[Tensor, Tensor, list[State]]:
        """Tokens (B, T) ahead of those to say → what is said (B, T, E), where was looked (B, T, S).

        ``states`` (B, H) each are those of both cells, and come back as they are after step T.
        """
        h, first = self.reader.scan(self._vectors(1, written), states[0])
        h = self.dropout(h)
        looked = self.attention.weights(h, read.keys, read.padding)
        context = looked @ read.memory  # (B, T, D)
        g, second = self.writer.scan(torch.cat([h, context], dim=-1), states[1])
        both = torch.cat([self.dropout(g), context], dim=-1)
        return linear(both, self.project.weight, self.project.bias), looked, [first, second]

    def logits(self, said: Tensor) -> Tensor:
        """What is said (..., E) → logits (..., V)."""
        return linear(said, cast(nn.Embedding, self.embeddings[1]).weight, self.bias)

    def _vectors(self, place: int, ids: Tensor) -> Tensor:
        """Token ids (B, T) → vectors (B, T, E), of the source (0) or of what is written (1)."""
        table = self.embeddings[place]
        vectors: Tensor = self.input_dropout(table(self.input_dropout.words(ids)) * self.scale)
        return vectors

    def _parted(self, states: Tensor) -> list[State]:
        """All first states side by side, (B, n * H), as those of the two cells."""
        parts = torch.split(states, self.spec.hidden_size, dim=-1)
        count = len(self.names) // 2
        return [tuple(parts[:count]), tuple(parts[count : 2 * count])]
