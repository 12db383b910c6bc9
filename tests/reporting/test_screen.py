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
