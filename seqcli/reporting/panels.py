"""What a figure is made of: panels of lines, of a matrix, of bars, as plain data that is drawn in pixels.

:mod:`.panel_figure` puts them into a file, :mod:`.panel_chart` draws the same data in characters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seqcli.reporting.axes import (
    LABEL_SIZE,
    Tick,
    number_ticks,
    shortened,
    text_width,
    value_range,
)
from seqcli.reporting.fan import PANEL_TITLE_SIZE
from seqcli.reporting.svg import Drawing, Frame, Point
from seqcli.results import Cell

WIDTH, HEIGHT = 460.0, 270.0
"""Pixels of one panel; a matrix and bars are as high as they need."""
TOP, RIGHT, BOTTOM, LEFT = 34.0, 14.0, 46.0, 12.0
_STYLES = (("forecast", "ahead"), ("second", "other"), ("history", "past"))
"""Of each line in order: the style of the line, and of its dots."""
MOST_LINES = len(_STYLES)
_BAR, _CELL = 24.0, 44.0
"""Height of a line of bars and at most of a matrix."""
Numbers = tuple[list[str], list[list[Cell]]]
"""Heads and rows of the table of what is drawn."""


class Panel(Protocol):
    """One part of a figure."""

    @property
    def title(self) -> str:
        """What is drawn; of lines, what goes up."""

    @property
    def note(self) -> str:
        """A sentence on how to read it, or ""."""

    @property
    def height(self) -> float:
        """Pixels from the top to the bottom."""

    def paint(self, drawing: Drawing, corner: Point, width: float) -> None:
        """Paint it with its left upper corner at ``corner``."""

    def told(self) -> str:
        """What it shows in a sentence, for those who cannot see it."""

    def numbers(self) -> Numbers:
        """The same as a table."""


@dataclass(frozen=True)
class Line:
    """Points (across, up) in the order of drawing; one that is not finite is a gap."""

    name: str
    points: Sequence[Point]
    dots: bool = False
    """Whether each point is marked."""
    joined: bool = True
    """Whether the points are joined; else they are a cloud."""


@dataclass(frozen=True)
class LinePanel:
    """Up to three lines over one axis."""

    title: str
    across: str
    """What goes across, with its unit."""
    lines: Sequence[Line]
    note: str = ""
    mark: float | None = None
    """Where a dashed line goes up."""
    diagonal: bool = False
    """Whether both axes are the same and a dashed line joins their equal values."""
    limits: tuple[float, float] | None = None
    """Ends of the axis that goes up; as far as the values reach unless it is told."""
    whole: bool = False
    """Whether only whole numbers are marked below."""

    @property
    def height(self) -> float:
        """Pixels from the top to the bottom."""
        return HEIGHT

    def up_range(self) -> tuple[float, float]:
        """Ends of the axis that goes up, and of both where they are the same."""
        values = [up for line in self.lines for _, up in line.points]
        if self.diagonal:
            values += [across for line in self.lines for across, _ in line.points]
        return self.limits or value_range(values)

    def across_range(self) -> tuple[float, float]:
        """Ends of the axis that goes across."""
        if self.diagonal:
            return self.up_range()
        found = [x for line in self.lines for x, _ in line.points if math.isfinite(x)]
        if self.mark is not None:
            found.append(self.mark)
        low, high = min(found, default=0.0), max(found, default=1.0)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def paint(self, drawing: Drawing, corner: Point, width: float) -> None:
        """Paint it with its left upper corner at ``corner``."""
        low, high = self.up_range()
        first, last = self.across_range()
        values, _ = number_ticks(low, high, 5)
        margin = 18 + max((text_width(tick.label, LABEL_SIZE) for tick in values), default=0.0)
        left, top = corner[0] + margin, corner[1] + TOP
        frame = Frame(left, top, width - margin - RIGHT, HEIGHT - TOP - BOTTOM, low, high, 2)
        ticks, _ = number_ticks(first, last, 6, self.whole)
        marks = [Tick((tick.at - first) / (last - first), tick.label) for tick in ticks]
        drawing.axes(frame, values, marks)
        middle = (frame.left + frame.width / 2, corner[1] + HEIGHT - 8)
        drawing.text(middle, self.across, "label", "middle")

        def at(point: Point) -> Point:
            inside = all(map(math.isfinite, point))
            return (frame.x((point[0] - first) / (last - first)), frame.y(point[1])) if inside else point

        if self.mark is not None:
            x, _ = at((self.mark, low))
            drawing.line((x, frame.top), (x, frame.top + frame.height), "now")
        if self.diagonal:
            drawing.line(at((low, low)), at((high, high)), "now")
        for line, (style, dots) in zip(self.lines, _STYLES, strict=False):
            places = [at(point) for point in line.points]
            if line.joined:
                drawing.curve(places, style, dots)
            for place in places if line.dots or not line.joined else ():
                if all(map(math.isfinite, place)):
                    drawing.dot(place, dots, 3 if line.joined else 1.8)
        end = (corner[0] + width - RIGHT, corner[1])
        _head(
            drawing, self.title, corner, _legend(drawing, [line.name for line in self.lines], end) - corner[0]
        )

    def told(self) -> str:
        """Where each line begins and ends."""
        parts = []
        _, form = number_ticks(*self.up_range(), 5)
        for line in self.lines:
            ups = [up for _, up in line.points if math.isfinite(up)]
            if not ups:
                continue
            if line.joined:
                ends = " to ".join(form.finer(2).text(value) for value in (ups[0], ups[-1]))
                parts.append(f"{line.name or self.title} goes from {ends}")
            else:
                parts.append(f"{len(ups):,} {line.name}")
        note = f" {self.note[0].upper()}{self.note[1:]}." if self.note else ""
        return f"{self.title} over {self.across}: {'; '.join(parts)}.{note}"

    def numbers(self) -> Numbers:
        """A row for each place on the axis, a column a line; of a cloud its points."""
        if not all(line.joined for line in self.lines):
            heads = [self.across, self.title]
            return heads, [[*point] for line in self.lines for point in line.points]
        tables = [dict(line.points) for line in self.lines]
        places = list(dict.fromkeys(x for line in self.lines for x, _ in line.points))
        heads = [self.across, *(line.name or self.title for line in self.lines)]
        return heads, [[x, *(table.get(x) for table in tables)] for x in places]


@dataclass(frozen=True)
class MatrixPanel:
    """Counts, a row a true class and a column a predicted one; each cell as dark as its share of the row."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Sequence[Sequence[float]]
    note: str = "rows are true classes, columns predictions, colour is the share of the true class"

    @property
    def height(self) -> float:
        """Pixels from the top to the bottom."""
        return 84 + _CELL * len(self.rows)

    def share(self, row: int, column: int) -> float:
        """The share of a row that one of its cells has, 0 to 1."""
        count, whole = self.counts[row][column], sum(filter(math.isfinite, self.counts[row]))
        return max(0.0, min(1.0, count / (whole or 1.0))) if math.isfinite(count) else 0.0

    def right(self, row: int, column: int) -> bool:
        """Whether a cell counts right answers."""
        return self.rows[row] == self.columns[column]

    def paint(self, drawing: Drawing, corner: Point, width: float) -> None:
        """Paint it with its left upper corner at ``corner``."""
        names = min(130.0, max(text_width(called, LABEL_SIZE) for called in self.rows))
        left, top = corner[0] + 22 + names, corner[1] + 66
        side = min(74.0, (width - 22 - names - RIGHT) / len(self.columns))
        _head(drawing, self.title, corner, width)
        drawing.text((left, corner[1] + 42), "predicted", "label")
        for place, called in enumerate(self.columns):
            across = left + side * (place + 0.5)
            drawing.text(
                (across, top - 6), shortened(called, LABEL_SIZE, side - 4), "label", "middle", called
            )
        for row, called in enumerate(self.rows):
            middle = top + _CELL * (row + 0.5) + 4
            drawing.text((left - 8, middle), shortened(called, LABEL_SIZE, 130), "label", "end", called)
            for column, count in enumerate(self.counts[row]):
                at = (left + side * column + 1, top + _CELL * row + 1)
                style = "band" if self.right(row, column) else "wrong"
                drawing.rectangle(at, side - 2, _CELL - 2, style, 0.06 + 0.54 * self.share(row, column))
                text = f"{count:,.0f}" if math.isfinite(count) else ""
                drawing.text((left + side * (column + 0.5), middle), text, "count", "middle")

    def told(self) -> str:
        """How many are right."""
        right = sum(
            count
            for row, counts in enumerate(self.counts)
            for column, count in enumerate(counts)
            if self.right(row, column)
        )
        whole = sum(map(sum, self.counts))
        return f"{self.title}: {right:,.0f} of {whole:,.0f} right; {self.note}."

    def numbers(self) -> Numbers:
        """The matrix."""
        rows: list[list[Cell]] = [[called, *row] for called, row in zip(self.rows, self.counts, strict=True)]
        return ["true class", *self.columns], rows


