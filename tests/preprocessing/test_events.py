"""Music as events: what is encoded comes back, and what is drawn is music."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.preprocessing.events import Events, Reading, parse, words_of
from seqcli.preprocessing.tunes import STEPS, bars_of, choose_steps, on_grid
from seqcli.preprocessing.vocabulary import UNKNOWN
from seqcli.readers.midi import read_midi
from seqcli.readers.score import Note, Part, Score
from seqcli.reporting.midi_file import midi_bytes
from tests.midi_pieces import scores, tune


def test_a_bar_in_words() -> None:
    notes = (Note(0, 0, 60, 240, 64), Note(240, 0, 62, 240, 64), Note(240, 1, 36, 10, 100))
    score = Score(480, (Part(5), Part(0, True)), notes, ((0, 500_000),), ((0, 3, 4),))
    assert " ".join(words_of(on_grid(score, 12))) == (
        "Bar Meter 3/4 At 0 Tempo 120 Part 1 Program 5 Velocity 66 Length 6 Pitch 60 "
        "At 6 Pitch 62 Part 2 Drums Velocity 102 Drum 36 End"
    )


def test_what_the_grid_keeps() -> None:
    """Against hand-made roundings: starts to a step, lengths above four quarters to whole ones."""
    notes = (Note(19, 0, 60, 5, 1), Note(21, 0, 61, 1990, 127), Note(480, 0, 62, 2400, 64))
    grid = on_grid(Score(480, (Part(0),), notes, ((0, 512_000),), ((0, 4, 4),)), 12)
    assert grid.notes == (Note(0, 0, 60, 1, 2), Note(1, 0, 61, 48, 126), Note(12, 0, 62, 60, 66))
    assert grid.tempos == ((0, 521_739),)  # 117 a minute is nearest to 115


def test_meter_changes_wait_for_the_next_bar_line() -> None:
    notes = tuple(Note(480 * quarter, 0, 60, 100, 64) for quarter in range(16))
    grid = on_grid(Score(480, (Part(0),), notes, (), ((0, 4, 4), (480 * 5, 3, 4))), 12)
    assert grid.meters == ((0, 4, 4), (96, 3, 4))
    assert [start for start, _, _ in bars_of(grid)] == [0, 48, 96, 132, 168]


@settings(max_examples=60)
@given(scores(), st.sampled_from(STEPS))
def test_encoding_is_undone_by_decoding(score: Score, steps: int) -> None:
    grid = on_grid(score, steps)
    assert on_grid(grid, steps) == grid
    words = words_of(grid)
    events = Events.fit([words], steps)
    ids = events.encode(words)
    assert UNKNOWN not in ids
    assert events.decode(ids) == grid
    assert Events.from_json(events.to_json()) == events


@settings(max_examples=40)
@given(scores(), st.integers(0, 2**32 - 1))
def test_any_walk_through_allowed_events_is_music(score: Score, seed: int) -> None:
    events = Events.fit([words_of(on_grid(score, 12)), words_of(on_grid(tune(2), 12))], 12)
    rng, reading = np.random.default_rng(seed), Reading(events)
    ids: list[int] = []
    for _ in range(200):
        allowed = np.flatnonzero(reading.allowed())
        assert len(allowed), [events.word(i) for i in ids]
        ids.append(int(rng.choice(allowed)))
        if reading.take(events.word(ids[-1])):
            break
    written = reading.score()
    assert events.decode(ids) == written == on_grid(written, 12)
    read = read_midi(midi_bytes(written), "a.mid")
    assert len(read.notes) == len(written.notes)


@given(st.lists(st.integers(0, 60), max_size=120))
def test_any_ids_decode_to_a_score(ids: list[int]) -> None:
    events = Events.fit([words_of(on_grid(tune(4), 12))], 12)
    score = events.decode([i % events.size for i in ids])
    assert on_grid(score, 12) == score


def test_a_fine_grid_where_thirty_seconds_are_played() -> None:
    fast = Score(480, (Part(0),), tuple(Note(60 * n, 0, 60 + n % 5, 60, 64) for n in range(64)))
    assert choose_steps([tune()]) == 12
    assert choose_steps([tune(), fast]) == 24


def test_the_nearest_known_event_stands_for_an_unknown_velocity() -> None:
    events = Events.fit([words_of(on_grid(tune(2), 12))], 12)
    assert events.word(int(events.encode(["Velocity 127"])[0])) == "Velocity 90"
    assert events.encode(["Pitch 3", "nonsense"]).tolist() == [UNKNOWN, UNKNOWN]


def test_moved_pitches_are_semitones_away_and_drums_stay() -> None:
    events = Events(("Bar", "End", "Pitch 60", "Pitch 62", "Drum 36"), 12)
    assert [events.word(int(i)) for i in events.moved(2)[3:]] == ["Bar", "End", "Pitch 62", "", "Drum 36"]


@pytest.mark.parametrize(
    "word",
    ["", "Pitch", "Pitch 128", "Pitch -1", "Meter 4", "Meter 4/3", "Meter 0/4", "Part 0", "Bar 1", "Note 3"],
)
def test_no_event(word: str) -> None:
    assert parse(word) is None


@pytest.mark.parametrize(
    "change",
    [
        {"name": "events.v2"}, {"steps": 7}, {"steps": "12"}, {"words": None},
        {"words": ["Bar", "Bar", "End"]},
        {"words": ["Bar", "End", "Pitch 200"]}, {"words": ["Bar", 3]}, {"words": ["Bar"]},
    ],
)  # fmt: skip
def test_damaged_events_are_refused(change: dict[str, object]) -> None:
    good = Events(("Bar", "End", "Pitch 60"), 12).to_json()
    with pytest.raises(ModelError):
        Events.from_json({**good, **change})


def test_parts_beyond_sixteen_join_the_nearest_program() -> None:
    parts = tuple(Part(5 * place) for place in range(18))
    notes = tuple(Note(480 * place, place, 60, 480, 64) for place in range(18) for _ in range(1)) + tuple(
        Note(480 * (20 + place), place, 62, 480, 64) for place in range(16)
    )
    grid = on_grid(Score(480, parts, tuple(sorted(notes))), 12)
    assert len(grid.parts) == 16
    assert len(grid.notes) == len(notes)
    assert {grid.parts[note.part].program for note in grid.notes if note.start in (16 * 12, 17 * 12)} == {75}
