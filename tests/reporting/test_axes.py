"""Axes: round numbers, moments where something begins, labels that never touch."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.reporting.axes import (
    LABEL_SIZE,
    NumberForm,
    number_ticks,
    shortened,
    step_ticks,
    text_width,
    value_range,
    wrapped,
)


def labels(ticks):
    return [(tick.label, tick.below) for tick in ticks]


def days(first: str, count: int, apart: timedelta = timedelta(days=1)):
    start = datetime.fromisoformat(first)
    return [start + apart * number for number in range(count)]


# ---- numbers


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 10_000, 5, ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]),
        (-0.3, 0.3, 6, ["-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"]),
        (1e15, 1.2e15, 4, ["1.00e15", "1.05e15", "1.10e15", "1.15e15", "1.20e15"]),
        (1e-9, 3e-9, 2, ["1e-9", "2e-9", "3e-9"]),
        (-2_000_000, -1_000_000, 2, ["-2,000,000", "-1,500,000", "-1,000,000"]),
    ],
)
def test_marks_are_round_numbers(low, high, most, expected) -> None:
    ticks, _ = number_ticks(low, high, most)
    assert [tick.label for tick in ticks] == expected


@given(
    st.floats(-1e300, 1e300, allow_subnormal=False),
    st.floats(1e-9, 1e9),
    st.integers(2, 10),
)
def test_marks_lie_at_equal_distances_and_say_where(low, share, most) -> None:
    low, high = value_range([low, low + (abs(low) or 1.0) * share])
    ticks, _ = number_ticks(low, high, most)
    assert 1 <= len(ticks) <= most + 1
    room = (high - low) * 1e-6
    for tick in ticks:
        assert low - room <= tick.at <= high + room
    distances = [right.at - left.at for left, right in pairwise(ticks)]
    if distances:
        assert max(distances) - min(distances) <= 1e-6 * (high - low)
        for tick in ticks:
            said = float(tick.label.replace(",", ""))
            assert abs(said - tick.at) <= max(1e-6 * min(distances), 1e-14 * abs(tick.at))
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_steps_are_counted_in_whole_numbers() -> None:
    ticks, _ = number_ticks(0, 3, 10, whole=True)
    assert [tick.label for tick in ticks] == ["0", "1", "2", "3"]


def test_gaps_and_zero_are_written_plainly() -> None:
    form = NumberForm.of(0.5, 10.0)
    assert (form.text(math.nan), form.text(-0.0), form.text(-0.01), form.text(1234.5)) == (
        "–", "0.0", "0.0", "1,234.5",
    )  # fmt: skip
    assert form.finer(1).text(2.0) == "2.00"
    assert NumberForm.of(1e14, 1e15).text(0.0) == "0.0"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1, max_size=20))
def test_an_axis_holds_its_values(values) -> None:
    values = [value if math.isnan(value) or abs(value) < 1e300 else 0.0 for value in values]
    low, high = value_range(values)
    assert low < high
    assert all(low <= value <= high for value in values if not math.isnan(value))
    assert number_ticks(low, high, 5)[0]


def test_equal_values_stand_in_the_middle() -> None:
    for value in (5.0, -3e12, 1e-200, 0.0):
        low, high = value_range([value, value])
        assert (low + high) / 2 == pytest.approx(value)
    assert value_range([math.nan]) == (0.0, 1.0)


# ---- time


def test_months_name_their_year_where_it_changes() -> None:
    months = [datetime(2019 + number // 12, number % 12 + 1, 1) for number in range(8, 20)]
    assert labels(step_ticks(months, 800)) == [
        ("Sep", "2019"), ("Oct", ""), ("Nov", ""), ("Dec", ""), ("Jan", "2020"), ("Feb", ""), ("Mar", ""),
        ("Apr", ""), ("May", ""), ("Jun", ""), ("Jul", ""), ("Aug", ""),
    ]  # fmt: skip
    assert labels(step_ticks(months, 200)) == [("Oct", "2019"), ("Jan", "2020"), ("Apr", ""), ("Jul", "")]


def test_years_stand_alone() -> None:
    years = [datetime(1990 + number, 1, 1) for number in range(40)]
    assert labels(step_ticks(years, 400)) == [(str(year), "") for year in range(1990, 2030, 5)]


def test_weeks_begin_on_mondays_or_the_first_open_day_after() -> None:
    holiday = date(2017, 1, 16)
    open_days = [day for day in days("2017-01-02", 40) if day.weekday() < 5 and day.date() != holiday]
    ticks = step_ticks(open_days, 500)
    assert labels(ticks) == [
        ("2 Jan", "2017"), ("9 Jan", ""), ("17 Jan", ""), ("23 Jan", ""), ("30 Jan", ""), ("6 Feb", ""),
    ]  # fmt: skip
    assert [open_days[int(tick.at)].day for tick in ticks] == [2, 9, 17, 23, 30, 6]


def test_hours_name_their_day() -> None:
    ticks = step_ticks(days("2024-02-28T18:00", 36, timedelta(hours=1)), 300)
    assert labels(ticks) == [
        ("18:00", ""), ("00:00", "29 Feb 2024"), ("06:00", ""), ("12:00", ""), ("18:00", ""),
        ("00:00", "1 Mar 2024"),
    ]  # fmt: skip


def test_parts_of_a_second_are_told() -> None:
    ticks = step_ticks(days("2024-01-01", 4, timedelta(milliseconds=5)), 900)
    assert [tick.label for tick in ticks] == [f"00:00:00.{part}" for part in ("000", "005", "010", "015")]


def test_numbers_of_steps_stand_between_them() -> None:
    ticks = step_ticks([10.0 * number + 3 for number in range(20)], 400)
    assert [(tick.label, tick.at) for tick in ticks[:2]] == [("20", 1.7), ("40", 3.7)]
    assert [tick.label for tick in step_ticks([0, 1, 2], 400)] == ["0", "1", "2"]
    assert [tick.label for tick in step_ticks([0.0, 5000.0, 10000.0], 60)] == ["0", "10,000"]
    assert step_ticks([4.0], 100) == []
    assert step_ticks([], 100) == []


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2300, 1, 1)),
    st.sampled_from([0.02, 1, 7, 60, 900, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 366 * 86_400]),
    st.lists(st.integers(1, 4), min_size=1, max_size=150),
    st.floats(120, 900),
)
def test_dates_never_touch_and_name_their_own_step(start, seconds, holes, width) -> None:
    stamps = [start.replace(microsecond=0)]
    for hole in holes:
        stamps.append(stamps[-1] + timedelta(seconds=seconds * hole))
    ticks = step_ticks(stamps, width)
    assert ticks
    pixels = width / (len(stamps) - 1)
    for line in ("label", "below"):
        shown = [tick for tick in ticks if getattr(tick, line)]
        for left, right in pairwise(shown):
            wide = sum(text_width(getattr(tick, line), LABEL_SIZE) for tick in (left, right)) / 2
            assert (right.at - left.at) * pixels >= wide
    below = ""
    for at, tick in enumerate(ticks):
        stamp = stamps[int(tick.at)]
        below = tick.below or below
        assert tick.at == int(tick.at)
        assert str(stamp.year) in f"{tick.label} {below}" or (at == 0 and ticks[1].below)
        if ":" in tick.label:
            assert tick.label.startswith(f"{stamp:%H:%M}")
        elif " " in tick.label:
            assert tick.label.split()[0] == str(stamp.day)


# ---- letters


def test_a_text_is_cut_to_its_room() -> None:
    assert shortened("short", 12, 200) == "short"
    cut = shortened("a long name of a store " * 9, 12, 100)
    assert cut.endswith("…")
    assert text_width(cut, 12) <= 100
    assert text_width("店", 12) > text_width("m", 12) > text_width("i", 12)
    assert text_width("e\u0301", 12) == text_width("e", 12)


@pytest.mark.parametrize("room", [40.0, 90.0, 130.0, 1000.0])
def test_a_title_is_broken_between_words_and_no_line_is_too_wide(room: float) -> None:
    title = "minLSTM both ways"
    lines = wrapped(title, 12, room)
    assert all(text_width(line, 12) <= room for line in lines)
    assert len(lines) <= 2
    if room >= 90:  # wide enough for "minLSTM" and for what is left
        assert " ".join(lines) == title
    assert (len(lines) == 1) is (text_width(title, 12) <= room)


def test_what_does_not_fit_into_the_last_line_is_cut() -> None:
    first, second = wrapped("one two three four five six", 12, 50)
    assert first == "one two"
    assert second.startswith("three")
    assert second.endswith("…")
    assert wrapped("", 12, 50) == []
