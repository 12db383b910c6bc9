"""The fan chart as SVG and as a page: read back, it holds the numbers, and no name gets out of its place."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from xml.dom.minidom import parseString

import pytest
from fan_figures import GAPPED, chart, figure, points, values_at
from hypothesis import given
from hypothesis import strategies as st

from seqcli.reporting.chart import Band, ForecastChart
from seqcli.reporting.fan import FanFigure, coats, lay_out
from seqcli.reporting.fan_svg import DARK, LIGHT, description, html_text, svg_text

HOSTILE = (
    """</script></title></style><script>alert(1)</script><img src=x onerror="alert(1)">' & @@DATA@@ --> ]]>"""
)


class Page(HTMLParser):
    """Elements with their attributes, and the text inside each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "rect", "line", "path", "circle"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def of(self, name: str) -> list[dict]:
        return [attributes for tag, attributes in self.elements if tag == name]


def drawn(text: str, style: str) -> list[str]:
    """The paths of a class, in the order of painting."""
    paths = parseString(text).getElementsByTagName("path")
    return [path.getAttribute("d") for path in paths if path.getAttribute("class") == style]


def test_the_drawing_holds_the_numbers() -> None:
    shown = figure(chart(history=[10.0, 12.0, 11.0], forecast=[13.0, 9.0]))
    frame = lay_out(shown).panels[0].frame
    text = svg_text(shown)
    (history,), (forecast,) = drawn(text, "history"), drawn(text, "forecast")
    assert values_at(frame, points(history)) == pytest.approx([10, 12, 11], abs=0.01)
    assert values_at(frame, points(forecast)) == pytest.approx([11, 13, 9], abs=0.01)
    outer, inner = (values_at(frame, points(path)) for path in drawn(text, "band"))
    assert outer == pytest.approx([11, 22.5, 18.5, -0.5, 3.5, 11], abs=0.02)
    assert inner == pytest.approx([11, 21, 17, 1, 5, 11], abs=0.02)
    assert f'fill-opacity="{coats([80, 95])[95]:.3f}"' in text


def test_gaps_of_the_history_stay_gaps() -> None:
    text = svg_text(figure(chart(history=GAPPED)))
    assert [len(points(path)) for path in drawn(text, "history")] == [2, 2]
    assert [circle.getAttribute("class") for circle in parseString(text).getElementsByTagName("circle")] == [
        "past"
    ]


def test_a_single_step_is_seen() -> None:
    text = svg_text(figure(chart(forecast=[3.0])))
    assert [circle.getAttribute("class") for circle in parseString(text).getElementsByTagName("circle")] == [
        "ahead"
    ]


def test_dense_steps_get_thin_lines() -> None:
    text = svg_text(figure(chart(history=[1.0, 2.0] * 400)))
    assert len(points(drawn(text, "history dense")[0])) == 800
    assert len(drawn(text, "forecast dense")) == 1
    rules = [text.index(f".{name}{{") for name in ("history", "forecast", "dense")]
    assert rules == sorted(rules)


def test_no_interval_no_band() -> None:
    text = svg_text(figure(chart(levels=())))
    assert drawn(text, "band") == []
    assert "interval" not in text


def test_the_file_is_light_alone_and_the_page_follows_its_reader() -> None:
    svg, page = svg_text(figure()), html_text(figure())
    assert LIGHT["paper"] in svg
    assert "prefers-color-scheme" not in svg
    assert DARK["paper"] not in svg
    dark = page[page.index("@media (prefers-color-scheme:dark){text") :]
    assert f".history{{fill:none;stroke-linejoin:round;stroke-linecap:round;stroke:{DARK['history']}" in dark
    assert "<script" not in svg


def test_the_words_tell_what_the_drawing_shows() -> None:
    said = description(
        figure(chart(history=[10.0, 12.0, 1100.0], forecast=[1300.0, 900.0]), notes=("2 more",))
    )
    assert said == (
        "sales.csv: the next 3 rows. sales: the last value is 1,100.00; the forecast for 2024-01-04 is "
        "1,300.00, for 2024-01-05 900.00 (80 % interval 892.00 to 908.00). 2 more."
    )
    page = Page(html_text(figure()))
    (svg,) = page.of("svg")
    assert svg["role"] == "img"
    named = {attributes.get("id") for _, attributes in page.elements}
    assert set(svg["aria-labelledby"].split()) <= named
    assert "the forecast for 2024-02-10 is 40.00" in "".join(page.texts["desc"])


def test_an_unknown_past_is_told() -> None:
    said = description(figure(chart(title="", history=[math.nan], forecast=[4.0], stamps=False, levels=())))
    assert said.endswith("The series: no value is known; the forecast for 1 is 4.0000.")


def test_no_name_gets_out_of_its_place() -> None:
    plain = figure(chart("a"), chart("b"), notes=("c",))
    hostile = figure(chart(HOSTILE), chart(HOSTILE), notes=(HOSTILE,), title=HOSTILE, subtitle=HOSTILE)
    kinds = [
        [tag for tag, _ in Page(html_text(shown)).elements if tag != "title"] for shown in (plain, hostile)
    ]
    assert kinds[0] == kinds[1]
    page = Page(html_text(hostile))
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    titles = "".join(page.texts["title"])
    assert titles.startswith(HOSTILE)
    data = next(text for text in page.texts["script"] if text.startswith("["))
    assert [panel["title"] for panel in json.loads(data)] == [HOSTILE, HOSTILE]
    assert HOSTILE in "".join(page.texts["caption"])
    assert parseString(svg_text(hostile)).getElementsByTagName("script") == []


def test_nothing_is_fetched() -> None:
    text = html_text(figure(chart(), chart()))
    page = Page(text)
    assert not {"link", "img", "iframe", "object", "embed", "use", "image"} & {
        tag for tag, _ in page.elements
    }
    assert not any(
        name in ("src", "href", "xlink:href") for _, attributes in page.elements for name in attributes
    )
    assert re.findall(r"\w+://[^\"']+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert "url(" not in text
    assert "@import" not in text
    policy = next(meta["content"] for meta in page.of("meta") if meta.get("http-equiv"))
    assert policy.startswith("default-src 'none';")


def test_the_page_reads_out_every_step() -> None:
    shown = figure(chart(history=[10.0, math.nan, 1100.0], forecast=[1300.0, 900.0]))
    page = Page(html_text(shown))
    (panel,) = json.loads(next(text for text in page.texts["script"] if text.startswith("[")))
    frame = lay_out(shown).panels[0].frame
    assert panel["names"] == ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
    assert panel["values"] == ["10.00", "–", "1,100.00", "1,300.00", "900.00"]
    assert panel["past"] == 3
    assert panel["heights"][1] is None
    assert panel["heights"][3] == pytest.approx(frame.y(1300), abs=0.01)
    assert panel["bands"] == [
        ["80 %", "1,292.00 to 1,308.00", "892.00 to 908.00"],
        ["95 %", "1,290.50 to 1,309.50", "890.50 to 909.50"],
    ]
    assert panel["box"] == pytest.approx([frame.left, frame.top, frame.width, frame.height], abs=0.01)
    cells = page.texts["td"]
    assert cells == [
        "1,300.00",
        *(row[1] for row in panel["bands"]),
        "900.00",
        *(row[2] for row in panel["bands"]),
    ]


@given(
    st.lists(st.floats(-1e300, 1e300) | st.just(math.nan), min_size=1, max_size=60),
    st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20),
    st.text(max_size=60),
)
def test_no_values_or_names_break_the_drawing(history, forecast, name) -> None:
    band = Band(80, [value - 1 for value in forecast], [value + 1 for value in forecast])
    shown = FanFigure(name, name, [ForecastChart(name, history, forecast, [band], "", "", "")] * 2)
    text = svg_text(shown)
    assert "nan" not in "".join(drawn(text, "history") + drawn(text, "forecast") + drawn(text, "band"))
    parseString(text)
    page = Page(html_text(shown))
    json.loads(next(text for text in page.texts["script"] if text.startswith("[")))
