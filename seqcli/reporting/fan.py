"""A fan chart of a forecast as plain data: panels, where they stand, what is written around them.

The same layout is drawn as SVG (:mod:`.fan_svg`) and by matplotlib (:mod:`.fan_png`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqcli.reporting.axes import (
    LABEL_SIZE,
    NumberForm,
    Stamp,
    Tick,
    number_ticks,
    shortened,
    step_ticks,
    text_width,
    value_range,
)
from seqcli.reporting.chart import Band, ForecastChart
from seqcli.reporting.svg import Frame, Point

MOST_PANELS = 12
WIDTH = 960.0
_EDGE, _GAP = 24.0, 28.0
TITLE_SIZE, TEXT_SIZE, PANEL_TITLE_SIZE = 20.0, 13.0, 14.0
_BELOW = 38.0
"""Room for the names of the time axis."""
_COLUMNS = ((1, 1, 360.0), (2, 1, 220.0), (6, 2, 190.0), (MOST_PANELS, 3, 140.0))
"""(up to so many panels, columns, height of a plotting area)."""
_DENSE = 2.0
"""Pixels a step."""
HISTORY_LINE, FORECAST_LINE, DENSE_LINE = 1.6, 2.2, 1.1
"""Widths of the lines, and of both where steps are dense."""
_FAINTEST, _STRONGEST, _ONLY = 0.14, 0.44, 0.26
"""How much colour the outermost band has, the innermost, and one that is alone."""


@dataclass(frozen=True)
class FanFigure:
    """What is drawn: one panel a series and target."""

    title: str
    subtitle: str
    panels: Sequence[ForecastChart]
    notes: Sequence[str] = ()
    """Sentences at the foot."""
    left: int = 0
    """Series and targets for which there was no room."""

    @property
    def levels(self) -> list[int]:
        """Coverages in percent of all bands, rising."""
        return sorted({band.level for panel in self.panels for band in panel.bands})


@dataclass(frozen=True)
class Panel:
    """One panel with its place: everything that is drawn in it."""

    chart: ForecastChart
    frame: Frame
    title: str
    """As far as there is room; "" for the only panel, which the figure's title names."""
    values: Sequence[Tick]
    steps: Sequence[Tick]
    form: NumberForm
    """How values are written when one is pointed at."""

    @property
    def past(self) -> int:
        """Steps of history."""
        return len(self.chart.history)

    @property
    def dense(self) -> bool:
        """Whether steps are so close that thick lines would run together."""
        return self.frame.width / self.frame.steps < _DENSE

    def history(self) -> list[Point]:
        """The line of the past."""
        return self._points(0, self.chart.history)

    def forecast(self) -> list[Point]:
        """The line of the forecast, from the last value on."""
        joint = self._points(self.past - 1, self.chart.history[-1:])
        ahead = self._points(self.past, self.chart.forecast)
        return [*joint, *ahead] if _finite(joint) else ahead

    def band(self, band: Band) -> tuple[list[Point], list[Point]]:
        """Upper and lower limit of an interval, from the last value on; empty where it has none."""
        upper, lower = (self._points(self.past, limit) for limit in (band.high, band.low))
        if not (_finite(upper) and _finite(lower)):
            return [], []
        joint = self._points(self.past - 1, self.chart.history[-1:])
        if not _finite(joint):
            # Behind a gap the band begins half a step ahead, so that a single step is seen.
            begin = self.frame.x(self.past - 0.5)
            return [(begin, upper[0][1]), *upper], [(begin, lower[0][1]), *lower]
        return [*joint, *upper], [*joint, *lower]

    def bands(self) -> list[Band]:
        """The widest first, which is the order of painting."""
        return sorted(self.chart.bands, key=lambda band: -band.level)

    def _points(self, first: int, values: Sequence[float]) -> list[Point]:
        return [
            (self.frame.x(step), self.frame.y(value) if math.isfinite(value) else math.nan)
            for step, value in enumerate(values, first)
        ]


@dataclass(frozen=True)
class Layout:
    """The whole figure in pixels."""

    width: float
    height: float
    panels: Sequence[Panel]
    title: str
    subtitle: str
    legend: float
    """Pixels from the top to the middle of the legend."""
    notes: Sequence[tuple[Point, str]]


