"""Letters while sound comes in, and transcripts that a language model has weighed, by the real commands."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqcli.cli.main import main
from seqcli.demo.tones import RATE, clips, spoken, write_clip, write_wav

ROWS = clips(120, most=3)
FORWARD = ("--no-bidirectional", "--hidden-size", "16", "--num-layers", "1", "--threads", "1", "--quiet")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips, a transcriber that looks back alone, and a language model of their words."""
    folder = tmp_path_factory.mktemp("listening")
    for name, _, _ in ROWS:
        write_clip(folder, name)
    with (folder / "said.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("audio", "text", "speaker"), *ROWS])
    (folder / "words.txt").write_text("\n".join(word for _, word, _ in ROWS) + "\n")
    small = ("--hidden-size", "8", "--steps", "5", "--threads", "1", "--quiet", "-o", "lm.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        line = ("train", "said.csv", *FORWARD, "--epochs", "8", "--learning-rate", "0.02", "--no-refit")
        assert main([*line, "-o", "trained.csv"]) == 0
        assert main(["train", "words.txt", "--level", "characters", *small, "--save", "lm.seqcli"]) == 0
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


class Pipe(io.RawIOBase):
    """A pipe that gives so many bytes at a time, and looks at what was written before each."""

    def __init__(self, content: bytes, size: int, look: Callable[[], None] = lambda: None) -> None:
        self._content, self._size, self._look = io.BytesIO(content), size, look

    def readable(self) -> bool:
        return True

    def read(self, most: int = -1) -> bytes:
        self._look()
        return self._content.read(self._size)


class Stdin:
    def __init__(self, pipe: Pipe) -> None:
        self.buffer = pipe

    def isatty(self) -> bool:
        return False


def listened(
    capsys: pytest.CaptureFixture[str], monkeypatch, content: bytes, *line: str, size: int = 700
) -> str:
    monkeypatch.setattr("sys.stdin", Stdin(Pipe(content, size)))
    assert main(["predict", "-", "-m", "said.seqcli", "--stream", *line]) == 0
    return capsys.readouterr().out


def whole(capsys: pytest.CaptureFixture[str], *line: str) -> list[dict[str, str]]:
    assert main(["predict", "said.csv", "-m", "said.seqcli", *line]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_a_stream_says_what_the_whole_clip_says(here: Path, capsys, monkeypatch) -> None:
    answers = whole(capsys)
    assert len({row["prediction"] for row in answers}) > 10
    for row, size in zip(
        answers[:12], (1, 100, 160, 333, 480, 700, 1000, 1600, 2000, 9999, 50, 10**6), strict=True
    ):
        content = (here / row["audio"]).read_bytes()
        assert listened(capsys, monkeypatch, content, size=size) == row["prediction"] + "\n"
    assert main(["predict", answers[0]["audio"], "-m", "said.seqcli", "--stream"]) == 0
    assert capsys.readouterr().out == answers[0]["prediction"] + "\n"


def test_a_header_without_a_size_another_rate_and_raw_samples(here: Path, capsys, monkeypatch) -> None:
    write_wav(here / "fast.wav", spoken("bad", 5, rate=16000), 16000)
    (here / "fast.csv").write_text("audio\nfast.wav\n")
    assert main(["predict", "fast.csv", "-m", "said.seqcli"]) == 0
    answer = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))["prediction"]
    content = (here / "fast.wav").read_bytes()
    assert answer
    assert listened(capsys, monkeypatch, content) == answer + "\n"
    endless = content[:40] + b"\xff\xff\xff\xff" + content[44:]
    assert listened(capsys, monkeypatch, endless) == answer + "\n"
    assert listened(capsys, monkeypatch, content[44:], "--raw", "16000") == answer + "\n"


def test_letters_are_written_while_the_sound_goes_on(here: Path, capsys, monkeypatch) -> None:
    row = next(row for row in whole(capsys) if len(row["prediction"]) == 3)
    seen: list[str] = []
    flushed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", flushed)
    content = (here / row["audio"]).read_bytes()
    monkeypatch.setattr("sys.stdin", Stdin(Pipe(content, 400, lambda: seen.append(flushed.getvalue()))))
    assert main(["predict", "-", "-m", "said.seqcli", "--stream"]) == 0
    grown = [text for place, text in enumerate(seen) if not place or text != seen[place - 1]]
    text = row["prediction"]
    assert grown[:4] == [text[:count] for count in range(4)]  # each letter by itself, and before the end


def test_ctrl_c_ends_the_line(here: Path, capsys, monkeypatch) -> None:
    row = next(row for row in whole(capsys) if len(row["prediction"]) == 3)
    reads = iter(range(100))

    def turned_off() -> None:
        if next(reads) == 3:
            raise KeyboardInterrupt

    content = (here / row["audio"]).read_bytes()
    monkeypatch.setattr("sys.stdin", Stdin(Pipe(content, len(content) // 3, turned_off)))
    assert main(["predict", "-", "-m", "said.seqcli", "--stream"]) == 130
    assert capsys.readouterr().out[:-1] in (row["prediction"], row["prediction"][:-1])


def test_rows_say_when_a_letter_was_told(here: Path, capsys, monkeypatch) -> None:
    row = next(row for row in whole(capsys) if len(row["prediction"]) == 3)
    content = (here / row["audio"]).read_bytes()
    records = [
        json.loads(line)
        for line in listened(capsys, monkeypatch, content, "--format", "jsonl").split("\n")[:-1]
    ]
    assert "".join(record["letter"] for record in records) == row["prediction"]
    times = [record["seconds"] for record in records]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] <= (len(content) - 44) / 2 / RATE + 0.03


def test_an_untrained_weight_of_zero_changes_nothing_and_a_large_one_does(here: Path, capsys) -> None:
    fused = ("--language-model", "lm.seqcli", "--lm-weight")
    plain, same, other = (
        [row["prediction"] for row in whole(capsys, "--beam", "4", *line)]
        for line in ((), (*fused, "0"), (*fused, "30"))
    )
    assert same == plain
    assert other != plain
    assert main(["evaluate", "said.csv", "-m", "said.seqcli", "--language-model", "lm.seqcli"]) == 0
    assert next(csv.DictReader(io.StringIO(capsys.readouterr().out)))["cer"]


def test_what_makes_no_sense_is_said(here: Path, capsys, monkeypatch) -> None:
    for name, words in (("both", ()), ("own", ("--no-bidirectional", "--per-clip"))):
        small = ("--hidden-size", "4", "--num-layers", "1", "--steps", "2", "--threads", "1", "--quiet")
        line = ("train", "said.csv", *words, *small, "--no-refit", "--save", f"{name}.seqcli", "--force")
        assert main([*line]) == 0
    capsys.readouterr()
    content = (here / ROWS[0][0]).read_bytes()
    for model, line, code, said in (
        ("both", ("--stream",), 2, "both.seqcli: reads a clip from its end too"),
        ("own", ("--stream",), 2, "own.seqcli: scales each clip by its own mean"),
        ("lm", ("--stream",), 2, "--stream is of speech, and lm.seqcli writes no transcripts"),
        ("said", ("--stream", "--beam", "4"), 2, "a search would take some back"),
        ("said", ("--stream", "--language-model", "lm.seqcli"), 2, "a search would take some back"),
        ("said", ("--stream", "--keep", "audio"), 2, "--keep is of rows"),
        ("said", ("--stream", "--format", "conll"), 2, "--format conll"),
        ("said", ("--stream", "-o", "x.txt"), 2, "--stream may have no end"),
        ("said", ("--raw", "8000"), 2, "--raw is of sound that comes through a pipe"),
        ("said", ("--stream", "--raw", "10"), 2, "--raw"),
        ("said", ("--language-model", "said.seqcli"), 2, "predicts rows"),
        ("said", ("--language-model", "none.seqcli"), 4, "none.seqcli"),
        ("said", ("--lm-weight", "1"), 2, "--lm-weight weighs a language model"),
    ):
        monkeypatch.setattr("sys.stdin", Stdin(Pipe(content, 5000)))
        assert main(["predict", "-", "-m", f"{model}.seqcli", *line]) == code, line
        assert said in capsys.readouterr().err
    assert main(["predict", ROWS[0][0], "-m", "said.seqcli"]) == 3
    assert f"{ROWS[0][0]}: is a sound file, not a list of such" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Stdin(Pipe(b"a.wav\nb.wav\n", 5000)))
    assert main(["predict", "-", "-m", "said.seqcli", "--stream"]) == 3
    assert "stdin: does not begin as a wav file" in capsys.readouterr().err
