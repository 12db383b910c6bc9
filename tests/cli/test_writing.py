"""How ``generate`` draws, from what is typed to what is written: beams, biases, states, conversations."""

from __future__ import annotations

import io
import json
import runpy
import sys
from pathlib import Path

import command_lines
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

TINY = runpy.run_path(str(Path(__file__).parents[1] / "inference" / "tiny_language.py"))


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """An own working directory with a model of characters, one of words and one with a condition."""
    make = TINY["tiny_language"]
    make(tmp_path / "m.seqcli", gain=2.0)
    make(tmp_path / "w.seqcli", level="words")
    make(tmp_path / "k.seqcli", categories=("en", "de"), gain=2.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *argv):
    return command_lines.run(capsys, "generate", *argv)


def text_of(capsys, *argv) -> str:
    code, out, err = run(capsys, *argv, "--format", "json", "-q")
    assert code == 0, err
    return "".join(record["text"] for record in json.loads(out))


# ---- states


@pytest.mark.parametrize(
    "how",
    [
        (),
        ("--temperature", "0"),
        ("--repetition-penalty", "1.5", "--repetition-window", "30"),
        ("--top-p", ".8", "--sample-seed", "5"),
    ],
)
def test_two_runs_write_what_one_run_writes(desk, capsys, how) -> None:
    whole = text_of(capsys, "-m", "m.seqcli", "--prompt", "The ", "--length", "90", *how)
    first = text_of(
        capsys, "-m", "m.seqcli", "--prompt", "The ", "--length", "35", "--state-out", "s.safetensors", *how
    )
    again = [item for item in how if item not in ("--sample-seed", "5")]  # the draws are in the file
    more = ("-m", "m.seqcli", "--state-in", "s.safetensors", *again)
    second = text_of(capsys, *more, "--length", "20", "--state-out", "t.safetensors")
    third = text_of(capsys, "-m", "m.seqcli", "--state-in", "t.safetensors", "--length", "35", *again)
    assert first + second + third == whole
    code, out, _ = run(capsys, *more, "--length", "20", "-q")
    assert (code, out) == (0, second + "\n")


def test_a_state_can_be_given_other_draws_and_a_prompt(desk, capsys) -> None:
    base = ("-m", "m.seqcli", "--length", "30")
    run(capsys, *base, "--state-out", "s.safetensors")
    held = text_of(capsys, *base, "--state-in", "s.safetensors")
    assert held == text_of(capsys, *base, "--state-in", "s.safetensors")
    assert held != text_of(capsys, *base, "--state-in", "s.safetensors", "--sample-seed", "9")
    greedy = ("--temperature", "0")
    one = text_of(capsys, *base, *greedy, "--prompt", "The foxfive")
    run(capsys, "-m", "m.seqcli", "--prompt", "The fox", "--length", "1", "--logit-bias", "f=99", *greedy,
        "--state-out", "p.safetensors")  # fmt: skip
    assert text_of(capsys, *base, *greedy, "--state-in", "p.safetensors", "--prompt", "ive") == one


def test_a_state_knows_its_condition(desk, capsys) -> None:
    base = ("-m", "k.seqcli", "--length", "40")
    run(capsys, *base, "--given", "kind=de", "--state-out", "s.safetensors", "--temperature", "0")
    whole = text_of(capsys, "-m", "k.seqcli", "--length", "80", "--given", "kind=de", "--temperature", "0")
    code, out, err = run(capsys, *base, "--state-in", "s.safetensors", "--temperature", "0")
    assert (code, out, err) == (0, whole[40:] + "\n", "")
    other = text_of(capsys, *base, "--state-in", "s.safetensors", "--temperature", "0", "--given", "kind=en")
    assert other != whole[40:]


def test_equal_states_are_equal_bytes(desk, capsys) -> None:
    for name in ("a", "b"):
        run(capsys, "-m", "m.seqcli", "--length", "9", "--state-out", f"{name}.safetensors")
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()


def test_a_state_of_something_else_is_refused(desk, capsys) -> None:
    run(capsys, "-m", "k.seqcli", "--length", "9", "--state-out", "s.safetensors")

    def said(path, model="k.seqcli"):
        code, out, err = run(capsys, "-m", model, "--length", "3", "--state-in", path, "-q")
        assert (code, out) == (3, "")
        return err.splitlines()[0]

    assert said("s.safetensors", "m.seqcli").endswith("was written with another model than m.seqcli")
    assert "no such file" in said("none.safetensors")
    assert "is no state that --state-out wrote" in said("m.seqcli/weights.safetensors", "m.seqcli")
    Path("text").write_text("The fox")
    assert "is no state" in said("text")
    good = load_file("s.safetensors")
    for name, value in {
        "logits": good["logits"][:, :-1],
        "state.h_0": good["state.h_0"].astype(np.float64),
        "state.c_1": np.full_like(good["state.c_1"], np.nan),
        "recent": np.int64([10**9]),
        "given.condition": np.int64([77]),
        "random": np.int64([1, 2, 3, 4, 0, 0]) * 2,
        "more": np.int64([1]),
    }.items():
        save_file({**good, name: value}, "bad.safetensors")
        assert said("bad.safetensors").startswith("bad.safetensors: "), name
    save_file({name: value for name, value in good.items() if name != "recent"}, "bad.safetensors")
    assert "does not fit" in said("bad.safetensors")


