"""The figure of an inspection as SVG, as a page that holds it with its numbers, and as PNG."""

from __future__ import annotations

from collections.abc import Callable

from seqcli.reporting.fan import WIDTH
from seqcli.reporting.fan_svg import DARK, LIGHT, styles
from seqcli.reporting.gradient_figure import GradientFigure, height_of, paint
from seqcli.reporting.gradient_map import MapPanel
from seqcli.reporting.lag_plots import page
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import Drawing, escaped

SHOWN = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""Steps back of which a page has the numbers."""


def svg_text(figure: GradientFigure) -> str:
    """``figure`` as an SVG document that looks the same wherever it is shown."""
    drawing = paint(figure, Drawing(WIDTH, height_of(figure)))
    return drawing.document(figure.title, figure.subtitle, styles(LIGHT))


def html_text(figure: GradientFigure) -> str:
    """``figure`` as one HTML page, light or dark as its reader has it, with its numbers below."""
    drawing = paint(figure, Drawing(WIDTH, height_of(figure)))
    sheet = f"{styles(LIGHT)}@media (prefers-color-scheme:dark){{{styles(DARK)}}}"
    body = drawing.document(figure.title, figure.subtitle, sheet)
    tables = "\n".join(_table(panel, figure) for panel in figure.panels)
    return page(figure.title, body, tables)


def _table(panel: MapPanel, figure: GradientFigure) -> str:
    """The numbers of one panel at some steps back."""
    places = [step for step in SHOWN if step < figure.steps]
    head = "".join(f'<th scope="col">{step}</th>' for step in places)
    rows = []
    for row in panel.rows:
        cells = [f"{row.ratio[step]:.2g}" if step < len(row.ratio) else "" for step in places]
        values = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escaped(row.label)}</th>{values}</tr>')
    lines = "\n".join(rows)
    first = f'<tr><th scope="col">{figure.unit}s back</th>{head}</tr>'
    return f"<table><caption>{escaped(panel.title)}</caption>\n{first}\n{lines}\n</table>"


def _svg(figure: GradientFigure, screen: Screen) -> bytes:
    return svg_text(figure).encode()


def _html(figure: GradientFigure, screen: Screen) -> bytes:
    return html_text(figure).encode()


def _png(figure: GradientFigure, screen: Screen) -> bytes:
    from seqcli.reporting.drawing_png import png_of

    return png_of(figure.title, (WIDTH, height_of(figure)), lambda drawing: paint(figure, drawing), screen)


DRAWN: dict[str, Callable[[GradientFigure, Screen], bytes]] = {".svg": _svg, ".html": _html, ".png": _png}
