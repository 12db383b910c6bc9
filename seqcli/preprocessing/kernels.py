"""Convolution features of series, for a linear model: how often each of 84 small kernels says "here".

After MiniRocket (Dempster, Schmidt and Webb, KDD 2021): kernels of nine weights, three of them 2 and the
others -1, at several dilations. A feature is the share of a series' steps at which a kernel exceeds a bias,
and the biases are quantiles of what the kernel says about training series. Of several channels each kernel
reads the sum of a few. Series may differ in length; steps behind an end are zeros, and never counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seqcli.sequences import FloatArray, IntArray, Sequences

TAPS, HIGH = 9, 3
"""Weights of a kernel, and how many of them are 2."""
TRIPLES = np.array(list(combinations(range(TAPS), HIGH)))  # (84, 3)
KERNELS = len(TRIPLES)
MOST_DILATIONS = 32
MOST_CHANNELS = 9
"""Channels that one kernel reads together."""
CELLS_AT_ONCE = 1 << 20
"""Steps times channels of the series that are read at once."""
GOLDEN = (5**0.5 + 1) / 2


@dataclass(frozen=True, eq=False)
class Kernels:
    """Fitted kernels: G = dilations × 84 of them, Q biases each."""

    dilations: IntArray
    """(D,)"""
    channels: FloatArray
    """(G, C): 1 where a kernel reads a channel, else 0."""
    biases: FloatArray
    """(G, Q)"""

    @property
    def size(self) -> int:
        """How many features there are."""
        return self.biases.size

    @classmethod
    def fit(cls, series: Sequences, features: int, seed: int = 0) -> Kernels:
        """Kernels for series (T, C) like these, with about so many ``features``."""
        rng = np.random.default_rng(seed)
        dilations = spread_dilations(series.lengths, max(1, features // KERNELS))
        count = len(dilations) * KERNELS
        each = max(1, features // count)
        width = series.values.shape[1]
        channels = np.zeros((count, width), np.float32)
        most = np.log2(min(width, MOST_CHANNELS) + 1)
        for kernel in channels:
            kernel[rng.permutation(width)[: max(1, int(2 ** rng.uniform(0, most)))]] = 1
        # Quantiles that no two kernels share, spread evenly (a low-discrepancy sequence).
        wanted = (GOLDEN * np.arange(1, count * each + 1) % 1).reshape(count, each)
        whose = rng.integers(len(series), size=count)
        biases = np.empty((count, each), np.float32)
        for row in np.unique(whose).tolist():
            chosen = np.flatnonzero(whose == row)
            one = series.take(np.array([row]))
            for number, said, valid in _responses(one, dilations, channels, frozenset(chosen.tolist())):
                biases[number] = np.quantile(said[valid], wanted[number])
        return cls(dilations, channels, biases)

    def read(self, series: Sequences) -> FloatArray:
        """The features of series (T, C), shares between 0 and 1: (N, G × Q)."""
        out = np.empty((len(series), len(self.biases), self.biases.shape[1]), np.float32)
        for rows in _chunks(series):
            for kernel, said, valid in _responses(series.take(rows), self.dilations, self.channels):
                steps = valid.sum(axis=1)
                over = said[:, :, None] > self.biases[kernel]  # (B, T, Q)
                out[rows, kernel] = (over & valid[:, :, None]).sum(axis=1) / steps[:, None]
        return out.reshape(len(series), -1)


def spread_dilations(lengths: IntArray, most: int) -> IntArray:
    """At most ``most`` dilations (D,), in even ratios up to where a kernel spans the usual length (N,)."""
    longest = float(np.quantile(lengths, 0.5)) if len(lengths) else 1.0
    exponent = np.log2(max((longest - 1) / (TAPS - 1), 1.0))
    count = min(most, MOST_DILATIONS)
    return np.unique(np.exp2(np.linspace(0, exponent, count)).astype(np.int64))


def _chunks(series: Sequences) -> Iterator[IntArray]:
    """Rows (B,) of similar length, few enough to be read at once."""
    order = np.argsort(series.lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order):
            cells = (stop + 1 - start) * int(series.lengths[order[stop]]) * series.values.shape[1]
            if cells > CELLS_AT_ONCE:
                break
            stop += 1
        yield order[start:stop]
        start = stop


def _responses(
    series: Sequences, dilations: IntArray, channels: FloatArray, wanted: frozenset[int] | None = None
) -> Iterator[tuple[int, FloatArray, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]]:
    """Each kernel's number, what it says at each step (B, T), and which steps count (B, T).

    Every other kernel counts only steps where it lies within the series, if there are any.
    """
    x, lengths = series.pad(np.arange(len(series)))
    x = x.astype(np.float32)
    steps = x.shape[1]
    place = np.arange(steps)
    inside = place < lengths[:, None]
    for depth, dilation in enumerate(dilations.tolist()):
        reach = dilation * (TAPS // 2)
        within = (place >= reach) & (place < lengths[:, None] - reach)
        within = np.where(within.any(axis=1, keepdims=True), within, inside)
        padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)))
        taps = [padded[:, tap * dilation : tap * dilation + steps] for tap in range(TAPS)]  # (B, T, C) each
        every = np.sum(taps, axis=0)
        for number, triple in enumerate(TRIPLES.tolist()):
            kernel = depth * KERNELS + number
            if wanted is not None and kernel not in wanted:
                continue
            said = 3 * (taps[triple[0]] + taps[triple[1]] + taps[triple[2]]) - every
            yield kernel, said @ channels[kernel], inside if (depth + number) % 2 == 0 else within
