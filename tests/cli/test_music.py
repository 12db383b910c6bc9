"""Music from a folder to a file: what is typed, what is written, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import wave
from pathlib import Path

import command_lines
import pytest

from seqcli.cli.main import main
from seqcli.readers.midi import read_midi
from seqcli.reporting.midi_file import midi_bytes
from tests.midi_pieces import tune

TINY = ("--hidden-size", "16", "--steps", "30", "--threads", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 tunes and a model of it, a file of piano rolls and a model of that."""
    place = tmp_path_factory.mktemp("music")
    (place / "tunes").mkdir()
    for number in range(24):
        score = tune(2 + number % 3, 58 + number % 7)
        (place / "tunes" / f"{number:02}.mid").write_bytes(midi_bytes(score))
    chords = [[[48 + n + s % 3, 52 + n, 55 + n] for s in range(14 + n)] for n in range(8)]
    parts = {"train": chords[:5], "valid": chords[5:6], "test": chords[6:]}
    (place / "chords.json").write_text(json.dumps(parts), encoding="utf-8")
    for file in ("tunes", "chords.json"):
        out = str(place / f"{file}.csv")
        assert (
            main(
                [
                    "train",
                    str(place / file),
                    *TINY,
                    "-q",
                    "-o",
                    out,
                    "--save",
                    str(place / f"{file[:5]}.seqcli"),
                ]
            )
            == 0
        )
    return place


