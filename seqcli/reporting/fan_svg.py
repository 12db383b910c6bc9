"""A fan chart as SVG, and as a page that holds it: no file but itself, nothing fetched."""

from __future__ import annotations

import json
import math
from importlib.resources import files

from seqcli.reporting.chart import ForecastChart
from seqcli.reporting.fan import (
    DENSE_LINE,
    FORECAST_LINE,
    HISTORY_LINE,
    PANEL_TITLE_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    FanFigure,
    Layout,
    Panel,
    coats,
    lay_out,
    legend_entries,
    shades,
)
from seqcli.reporting.svg import Drawing, escaped, style_rules

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
LIGHT = {
    "paper": "#ffffff", "ink": "#1c2430", "faint": "#5b6675", "grid": "#e4e8ee", "axis": "#9aa4b2",
    "history": "#3d4757", "forecast": "#1667c7",
}  # fmt: skip
DARK = {
    "paper": "#12161d", "ink": "#e8ecf2", "faint": "#9fabbb", "grid": "#29313d", "axis": "#657182",
    "history": "#c3ccd9", "forecast": "#5aa9ff",
}  # fmt: skip


def svg_text(figure: FanFigure) -> str:
    """``figure`` as an SVG document that looks the same wherever it is shown."""
    layout = lay_out(figure)
    return _draw(figure, layout).document(figure.title, description(figure), styles(LIGHT))


def inline_svg(figure: FanFigure, name: str) -> str:
    """``figure`` as an element of a page that has the style sheet; ``name`` tells it from others there."""
    return _draw(figure, lay_out(figure)).document(figure.title, description(figure), name=name)


def html_text(figure: FanFigure) -> str:
    """``figure`` as one HTML page, light or dark as its reader has it, with values where one points."""
    layout = lay_out(figure)
    sheet = f"{styles(LIGHT)}@media (prefers-color-scheme:dark){{{styles(DARK)}}}"
    drawing = _draw(figure, layout).document(figure.title, description(figure), sheet)
    data = json.dumps([_readout(panel) for panel in layout.panels], ensure_ascii=True)
    for sign in "<>&":  # inside <script> a text ends at the first "</script"
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    parts = {
        "TITLE": escaped(figure.title),
        "LIGHT": _variables(LIGHT),
        "DARK": _variables(DARK),
        "FONT": FONT,
        "DRAWING": drawing,
        "TABLE": _tables(layout),
        "DATA": data,
    }
    page = files("seqcli.reporting").joinpath("fan_page.html").read_text(encoding="utf-8")
    pieces = page.split("@@")  # text, name, text, name, … so that no value is searched for names
    return "".join(parts[piece] if at % 2 else piece for at, piece in enumerate(pieces))


def description(figure: FanFigure) -> str:
    """What the drawing shows, in words."""
    sentences = [figure.subtitle.rstrip(".") + "."] if figure.subtitle else []
    for panel in lay_out(figure).panels:
        sentences.append(_in_words(panel))
    return " ".join([*sentences, *(note.rstrip(".") + "." for note in figure.notes)])


def _in_words(panel: Panel) -> str:
    chart, form = panel.chart, panel.form
    known = [value for value in chart.history if math.isfinite(value)]
    past = f"the last value is {form.text(known[-1])}" if known else "no value is known"
    text = f"{chart.title or 'The series'}: {past}; the forecast for {_name(chart, panel.past)} is "
    text += form.text(chart.forecast[0])
    if len(chart.forecast) > 1:
        text += f", for {_name(chart, -1)} {form.text(chart.forecast[-1])}"
    for band in sorted(chart.bands, key=lambda band: band.level)[:1]:
        if math.isfinite(band.low[-1]):
            text += f" ({band.level} % interval {form.text(band.low[-1])} to {form.text(band.high[-1])})"
    return text + "."


def _name(chart: ForecastChart, step: int) -> str:
    """What a step is called; without names it is counted."""
    if chart.names:
        return chart.names[step]
    return str(step % (len(chart.history) + len(chart.forecast)))


def _draw(figure: FanFigure, layout: Layout) -> Drawing:
    """Everything but style and words for those who cannot see."""
    drawing = Drawing(layout.width, layout.height)
    drawing.rectangle((0, 0), layout.width, layout.height, "paper")
    left = 24.0
    drawing.text((left, 34), layout.title, "title", whole=figure.title)
    drawing.text((left, 57), layout.subtitle, "faint", whole=figure.subtitle)
    _legend(drawing, figure, layout.legend)
    opacities = coats(figure.levels)
    for panel in layout.panels:
        _panel(drawing, panel, opacities)
    for (at, note), whole in zip(layout.notes, figure.notes, strict=True):
        drawing.text(at, note, "faint", whole=whole)
    return drawing


