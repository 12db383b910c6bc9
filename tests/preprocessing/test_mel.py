"""Bands against the formula by hand, frames against a plain Fourier sum."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqcli.preprocessing.mel import (
    FLOOR,
    MelStream,
    fft_size,
    hertz_to_mel,
    log_mel,
    mel_filters,
    mel_to_hertz,
)


def test_the_scale_by_hand() -> None:
    assert hertz_to_mel(700) == pytest.approx(2595 * math.log10(2))
    assert hertz_to_mel(1000) == pytest.approx(999.9855)  # the scale is made so that this is about 1000
    assert mel_to_hertz(hertz_to_mel(3217.5)) == pytest.approx(3217.5)


def test_triangles_by_hand() -> None:
    rate, bands = 8000, 4
    low, high = 2595 * math.log10(1 + 20 / 700), 2595 * math.log10(1 + 4000 / 700)
    edges = [700 * (10 ** ((low + i * (high - low) / 5) / 2595) - 1) for i in range(6)]
    filters = mel_filters(rate, bands)
    for band in range(bands):
        left, top, right = edges[band : band + 3]
        for place in range(fft_size(rate) // 2 + 1):
            hertz = place * rate / fft_size(rate)
            if left < hertz <= top:
                wanted = (hertz - left) / (top - left)
            else:
                wanted = (right - hertz) / (right - top) if top < hertz < right else 0
            assert filters[band, place] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 48000])
def test_no_band_is_empty(rate: int) -> None:
    assert (mel_filters(rate, 40).sum(axis=1) > 0).all()


def test_a_frame_is_the_fourier_sum_in_bands() -> None:
    rate = 8000
    samples = np.random.default_rng(0).normal(0, 0.1, 520).astype(np.float32)
    found = log_mel(samples, rate, 7)
    assert found.shape == (1 + (520 - 200) // 80, 7)
    window = [0.5 - 0.5 * math.cos(2 * math.pi * n / 200) for n in range(200)]
    framed = samples[160:360].astype(np.float64) * window
    size = fft_size(rate)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(200)) / size)
    energy = mel_filters(rate, 7) @ np.abs(turns @ framed) ** 2
    assert found[2] == pytest.approx(np.log(energy + FLOOR), abs=1e-4)


def test_a_tone_is_loudest_in_its_band_and_a_short_clip_is_one_frame() -> None:
    rate, hertz = 16000, 1000.0
    tone = np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)
    edges = mel_to_hertz(np.linspace(hertz_to_mel(20.0), hertz_to_mel(8000.0), 42))
    nearest = int(np.abs(edges[1:-1] - hertz).argmin())
    assert (log_mel(tone, rate, 40).argmax(axis=1) == nearest).all()
    assert log_mel(tone[:10], rate, 40).shape == (1, 40)
    assert log_mel(np.zeros(10, np.float32), rate, 3) == pytest.approx(np.full((1, 3), math.log(FLOOR)))


@pytest.mark.parametrize("size", [1, 79, 80, 81, 200, 5000])
def test_frames_of_sound_in_pieces_are_those_of_the_whole(size: int) -> None:
    sound = np.random.default_rng(size).normal(0, 0.1, 2 * 990 + 77).astype(np.float32)
    stream = MelStream(8000, 12)
    parts = [stream.feed(sound[place : place + size]) for place in range(0, len(sound), size)]
    parts.append(stream.feed(sound[:0], final=True))
    assert len(parts[-1]) == 0
    assert np.concatenate(parts) == pytest.approx(log_mel(sound, 8000, 12), abs=1e-5)


def test_a_short_clip_in_pieces_is_one_frame_at_its_end() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 150).astype(np.float32)
    stream = MelStream(8000, 12)
    assert not len(stream.feed(sound[:100]))
    assert stream.feed(sound[100:], final=True) == pytest.approx(log_mel(sound, 8000, 12), abs=1e-6)


def test_a_stream_of_frames_holds_less_than_a_window() -> None:
    stream = MelStream(8000, 12)
    for _ in range(200):
        stream.feed(np.zeros(333, np.float32))
        assert len(stream._held) < 200