@pytest.fixture
def desk(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own with a copy of the model of tunes."""
    shutil.copytree(made / "tunes.seqcli", tmp_path / "tunes.seqcli")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *argv):
    return command_lines.run(capsys, "generate", *argv)


def test_training_says_what_it_found_and_beats_single_events(made: Path, capsys) -> None:
    with open(made / "tunes.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert next(row["predictor"] for row in rows) == "gru"
    assert float(rows[0]["nats"]) < float(rows[-1]["nats"])
    assert main(["train", str(made / "tunes"), "--dry-run", "--format", "jsonl"]) == 0
    said = capsys.readouterr().out
    assert "task music: MIDI files" in said
    assert "24 pieces of music" in said


def test_a_folder_becomes_a_tune_in_one_command(made: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, str(made / "tunes"), *TINY, "-o", "tune.mid", "--length", "4")
    assert (code, out) == (0, "")
    assert read_midi((tmp_path / "tune.mid").read_bytes(), "tune.mid").notes
    assert "task music" in err
    assert "beside the corpus of" in err
    assert (tmp_path / "tunes.seqcli").is_dir()
    again = run(capsys, str(made / "tunes"), "-o", "again.mid", "--length", "4")
    assert again[0] == 0
    assert "of the same data and options" in again[2]
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "tune.mid").read_bytes()


def test_several_pieces_are_numbered_and_their_seeds_differ(desk: Path, capsys) -> None:
    code, out, err = run(capsys, "-m", "tunes.seqcli", "-o", "tune.mid", "--n", "3", "--length", "3")
    assert (code, out) == (0, "")
    contents = [(desk / f"tune-{number}.mid").read_bytes() for number in (1, 2, 3)]
    assert len(set(contents)) > 1
    assert not (desk / "tune.mid").exists()
    assert all(f"tune-{number}.mid: " in err for number in (1, 2, 3))
    assert run(capsys, "-m", "tunes.seqcli", "-o", "first.mid", "--length", "3")[0] == 0
    assert (desk / "first.mid").read_bytes() == contents[0]
    run(capsys, "-m", "tunes.seqcli", "-o", "other.mid", "--length", "3", "--sample-seed", "9")
    assert (desk / "other.mid").read_bytes() != contents[0]


def test_a_prompt_stands_ahead_of_what_is_written(desk: Path, capsys) -> None:
    start = tune(2, 60)
    (desk / "start.mid").write_bytes(midi_bytes(start))
    code, _, err = run(
        capsys, "-m", "tunes.seqcli", "--prompt-file", "start.mid", "-o", "tune.mid", "--length", "2"
    )
    assert code == 0, err
    written = read_midi((desk / "tune.mid").read_bytes(), "tune.mid")
    ahead = {(note.start / 480, note.pitch) for note in start.notes}
    assert ahead <= {(note.start / written.division, note.pitch) for note in written.notes}


def test_a_pipe_gets_the_bytes_of_one_piece(desk: Path, capfdbinary) -> None:
    assert main(["generate", "-m", "tunes.seqcli", "--length", "2"]) == 0
    out = capfdbinary.readouterr().out
    assert out.startswith(b"MThd")
    assert read_midi(out, "stdout").notes


def test_a_terminal_gets_no_bytes(desk: Path, capsys, monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    assert main(["generate", "-m", "tunes.seqcli"]) == 2
    err = capsys.readouterr().err
    assert "music is no text for a terminal" in err
    assert "-o tune.mid" in err


def test_notes_as_rows(desk: Path, capsys) -> None:
    code, out, _ = run(capsys, "-m", "tunes.seqcli", "--format", "csv", "--n", "2", "--length", "2")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["piece"] for row in rows} == {"1", "2"}
    assert run(capsys, "-m", "tunes.seqcli", "-o", "tune.mid", "--length", "2")[0] == 0
    notes = read_midi((desk / "tune.mid").read_bytes(), "tune.mid").notes
    first = [row for row in rows if row["piece"] == "1"]
    assert [int(row["pitch"]) for row in first] == [note.pitch for note in notes]
    assert [float(row["start"]) * 12 for row in first] == pytest.approx(
        [note.start for note in notes], abs=0.01
    )


def test_sound_and_pictures(desk: Path, capsys) -> None:
    code, _, err = run(
        capsys, "-m", "tunes.seqcli", "-o", "t.mid", "--render", "t.wav", "--plot", "t.svg", "--length", "2"
    )
    assert code == 0, err
    with wave.open(str(desk / "t.wav")) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (22_050, 2, 1)
        assert sound.getnframes() > 5_000
    notes = read_midi((desk / "t.mid").read_bytes(), "t.mid").notes
    svg = (desk / "t.svg").read_text(encoding="utf-8")
    assert svg.count('class="ahead"') + svg.count('class="past"') == len(notes)
    assert "plot: t.svg" in err
    first = (desk / "t.wav").read_bytes()
    run(capsys, "-m", "tunes.seqcli", "-o", "t.mid", "--render", "t.wav", "--length", "2")
    assert (desk / "t.wav").read_bytes() == first


def test_the_roll_on_stderr_fits_the_terminal(desk: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, _, err = run(capsys, "-m", "tunes.seqcli", "-o", "t.mid", "--length", "4")
    roll = [line for line in err.splitlines() if "│" in line]
    assert roll
    assert max(map(len, err.splitlines())) <= 100
    assert max(map(len, roll)) <= 80


@pytest.mark.parametrize(
    ("argv", "code", "said", "hint"),
    [
        (("--prompt", "x"), 2, "--prompt goes with text", "--prompt-file start.mid"),
        (("--stop", "x"), 2, "--stop goes with text", "leave out --stop"),
        (("-o", "t.wav"), 2, "-o t.wav: music is written as .mid", "--render makes sound of it"),
        (("--n", "2"), 2, "2 pieces cannot go down one pipe", "tune-1.mid to tune-2.mid"),
        (("-o", "t.mid", "--render", "t.mp3"), 2, "sound is written as .wav", "--render t.wav"),
        (("-o", "t.mid", "--prompt-file", "start.txt"), 2, "a prompt of music is a .mid file", "start.mid"),
        (("-o", "t.mid", "--prompt-file", "none.mid"), 3, "none.mid: no such file", ""),
        (("-o", "t.mid", "--hidden-size", "4"), 2, "--hidden-size shapes a training", "leave out"),
        (("-o", "t.mid", "--plot", "roll.gif"), 2, "a figure ends in .png, .svg or .html", ""),
        (("-o", "t.mid", "--top-p", "2"), 2, "--top-p: 2 is too large", ""),
        (("-o", "none/t.mid"), 2, "there is no directory none", "mkdir"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(desk: Path, capsys, argv, code, said, hint) -> None:
    found, out, err = run(capsys, "-m", "tunes.seqcli", *argv)
    assert (found, out) == (code, "")
    assert said in err.splitlines()[-2]
    assert hint in err.splitlines()[-1]


def test_a_broken_folder_is_named_with_file_and_byte(desk: Path, capsys) -> None:
    (desk / "bad").mkdir()
    (desk / "bad" / "a.mid").write_bytes(midi_bytes(tune(2))[:100])
    code, out, err = run(capsys, "bad/", "-o", "t.mid")
    assert (code, out) == (3, "")
    assert "bad/a.mid, byte 51: a track of" in err


def test_options_of_music_mean_nothing_to_text(desk: Path, capsys) -> None:
    (desk / "a.txt").write_text("a line of words\n" * 20, encoding="utf-8")
    code, _, err = run(capsys, "a.txt", "--render", "a.wav")
    assert code == 2
    assert "--render goes with music, and this is text" in err
    assert main(["train", "a.txt", "--task", "music", "--dry-run"]) != 0


def test_evaluate_and_show_know_music(desk: Path, made: Path, capsys) -> None:
    assert main(["evaluate", str(made / "tunes"), "-m", "tunes.seqcli", "--fail-under", "nats=9"]) == 0
    out, err = capsys.readouterr()
    assert float(next(csv.DictReader(io.StringIO(out)))["nats"]) > 0
    assert "was trained on rows of this file" in " ".join(err.split())
    one = str(made / "tunes" / "00.mid")
    assert main(["evaluate", one, "-m", "tunes.seqcli", "--per-token"]) == 0
    tokens = [row["token"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert tokens[:3] == ["End", "Bar", "Meter 4/4"]
    assert tokens[-1] == "End"
    assert main(["show", "-m", "tunes.seqcli", "--trace", "text"]) == 2
    assert "only one text can be traced" in capsys.readouterr().err
    (desk / "a.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["evaluate", "a.csv", "-m", "tunes.seqcli"]) == 3
    assert "reads music, and this is a table" in capsys.readouterr().err


def test_piano_rolls_from_training_to_a_file(made: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    model = str(made / "chord.seqcli")
    with open(made / "chords.json.csv", encoding="utf-8", newline="") as file:
        predictors = [row["predictor"] for row in csv.DictReader(file)]
    assert predictors == ["lstm", "keys after themselves", "keys by themselves"]
    code, out, _ = run(capsys, "-m", model, "-o", "t.mid", "--length", "6", "--temperature", "0.8")
    assert (code, out) == (0, "")
    assert read_midi((tmp_path / "t.mid").read_bytes(), "t.mid").division == 12
    assert run(capsys, "-m", model, "-o", "t.mid", "--top-k", "3")[0] == 2
    assert main(["evaluate", str(made / "chords.json"), "-m", model, "--per-token"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0]["keys"] == "48 52 55"
    assert main(["evaluate", str(made / "chords.json"), "-m", model]) == 0
    figure = float(next(csv.DictReader(io.StringIO(capsys.readouterr().out)))["frame_nll"])
    scored = [float(row["nats"]) for row in rows if row["step"] != "1"]
    assert figure == pytest.approx(sum(scored) / len(scored), rel=1e-5)


def test_a_saved_model_writes_without_torch(desk: Path) -> None:
    import subprocess

    code = (
        "import sys\nfrom seqcli.cli.main import main\n"
        "assert main(['generate', '-m', 'tunes.seqcli', '-o', 't.mid', '--length', '1', '-q']) == 0\n"
        "print(sorted({'torch', 'pandas', 'sklearn', 'scipy', 'onnx', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
