"""The figure of a comparison: how predictors rank, and for each network how it came there.

On the left one line a predictor: its mean on validation, the spread over seeds, the test part beside it. On
the right a small panel for each network: the metric over the seconds of its training, or over the number of
training rows, against the best that needs no network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqcli.reporting.axes import LABEL_SIZE, Tick, number_ticks, shortened, text_width, value_range, wrapped
from seqcli.reporting.fan import PANEL_TITLE_SIZE, TEXT_SIZE, TITLE_SIZE, WIDTH
from seqcli.reporting.fan_svg import DARK, FONT, LIGHT, styles
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import Drawing, Frame, escaped, style_rules
from seqcli.results import Cell, ResultTable
from seqcli.training.comparing.entries import BASELINE, Standing

_EDGE, _TOP, _LINE, _GAP, _BELOW = 24.0, 84.0, 22.0, 28.0, 58.0
_SMALL = 118.0
"""Height of a small panel's plotting area."""
_ACROSS = 3
MOST_PANELS = 24
FINE = 1000
"""Places along a small panel."""


@dataclass(frozen=True)
class Small:
    """One network: lines of (place from 0 to 1, metric), and the names below the ends and between."""

    title: str
    lines: Sequence[Sequence[tuple[float, float]]]
    marks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class ComparedFigure:
    """What is drawn."""

    title: str
    subtitle: str
    metric: str
    ranked: Sequence[Standing]
    panels: Sequence[Small]
    reference: float | None
    """The metric of the best that needs no network."""
    across: str
    """What that is."""
    left: int = 0
    """Panels for which there was no room."""


def compared_figure(found: Sequence[Standing], source: str) -> ComparedFigure:
    """The figure of ``found``, which is ranked as it will be drawn; ``source`` names the file."""
    scored = [each for each in found if each.mean("validation") is not None]
    metric = scored[0].metric if scored else ""
    counts = sorted({each.entry.rows for each in scored if each.entry.rows is not None})
    last = [each for each in scored if not counts or each.entry.rows == counts[-1]]
    networks = [each for each in last if each.entry.kind != BASELINE]
    best = next((each for each in last if each.entry.kind == BASELINE), None)
    if len(counts) > 1:
        panels = [_by_rows(each, scored, counts) for each in networks]
        what = "validation over training rows"
    else:
        longest = max((at for each in networks for one in each.finished for at, _ in one.curve), default=1.0)
        panels = [_by_time(each, longest) for each in networks]
        what = "validation over seconds of training"
    name = f"line across: {best.entry.title}, the best that needs no network" if best is not None else ""
    on = f" on {counts[-1]:,} rows" if counts else ""
    return ComparedFigure(
        f"{source}: {metric}{on}",
        f"dots: validation, with the spread over seeds; squares: test; curves: {what}",
        metric,
        last,
        panels[:MOST_PANELS],
        best.mean("validation") if best is not None else None,
        name,
        max(len(panels) - MOST_PANELS, 0),
    )


def _by_time(standing: Standing, longest: float) -> Small:
    """The learning curve of each seed."""
    lines = [[(at / longest, value) for at, value in one.curve] for one in standing.finished if one.curve]
    return Small(standing.entry.title, lines, ((0.0, "0"), (1.0, f"{longest:.3g} s")))


def _by_rows(standing: Standing, scored: Sequence[Standing], counts: Sequence[int]) -> Small:
    """The mean over seeds at each number of rows, which stand on a scale of powers."""
    low, high = math.log(counts[0]), math.log(counts[-1])
    entry, points = standing.entry, []
    for each in scored:
        same = (each.entry.name, each.entry.both_ways) == (entry.name, entry.both_ways)
        mean, rows = each.mean("validation"), each.entry.rows
        if same and each.entry.kind == entry.kind and mean is not None and rows is not None:
            points.append(((math.log(rows) - low) / (high - low), mean))
    marks = [((math.log(count) - low) / (high - low), f"{count:,}") for count in counts]
    return Small(entry.title, [sorted(points)], marks)


