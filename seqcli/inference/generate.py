"""Text from a saved language model, token by token as it is drawn.

    prompt ─▶ read in one call ─▶ logits ─▶ sampler ─▶ token ─▶ shown at once
                                    ▲                    │
                                    └── one step ◀───────┘

Every text begins on a new line: the line break ahead of it is read and not shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import UsageError, near_miss
from seqcli.inference.given import given_fields, row_fields
from seqcli.inference.kinds import language_task
from seqcli.inference.sampling import Sampler
from seqcli.inference.stream import States, StreamSession
from seqcli.model_dir import SavedModel
from seqcli.preprocessing.corpus import Decoder
from seqcli.preprocessing.vocabulary import RESERVED, UNKNOWN
from seqcli.sequences import AnyArray, Batch, FloatArray, IntArray
from seqcli.tasks.language_scores import LOGITS_AT_ONCE

if TYPE_CHECKING:
    from seqcli.readers.table import Table

USUAL_LENGTH = {"characters": 500, "words": 100, "bytes": 500, "bpe": 150}
"""Tokens of a text when nothing is asked."""
REMEMBERED = 4096
"""Tokens back to which a sampler can look."""
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
    recent: IntArray
    """The tokens (N,) that were read last, :data:`REMEMBERED` at most."""
    line_ended: bool = True
    """Whether what was read ends with a line break."""
    pending: bytes = b""
    """The first bytes of a character that is not whole yet."""


class Writer:
    """Writes with one model. ``given`` has a value for columns that the text depends on.

    ``fixed`` is what the network reads of it at every step, (1,) or (1, F) by field.
    ``note`` says what was chosen where nothing was given. Raises :class:`UsageError` for a model that
    writes no text and for a condition it does not know.
    """

    def __init__(self, model: SavedModel, given: Mapping[str, str] | None = None) -> None:
        self._task = language_task(model)
        self._corpus, self._inputs = self._task.corpus, model.network.inputs
        self.fixed, self.note = given_fields(self._task, given)
        self._told = given is not None
        self._streams = StreamSession.open(model, threads=1)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a row that its text depends on."""
        return self._task.plan.features

    def rows(self, table: Table) -> list[dict[str, AnyArray]]:
        """For each row of ``table`` what ``fixed`` is to be."""
        return row_fields(self._task, table)

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows whose text cannot be written: position → what is wrong."""
        return {} if self._task.given is None else self._task.given.bad_cells(table)

    @property
    def size(self) -> int:
        """Number of tokens that can be drawn."""
        return self._corpus.size - RESERVED

    @property
    def usual_length(self) -> int:
        """Tokens of a text when nothing is asked."""
        return USUAL_LENGTH[self._corpus.level]

    def take(self, fixed: dict[str, AnyArray]) -> None:
        """Write for what another text depended on, (1,) or (1, F) by field, unless something was given.

        Raises :class:`ValueError` for what the model does not know.
        """
        sizes = {item.field: item.size for item in self._inputs}
        ids = {name: value for name, value in fixed.items() if value.dtype == np.int64}
        if any(not 0 <= value[0] < sizes[name] for name, value in ids.items()):
            raise ValueError("holds a condition that the model does not know")
        if not self._told:
            self.fixed, self.note = fixed, ""

    def begin(self, prompt: str) -> Beginning:
        """Read ``prompt``, however long it is, as the beginning of a text."""
        return self._read(prompt, self._task.opening(), self._streams.start(1), np.zeros(0, dtype=np.int64))

    def go_on(self, prompt: str, after: Beginning) -> Beginning:
        """Read ``prompt`` behind all that was read before it; "" changes nothing."""
        if not prompt:
            return replace(after, prompt="", note="")
        return self._read(prompt, np.zeros(0, dtype=np.int64), after.states, after.recent)

    def _read(self, prompt: str, ahead: IntArray, states: States, recent: IntArray) -> Beginning:
        """Read the tokens ``ahead`` (N,), then ``prompt``."""
        if self._corpus.level == "words":
            prompt = prompt.rstrip(" ")  # the next word brings the space ahead of it
        ids = self._corpus.encode(prompt)
        unknown: list[str] = []
        if (ids == UNKNOWN).any():
            pieces = zip(self._corpus.cut(prompt), ids, strict=True)
            unknown = [piece for piece, i in pieces if i == UNKNOWN]
        recent = np.concatenate([recent, ids])[-REMEMBERED:]
        ids = np.concatenate([ahead, ids])
        steps = max(1, LOGITS_AT_ONCE // self._corpus.size)
        for start in range(0, len(ids), steps):
            logits, states = self._streams.read(self.fields(ids[None, start : start + steps]), states)
        ended = prompt.endswith("\n") or not prompt
        return Beginning(prompt, logits[:, -1], states, _unknown_note(unknown), recent, ended)

    def tokens(self, beginning: Beginning, sampler: Sampler, rng: np.random.Generator) -> Tokens:
        """Tokens that follow, without end; each is computed when it is asked for."""
        return Tokens(self, beginning, sampler, rng)

    def step(self, ids: IntArray, states: States) -> tuple[FloatArray, States]:
        """Read one token (B,) of each of B texts: logits (B, V) of the next ones, states after."""
        steps, states = self._streams.read(self.fields(ids[:, None]), states)
        return steps[:, -1], states

    def text(self, ids: Iterable[int]) -> str:
        """The text of token ids (N,)."""
        return self._corpus.decode(ids)

    def decoder(self) -> Decoder:
        """What decodes tokens as they come."""
        return self._corpus.decoder()

    def token_id(self, text: str) -> int:
        """The id of the token that is ``text``. Raises :class:`UsageError` where there is none."""
        ids = self._corpus.encode(text)
        if len(ids) == 1 and ids[0] != UNKNOWN:
            return int(ids[0])
        close = near_miss(text, self._corpus.tokens) if text else ""
        unit = self._task.unit
        if len(ids) > 1 and not close:
            raise UsageError(f"--logit-bias: {text!r} is {len(ids)} {unit}s", f"give each {unit} a bias")
        hint = f"did you mean {close!r}?" if close else f"its {unit}s are those of the text it learnt"
        raise UsageError(f"--logit-bias: the model has no {unit} {text!r}", hint)

    def fields(self, ids: IntArray) -> Batch:
        """The network's fields (B, T) for token ids (B, T)."""
        batch: Batch = {"tokens": ids}
        for name, value in self.fixed.items():
            batch[name] = np.broadcast_to(value, (*ids.shape, *value.shape[1:]))
        return batch


