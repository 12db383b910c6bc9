"""Panels of shares on a log scale: where signs land, what fits, what needs no colour."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from seqcli.reporting.log_chart import HEIGHT, LogLine, LogPanel, decades, draw_panels, power


def text(lines) -> list[str]:
    return ["".join(part for part, _ in line) for line in lines]


def falling(base: float, steps: int = 100) -> list[float]:
    return [base**step for step in range(steps + 1)]


def panel(title: str, **bases: float) -> LogPanel:
    return LogPanel(title, [LogLine(name, falling(base)) for name, base in bases.items()])


THREE = [panel(name, rnn=0.8, lstm=0.97, gru=0.93) for name in ("first", "second", "third")]


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(("width", "rows"), [(60, 3), (80, 2), (120, 1), (200, 1)])
def test_panels_stand_beside_each_other_as_they_fit(width, rows, plain) -> None:
    lines = text(draw_panels(THREE, width, plain))
    assert max(map(len, lines)) <= width
    assert len(lines) == rows * (HEIGHT + 3) + 1
    assert lines[0].split() == ["first", "second", "third"][: -(-3 // rows)]


def test_one_panel_is_no_wider_than_80_columns() -> None:
    assert max(map(len, text(draw_panels(THREE[:1], 200)))) == 80


def test_lines_differ_by_sign_and_the_legend_names_them() -> None:
    lines = text(draw_panels(THREE[:1], 80))
    drawn, legend = "".join(lines[1 : HEIGHT + 1]), lines[-1]
    for sign, name in zip("●▲■", ("rnn", "lstm", "gru"), strict=True):
        assert sign in drawn
        assert f"{sign} {name}" in legend
    plain = text(draw_panels(THREE[:1], 80, plain=True))
    assert "".join(plain).isascii()
    assert all(sign in "".join(plain[1 : HEIGHT + 1]) for sign in "o^#")


def test_lines_that_share_a_place_take_turns() -> None:
    both = LogPanel("", [LogLine("one", [1.0] * 41), LogLine("two", [1.0] * 41)])
    top = text(draw_panels([both], 80))[1]
    assert "●▲●▲●▲" in top


def test_a_power_law_is_a_straight_line() -> None:
    rows = text(draw_panels([panel("", rnn=0.9)], 80))[1 : HEIGHT + 1]
    starts = [row.split("┤", 1)[1].index("●") for row in rows]
    steps = [later - earlier for earlier, later in pairwise(starts)]
    assert starts[0] == 0
    assert max(steps[1:-1]) - min(steps[1:-1]) <= 1


def test_the_scale_shows_1_percent_and_stops_where_nothing_is_left() -> None:
    assert decades(falling(0.9)) == (-4, 0)
    assert decades(falling(0.5)) == (-4, 0)
    assert decades([1.0, 0.9]) == (-3, 0)
    assert decades([1.0, 50.0, 5e4]) == (-3, 5)
    assert decades([0.0, math.inf, math.nan]) == (-3, 0)
    lines = text(draw_panels([panel("", rnn=0.5)], 80))
    assert lines[-2].split()[-1] == "20"  # .5^14 leaves the plot
    assert any(line.strip().startswith("0.01") and "┄" in line for line in lines)
    burst = text(draw_panels([panel("", rnn=2.0)], 80))
    assert burst[1].strip().startswith("1e31")
    assert "┄" not in "".join(burst[:-1])


def test_what_is_no_number_is_not_drawn() -> None:
    odd = LogPanel("", [LogLine("rnn", [1.0, 0.0, math.inf, math.nan, 1.0])])
    rows = text(draw_panels([odd], 80))[1 : HEIGHT + 1]
    assert sum(row.count("●") for row in rows) < 40
    assert rows[0].count("●") == 18
    assert draw_panels([], 80) == []


@pytest.mark.parametrize(
    ("exponent", "shown"), [(0, "1"), (-2, "0.01"), (2, "100"), (-3, "0.001"), (-5, "1e-5"), (31, "1e31")]
)
def test_powers_are_short(exponent, shown) -> None:
    assert power(exponent) == shown
