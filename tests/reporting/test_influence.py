"""What drove a forecast in words, in a chart and in a figure, from rows whose answer is known."""

from __future__ import annotations

import io
import re
from xml.dom.minidom import parseString

import pytest

from seqcli.preprocessing.frequency import DAY, HOUR, MINUTE, WEEK, Frequency
from seqcli.reporting.influence import by_lag, show_influence, strongest
from seqcli.reporting.influence_words import lag_shares, span, verdicts
from seqcli.reporting.lag_figure import lag_figure, lag_ticks
from seqcli.reporting.lag_plots import html_text, svg_text
from seqcli.reporting.screen import Screen
from seqcli.reporting.tables import write_table
from seqcli.results import ResultColumn, ResultTable

NAMES = ("target", "method", "member", "column", "lag_from", "lag_to", "importance", "effect", "spread")
HOURLY, DAILY = Frequency("time", HOUR), Frequency("time", DAY)


def gradient(column, near, importance, far=None, target="y"):
    return (target, "gradient", "all", column, near, far or near, importance, importance, None)


def permutation(column, near, far, importance, target="y"):
    return (target, "permutation", "all", column, near, far, importance, None, 0.1)


def table(*rows) -> ResultTable:
    return ResultTable("What drove it", tuple(ResultColumn(name) for name in NAMES), list(rows))


def said(rows, window, season, frequency=HOURLY, step=None) -> list[str]:
    return verdicts(table(*rows).records(), (window, season), frequency, step)


def test_a_day_and_the_same_hour_a_week_ago() -> None:
    """One step ahead: 61 % in the last day, 12 % at lag 168, the rest spread over the window."""
    rows = [gradient("y", lag, 61 / 24) for lag in range(1, 25)]
    rest = [lag for lag in range(25, 337) if lag != 168]
    rows += [gradient("y", lag, 27 / len(rest)) for lag in rest] + [gradient("y", 168, 12.0)]
    rows += [permutation("y", 1, 336, 0.83), permutation("y", 1, 24, 0.9)]
    (sentence,) = said(rows, 336, 24, step=1)
    assert sentence == (
        "the last 24 hours carry 61 % of what moves the forecast, lag 168 (1 week before) 12 %; "
        "shuffling y raises the error by 83 %"
    )
    assert "(1 week before)" not in said(rows, 336, 24)[0]  # of the mean no single hour is the same
    assert "(1 week before)" not in said(rows, 336, 24, step=2)[0]


def test_a_peak_is_no_slope() -> None:
    """A lag is named that stands above its neighbours, not the second of a decay."""
    decay = [gradient("y", lag, 100.0 * 0.5**lag) for lag in range(1, 25)]
    assert "lag" not in said(decay, 24, 12)[0]
    peaked = [*decay[:11], gradient("y", 12, 40.0), *decay[12:]]
    assert "lag 12 (12 hours before) alone 29 %" in said(peaked, 24, 12, step=1)[0]


def test_columns_are_named_where_there_are_several() -> None:
    rows = [gradient("y", 1, 70.0), gradient("y", 2, 5.0), gradient("x", 1, 0.0), gradient("x", 2, 25.0)]
    (sentence,) = said([*rows, permutation("x", 1, 2, 0.01)], 2, 1, DAILY)
    assert sentence.startswith("the last day carries 70 % of what moves the forecast")
    assert "by column y 75 %, x 25 %" in sentence
    assert sentence.endswith("shuffling any column leaves the error as it is")


def test_a_sentence_a_target_and_one_for_many() -> None:
    two = [gradient("y", 1, 1.0), gradient("z", 1, 3.0, target="z")]
    assert [sentence.split(":")[0] for sentence in said(two, 4, 1)] == ["y", "z"]
    many = [
        each
        for name in "abcde"
        for each in (gradient(name, 1, 9.0, target=name), gradient("x", 1, 1.0, target=name))
    ]
    (sentence,) = said(many, 4, 1)
    assert "by column the target itself 90 %, x 10 %" in sentence


def test_nothing_moves_a_forecast() -> None:
    assert said([gradient("y", 1, 0.0, far=4)], 4, 1) == ["no input moves this forecast"]
    assert by_lag(lag_shares(table(gradient("y", 1, 0.0, far=4)).records()), 4) == {}


def test_shares_are_means_over_targets_and_add_up() -> None:
    rows = [gradient("y", 1, 1.0), gradient("y", 2, 3.0), gradient("y", 1, 500.0, target="z")]
    shares = lag_shares(table(*rows).records())
    assert shares == {("y", 1, 1): pytest.approx(0.625), ("y", 2, 2): pytest.approx(0.375)}


def test_lags_that_moved_together_share_their_part() -> None:
    shares = lag_shares(table(gradient("y", 1, 6.0, far=3), gradient("y", 4, 4.0)).records())
    assert by_lag(shares, 4)["y"] == pytest.approx([40.0, 20.0, 20.0, 20.0])


@pytest.mark.parametrize(
    ("frequency", "lags", "words"),
    [
        (HOURLY, 24, "24 hours"),
        (HOURLY, 1, "hour"),
        (DAILY, 7, "7 days"),
        (Frequency("time", 15 * MINUTE), 4, "60 minutes"),
        (Frequency("time", WEEK), 1, "week"),
        (Frequency("time", DAY, week=((0, 5),)), 5, "5 rows"),
        (Frequency("months", 1), 12, "12 months"),
        (Frequency("months", 3), 2, "2 quarters"),
        (Frequency("months", 12), 1, "year"),
        (Frequency("steps", 1), 3, "3 rows"),
        (Frequency("time", HOUR, regular=False), 3, "3 rows"),
    ],
)
def test_steps_in_words(frequency, lags, words) -> None:
    assert span(lags, frequency) == words


