"""What training changes of sound, so that a network learns words and not recordings.

Each row of a batch of log-mel frames is, at random,
- spoken faster or slower, with or without the higher or lower voice that goes with it: frames and bands are
  read at other places, between which it is interpolated (Ko et al. 2015, Audio augmentation for speech
  recognition; Jaitly and Hinton 2013, Vocal tract length perturbation improves speech recognition);
- louder or softer, a sum in logarithms;
- silent in a few bands and over a few frames (Park et al. 2019, SpecAugment).

Everything follows from the generator alone, so that a resumed training changes what the unbroken one did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import FloatArray, IntArray


@dataclass(frozen=True)
class Changes:
    """How much is changed at most."""

    speed: float = 0.15
    """Share by which a clip is faster or slower,"""
    voice: float = 0.10
    """and by which its frequencies are higher or lower."""
    gain: float = 0.3
    """Standard deviation of what is added to all bands, in parts of their spread."""
    bands: float = 0.2
    """Share of the bands that one mask hides at most,"""
    frames: float = 0.1
    """and share of the frames."""
    masks: int = 1
    """Masks of either kind."""


def changed(
    frames: FloatArray, lengths: IntArray, changes: Changes, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Scaled ``frames`` (B, T, M) of so many valid steps (B,) → the changed ones, and how many they are."""
    rows, _, bands = frames.shape
    speed = np.exp(rng.uniform(-changes.speed, changes.speed, (rows,)))
    voice = np.exp(rng.uniform(-changes.voice, changes.voice, (rows,)))
    gain = changes.gain * rng.standard_normal((rows, 1))
    new = np.maximum(np.rint(lengths / speed), 1).astype(np.int64)
    out = np.zeros((rows, int(new.max(initial=1)), bands), np.float32)
    for row in range(rows):
        count = int(new[row])
        places = np.linspace(0, lengths[row] - 1, count)
        steps = _between(frames[row, : lengths[row]], places, 0)
        heard = _between(steps, np.clip(np.arange(bands) * voice[row], 0, bands - 1), 1)
        heard += gain[row].astype(np.float32)
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


def _mask(size: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
    """Where a mask begins and ends: up to ``share`` of ``size``."""
    width = int(rng.integers(0, max(int(share * size), 0) + 1))
    begin = int(rng.integers(0, size - width + 1))
    return begin, begin + width