# ---- bytes and pieces of words


@pytest.mark.parametrize("level", ["bytes", "bpe"])
def test_a_state_may_end_within_a_character(desk, capsys, level) -> None:
    model = TINY["tiny_language"](desk / "b.seqcli", level=level, text="é日 the owl\n" * 20, gain=2.0)[0]
    base = ("-m", str(model.path), "--temperature", "9")
    whole = text_of(capsys, *base, "--length", "60", "--prompt", "é")
    pending = 0
    for length in range(1, 25):
        out = ("--length", str(length), "--prompt", "é", "--state-out", "s.safetensors")
        first = text_of(capsys, *base, *out)
        second = text_of(capsys, *base, "--length", str(60 - length), "--state-in", "s.safetensors")
        assert first + second == whole
        pending += len(load_file("s.safetensors")["pending"]) > 0
    assert pending


def test_no_part_of_a_character_is_written(desk, capsys) -> None:
    model = TINY["tiny_language"](desk / "b.seqcli", level="bytes", text="aé\n")[0]
    argv = ("-m", str(model.path), "--length", "300", "--format", "json", "-q", "--temperature", "1")
    record = json.loads(run(capsys, *argv)[1])[0]
    texts = [token["token"] for token in record["tokens"]]
    assert "".join(texts) == record["text"]
    assert "" in texts  # a byte that waits for others
    assert len(texts) == 300
    beam = run(capsys, "-m", str(model.path), "--beam", "4", "--length", "9", "-q")
    assert beam[0] == 0
    code, _, err = run(capsys, "-m", str(model.path), "--logit-bias", "é=1")
    assert code == 2
    assert err.splitlines()[0] == "--logit-bias: 'é' is 2 bytes"


# ---- beams and biases


def test_a_beam_writes_the_likeliest_and_the_same_twice(desk, capsys) -> None:
    argv = ("-m", "m.seqcli", "--prompt", "T", "--length", "12", "--format", "json", "-q")
    records = json.loads(run(capsys, *argv, "--beam", "6", "--n", "3")[1])
    assert json.loads(run(capsys, *argv, "--beam", "6", "--n", "3")[1]) == records
    means = [sum(t["logprob"] for t in record["tokens"]) / 12 for record in records]
    assert means == sorted(means, reverse=True)
    greedy = json.loads(run(capsys, *argv, "--temperature", "0")[1])[0]
    assert means[0] >= sum(t["logprob"] for t in greedy["tokens"]) / 12 - 1e-9
    assert [token["sampled_logprob"] for token in records[0]["tokens"]] == [0] * 12


def test_biases(desk, capsys) -> None:
    base = ("-m", "m.seqcli", "--length", "200")
    whole = text_of(capsys, *base)
    assert {"o", "\n"} <= set(whole)
    without = text_of(capsys, *base, "--logit-bias", "o=-inf", "--logit-bias", r"\n=-inf,,=-1e9")
    assert {"o", "\n", ","}.isdisjoint(without)
    assert set(text_of(capsys, *base, "--logit-bias", "q=100")) == {"q"}
    words = text_of(capsys, "-m", "w.seqcli", "--length", "5", "--logit-bias", " quick=100")
    assert words == " quick" * 5


def test_a_penalty_makes_a_text_repeat_less(desk, capsys) -> None:
    base = ("-m", "m.seqcli", "--length", "40", "--temperature", "0")
    plain, varied = text_of(capsys, *base), text_of(capsys, *base, "--repetition-penalty", "3")
    assert len(set(varied)) > len(set(plain))


# ---- conversations


def talk(capsys, monkeypatch, lines: str, *argv) -> str:
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    code, out, err = run(capsys, "-m", "m.seqcli", "--interactive", "-q", *argv)
    assert (code, err) == (0, "")
    return out


