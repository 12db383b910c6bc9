"""Another rate for sound: a rational polyphase filter, a windowed sinc.

    y[n] = Σ_k x[k] h(n D - k U)     U / D = to / from in lowest terms

where h is an ideal low-pass filter at the lower of both Nyquist frequencies, cut by a Kaiser window
(Crochiere and Rabiner 1983, Multirate Digital Signal Processing, chapter 2). Only the products with samples
that are there are made: output n reads every U-th tap from (n D) mod U on.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import FloatArray

CROSSINGS = 16
"""Zeros of the sinc on each side."""
BETA = 8.0
"""Of the Kaiser window: side lobes of -80 dB."""
ROLL_OFF = 0.94
"""The pass band, as a share of the lower Nyquist frequency."""
AT_ONCE = 1 << 16
"""Output samples that are made together."""


def resample(samples: FloatArray, rate: int, wanted: int) -> FloatArray:
    """``samples`` (S,) at ``rate`` a second → (⌈S · wanted / rate⌉,) at ``wanted`` a second."""
    if rate == wanted:
        return samples
    common = gcd(rate, wanted)
    up, down = wanted // common, rate // common
    bank, ahead = _bank(up, down)
    taps = bank.shape[1]
    padded = np.concatenate([np.zeros(taps, np.float32), samples, np.zeros(taps + ahead, np.float32)])
    count = -(-len(samples) * up // down)
    out = np.empty(count, np.float32)
    for begin in range(0, count, AT_ONCE):
        places = np.arange(begin, min(begin + AT_ONCE, count), dtype=np.int64) * down
        newest = places // up + ahead + taps  # in padded
        seen = padded[newest[:, None] - np.arange(taps)]
        out[begin : begin + len(places)] = np.einsum("nj,nj->n", seen, bank[places % up])
    return out


@lru_cache(maxsize=8)
def _bank(up: int, down: int) -> tuple[FloatArray, int]:
    """The taps of each phase (U, J), the newest sample's first, and samples ahead that the newest is."""
    widest = max(up, down)
    half = CROSSINGS * widest  # in steps of the fine grid, U a sample
    ahead = half // up
    taps = 2 * half // up + 2
    # Phase p of tap j stands p + (j - ahead) U steps behind the output.
    place = np.arange(up)[:, None] + (np.arange(taps) - ahead) * up  # (U, J)
    cut = ROLL_OFF / widest
    inside = np.clip(1 - (place / half) ** 2, 0, None)
    window: NDArray[np.float64] = np.where(np.abs(place) <= half, np.i0(BETA * np.sqrt(inside)), 0.0)
    bank = np.sinc(place * cut) * window
    bank /= bank.sum(axis=1, keepdims=True)  # a constant stays what it is
    return bank.astype(np.float32), ahead
