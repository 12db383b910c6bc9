"""A sine stays a sine at another rate; what the new rate cannot hold is gone."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.preprocessing import resampling
from seqcli.preprocessing.resampling import Resampler, resample


def sine(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize(
    ("rate", "wanted"), [(8000, 16000), (16000, 8000), (44100, 16000), (22050, 8000), (8000, 11025)]
)
def test_a_sine_is_the_same_sine(rate: int, wanted: int) -> None:
    found, true = resample(sine(900, rate), rate, wanted), sine(900, wanted)
    assert len(found) == -(-int(0.5 * rate) * wanted // rate)
    middle = slice(len(true) // 10, -len(true) // 10)  # at the ends there is silence beside it
    assert np.abs(found[: len(true)][middle] - true[middle]).max() < 2e-3


@pytest.mark.parametrize(("rate", "wanted"), [(16000, 8000), (44100, 16000)])
def test_what_the_new_rate_cannot_hold_is_taken_out(rate: int, wanted: int) -> None:
    found = resample(sine(wanted * 0.6, rate), rate, wanted)
    middle = slice(len(found) // 10, -len(found) // 10)
    assert np.abs(found[middle]).max() < 2e-3


def test_a_constant_stays_and_the_same_rate_changes_nothing() -> None:
    found = resample(np.full(2000, 0.25, np.float32), 16000, 11025)
    assert found[200:-200] == pytest.approx(np.full(len(found) - 400, 0.25), abs=1e-6)
    assert resample(sine(100, 8000), 8000, 8000) == pytest.approx(sine(100, 8000))


def test_long_sound_is_made_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = resample(sine(300, 8000), 8000, 11025)
    monkeypatch.setattr(resampling, "AT_ONCE", 100)
    assert np.array_equal(resample(sine(300, 8000), 8000, 11025), whole)


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16000), (16000, 8000), (44100, 8000), (8000, 11025)])
@pytest.mark.parametrize("sizes", [(1, 2, 3), (7, 400), (4000,)])
def test_sound_in_pieces_is_the_whole(rate: int, wanted: int, sizes: tuple[int, ...]) -> None:
    sound = np.random.default_rng(rate).normal(0, 0.2, 6001).astype(np.float32)
    resampler, parts, place = Resampler(rate, wanted), [], 0
    while place < len(sound):
        size = sizes[len(parts) % len(sizes)]
        parts.append(resampler.feed(sound[place : place + size]))
        place += size
    parts.append(resampler.feed(np.empty(0, np.float32), final=True))
    assert np.concatenate(parts) == pytest.approx(resample(sound, rate, wanted), abs=1e-6)


def test_what_is_held_of_endless_sound_stays_small() -> None:
    resampler, held = Resampler(44100, 8000), set()
    for _ in range(50):
        resampler.feed(np.zeros(4410, np.float32))
        held.add(len(resampler._held))
    assert max(held) < 1000
    assert len(held) < 5
