"""A line chart in characters: the last of the history, the forecast, and its intervals as shades.

Lines are drawn in braille dots, two by four to a character cell; where only ASCII can be shown,
one character a column does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from seqcli.reporting.dots import Dots, braille

Segment: TypeAlias = tuple[str, str]
"""(text, style): the style is "", "dim", "bold" or "cyan"."""


@dataclass(frozen=True)
class Band:
    """An interval around the forecast, one low and one high value a step."""

    level: int
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class ForecastChart:
    """What to draw: values of one series, oldest first; NaN is a gap."""

    title: str
    history: Sequence[float]
    forecast: Sequence[float]
    bands: Sequence[Band]
    first: str
    """What to call the first step of the history that is shown, the last one, and the last forecast step."""
    now: str
    last: str
    stamps: Sequence[datetime | float] = ()
    """The moment or the number of every step, history and forecast, and what a file calls it."""
    names: Sequence[str] = ()


def shown_history(available: int, horizon: int) -> int:
    """How many past steps stand beside ``horizon`` future ones: about four times as many."""
    return min(available, max(4 * horizon, 48))


def draw_chart(
    chart: ForecastChart, width: int = 80, height: int = 12, plain: bool = False
) -> list[list[Segment]]:
    """The chart as lines of styled segments, each at most ``width`` columns wide."""
    values = [*chart.history, *chart.forecast]
    for band in chart.bands:
        values += [*band.low, *band.high]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return []
    low, high = min(finite), max(finite)
    if low == high:
        low, high = low - max(abs(low) * 0.01, 0.5), high + max(abs(high) * 0.01, 0.5)
    labels = axis_labels(low, high, height)
    margin = max(len(label) for label in labels)
    plot = _Plot(chart, width - margin - 2, height, low, high, plain)
    axis = "|" if plain else "┤"
    lines: list[list[Segment]] = [[(chart.title, "bold")]] if chart.title else []
    for row in range(height):
        lines.append([(labels[row].rjust(margin) + " ", "dim"), (axis, "dim"), *plot.row(row)])
    corner, rule, mark = "+-+" if plain else "└─┴"
    now = plot.column_of(max(len(chart.history) - 1, 0))
    indent = " " * (margin + 1)
    lines.append([(indent + corner + rule * now + mark + rule * (plot.columns - now - 1), "dim")])
    lines.append([(indent + " " + _time_line(chart, plot.columns, now), "dim")])
    lines.append([(indent + " " + _legend(chart, plain, plot.columns), "dim")])
    return lines


def axis_labels(low: float, high: float, height: int) -> list[str]:
    """Values at the top, the middle and the bottom row, with as many decimals as the range needs."""
    decimals = max(0, 2 - math.floor(math.log10(high - low)))
    plain = decimals <= 6 and max(abs(low), abs(high)) < 1e9
    texts = [""] * height
    for row in (0, height // 2, height - 1):
        value = high - (high - low) * row / (height - 1)
        texts[row] = f"{value:,.{decimals}f}" if plain else f"{value:.4g}"
    return texts


def _time_line(chart: ForecastChart, columns: int, now: int) -> str:
    """The three names below the axis; a name that has no room is left out."""
    line = [" "] * columns
    middle = (now - len(chart.now) // 2, now + 1 - len(chart.now))
    for name, starts in (
        (chart.first, (0,)),
        (chart.last, (columns - len(chart.last),)),
        (chart.now, middle),
    ):
        for start in starts:
            room = line[max(0, start - 1) : start + len(name) + 1]
            if 0 <= start <= columns - len(name) and set(room) <= {" "}:
                line[start : start + len(name)] = name
                break
    return "".join(line).rstrip()


def _legend(chart: ForecastChart, plain: bool, room: int) -> str:
    """What the signs mean, as far as there is room."""
    mark = "+" if plain else "┴"
    lines = ["* history", "o forecast"] if plain else []
    shades = [
        f"{_shade(rank, plain)} {band.level} % interval"
        for rank, band in enumerate(_inner_first(chart.bands))
    ]
    parts = [*lines, *shades, f"{mark} last row of the file"]
    while len("   ".join(parts)) > room:
        parts.pop()
    return "   ".join(parts)


def _inner_first(bands: Sequence[Band]) -> list[Band]:
    return sorted(bands, key=lambda band: band.level)


def _shade(rank: int, plain: bool) -> str:
    """The sign of a band, the innermost first."""
    return (":.'" if plain else "▒░·")[min(rank, 2)]


class _Plot:
    """The plotting area: values to dots, dots to characters."""

    def __init__(
        self, chart: ForecastChart, columns: int, height: int, low: float, high: float, plain: bool
    ) -> None:
        self.columns = columns
        self._height = height
        self._low = low
        self._span = high - low
        self._plain = plain
        self._steps = len(chart.history) + len(chart.forecast)
        self._past = len(chart.history)
        self._bands = _inner_first(chart.bands)
        self._past_dots = Dots(columns, height)
        self._future_dots = Dots(columns, height)
        self._line(list(enumerate(chart.history)), self._past_dots)
        start = [(self._past - 1, chart.history[-1])] if chart.history else []
        self._line(start + list(enumerate(chart.forecast, self._past)), self._future_dots)

    def column_of(self, step: float) -> int:
        """The character column of a step."""
        return round(self._position(step) * (self.columns - 1))

    def row(self, row: int) -> list[Segment]:
        """One row of characters, forecast over history over bands."""
        return [self._cell(row, column) for column in range(self.columns)]

    def _position(self, step: float) -> float:
        """A step's place along the time axis, 0 to 1."""
        return step / max(self._steps - 1, 1)

    def _line(self, points: Sequence[tuple[int, float]], dots: Dots) -> None:
        """Join points (step, value) by straight lines; a NaN is a gap."""
        for (step, value), (next_step, next_value) in zip(
            points, [*points[1:], points[-1]] if points else [], strict=True
        ):
            if math.isfinite(value):
                begin = self._dot(step, value)
                dots.line(begin, self._dot(next_step, next_value) if math.isfinite(next_value) else begin)

    def _dot(self, step: float, value: float) -> tuple[int, int]:
        return self._past_dots.place(self._position(step), (value - self._low) / self._span)

    def _cell(self, row: int, column: int) -> Segment:
        """The character of one cell and its style."""
        future, past = self._future_dots.at(row, column), self._past_dots.at(row, column)
        if future:
            return ("o" if self._plain else braille(future | past), "cyan")
        if past:
            return ("*" if self._plain else braille(past), "")
        for rank, band in enumerate(self._bands):
            if self._inside(row, column, band):
                return (_shade(rank, self._plain), "dim")
        return (" ", "")

    def _inside(self, row: int, column: int, band: Band) -> bool:
        """Whether the middle of a cell lies in a band at that column's time."""
        step = column / max(self.columns - 1, 1) * max(self._steps - 1, 1) - self._past
        if step < -0.5 or not band.low:
            return False
        value = self._low + self._span * (1 - (row + 0.5) / self._height)
        return _between(band.low, step) <= value <= _between(band.high, step)


def _between(values: Sequence[float], step: float) -> float:
    """Linear interpolation in ``values`` at a fractional index, held at the ends."""
    step = min(max(step, 0.0), len(values) - 1.0)
    left = math.floor(step)
    right = min(left + 1, len(values) - 1)
    return values[left] + (values[right] - values[left]) * (step - left)
