"""Panels in pixels and in characters: what is drawn stands where its number says."""

from __future__ import annotations

import math
import re
from xml.dom.minidom import parseString

import pytest

from seqcli.reporting.panel_chart import (
    HEIGHT,
    NARROWEST,
    draw_bars,
    draw_lines,
    draw_matrix,
    draw_panels,
    fits,
)
from seqcli.reporting.panel_figure import PanelFigure, alone, html_text, svg_text
from seqcli.reporting.panels import BarPanel, Line, LinePanel, MatrixPanel
from seqcli.reporting.svg import Drawing

RISING = LinePanel(
    "Loss", "epoch", [Line("train", [(1, 0.0), (2, 1.0), (3, 4.0)])], limits=(0.0, 4.0), whole=True
)
TWO = LinePanel(
    "Loss", "epoch", [Line("train", [(1, 0), (9, 8)]), Line("validation", [(1, 8), (9, 0)])], mark=5.0
)
MATRIX = MatrixPanel("Confusion matrix", ["a", "b", "new"], ["a", "b"], [[3, 1], [0, 6], [2, 0]])
BARS = BarPanel("F1", [("one", 0.5), ("two", 1.0), ("three", math.nan)], most=1.0)


def drawn_text(lines) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def elements(svg: str, tag: str) -> list[dict[str, str]]:
    return [dict(found.attributes.items()) for found in parseString(svg).getElementsByTagName(tag)]


def test_points_stand_where_the_axes_say() -> None:
    """Ticks tell which pixel a number has; the curve's points must agree with them."""
    svg = alone(RISING, "x")
    texts = {
        (text.getAttribute("text-anchor"), text.firstChild.data): text
        for text in parseString(svg).getElementsByTagName("text")
    }
    across = {epoch: float(texts["middle", str(epoch)].getAttribute("x")) for epoch in (1, 2, 3)}
    up = {value: float(texts["end", str(value)].getAttribute("y")) - 11 * 0.35 for value in (0, 1, 4)}
    (path,) = elements(svg, "path")
    points = [tuple(map(float, point.split(","))) for point in re.findall(r"[\d.]+,[\d.]+", path["d"])]
    wanted = [(across[1], up[0]), (across[2], up[1]), (across[3], up[4])]
    assert points == [pytest.approx(point, abs=0.02) for point in wanted]


def test_two_lines_have_a_legend_and_a_mark() -> None:
    svg = svg_text(PanelFigure("Training", "of a net", [TWO]))
    styles = [line["class"] for line in elements(svg, "line")]
    assert styles.count("forecast") == styles.count("second") == styles.count("now") == 1
    assert all(f">{name}</text>" in svg for name in ("train", "validation", "Training", "of a net", "epoch"))
    assert "train goes from 0.00 to 8.00; validation goes from 8.00 to 0.00" in svg


def test_a_cell_is_as_dark_as_its_share() -> None:
    svg = alone(MATRIX, "m")
    cells = elements(svg, "rect")
    shares = [(float(cell["fill-opacity"]) - 0.06) / 0.54 for cell in cells]
    assert shares == pytest.approx([0.75, 0.25, 0, 1, 1, 0], abs=1e-3)
    assert [cell["class"] for cell in cells] == ["band", "wrong", "wrong", "band", "wrong", "wrong"]
    assert "9 of 12 right" in svg


def test_bars_are_as_long_as_their_values() -> None:
    half, whole, nothing = (float(bar["width"]) for bar in elements(alone(BARS, "b"), "rect"))
    assert half == pytest.approx(whole / 2, abs=0.01)
    assert nothing == 0


def test_a_bar_below_zero_goes_the_other_way() -> None:
    panel = BarPanel("log-odds", [("for", 3.0), ("against", -1.0), ("none", 0.0)], "+.1f")
    up, down, none = elements(alone(panel, "b"), "rect")
    assert [bar["class"] for bar in (up, down, none)] == ["band", "wrong", "band"]
    assert float(down["x"]) + float(down["width"]) == pytest.approx(float(up["x"]), abs=0.02)
    assert float(up["width"]) == pytest.approx(3 * float(down["width"]), abs=0.05)
    assert float(none["width"]) == 0
    _, first, second, _ = drawn_text(draw_bars(panel, 60, plain=True))
    assert first.index("#") == second.rindex("- ") + 1


def test_the_page_holds_every_number() -> None:
    text = html_text(PanelFigure("T", "s", [TWO, MATRIX, BARS]))
    cells = re.findall(r"<td>([^<]*)</td>", text)
    assert cells == [
        "1",
        "0",
        "8",
        "9",
        "8",
        "0",
        *"a31b06",
        "new",
        "2",
        "0",
        "one",
        "0.5",
        "two",
        "1",
        "three",
        "",
    ]
    assert not re.search(r"https?://(?!www.w3.org/2000/svg)", text)


