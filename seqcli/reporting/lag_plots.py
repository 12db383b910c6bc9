"""The figure of what drove a forecast as SVG, as a page that holds it with its numbers, and as PNG."""

from __future__ import annotations

from collections.abc import Callable

from seqcli.reporting.fan import WIDTH
from seqcli.reporting.fan_svg import DARK, FONT, LIGHT, styles
from seqcli.reporting.lag_figure import LagFigure, height_of, paint
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import Drawing, escaped, style_rules

_PAGE = (
    f"body{{margin:0 auto;max-width:{WIDTH:g}px;font:14px {FONT}}}svg{{width:100%;height:auto}}"
    "details{margin:12px 24px}table{border-collapse:collapse;margin:12px 0}"
    "td,th{padding:2px 10px;text-align:right}caption{text-align:left;font-weight:600}"
)


def svg_text(figure: LagFigure) -> str:
    """``figure`` as an SVG document that looks the same wherever it is shown."""
    drawing = paint(figure, Drawing(WIDTH, height_of(figure)))
    return drawing.document(figure.title, figure.subtitle, _styles(LIGHT))


def html_text(figure: LagFigure) -> str:
    """``figure`` as one HTML page, light or dark as its reader has it, with its numbers below."""
    drawing = paint(figure, Drawing(WIDTH, height_of(figure)))
    sheet = f"{_styles(LIGHT)}@media (prefers-color-scheme:dark){{{_styles(DARK)}}}"
    return page(figure.title, drawing.document(figure.title, figure.subtitle, sheet), _tables(figure))


def page(title: str, drawing: str, tables: str) -> str:
    """A page, light or dark as its reader has it, of a drawing with the tables of its numbers below."""
    body = (f"body{{background:{each['paper']};color:{each['ink']}}}" for each in (LIGHT, DARK))
    sheet = f"{_PAGE}{next(body)}@media (prefers-color-scheme:dark){{{next(body)}}}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{sheet}</style>\n</head>\n<body>\n{drawing}"
        f"<details><summary>The numbers</summary>\n{tables}\n</details>\n</body>\n</html>\n"
    )


def _styles(colours: dict[str, str]) -> str:
    return styles(colours) + style_rules({"whisker": {"stroke": colours["ink"], "stroke-width": "1"}})


def _tables(figure: LagFigure) -> str:
    """A table a panel."""
    tables = []
    for panel in figure.panels:
        rows = [(str(figure.window - at), f"{value:.3g}", "") for at, value in enumerate(panel.line)][::-1]
        rows += [
            (f"{bar.near} to {bar.far}", f"{bar.value:.3g}", f"± {bar.spread:.2g}") for bar in panel.bars
        ]
        lines = [
            f'<tr><th scope="row">lag {lags}</th><td>{value}</td><td>{spread}</td></tr>'
            for lags, value, spread in rows
        ]
        tables.append(f"<table><caption>{escaped(panel.title)}</caption>\n{chr(10).join(lines)}\n</table>")
    return "\n".join(tables)


def _svg(figure: LagFigure, screen: Screen) -> bytes:
    return svg_text(figure).encode()


def _html(figure: LagFigure, screen: Screen) -> bytes:
    return html_text(figure).encode()


def _png(figure: LagFigure, screen: Screen) -> bytes:
    from seqcli.reporting.drawing_png import png_of

    return png_of(figure.title, (WIDTH, height_of(figure)), lambda drawing: paint(figure, drawing), screen)


DRAWN: dict[str, Callable[[LagFigure, Screen], bytes]] = {".svg": _svg, ".html": _html, ".png": _png}
