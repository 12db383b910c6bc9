"""The command from what is typed to what is written, on models without a training and with one."""

from __future__ import annotations

import csv
import io
import json
import runpy
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import command_lines
import pytest

from seqcli.cli.main import main

TINY = runpy.run_path(str(Path(__file__).parents[1] / "inference" / "tiny_language.py"))
HEAVY = {"torch", "pandas", "sklearn", "scipy", "onnx", "pydantic", "rich"}
BRIEF = ("--epochs", "1", "--steps", "3", "--hidden-size", "8", "--threads", "1")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A directory with a model of characters, one of words, one with a condition, and one that is trained."""
    place = tmp_path_factory.mktemp("models")
    make = TINY["tiny_language"]
    make(place / "corpus.seqcli")
    make(place / "words.seqcli", level="words")
    make(place / "kinds.seqcli", categories=("en", "de"))
    return place


@pytest.fixture
def desk(models, tmp_path, monkeypatch) -> Path:
    """An own working directory with the model of characters; the others lie in ../models."""
    shutil.copytree(models / "corpus.seqcli", tmp_path / "desk" / "corpus.seqcli")
    shutil.copytree(models, tmp_path / "models")
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


def run(capsys, *argv):
    """Exit code, stdout and stderr of ``seqcli generate`` and what follows."""
    return command_lines.run(capsys, "generate", *argv)


def type_in(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False))


# ---- forms


def test_the_only_model_here_writes_the_prompt_and_what_follows(desk, capsys) -> None:
    code, out, err = run(capsys, "--prompt", "The ")
    assert code == 0
    assert err.startswith("model: corpus.seqcli, ")
    assert out.startswith("The ")
    assert len(out) == len("The ") + 500 + 1
    assert out.endswith("\n")
    assert run(capsys, "-m", "corpus.seqcli", "--prompt", "The ", "--length", "7")[1:] == (
        out[:11] + "\n",
        "",
    )


def test_words_are_counted_as_words(desk, capsys) -> None:
    _, out, _ = run(capsys, "-m", "../models/words.seqcli", "--format", "jsonl")
    assert len(json.loads(out)["tokens"]) == 100


def test_texts_are_apart_by_an_empty_line_or_are_lines(desk, capsys) -> None:
    _, first, _ = run(capsys, "--length", "6", "--stop", "o", "--sample-seed", "3")
    _, both, _ = run(capsys, "--length", "6", "--stop", "o", "--sample-seed", "3", "--n", "2")
    assert both.startswith(first + "\n")
    assert "o" not in both
    _, lines, _ = run(capsys, "--length", "60", "--n", "5", "--stop", r"\n", "--prompt", "A")
    assert lines.count("\n") == 5
    assert all(line.startswith("A") for line in lines.splitlines())


def test_seeds(desk, capsys) -> None:
    def text(*argv):
        return run(capsys, "--length", "50", *argv)[1]

    assert text() == text("--seed", "0") == text("--sample-seed", "0")
    assert (
        text("--seed", "4")
        == text("--sample-seed", "4")
        == text("--seed", "0", "--sample-seed", "4")
        != text()
    )
    two, longer = text("--n", "2").split("\n\n"), text("--n", "2", "--length", "80").split("\n\n")
    assert longer[1].startswith(two[1].rstrip("\n"))  # the second does not depend on where the first ended


def test_greedy_needs_no_seed(desk, capsys) -> None:
    texts = {run(capsys, "--temperature", "0", "--seed", seed)[1] for seed in "12"}
    assert len(texts) == 1
    assert run(capsys, "--top-k", "1")[1] in texts


def test_records(desk, capsys) -> None:
    code, out, err = run(
        capsys, "--prompt", "Thé", "--n", "2", "--length", "30", "--stop", "fox", "--format", "jsonl", "-q"
    )
    assert (code, err) == (0, "")
    first, second = map(json.loads, out.splitlines())
    assert list(first) == ["sample", "prompt", "text", "ended", "tokens"]
    assert (first["sample"], second["sample"]) == (1, 2)
    assert first["prompt"] == "Thé"
    assert "".join(token["token"] for token in first["tokens"]) == first["text"]
    assert (first["ended"], len(first["tokens"])) == ("length", 30)
    assert all(token["logprob"] < 0 and token["sampled_logprob"] < 0 for token in first["tokens"])
    _, out, _ = run(
        capsys, "--prompt", "Thé", "--n", "2", "--length", "30", "--stop", "fox", "--format", "json"
    )
    assert json.loads(out) == [first, second]
    _, out, _ = run(
        capsys, "--prompt", "Thé", "--n", "2", "--length", "30", "--stop", "fox", "--format", "csv"
    )
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["text"] for row in rows] == [first["text"], second["text"]]
    assert (rows[0]["tokens"], rows[0]["ended"]) == ("30", "length")
    assert float(rows[0]["logprob"]) == pytest.approx(sum(token["logprob"] for token in first["tokens"]))


def test_the_stop_text_is_not_written(desk, capsys) -> None:
    _, whole, _ = run(capsys, "--length", "200")
    stop = whole[100:102]
    code, out, _ = run(capsys, "--length", "200", "--stop", stop, "--format", "json")
    record = json.loads(out)[0]
    assert code == 0
    assert record["ended"] == "stop"
    assert record["text"] == whole[: whole.index(stop)]


def test_a_file_has_the_form_of_its_name(desk, capsys) -> None:
    for name, begins in (
        ("a.jsonl", '{"sample"'),
        ("a.json", "["),
        ("a.csv", "sample,"),
        ("a.txt", "The "),
        ("a", "The "),
    ):
        assert run(capsys, "--prompt", "The ", "--length", "5", "-o", name)[:2] == (0, "")
        assert Path(name).read_text(encoding="utf-8").startswith(begins)
    _, out, _ = run(capsys, "--prompt", "The ", "--length", "5")
    assert Path("a.txt").read_text(encoding="utf-8") == out


class Watched(io.StringIO):
    """A stdout that remembers what had been written at each flush."""

    def __init__(self, terminal: bool = False, interrupted: int = 0) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.isatty = lambda: terminal
        self._interrupted = interrupted

    def flush(self) -> None:
        self.seen.append(self.getvalue())
        if len(self.seen) == self._interrupted:
            raise KeyboardInterrupt


def test_each_token_is_on_its_way_before_the_next_is_drawn(desk, monkeypatch) -> None:
    out = Watched()
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["generate", "--prompt", "The ", "--length", "5"]) == 0
    assert [len(text) for text in out.seen[:6]] == [4, 5, 6, 7, 8, 9]


def test_ctrl_c_ends_the_line_and_is_130(desk, monkeypatch, capsys) -> None:
    out = Watched(interrupted=4)
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["generate", "--length", "50"]) == 130
    assert out.getvalue()[3:] == "\n"
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"


def test_a_terminal_is_not_steered_by_a_text(tmp_path, monkeypatch) -> None:
    model, _ = TINY["tiny_language"](tmp_path / "x.seqcli", text="\x1b\x9b\x07\r")
    for terminal, escapes in ((True, False), (False, True)):
        out = Watched(terminal)
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["generate", "-m", str(model.path), "--length", "40", "-q"]) == 0
        assert ("\x1b" in out.getvalue()) is escapes
        assert ("\N{REPLACEMENT CHARACTER}" in out.getvalue()) is terminal


# ---- prompts and conditions


def test_a_prompt_from_stdin(desk, capsys, monkeypatch) -> None:
    type_in(monkeypatch, b"The\r\nfox\n")
    code, out, err = run(capsys, "--prompt", "-", "--length", "3")
    assert code == 0
    assert out.startswith("The\nfox")
    assert len(out) == 11
    assert "unknown" not in err


def test_unknown_characters_of_a_prompt_are_said_in_one_line(desk, capsys) -> None:
    _, out, err = run(capsys, "-m", "corpus.seqcli", "--prompt", "1 fox for 2€", "--length", "3")
    assert out.startswith("1 fox for 2€")
    assert err == "note: the prompt holds what the model never met and reads as unknown: '1', '2', '€'\n"


def test_a_condition(desk, capsys) -> None:
    model = ("-m", "../models/kinds.seqcli")
    code, german, err = run(capsys, *model, "--given", "kind=de")
    assert (code, err) == (0, "")
    _, other, err = run(capsys, *model)
    assert other == run(capsys, *model, "--given", " kind = en ")[1] != german
    assert err == "note: --given kind=en, the first of 2 values: en, de\n"


# ---- mistakes


@pytest.mark.parametrize(
    ("argv", "code", "said", "hint"),
    [
        (
            ["corpus.txt", "-m", "corpus.seqcli"],
            2,
            "generate learns from corpus.txt or writes with -m",
            "leave one",
        ),
        (
            ["-m", "corpus.seqcli", "--epochs", "3"],
            2,
            "--epochs shapes a training, and -m corpus.seqcli is",
            "or give",
        ),
        (
            ["--hidden-size", "3"],
            2,
            "--hidden-size shapes a training, and the only model here",
            "goes with a FILE",
        ),
        (["--bidirectional", "-m", "corpus.seqcli"], 2, "--bidirectional shapes a training", None),
        (["corpus.txt", "--bidirectional"], 2, "a text is written forwards", "leave out --bidirectional"),
        (["corpus.txt", "--pool", "max"], 2, "generate has no option --pool", None),
        (["--top-p", "90"], 2, "--top-p: 90 is too large", "the largest value is 1"),
        (["--temperature", "-1"], 2, "--temperature: -1.0 is too small", None),
        (["--top-k", "0"], 2, "--top-k: 0 is too small", None),
        (["--dry-run"], 2, "a dry run needs a file", "seqcli generate corpus.txt --dry-run"),
        (["--given", "de"], 2, "--given: 'de' is not COLUMN=VALUE", None),
        (["--given", "kind=de"], 2, "--given: this model's text depends on no column", "--condition COLUMN"),
        (["rows.csv", "--given", "kind=germ"], 2, "column kind has no value 'germ'", "mean kind=german?"),
        (["rows.csv", "--given", "kind=x"], 2, "rows.csv, column kind has no value 'x'", "is kind=english"),
        (["rows.csv", "--given", "kin=german"], 3, "no column is called 'kin'", "did you mean 'kind'?"),
        (
            ["rows.csv", "--given", "kind=german", "--condition", "text"],
            2,
            "the text depends on text, not on kind",
            "--given text=VALUE",
        ),
        (["--length", str(10**20)], 2, f"--length: {10**20} is too large", None),
        (["--seed", str(10**20)], 2, f"--seed: {10**20} is too large", None),
        (["-", "--prompt", "-"], 2, "stdin cannot be the FILE and the prompt too", None),
        (["--prompt", "a\udcffb"], 2, "--prompt: holds byte 0xFF", None),
        (["-m", "../models/none.seqcli"], 4, "there is no such model", None),
        (["none.txt"], 3, "none.txt: no such file", None),
        (["-o", "no/x.txt"], 2, "there is no directory", None),
    ],
)
def test_mistakes_are_two_lines(desk, capsys, monkeypatch, argv, code, said, hint) -> None:
    type_in(monkeypatch, b"some text")
    Path("corpus.txt").write_text(TINY["TEXT"] * 30)
    Path("rows.csv").write_text("text,kind\n" + "the fox,english\nder Fuchs,german\n" * 60)
    got, out, err = run(capsys, *argv, "-q")
    assert (got, out) == (code, ""), err
    lines = err.splitlines()
    assert said in lines[0]
    assert hint is None or hint in lines[1]
    assert len(lines) <= 2
    assert sorted(path.name for path in desk.iterdir() if path.suffix == ".seqcli") == ["corpus.seqcli"]


# ---- find or train


def test_a_text_is_learnt_once_and_then_written_from(desk, capsys) -> None:
    shutil.rmtree("corpus.seqcli")
    Path("corpus.txt").write_text(TINY["TEXT"] * 30)
    code, plan, _ = run(capsys, "corpus.txt", "--dry-run", *BRIEF)
    assert code == 0
    assert "language" in plan
    code, out, err = run(capsys, "corpus.txt", *BRIEF, "--prompt", "The ", "--length", "20")
    assert code == 0, err
    assert out.startswith("The ")
    assert len(out) == 25
    assert "Rules kept" in err
    made = Path("corpus.seqcli/model.json").read_bytes()
    # sampling and output options never retrain, nor do training options that say what it was trained with
    again = run(
        capsys, "corpus.txt", "--prompt", "The ", "--length", "20", "--hidden-size", "8", "--seed", "0"
    )
    assert again[:2] == (0, out)
    assert "of the same data and options" in again[2]
    other = run(capsys, "corpus.txt", "--sample-seed", "1", "--temperature", "2", "--format", "json", "-q")
    assert json.loads(other[1])[0]["ended"] == "length"
    assert Path("corpus.seqcli/model.json").read_bytes() == made
    assert run(capsys, "corpus.txt", *BRIEF, "--seed", "7", "--length", "5")[0] == 0
    assert Path("corpus.seqcli.old/model.json").read_bytes() == made
    seeded = json.loads(Path("corpus.seqcli/model.json").read_text())
    assert seeded["seed"] == 7


def test_a_budget_and_a_level_that_are_typed_again_are_what_it_was_trained_with(desk, capsys) -> None:
    Path("play.txt").write_text(TINY["TEXT"] * 30)
    brief = ("--time-budget", "0.3s", "--hidden-size", "4", "--threads", "1", "--length", "5")
    assert run(capsys, "play.txt", *brief)[0] == 0
    capsys.readouterr()
    assert main(["show", "play.seqcli"]) == 0
    assert "typed: --time-budget,0.3" in capsys.readouterr().out.splitlines()
    again = run(capsys, "play.txt", *brief, "--level", "characters")
    assert "of the same data and options" in again[2]
    code, _, err = run(capsys, "play.txt", *brief, "--level", "words")
    assert code == 0
    assert "is kept as play.seqcli.old\n" in err  # a word's nats are no character's


def test_a_held_out_file_that_changed_means_another_training(desk, capsys) -> None:
    Path("play.txt").write_text(TINY["TEXT"] * 30)
    Path("later.txt").write_text(TINY["TEXT"] * 2)
    line = ("play.txt", *BRIEF, "--test", "later.txt", "--length", "5")
    assert "Rules kept" in run(capsys, *line)[2]
    assert "of the same data and options" in run(capsys, *line)[2]
    Path("later.txt").write_text(TINY["TEXT"] * 3)
    assert "Rules kept" in run(capsys, *line)[2]


def test_a_model_of_the_same_file_that_does_something_else_is_neither_used_nor_replaced(desk, capsys) -> None:
    Path("rows.csv").write_text(
        "text,kind\n" + "".join(f"the fox {i},en\nder Fuchs {i},de\n" for i in range(60))
    )
    assert main(["train", "rows.csv", "--target", "kind", "-q", "--epochs", "1", "--hidden-size", "4"]) == 0
    made = Path("rows.seqcli/model.json").read_bytes()
    code, out, err = run(capsys, "rows.csv", "-q")
    assert (code, out) == (2, "")
    assert "already holds a classify model of rows.csv" in err
    assert Path("rows.seqcli/model.json").read_bytes() == made


def test_a_condition_that_is_given_is_learnt(desk, capsys) -> None:
    Path("rows.csv").write_text(
        "text,kind\n" + "".join(f"the fox {i},en\nder Fuchs {i},de\n" for i in range(60))
    )
    code, _, err = run(capsys, "rows.csv", *BRIEF, "--given", "kind=de", "--length", "5")
    assert code == 0, err
    record = json.loads(Path("rows.seqcli/model.json").read_text())
    assert record["task"]["conditions"] == ["de", "en"]
    assert "of the same data and options" in run(capsys, "rows.csv", "--given", "kind=en", "--length", "5")[2]


# ---- evaluate


def evaluate(capsys, *argv):
    capsys.readouterr()
    code = main(["evaluate", *argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_text_is_evaluated(desk, capsys) -> None:
    Path("test.txt").write_text("The quick fox.\n\nJumps over the lazy dog, and over my box with jugs.\n" * 2)
    code, out, err = evaluate(capsys, "test.txt", "-m", "corpus.seqcli")
    assert code == 0, err
    row = next(csv.DictReader(io.StringIO(out)))
    assert row["predictor"] == "seqcli (lstm)"
    assert float(row["perplexity"]) == pytest.approx(2 ** float(row["bits"]))
    assert evaluate(capsys, "test.txt", "-m", "corpus.seqcli", "--fail-under", "nats=0.1", "-q")[0] == 1
    assert evaluate(capsys, "test.txt", "-m", "corpus.seqcli", "--fail-under", "nats=99")[0] == 0


def test_each_token_of_a_text(desk, capsys) -> None:
    text = "The quick zebra.\n\nJumps\n"
    Path("test.txt").write_text(text)
    code, out, err = evaluate(capsys, "test.txt", "-m", "../models/words.seqcli", "--per-token")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0, err
    assert list(rows[0]) == ["position", "token", "nats", "bits", "probability", "rank", "perplexity"]
    assert "".join(row["token"] for row in rows) == text
    assert [row["token"] for row in rows[:3]] == ["The", " quick", " zebra"]
    assert "perplexity" in err  # the table of the whole
    code, out, err = evaluate(
        capsys, "test.txt", "-m", "../models/words.seqcli", "--per-token", "--format", "table", "-q"
    )
    assert (code, err) == (0, "")
    assert '" zebra"' in out
    assert r'"\n"' in out
    code, out, _ = evaluate(
        capsys, "test.txt", "-m", "../models/words.seqcli", "--per-token", "-o", "tokens.jsonl"
    )
    assert (code, out) == (0, "")
    assert len(Path("tokens.jsonl").read_text().splitlines()) == len(rows)


def test_tokens_are_those_of_a_language_model(tmp_path, capsys) -> None:
    golden = Path(__file__).parents[1] / "golden"
    model = str(golden / "classify_words.seqcli")
    code, out, err = evaluate(capsys, str(golden / "classify_words.csv"), "-m", model, "--per-token")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "--per-token goes with a language model, which this is not"


# ---- whole processes


def test_a_reader_that_has_gone_ends_a_text_in_silence(desk) -> None:
    command = f'"{sys.executable}" -m seqcli generate -m corpus.seqcli --length 1000000'
    shell = ["bash", "-c", f"{command} | head -1; echo ${{PIPESTATUS[0]}}"]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[1:] == ["141"]
    assert done.stderr == ""


def test_a_text_can_be_interrupted(desk) -> None:
    command = [sys.executable, "-m", "seqcli", "generate", "-m", "corpus.seqcli", "--length", "10000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stdout.read(100)
        time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        rest, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert rest.endswith(b"\n")
    assert err == b"interrupted\n"


def test_writing_imports_nothing_heavy(desk) -> None:
    code = (
        "import sys\nfrom seqcli.__main__ import main\ncode = main()\n"
        "print(*sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)\nsys.exit(code)"
    )
    argv = ["generate", "-m", "corpus.seqcli", "--prompt", "The ", "--length", "20", "--top-p", ".9"]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("The ")
    assert HEAVY.isdisjoint(done.stderr.splitlines()[-1].split())
