"""The chart in characters: where values land, what fits, what is ASCII."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.reporting.chart import Band, ForecastChart, axis_labels, draw_chart, shown_history


def chart(history, forecast, bands=()):
    return ForecastChart("sales", history, forecast, bands, "Mon 5 Jan", "Fri 6 Mar", "Mon 9 Mar")


def text(lines):
    return ["".join(part for part, _ in line) for line in lines]


RISING = chart(list(range(40)), [40, 41, 42], [Band(80, [39, 39, 39], [41, 43, 45])])


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("plain", [True, False])
def test_every_line_fits(width, plain) -> None:
    lines = text(draw_chart(RISING, width, plain=plain))
    assert max(map(len, lines)) <= width
    assert len(lines) == 12 + 4
    assert lines[0] == "sales"


def test_a_plain_chart_is_ascii() -> None:
    assert "".join(text(draw_chart(RISING, plain=True))).isascii()


def test_a_rising_line_rises() -> None:
    rows = text(draw_chart(RISING, 80, plain=True))[1:13]
    bodies = [row.split("|", 1)[1] for row in rows]
    firsts = [body.find("*") for body in reversed(bodies) if "*" in body]
    assert firsts == sorted(firsts)
    assert firsts[0] == 0
    assert max(body.rfind("o") for body in bodies) == max(len(body.rstrip()) for body in bodies) - 1


def test_the_band_stands_beside_the_forecast_only() -> None:
    rows = text(draw_chart(RISING, 80, plain=True))[1:13]
    bodies = [row.split("|", 1)[1] for row in rows]
    shaded = [index for body in bodies for index, sign in enumerate(body) if sign == ":"]
    forecast_begins = round(39.5 / 42 * (len(bodies[0]) - 1))
    assert shaded
    assert min(shaded) >= forecast_begins - 1


def test_the_outer_band_is_shaded_lighter() -> None:
    bands = [Band(95, [30] * 3, [60] * 3), Band(80, [39] * 3, [45] * 3)]
    drawn = "".join(text(draw_chart(chart(list(range(40)), [40, 41, 42], bands))))
    assert drawn.count("░") > drawn.count("▒") > 0


def test_the_axis_names_its_ends_and_the_present() -> None:
    lines = text(draw_chart(RISING, 80, plain=True))
    assert lines[-2].split("  ")[-1].strip().endswith("Mon 9 Mar")
    assert lines[-2].strip().startswith("Mon 5 Jan")
    assert lines[-3].strip().startswith("+-")


def test_the_present_is_named_where_there_is_room() -> None:
    wide = chart(list(range(40)), list(range(20)))
    line = text(draw_chart(wide, 80, plain=True))[-2]
    rule = text(draw_chart(wide, 80, plain=True))[-3]
    assert "Fri 6 Mar" in line
    now = rule.index("+", rule.index("+") + 1)
    assert line.index("Fri 6 Mar") <= now <= line.index("Fri 6 Mar") + len("Fri 6 Mar")


def test_labels_have_the_decimals_that_the_range_needs() -> None:
    assert axis_labels(0.0, 10000.0, 3) == ["10,000", "5,000", "0"]
    assert axis_labels(1.0, 1.5, 3) == ["1.500", "1.250", "1.000"]


def test_a_constant_series_and_gaps_are_drawn() -> None:
    assert draw_chart(chart([5.0] * 20, [5.0]))
    assert draw_chart(chart([1.0, math.nan, 3.0], [math.nan, 4.0]))
    assert draw_chart(chart([math.nan], [math.nan])) == []


def test_history_is_about_four_times_the_horizon() -> None:
    assert shown_history(1000, 30) == 120
    assert shown_history(1000, 5) == 48
    assert shown_history(20, 30) == 20


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=False, width=32), min_size=1, max_size=80),
    st.lists(st.floats(allow_nan=True, allow_infinity=False, width=32), min_size=1, max_size=30),
    st.integers(40, 140),
    st.booleans(),
)
def test_no_values_break_the_chart(history, forecast, width, plain) -> None:
    band = Band(80, [value - 1 for value in forecast], [value + 1 for value in forecast])
    lines = text(draw_chart(chart(history, forecast, [band]), width, plain=plain))
    assert all(len(line) <= width for line in lines)
