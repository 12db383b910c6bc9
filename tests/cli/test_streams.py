"""How a process ends whose streams are closed, full, or gone; and Ctrl-C while the line is parsed."""

from __future__ import annotations

import io
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


def test_what_cannot_be_written_is_not_tried_again_at_the_end(monkeypatch, tmp_path) -> None:
    """Python flushes once more when it shuts down; by then the stream leads to nowhere."""

    class Full(io.TextIOWrapper):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    stream = Full((tmp_path / "out").open("wb"))
    monkeypatch.setattr(sys, "argv", ["seqcli", "--version"])
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    code = module.run_process()
    assert code == 6
    assert "no space left" in sys.stderr.getvalue()
    os.write(stream.fileno(), b"late")
    assert (tmp_path / "out").read_bytes() == b""
    monkeypatch.undo()
    monkeypatch.setattr(Full, "flush", lambda self: None)
    stream.close()


def test_ctrl_c_while_the_line_is_parsed(monkeypatch, capsys) -> None:
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(signature, "path", interrupted)
    assert module.main(["train", "a.csv"]) == 130
    assert capsys.readouterr().err.split() == ["interrupted"]
