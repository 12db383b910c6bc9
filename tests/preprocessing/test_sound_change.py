"""Changes follow the seed alone, and each does what it says."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.preprocessing.sound_change import Changes, changed

NONE = {"speed": 0, "voice": 0, "gain": 0, "tilt": 0, "noise": 0, "masks": 0}
STILL = Changes(**NONE)
FRAMES = np.random.default_rng(0).normal(0, 1, (3, 20, 8)).astype(np.float32)
LENGTHS = np.array([20, 15, 1])


def change(changes: Changes, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return changed(FRAMES, LENGTHS, changes, np.random.default_rng(seed))


def test_without_changes_nothing_changes_but_what_stands_behind_the_end() -> None:
    found, lengths = change(STILL)
    assert (lengths == LENGTHS).all()
    for row, length in enumerate(LENGTHS):
        assert found[row, :length] == pytest.approx(FRAMES[row, :length], abs=1e-6)
        assert not found[row, length:].any()


def test_the_seed_decides() -> None:
    same, other = change(Changes()), change(Changes(), seed=2)
    assert all(np.array_equal(one, two) for one, two in zip(same, change(Changes()), strict=True))
    assert same[0].shape != other[0].shape or not np.array_equal(same[0], other[0])


def test_speed_moves_frames_and_keeps_the_ends() -> None:
    found, lengths = change(Changes(**{**NONE, "speed": 0.5}))
    assert (lengths != LENGTHS).any()
    rates = LENGTHS[:2] / lengths[:2]
    assert (rates > np.exp(-0.5) - 0.1).all()
    assert (rates < np.exp(0.5) + 0.1).all()
    for row, length in enumerate(lengths):
        assert found[row, 0] == pytest.approx(FRAMES[row, 0], abs=1e-6)
        if length > 1:
            assert found[row, length - 1] == pytest.approx(FRAMES[row, LENGTHS[row] - 1], abs=1e-6)


def test_a_higher_voice_reads_a_line_of_bands_at_other_places() -> None:
    line = np.broadcast_to(np.arange(8, dtype=np.float32), (2, 4, 8)).copy()
    found, _ = changed(line, np.array([4, 4]), Changes(**{**NONE, "voice": 0.2}), np.random.default_rng(3))
    generator = np.random.default_rng(3)
    generator.uniform(0, 0, 2)  # the speeds come first
    factors = np.exp(generator.uniform(-0.2, 0.2, 2))
    for row, factor in enumerate(factors):
        assert found[row, 0] == pytest.approx(np.minimum(np.arange(8) * factor, 7), abs=1e-5)


def test_gain_adds_one_number_to_a_clip() -> None:
    found, _ = change(Changes(**{**NONE, "gain": 0.5}))
    added = found[0] - FRAMES[0]
    assert added.std() == pytest.approx(0, abs=1e-6)
    assert abs(added.mean()) > 1e-3


def test_masks_hide_no_more_than_their_share() -> None:
    hidden_bands, hidden_frames = 0, 0
    for seed in range(20):
        found, _ = change(Changes(**{**NONE, "masks": 1}, bands=0.25, frames=0.2), seed)
        bands = (found[0] == 0).all(axis=0).sum()
        frames = (found[0] == 0).all(axis=1).sum()
        assert bands <= 2
        assert frames <= 4
        hidden_bands, hidden_frames = hidden_bands + bands, hidden_frames + frames
    assert hidden_bands > 0
    assert hidden_frames > 0


def test_a_tilt_lifts_one_end_as_far_as_it_lowers_the_other() -> None:
    found, _ = change(Changes(**{**NONE, "tilt": 0.5}))
    added = found[0] - FRAMES[0]
    assert added.std(axis=0) == pytest.approx(np.zeros(8), abs=1e-6)
    line = added[0]
    assert np.diff(line) == pytest.approx(np.full(7, line[1] - line[0]), abs=1e-6)
    assert line[0] == pytest.approx(-line[-1], abs=1e-6)
    assert abs(line[0]) > 1e-3


def test_noise_is_a_floor_that_energies_are_added_to() -> None:
    nats = 2.5
    parts = [np.full((1, 100, 8), -30.0), np.full((1, 400, 8), 5.0)]
    frames = np.concatenate(parts, axis=1).astype(np.float32)
    mean = frames.mean()
    levels = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        found, _ = changed(frames, np.array([500]), Changes(**{**NONE, "noise": 1}, nats=nats), generator)
        silent, loud = found[0, :100], found[0, 100:]
        levels.append(float(silent.mean()) - mean)
        assert silent.std() == pytest.approx(0.3 / nats, rel=0.1)  # it flutters
        # What is far above it stays where it is: log(e^a + e^b) - a is e^(b - a) at the most.
        assert np.abs(loud - 5).max() < np.exp(nats * (silent.max() - 5))
    assert -2.5 < min(levels) < -2
    assert -0.1 < max(levels) < 0.3
    share = [
        np.array_equal(change(Changes(**{**NONE, "noise": 0.3}), seed)[0][0], change(STILL, seed)[0][0])
        for seed in range(200)
    ]
    assert np.mean(share) == pytest.approx(0.7, abs=0.1)
