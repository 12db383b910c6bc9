"""The SVG writer: text stays text, gaps stay gaps, values land where they belong."""

from __future__ import annotations

import math
from xml.dom.minidom import parseString

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.reporting.axes import Tick
from seqcli.reporting.svg import Drawing, Frame, escaped, number, runs, style_rules


@given(st.text())
def test_any_text_comes_back_from_the_document(text) -> None:
    drawing = Drawing(10, 10)
    drawing.text((1, 2), text, "label")
    page = parseString(drawing.document(text, text))
    shown = page.getElementsByTagName("text")[0]
    clean = "".join("\ufffd" if _unshown(letter) else letter for letter in text)
    for element in (shown, page.getElementsByTagName("title")[0], page.getElementsByTagName("desc")[0]):
        assert "".join(node.data for node in element.childNodes) == clean
    assert page.documentElement.getAttribute("role") == "img"


def _unshown(letter: str) -> bool:
    code = ord(letter)
    return code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF)


def test_a_text_can_leave_no_attribute() -> None:
    assert escaped("\"><script>alert('1')</script>&") == (
        "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"
    )


def test_what_was_cut_is_kept_for_those_who_point() -> None:
    drawing = Drawing(10, 10)
    drawing.text((0, 0), "long…", "label", whole="long <name>")
    drawing.text((0, 0), "short", "label", whole="short")
    text = drawing.document("", "")
    assert "long…<title>long &lt;name&gt;</title>" in text
    assert ">short</text>" in text


def test_a_frame_maps_steps_and_values() -> None:
    frame = Frame(100, 50, 200, 100, -10, 10, 5)
    assert [frame.x(step) for step in (0, 2, 4)] == [100, 200, 300]
    assert [frame.y(value) for value in (-10, 0, 10)] == [150, 100, 50]
    assert Frame(100, 50, 200, 100, 0, 1, 1).x(0) == 200
    wide = Frame(0, 0, 1, 100, -1.7e308, 1.7e308, 2)
    assert wide.y(0) == pytest.approx(50)


def test_a_curve_breaks_at_gaps_and_dots_what_stands_alone() -> None:
    drawing = Drawing(10, 10)
    drawing.curve([(0, 1), (1, 2), (2, math.nan), (3, 4), (4, math.nan), (5, 6), (6, 7)], "history", "past")
    page = parseString(drawing.document("", ""))
    assert [path.getAttribute("d") for path in page.getElementsByTagName("path")] == ["M0,1L1,2", "M5,6L6,7"]
    (dot,) = page.getElementsByTagName("circle")
    assert (dot.getAttribute("cx"), dot.getAttribute("cy")) == ("3", "4")
    assert list(runs([])) == list(runs([(0, math.nan)])) == []


def test_an_area_goes_up_one_side_and_back_the_other() -> None:
    drawing = Drawing(10, 10)
    drawing.area([(0, 1), (1, 0)], [(0, 2), (1, 3)], "band", 0.25)
    drawing.area([], [], "band")
    assert '<path class="band" d="M0,1L1,0L1,3L0,2Z" fill-opacity="0.250"/>' in drawing.document("", "")
    assert drawing.document("", "").count("<path") == 1


def test_axes_mark_their_ticks() -> None:
    drawing = Drawing(300, 200)
    drawing.axes(Frame(100, 50, 200, 100, 0, 10, 3), [Tick(5, "five")], [Tick(1, "2 Jan", "2020")])
    page = parseString(drawing.document("", ""))
    texts = {node.firstChild.data: node for node in page.getElementsByTagName("text")}
    assert texts["five"].getAttribute("text-anchor") == "end"
    assert [texts[name].getAttribute("x") for name in ("2 Jan", "2020")] == ["200", "200"]
    grid = next(line for line in page.getElementsByTagName("line") if line.getAttribute("class") == "grid")
    assert (grid.getAttribute("y1"), grid.getAttribute("y2")) == ("100", "100")


def test_numbers_and_styles_are_short() -> None:
    assert [number(value) for value in (1.0, 0.125, -0.001, 1234.5)] == ["1", "0.12", "0", "1234.5"]
    assert style_rules({"grid": {"stroke": "#ddd", "fill": "none"}}) == ".grid{stroke:#ddd;fill:none}"
