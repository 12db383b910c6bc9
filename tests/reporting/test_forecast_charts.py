"""The charts of a forecast on a pretended terminal: which series, which values, which stamps."""

from __future__ import annotations

import io
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest

from seqcli.reporting.forecast import for_people, forecast_charts, forecast_figure, show_charts
from seqcli.reporting.screen import Screen
from seqcli.results import ResultColumn, ResultTable

SERIES = {"east": 30.0, "west": 50.0, "gone": 0.0, "north": 70.0}
LENGTH, ROOM = 40, 3


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def context(names=tuple(SERIES)):
    """Series of 40 steps that rise by one, each followed by room for three; "gone" has no value."""
    rising = np.arange(float(LENGTH))[:, None]
    panel = SimpleNamespace(
        names=names,
        offsets=np.arange(len(names)) * (LENGTH + ROOM),
        lengths=np.full(len(names), LENGTH),
        room=ROOM,
        stamps=np.tile(np.arange(LENGTH + ROOM), len(names)),
        series=lambda row: rising + SERIES[names[row]],
    )
    silent = {row for row, name in enumerate(names) if name == "gone"}
    return SimpleNamespace(panel=panel, silent=silent, notes=("a note",))


def table(names, target=False):
    """Forecasts that go on rising, with an 80 % interval of one on each side."""
    columns = [*(["series"] if len(names) > 1 else []), *(["target"] if target else [])]
    columns += ["timestamp", "forecast", "lo80", "hi80"]
    rows = []
    for name in names:
        for step in range(ROOM):
            value = SERIES[name] + LENGTH + step
            parts = {"series": name, "target": "sales", "timestamp": str(step), "forecast": value}
            parts |= {"lo80": value - 1, "hi80": value + 1}
            rows.append(tuple(parts[column] for column in columns))
    return ResultTable("", tuple(map(ResultColumn, columns)), rows)


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return Screen(stream=Terminal())


def test_a_chart_holds_the_end_of_its_series_and_what_follows() -> None:
    living = ("east", "west", "north")
    charts = list(forecast_charts(table(living), context(), ("sales",), "day {}".format))
    assert [chart.title for chart in charts] == ["east · sales", "west · sales", "north · sales"]
    for name, chart in zip(living, charts, strict=True):
        past = len(chart.history)
        assert chart.history == [SERIES[name] + LENGTH - past + step for step in range(past)]
        assert chart.forecast == [SERIES[name] + LENGTH + step for step in range(ROOM)]
        (band,) = chart.bands
        assert (band.level, band.low, band.high) == (
            80, [value - 1 for value in chart.forecast], [value + 1 for value in chart.forecast],
        )  # fmt: skip
        assert (chart.first, chart.now, chart.last) == (f"day {LENGTH - past}", "day 39", "day 42")


def test_one_series_is_titled_by_its_target_alone() -> None:
    (chart,) = forecast_charts(table(("east",), target=True), context(("east",)), ("sales",), str)
    assert chart.title == "sales"


def test_a_terminal_gets_two_charts_and_the_number_of_the_others(screen) -> None:
    show_charts(screen, table(("east", "west", "north")), context(), ("sales",), str)
    shown = screen.stream.getvalue()
    assert "east · sales" in shown
    assert "west · sales" in shown
    assert "north" not in shown
    assert "1 more series are in the table" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["pipe", "quiet"])
def test_a_pipe_and_a_quiet_run_get_no_chart(monkeypatch, stream) -> None:
    monkeypatch.setenv("TERM", "xterm")
    silent = Screen(quiet=stream.isatty(), stream=stream)
    show_charts(silent, table(("east",)), context(("east",)), ("sales",), str)
    assert stream.getvalue() == ""


# ---- figures

CALENDAR = SimpleNamespace(label="day {}".format, iso="{:04d}".format)


def test_a_chart_knows_every_step_by_number_and_name() -> None:
    (chart,) = forecast_charts(table(("east",)), context(("east",)), ("sales",), str, "{:04d}".format)
    assert chart.stamps == list(range(LENGTH + ROOM))
    assert chart.names == [f"{step:04d}" for step in chart.stamps]


def test_dates_are_moments_and_far_years_numbers() -> None:
    near = context(("east",))
    near.panel.stamps = np.datetime64("2020-01-01", "us") + np.arange(LENGTH + ROOM) * np.timedelta64(1, "D")
    (chart,) = forecast_charts(table(("east",)), near, ("sales",), str)
    assert chart.stamps[31] == datetime(2020, 2, 1)
    far = np.arange(9990, 9990 + LENGTH + ROOM).astype(str).astype("datetime64[Y]").astype("datetime64[us]")
    near.panel.stamps = far
    (chart,) = forecast_charts(table(("east",)), near, ("sales",), str)
    assert chart.stamps == pytest.approx(list(range(9990, 9990 + LENGTH + ROOM)), abs=0.003)


def test_a_figure_tells_what_and_when() -> None:
    shown = forecast_figure(table(("east",)), context(("east",)), ("sales",), CALENDAR, "/data/shop.csv")
    assert shown.title == "Forecast of sales"
    assert shown.subtitle == "shop.csv: the next 3 rows, 0040 to 0042"
    assert (shown.notes, shown.left, len(shown.panels)) == (("a note",), 0, 1)


def test_a_figure_has_room_for_twelve_and_counts_the_rest() -> None:
    names = tuple(f"shop {number}" for number in range(20))
    SERIES.update(dict.fromkeys(names, 1.0))
    shown = forecast_figure(table(names), context(names), ("sales",), CALENDAR, "shops.csv")
    assert [panel.title for panel in shown.panels] == [f"shop {number} · sales" for number in range(12)]
    assert shown.notes == ("8 more series are in the table", "a note")
    assert shown.left == 8


def test_series_that_end_at_different_times_have_no_common_date() -> None:
    ended = context(("east", "west"))
    ended.panel.stamps = np.arange(2 * (LENGTH + ROOM))
    shown = forecast_figure(table(("east", "west")), ended, ("sales",), CALENDAR, "")
    assert shown.subtitle == "the next 3 rows of each series"


def test_silent_series_leave_an_empty_figure() -> None:
    shown = forecast_figure(table(()), context(("gone",)), ("sales",), CALENDAR, "a.csv")
    assert (list(shown.panels), shown.left) == ([], 0)


def test_numbers_of_one_series_and_target_have_the_same_decimals() -> None:
    names = ("series", "target", "timestamp", "forecast", "lo80")
    rows = [
        ("a", "x", "1", 0.0984, -20.957), ("a", "y", "1", 1055.123, 995.54), ("b", "x", "1", 0.25, None),
        ("a", "x", "2", 4.28246, 0.0), ("a", "y", "2", 1064.0, 12345.6), ("b", "x", "2", 0.5, 0.0),
    ]  # fmt: skip
    shown = for_people(ResultTable("", tuple(map(ResultColumn, names)), rows))
    assert [row[3:] for row in shown.rows] == [
        ("0.098", "-20.957"), ("1,055", "996"), ("0.25000", None),
        ("4.282", "0.000"), ("1,064", "12,346"), ("0.50000", "0.00000"),
    ]  # fmt: skip
    assert [column.keep for column in shown.columns] == ["", "", "", "right", "right"]
