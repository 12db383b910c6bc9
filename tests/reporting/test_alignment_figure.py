"""Where a translator looked, drawn: words of pieces, shades of shares, and no more texts than have room."""

from __future__ import annotations

import re
from xml.dom.minidom import parseString

import numpy as np
import pytest

from seqcli.inference.translating import Aligned
from seqcli.reporting.alignment_figure import MOST_BESIDE, MOST_WORDS, Looks, alignment_panel, joined
from seqcli.reporting.axes import LABEL_SIZE, text_width
from seqcli.reporting.panel_figure import MOST_PANELS, alone, html_text, svg_text

SOURCE = ["▁The", "▁bak", "er", "'", "s", "▁boy", ".", "<end>"]
WRITTEN = ["▁Der", "▁Jung", "e", "<end>"]


def aligned(source=SOURCE, written=WRITTEN, pieces=True, seed=0) -> Aligned:
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(source)), len(written)).astype(np.float32)
    text = "".join(written).replace("▁", " ").removesuffix("<end>").strip()
    return Aligned(text, source, written, weights, pieces)


def elements(svg: str, tag: str) -> list[dict[str, str]]:
    return [dict(found.attributes.items()) for found in parseString(svg).getElementsByTagName(tag)]


def test_pieces_are_put_together_and_marks_begin_words() -> None:
    assert joined(SOURCE) == (["The", "baker", "'s", "boy", ".", "<end>"], [0, 1, 3, 5, 6, 7])
    assert joined(["▁", "<unknown>", "x", "▁a"]) == (["<unknown>x", "a"], [0, 3])
    assert joined(["er", "▁", "▁"])[0] == ["er", " ", " "]


def test_shares_of_a_word_are_added_where_it_was_read_and_averaged_where_it_was_written() -> None:
    found = aligned()
    panel = alignment_panel(found)
    w = found.weights
    assert panel.written == ["Der", "Junge", "<end>"]
    assert panel.weights.shape == (3, 6)
    assert panel.weights[0, 1] == pytest.approx(w[0, 1] + w[0, 2], abs=1e-6)
    assert panel.weights[1, 2] == pytest.approx((w[1, 3] + w[1, 4] + w[2, 3] + w[2, 4]) / 2, abs=1e-6)
    assert panel.weights.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_a_shade_is_as_dark_as_its_share() -> None:
    found = aligned([*"12 May", "<end>"], [*"05-12", "<end>"], pieces=False)
    panel = alignment_panel(found)
    assert panel.source == ["1", "2", "␣", "M", "a", "y", "<end>"]
    svg = alone(panel, "x")
    cells = elements(svg, "rect")[5:]  # behind those of the legend
    drawn = {(float(cell["x"]), float(cell["y"])): float(cell.get("fill-opacity", 1)) for cell in cells}
    columns = sorted({x for x, _ in drawn})
    rows = sorted({y for _, y in drawn})
    assert (len(rows), len(columns)) == found.weights.shape
    for (x, y), shade in drawn.items():
        assert shade == pytest.approx(found.weights[rows.index(y), columns.index(x)], abs=6e-4)
    assert len(drawn) == (found.weights >= 0.005).sum()


def test_letters_stand_above_their_columns_and_words_are_turned() -> None:
    svg = alone(alignment_panel(aligned(["▁a", "▁long", "▁one"], ["▁b", "<end>"])), "x")
    texts = parseString(svg).getElementsByTagName("text")
    placed = {text.firstChild.data: text for text in texts}
    assert not placed["a"].getAttribute("transform")
    assert placed["long"].getAttribute("transform").startswith("rotate(-90 ")
    across = [float(placed[name].getAttribute("x")) for name in ("a", "long", "one")]
    assert across == sorted(across)
    assert across[1] - across[0] > 10


@pytest.mark.parametrize("count", [2, MOST_BESIDE, MOST_WORDS, 3 * MOST_WORDS])
@pytest.mark.parametrize("length", [1, 9, 40])
def test_no_word_leaves_the_figure_or_touches_its_neighbour(count: int, length: int) -> None:
    words = ["▁" + "m" * length] * count
    looks = Looks()
    looks.note(aligned(words, words))
    looks.note(aligned(words, words, seed=1))
    figure = looks.figure("m", "f.csv")
    assert figure.wide is (count > MOST_BESIDE)
    svg = svg_text(figure)
    columns = set()
    for text in parseString(svg).getElementsByTagName("text"):
        x, y = (float(text.getAttribute(name)) for name in ("x", "y"))
        wide = text_width(text.firstChild.data, LABEL_SIZE)
        if text.getAttribute("transform"):
            assert y - wide >= 0
            columns.add(x)
        elif text.getAttribute("text-anchor") == "end":
            assert x - wide >= 0
        assert 0 <= x <= figure.width
        assert 0 <= y <= figure.height
    assert min(np.diff(sorted(columns)), default=99) >= LABEL_SIZE or length == 1
    assert (f"the first {MOST_WORDS} words" in svg) is (count > MOST_WORDS)


def test_the_first_texts_are_drawn_and_the_others_counted() -> None:
    looks = Looks()
    for seed in range(MOST_PANELS + 3):
        looks.note(aligned(seed=seed))
    looks.note(Aligned("", [], [], np.zeros((0, 0), dtype=np.float32), True))  # a blank text
    figure = looks.figure("m.seqcli", "f.csv")
    assert (len(figure.panels), figure.left) == (MOST_PANELS, 3)
    assert f"the first {MOST_PANELS} of {MOST_PANELS + 3} texts of f.csv" in figure.subtitle


def test_the_page_has_the_numbers_and_says_where_was_looked() -> None:
    looks = Looks()
    found = Aligned("b", ["a", "<end>"], ["b", "<end>"], np.array([[0.75, 0.25], [0.5, 0.5]]), False)
    looks.note(found)
    text = html_text(looks.figure("m", "f.csv"))
    assert re.findall(r"<td>([^<]*)</td>", text) == ["b", "0.75", "0.25", "&lt;end&gt;", "0.5", "0.5"]
    assert "b from a" in text
