"""A piano roll in characters and as a drawing: each note where it belongs."""

from __future__ import annotations

import pytest

from seqcli.preprocessing.tunes import on_grid
from seqcli.readers.score import Note, Part, Score
from seqcli.reporting.roll import RollFigure, draw_roll, height_of, paint, shown_bars
from seqcli.reporting.svg import Drawing
from tests.midi_pieces import tune


def test_two_notes_a_semitone_apart_share_a_line() -> None:
    notes = (
        Note(0, 0, 60, 12, 90),
        Note(12, 0, 61, 12, 90),
        Note(24, 0, 60, 12, 90),
        Note(24, 0, 61, 12, 90),
    )
    lines = draw_roll(Score(12, (Part(0),), notes, (), ((0, 4, 4),)), 80)
    assert lines == ["  C4│▄▄▄▄▀▀▀▀████", "     1"]
    plain = draw_roll(Score(12, (Part(0),), notes, (), ((0, 4, 4),)), 80, plain=True)
    assert plain == ["  C4|____''''####", "     1"]


def test_drums_are_the_lowest_line() -> None:
    notes = (Note(0, 0, 36, 3, 90), Note(24, 0, 38, 3, 90))
    assert draw_roll(Score(12, (Part(0, True),), notes), 80)[0] == "drum│•       •"


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("bars", [1, 7, 40])
def test_no_line_is_wider_than_the_terminal(width: int, bars: int) -> None:
    score = on_grid(tune(bars), 12)
    lines = draw_roll(score, width)
    assert max(map(len, lines)) <= width
    shown, every = shown_bars(score, width)
    assert every == bars
    assert shown >= min(bars, 4)
    assert lines[-1].split() == [str(number) for number in range(1, shown + 1)]


def test_a_wide_range_folds_into_few_lines() -> None:
    notes = tuple(Note(12 * place, 0, pitch, 12, 90) for place, pitch in enumerate(range(0, 128, 4)))
    assert len(draw_roll(Score(12, (Part(0),), notes), 80)) <= 26


def test_nothing_sounds() -> None:
    assert draw_roll(Score(12, (), ()), 80) == []


def test_each_note_is_a_bar_at_its_time_and_pitch() -> None:
    notes = (Note(0, 0, 60, 24, 90), Note(24, 1, 72, 24, 90))
    figure = RollFigure("Two", [Score(12, (Part(0), Part(0)), notes, (), ((0, 4, 4),))])
    drawn = paint(figure, Drawing(960, height_of(figure))).document("Two", "x")
    bars = [line for line in drawn.splitlines() if "<rect" in line and "paper" not in line]
    first, second = (
        {key: float(bar.split(f' {key}="')[1].split('"')[0]) for key in ("x", "y", "width")} for bar in bars
    )
    assert second["x"] - first["x"] == pytest.approx(first["width"] + 0.6, abs=0.02)
    assert first["y"] > second["y"]  # the lower note lies lower
    assert ('class="ahead"' in bars[0], 'class="past"' in bars[1]) == (True, True)
