"""How a process ends whose streams are closed, full, or gone; and Ctrl-C while the line is parsed."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from seqcli.cli import main as module
from seqcli.cli import signature


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_a_process_starts_with_a_stream_closed(monkeypatch, name) -> None:
    monkeypatch.setattr(sys, "argv", ["seqcli", "--version"])
    monkeypatch.setattr(sys, name, None)
    assert module.run_process() == 0
    opened = getattr(sys, name)
    assert opened.name == os.devnull
    opened.close()


class Full:
    """A stream into ``file`` whose disk is full."""

    def __init__(self, file) -> None:
        self.fileno = file.fileno
        self.isatty = lambda: False

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_cannot_be_written_is_not_tried_again_at_the_end(monkeypatch, tmp_path, capsys) -> None:
    """Python flushes once more when it shuts down; by then the stream leads to nowhere."""
    with (tmp_path / "out").open("wb") as file:
        monkeypatch.setattr(sys, "argv", ["seqcli", "--version"])
        monkeypatch.setattr(sys, "stdout", Full(file))
        assert module.run_process() == 6
        os.write(file.fileno(), b"late")
    assert (tmp_path / "out").read_bytes() == b""
    assert "no space left" in capsys.readouterr().err


def test_ctrl_c_while_the_line_is_parsed(monkeypatch, capsys) -> None:
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(signature, "path", interrupted)
    assert module.main(["train", "a.csv"]) == 130
    assert capsys.readouterr().out == ""