def _panel(drawing: Drawing, panel: Panel, opacities: dict[int, float]) -> None:
    frame = panel.frame
    if panel.title:
        drawing.text((frame.left, frame.top - 10), panel.title, "panel", whole=panel.chart.title)
    drawing.axes(frame, panel.values, panel.steps)
    now = frame.x(panel.past - 1)
    drawing.line((now, frame.top), (now, frame.top + frame.height), "now")
    for band in panel.bands():
        upper, lower = panel.band(band)
        drawing.area(upper, lower, "band", opacities[band.level])
    dense = " dense" if panel.dense else ""
    drawing.curve(panel.history(), f"history{dense}", "past")
    drawing.curve(panel.forecast(), f"forecast{dense}", "ahead")
    if len(panel.chart.forecast) == 1 and math.isfinite(panel.chart.forecast[0]):
        drawing.dot(panel.forecast()[-1], "ahead", 3)


def _legend(drawing: Drawing, figure: FanFigure, middle: float) -> None:
    seen = shades(figure.levels)
    for entry in legend_entries(figure.levels):
        left, right = entry.left, entry.left + 24
        if isinstance(entry.sign, int):
            drawing.rectangle((left, middle - 6), 24, 12, "band", seen[entry.sign])
        elif entry.sign == "now":
            drawing.line((left + 12, middle - 8), (left + 12, middle + 8), "now")
        else:
            drawing.line((left, middle), (right, middle), entry.sign)
        drawing.text((right + 8, middle + 4.5), entry.text, "faint")


def styles(colours: dict[str, str]) -> str:
    """The style sheet. Plain classes and colours: what reads SVG but no CSS variables shows it too."""
    line = {"fill": "none", "stroke-linejoin": "round", "stroke-linecap": "round"}
    faint = {"fill": colours["faint"]}
    return f"text{{font-family:{FONT}}}" + style_rules(
        {
            "paper": {"fill": colours["paper"]},
            "title": {"fill": colours["ink"], "font-size": f"{TITLE_SIZE:g}px", "font-weight": "600"},
            "panel": {"fill": colours["ink"], "font-size": f"{PANEL_TITLE_SIZE:g}px", "font-weight": "600"},
            "faint": {**faint, "font-size": f"{TEXT_SIZE:g}px"},
            "label": {**faint, "font-size": "11px", "font-variant-numeric": "tabular-nums"},
            "grid": {"stroke": colours["grid"], "stroke-width": "1"},
            "axis": {"stroke": colours["axis"], "stroke-width": "1"},
            "now": {"stroke": colours["axis"], "stroke-width": "1", "stroke-dasharray": "3 3"},
            "band": {"fill": colours["forecast"]},
            "history": {**line, "stroke": colours["history"], "stroke-width": f"{HISTORY_LINE:g}"},
            "past": {"fill": colours["history"]},
            "forecast": {**line, "stroke": colours["forecast"], "stroke-width": f"{FORECAST_LINE:g}"},
            "dense": {"stroke-width": f"{DENSE_LINE:g}"},
            "ahead": {"fill": colours["forecast"]},
        }
    )


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())


def _readout(panel: Panel) -> dict[str, object]:
    """What the page's script needs of a panel: its place, and the words and the height of each step."""
    chart, frame, form = panel.chart, panel.frame, panel.form
    values = [*chart.history, *chart.forecast]
    bands = sorted(chart.bands, key=lambda band: band.level)
    return {
        "title": panel.chart.title,
        "box": [round(part, 2) for part in (frame.left, frame.top, frame.width, frame.height)],
        "past": panel.past,
        "names": [_name(chart, step) for step in range(len(values))],
        "values": [form.text(value) for value in values],
        "heights": [round(frame.y(value), 2) if math.isfinite(value) else None for value in values],
        "bands": [
            [
                f"{band.level} %",
                *(
                    f"{form.text(low)} to {form.text(high)}"
                    for low, high in zip(band.low, band.high, strict=True)
                ),
            ]
            for band in bands
        ],
    }


def _tables(layout: Layout) -> str:
    """The numbers of the forecasts, for those who cannot point at them."""
    tables = []
    for panel in layout.panels:
        chart, text = panel.chart, panel.form.text
        bands = sorted(chart.bands, key=lambda band: band.level)
        heads = ["", "forecast", *(f"{band.level} % interval" for band in bands)]
        cells = "".join(f'<th scope="col">{escaped(head)}</th>' for head in heads)
        lines = [f"<tr>{cells}</tr>"]
        for step, value in enumerate(chart.forecast):
            limits = (f"{text(band.low[step])} to {text(band.high[step])}" for band in bands)
            cells = "".join(f"<td>{escaped(cell)}</td>" for cell in (text(value), *limits))
            lines.append(f'<tr><th scope="row">{escaped(_name(chart, panel.past + step))}</th>{cells}</tr>')
        caption = f"<caption>{escaped(chart.title)}</caption>" if chart.title else ""
        tables.append(f"<table>{caption}\n{chr(10).join(lines)}\n</table>")
    return "\n".join(tables)
