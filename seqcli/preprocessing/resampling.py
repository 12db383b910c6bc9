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
    return samples if rate == wanted else Resampler(rate, wanted).feed(samples, final=True)


class Resampler:
    """:func:`resample` for sound that comes in pieces: all that it gives end to end is what that gives."""

    def __init__(self, rate: int, wanted: int) -> None:
        common = gcd(rate, wanted)
        self._up, self._down = wanted // common, rate // common
        self._bank, self._ahead = _bank(self._up, self._down)
        self._held: FloatArray = np.zeros(self._bank.shape[1], np.float32)  # before the first is silence
        self._first = -len(self._held)
        """Which sample the first one held is,"""
        self._read = self._made = 0
        """samples that came, and that were given."""

    def feed(self, samples: FloatArray, final: bool = False) -> FloatArray:
        """The samples (R,) at the rate wanted that are sure with the next ``samples`` (S,), or the last."""
        taps, ahead = self._bank.shape[1], self._ahead
        self._read += len(samples)
        silence = np.zeros(taps + ahead if final else 0, np.float32)
        held = np.concatenate([self._held, samples, silence])
        seen = self._read if final else max(self._read - ahead, 0)
        end = max(-(-seen * self._up // self._down), self._made)
        out = np.empty(end - self._made, np.float32)
        for begin in range(self._made, end, AT_ONCE):
            places = np.arange(begin, min(begin + AT_ONCE, end), dtype=np.int64) * self._down
            newest = places // self._up + ahead - self._first  # in held
            heard = held[newest[:, None] - np.arange(taps)]
            found = np.einsum("nj,nj->n", heard, self._bank[places % self._up])
            out[begin - self._made : begin - self._made + len(places)] = found
        self._made = end
        oldest = end * self._down // self._up + ahead - taps + 1
        past = min(max(oldest - self._first, 0), len(held))
        self._held, self._first = held[past:].copy(), self._first + past
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
