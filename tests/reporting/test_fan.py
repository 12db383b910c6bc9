"""The layout of a fan chart: panels apart, lines joined, shades that mean what the legend shows."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from fan_figures import GAPPED, chart, figure, values_at

from seqcli.reporting.axes import LABEL_SIZE, text_width
from seqcli.reporting.fan import (
    MOST_PANELS,
    PANEL_TITLE_SIZE,
    TEXT_SIZE,
    WIDTH,
    coats,
    lay_out,
    legend_entries,
    shades,
)


@pytest.mark.parametrize("count", range(1, MOST_PANELS + 1))
def test_panels_stand_apart_and_inside(count) -> None:
    layout = lay_out(figure(*(chart(f"store {number}") for number in range(count)), notes=("one", "two")))
    boxes = []
    for panel in layout.panels:
        frame = panel.frame
        margin = max(text_width(tick.label, LABEL_SIZE) for tick in panel.values) + 8
        head = PANEL_TITLE_SIZE + 10 if panel.title else 0
        boxes.append(
            (frame.left - margin, frame.top - head, frame.left + frame.width, frame.top + frame.height + 30)
        )
    for at, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert right <= WIDTH
        assert layout.legend + 8 <= top
        assert bottom < layout.notes[0][0][1] - TEXT_SIZE
        for other in boxes[at + 1 :]:
            assert right <= other[0] or bottom <= other[1] or left >= other[2]
    assert layout.notes[-1][0][1] < layout.height
    assert [bool(panel.title) for panel in layout.panels] == [count > 1] * count


def test_lines_hold_the_values_and_join() -> None:
    (panel,) = lay_out(figure(chart(history=[10.0, 12.0, 11.0], forecast=[13.0, 9.0], levels=(80,)))).panels
    history, forecast = panel.history(), panel.forecast()
    assert values_at(panel.frame, history) == pytest.approx([10, 12, 11])
    assert values_at(panel.frame, forecast) == pytest.approx([11, 13, 9])
    assert forecast[0] == history[-1]
    upper, lower = panel.band(panel.bands()[0])
    assert values_at(panel.frame, upper) == pytest.approx([11, 21, 17])
    assert values_at(panel.frame, lower) == pytest.approx([11, 5, 1])
    across = [x for x, _ in (*history, *forecast[1:])]
    assert across[0] == panel.frame.left
    assert across[-1] == panel.frame.left + panel.frame.width
    assert [right - left for left, right in pairwise(across)] == pytest.approx([panel.frame.width / 4] * 4)


def test_a_gap_at_the_end_is_not_bridged() -> None:
    (panel,) = lay_out(figure(chart(history=[10.0, math.nan], forecast=[13.0], levels=(80,)))).panels
    assert values_at(panel.frame, panel.forecast()) == pytest.approx([13])
    upper, lower = panel.band(panel.bands()[0])
    assert values_at(panel.frame, upper) == pytest.approx([21, 21])
    assert values_at(panel.frame, lower) == pytest.approx([5, 5])
    assert panel.frame.x(1) < upper[0][0] < upper[1][0]


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    unsure = chart(levels=(80,))
    unsure.bands[0].low[:] = unsure.bands[0].high[:] = [math.nan] * 3
    (panel,) = lay_out(figure(unsure)).panels
    assert panel.band(panel.bands()[0]) == ([], [])


def test_the_widest_band_is_painted_first_and_gaps_stay() -> None:
    (panel,) = lay_out(figure(chart(history=GAPPED, levels=(50, 95, 80)))).panels
    assert [band.level for band in panel.bands()] == [95, 80, 50]
    assert [math.isnan(y) for _, y in panel.history()] == [math.isnan(value) for value in GAPPED]


@pytest.mark.parametrize("levels", [(80,), (80, 95), tuple(range(1, 100, 7))])
def test_coats_of_colour_add_up_to_the_shade_of_the_legend(levels) -> None:
    seen, painted = shades(levels), coats(levels)
    light = 1.0
    for level in sorted(levels, reverse=True):
        assert 0 < painted[level] < 1
        light *= 1 - painted[level]
        assert 1 - light == pytest.approx(seen[level])
    assert sorted(levels, key=lambda level: -seen[level]) == sorted(levels)
    assert shades(()) == coats(()) == {}


def test_the_legend_has_room() -> None:
    for levels in ((), (80, 95), tuple(range(1, 100))):
        entries = legend_entries(levels)
        assert [entry.text for entry in entries[:2]] == ["history", "forecast"]
        for left, right in pairwise(entries):
            assert left.left + 32 + text_width(left.text, TEXT_SIZE) <= right.left
        assert entries[-1].left + 32 + text_width(entries[-1].text, TEXT_SIZE) <= WIDTH
    assert legend_entries((80,))[-1].text == "last row of the file"


def test_long_names_are_cut() -> None:
    layout = lay_out(
        figure(chart("n" * 300), chart("b"), notes=("w" * 400,), title="t" * 300, subtitle="s" * 400)
    )
    for text in (layout.panels[0].title, layout.title, layout.subtitle, layout.notes[0][1]):
        assert text.endswith("…")


@pytest.mark.parametrize(
    ("history", "forecast"),
    [
        ([5.0] * 9, [5.0]),
        ([-1e300, 1e300], [1e299]),
        ([1e-300, 3e-300], [2e-300]),
        ([math.nan], [4.0]),
        ([0.0], [0.0]),
    ],
)
def test_odd_numbers_stay_inside_their_frame(history, forecast) -> None:
    (panel,) = lay_out(figure(chart(history=history, forecast=forecast, levels=()))).panels
    frame = panel.frame
    assert panel.values
    for x, y in (*panel.history(), *panel.forecast()):
        assert frame.left <= x <= frame.left + frame.width
        assert math.isnan(y) or frame.top <= y <= frame.top + frame.height


def test_a_chart_without_stamps_counts_its_steps() -> None:
    (panel,) = lay_out(figure(chart(stamps=False))).panels
    assert [tick.label for tick in panel.steps][:3] == ["0", "5", "10"]