def test_a_conversation_remembers_what_came_before(desk, capsys, monkeypatch) -> None:
    argv = ("--length", "20", "--temperature", "0")
    said = talk(capsys, monkeypatch, "The fox\nPack\n", *argv)
    first = text_of(capsys, "-m", "m.seqcli", "--prompt", "The fox", *argv)
    second = text_of(capsys, "-m", "m.seqcli", "--prompt", f"The fox{first}\nPack", *argv)
    assert "\n" not in first[-1:]
    assert said == f"The fox{first}\nPack{second}\n"
    assert second != text_of(capsys, "-m", "m.seqcli", "--prompt", "Pack", *argv)


def test_an_empty_line_lets_the_text_go_on(desk, capsys, monkeypatch) -> None:
    whole = text_of(capsys, "-m", "m.seqcli", "--length", "30", "--prompt", "A")
    assert "\n" not in whole
    said = talk(capsys, monkeypatch, "A\n\n\n", "--length", "10")
    assert said.replace("\n", "") == "A" + whole


def test_a_conversation_begins_with_a_prompt_and_leaves_a_state(desk, capsys, monkeypatch) -> None:
    said = talk(capsys, monkeypatch, "", "--prompt", "The ", "--length", "25", "--state-out", "s.safetensors")
    whole = text_of(capsys, "-m", "m.seqcli", "--prompt", "The ", "--length", "50")
    assert said == f"The {whole[:25]}\n"
    assert text_of(capsys, "-m", "m.seqcli", "--state-in", "s.safetensors", "--length", "25") == whole[25:]


class Stopped(io.StringIO):
    """A stdout whose reader presses Ctrl-C at one flush."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def flush(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def test_ctrl_c_ends_one_text_and_not_the_conversation(desk, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("The fox\nPack\n"))
    out = Stopped(6)
    monkeypatch.setattr(sys, "stdout", out)
    from seqcli.cli.main import main

    assert main(["generate", "-m", "m.seqcli", "--interactive", "--length", "20", "-q"]) == 0
    first, second = out.getvalue().split("\nPack")
    assert first.startswith("The fox")
    assert len(first) == len("The fox") + 5
    assert len(second) == 21


# ---- mistakes


@pytest.mark.parametrize(
    ("argv", "code", "said", "hint"),
    [
        (["--min-p", "2"], 2, "--min-p: 2 is too large", "the largest value is 1"),
        (["--repetition-window", "9"], 2, "goes with a penalty", "add --repetition-penalty 1.2"),
        (["--beam", "3", "--top-p", ".9"], 2, "--top-p is about draws", "leave out --top-p or --beam"),
        (["--beam", "2", "--n", "3"], 2, "--beam 2 finds no 3 texts", "--beam 3 does"),
        (["--interactive", "--n", "3"], 2, "--n does not go with --interactive", "leave out --n"),
        (["--interactive", "--format", "json"], 2, "--format does not go with --interactive", None),
        (["--interactive", "--prompt", "-"], 2, "stdin cannot be read for --interactive", None),
        (["--state-out", "s", "--n", "2"], 2, "--state-out is of one text", "leave out --n"),
        (["--state-out", "s", "--beam", "2"], 2, "--state-out is of a text that was drawn", None),
        (["--state-out", "no/s"], 2, "there is no directory no", None),
        (["--logit-bias", "e"], 2, "--logit-bias: 'e' is not TOKEN=NUMBER", "such as 'e=-2'"),
        (["--logit-bias", "e=1,e=2"], 2, "'e' has two biases", "give it one"),
        (["--logit-bias", "e=inf"], 2, "--logit-bias: 'e=inf' is not TOKEN=NUMBER", None),
        (["--logit-bias", "é=1"], 2, "the model has no character 'é'", None),
        (["--logit-bias", "fox=1"], 2, "'fox' is 3 characters", "give each character a bias"),
        (["-m", "w.seqcli", "--logit-bias", "quick=1"], 2, "no word 'quick'", "did you mean ' quick'?"),
        (["--repetition-penalty", "0"], 2, "--repetition-penalty: 0.0 is too small", None),
    ],
)
def test_mistakes_are_two_lines(desk, capsys, argv, code, said, hint) -> None:
    model = [] if "-m" in argv else ["-m", "m.seqcli"]
    got, out, err = run(capsys, *model, *argv, "-q")
    assert (got, out) == (code, ""), err
    lines = err.splitlines()
    assert said in lines[0]
    assert hint is None or hint in lines[1]
    assert len(lines) <= 2


def test_no_token_left_is_refused(desk, capsys) -> None:
    letters = [letter.replace("\n", r"\n") for letter in sorted(set(TINY["TEXT"]))]
    every = [f"--logit-bias={letter}=-inf" for letter in letters]
    code, _, err = run(capsys, "-m", "m.seqcli", *every)
    assert code == 2
    assert err.startswith("--logit-bias: every token is forbidden")
