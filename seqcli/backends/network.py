"""The network a :class:`~seqcli.network.NetworkSpec` asks for: inputs → encoder → pool → head."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import cast

import torch
from torch import Tensor, nn

from seqcli.backends.bags import Bag
from seqcli.backends.band import Band
from seqcli.backends.carried import read_stretch
from seqcli.backends.cells.cell import State, last_step
from seqcli.backends.chain import Chain
from seqcli.backends.decoders import DECODERS
from seqcli.backends.dropping import InputDropout, shaken
from seqcli.backends.encoder import Encoder, reverse, reversed_order
from seqcli.backends.initialisation import initialise, initialise_embeddings
from seqcli.backends.pooling import Pool
from seqcli.backends.products import linear
from seqcli.backends.segments import Segments
from seqcli.backends.stem import Stem
from seqcli.backends.strands import on_other_strand
from seqcli.network import NetworkSpec
from seqcli.sequences import LENGTHS


class Network(nn.Module):
    """A batch of fields → (B, *output_shape): logits (B, C) or scaled forecasts (B, horizon, targets).

    Without pooling each step has its own output, (B, T, *output_shape). A network that ``streams`` also
    holds ``start``, the learned state (H,) from which each cell begins. One with a decoder reads segments,
    and has a :class:`~seqcli.backends.decoders.Decoder` in the place of pool and head.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        tokens = [item for item in spec.inputs if item.kind == "tokens"]
        bags = [item for item in spec.inputs if item.kind == "bags"]
        width = sum(item.embedding_size for item in (*tokens, *bags))
        width += sum(item.size for item in spec.inputs if item.kind == "values")
        dense = sum(item.size for item in spec.inputs if item.kind == "dense")
        if not width:
            raise ValueError("a network needs an input of kind tokens, bags or values")
        self.embeddings = nn.ModuleList(
            nn.Embedding(item.size, item.embedding_size, padding_idx=0) for item in tokens
        )
        self.bags = nn.ModuleList(Bag(item.size, item.embedding_size, item.usual) for item in bags)
        decodes = spec.decoder != "direct"
        self.segments = Segments(spec) if decodes else None
        self.stem = Stem(spec, width) if spec.stem else None
        width = width if self.stem is None else self.stem.output_size
        self.encoder = Encoder(
            spec.cell,
            spec.hidden_size if decodes else width,
            spec.hidden_size,
            spec.num_layers,
            spec.bidirectional,
            spec.dropout,
            spec.recurrent_dropout,
        )
        self.decoder = DECODERS[spec.decoder](spec) if decodes else None
        self.dropout = nn.Dropout(spec.dropout)
        self.input_dropout = InputDropout(spec)
        if decodes:
            return
        self.pool = None if spec.pool == "none" else Pool(spec.pool, spec.hidden_size, spec.bidirectional)
        pooled = self.encoder.output_size if self.pool is None else self.pool.width
        width = pooled + dense
        self.head = nn.Linear(width, prod(spec.output_shape))
        if spec.tied:  # (Press and Wolf 2017, arXiv:1608.05859)
            self.head.weight = cast(nn.Embedding, self.embeddings[0]).weight
        self.band = Band(width, prod(spec.output_shape)) if spec.band else None
        if spec.chain:
            self.chain = Chain(spec.chain)
        if spec.chain or spec.members > 1:
            alone = replace(spec, members=1, chain=())
            self.others = nn.ModuleList(Network(alone) for _ in range(spec.members - 1))
        if spec.streams:
            cells = self.encoder.forward_cells
            names = [f"{state}_{depth}" for depth, cell in enumerate(cells) for state in cell.states]
            self.start = nn.ParameterDict({name: torch.zeros(spec.hidden_size) for name in names})

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Fields as the spec's inputs say, with ``lengths`` (B,) int64 → (B[, T], *output_shape)."""
        if self.spec.streams:
            return self.read_on(batch, None)[0]
        x, lengths = self.read(batch)
        if self.decoder is not None:
            outputs, states = self.encoder.run(x, lengths)
            return self.decode(last_step(outputs, lengths), states, batch)
        outputs = self.encoder(x, lengths)  # (B, T, D)
        if self.pool is not None:
            own = self.answer(outputs, {**batch, LENGTHS: lengths})
            if self.spec.both_strands:
                own = self._joined([own, self._other_strand(batch)])
        else:
            own = self._per_step(outputs)
            if self.spec.both_strands:
                own = self._joined([own, self._other_steps(batch)])
        return own if self.spec.members == 1 else self._together(own, batch)

    def _other_strand(self, batch: dict[str, Tensor]) -> Tensor:
        """What this network answers to the other strand, (B, *answer_shape)."""
        x, lengths = self.read(on_other_strand(batch))
        return self.answer(self.encoder(x, lengths), {**batch, LENGTHS: lengths})

    def _other_steps(self, batch: dict[str, Tensor]) -> Tensor:
        """What it answers to each base of the other strand, in the order of this one: (B, T, *output_shape)."""
        x, lengths = self.read(on_other_strand(batch))
        said = self._per_step(self.encoder(x, lengths))
        return reverse(said, reversed_order(lengths, said.shape[1]))

    def _joined(self, every: list[Tensor]) -> Tensor:
        """Several answers (B, ...): in training one below the other, else their mean."""
        return torch.cat(every) if self.training else torch.stack(every).mean(dim=0)

    def further_parts(self) -> list[tuple[str, str, nn.Module]]:
        """Parts that only this kind has, for the table of parameters: name, shape, module."""
        return []

    def begin(self) -> None:
        """First values of the weights, where :func:`build_network` leaves them to the network."""

    def _together(self, own: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """What all members say: in training one below the other, (members * B, T, C), else their mean."""
        every = [own, *(other(batch) for other in self.others)]
        return self._joined(every)

    def every_member(self) -> list[Network]:
        """This network and those that learn beside it."""
        others = self.others if self.spec.chain or self.spec.members > 1 else ()
        return [self, *(cast(Network, other) for other in others)]

    def decode(self, top: Tensor, states: list[State], batch: dict[str, Tensor]) -> Tensor:
        """What was said last, and the states then, (B * readers, H), layer by layer → (B, *output_shape)."""
        assert self.decoder is not None
        assert self.segments is not None
        known = [batch[item.field] for item in self.spec.inputs if item.kind == "ahead"]
        ahead, x = torch.cat(known, dim=-1) if known else None, self.segments.apart(self.steps(batch))
        nets = (self.segments, self.encoder)
        return cast(Tensor, self.decoder(nets, x, (top, states), ahead))

    def answer(self, outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """What the encoder said at each step, (B, T, D), pooled and answered: (B, *answer_shape)."""
        lengths = batch[LENGTHS]
        assert self.pool is not None
        pooled = self.dropout(self.pool(outputs, lengths))  # (B, D)
        dense = [batch[item.field] for item in self.spec.inputs if item.kind == "dense"]
        x = torch.cat([pooled, *dense], dim=-1) if dense else pooled
        out = self.head(x)
        if self.spec.skip:
            field = next(item.field for item in self.spec.inputs if item.kind == "values")
            last = last_step(batch[field], lengths)[:, list(self.spec.skip)]  # (B, K)
            out = (out.view(-1, *self.spec.output_shape) + last[:, None]).flatten(1)
        out = out if self.band is None else self.band.around(out, x)
        return cast(Tensor, out.view(-1, *self.spec.answer_shape))

    def read_on(self, batch: dict[str, Tensor], states: list[State] | None) -> tuple[Tensor, list[State]]:
        """The next T steps of each stream: fields (B, T), states (B, H) a cell → outputs, states after.

        Without ``states`` every stream begins at ``start``, and so do rows where ``batch["fresh"]`` (B,)
        is true. All T steps of every row are valid. A forecaster reads so as
        :func:`~seqcli.backends.carried.read_stretch` says.
        """
        if self.spec.stateful:
            return read_stretch(self, batch, states)
        x = self.steps(batch)  # (B, T, F)
        begin = self.start_states(len(x))
        if states is not None and "fresh" in batch:
            fresh = batch["fresh"][:, None]  # (B, 1)
            begin = [
                tuple(torch.where(fresh, new, old) for new, old in zip(cell, carried, strict=True))
                for cell, carried in zip(begin, states, strict=True)
            ]
        elif states is not None:
            begin = states
        lengths = torch.full((len(x),), x.shape[1], device=x.device)
        outputs, after = self.encoder.run(x, lengths, begin)
        return self._per_step(outputs), after

    def start_states(self, rows: int) -> list[State]:
        """The learned first state of each cell, (rows, H) each."""
        return [
            tuple(self.start[f"{state}_{depth}"].expand(rows, -1) for state in cell.states)
            for depth, cell in enumerate(self.encoder.forward_cells)
        ]

    def _per_step(self, outputs: Tensor) -> Tensor:
        """outputs (B, T, D) → (B, T, *output_shape)."""
        out = linear(self.dropout(outputs), self.head.weight, self.head.bias)
        return out.view(*outputs.shape[:2], *self.spec.output_shape)

    def read(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What the encoder reads and how long each row is: (B, T, F), (B,).

        With segments that is (B * readers, n, H), and lengths count segments.
        """
        x, lengths = self.steps(batch), batch[LENGTHS]
        if self.stem is not None:
            return cast(tuple[Tensor, Tensor], self.stem(x, lengths))
        if self.segments is None:
            return x, lengths
        return self.segments(x), (lengths // self.spec.segment).repeat_interleave(self.spec.readers)

    def steps(self, batch: dict[str, Tensor]) -> Tensor:
        """The fields of a step, (B, T, F): embedded tokens, bags and values side by side."""
        tables = {"tokens": iter(self.embeddings), "bags": iter(self.bags)}
        parts = []
        for item in self.spec.inputs:
            if item.embedded:
                ids = batch[item.field]
                ids = self.input_dropout.words(ids) if item.kind == "tokens" else ids
                parts.append(self.input_dropout(next(tables[item.kind])(ids)))  # (B, T, E)
            elif item.kind == "values":
                noise = 0.0 if item.field == "place" else self.spec.noise
                values = batch[item.field]
                parts.append(
                    shaken(values, batch[LENGTHS], noise, True) if noise and self.training else values
                )
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def make_network(spec: NetworkSpec) -> Network:
    """The network of ``spec``, with weights of no meaning."""
    if spec.bottleneck:
        from seqcli.backends.autoencoder import Autoencoder  # which is a Network itself

        return Autoencoder(spec)
    if not spec.attention:
        return Network(spec)
    from seqcli.backends.translator import Translator  # which is a Network itself

    return Translator(spec)


def build_network(spec: NetworkSpec, seed: int) -> Network:
    """The network of ``spec`` with weights that ``seed`` alone decides; torch's own seed is untouched.

    Raises UsageError for an unknown cell, pooling or initialisation, ValueError for a spec without a
    sequence to read.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make_network(spec)
        network.begin()
        if spec.attention:
            return network
        for member in network.every_member():
            initialise(member.encoder, spec.init, spec.time_range)
            initialise_embeddings(member.embeddings, spec.init)
            initialise_embeddings(member.bags, spec.init)
        if spec.skip or (spec.stateful and network.decoder is None):
            nn.init.zeros_(network.head.weight)  # the first forecast is the last value
            nn.init.zeros_(network.head.bias)
    return network