@pytest.mark.parametrize("panel", [RISING, TWO, MATRIX, BARS])
def test_nothing_leaves_the_panel(panel) -> None:
    """Corners and base lines of all that is painted lie inside the picture."""
    svg = alone(panel, "x")
    drawing = Drawing(460, panel.height)
    for tag in ("text", "rect", "line", "circle"):
        for found in elements(svg, tag):
            for name in found.keys() & {"x", "x1", "x2", "cx"}:
                assert 0 <= float(found[name]) <= drawing.width
            for name in found.keys() & {"y", "y1", "y2", "cy"}:
                assert 0 <= float(found[name]) <= drawing.height


# ---- characters


@pytest.mark.parametrize("width", [38, 60, 80])
@pytest.mark.parametrize("plain", [False, True])
def test_lines_of_a_chart_are_as_wide_as_told(width, plain) -> None:
    text = drawn_text(draw_lines(TWO, width, plain))
    assert {len(line) for line in text} == {width}
    assert not plain or all(line.isascii() for line in text)


def test_signs_stand_where_the_numbers_say() -> None:
    text = drawn_text(draw_lines(RISING, 50, plain=True))
    rows = [line.split("|")[1] for line in text[1 : HEIGHT + 1]]
    assert (rows[0][-1], rows[-1][0]) == ("*", "*")
    middle = len(rows[0]) // 2
    (row,) = [at for at, line in enumerate(rows) if "*" in line[middle]]
    assert row == round((1 - 1 / 4) * (HEIGHT - 1))
    assert text[1].startswith("4.00 |")
    assert text[HEIGHT].startswith("0.00 |")
    assert re.fullmatch(r" +1 +epoch +3", text[HEIGHT + 2])


def test_a_gap_stays_empty_and_a_mark_is_dashed() -> None:
    points = [(0, 1.0), (1, 1.0), (2, math.nan), (3, 1.0), (4, 1.0)]
    panel = LinePanel("t", "x", [Line("", points)], mark=2.0, limits=(0.0, 2.0))
    rows = [line.split("|")[1] for line in drawn_text(draw_lines(panel, 60, plain=True))[1 : HEIGHT + 1]]
    middle = (len(rows[0]) - 1) // 2
    assert {row[middle] for row in rows} == {":"}
    assert "*" not in "".join(row[middle - 5 : middle + 6] for row in rows)
    assert "*" in "".join(rows)


def test_panels_stand_beside_each_other_where_they_fit() -> None:
    wide, narrow = (drawn_text(draw_panels([TWO, RISING], width)) for width in (2 * NARROWEST + 3, NARROWEST))
    assert wide[0].split() == ["Loss", "Loss"]
    assert len(narrow) > 2 * HEIGHT > len(wide)
    assert max(map(len, wide)) <= 2 * NARROWEST + 3
    assert max(map(len, narrow)) <= NARROWEST


def test_a_second_line_is_told_from_the_first_without_colours() -> None:
    flat = [Line(name, [(0, level), (9, level)]) for name, level in (("a", 1.0), ("b", 0.0))]
    rows = drawn_text(draw_lines(LinePanel("t", "x", flat, limits=(0.0, 1.0)), 60))
    first, second = rows[1].split("┤")[1], rows[HEIGHT].split("┤")[1]
    assert "\u2800" not in first + second
    assert " " not in first.strip()
    assert " " in second.strip()


def test_a_matrix_tells_its_counts_and_colours_its_shares() -> None:
    lines = draw_matrix(MATRIX, 80)
    assert [line.split() for line in drawn_text(lines)[1:5]] == [
        ["true", "a", "b"], ["a", "3", "1"], ["b", "0", "6"], ["new", "2", "0"],
    ]  # fmt: skip
    full, none = lines[3][2][1], lines[3][1][1]
    assert full != none
    assert lines[4][1][1] != full  # wrong, though as large a share


def test_a_matrix_without_room_says_so() -> None:
    names = [f"class {place}" for place in range(30)]
    counts = [[100 * (row == column) for column in range(30)] for row in range(30)]
    wide = MatrixPanel("m", names, names, counts)
    assert not fits(wide, 80)
    assert fits(wide, 220)
    assert max(map(len, drawn_text(draw_matrix(wide, 220)))) <= 220
    assert fits(MATRIX, 20)


def test_bars_in_characters() -> None:
    _, one, two, three = drawn_text(draw_bars(BARS, 41, plain=True))
    assert abs(two.count("#") - 2 * one.count("#")) <= 1
    assert three.count("#") == 0
    assert len(two) <= 41
    assert two.endswith(" 1.000")
