"""``evaluate`` of a text by a model that goes on learning, and tokens in colour."""

from __future__ import annotations

import csv
import io
import re
import runpy
import sys
from pathlib import Path

import command_lines
import pytest

TINY = runpy.run_path(str(Path(__file__).parents[1] / "inference" / "tiny_language.py"))
TEXT = "The quick fox.\n" * 40


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    TINY["tiny_language"](tmp_path / "m.seqcli")
    (tmp_path / "test.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *argv):
    return command_lines.run(capsys, "evaluate", "test.txt", "-m", "m.seqcli", *argv)


def test_the_dynamic_score_stands_beside_the_static_one(desk, capsys) -> None:
    code, out, err = run(capsys, "--dynamic", "--learning-rate", "0.005")
    assert code == 0, err
    static, dynamic = csv.DictReader(io.StringIO(out))
    assert (static["predictor"], dynamic["predictor"]) == ("seqcli (lstm)", "seqcli (lstm), dynamic")
    assert float(dynamic["nats"]) < float(static["nats"]) - 0.2
    assert dynamic["blk64"] == ""
    assert "learns from each 20 tokens once they are scored, by Adam at 0.005" in err
    alone = next(csv.DictReader(io.StringIO(run(capsys)[1])))
    assert alone == static
    longer = list(csv.DictReader(io.StringIO(run(capsys, "--dynamic", "--bptt", "200")[1])))[1]
    assert longer["nats"] != dynamic["nats"]


def test_mistakes(desk, capsys) -> None:
    code, out, err = run(capsys, "--dynamic", "--per-token")
    assert (code, out) == (2, "")
    assert err.startswith("--per-token is of the model as it was saved\nhint: ")
    assert run(capsys, "--learning-rate", ".1")[0] == 2
    assert run(capsys, "--dynamic", "--epochs", "3")[2].startswith("--epochs shapes a training")
    golden = Path(__file__).parents[1] / "golden" / "classify_words.seqcli"
    code, _, err = command_lines.run(capsys, "evaluate", "test.txt", "-m", str(golden), "--dynamic")
    assert code == 2
    assert err.startswith("--dynamic goes with a language model")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_person_sees_a_coloured_text(desk, capsys, monkeypatch) -> None:
    from seqcli.cli.main import main

    def shown(*argv) -> str:
        out = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            assert main(["evaluate", "test.txt", "-m", "m.seqcli", "--per-token", *argv]) == 0
        return out.getvalue()

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = shown()
    plain = re.sub("\033\\[[0-9;]*m", "", coloured).replace("⏎\n", "\n").replace("·", " ")
    assert plain == TEXT
    assert coloured.count("\033[") > 100
    assert "bits a character: dim below 1" in capsys.readouterr().err
    assert "position" in shown("--format", "table")
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            table = shown()
            assert "position" in table
            assert "\033[" not in table or name == "NO_COLOR"
