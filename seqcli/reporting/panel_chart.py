"""Panels in characters: lines in braille dots, a matrix and bars in figures and colours.

Nothing depends on colour: a second line is dashed, a cell holds its number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from seqcli.reporting.chart import axis_labels
from seqcli.reporting.dots import Dots, braille
from seqcli.reporting.heat_map import style as shade
from seqcli.reporting.panels import BarPanel, Line, LinePanel, MatrixPanel, Panel
from seqcli.reporting.screen import Screen, is_plain

Piece: TypeAlias = tuple[str, str]
"""(text, style of rich)."""
NARROWEST, WIDEST, GAP, HEIGHT = 38, 60, 3, 10
STYLES = ("cyan", "yellow", "")
SIGNS = "*o+"
"""Of lines where only ASCII can be drawn."""
_LEAST_NAME = 5
"""Letters of a class to which a head of the matrix may be cut."""
_MOST_NAME = 20


def show_panels(screen: Screen, panels: Sequence[Panel]) -> None:
    """Draw panels for a person on a terminal; nothing in a log."""
    if screen.live and panels:
        from rich.text import Text

        width = screen.console.width
        screen.show(*(Text.assemble(*line) for line in draw_panels(panels, width, is_plain(screen.stream))))
        screen.line("")


def draw_panels(panels: Sequence[Panel], width: int, plain: bool = False) -> list[list[Piece]]:
    """The panels in lines of at most ``width`` columns; lines stand beside each other where they fit."""
    drawn: list[list[Piece]] = []
    waiting: list[LinePanel] = []
    for panel in [*panels, None]:
        if isinstance(panel, LinePanel):
            waiting.append(panel)
            continue
        if waiting:
            drawn += ([[("", "")]] if drawn else []) + _beside(waiting, width, plain)
            waiting = []
        if isinstance(panel, MatrixPanel | BarPanel):
            own = (
                draw_matrix(panel, width)
                if isinstance(panel, MatrixPanel)
                else draw_bars(panel, width, plain)
            )
            drawn += ([[("", "")]] if drawn else []) + own
    return drawn


def _beside(panels: Sequence[LinePanel], width: int, plain: bool) -> list[list[Piece]]:
    """Panels of lines, as many beside each other as fit; what to know of them below, each once."""
    across = max(1, min(len(panels), (width + GAP) // (NARROWEST + GAP)))
    each = min(WIDEST, (width + GAP) // across - GAP)
    drawn: list[list[Piece]] = []
    for first in range(0, len(panels), across):
        group = panels[first : first + across]
        row = [draw_lines(panel, each, plain) for panel in group]
        height = len(row[0]) - (all(len(panel.lines) == 1 for panel in group))  # a legend says nothing there
        for lines in zip(*(drawing[:height] for drawing in row), strict=True):
            joined: list[Piece] = []
            for line in lines:
                joined += [(" " * GAP, ""), *line] if joined else line
            drawn.append(joined)
    notes = dict.fromkeys(panel.note for panel in panels if panel.note)
    return [*drawn, *([(part, "dim")] for note in notes for part in _wrapped(note, width))]


def _wrapped(text: str, width: int) -> list[str]:
    from seqcli.reporting.screen import wrapped

    return wrapped(text, width, "")


# ---- lines


def draw_lines(panel: LinePanel, width: int, plain: bool = False) -> list[list[Piece]]:
    """One panel in lines of exactly ``width`` columns: title, plot, axis, names below, legend."""
    low, high = panel.up_range()
    labels = axis_labels(low, high, HEIGHT)
    margin = max(map(len, labels))
    columns = width - margin - 2
    cells = _cells(panel, columns, plain)
    wall, corner, rule = ("|", "+", "-") if plain else ("┤", "└", "─")
    drawn: list[list[Piece]] = [[(panel.title[:width].ljust(width), "bold")]]
    for row in range(HEIGHT):
        body = [cells(row, column) for column in range(columns)]
        drawn.append([(labels[row].rjust(margin) + " ", "dim"), (wall, "dim"), *body])
    drawn.append([(" " * (margin + 1) + corner + rule * columns, "dim")])
    first, last = (_short(end) for end in panel.across_range())
    between = panel.across[: max(columns - len(first) - len(last), 0)]
    words = first + between.center(columns - len(first) - len(last)) + last
    drawn.append([(" " * (margin + 2) + words, "dim")])
    drawn.append(_legend(panel, width, plain))
    return drawn


def _short(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def _legend(panel: LinePanel, width: int, plain: bool) -> list[Piece]:
    """The signs of several lines, in ``width`` columns."""
    names = [line.name for line in panel.lines] if len(panel.lines) > 1 else []
    pieces: list[Piece] = [(" " * 2, "")]
    left = width - 2
    for place, name in enumerate(names[: len(STYLES)]):
        text = f"{SIGNS[place] if plain else _sample(place)} {name}"[:left]
        pieces.append((text + "  "[: left - len(text)], STYLES[place]))
        left -= min(left, len(text) + 2)
    return [*pieces, (" " * left, "")]


def _sample(place: int) -> str:
    """A short piece of a line as it is drawn: the second one dashed."""
    dots = Dots(3, 1)
    dots.line((0, 1), (5, 1), dashed=place == 1)
    return "".join(braille(dots.at(0, column)) for column in range(3))


def _cells(panel: LinePanel, columns: int, plain: bool) -> Callable[[int, int], Piece]:
    """What stands in each (row, column): lines over the dashed mark and the diagonal."""
    low, high = panel.up_range()
    first, last = panel.across_range()
    layers = [
        _dotted(line, columns, (first, last, low, high), place == 1) for place, line in enumerate(panel.lines)
    ]
    marked = round((panel.mark - first) / (last - first) * (columns - 1)) if panel.mark is not None else None

    def cell(row: int, column: int) -> Piece:
        found = [
            (place, layer.at(row, column)) for place, layer in enumerate(layers) if layer.at(row, column)
        ]
        if found:
            place, bits = found[0][0], 0
            for _, other in found:
                bits |= other
            return (SIGNS[place % len(SIGNS)] if plain else braille(bits), STYLES[place % len(STYLES)])
        if column == marked:
            return (":" if plain else "┆", "dim")
        if panel.diagonal and row == round((1 - column / max(columns - 1, 1)) * (HEIGHT - 1)):
            return ("." if plain else "·", "dim")
        return (" ", "")

    return cell


def _dotted(line: Line, columns: int, ends: tuple[float, float, float, float], dashed: bool) -> Dots:
    """One line as dots; ``ends`` are those of the axis across and of the axis up."""
    first, last, low, high = ends
    dots = Dots(columns, HEIGHT)
    before: tuple[int, int] | None = None
    for x, y in line.points:
        if not (math.isfinite(x) and math.isfinite(y)):
            before = None
            continue
        share = (y / 2 - low / 2) / (high / 2 - low / 2)  # halves cannot overflow
        place = dots.place(_clipped((x - first) / (last - first)), _clipped(share))
        if line.joined and before is not None:
            dots.line(before, place, dashed)
        else:
            dots.set(place)
        before = place
    return dots


def _clipped(share: float) -> float:
    return max(0.0, min(1.0, share))


# ---- a matrix and bars


def fits(panel: MatrixPanel, width: int) -> bool:
    """Whether a matrix has room in ``width`` columns without cutting numbers, or names too much."""
    return bool(_cell_width(panel, width))


def draw_matrix(panel: MatrixPanel, width: int) -> list[list[Piece]]:
    """Counts with a background as bright as their share of the row: green where right, orange where wrong."""
    size, names = _cell_width(panel, width) or 7, _name_width(panel)
    head = "".join(_cut(name, size - 1).rjust(size) for name in panel.columns)
    drawn: list[list[Piece]] = [[(panel.title, "bold")], [("true".ljust(names + 1), "dim"), (head, "bold")]]
    for row, name in enumerate(panel.rows):
        line: list[Piece] = [(_cut(name, names).ljust(names + 1), "bold")]
        for column, count in enumerate(panel.counts[row]):
            share, right = panel.share(row, column), panel.right(row, column)
            text = f"{count:,.0f}" if math.isfinite(count) else ""
            colours = shade(share, 1.0, signed=False) if right else shade(share, 1.0, signed=True)
            line.append((text.rjust(size), colours if share else "dim"))
        drawn.append(line)
    return [*drawn, *([(part, "dim")] for part in _wrapped(panel.note, width))]


def _name_width(panel: MatrixPanel) -> int:
    return max(len("true"), min(_MOST_NAME, max(map(_columns, panel.rows))))


def _cell_width(panel: MatrixPanel, width: int) -> int:
    """Columns of a cell and the gap ahead of it; 0 where there is no room."""
    counts = max(len(f"{count:,.0f}") for row in panel.counts for count in row)
    longest = max(map(_columns, panel.columns))
    room = (width - _name_width(panel) - 1) // len(panel.columns)
    least = 1 + max(counts, min(longest, _LEAST_NAME))
    return 0 if room < least else min(room, max(least, longest + 2, 7))


def _columns(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, width: int) -> str:
    from rich.cells import set_cell_size

    return text if _columns(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


def draw_bars(panel: BarPanel, width: int, plain: bool = False) -> list[list[Piece]]:
    """A line a bar: its name, the bar, its value."""
    names = min(width // 2, max(_columns(name) for name, _ in panel.bars))
    behind = 1 + max(len(panel.written(value)) for _, value in panel.bars)
    room = max(width - names - behind - 2, 4)
    drawn: list[list[Piece]] = [[(panel.title, "bold")]]
    for name, value in panel.bars:
        begin, end = (round(share * room) for share in panel.shares(value))
        shown: Piece = (_cut(name, names) + " " * (names - min(_columns(name), names) + 1 + begin), "")
        bar = (("-" if value < 0 else "#") if plain else "█") * (end - begin)
        style = "yellow" if value < 0 else "cyan"
        drawn.append([shown, (bar, style), (f" {panel.written(value)}", "")])
    return [*drawn, *([(part, "dim")] for part in _wrapped(panel.note, width) if part)]
