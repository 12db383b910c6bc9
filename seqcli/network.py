"""What a task asks of a network, as data: the only thing that tasks and backends both know.

A :class:`NetworkSpec` is complete: together with weights it rebuilds the network, and it is saved
in ``model.json``. Fields named here are the fields of the Examples the task makes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

BAND = (0.1, 0.9)
"""The quantiles whose distance from an answer its band says."""


@dataclass(frozen=True)
class InputSpec:
    """One input field.

    ``kind`` is "tokens" (int64 ids (B, T), 0 is padding, ``size`` ids, embedded to
    ``embedding_size``), "bags" (int64 ids (B, T, K), 0 is none, ``size`` ids with 0: the mean of the
    embedded ids that are there), "values" (float32 (B, T, ``size``)), "dense" (float32 (B, ``size``),
    joined to the pooled state ahead of the head) or "ahead" (float32 (B, horizon, ``size``): what is
    known of the steps to come, for the parallel decoder). What a step has of each kind stands side by
    side.
    """

    field: str
    kind: str
    size: int
    embedding_size: int = 0
    usual: int = 1
    """How many ids a bag usually holds; its mean is taken times the root of that."""

    @property
    def embedded(self) -> bool:
        """Whether it is read by a table of vectors."""
        return self.kind in ("tokens", "bags")

    @property
    def of_text(self) -> bool:
        """Whether it is a text's, and options on how text is read shape it."""
        return self.embedded and self.field != "kmers"


RESIDUAL = ("mingru", "minlstm", "mamba")
"""Cells in a residual block, whose gates do not look at the state: all steps of a layer are a few large
products."""
TITLES = {"none": "no recurrence", "mingru": "minGRU", "minlstm": "minLSTM", "mamba": "Mamba"}
"""Cells that are not written in capitals for people."""


def cell_title(cell: str) -> str:
    """What people call a cell: GRU, minGRU."""
    return TITLES.get(cell, cell.upper())


CHAIN = "chain.scores"
"""The weight that holds what a chain learnt."""
KMERS = "kmers"
"""The field of runs of bases."""
CODE_PLACE = "place"
"""The field that says where in its row each step stands, which a decoder of a code reads too."""
SOURCE, WRITTEN = "source", "written"
"""The fields of a translation: the text that is read, and the one that is written, each token behind the one
before it."""


@dataclass(frozen=True)
class NetworkSpec:
    """Inputs → recurrent encoder → pooling → one linear head.

    ``pool`` names one way to pool, or several joined by "+". The head's output is (B, *output_shape):
    (classes,) or (horizon, targets). With ``pool="none"`` every step has an output of its own,
    (B, T, *output_shape). ``skip`` names, for each target, the column of the first "values" input whose
    last valid step is added to every horizon step of that target (the network then learns the change
    since the last value).
    """

    inputs: tuple[InputSpec, ...]
    output_shape: tuple[int, ...]
    cell: str = "gru"
    hidden_size: int = 128
    num_layers: int = 1
    bidirectional: bool = False
    pool: str = "last"
    dropout: float = 0.0
    embedding_dropout: float | None = None
    """Share dropped of what a step reads; None: as ``dropout``."""
    variational: bool = False
    """Whether a text drops the same numbers at all of its steps."""
    word_dropout: float = 0.0
    """Share of tokens that training reads as unknown ones."""
    recurrent_dropout: float = 0.0
    """Share of the recurrent weights that a training step does without."""
    tied: bool = False
    """Whether a token's vector, by which it is read, is also the row of the head that answers it."""
    init: str = "gated"
    skip: tuple[int, ...] = ()
    time_range: int = 100
    """Steps over which ``init="chrono"`` spreads the units' memory."""
    streams: bool = False
    """A text without an end: the state goes in and comes out, and begins as a learned vector."""
    segment: int = 1
    """Steps that the encoder reads at a time, the oldest that fill no whole segment being left out."""
    decoder: str = "direct"
    """How the last state becomes the horizon: "direct" by the head in one go, or "parallel" by the cell
    itself, which takes one more step for each segment to come."""
    chain: tuple[tuple[int, ...], ...] = ()
    """Answers at neighbouring steps go together, as in a conditional random field: for each class, and last
    for the start, the classes that must never follow. () where each step is answered by itself."""
    members: int = 1
    """Networks of this kind, with a chain, that learn side by side and whose scores are averaged."""
    each_target: bool = False
    """One network reads each target by itself: its column of the first "values" input, and the columns
    behind the targets."""
    band: bool = False
    """Beside each answer the network says how far below and above it the quantiles :data:`BAND` lie."""
    stem: int = 0
    """Convolutions that a series or DNA goes through ahead of the recurrence,"""
    stem_width: int = 64
    """each of so many channels,"""
    stem_kernel: int = 7
    """over so many steps,"""
    stem_stride: int = 1
    """the last of them at every so many steps, a power of two."""
    both_strands: bool = False
    """DNA is read from both strands, which are learnt from alike, and whose answers are averaged."""
    noise: float = 0.0
    """In training, how far the values of a series are moved at random, in parts of their spread."""
    stateful: bool = False
    """A forecaster whose state is carried over all steps of a series, and not begun anew in each window."""
    bottleneck: int = 0
    """A series becomes so many numbers, from which each of its steps is written again; 0: it does not."""
    attention: str = ""
    """A second text is written step by step, by looking at what was read: "dot" or "bahdanau" says how. The
    inputs are then :data:`SOURCE` and :data:`WRITTEN`, and ``output_shape`` has the tokens of the latter."""

    @property
    def answer_shape(self) -> tuple[int, ...]:
        """What one row is answered: ``output_shape``, with a band three of each: answer, below, above."""
        return (*self.output_shape, 3) if self.band else self.output_shape

    @property
    def hears_on(self) -> bool:
        """Whether numbers are answered step by step with what came before alone, as far as they have come."""
        numbers = all(item.kind == "values" for item in self.inputs) and not self.stem
        alone = self.members == 1 and not (self.bidirectional or self.chain or self.streams)
        return numbers and alone and self.pool == "none"

    @property
    def read_out(self) -> str:
        """How the steps that were read become an answer, in words."""
        if self.attention:
            return f"a text written token by token with {self.attention} attention"
        if self.bottleneck:
            return f"to a code of {self.bottleneck}, from which each step is written again"
        return "an answer at each step" if self.pool == "none" else f"{self.pool} pooling"

    @property
    def reader(self) -> NetworkSpec:
        """Of a network that writes a second text, what reads the first."""
        return replace(self, inputs=self.inputs[:1]) if self.attention else self

    @property
    def widest(self) -> int:
        """How wide the largest product of a step is."""
        return max(self.hidden_size, self.output_shape[0]) if self.attention else self.hidden_size

    @property
    def pools(self) -> tuple[str, ...]:
        """The ways in which steps become one vector, side by side."""
        return tuple(self.pool.split("+"))

    @property
    def readers(self) -> int:
        """Passes through the encoder that one row makes: one, or one for each target."""
        return self.output_shape[-1] if self.each_target else 1

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> NetworkSpec:
        """Rebuild from :meth:`to_json`; raises TypeError, KeyError or ValueError on anything else."""
        data = dict(data)
        data["inputs"] = tuple(InputSpec(**item) for item in data["inputs"])
        data["output_shape"] = tuple(int(size) for size in data["output_shape"])
        data["skip"] = tuple(int(column) for column in data.get("skip", ()))
        data["chain"] = tuple(tuple(int(tag) for tag in row) for row in data.get("chain", ()))
        return cls(**data)
