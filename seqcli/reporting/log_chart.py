"""Shares that fade or grow over steps back, in characters: a log scale, several lines, panels side by side.

Each line has a sign of its own, so that nothing depends on colour; where two lines meet, their signs take
turns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqcli.reporting.chart import Segment

SIGNS = {False: "●▲■◆", True: "o^#x"}
STYLES = ("", "cyan", "yellow", "bold")
DEEPEST = -4
"""No panel goes below this power of ten: a line that does leaves it at the bottom."""
SHALLOWEST = -3
LINE = 0.01
"""A rule is drawn here, where a row is less than :data:`COARSE` powers of ten."""
COARSE = 1.5
NARROWEST, WIDEST, GAP = 38, 80, 3
HEIGHT = 10


@dataclass(frozen=True)
class LogLine:
    """One line: its name, and its values 0, 1, … steps back; what is not above zero is not drawn."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class LogPanel:
    """One plot."""

    title: str
    lines: Sequence[LogLine]
    unit: str = "step"
    """What is counted going back."""


def draw_panels(panels: Sequence[LogPanel], width: int, plain: bool = False) -> list[list[Segment]]:
    """The panels, as many beside each other as fit ``width`` columns, on one scale; the legend last."""
    if not panels:
        return []
    beside = max(1, min(len(panels), (width + GAP) // (NARROWEST + GAP)))
    each = min(WIDEST, (width + GAP) // beside - GAP)
    low, high = decades([value for panel in panels for line in panel.lines for value in line.values])
    steps = max(_last_seen(line.values, low) for panel in panels for line in panel.lines)
    drawn: list[list[Segment]] = []
    for first in range(0, len(panels), beside):
        row = [_Plot(panel, each, (low, high), steps, plain) for panel in panels[first : first + beside]]
        for lines in zip(*(plot.lines() for plot in row), strict=True):
            joined: list[Segment] = []
            for line in lines:
                joined += [(" " * GAP, ""), *line] if joined else line
            drawn.append(joined)
    return [*drawn, _legend(panels, plain)]


def decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten at the bottom and the top: 10⁻³ to 1 at least, 10⁻⁴ to whatever at most."""
    logs = [math.log10(value) for value in values if 0 < value < math.inf]
    low, high = min(logs, default=0.0), max(logs, default=0.0)
    return max(DEEPEST, min(SHALLOWEST, math.floor(low))), max(0, math.ceil(high - 1e-9))


def _last_seen(values: Sequence[float], low: int) -> int:
    """How far the axis must reach to show a line until it leaves at the bottom, in tens; never beyond it."""
    seen = max((step for step, value in enumerate(values) if value >= 10.0**low), default=0)
    return min(len(values) - 1, -(-max(seen, 1) // 10) * 10)


def power(exponent: int) -> str:
    """10 to a whole power as short as it goes: 100, 1, 0.01, 1e-5."""
    if -3 <= exponent <= 3:
        return f"{10.0**exponent:.{max(0, -exponent)}f}"
    return f"1e{exponent}"


def _names(panels: Sequence[LogPanel]) -> list[str]:
    return list(dict.fromkeys(line.name for panel in panels for line in panel.lines))


def _legend(panels: Sequence[LogPanel], plain: bool) -> list[Segment]:
    """What each sign means; a name has the same one in every panel."""
    signs = SIGNS[plain]
    parts: list[Segment] = [(" " * 7, "")]
    for place, name in enumerate(_names(panels)):
        parts.append((f"{signs[place % len(signs)]} {name}   ", STYLES[place % len(STYLES)]))
    return [*parts, (f"{'.' if plain else '┄'} 1 % is left", "dim")]


class _Plot:
    """One panel: lines of ``width`` columns."""

    def __init__(self, panel: LogPanel, width: int, scale: tuple[int, int], steps: int, plain: bool) -> None:
        self._panel, self._plain, self._steps = panel, plain, steps
        self._low, self._high = scale
        self._labels = self._axis()
        self._margin = 6
        self._columns = width - self._margin - 2
        self._width = width

    def lines(self) -> list[list[Segment]]:
        """Title, plot and axis, each as wide as the panel."""
        cells = self._cells()
        wall, corner, rule, dots = ("|", "+", "-", ".") if self._plain else ("┤", "└", "─", "┄")
        fine = (self._high - self._low) / HEIGHT < COARSE
        rule_row = self._row(math.log10(LINE)) if fine else None
        drawn: list[list[Segment]] = [[(self._panel.title[: self._width].ljust(self._width), "bold")]]
        for row in range(HEIGHT):
            empty = (dots, "dim") if row == rule_row else (" ", "")
            body = [cells.get((row, column), empty) for column in range(self._columns)]
            drawn.append([(self._labels[row].rjust(self._margin) + " ", "dim"), (wall, "dim"), *body])
        drawn.append([(" " * (self._margin + 1) + corner + rule * self._columns, "dim")])
        end = str(self._steps)
        words = "0" + f"{self._panel.unit}s back".center(self._columns - 1 - len(end)) + end
        drawn.append([(" " * (self._margin + 2) + words, "dim")])
        return drawn

    def _axis(self) -> list[str]:
        """Labels of the top, the bottom, and of the rows of 1 and of 1 %."""
        labels = [""] * HEIGHT
        for exponent in (-2, 0, self._low, self._high):
            row = self._row(exponent)
            if row is not None:
                labels[row] = power(exponent)
        return labels

    def _row(self, exponent: float) -> int | None:
        """The row of a power of ten, None outside the plot."""
        place = (self._high - exponent) / (self._high - self._low) * (HEIGHT - 1)
        return round(place) if -0.5 <= place <= HEIGHT - 0.5 else None

    def _cells(self) -> dict[tuple[int, int], Segment]:
        """The signs by (row, column). Where lines share a cell the column decides whose sign is seen."""
        shared: dict[tuple[int, int], list[Segment]] = {}
        signs = SIGNS[self._plain]
        for place, line in enumerate(self._panel.lines):
            sign = (signs[place % len(signs)], STYLES[place % len(STYLES)])
            for column in range(self._columns):
                step = round(column * self._steps / max(self._columns - 1, 1))
                value = line.values[step] if step < len(line.values) else 0.0
                row = self._row(math.log10(value)) if 0 < value < math.inf else None
                if row is not None:
                    shared.setdefault((row, column), []).append(sign)
        return {cell: found[cell[1] % len(found)] for cell, found in shared.items()}
