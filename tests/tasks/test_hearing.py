"""A clip that comes in pieces is read as the whole clip is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqcli.demo.tones import write_wav
from seqcli.readers.table import Table
from seqcli.sequences import FloatArray
from seqcli.tasks.speech.hearing import Hearing
from seqcli.tasks.speech.sound import Sound


def sound_of(stack: int) -> Sound:
    rng = np.random.default_rng(0)
    mean, spread = rng.normal(-5, 1, 12), rng.uniform(0.5, 2, 12)
    return Sound("audio", 8000, tuple(mean.tolist()), tuple(spread.tolist()), stack=stack)


def in_pieces(hearing: Hearing, samples: FloatArray, size: int) -> FloatArray:
    parts = [hearing.feed(samples[place : place + size]) for place in range(0, len(samples), size)]
    return np.concatenate([*parts, hearing.feed(samples[:0], final=True)])


@pytest.mark.parametrize("stack", [1, 2, 3])
@pytest.mark.parametrize("rate", [8000, 16000, 11025])
@pytest.mark.parametrize("size", [37, 800, 10_000])
def test_steps_are_those_of_the_whole_clip(tmp_path: Path, stack: int, rate: int, size: int) -> None:
    clip = np.random.default_rng(size).normal(0, 0.1, 3333).clip(-1, 1).astype(np.float32)
    samples = (np.rint(clip * 32767) / 32768).astype(np.float32)
    write_wav(tmp_path / "a.wav", clip, rate)
    sound, table = sound_of(stack), Table.from_records(str(tmp_path / "m.csv"), ("audio",), [("a.wav",)], [2])
    whole = sound.encode(table).row(0)
    found = in_pieces(Hearing(sound, rate), samples, size)
    assert found.shape == whole.shape
    assert found == pytest.approx(whole, abs=1e-4)


def test_a_step_does_not_depend_on_what_comes_behind_it() -> None:
    rng, sound = np.random.default_rng(1), sound_of(3)
    samples = rng.normal(0, 0.1, 4000).astype(np.float32)
    before = Hearing(sound, 8000).feed(samples[:2000])
    assert len(before) == (1 + (2000 - 200) // 80) // 3
    loud = np.concatenate([samples[:2000], 5 * samples[2000:]])
    assert in_pieces(Hearing(sound, 8000), loud, 900)[: len(before)] == pytest.approx(before, abs=1e-5)


def test_a_clip_shorter_than_a_frame_is_one_step() -> None:
    samples = np.full(90, 0.1, np.float32)
    assert in_pieces(Hearing(sound_of(2), 8000), samples, 30).shape == (1, 24)
