"""The likeliest texts to write for each of several sources, looked for with several beams at a time.

Of all texts that are one token longer than the N best open ones of a source the N best are kept. One
that ends is complete, and leaves the beam. Texts are compared by

    score = Σ log p(y_t) / length^α          α = 0 compares sums, 1 means a token (Wu et al. 2016, section 7)

The search of a source is over when it has N complete texts and no open one is better as it stands than those
that are asked for, or when none could get ahead even if all its further tokens were certain. N complete ones
alone are no reason: a network that is sure of each token has none but early ends beside the right text. With
one beam it takes the likeliest token each time. What says how likely tokens are is a :class:`Writer`, in
torch or in ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.spelling import END_OF_TEXT
from seqcli.sequences import Batch, FloatArray, IntArray

Arrays: TypeAlias = Mapping[str, FloatArray]
NEVER = np.float32(-np.inf)
BARRED = -1e8
"""A log-probability below this is of a token that must not be written."""


@dataclass(frozen=True)
class Said:
    """What may come next in R texts."""

    best: FloatArray
    """Log-probabilities of the likeliest tokens, (R, C), the best first."""
    tokens: IntArray
    """Which those are, (R, C)."""
    states: Arrays
    """By name, (R, H) each."""
    weights: FloatArray
    """How much each step of the source counted, (R, S)."""


class Writer(Protocol):
    """A network that writes: reads sources once, then says token by token what may come."""

    vocabulary: int
    """How many tokens there are."""

    def read(self, batch: Batch) -> tuple[Arrays, Arrays]:
        """Fields (B, S), lengths (B,) → what is looked at, (B, ...) by name, and the first states (B, H)."""

    def say(self, memory: Arrays, last: IntArray, states: Arrays, count: int) -> Said:
        """What may come behind the tokens ``last`` (R,), of which there are R / B for each source."""


@dataclass(frozen=True)
class Search:
    """How to look: so many beams, the exponent of the length, and how many texts are wanted of a source."""

    beam: int = 5
    length_penalty: float = 1.0
    wanted: int = 1
    aligned: bool = False
    """Whether to keep where was looked."""


@dataclass(frozen=True)
class Translation:
    """One text: its tokens without the end, its score, the sum of log-probabilities, where was looked."""

    ids: tuple[int, ...]
    score: float
    total: float
    weights: FloatArray | None = None
    """(T, S), of each token and of the end behind them."""


@dataclass
class _Found:
    """The complete texts of one source, in any order."""

    texts: list[Translation] = field(default_factory=list)

    def best(self, wanted: int) -> list[Translation]:
        return sorted(self.texts, key=lambda text: -text.score)[:wanted]


class _Beams:
    """The open texts of the sources that are not done: K of each, (B, K) sums, (B, K, T) tokens."""

    def __init__(self, sources: int, beam: int, steps: int, aligned: bool) -> None:
        self.rows = np.arange(sources)
        self.sums = np.full((sources, beam), NEVER, dtype=np.float32)
        self.sums[:, 0] = 0.0  # all beams begin alike, so that one is enough
        self.tokens = np.zeros((sources, beam, 0), dtype=np.int64)
        self.looked = np.zeros((sources, beam, 0, steps), dtype=np.float32) if aligned else None

    def grow(self, parents: IntArray, tokens: IntArray, sums: FloatArray, weights: FloatArray) -> None:
        """Go on with the beams ``parents`` (B, K), each by one token (B, K); weights (B, K, S) of those."""
        places = parents[:, :, None]
        self.tokens = np.concatenate(
            [np.take_along_axis(self.tokens, places, axis=1), tokens[:, :, None]], axis=2
        )
        self.sums = sums
        if self.looked is not None:
            before = np.take_along_axis(self.looked, places[..., None], axis=1)
            self.looked = np.concatenate([before, weights[:, :, None]], axis=2)

    def keep(self, places: NDArray[np.bool_]) -> None:
        """Forget the sources that are done; ``places`` (B,) names the others."""
        self.rows, self.sums, self.tokens = self.rows[places], self.sums[places], self.tokens[places]
        if self.looked is not None:
            self.looked = self.looked[places]


def search(writer: Writer, batch: Batch, limits: IntArray, how: Search) -> list[list[Translation]]:
    """The best texts for each source of ``batch``, the best first; at most ``limits`` (B,) tokens each."""
    memory, first = writer.read(batch)
    sources, steps = len(limits), batch["source"].shape[1]
    beams = _Beams(sources, how.beam, steps, how.aligned)
    found = [_Found() for _ in range(sources)]
    states = {name: np.repeat(state, how.beam, axis=0) for name, state in first.items()}
    last = np.full(sources * how.beam, END_OF_TEXT, dtype=np.int64)
    count = min(how.beam + 1, writer.vocabulary)
    length = 0
    while len(beams.rows):
        length += 1
        said = writer.say(memory, last, states, count)
        chosen = _choose(said, beams, how.beam)
        _complete(chosen, said, beams, found, (length, how))
        open_ = np.argsort(chosen.ends, axis=1, kind="stable")[:, : how.beam]  # (B, K): those that go on
        parents, tokens, sums = (
            np.take_along_axis(part, open_, axis=1)
            for part in (chosen.parents, chosen.tokens, np.where(chosen.ends, NEVER, chosen.sums))
        )
        flat = (parents + np.arange(len(parents))[:, None] * how.beam).ravel()
        weights = said.weights[flat].reshape(*parents.shape, -1)
        beams.grow(parents, tokens, sums, weights)
        going = _going(beams, found, limits, (length, how))
        states = {name: state[flat].reshape(*parents.shape, -1) for name, state in said.states.items()}
        if not going.all():
            beams.keep(going)
            memory = {name: values[going] for name, values in memory.items()}
            states = {name: state[going] for name, state in states.items()}
        states = {name: state.reshape(-1, state.shape[-1]) for name, state in states.items()}
        last = beams.tokens[:, :, -1].ravel()
    return [each.best(how.wanted) for each in found]


@dataclass(frozen=True)
class _Chosen:
    """The best ways to go on, (B, 2K) each, the best first: from which beam, by which token, to which sum."""

    parents: IntArray
    tokens: IntArray
    sums: FloatArray
    ends: NDArray[np.bool_]


def _choose(said: Said, beams: _Beams, beam: int) -> _Chosen:
    sources, count = len(beams.rows), said.best.shape[1]
    steps = np.where(said.best < BARRED, NEVER, said.best).reshape(sources, beam, count)
    flat = (beams.sums[:, :, None] + steps).reshape(sources, -1)  # (B, K * C)
    order = np.argsort(-flat, axis=1, kind="stable")[:, : 2 * beam]
    sums = np.take_along_axis(flat, order, axis=1)
    tokens = np.take_along_axis(said.tokens.reshape(sources, -1), order, axis=1)
    return _Chosen(order // count, tokens, sums, (tokens == END_OF_TEXT) & (sums > NEVER))


def _complete(
    chosen: _Chosen, said: Said, beams: _Beams, found: list[_Found], at: tuple[int, Search]
) -> None:
    """Note the texts that end here and are among the K best ways to go on."""
    length, how = at
    for place, rank in np.argwhere(chosen.ends[:, : how.beam]).tolist():
        parent = int(chosen.parents[place, rank])
        total = float(chosen.sums[place, rank])
        weights = None
        if beams.looked is not None:
            now = said.weights[place * how.beam + parent]
            weights = np.concatenate([beams.looked[place, parent], now[None]])
        ids = tuple(beams.tokens[place, parent].tolist())
        score = total / length**how.length_penalty
        found[int(beams.rows[place])].texts.append(Translation(ids, score, total, weights))


def _going(beams: _Beams, found: list[_Found], limits: IntArray, at: tuple[int, Search]) -> NDArray[np.bool_]:
    """Which sources are not done (B,); open texts of one that is at its limit are taken as they stand."""
    length, how = at
    going = np.ones(len(beams.rows), dtype=np.bool_)
    for place, row in enumerate(beams.rows.tolist()):
        texts, limit = found[row].texts, int(limits[row])
        best = float(beams.sums[place].max())
        if length >= limit:
            going[place] = False
            if len(texts) < how.wanted:
                texts += _cut_short(beams, place, (length, how))
        elif best == NEVER:
            going[place] = False
        elif len(texts) >= how.wanted:
            least = found[row].best(how.wanted)[-1].score
            ahead = best / length**how.length_penalty > least
            could = best / limit**how.length_penalty > least
            going[place] = could and (ahead or len(texts) < how.beam)
    return going


def _cut_short(beams: _Beams, place: int, at: tuple[int, Search]) -> list[Translation]:
    """The open texts of one source, as if they ended where they stand."""
    length, how = at
    texts = []
    for beam in np.flatnonzero(beams.sums[place] > NEVER).tolist():
        total = float(beams.sums[place, beam])
        weights = None if beams.looked is None else beams.looked[place, beam]
        ids = tuple(beams.tokens[place, beam].tolist())
        texts.append(Translation(ids, total / length**how.length_penalty, total, weights))
    return texts
