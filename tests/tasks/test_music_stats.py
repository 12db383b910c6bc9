"""What a piece is like: its key against scales whose key is known, and counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.preprocessing.tunes import on_grid
from seqcli.readers.score import Note, Part, Score
from seqcli.tasks.music_stats import PITCH_CLASSES, Style, find_key, pitch_name
from seqcli.tasks.music_tables import style_table
from tests.midi_pieces import tune

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


@pytest.mark.parametrize("tonic", range(12))
def test_a_scale_with_its_triad_held_is_in_its_key(tonic: int) -> None:
    for mode, scale, third in (("major", MAJOR, 4), ("minor", MINOR, 3)):
        sounding = np.zeros(12)
        for step in scale:
            sounding[(tonic + step) % 12] += 1
        for step in (0, third, 7):
            sounding[(tonic + step) % 12] += 2
        assert find_key(sounding) == f"{PITCH_CLASSES[tonic]} {mode}"


def test_silence_and_equal_use_have_no_key() -> None:
    assert find_key(np.zeros(12)) == ""
    assert find_key(np.ones(12)) == ""


def test_figures_of_a_piece() -> None:
    style = Style.of([on_grid(tune(4, 67), 12)])
    assert (style.pieces, style.key, style.meter, style.bars, style.notes) == (1, "G major", "4/4", 4, 44)
    assert style.density == 11
    assert style.at_once == pytest.approx(44 / 32)  # three notes more at each of four bar lines
    assert (style.low, style.high) == (55, 79)
    assert style.range_text == "G3 to G5"
    assert sum(style.histogram) == pytest.approx(1, abs=1e-5)
    assert Style.from_json(style.to_json()) == style


def test_drums_alone_have_no_key_and_no_range() -> None:
    beat = Score(12, (Part(0, True),), tuple(Note(12 * n, 0, 36, 3, 90) for n in range(8)))
    style = Style.of([beat])
    assert (style.key, style.range_text, style.notes) == ("", "", 8)


def test_the_corpus_stands_below_what_was_written() -> None:
    corpus = Style.of([on_grid(tune(bars), 12) for bars in (4, 8, 12)])
    table = style_table([Style.of([on_grid(tune(2), 12)])], corpus)
    assert [row[0] for row in table.rows] == ["written", "corpus"]
    assert [row[3] for row in table.rows] == [2, 8]


def test_pitch_names() -> None:
    assert [pitch_name(pitch) for pitch in (21, 60, 69, 108)] == ["A0", "C4", "A4", "C8"]


@pytest.mark.parametrize(
    "change", [{"histogram": [0.5]}, {"bars": "x"}, {"low": 300}, {"density": float("nan")}]
)
def test_a_damaged_style_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Style.from_json({**Style.of([tune(1)]).to_json(), **change})
