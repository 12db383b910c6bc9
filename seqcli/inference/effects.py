"""What an answer hangs on, as plain data: parts of it, and what each loses without something that was read.

    effect(p, s) = measure of part p as the input is  -  the same without s

A measure is a log-probability, log-odds, or a number in the target's own units. Above 0, s speaks for what
was said (occlusion: Zeiler and Fergus 2014, Visualizing and understanding convolutional networks, section
4.2; of words: Li, Monroe and Jurafsky 2016, Understanding neural networks through representation erasure).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import FloatArray

Real = NDArray[np.float64]
WORDS, CHARACTERS = "words", "characters"
SECONDS, HERTZ, STEPS, COLUMNS = "seconds", "hertz", "steps", "columns"
"""What was taken away: words or characters, stretches of time, bands of sound, runs of steps, columns."""
LOG_ODDS, NATS = "log-odds", "nats"


@dataclass(frozen=True)
class Block:
    """S things of one kind that were taken away one by one, and what that did to P parts of the answer."""

    over: str
    causes: list[str]
    """S names."""
    effects: Real
    """(P, S)"""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """Where each of them begins and ends, where it is a stretch or a band."""
    attention: FloatArray | None = None
    """(P, S) how much was looked at each, where a network looks."""

    def of(self, parts: list[int]) -> Block:
        """Of the named parts alone."""
        looked = None if self.attention is None else self.attention[parts]
        return replace(self, effects=self.effects[parts], attention=looked)


@dataclass(frozen=True)
class Effects:
    """One row: its answer in P parts, and what each of them hangs on."""

    row: str
    """Which row or sentence, as messages count."""
    read: str
    """What was read, where it can be shown."""
    prediction: str
    probability: float | None
    parts: list[str]
    """P words, letters, labels."""
    blocks: list[Block]
    unit: str = LOG_ODDS
    said: list[str] = field(default_factory=list)
    """What each part was said to be, where that is a tag."""
    measures: list[float] = field(default_factory=list)
    """Of each part as the input is."""
    drawn: list[int] | None = None
    """The parts that a person sees first; None for all."""
    places: list[int] = field(default_factory=list)
    """The number of each part in the answer, from 1 on."""

    def of(self, parts: list[int]) -> Effects:
        """Of the named parts alone."""
        return replace(
            self,
            parts=[self.parts[part] for part in parts],
            blocks=[block.of(parts) for block in self.blocks],
            said=[self.said[part] for part in parts] if self.said else [],
            measures=[self.measures[part] for part in parts],
            places=[self.places[part] for part in parts],
            drawn=None,
        )


def odds_against(chances: NDArray[np.floating], place: NDArray[np.int64]) -> Real:
    """Log-odds (...) of the class at ``place`` (...) against all others, of probabilities (..., C).

    Those of the others are added up by themselves: one less a probability near 1 would be rounded away.
    """
    exact = chances.astype(np.float64)
    own = np.take_along_axis(exact, place[..., None], axis=-1)[..., 0]
    others = exact.copy()
    np.put_along_axis(others, place[..., None], 0.0, axis=-1)
    tiny = np.finfo(np.float64).tiny
    found: Real = np.log(np.maximum(own, tiny)) - np.log(np.maximum(others.sum(axis=-1), tiny))
    return found
