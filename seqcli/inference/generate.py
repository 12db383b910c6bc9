"""Text from a saved language model, token by token as it is drawn.

    prompt ─▶ read in one call ─▶ logits ─▶ sampler ─▶ token ─▶ shown at once
                                    ▲                    │
                                    └── one step ◀───────┘

Every text begins on a new line: the line break ahead of it is read and not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import UsageError, near_miss
from seqcli.inference.kinds import language_task
from seqcli.inference.sampling import Sampler
from seqcli.inference.stream import States, StreamSession
from seqcli.model_dir import SavedModel
from seqcli.preprocessing.corpus import cut
from seqcli.preprocessing.vocabulary import UNKNOWN
from seqcli.sequences import Batch, FloatArray, IntArray
from seqcli.tasks.language_scores import LOGITS_AT_ONCE

if TYPE_CHECKING:
    from seqcli.tasks.language import Language

USUAL_LENGTH = {"characters": 500, "words": 100}
"""Tokens of a text when nothing is asked."""
_NAMED = 5
"""Values, and unknown tokens, that are named one by one."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token that was drawn, and its log-probability under the network and under the sampler."""

    text: str
    logprob: float
    sampled_logprob: float


@dataclass(frozen=True)
class Beginning:
    """A prompt that was read: ``logits`` (1, V) of the token after it, and the states after it."""

    prompt: str
    logits: FloatArray
    states: States
    note: str
    """A sentence on tokens of the prompt that the model does not know, or ""."""


class Writer:
    """Writes with one model. ``given`` is its condition column and the value that the text is for.

    ``note`` says what was chosen where nothing was given. Raises :class:`UsageError` for a model that
    writes no text and for a condition it does not know.
    """

    def __init__(self, model: SavedModel, given: tuple[str, str] | None = None) -> None:
        self._task = language_task(model)
        self._corpus = self._task.corpus
        self._condition, self.note = _condition(self._task, given)
        self._streams = StreamSession.open(model, threads=1)

    @property
    def usual_length(self) -> int:
        """Tokens of a text when nothing is asked."""
        return USUAL_LENGTH[self._corpus.level]

    def begin(self, prompt: str) -> Beginning:
        """Read ``prompt``, however long it is."""
        if self._corpus.level == "words":
            prompt = prompt.rstrip(" ")  # the next word brings the space ahead of it
        ids = self._corpus.encode(prompt)
        unknown = [
            piece for piece, i in zip(cut(prompt, self._corpus.level), ids, strict=True) if i == UNKNOWN
        ]
        ids = np.concatenate([self._task.opening(), ids])
        states = self._streams.start(1)
        steps = max(1, LOGITS_AT_ONCE // self._corpus.size)
        for start in range(0, len(ids), steps):
            logits, states = self._streams.read(self._batch(ids[start : start + steps]), states)
        return Beginning(prompt, logits[:, -1], states, _unknown_note(unknown))

    def tokens(self, beginning: Beginning, sampler: Sampler, rng: np.random.Generator) -> Iterator[Token]:
        """Tokens that follow, without end; each is computed when it is asked for."""
        logits, states = beginning.logits, beginning.states
        while True:
            drawn = sampler.draw(logits, rng)
            text = self._corpus.decode(drawn.ids.tolist())
            yield Token(text, float(drawn.logprob[0]), float(drawn.sampled_logprob[0]))
            steps, states = self._streams.read(self._batch(drawn.ids), states)
            logits = steps[:, -1]

    def _batch(self, ids: IntArray) -> Batch:
        """The network's fields (1, T) for token ids (T,)."""
        batch: Batch = {"tokens": ids[None]}
        if self._condition is not None:
            batch["condition"] = np.full((1, len(ids)), self._condition, dtype=np.int64)
        return batch


class Sample:
    """One text of at most ``length`` tokens that ends ahead of ``stop``, "" for none.

    Iterating gives the pieces that are sure to belong to it, as soon as they are: what may turn out to be
    the begin of ``stop`` is held back. Afterwards ``tokens`` are those of its text and ``ended`` says why
    it is over, "length" or "stop".
    """

    def __init__(self, tokens: Iterable[Token], length: int, stop: str = "") -> None:
        self._drawn, self._length, self._stop = tokens, length, stop
        self._pieces: list[str] = []
        self.tokens: list[Token] = []
        self.ended = ""

    @property
    def text(self) -> str:
        """What was written so far, without the prompt."""
        return "".join(self._pieces)

    def __iter__(self) -> Iterator[str]:
        held = ""
        for token in islice(self._drawn, self._length):
            self.tokens.append(token)
            held += token.text
            found = held.find(self._stop) if self._stop else -1
            sure = found if found >= 0 else len(held) - _begun(held, self._stop)
            if sure:
                yield self._show(held[:sure])
            if found >= 0:
                self._end_at_stop()
                return
            held = held[sure:]
        self.ended = "length"
        if held:
            yield self._show(held)

    def _show(self, piece: str) -> str:
        self._pieces.append(piece)
        return piece

    def _end_at_stop(self) -> None:
        """Drop the tokens of the stop text; one that began ahead of it stays."""
        self.ended = "stop"
        length, ahead = len(self.text), 0
        for count, token in enumerate(self.tokens):
            if ahead >= length:
                del self.tokens[count:]
                return
            ahead += len(token.text)


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` may be the first ones of ``stop``."""
    most = min(len(text), len(stop) - 1)
    return next((count for count in range(most, 0, -1) if text.endswith(stop[:count])), 0)


def _condition(task: Language, given: tuple[str, str] | None) -> tuple[int | None, str]:
    """The id of the condition's value, None without one, and what should be said of the choice.

    Where nothing is given the first value is taken.
    """
    values = task.conditions
    if not values and given is not None:
        raise UsageError(
            "--given: this model's text depends on no column",
            "leave it out, or train a model with --condition COLUMN",
        )
    if not values:
        return None, ""
    column = task.plan.features[0]
    listed = ", ".join(values[:_NAMED]) + (", …" if len(values) > _NAMED else "")
    if given is None:
        chosen, note = values[0], f"--given {column}={values[0]}, the first of {len(values)} values: {listed}"
        return int(task.condition_ids([chosen])[0]), note
    name, value = given
    if name != column:
        raise UsageError(f"--given: the text depends on {column}, not on {name}", f"its values are {listed}")
    if value not in values:
        close = near_miss(value, values)
        hint = f"did you mean {column}={close}?" if close else f"its values are {listed}"
        raise UsageError(f"--given: {column} has no value {value!r}", hint)
    return int(task.condition_ids([value])[0]), ""


def _unknown_note(pieces: list[str]) -> str:
    """A sentence on tokens of a prompt that the model never met."""
    if not pieces:
        return ""
    different = list(dict.fromkeys(piece.strip(" ") or piece for piece in pieces))
    listed = ", ".join(map(repr, different[:_NAMED])) + (", …" if len(different) > _NAMED else "")
    return f"the prompt holds what the model never met and reads as unknown: {listed}"
