"""What moves on a terminal while rows go through."""

from __future__ import annotations

import io

from seqcli.reporting import progress
from seqcli.reporting.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_rows_are_counted_with_their_speed_and_the_line_is_wiped(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    clock = iter([0.0, 0.05, 2.0, 2.01])  # the start, then after each batch
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    terminal = Terminal()
    batches = [["row"] * 1000] * 3
    assert list(progress.counted(Screen(stream=terminal), batches, "rows")) == batches
    # Drawn once: the first batch came at once, and the third right after the second.
    assert terminal.getvalue().split("\r\033[K") == ["", "2,000 rows, 1,000 a second", ""]
