"""A figure of panels in a file: two beside each other, as SVG, as a page with its numbers, as PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from seqcli.options import PlotOptions
from seqcli.reporting.axes import shortened
from seqcli.reporting.fan import TEXT_SIZE, TITLE_SIZE
from seqcli.reporting.fan_svg import DARK, FONT, LIGHT, styles
from seqcli.reporting.panels import WIDTH as EACH
from seqcli.reporting.panels import Panel
from seqcli.reporting.plots import write_figure
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import Drawing, escaped, style_rules
from seqcli.results import Cell

WIDTH = 960.0
_ALONE = 680.0
"""Pixels from left to right of a figure of one panel."""
_EDGE, _HEAD, _GAP, _LINE = 24.0, 72.0, 12.0, 19.0
MOST_PANELS = 12
MORE_LIGHT = {"second": "#c4590b", "wrong": "#c4590b"}
MORE_DARK = {"second": "#ffa14d", "wrong": "#ffa14d"}
"""Colours beside those of a forecast."""


@dataclass(frozen=True)
class PanelFigure:
    """What is drawn."""

    title: str
    subtitle: str
    panels: Sequence[Panel]
    left: int = 0
    """Panels for which there was no room."""
    wide: bool = False
    """Whether each panel takes the whole width."""

    @property
    def notes(self) -> list[str]:
        """How to read the panels, each sentence once."""
        return list(dict.fromkeys(panel.note for panel in self.panels if panel.note))

    @property
    def across(self) -> int:
        """Panels beside each other."""
        return 1 if self.wide or len(self.panels) == 1 else 2

    @property
    def rows(self) -> list[Sequence[Panel]]:
        """The panels that stand beside each other, row by row."""
        return [self.panels[at : at + self.across] for at in range(0, len(self.panels), self.across)]

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return WIDTH if self.wide or self.across > 1 else _ALONE

    @property
    def height(self) -> float:
        """Pixels from the top to the bottom."""
        rows = sum(max(panel.height for panel in row) + _GAP for row in self.rows)
        return _HEAD + rows + _LINE * len(self.notes) + 8


def write_panels(figure: PanelFigure, plot: PlotOptions, screen: Screen, nothing: str) -> None:
    """Draw ``figure`` into the file that ``plot`` names; ``nothing`` says why there may be no panel."""
    kept = figure.panels[:MOST_PANELS]
    figure = replace(figure, panels=kept, left=figure.left + len(figure.panels) - len(kept))
    write_figure(figure, plot, screen, (DRAWN, "panels", nothing))


def paint(figure: PanelFigure, drawing: Drawing) -> Drawing:
    """Paint the whole figure on ``drawing``, which is as wide and high as the figure."""
    drawing.rectangle((0, 0), drawing.width, drawing.height, "paper")
    room = figure.width - 2 * _EDGE
    title = shortened(figure.title, TITLE_SIZE * 1.06, room)
    drawing.text((_EDGE, 34), title, "title", whole=figure.title)
    subtitle = shortened(figure.subtitle, TEXT_SIZE, room)
    drawing.text((_EDGE, 57), subtitle, "faint", whole=figure.subtitle)
    top = _HEAD
    begin, each = _EDGE - 12, (figure.width - 24) / figure.across  # panels have an edge of their own
    for row in figure.rows:
        for place, panel in enumerate(row):
            panel.paint(drawing, (begin + place * each, top), each)
        top += max(panel.height for panel in row) + _GAP
    for line, note in enumerate(figure.notes):
        at = (_EDGE, top + 8 + _LINE * line)
        drawing.text(at, shortened(note, TEXT_SIZE, room), "faint", whole=note)
    return drawing


def alone(panel: Panel, name: str) -> str:
    """One panel as an SVG element of a page that has the style sheet; ``name`` tells it from others there."""
    drawing = Drawing(EACH, panel.height)
    panel.paint(drawing, (0, 0), EACH)
    return drawing.document(panel.title, panel.told(), name=name)


def described(figure: PanelFigure) -> str:
    """What the figure shows, in words."""
    return " ".join([f"{figure.subtitle.rstrip('.')}.", *(panel.told() for panel in figure.panels)])


def more_styles(colours: dict[str, str], others: dict[str, str]) -> str:
    """Rules of the panels beside those of a forecast; ``others`` are the colours of those."""
    line = {"fill": "none", "stroke": colours["second"], "stroke-width": "1.8", "stroke-dasharray": "6 3"}
    count = {"fill": others["ink"], "font-size": "12px", "font-variant-numeric": "tabular-nums"}
    return style_rules(
        {
            "second": line,
            "other": {"fill": colours["second"]},
            "wrong": {"fill": colours["wrong"]},
            "count": count,
        }
    )


def svg_text(figure: PanelFigure) -> str:
    """``figure`` as an SVG document that looks the same wherever it is shown."""
    drawing = paint(figure, Drawing(figure.width, figure.height))
    sheet = styles(LIGHT) + more_styles(MORE_LIGHT, LIGHT)
    return drawing.document(figure.title, described(figure), sheet)


def html_text(figure: PanelFigure) -> str:
    """``figure`` as one HTML page, light or dark as its reader has it, with its numbers below."""
    drawing = paint(figure, Drawing(figure.width, figure.height))
    dark = "@media (prefers-color-scheme:dark)"
    sheets = [styles(LIGHT) + more_styles(MORE_LIGHT, LIGHT), styles(DARK) + more_styles(MORE_DARK, DARK)]
    body = [f"body{{background:{each['paper']};color:{each['ink']}}}" for each in (LIGHT, DARK)]
    page = (
        f"body{{margin:0 auto;max-width:{figure.width:g}px;font:14px {FONT}}}svg{{width:100%;height:auto}}"
        "details{margin:12px 24px;overflow-x:auto}td,th{padding:2px 10px;text-align:right}"
        f"caption{{text-align:left;font-weight:600}}{body[0]}{dark}{{{body[1]}}}"
    )
    picture = drawing.document(figure.title, described(figure), f"{sheets[0]}{dark}{{{sheets[1]}}}")
    tables = "\n".join(_table(panel) for panel in figure.panels)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(figure.title)}</title>\n<style>{page}</style>\n</head>\n<body>\n{picture}"
        f"<details><summary>The numbers</summary>\n{tables}\n</details>\n</body>\n</html>\n"
    )


def _table(panel: Panel) -> str:
    heads, rows = panel.numbers()
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in heads)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{escaped(_shown(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><caption>{escaped(panel.title)}</caption>\n<tr>{head}</tr>\n{body}\n</table>"


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.6g}" if math.isfinite(cell) else ""
    return "" if cell is None else str(cell)


def _svg(figure: PanelFigure, screen: Screen) -> bytes:
    return svg_text(figure).encode()


def _html(figure: PanelFigure, screen: Screen) -> bytes:
    return html_text(figure).encode()


def _png(figure: PanelFigure, screen: Screen) -> bytes:
    from seqcli.reporting.drawing_png import png_of

    return png_of(figure.title, (figure.width, figure.height), lambda drawing: paint(figure, drawing), screen)


DRAWN: dict[str, Callable[[PanelFigure, Screen], bytes]] = {".svg": _svg, ".html": _html, ".png": _png}
