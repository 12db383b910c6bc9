"""Pieces of music for tests: made by rule, or drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from seqcli.readers.score import Note, Part, Score, in_order

METERS = ((4, 4), (3, 4), (6, 8), (5, 8), (2, 2), (7, 16))


def tune(bars: int = 8, tonic: int = 60, velocity: int = 90, division: int = 480) -> Score:
    """A melody in eighths over chords of whole bars, 4/4 at 120, the same for equal arguments."""
    scale = (0, 2, 4, 5, 7, 9, 11, 12)
    notes = []
    for bar in range(bars):
        start = 4 * division * bar
        root = (0, 3, 4, 0)[bar % 4]
        for third in (0, 2, 4):
            pitch = tonic - 12 + scale[(root + third) % 7]
            notes.append(Note(start, 1, pitch, 4 * division, velocity - 20))
        for eighth in range(8):
            pitch = tonic + scale[(root + 3 * eighth * (bar + 1)) % 8]
            notes.append(Note(start + eighth * division // 2, 0, pitch, division // 2, velocity))
    parts = (Part(73), Part(0))
    return Score(division, parts, in_order(notes), ((0, 500_000),), ((0, 4, 4),), ((0, 0, False),))


@st.composite
def scores(draw: st.DrawFn, division: int | None = None) -> Score:
    """Any score that a MIDI file can hold: some parts, meters and tempi, notes anywhere."""
    ticks = division or draw(st.sampled_from((24, 96, 480, 1000)))
    count = draw(st.integers(1, 4))
    drums = draw(st.integers(0, 3))
    parts = tuple(
        Part(0, True) if place == drums else Part(draw(st.integers(0, 127))) for place in range(count)
    )
    quarter = st.integers(0, 24 * ticks)
    note = st.builds(
        Note,
        quarter,
        st.integers(0, count - 1),
        st.integers(0, 127),
        st.integers(1, 6 * ticks),
        st.integers(1, 127),
    )
    notes = in_order(draw(st.lists(note, min_size=1, max_size=24)))
    used = sorted({found.part for found in notes})
    numbers = {part: place for place, part in enumerate(used)}
    tempos = dict(draw(st.lists(st.tuples(quarter, st.integers(150_000, 4_000_000)), max_size=3)))
    meters = dict(draw(st.lists(st.tuples(quarter, st.sampled_from(METERS)), max_size=3)))
    return Score(
        ticks,
        tuple(parts[part] for part in used),
        tuple(sorted(found._replace(part=numbers[found.part]) for found in notes)),
        tuple(sorted(tempos.items())),
        tuple((tick, *meter) for tick, meter in sorted(meters.items())),
    )
