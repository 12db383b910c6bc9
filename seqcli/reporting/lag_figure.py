"""A figure of what drove a forecast: over lags, the gradient of each column and what shuffling it costs.

Laid out and painted here on a :class:`~seqcli.reporting.svg.Drawing`, whatever that writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqcli.reporting.axes import (
    LABEL_SIZE,
    Tick,
    number_ticks,
    shortened,
    step_ticks,
    text_width,
    value_range,
)
from seqcli.reporting.fan import PANEL_TITLE_SIZE, TEXT_SIZE, TITLE_SIZE, WIDTH
from seqcli.reporting.influence import by_lag
from seqcli.reporting.influence_words import Record, lag_shares
from seqcli.reporting.svg import Drawing, Frame
from seqcli.results import Cell, ResultTable

MOST_ROWS = 6
_EDGE, _GAP, _HEAD, _BELOW, _TOP = 24.0, 36.0, 30.0, 46.0, 84.0
_HEIGHTS = ((1, 300.0), (2, 220.0), (MOST_ROWS, 150.0))
"""(up to so many rows, height of a plotting area)."""


@dataclass(frozen=True)
class Bar:
    """A block of lags, its value, and the standard deviation of that."""

    near: int
    far: int
    value: float
    spread: float = 0.0


@dataclass(frozen=True)
class LagPanel:
    """Percent over the lags of a window: a line (one value a lag, the oldest first), or bars."""

    title: str
    line: Sequence[float] = ()
    bars: Sequence[Bar] = ()


@dataclass(frozen=True)
class LagFigure:
    """What is drawn: two panels a row, of the gradient and of the shuffles."""

    title: str
    subtitle: str
    window: int
    panels: Sequence[LagPanel]
    notes: Sequence[str] = ()
    left: int = 0
    """Panels for which there was no room."""


def lag_figure(table: ResultTable, window: int, said: Sequence[str], source: str) -> LagFigure:
    """The figure of an explanation's rows; ``said`` are the sentences on it, ``source`` names the file."""
    records = table.records()
    whole = [each for each in records if each["member"] == "all"]
    owners = list(dict.fromkeys((each.get("series"), each["target"]) for each in _of(whole, "gradient")))
    pooled = len({series for series, _ in owners}) > 1
    panels: list[LagPanel] = []
    still: dict[str, float] = {}
    for own in owners:
        mine = [each for each in whole if each["target"] == own[1] and each.get("series") in (None, own[0])]
        shares = lag_shares(mine)
        lines = by_lag(shares, window)
        for name in sorted(lines, key=lambda name: -sum(lines[name])):
            lead = " · ".join([*_distinct(owners, own), name])
            panels.append(LagPanel(f"{lead}: share of the gradient, %", line=lines[name]))
            if not pooled or own[0] == owners[0][0]:  # the shuffles are of all series
                lead = f"all series · {name}" if pooled else lead
                shuffled = [each for each in _of(mine, "permutation") if each["column"] == name]
                panels.append(LagPanel(f"{lead}: rise of the error when shuffled, %", bars=_bars(shuffled)))
        for (name, _, _), share in shares.items():
            if name not in lines:
                still[name] = still.get(name, 0.0) + share / len(owners)
    more = [f"{name}: {100 * share:.0f} % of the gradient" for name, share in still.items() if share >= 0.005]
    kept = panels[: 2 * MOST_ROWS]
    subtitle, *rest = [part for sentence in said for part in sentence.split("; ")]
    named = f"{Path(source).name}: {subtitle}" if source else subtitle
    return LagFigure(table.title, named, window, kept, (*rest, *more), len(panels) - len(kept))


def _of(records: Sequence[Record], method: str) -> list[Record]:
    return [each for each in records if each["method"] == method]


def _distinct(owners: Sequence[tuple[Cell, Cell]], own: tuple[Cell, Cell]) -> list[str]:
    """Series and target of a panel, each where there are several."""
    return [str(own[at]) for at in range(2) if own[at] is not None and len({each[at] for each in owners}) > 1]


def _bars(records: Sequence[Record]) -> list[Bar]:
    """The blocks of a column; the column as a whole where it was not looked at in blocks."""
    bars = [
        Bar(
            *(int(float(str(each[key]))) for key in ("lag_from", "lag_to")),
            *(100 * float(str(each[key] or 0.0)) for key in ("importance", "spread")),
        )
        for each in records
    ]
    return bars[1:] or bars


# ---------------------------------------------------------------------- painting


