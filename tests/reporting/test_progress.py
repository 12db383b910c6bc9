"""How far a long step is: a line that moves on a terminal, a few lines in a log."""

from __future__ import annotations

import io

import pytest

from seqcli.reporting import progress
from seqcli.reporting.screen import Screen

WIPED = "\r\033[K"
BATCHES = [["row"] * 1000] * 3


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def follow(monkeypatch, screen, moments, shares) -> None:
    """Count BATCHES at these moments (the start, then after each batch), this much being done then."""
    clock, done = iter(moments), iter(shares)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(progress.counted(screen, BATCHES, "rows", lambda: next(done))) == BATCHES


def test_a_terminal_sees_a_bar_and_what_is_left(monkeypatch, terminal) -> None:
    # Drawn once: the first batch came at once, and the third right after the second.
    follow(monkeypatch, Screen(stream=terminal), [0.0, 0.05, 2.0, 2.01], [0.2])
    drawn = f"{'━' * 7}{'─' * 27} 20% · 2,000 rows, 1,000 a second · 0:08 left"
    assert terminal.getvalue().split(WIPED) == ["", "reading …", "", drawn, ""]
    assert len(drawn) < 80


def test_the_line_is_away_while_rows_go_on(terminal) -> None:
    """They may come to the same terminal, by way of a pipe."""
    for _ in progress.counted(Screen(stream=terminal), BATCHES, "rows", lambda: None):
        assert terminal.getvalue().endswith(WIPED)


def test_without_a_known_end_there_is_no_bar(monkeypatch, terminal) -> None:
    follow(monkeypatch, Screen(stream=terminal), [0.0, 0.05, 2.0, 2.01], [None])
    assert terminal.getvalue().split(WIPED) == ["", "reading …", "", "2,000 rows, 1,000 a second", ""]


@pytest.mark.parametrize(
    ("width", "drawn"),
    [("50", "20% · 2,000 rows, 1,000 a second · 0:08 left"), ("20", "20% · 2,000 rows, 1")],
)
def test_a_narrow_terminal_has_no_room_for_a_bar(monkeypatch, terminal, width, drawn) -> None:
    monkeypatch.setenv("COLUMNS", width)
    follow(monkeypatch, Screen(stream=terminal), [0.0, 0.05, 2.0, 2.01], [0.2])
    assert terminal.getvalue().split(WIPED)[3] == drawn


def test_a_log_gets_a_line_now_and_then(monkeypatch) -> None:
    stream = io.StringIO()
    follow(monkeypatch, Screen(stream=stream), [0.0, 5.0, 20.0, 21.0], [0.5])
    assert stream.getvalue() == "50% · 2,000 rows, 100 a second · 0:20 left\n"


def test_a_log_gets_no_lines_on_what_may_never_end(monkeypatch) -> None:
    stream = io.StringIO()
    follow(monkeypatch, Screen(stream=stream), [0.0, 5.0, 20.0, 21.0], [None])
    with progress.waiting(Screen(stream=stream), "reading"):
        pass
    assert stream.getvalue() == ""


@pytest.mark.parametrize("terminal_or_log", [Terminal, io.StringIO])
def test_quiet_says_nothing(monkeypatch, terminal_or_log) -> None:
    stream = terminal_or_log()
    follow(monkeypatch, Screen(quiet=True, stream=stream), [0.0, 20.0, 40.0, 60.0], [0.3, 0.6, 1.0])
    assert stream.getvalue() == ""


def test_what_is_said_meanwhile_stands_on_a_line_of_its_own(terminal) -> None:
    screen = Screen(stream=terminal)
    with progress.waiting(screen, "reading"):
        screen.warn("row 3: is bad")
    assert terminal.getvalue() == f"{WIPED}reading …{WIPED}note: row 3: is bad\n"


def test_an_error_takes_the_line_away(terminal) -> None:
    def broken():
        yield [1]
        raise ValueError

    with pytest.raises(ValueError):
        list(progress.counted(Screen(stream=terminal), broken(), "rows", lambda: None))
    assert terminal.getvalue().endswith(WIPED)


@pytest.mark.parametrize(("share", "room", "drawn"), [(0.25, 100, 40), (0.0, 12, 12), (1.0, 9, 0)])
def test_a_bar_is_as_long_as_there_is_room(share, room, drawn) -> None:
    full, empty = progress.bar(share, room, plain=True)
    assert full + empty == "#" * round(drawn * share) + "-" * (drawn - round(drawn * share))


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3723, "1:02:03")])
def test_clock(seconds, text) -> None:
    assert progress.clock(seconds) == text
    assert progress.time_left(0.5, seconds) == f"{text} left"
    assert progress.time_left(0.0, seconds) == "0:00 left"
