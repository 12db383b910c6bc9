"""Made tunes: a melody over chords and a bass, with a beat in some, in several keys and meters."""

from __future__ import annotations

import random
from pathlib import Path

from seqcli.readers.score import Note, Part, Score, in_order
from seqcli.reporting.midi_file import midi_bytes

TUNES = 32
_TICKS = 96
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_TURNS = ((0, 3, 4, 0), (0, 5, 3, 4), (0, 4, 5, 3), (0, 0, 3, 4), (0, 3, 0, 4))
"""Roots of the chords of four bars, as steps of the scale."""
_RHYTHMS = {
    (4, 4): ((1, 1, 1, 1), (1, 0.5, 0.5, 1, 1), (1.5, 0.5, 1, 1), (0.5, 0.5, 0.5, 0.5, 2), (2, 1, 1)),
    (3, 4): ((1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (1.5, 0.5, 1)),
    (6, 8): ((0.5,) * 6, (1, 0.5, 1, 0.5), (1.5, 1.5), (1, 0.5, 0.5, 0.5, 0.5)),
}
"""Quarter notes of the notes of a bar, by meter."""
_LEADS = (73, 40, 0, 21)
_KICK, _SNARE, _HAT = 36, 38, 42


def make_tune(number: int) -> Score:
    """Tune ``number``, the same each time: two strains of eight bars, the first played again."""
    rng = random.Random(1000 + number)
    meter = rng.choice(list(_RHYTHMS))
    tonic, scale = 55 + rng.randrange(12), _SCALES[rng.random() < 0.3]
    beat = rng.random() < 0.4
    strains = [_strain(rng, meter, scale) for _ in range(2)]
    notes: list[Note] = []
    bar_ticks = 4 * _TICKS * meter[0] // meter[1]
    for place, strain in enumerate((strains[0], strains[1], strains[0])):
        for bar, (root, line) in enumerate(strain):
            start = (8 * place + bar) * bar_ticks
            for at, length, degree in line:
                pitch = tonic + 12 * (degree // 7) + scale[degree % 7]
                loud = 84 + 12 * (at == 0)
                notes.append(Note(start + at, 0, pitch, length, loud))
            for third in (0, 2, 4):
                pitch = tonic - 12 + 12 * ((root + third) // 7) + scale[(root + third) % 7]
                notes.append(Note(start, 1, pitch, bar_ticks, 60))
            notes.append(Note(start, 2, tonic - 24 + scale[root % 7], bar_ticks // 2, 76))
            if beat:
                notes += _beat(start, bar_ticks)
    parts = (Part(_LEADS[number % len(_LEADS)]), Part(0), Part(32), Part(0, True))
    tempo = round(60_000_000 / rng.choice((90, 100, 110, 120)))
    used = parts if beat else parts[:3]
    return Score(_TICKS, used, in_order(notes), ((0, tempo),), ((0, *meter),))


def _strain(
    rng: random.Random, meter: tuple[int, int], scale: tuple[int, ...]
) -> list[tuple[int, list[tuple[int, int, int]]]]:
    """Eight bars, each the root of its chord and (start, length, degree) of its melody."""
    turns = [rng.choice(_TURNS), rng.choice(_TURNS)]
    degree, bars = 7, []
    rhythms = [rng.choice(_RHYTHMS[meter]) for _ in range(2)]
    for bar in range(8):
        root = turns[bar // 4][bar % 4]
        line, at = [], 0
        for place, quarters in enumerate(rhythms[bar % 2] if bar < 7 else (sum(rhythms[1]),)):
            if place == 0:  # a note of the chord, the nearest to where the line was
                chord = [root + third + 7 * octave for octave in (0, 1) for third in (0, 2, 4)]
                degree = min(chord, key=lambda tone: (abs(tone - degree), tone))
            else:
                degree = min(max(degree + rng.choice((-2, -1, -1, 1, 1, 2)), 2), 13)
            if bar == 7:
                degree = 7
            length = round(quarters * _TICKS)
            line.append((at, length, degree))
            at += length
        bars.append((root if bar < 7 else 0, line))
    return bars


def _beat(start: int, bar_ticks: int) -> list[Note]:
    """A drum on the first beat, another in the middle, and one on each eighth."""
    hits = [(0, _KICK, 100), (bar_ticks // 2 // (_TICKS // 2) * (_TICKS // 2), _SNARE, 88)]
    hits += [(at, _HAT, 56) for at in range(0, bar_ticks, _TICKS // 2)]
    return [Note(start + at, 3, pitch, _TICKS // 4, loud) for at, pitch, loud in hits]


def write_tunes(folder: Path) -> Path:
    """Write the tunes as .mid files into ``folder``, which is made."""
    folder.mkdir(exist_ok=True)
    for number in range(TUNES):
        (folder / f"{number + 1:02}.mid").write_bytes(midi_bytes(make_tune(number)))
    return folder
