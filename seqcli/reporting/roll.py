"""A piano roll: time from left to right, pitch from bottom to top; in characters, and as a figure.

A5 |      ▀▀▄
   |▄▄▄▄▄▄   ▄▄▄▄▄▄▄▄▄▄▄▄
D4 |
    1       2       3
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqcli.options import PlotOptions
from seqcli.preprocessing.tunes import bar_steps, bars_of
from seqcli.readers.score import Score
from seqcli.reporting.plots import write_figure
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import Drawing, Frame
from seqcli.tasks.music_stats import pitch_name

MOST_ROWS = 24
"""Lines of a roll on a terminal; each shows two pitches, or more where they would not have room."""
LEAST_BARS = 8
_MARGIN = 5


def draw_roll(score: Score, width: int, plain: bool = False) -> list[str]:
    """The first bars of a score on a grid, in lines of at most ``width`` columns.

    Each column is a sixteenth note, or longer so that eight bars have room. Drums are the lowest line.
    """
    bars = bars_of(score)
    if not bars:
        return []
    room = max(width - _MARGIN, 16)
    step, shown = _columns(bars, score.division, room)
    stop = bars[shown][0] if shown < len(bars) else _end(bars, score.division)
    columns = -(-stop // step)
    pitched = [note for note in score.notes if not score.parts[note.part].drums and note.start < stop]
    drums = [note for note in score.notes if score.parts[note.part].drums and note.start < stop]
    lines = []
    if pitched:
        low, high = min(note.pitch for note in pitched), max(note.pitch for note in pitched)
        each = max(1, -(-(high - low + 1) // (2 * MOST_ROWS)))  # pitches of half a line
        halves = (high - low) // each + 1
        cells = [[False] * columns for _ in range(halves + halves % 2)]
        for note in pitched:
            for column in range(note.start // step, min(-(-(note.start + note.length) // step), columns)):
                cells[(note.pitch - low) // each][column] = True
        for row in range(len(cells) // 2 - 1, -1, -1):
            upper, lower = cells[2 * row + 1], cells[2 * row]
            ends = row in (0, len(cells) // 2 - 1)
            name = pitch_name(min(low + (2 * row + (row > 0)) * each, high)) if ends else ""
            marks = zip(upper, lower, strict=True)
            lines.append(
                f"{name:>{_MARGIN - 1}}" + _edge(plain) + "".join(_mark(*mark, plain) for mark in marks)
            )
    if drums:
        hit = {note.start // step for note in drums}
        beats = "".join(("x" if plain else "•") if column in hit else " " for column in range(columns))
        lines.append(f"{'drum':>{_MARGIN - 1}}" + _edge(plain) + beats)
    return [line.rstrip() for line in (*lines, _numbers(bars[:shown], step, columns))]


def shown_bars(score: Score, width: int) -> tuple[int, int]:
    """How many bars :func:`draw_roll` shows, and how many there are."""
    bars = bars_of(score)
    return _columns(bars, score.division, max(width - _MARGIN, 16))[1], len(bars)


def _columns(bars: Sequence[tuple[int, int, int]], division: int, room: int) -> tuple[int, int]:
    """Steps of a column, and how many bars then have room: all, or at least eight where that can be."""
    end = _end(bars, division)
    for step in (division // 4, division // 2, division, 2 * division):
        stops = [start for start, _, _ in bars[1:]] + [end]
        shown = sum(-(-stop // step) <= room for stop in stops)
        if shown >= min(LEAST_BARS, len(bars)):
            return step, shown
    return step, max(shown, 1)


def _end(bars: Sequence[tuple[int, int, int]], division: int) -> int:
    """The step at which the last bar ends."""
    start, beats, beat = bars[-1]
    return start + bar_steps(beats, beat, division)


def _edge(plain: bool) -> str:
    return "|" if plain else "│"


def _mark(upper: bool, lower: bool, plain: bool) -> str:
    if plain:
        return " _'#"[lower + 2 * upper]
    return " ▄▀█"[lower + 2 * upper]


def _numbers(bars: Sequence[tuple[int, int, int]], step: int, columns: int) -> str:
    """The numbers of the bars below where they begin, as many as have room."""
    line = [" "] * columns
    free = 0
    for number, (start, _, _) in enumerate(bars, start=1):
        column, text = start // step, str(number)
        if column >= free and column + len(text) <= columns:
            line[column : column + len(text)] = text
            free = column + len(text) + 1
    return " " * _MARGIN + "".join(line)


WIDTH, _PANEL, _HEAD, _BELOW, _LEFT = 960.0, 220.0, 64.0, 44.0, 56.0


@dataclass(frozen=True)
class RollFigure:
    """Pieces one below the other."""

    title: str
    panels: Sequence[Score]
    left: int = 0


def paint(figure: RollFigure, drawing: Drawing) -> Drawing:
    """Draw ``figure``: each note a bar, the first part in one colour, all others in another."""
    from seqcli.reporting.axes import Tick

    drawing.rectangle((0, 0), drawing.width, drawing.height, "paper")
    drawing.text((24, 34), figure.title, "title")
    if any(note.part for score in figure.panels for note in score.notes):
        for left, name, style in ((728.0, "first part", "forecast"), (840.0, "other parts", "history")):
            drawing.line((left, 29), (left + 20, 29), style)
            drawing.text((left + 28, 33), name, "faint")
    for place, score in enumerate(figure.panels):
        bars = bars_of(score)
        end = _end(bars, score.division)
        pitches = [note.pitch for note in score.notes]
        low, high = min(pitches) - 1, max(pitches) + 1
        top = _HEAD + place * (_PANEL + _BELOW)
        frame = Frame(_LEFT, top, WIDTH - _LEFT - 24, _PANEL, low, high, end + 1)
        octaves = [Tick(pitch, pitch_name(pitch)) for pitch in range(low, high + 1) if pitch % 12 == 0]
        every = max(1, len(bars) // 16)
        starts = [Tick(start, str(number)) for number, (start, _, _) in enumerate(bars, start=1)]
        drawing.axes(frame, octaves, starts[::every])
        drawing.text((frame.left + frame.width / 2, top + _PANEL + 34), "bar", "label", "middle")
        size = max(frame.height / (high - low) * 0.8, 2.0)
        for note in score.notes:
            x, right = frame.x(note.start), frame.x(min(note.start + note.length, end))
            corner = (x, frame.y(note.pitch) - size / 2)
            drawing.rectangle(corner, max(right - x - 0.6, 0.8), size, "past" if note.part else "ahead")
    return drawing


def height_of(figure: RollFigure) -> float:
    """Pixels that the panels need."""
    return _HEAD + len(figure.panels) * (_PANEL + _BELOW)


def write_rolls(figure: RollFigure, plot: PlotOptions, screen: Screen) -> None:
    """Draw the pieces into the file that ``plot`` names."""
    write_figure(figure, plot, screen, (_DRAWN, "pieces", "nothing sounds"))


def _svg(figure: RollFigure, screen: Screen) -> bytes:
    from seqcli.reporting.fan_svg import LIGHT, styles

    drawing = paint(figure, Drawing(WIDTH, height_of(figure)))
    return drawing.document(figure.title, "Notes over bars", styles(LIGHT)).encode()


def _html(figure: RollFigure, screen: Screen) -> bytes:
    from seqcli.reporting.svg import escaped

    head = (
        f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escaped(figure.title)}</title>\n'
    )
    return head.encode() + _svg(figure, screen) + b"</html>\n"


def _png(figure: RollFigure, screen: Screen) -> bytes:
    from seqcli.reporting.drawing_png import png_of

    return png_of(figure.title, (WIDTH, height_of(figure)), lambda drawing: paint(figure, drawing), screen)


_DRAWN: dict[str, Callable[[RollFigure, Screen], bytes]] = {".svg": _svg, ".html": _html, ".png": _png}
