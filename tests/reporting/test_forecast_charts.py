"""The charts of a forecast on a pretended terminal: which series, which values, which stamps."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest

from seqcli.reporting.forecast import forecast_charts, show_charts
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
        stamps=np.tile(np.arange(LENGTH + ROOM), len(names)),
        series=lambda row: rising + SERIES[names[row]],
    )
    return SimpleNamespace(panel=panel, silent={row for row, name in enumerate(names) if name == "gone"})


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