def test_the_strongest_rows_come_first_and_members_are_left_to_the_pipe() -> None:
    rows = [gradient("y", lag, float(lag)) for lag in range(1, 21)]
    rows.append(("y", "gradient", "ridge", "y", 20, 20, 1e9, 1e9, None))
    rows += [permutation("y", 1, 20, 0.5), permutation("z", 1, 20, -0.1)]
    rows.append(("y", "parts", "ridge", None, None, None, 0.4, 7.0, None))
    shown = strongest(table(*rows)).records()
    moved = [each for each in shown if each["method"] == "gradient"]
    assert [each["lags"] for each in moved] == [str(lag) for lag in range(20, 12, -1)]
    assert moved[0]["importance"] == "9.5 %"
    assert [each["input"] for each in shown if each["method"] == "permutation"] == ["y"]
    assert [(each["input"], each["importance"]) for each in shown[-1:]] == [("ridge", "40.0 %")]


def part(member, weight, effect, target="y"):
    return (target, "parts", member, None, None, None, weight, effect, None)


def test_parts_are_called_as_elsewhere_and_a_rest_that_is_nothing_is_not_shown() -> None:
    rows = [part("ridge", 0.4, 40.0), part("network", 0.6, 60.0), part("mixed on the scale", None, 0.05)]
    shown = strongest(table(*rows, part("all", 1.0, 100.05)), "lstm").records()
    assert [each["input"] for each in shown] == ["ridge", "lstm", "forecast"]
    rows[-1] = part("mixed on the scale", None, -3.0)
    shown = strongest(table(*rows, part("all", 1.0, 97.0)), "lstm").records()
    assert [(each["input"], each["importance"]) for each in shown[2:]] == [
        ("rest", ""),
        ("forecast", "100.0 %"),
    ]


def test_words_of_ours_and_figures_are_not_cut_at_80_columns() -> None:
    names = ["precipitation in mm", "temperature at noon"]
    rows = [gradient(name, 1, 7.5, target=name) for name in names]
    rows += [permutation(name, 1, 210, 2.142, target=name) for name in names]
    rows += [part("all", 1.0, 1.928e-3, target=name) for name in names]
    out = io.StringIO()
    write_table(strongest(table(*rows)), "table", out)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for word in ("importance", "permutation", "gradient ", "1 to 210", "  100.0 %", "214.2 %", "0.001928"):
        assert word in out.getvalue()
    ends = {line.index(" %") for line in lines if " %" in line}
    assert len(ends) == 1  # figures stand below each other


class Terminal(io.StringIO):
    """A stream that a person sees."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_a_chart_and_a_map_for_a_person(monkeypatch, columns) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    rows = [
        gradient(name, lag, size / lag) for name, size in (("y", 3.0), ("x", 1.0)) for lag in range(1, 49)
    ]
    stream = Terminal()
    show_influence(Screen(stream=stream), table(*rows), 48)
    text = re.sub("\x1b\\[[0-9;]*m", "", stream.getvalue())
    assert "y: percent of the gradient by lag" in text
    assert "4 lags from the one named on" in text
    assert max(map(len, text.splitlines())) <= int(columns)
    quiet = Terminal()
    show_influence(Screen(quiet=True, stream=quiet), table(*rows), 48)
    assert quiet.getvalue() == ""


def test_marks_stand_at_their_lags() -> None:
    ticks = lag_ticks(336, 400)
    assert len(ticks) > 3
    for tick in ticks:
        assert 336 - tick.at == float(tick.label.removeprefix("lag "))
    assert [tick.label for tick in lag_ticks(1, 400)] == ["lag 1"]


@pytest.mark.parametrize("window", [1, 2, 30])
def test_a_figure_of_any_window(window) -> None:
    rows = [gradient("a<b", lag, float(lag), target="a<b") for lag in range(1, window + 1)]
    rows.append(permutation("a<b", 1, window, -0.2, target="a<b"))
    figure = lag_figure(table(*rows), window, ["one; two", "three"], "data/file.csv")
    assert figure.subtitle == "file.csv: one"
    assert figure.notes == ("two", "three")
    drawn = parseString(svg_text(figure))
    assert "a<b: share of the gradient, %" in [
        text.firstChild.data for text in drawn.getElementsByTagName("text")
    ]
    size = float(drawn.documentElement.getAttribute("height"))
    for text in drawn.getElementsByTagName("text"):
        assert 0 < float(text.getAttribute("y")) < size
        assert 0 < float(text.getAttribute("x")) < 960
    assert "a&lt;b" in html_text(figure)
    assert "<b:" not in html_text(figure)


def test_bars_stand_over_their_lags() -> None:
    """The block of lags 1 to 5 of 10 covers the right half of the panel."""
    rows = [gradient("y", lag, 1.0) for lag in range(1, 11)]
    rows += [permutation("y", 1, 10, 0.9), permutation("y", 1, 5, 0.5), permutation("y", 6, 10, 0.25)]
    drawn = parseString(svg_text(lag_figure(table(*rows), 10, ["said"], "")))
    bars = [each for each in drawn.getElementsByTagName("rect") if each.getAttribute("class") == "band"]
    recent, older = bars
    assert float(recent.getAttribute("x")) > float(older.getAttribute("x"))
    assert float(recent.getAttribute("height")) == pytest.approx(
        2 * float(older.getAttribute("height")), rel=0.01
    )
    widths = [float(each.getAttribute("width")) for each in bars]
    assert widths[0] == pytest.approx(widths[1], abs=0.1)