def height_of(figure: LagFigure) -> float:
    """Pixels from the top to the bottom of the figure."""
    rows = -(-len(figure.panels) // 2)
    return _TOP + rows * (_HEAD + _panel_height(rows) + _BELOW) + 19 * len(figure.notes) + 12


def _panel_height(rows: int) -> float:
    return next(height for most, height in _HEIGHTS if rows <= most)


def paint(figure: LagFigure, drawing: Drawing) -> Drawing:
    """Paint the whole figure on ``drawing``, which is :data:`WIDTH` wide and :func:`height_of` it high."""
    room = WIDTH - 2 * _EDGE
    drawing.rectangle((0, 0), drawing.width, drawing.height, "paper")
    title = shortened(figure.title, TITLE_SIZE * 1.06, room)
    drawing.text((_EDGE, 34), title, "title", whole=figure.title)
    subtitle = shortened(figure.subtitle, TEXT_SIZE, room)
    drawing.text((_EDGE, 57), subtitle, "faint", whole=figure.subtitle)
    rows = -(-len(figure.panels) // 2)
    height = _panel_height(rows)
    for at, panel in enumerate(figure.panels):
        left = _EDGE + (at % 2) * ((room - _GAP) / 2 + _GAP)
        top = _TOP + (at // 2) * (_HEAD + height + _BELOW) + _HEAD
        _paint_panel(figure, panel, drawing, (left, top, (room - _GAP) / 2, height))
    foot = drawing.height - 19 * len(figure.notes)
    for line, note in enumerate(figure.notes):
        drawing.text((_EDGE, foot + 19 * line), shortened(note, TEXT_SIZE, room), "faint", whole=note)
    return drawing


def _paint_panel(
    figure: LagFigure, panel: LagPanel, drawing: Drawing, place: tuple[float, float, float, float]
) -> None:
    """One panel at ``place``: (left, top, width, height), axes included but for names below."""
    left, top, width, height = place
    ends = [end for bar in panel.bars for end in (bar.value - bar.spread, bar.value + bar.spread)]
    low, high = value_range([0.0, *panel.line, *ends])
    low = 0.0 if min([0.0, *panel.line, *ends]) >= 0 else low  # nothing stands below zero
    values, _ = number_ticks(low, high, 5)
    margin = 10 + max(text_width(tick.label, LABEL_SIZE) for tick in values)
    frame = Frame(left + margin, top, width - margin, height, low, high, figure.window)
    title = shortened(panel.title, PANEL_TITLE_SIZE * 1.06, width)
    drawing.text((left, top - 12), title, "panel", whole=panel.title)
    drawing.axes(frame, values, lag_ticks(figure.window, frame.width))
    zero = frame.y(0.0)
    if not panel.line and not panel.bars:
        drawing.text((frame.left + frame.width / 2, top + height / 2), "not shuffled", "faint", "middle")
    for bar in panel.bars:
        begin, end = _edges(frame, figure.window, bar)
        upper, lower = sorted((frame.y(bar.value), zero))
        drawing.rectangle((begin, upper), max(end - begin - 1, 1), lower - upper, "band", 0.75)
        middle = (begin + end - 1) / 2
        whisker = frame.y(bar.value - bar.spread), frame.y(bar.value + bar.spread)
        drawing.line((middle, whisker[0]), (middle, whisker[1]), "whisker")
    if panel.line:
        points = [(frame.x(step), frame.y(value)) for step, value in enumerate(panel.line)]
        drawing.area(points, [(x, zero) for x, _ in points], "band", 0.25)
        drawing.curve(points, "forecast")
        if len(points) == 1:
            drawing.dot(points[0], "ahead", 3)


def lag_ticks(window: int, width: float) -> list[Tick]:
    """Marks at round lags of an axis that goes from lag ``window`` on the left to lag 1 on the right."""
    if window == 1:
        return [Tick(0.0, "lag 1")]
    ticks = step_ticks([float(lag) for lag in range(1, window + 1)], width)
    return [
        Tick(window - 1 - tick.at, f"lag {tick.label}" if tick is ticks[0] else tick.label) for tick in ticks
    ]


def _edges(frame: Frame, window: int, bar: Bar) -> tuple[float, float]:
    """Left and right edge of a bar, half a step beyond its lags, inside the frame."""
    if window == 1:
        return frame.left, frame.left + frame.width
    begin, end = frame.x(window - bar.far - 0.5), frame.x(window - bar.near + 0.5)
    return max(begin, frame.left), min(end, frame.left + frame.width)
