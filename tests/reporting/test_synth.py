"""The synthesiser: pitch by the spectrum, time by the tempo, and never beyond the limits."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from seqcli.readers.score import Note, Part, Score
from seqcli.reporting.synth import RATE, render, wave_bytes
from tests.midi_pieces import tune

PIANO = Part(0)


def one(
    pitch: int, quarters: int = 4, tempo: int = 500_000, part: Part = PIANO, velocity: int = 100
) -> Score:
    return Score(12, (part,), (Note(0, 0, pitch, 12 * quarters, velocity),), ((0, tempo),))


@pytest.mark.parametrize("pitch", [45, 60, 69, 84])
def test_the_strongest_frequency_is_the_pitch(pitch: int) -> None:
    sound = render(one(pitch))
    spectrum = np.abs(np.fft.rfft(sound))
    found = np.fft.rfftfreq(len(sound), 1 / RATE)[spectrum.argmax()]
    assert found == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.005)


def test_tempo_sets_the_length() -> None:
    slow, fast = (len(render(one(60, 4, tempo))) / RATE for tempo in (1_000_000, 250_000))
    assert slow - fast == pytest.approx(3.0, abs=0.01)


def test_a_change_of_tempo_moves_what_comes_after() -> None:
    notes = (Note(0, 0, 60, 3, 100), Note(24, 0, 72, 3, 100))
    sound = render(Score(12, (Part(0),), notes, ((0, 500_000), (12, 1_000_000))))
    loud = np.flatnonzero(np.abs(sound) > 0.02) / RATE
    assert loud[loud > 1].min() == pytest.approx(1.5, abs=0.02)


def test_many_notes_do_not_clip_and_a_louder_note_is_louder() -> None:
    notes = tuple(Note(0, 0, pitch, 24, 127) for pitch in range(30, 100))
    assert np.abs(render(Score(12, (Part(0),), notes))).max() <= 1
    quiet, loud = (np.abs(render(one(60, velocity=velocity))).max() for velocity in (30, 120))
    assert loud > 2 * quiet


@pytest.mark.parametrize("pitch", [36, 38, 42, 49])
def test_drums_die_away(pitch: int) -> None:
    sound = np.abs(render(one(pitch, 1, part=Part(0, True))))
    third = len(sound) // 3
    assert sound[:third].max() > 0.01
    assert sound[:third].mean() > 3 * sound[-third:].mean()


def test_a_wave_file_of_the_same_bytes_each_time() -> None:
    content, seconds = wave_bytes(tune(2))
    assert content == wave_bytes(tune(2))[0]
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert file.getnframes() / RATE == pytest.approx(seconds)
    assert seconds == pytest.approx(4.0 + 0.37, abs=0.01)


def test_silence_and_programs() -> None:
    assert not render(Score(12, (), ())).any()
    sounds = [render(one(60, part=Part(program))) for program in (0, 33, 48, 73)]
    assert all(not np.array_equal(sounds[0], other) for other in sounds[1:])
