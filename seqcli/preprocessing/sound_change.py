"""What training changes of sound, so that a network learns words and not recordings.

Each row of a batch of log-mel frames is, at random,
- spoken faster or slower, with or without the higher or lower voice that goes with it: frames and bands are
  read at other places, between which it is interpolated (Ko et al. 2015, Audio augmentation for speech
  recognition; Jaitly and Hinton 2013, Vocal tract length perturbation improves speech recognition);
- louder or softer, and more so in high or in low bands, as other microphones are: a sum in logarithms;
- for some, in a steady noise of any level that leaves words audible: energies add up (Lippmann, Martin and
  Paul 1987, Multi-style training for robust isolated-word speech recognition);
- silent in a few bands and over a few frames (Park et al. 2019, SpecAugment).

Everything follows from the generator alone, so that a resumed training changes what the unbroken one did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import FloatArray, IntArray

QUIETEST, LOUDEST = -2.5, 0.3
"""How far the level of noise is from the mean of a clip, in spreads."""
FLUTTER = 0.3
"""How far noise moves from frame to frame, in natural logarithms."""


@dataclass(frozen=True)
class Changes:
    """How much is changed at most."""

    speed: float = 0.15
    """Share by which a clip is faster or slower,"""
    voice: float = 0.10
    """and by which its frequencies are higher or lower."""
    gain: float = 0.3
    """Standard deviation of what is added to all bands, in parts of their spread,"""
    tilt: float = 0.0
    """and of what is added to the highest band and taken from the lowest."""
    noise: float = 0.0
    """Share of the clips that are heard in noise."""
    nats: float = 3.0
    """What a spread of 1 is in natural logarithms of energy."""
    bands: float = 0.2
    """Share of the bands that one mask hides at most,"""
    frames: float = 0.1
    """and share of the frames."""
    masks: int = 1
    """Masks of either kind."""


USUAL = Changes()
ELSEWHERE = Changes(gain=1.0, tilt=0.5, noise=0.5)
"""As if heard by any microphone in any room. It takes more passes to learn: clips with one answer each have
many; in as few passes as transcripts are learnt in, it costs more than it gives."""


def changed(
    frames: FloatArray, lengths: IntArray, changes: Changes, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Scaled ``frames`` (B, T, M) of so many valid steps (B,) → the changed ones, and how many they are."""
    rows, _, bands = frames.shape
    speed = np.exp(rng.uniform(-changes.speed, changes.speed, (rows,)))
    voice = np.exp(rng.uniform(-changes.voice, changes.voice, (rows,)))
    gain = changes.gain * rng.standard_normal((rows, 1))
    slope = np.linspace(-1, 1, bands)
    gain = gain + changes.tilt * rng.standard_normal((rows, 1)) * slope  # (B, M)
    noise = rng.uniform(QUIETEST, LOUDEST, (rows, 1))
    noise = noise + changes.tilt * rng.standard_normal((rows, 1)) * slope
    noisy = rng.random((rows,)) < changes.noise
    new = np.maximum(np.rint(lengths / speed), 1).astype(np.int64)
    out = np.zeros((rows, int(new.max(initial=1)), bands), np.float32)
    for row in range(rows):
        count = int(new[row])
        places = np.linspace(0, lengths[row] - 1, count)
        steps = _between(frames[row, : lengths[row]], places, 0)
        heard = _between(steps, np.clip(np.arange(bands) * voice[row], 0, bands - 1), 1)
        heard += gain[row].astype(np.float32)
        if noisy[row]:
            flutter = FLUTTER / changes.nats * rng.standard_normal(heard.shape)
            level = heard.mean() + noise[row] + flutter
            heard = _together(heard, level.astype(np.float32), changes.nats)
        for _ in range(changes.masks):
            begin, end = _mask(bands, changes.bands, rng)
            heard[:, begin:end] = 0
            begin, end = _mask(count, changes.frames, rng)
            heard[begin:end] = 0
        out[row, :count] = heard
    return out, new


def _between(values: FloatArray, places: NDArray[np.float64], axis: int) -> FloatArray:
    """``values`` (T, M) at places between whole ones along an axis."""
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, values.shape[axis] - 1)
    share = (places - below).astype(np.float32)
    share = share[:, None] if axis == 0 else share
    found: FloatArray = values.take(below, axis) * (1 - share) + values.take(above, axis) * share
    return found


def _together(one: FloatArray, other: FloatArray, nats: float) -> FloatArray:
    """The scaled logarithms (T, M) of two energies' sum."""
    found: FloatArray = np.logaddexp(nats * one, nats * other) / np.float32(nats)
    return found


def _mask(size: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
    """Where a mask begins and ends: up to ``share`` of ``size``."""
    width = int(rng.integers(0, max(int(share * size), 0) + 1))
    begin = int(rng.integers(0, size - width + 1))
    return begin, begin + width
