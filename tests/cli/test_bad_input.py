"""Files that cannot be learned from, and disks that cannot be written: the code, two lines, nothing left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seqcli.cli.main import main

HEADER = b"review,label\n"
ROWS = b"".join(b"we liked the %d part,good\nwe left at the %d part,bad\n" % (i, i) for i in range(30))
BAD_FILES = {
    "empty": b"",
    "header only": HEADER,
    "NUL bytes": HEADER + ROWS + b"a\x00b,good\n",
    "a row too long": HEADER + ROWS + b"one,two,three\n",
    "a row too short": HEADER + ROWS + b"one\n",
    "an unclosed quote": HEADER + b'"one,good\n' + ROWS,
    "one name twice": b"review,review\n" + ROWS,
    "binary": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
    "a spreadsheet": b"PK\x03\x04" + bytes(200),
    "one class": HEADER + b"".join(b"we liked part %d,good\n" % i for i in range(30)),
    "too few rows": HEADER + b"yes,good\nno,bad\n",
}


def ended(capsys, argv):
    code = main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert 1 <= len(lines) <= 2
    return code, lines


@pytest.mark.parametrize("verb", ["train", "forecast"])
@pytest.mark.parametrize("what", BAD_FILES)
def test_a_file_that_cannot_be_used_is_exit_3(tmp_path, monkeypatch, capsys, verb, what) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.csv").write_bytes(BAD_FILES[what])
    code, lines = ended(capsys, [verb, "bad.csv", "-q"])
    assert code == 3, lines
    assert "bad.csv" in lines[0]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("verb", ["train", "forecast"])
def test_a_file_that_is_not_there_is_exit_3_with_the_near_miss(tmp_path, monkeypatch, capsys, verb) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prices.csv").write_text("x")
    code, lines = ended(capsys, [verb, "price.csv", "-q"])
    assert code == 3
    assert "price.csv" in lines[0]
    assert "prices.csv" in lines[-1]


def test_an_empty_directory_is_exit_3(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    code, lines = ended(capsys, ["train", "folder", "-q"])
    assert code == 3
    assert "folder" in lines[0]


def test_a_full_disk_under_the_model_is_exit_6_and_leaves_no_model(here) -> None:
    # A process that measures its coverage would have something to say on the full disk too.
    script = (
        "unset ${!COVERAGE_*}; ulimit -f 8; "
        f'exec "{sys.executable}" -m seqcli train reviews.csv --epochs 1 --save big.seqcli -q'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=here, check=False)
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) <= 2
    assert not Path("big.seqcli").exists()


def test_an_interrupted_training_is_resumed_by_the_command_that_it_prints(here) -> None:
    argv = [sys.executable, "-m", "seqcli", "train", "reviews.csv", "--save", "long.seqcli"]
    options = ["--epochs", "200", "--patience", "200", "--hidden-size", "8", "--embedding-size", "8"]
    with subprocess.Popen(
        [*argv, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr
        for line in running.stderr:
            if line.startswith("epoch 1/"):
                break
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read().splitlines()
        assert running.wait(60) == 130
    assert rest[-1].startswith("hint: ")
    command = rest[-1].partition("seqcli ")[2].split()
    assert command[-1] == "--resume"
    assert not Path("long.seqcli").exists()
    done = subprocess.run(
        [sys.executable, "-m", "seqcli", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Path("long.seqcli/model.json").is_file()
    assert not Path(".long.seqcli.partial/checkpoint").exists()


def test_a_training_that_starts_anew_names_the_one_it_drops(here, capsys) -> None:
    Path(".new.seqcli.partial/checkpoint").mkdir(parents=True)
    assert main(["train", "reviews.csv", "--epochs", "1", "--hidden-size", "4", "--save", "new.seqcli"]) == 0
    assert "seqcli train reviews.csv --save new.seqcli --resume" in capsys.readouterr().err
