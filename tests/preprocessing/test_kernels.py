"""Convolution features of series: each is a share of steps, as a plain loop counts it."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from seqcli.preprocessing.kernels import KERNELS, TAPS, Kernels, spread_dilations
from seqcli.sequences import Sequences


def some_series(lengths: list[int], channels: int, seed: int = 0) -> Sequences:
    rng = np.random.default_rng(seed)
    return Sequences.from_lists([rng.standard_normal((n, channels)) for n in lengths], np.float32)


def plain(row: np.ndarray, kernels: Kernels) -> np.ndarray:
    """The features of one series (T, C), kernel by kernel and step by step."""
    found = []
    steps = len(row)
    for depth, dilation in enumerate(kernels.dilations.tolist()):
        for number, high in enumerate(combinations(range(TAPS), 3)):
            weights = np.full(TAPS, -1.0)
            weights[list(high)] = 2.0
            kernel = depth * KERNELS + number
            said = np.zeros(steps)
            for step in range(steps):
                for tap in range(TAPS):
                    place = step + (tap - TAPS // 2) * dilation
                    if 0 <= place < steps:
                        said[step] += weights[tap] * (row[place] @ kernels.channels[kernel])
            reach = dilation * (TAPS // 2)
            inner = said[reach : steps - reach] if (depth + number) % 2 and steps > 2 * reach else said
            found += [(inner > bias).mean() for bias in kernels.biases[kernel]]
    return np.array(found)


def test_features_are_what_a_plain_loop_counts() -> None:
    series = some_series([40, 7, 25], channels=3)
    kernels = Kernels.fit(series, features=KERNELS * 2 * 3, seed=1)
    assert len(kernels.dilations) > 1
    assert kernels.size == kernels.biases.size >= KERNELS * 2
    read = kernels.read(series)
    for index in range(3):
        expected = plain(series.row(index).astype(float), kernels)
        assert np.abs(read[index] - expected).max() < 0.3  # a step on a quantile may round either way
        assert (np.abs(read[index] - expected) < 1e-6).mean() > 0.98


def test_a_series_reads_the_same_beside_a_longer_one() -> None:
    series = some_series([12, 60, 30], channels=2)
    kernels = Kernels.fit(series, features=500)
    together = kernels.read(series)
    for index in range(3):
        assert np.array_equal(kernels.read(series.take(np.array([index])))[0], together[index])


def test_the_same_seed_gives_the_same_kernels_and_every_kernel_reads_a_channel() -> None:
    series = some_series([30, 30], channels=5)
    one, same = (Kernels.fit(series, 1000, seed=3) for _ in range(2))
    assert np.array_equal(one.biases, same.biases)
    assert np.array_equal(one.channels, same.channels)
    assert (one.channels.sum(axis=1) >= 1).all()


def test_dilations_reach_over_the_usual_length_and_short_series_have_one() -> None:
    assert spread_dilations(np.array([5, 6, 7]), 20).tolist() == [1]
    found = spread_dilations(np.array([161] * 5), 20)
    assert found[0] == 1
    assert found[-1] * (TAPS - 1) <= 160
    assert found[-1] >= 19