def lay_out(figure: FanFigure) -> Layout:
    """Give every part of ``figure`` its place."""
    count = len(figure.panels)
    columns, height = next((columns, height) for most, columns, height in _COLUMNS if count <= most)
    legend = 84.0
    top = legend + 26
    head = 0.0 if count == 1 else 26.0
    each = (WIDTH - 2 * _EDGE - (columns - 1) * _GAP) / columns
    ranges = [_range(chart) for chart in figure.panels]
    axes = [number_ticks(low, high, 8 if height > 200 else 5) for low, high in ranges]
    margin = 10 + max(text_width(tick.label, LABEL_SIZE) for ticks, _ in axes for tick in ticks)
    panels = []
    for at, (chart, (low, high), (values, form)) in enumerate(zip(figure.panels, ranges, axes, strict=True)):
        left = _EDGE + (at % columns) * (each + _GAP) + margin
        above = top + (at // columns) * (head + height + _BELOW + 8) + head
        steps = len(chart.history) + len(chart.forecast)
        frame = Frame(left, above, each - margin, height, low, high, steps)
        title = "" if count == 1 else shortened(chart.title, PANEL_TITLE_SIZE * 1.06, frame.width)
        stamps: Sequence[Stamp] = chart.stamps or [float(step) for step in range(steps)]
        panels.append(Panel(chart, frame, title, values, step_ticks(stamps, frame.width), form.finer(2)))
    foot = top + math.ceil(count / columns) * (head + height + _BELOW + 8)
    room = WIDTH - 2 * _EDGE
    notes = [
        ((_EDGE, foot + 10 + 19 * line), shortened(note, TEXT_SIZE, room))
        for line, note in enumerate(figure.notes)
    ]
    return Layout(
        WIDTH,
        foot + 19 * len(notes) + 8,
        panels,
        shortened(figure.title, TITLE_SIZE * 1.06, room),
        shortened(figure.subtitle, TEXT_SIZE, room),
        legend,
        notes,
    )


def shades(levels: Sequence[int]) -> dict[int, float]:
    """How much of its colour each band shows where it is seen, by its level: the innermost the most."""
    ordered = sorted(levels, reverse=True)
    if len(ordered) < 2:
        return dict.fromkeys(ordered, _ONLY)
    rise = (_STRONGEST - _FAINTEST) / (len(ordered) - 1)
    return {level: _FAINTEST + rise * rank for rank, level in enumerate(ordered)}


def coats(levels: Sequence[int]) -> dict[int, float]:
    """The opacity to paint each band with, so that what lies over wider ones shows its :func:`shades`."""
    seen = shades(levels)
    opacities: dict[int, float] = {}
    under = 0.0
    for level in sorted(levels, reverse=True):
        opacities[level] = 1 - (1 - seen[level]) / (1 - under)
        under = seen[level]
    return opacities


@dataclass(frozen=True)
class LegendEntry:
    """One sign and what it means: "history", "forecast", "now", or the level of a band."""

    sign: str | int
    text: str
    left: float


def legend_entries(levels: Sequence[int]) -> list[LegendEntry]:
    """The legend from left to right, in lines of pixels; what has no room is left out."""
    meanings: list[tuple[str | int, str]] = [("history", "history"), ("forecast", "forecast")]
    meanings += [(level, f"{level} % interval") for level in levels]
    entries: list[LegendEntry] = []
    left = _EDGE
    for sign, text in [*meanings, ("now", "last row of the file")]:
        wide = 32 + text_width(text, TEXT_SIZE) + 22
        if left + wide <= WIDTH - _EDGE:
            entries.append(LegendEntry(sign, text, left))
            left += wide
    return entries


def _range(chart: ForecastChart) -> tuple[float, float]:
    limits = [value for band in chart.bands for side in (band.low, band.high) for value in side]
    return value_range([*chart.history, *chart.forecast, *limits])


def _finite(points: Sequence[Point]) -> bool:
    return bool(points) and all(math.isfinite(y) for _, y in points)
