"""How wide a line may be."""

from __future__ import annotations

import io
import os

import pytest

from seqcli.reporting.screen import Screen


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


@pytest.mark.parametrize(("columns", "longest"), [(0, 80), (40, 40)])
def test_a_terminal_that_says_nothing_of_its_size_is_taken_for_one_of_80(
    monkeypatch, columns: int, longest: int
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 0)))
    terminal = Terminal()
    Screen(stream=terminal).line("word " * 60)
    lines = terminal.getvalue().splitlines()
    assert longest - 5 < max(map(len, lines)) <= longest
    assert len(lines) > 1


def test_prose_is_as_narrow_as_tables_in_a_log_and_a_percent_sign_stays_with_its_number(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    sentence = "the last row carries 100 % of what it is" + ", by column close 96 %" * 4
    log = io.StringIO()
    Screen(stream=log).prose(sentence)
    lines = log.getvalue().splitlines()
    assert 30 < max(map(len, lines)) <= 40
    assert not any(line.strip().startswith("%") for line in lines)
    assert " ".join(line.strip() for line in lines) == sentence
    assert Screen(quiet=True, stream=log).prose("more") is None
    assert "more" not in log.getvalue()


def test_a_line_of_a_log_stays_whole(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    log = io.StringIO()
    Screen(stream=log).line("word " * 60)
    assert log.getvalue() == "word " * 60 + "\n"
