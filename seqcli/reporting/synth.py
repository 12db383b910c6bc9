"""A small additive synthesiser: a score as sound, the same bytes every time.

A note is a sum of harmonics, each quieter than the one below it, under an envelope of attack, decay,
sustain and release (ADSR); a drum is noise that dies away, a low one with a falling tone. The sum is
bent softly towards its limits, so that no number of notes can clip.
"""

from __future__ import annotations

import io
import wave
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seqcli.readers.score import USUAL_TEMPO, Note, Part, Score

RATE = 22_050
"""Samples a second, of 16 bits, one channel."""
LONGEST = 3600
"""Seconds that are rendered at most."""
_ATTACK, _DECAY, _SUSTAIN, _RELEASE = 0.008, 0.15, 0.6, 0.12
_STRENGTHS = {
    "struck": (1.0, 0.5, 0.25, 0.15, 0.08, 0.05),
    "blown": (1.0, 0.1, 0.3, 0.05, 0.12, 0.02),
    "bowed": (1.0, 0.6, 0.5, 0.35, 0.25, 0.2),
    "low": (1.0, 0.7, 0.2, 0.1, 0.0, 0.0),
}
"""How loud each harmonic is, from the first on."""
_DRUM_SECONDS = 0.25
_LOUDEST = 0.25
"""Of one note of velocity 127."""


def wave_bytes(score: Score) -> tuple[bytes, float]:
    """The content of a WAV file, and its seconds."""
    samples = render(score)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32_767).astype("<i2").tobytes())
    return buffer.getvalue(), len(samples) / RATE


def render(score: Score) -> NDArray[np.float64]:
    """Samples (N,) between −1 and 1, of at most :data:`LONGEST` seconds."""
    seconds = _Clock(score)
    ends = [seconds(note.start + note.length) for note in score.notes]
    total = min(max(ends, default=0.0) + _RELEASE + _DRUM_SECONDS, LONGEST)
    sound = np.zeros(int(total * RATE) + 1)
    for note, end in zip(score.notes, ends, strict=True):
        start = seconds(note.start)
        if start >= LONGEST:
            continue
        tone = _tone(note, score.parts[note.part], end - start)
        first = int(start * RATE)
        tone = tone[: len(sound) - first]
        sound[first : first + len(tone)] += tone
    bent: NDArray[np.float64] = np.tanh(sound)
    return bent


class _Clock:
    """Ticks as seconds."""

    def __init__(self, score: Score) -> None:
        self._ticks, self._seconds, self._each = [0], [0.0], [USUAL_TEMPO / 1e6 / score.division]
        for tick, tempo in score.tempos:
            self._seconds.append(self(tick))
            self._ticks.append(tick)
            self._each.append(tempo / 1e6 / score.division)

    def __call__(self, tick: int) -> float:
        place = int(np.searchsorted(self._ticks, tick, side="right")) - 1
        return self._seconds[place] + (tick - self._ticks[place]) * self._each[place]


def _tone(note: Note, part: Part, seconds: float) -> NDArray[np.float64]:
    """Samples of one note, from its begin to where it is silent."""
    loud = _LOUDEST * (note.velocity / 127) ** 1.5
    if part.drums:
        hit: NDArray[np.float64] = loud * _drum(note.pitch)
        return hit
    length = min(seconds, LONGEST) + _RELEASE
    tone: NDArray[np.float64] = _harmonics(note.pitch, _kind(part.program), int(length * RATE))
    tone = loud * tone
    tone *= _envelope(length)
    return tone


@lru_cache(maxsize=256)
def _harmonics(pitch: int, kind: str, count: int) -> NDArray[np.float64]:
    """The sum of the harmonics below half the rate, (count,)."""
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    phase = 2 * np.pi * frequency / RATE * np.arange(count)
    strengths = _STRENGTHS[kind]
    sound = np.zeros(count)
    for number, strength in enumerate(strengths, start=1):
        if strength and number * frequency < RATE / 2:
            sound += strength * np.sin(number * phase)
    return sound / sum(strengths)


def _envelope(length: float) -> NDArray[np.float64]:
    """Attack, decay, sustain and, in the last part, release: from 0 to 1 to 0."""
    count = int(length * RATE)
    time = np.arange(count) / RATE
    held = max(length - _RELEASE, 1e-3)
    attack = min(_ATTACK, held / 2)
    rising = time / attack
    falling = 1 - (1 - _SUSTAIN) * np.clip((time - attack) / _DECAY, 0, 1)
    level = np.minimum(rising, falling) * np.exp(-np.maximum(time - attack, 0) / 2.5)
    return level * np.clip((length - time) / _RELEASE, 0, 1)


@lru_cache(maxsize=128)
def _drum(pitch: int) -> NDArray[np.float64]:
    """Noise that dies away, the sooner the higher the drum; below 42 with a tone that falls."""
    time = np.arange(int(_DRUM_SECONDS * RATE)) / RATE
    noise = np.random.default_rng(pitch).uniform(-1, 1, len(time))
    sound: NDArray[np.float64]
    if pitch < 38:
        sound = np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-30 * time)))) * np.exp(-14 * time) * 2
    elif pitch < 42:
        sound = (noise + np.sin(2 * np.pi * 190 * time)) * np.exp(-22 * time)
    else:
        sound = np.diff(noise, prepend=0.0) * np.exp(-(60 if pitch < 49 else 14) * time)
    return sound


def _kind(program: int) -> str:
    """Which strengths a program of General MIDI has."""
    if 32 <= program < 40:
        return "low"
    if 40 <= program < 56:
        return "bowed"
    return "blown" if 56 <= program < 80 else "struck"
