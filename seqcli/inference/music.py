"""Music from a saved model, event by event; none is drawn that could not stand where it would.

prompt ─▶ read in one call ─▶ logits ─▶ events that may come ─▶ sampler ─▶ event
                                ▲                                            │
                                └───────────────── one step ◀────────────────┘
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from seqcli.inference.kinds import language_task
from seqcli.inference.sampling import Sampler
from seqcli.inference.stream import States, StreamSession
from seqcli.model_dir import SavedModel
from seqcli.preprocessing.events import BAR, END, Reading, words_of
from seqcli.preprocessing.tunes import on_grid
from seqcli.preprocessing.vocabulary import UNKNOWN
from seqcli.readers.roles import counted
from seqcli.readers.score import Score
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.language_scores import LOGITS_AT_ONCE

if TYPE_CHECKING:
    from seqcli.tasks.music import Music

USUAL_BARS = 32
"""Bars written when nothing is asked, unless the piece ends before."""
MOST_EVENTS = 512
"""Events of a bar, on average, after which a piece ends whatever the model says."""


@dataclass(frozen=True)
class Opening:
    """A prompt that was read: what it says, ``logits`` (1, V) of the event after it, the states after it."""

    reading: Reading
    logits: FloatArray
    states: States
    note: str
    """A sentence on events of the prompt that the model does not know, or ""."""


@dataclass(frozen=True)
class Written:
    """A piece that was written, behind the prompt if there was one."""

    score: Score
    logprob: float
    """Log-probability of what was drawn under the network itself."""
    ended: str
    """Why it is over, for a sentence."""


class Composer:
    """Writes with one model of music. Raises :class:`UsageError` for a model that does not."""

    def __init__(self, model: SavedModel) -> None:
        self._task = cast("Music", language_task(model))
        self._events = self._task.events
        self._streams = StreamSession.open(model, threads=1)

    def begin(self, prompt: Score | None) -> Opening:
        """Read ``prompt``, however long it is; the piece goes on within its last bar."""
        words = words_of(on_grid(prompt, self._events.steps))[:-1] if prompt else []
        reading = Reading(self._events)
        for word in words:
            reading.take(word)
        ids = self._events.encode(words)
        unknown = list(dict.fromkeys(w for w, i in zip(words, ids, strict=True) if i == UNKNOWN))
        ids = np.concatenate([self._task.opening(), ids])
        states = self._streams.start(1)
        steps = max(1, LOGITS_AT_ONCE // self._events.size)
        for start in range(0, len(ids), steps):
            logits, states = self._read(ids[start : start + steps], states)
        listed = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")
        note = f"the prompt holds what the model never met: {listed}" if unknown else ""
        return Opening(reading, logits[:, -1], states, note)

    def write(
        self, opening: Opening, sampler: Sampler, rng: np.random.Generator, bars: int | None = None
    ) -> Written:
        """A piece of at most ``bars`` bars behind the prompt."""
        reading, logits, states = deepcopy(opening.reading), opening.logits, opening.states
        wanted = bars or USUAL_BARS
        last, drawn, logprob = reading.bars + wanted, 0, 0.0
        while drawn < MOST_EVENTS * wanted:
            allowed = reading.allowed()
            if reading.bars >= last and drawn:
                allowed &= self._events.kinds != BAR
            if not reading.notes:  # a piece without a note is none
                allowed &= self._events.kinds != END
            if not allowed.any():
                break
            chosen = sampler.draw(np.where(allowed, logits, -np.inf).astype(np.float32), rng)
            drawn += 1
            logprob += float(logits[0, chosen.ids[0]] - _total(logits))
            if reading.take(self._events.word(int(chosen.ids[0]))):
                break
            steps, states = self._read(chosen.ids, states)
            logits = steps[:, -1]
        ended = "which the model ended" if reading.ended else f"cut after {counted(wanted, 'bar')}"
        return Written(reading.score(), logprob, ended)

    def _read(self, ids: IntArray, states: States) -> tuple[FloatArray, States]:
        return self._streams.read({"tokens": ids[None]}, states)


def _total(logits: FloatArray) -> float:
    """log Σ exp of (1, V)."""
    values = logits.astype(np.float64)
    high = values.max()
    return float(high + np.log(np.exp(values - high).sum()))
