"""The heat map in characters and as a figure."""

from __future__ import annotations

import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from seqcli.options import PlotOptions
from seqcli.reporting.fan import WIDTH
from seqcli.reporting.gradient_figure import fill, gradient_figure, height_of, paint
from seqcli.reporting.gradient_map import LEGEND, MapPanel, MapRow, draw_map, map_panels
from seqcli.reporting.gradient_plots import DRAWN, html_text, svg_text
from seqcli.reporting.plots import write_figure
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import Drawing
from seqcli.training.gradients.curves import Curve, Flow, Inspection, Snapshot


def curve(rate: float, layer: int = 1, state: str = "h", steps: int = 20) -> Curve:
    return Curve(layer, state, rate ** np.arange(steps + 1.0)[None])


SHOTS = (Snapshot(0, (curve(0.5),), math.nan), Snapshot(7, (curve(0.8),), 1.0))
FOUND = Inspection(
    (
        Flow("rnn", "torch", (curve(0.1),)),
        Flow("lstm", "torch", (curve(10.0), curve(1.0, state="c"))),
        Flow("gru", "trained", (curve(0.8),), snapshots=SHOTS),
        Flow("rnn", "trained", diverged=4),
    ),
    20,
)


def text_of(lines) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_there_is_a_panel_a_stage_and_one_a_training() -> None:
    panels = map_panels(FOUND)
    assert [(panel.title, [row.label for row in panel.rows]) for panel in panels] == [
        ("PyTorch's start", ["rnn h", "lstm h", "lstm c"]),
        ("after training", ["gru h"]),
        ("gru h, while it trains", ["step 0", "step 7"]),
    ]
    deep = Inspection((Flow("gru", "linear", (curve(0.5), curve(0.6, layer=2))),), 20, linear=0.5)
    (panel,) = map_panels(deep)
    assert (panel.title, [row.label for row in panel.rows]) == ("W_hh = s Q", ["gru 1 h", "gru 2 h"])


def test_digits_count_what_is_lost_and_letters_what_is_gained() -> None:
    rows = [
        MapRow("a", [1.0, 0.1, 0.05, 0.01, 1e-12, 0.0]),
        MapRow("b", [1.0, 5.0, 10.0, 999.0, 1e12, math.inf]),
    ]
    lines = text_of(draw_map([MapPanel("title", rows), MapPanel("more", [MapRow("c", [1.0])])], "step", 80))
    assert lines == [
        "steps back    0",
        "title",
        "  a           0  1  1  2  9  -",
        "  b           0  0  a  b  i  i",
        "more",
        "  c           0",
        LEGEND,
    ]


@pytest.mark.parametrize(("steps", "width"), [(20, 80), (100, 80), (100, 40), (9999, 80), (1, 80)])
def test_a_map_is_no_wider_than_its_place(steps, width) -> None:
    panels = [MapPanel("start", [MapRow("minlstm 1 h", (0.9 ** np.arange(steps + 1.0)).tolist())])]
    lines = text_of(draw_map(panels, "step", width))
    assert all(len(line) <= width for line in lines[:-1])
    axis, row = lines[0], lines[2]
    for number in re.finditer(r"\d+", axis):
        place = number.start()
        ratio = 0.9 ** int(number[0])
        lost = str(min(int(-math.log10(ratio) + 1e-9), 9)) if ratio > 0 else "-"
        assert row[place] == lost


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw_map([], "step", 80) == []


def test_colour_says_what_the_digit_says() -> None:
    (_, _, row, _) = draw_map([MapPanel("", [MapRow("a", [1.0, 1e-9, 1e9])])], "step", 80)
    kept, lost, gained = (style for _, style in row[1:])
    assert len({kept, lost, gained}) == 3


# ---- as a figure


def test_opacity_follows_the_powers_of_ten() -> None:
    assert fill(1.0) == ("band", 1.0)
    assert fill(1e-3) == ("band", 0.5)
    assert fill(1e-6) is None
    assert fill(0.0) is None
    assert fill(math.nan) is None
    assert fill(5.0) == ("past", 1.0) or fill(5.0)[0] == "band"
    assert fill(10.0)[0] == fill(1e9)[0] == "past"
    assert fill(10.0)[1] < fill(1e9)[1] == fill(math.inf)[1] == 1.0


def test_every_cell_of_the_map_is_a_rectangle_in_its_row() -> None:
    figure = gradient_figure(FOUND, "reviews.csv")
    assert figure.steps == 21
    assert "reviews.csv" in figure.subtitle
    tree = ElementTree.fromstring(svg_text(figure))
    name = "{http://www.w3.org/2000/svg}"
    cells = [each for each in tree.iter(f"{name}rect") if each.get("height") == "18"]
    bands = [each for each in cells if each.get("class") == "band"]
    # rnn: 6 powers of ten; lstm c, gru and both snapshots: all that is above 1e-6
    expected = sum(
        fill(value) is not None and fill(value)[0] == "band"
        for panel in figure.panels for row in panel.rows for value in row.ratio
    )  # fmt: skip
    assert len(bands) == expected
    texts = [each.text for each in tree.iter(f"{name}text")]
    assert {"PyTorch's start", "rnn h", "lstm c", "step 7", "steps back", "0", "20"} <= set(texts)
    for each in cells:
        assert float(each.get("x")) + float(each.get("width")) <= WIDTH - 24 + 0.02


def test_a_long_row_is_drawn_in_fewer_columns() -> None:
    long = Inspection((Flow("gru", "gated", (curve(0.999, steps=5000),)),), 5000)
    figure = gradient_figure(long, "")
    assert "random sequences" in figure.subtitle
    drawing = Drawing(WIDTH, height_of(figure))
    paint(figure, drawing)
    assert svg_text(figure).count("<rect") < 250


def test_more_panels_than_there_is_room_for_are_counted(tmp_path) -> None:
    flows = [Flow(f"c{n}", "trained", (curve(0.5),), snapshots=SHOTS) for n in range(15)]
    figure = gradient_figure(Inspection(tuple(flows), 20), "x.csv")
    assert (len(figure.panels), figure.left) == (12, 4)
    stream = io.StringIO()
    target = tmp_path / "map.svg"
    write_figure(figure, PlotOptions(str(target)), Screen(stream=stream), (DRAWN, "panels", "nothing"))
    assert target.read_text().startswith("<svg")
    assert "12 of 16 panels" in stream.getvalue()


def test_a_page_has_the_numbers_too() -> None:
    page = html_text(gradient_figure(FOUND, "a<b.csv"))
    assert "<summary>The numbers</summary>" in page
    assert "a&lt;b.csv" in page
    assert '<tr><th scope="row">rnn h</th><td>1</td><td>0.1</td><td>0.01</td><td>1e-05</td>' in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_png_is_drawn(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    content = DRAWN[".png"](gradient_figure(FOUND, "x.csv"), Screen(stream=io.StringIO()))
    assert content.startswith(b"\x89PNG")


def test_without_a_gradient_there_is_no_figure(tmp_path) -> None:
    figure = gradient_figure(Inspection((Flow("rnn", "trained", diverged=4),), 20), "x.csv")
    stream, target = io.StringIO(), tmp_path / "map.svg"
    how = (DRAWN, "panels", "no cell has a gradient")
    write_figure(figure, PlotOptions(str(target)), Screen(stream=stream), how)
    assert "no cell has a gradient, so" in stream.getvalue()
    assert not target.exists()