class Tokens(Iterator[Token]):
    """Endless tokens after a beginning. A token is read by the network when the next one is asked for."""

    def __init__(
        self, writer: Writer, beginning: Beginning, sampler: Sampler, rng: np.random.Generator
    ) -> None:
        self._writer, self._sampler, self._rng = writer, sampler, rng
        self._at = beginning.logits, beginning.states
        self._drawn: IntArray | None = None
        self._recent = deque(beginning.recent.tolist(), maxlen=REMEMBERED)
        self._looks_back = sampler.window if sampler.repetition_penalty != 1 else 0
        self._line_ended = beginning.line_ended
        self._decoder = writer.decoder()
        self._decoder.wait_for(beginning.pending)

    def __next__(self) -> Token:
        logits, _ = self._read()
        recent = None
        if self._looks_back:
            recent = np.array([list(islice(reversed(self._recent), self._looks_back))], dtype=np.int64)
        drawn = self._sampler.draw(logits, self._rng, recent)
        self._drawn = drawn.ids
        text = self._decoder.feed(drawn.ids.tolist())
        self._line_ended = text.endswith("\n")
        return Token(text, float(drawn.logprob[0]), float(drawn.sampled_logprob[0]))

    def _read(self) -> tuple[FloatArray, States]:
        """Let the network read what was drawn last: the logits (1, V) of the next token, the states then."""
        if self._drawn is not None:
            after = self._writer.step(self._drawn, self._at[1])
            self._recent.append(int(self._drawn[0]))
            self._at, self._drawn = after, None
        return self._at

    def end(self) -> Beginning:
        """Where the text stands after all tokens that were given out: it can be gone on with from there."""
        logits, states = self._read()
        recent = np.array(self._recent, dtype=np.int64)
        return Beginning("", logits, states, "", recent, self._line_ended, self._decoder.pending)


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


def _unknown_note(pieces: list[str]) -> str:
    """A sentence on tokens of a prompt that the model never met."""
    if not pieces:
        return ""
    different = list(dict.fromkeys(piece.strip(" ") or piece for piece in pieces))
    listed = ", ".join(map(repr, different[:_NAMED])) + (", …" if len(different) > _NAMED else "")
    return f"the prompt holds what the model never met and reads as unknown: {listed}"