@dataclass(frozen=True)
class BarPanel:
    """A bar for each name, from 0 to the right; a value below 0 goes to the left, in another colour."""

    title: str
    bars: Sequence[tuple[str, float]]
    spec: str = ".3f"
    """How a value is written behind its bar."""
    note: str = ""
    most: float | None = None
    """The right end; the largest value unless it is told."""

    @property
    def height(self) -> float:
        """Pixels from the top to the bottom."""
        return TOP + _BAR * len(self.bars) + 12

    @property
    def ends(self) -> tuple[float, float]:
        """The left and the right end of the scale; 0 is one of them, or lies between."""
        values = [value for _, value in self.bars if math.isfinite(value)]
        low, high = min([0.0, *values]), self.most or max([0.0, *values])
        return (low, high) if high > low else (0.0, 1.0)

    def shares(self, value: float) -> tuple[float, float]:
        """Where the bar of a value begins and ends along the scale, 0 to 1."""
        low, high = self.ends
        zero, place = (max(0.0, min(1.0, (each - low) / (high - low))) for each in (0.0, value))
        return (min(zero, place), max(zero, place)) if math.isfinite(value) else (zero, zero)

    def paint(self, drawing: Drawing, corner: Point, width: float) -> None:
        """Paint it with its left upper corner at ``corner``."""
        _head(drawing, self.title, corner, width)
        names = min(0.5 * width, max(text_width(name, LABEL_SIZE) for name, _ in self.bars))
        behind = 14 + max(text_width(self.written(value), LABEL_SIZE) for _, value in self.bars)
        left = corner[0] + LEFT + names + 8
        room = width - LEFT - names - 8 - behind
        for place, (name, value) in enumerate(self.bars):
            top = corner[1] + TOP + _BAR * place
            text = shortened(name, LABEL_SIZE, names + 1)
            drawing.text((left - 8, top + _BAR / 2 + 4), text, "label", "end", name)
            begin, end = (left + room * share for share in self.shares(value))
            style = "wrong" if value < 0 else "band"
            drawing.rectangle((begin, top + 4), end - begin, _BAR - 8, style, 0.75)
            drawing.text((end + 6, top + _BAR / 2 + 4), self.written(value), "label")

    def written(self, value: float) -> str:
        """A value as it stands behind its bar."""
        return format(value, self.spec) if math.isfinite(value) else "–"

    def told(self) -> str:
        """The first and the last bar."""
        ends = [self.bars[0], *self.bars[-1:]] if len(self.bars) > 1 else self.bars
        said = " to ".join(f"{name} {self.written(value)}" for name, value in ends)
        return f"{self.title}: {said}."

    def numbers(self) -> Numbers:
        """Names and values."""
        return ["", self.title], [[name, value] for name, value in self.bars]


def _head(drawing: Drawing, title: str, corner: Point, room: float) -> None:
    """The title, cut where the legend begins."""
    shown = shortened(title, PANEL_TITLE_SIZE * 1.06, room - LEFT - 8)
    drawing.text((corner[0] + LEFT, corner[1] + 20), shown, "panel", whole=title)


def _legend(drawing: Drawing, names: Sequence[str], end: Point) -> float:
    """Names of several lines, from the right ``end`` of the head; return where they begin."""
    right = end[0]
    if len(names) < 2:
        return right
    for called, (style, _) in reversed(list(zip(names, _STYLES, strict=False))):
        right -= text_width(called, LABEL_SIZE)
        drawing.text((right, end[1] + 20), called, "label")
        drawing.line((right - 24, end[1] + 16), (right - 6, end[1] + 16), style)
        right -= 36
    return right
