"""Truncated backpropagation through time: a long text read from many places at once.

    text      |----------- row 0 ----------->|----------- row 1 ----------->|--- ...
    step 0    [0 .. K)                        [L .. L + K)
    step 1            [K .. 2K)                        [L + K .. L + 2K)

Each of B rows reads on where it stopped, from one place of the text each, in pieces of K steps. What a
row has read so far reaches the next piece as its state; gradients stop where a piece begins (Williams
and Peng 1990, with h(n) = h'(n) = K). The text is a ring, so that every token is met equally often. Now
and then a row forgets what it has read and begins at the learned first state, or a text that begins cold
would be met by a network that never saw one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch

from seqcli.backends.cells.cell import State
from seqcli.backends.losses import cross_entropy
from seqcli.backends.network import Network
from seqcli.preprocessing.vocabulary import RESERVED
from seqcli.sequences import LENGTHS, TARGET, AnyArray, Batch, FloatArray, IntArray, Windows, as_ids
from seqcli.tasks.base import Writing
from seqcli.tasks.language_scores import LOGITS_AT_ONCE, surprisals
from seqcli.training.batches import to_tensors
from seqcli.training.distributed import team
from seqcli.training.fit_setup import FitSetup
from seqcli.training.signals import Interrupt
from seqcli.training.stepping import Trainer

FRESH_SHARE = 0.1
"""Rows that begin anew in a step."""
SCORED_STREAMS = 32
"""Places at which the validation text is read at a time."""
SCORED_STEPS = 256
LEAST_STEPS = 20
"""Steps between two scorings of a text that is shorter than so many batches."""
UNSCORED_STEPS = 50
"""Steps between two lines on a text that has no part to choose on."""


class StreamFeed:
    """The text of a fit: fields (M,) by name, among them "tokens" and "target"."""

    def __init__(
        self, train: Mapping[str, AnyArray], validation: Mapping[str, AnyArray] | None, setup: FitSetup
    ) -> None:
        assert setup.bptt is not None
        self._train, self._validation = train, validation
        self._length = len(train[TARGET])
        self._rows, self._steps, self._seed = setup.batch_size, setup.bptt, setup.seed
        self._places = places_of(train["tokens"], self._rows, self._steps, setup.line_end)
        self.has_validation = validation is not None
        self._team = team()
        least = LEAST_STEPS if self.has_validation else UNSCORED_STEPS
        self.steps_per_pass = max(least, -(-self._length // (self._rows * self._steps)))

    def batch(self, step: int) -> Batch:
        """The next K steps of each row, (B, K), and which rows begin anew, ``fresh`` (B,)."""
        return {name: self._team.share(values) for name, values in self.whole_batch(step).items()}

    def whole_batch(self, step: int) -> Batch:
        """:meth:`batch` with the rows of all processes."""
        places = self._places + step * self._steps
        index = (places[:, None] + np.arange(self._steps)) % self._length  # (B, K)
        batch: Batch = {name: as_ids(values[index]) for name, values in self._train.items()}
        batch[LENGTHS] = np.full(self._rows, self._steps, dtype=np.int64)
        batch["fresh"] = np.random.default_rng([self._seed, step]).random(self._rows) < FRESH_SHARE
        return batch

    def cells(self, step: int) -> int:
        """Every batch has as many."""
        return self._rows * self._steps

    def validate(self, trainer: Trainer, interrupt: Interrupt) -> dict[str, float] | None:
        """Nats a token, read from several places at once with the state carried on.

        A place begins some steps early, with what stands ahead of it, and those are not counted: what a
        line asks to be remembered would be missing where a place lies in the middle of it.
        """
        if self._validation is None:
            return {}
        length = len(self._validation[TARGET])
        rows = int(np.clip(length // SCORED_STEPS, 1, SCORED_STREAMS))
        each = length // rows
        network, total, states = cast(Network, trainer.network).eval(), 0.0, None
        steps = int(np.clip(LOGITS_AT_ONCE // (rows * network.spec.output_shape[0]), 1, SCORED_STEPS))
        early = min(steps, each) if rows > 1 else 0
        places = np.arange(rows)[:, None] * each + np.arange(-early, each)  # (rows, early + each)
        fields = {name: values[places % (rows * each)] for name, values in self._validation.items()}
        with torch.inference_mode():
            if early:
                ahead = {name: values[:, :early] for name, values in fields.items()}
                states = network.read_on(to_tensors(ahead, trainer.device), None)[1]
            for start in range(early, early + each, steps):
                piece = {name: values[:, start : start + steps] for name, values in fields.items()}
                batch = to_tensors(piece, trainer.device)
                logits, states = network.read_on(batch, states)
                total += float(cross_entropy(logits, batch)) * piece[TARGET].size
                if interrupt.requested:
                    return None
        nats = total / (rows * each)
        return {"nats": nats, "loss": nats}

    def scoring_seconds(self, trainer: Trainer) -> float:
        """One scoring, timed."""
        started = time.monotonic()
        self.validate(trainer, Interrupt())
        return time.monotonic() - started

    def identity(self) -> dict[str, Any]:
        """How long the training text is."""
        return {"training tokens": self._length}


def places_of(tokens: AnyArray, rows: int, steps: int, line_end: int | None) -> IntArray:
    """Where each row begins to read ``tokens`` (M,): (B,), evenly spread, each moved on to the end of a line.

    So where lines are as long as a piece of ``steps``, none is cut: gradients reach from its end to its
    beginning. A place with no end of a line within one piece stays where it is.
    """
    places = np.arange(rows) * len(tokens) // rows
    if line_end is None:
        return places
    for row, place in enumerate(places):
        ahead = np.flatnonzero(tokens[place : place + steps] == line_end)
        if len(ahead):
            places[row] = place + ahead[0]
    return places


def text_surprisals(network: Network, examples: Windows) -> FloatArray:
    """Nats (M, 2) of every target of ``examples``; see :func:`~seqcli.tasks.language_scores.surprisals`."""
    device = next(network.parameters()).device
    network.eval()

    def read(batch: Batch, states: Any) -> tuple[FloatArray, Any]:
        with torch.inference_mode():
            logits, after = network.read_on(to_tensors(batch, device), states)
        return logits.float().cpu().numpy(), after

    return surprisals(read, examples, network.spec.output_shape[0])


def writer(writing: Writing | None) -> Callable[[Any], str] | None:
    """What makes a network write a line, for people who watch it learn."""
    if writing is None:
        return None
    opening, length, decode = writing.opening.tolist(), writing.length, writing.decode
    return lambda network: decode(go_on(network, opening, length, temperature=0.8, seed=0))


def go_on(network: Network, ids: list[int], length: int, temperature: float, seed: int) -> list[int]:
    """At most ``length`` tokens drawn after ``ids``: what a network in training writes, for people to see."""
    device = next(network.parameters()).device
    network.eval()
    rng = torch.Generator().manual_seed(seed)
    written: list[int] = []
    states: list[State] | None = None
    read = ids
    with torch.inference_mode():
        while len(written) < length:
            tokens = torch.tensor([read], device=device)
            batch = {"tokens": tokens, "condition": torch.full_like(tokens, 2)}
            for item in network.spec.inputs:
                if item.kind == "values":  # a row of means
                    batch[item.field] = torch.zeros(*tokens.shape, item.size, device=device)
            logits, states = network.read_on(batch, states)
            scaled = logits[0, -1].float().cpu() / temperature
            if not bool(scaled.isfinite().all()):
                break  # of weights that run over: the loop will say so
            scaled[:RESERVED] = -torch.inf
            read = [int(torch.multinomial(torch.softmax(scaled, 0), 1, generator=rng))]
            written += read
    return written