# ---------------------------------------------------------------------- painting


def height_of(figure: ComparedFigure) -> float:
    """Pixels from the top to the bottom of the figure."""
    ranks = 30 + _LINE * len(figure.ranked) + 40
    rows = -(-len(figure.panels) // _ACROSS)
    return _TOP + max(ranks, rows * (_SMALL + _BELOW)) + 24


def paint(figure: ComparedFigure, drawing: Drawing) -> Drawing:
    """Paint the whole figure on ``drawing``, which is :data:`WIDTH` wide and :func:`height_of` it high."""
    drawing.rectangle((0, 0), drawing.width, drawing.height, "paper")
    room = WIDTH - 2 * _EDGE
    title = shortened(figure.title, TITLE_SIZE * 1.06, room)
    drawing.text((_EDGE, 34), title, "title", whole=figure.title)
    subtitle = shortened(figure.subtitle, TEXT_SIZE, room)
    drawing.text((_EDGE, 57), subtitle, "faint", whole=figure.subtitle)
    _paint_ranks(figure, drawing)
    values = [value for small in figure.panels for line in small.lines for _, value in line]
    values += [figure.reference] if figure.reference is not None else []
    low, high = value_range(values)
    ticks, _ = number_ticks(low, high, 3)
    margin = 8 + max((text_width(tick.label, LABEL_SIZE) for tick in ticks), default=0.0)
    begin = _EDGE + 0.4 * room
    each = (WIDTH - _EDGE - begin - (_ACROSS - 1) * 12) / _ACROSS
    for at, small in enumerate(figure.panels):
        left = begin + (at % _ACROSS) * (each + 12) + margin
        top = _TOP + 16 + (at // _ACROSS) * (_SMALL + _BELOW)
        frame = Frame(left, top, each - margin, _SMALL, low, high, FINE + 1)
        _paint_small(small, drawing, frame, ticks)
        if figure.reference is not None:  # over every panel
            y = frame.y(figure.reference)
            drawing.line((frame.left, y), (frame.left + frame.width, y), "now")
    foot = shortened(figure.across, TEXT_SIZE, room)
    drawing.text((_EDGE, drawing.height - 14), foot, "faint", whole=figure.across)
    return drawing


def _paint_ranks(figure: ComparedFigure, drawing: Drawing) -> None:
    """A line a predictor, the best at the top."""
    room = 0.4 * (WIDTH - 2 * _EDGE) - _GAP
    widest = max((text_width(each.entry.title, TEXT_SIZE) for each in figure.ranked), default=0.0)
    names = min(widest + 10, room * 0.66)
    means = [each.mean(part) for each in figure.ranked for part in ("validation", "test")]
    ends = [
        mean + sign * (each.spread or 0.0)
        for each in figure.ranked
        if (mean := each.mean("validation")) is not None
        for sign in (-1, 1)
    ]
    low, high = value_range([*(mean for mean in means if mean is not None), *ends])
    height = _LINE * len(figure.ranked)
    left, width, top = _EDGE + names, room - names, _TOP + 16
    for tick in number_ticks(low, high, 4)[0]:
        x = left + width * (tick.at - low) / (high - low)
        drawing.line((x, top), (x, top + height), "grid")
        drawing.text((x, top + height + 16), tick.label, "label", "middle")
    drawing.text((left, top - 8), figure.metric, "panel")

    def x_of(value: float) -> float:
        return left + width * (value - low) / (high - low)

    for at, each in enumerate(figure.ranked):
        y = top + _LINE * (at + 0.5)
        small = text_width(each.entry.title, TEXT_SIZE) > names - 6
        title = shortened(each.entry.title, LABEL_SIZE if small else TEXT_SIZE, names - 6)
        style = "label" if small else "faint"
        drawing.text((left - 8, y + 4.5), title, style, "end", whole=each.entry.title)
        mean, test, spread = each.mean("validation"), each.mean("test"), each.spread
        assert mean is not None
        if spread:
            drawing.line((x_of(mean - spread), y), (x_of(mean + spread), y), "whisker")
        if test is not None:
            drawing.rectangle((x_of(test) - 3, y - 3), 6, 6, "past", 0.6)
        drawing.dot((x_of(mean), y), "ahead", 4)


def _paint_small(small: Small, drawing: Drawing, frame: Frame, ticks: Sequence[Tick]) -> None:
    """One small panel."""
    lines = wrapped(small.title, PANEL_TITLE_SIZE * 1.06, frame.width)
    for up, line in enumerate(reversed(lines)):  # two have room between a panel and the one above
        drawing.text((frame.left, frame.top - 6 - 16 * up), line, "panel", whole=small.title)
    marks: list[Tick] = []
    for place, name in small.marks:
        x, half = frame.width * place, text_width(name, LABEL_SIZE) / 2
        clear = not marks or x - half > frame.width * marks[-1].at / FINE + 14
        marks += [Tick(place * FINE, name)] if clear else []
    drawing.axes(frame, ticks, marks)
    for line in small.lines:
        points = [(frame.x(place * FINE), frame.y(value)) for place, value in line]
        drawing.curve(points, "forecast", dots="ahead")
        drawing.dot(points[-1], "ahead", 2.5)


# ---------------------------------------------------------------------- the forms


def svg_text(figure: ComparedFigure) -> str:
    """``figure`` as an SVG document that looks the same wherever it is shown."""
    drawing = paint(figure, Drawing(WIDTH, height_of(figure)))
    return drawing.document(figure.title, figure.subtitle, _sheet(LIGHT))


def html_text(figure: ComparedFigure, result: ResultTable) -> str:
    """``figure`` as one HTML page, light or dark as its reader has it, with the table below."""
    drawing = paint(figure, Drawing(WIDTH, height_of(figure)))
    dark = "@media (prefers-color-scheme:dark)"
    body = [f"body{{background:{each['paper']};color:{each['ink']}}}" for each in (LIGHT, DARK)]
    page = (
        f"body{{margin:0 auto;max-width:{WIDTH:g}px;font:14px {FONT}}}svg{{width:100%;height:auto}}"
        "div{overflow-x:auto;margin:12px 24px}td,th{padding:2px 8px;text-align:right}"
        f"{body[0]}{dark}{{{body[1]}}}"
    )
    picture = drawing.document(figure.title, figure.subtitle, f"{_sheet(LIGHT)}{dark}{{{_sheet(DARK)}}}")
    head = "".join(f"<th>{escaped(column.name)}</th>" for column in result.columns)
    rows = "\n".join(_row(result, row) for row in result.rows)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(figure.title)}</title>\n<style>{page}</style>\n</head>\n<body>\n{picture}"
        f"<div><table><tr>{head}</tr>\n{rows}\n</table></div>\n</body>\n</html>\n"
    )


def _row(result: ResultTable, row: Sequence[Cell]) -> str:
    cells = (_shown(cell, column.spec) for cell, column in zip(row, result.columns, strict=True))
    return f"<tr>{''.join(f'<td>{escaped(cell)}</td>' for cell in cells)}</tr>"


def _shown(cell: Cell, spec: str) -> str:
    if cell is None:
        return ""
    return format(cell, spec) if spec and not isinstance(cell, str) else str(cell)


def _sheet(colours: dict[str, str]) -> str:
    return styles(colours) + style_rules({"whisker": {"stroke": colours["ink"], "stroke-width": "1"}})


def _png(figure: ComparedFigure, screen: Screen) -> bytes:
    from seqcli.reporting.drawing_png import png_of

    return png_of(figure.title, (WIDTH, height_of(figure)), lambda drawing: paint(figure, drawing), screen)


def drawn(result: ResultTable) -> dict[str, Callable[[ComparedFigure, Screen], bytes]]:
    """What draws it, by the ending of the file."""
    return {
        ".svg": lambda figure, screen: svg_text(figure).encode(),
        ".html": lambda figure, screen: html_text(figure, result).encode(),
        ".png": _png,
    }
