"""Sound as what an ear makes of it: the logarithm of the energy in each of M bands, at every 10 ms.

    frame t:  s_t[n] = w[n] x[t · hop + n]          w: Hann window of 25 ms
    power:    P_t[k] = |FFT(s_t)[k]|²
    bands:    E_t[m] = Σ_k F[m, k] P_t[k]           triangles, evenly spaced in mel
    feature:  log(E_t[m] + floor)                    mel(f) = 2595 log10(1 + f / 700)

The scale is O'Shaughnessy's (1987, Speech Communication: Human and Machine); triangles on it are those of
Davis and Mermelstein 1980, Comparison of parametric representations for monosyllabic word recognition.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seqcli.sequences import FloatArray

WINDOW, HOP = 0.025, 0.010
"""Seconds of a frame, and from one to the next."""
LOWEST = 20.0
"""Hertz where the lowest triangle begins."""
FLOOR = 1e-7
AT_ONCE = 4096
"""Frames whose spectra are held together."""


def hertz_to_mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Hertz (N,) → mel (N,), or one number."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hertz) / 700))


def mel_to_hertz(mel: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Mel (N,) → hertz (N,), or one number."""
    return np.asarray(700 * (10 ** (np.asarray(mel) / 2595) - 1))


@lru_cache(maxsize=4)
def mel_filters(rate: int, bands: int) -> FloatArray:
    """The triangles F (M, K) over the K frequencies of a frame's spectrum."""
    edges = mel_to_hertz(np.linspace(hertz_to_mel(LOWEST), hertz_to_mel(rate / 2), bands + 2))
    hertz = np.arange(fft_size(rate) // 2 + 1) * rate / fft_size(rate)
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


def fft_size(rate: int) -> int:
    """Samples of a frame with the zeros that fill it up: a power of two, twice a window at the least."""
    return 1 << int(np.ceil(np.log2(2 * round(WINDOW * rate))))


def log_mel(samples: FloatArray, rate: int, bands: int) -> FloatArray:
    """``samples`` (S,) → (T, M): T frames that fit, and one at the least."""
    window, hop = round(WINDOW * rate), round(HOP * rate)
    if len(samples) < window:
        samples = np.concatenate([samples, np.zeros(window - len(samples), np.float32)])
    frames = sliding_window_view(samples, window)[::hop]
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    filters, size = mel_filters(rate, bands).T, fft_size(rate)
    out = np.empty((len(frames), bands), np.float32)
    for begin in range(0, len(frames), AT_ONCE):
        spectrum = np.fft.rfft(frames[begin : begin + AT_ONCE] * shape, size)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        out[begin : begin + AT_ONCE] = np.log(power @ filters + FLOOR)
    return out


class MelStream:
    """:func:`log_mel` for sound that comes in pieces: all frames that it gives are those of the whole."""

    def __init__(self, rate: int, bands: int) -> None:
        self._rate, self._bands = rate, bands
        self._held: FloatArray = np.empty(0, np.float32)
        self._given = 0

    def feed(self, samples: FloatArray, final: bool = False) -> FloatArray:
        """The frames (T, M) that end with the next ``samples`` (S,); of a short clip the one is the last."""
        held = np.concatenate([self._held, samples])
        lone = final and not self._given
        if len(held) < round(WINDOW * self._rate) and not lone:
            self._held = held
            return np.empty((0, self._bands), np.float32)
        frames = log_mel(held, self._rate, self._bands)
        self._held = held[len(frames) * round(HOP * self._rate) :].copy()
        self._given += len(frames)
        return frames
