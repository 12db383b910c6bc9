"""What a person is told around a training: columns, lengths, rules, and how to go on."""

from __future__ import annotations

import pytest

from seqcli.cli.main import main
from seqcli.saved.places import resume_command


def run(capsys, *argv):
    capsys.readouterr()
    code = main(list(argv))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("reviews.csv", "--epochs", "1"), "at most 1 epoch, "),
        (("reviews.csv", "--epochs", "2"), "at most 2 epochs, "),
        (("reviews.csv", "--steps", "1"), "examples, 1 step, "),
        (("reviews.csv",), "columns: target label; from review"),
        (("prices.csv",), "columns: target close; from its own past; over date"),
        (("reviews.csv", "--cell", "none"), "network: no recurrence, 1 layer"),
    ],
)
def test_the_plan(here, capsys, typed, said) -> None:
    code, out, _ = run(capsys, "train", *typed, "--threads", "1", "--dry-run", "--format", "jsonl")
    assert code == 0
    assert said in out


def test_a_training_ends_with_the_rules_it_kept(here, capsys) -> None:
    command = ("train", "reviews.csv", "--epochs", "1", "--hidden-size", "4", "--save", "a.seqcli")
    err = run(capsys, *command)[2]
    rules = err.split("Rules kept\n")[1].splitlines()
    assert any(rule.startswith("- gradients clipped to a norm of 1: ") for rule in rules)
    assert "- read in both directions, since the whole input is there" in rules
    assert any(rule.startswith("- split ") for rule in rules)
    err = run(capsys, *command, "--force", "--clip-value", "0.5", "--no-bidirectional")[2]
    assert "- gradients clipped to ±0.5 each: " in err
    assert "- read forward alone\n" in err


def test_files_for_validation_and_test_are_named(here, write_csv, capsys) -> None:
    rows = (here / "reviews.csv").read_text().splitlines()
    for name, lines in (("v.csv", rows[1:11]), ("t.csv", rows[11:31])):
        (here / name).write_text("\n".join([rows[0], *lines]) + "\n")
    (here / "m.csv").write_text("\n".join([rows[0], *rows[31:]]) + "\n")
    err = run(
        capsys, "train", "m.csv", "--validation", "v.csv", "--test", "t.csv", "--epochs", "1",
        "--hidden-size", "4",
    )[2]  # fmt: skip
    assert "- all 50 training rows\n- validation part: 10 rows of v.csv\n- test part: 20 rows of t.csv" in err


def test_the_command_that_goes_on_is_the_one_that_was_typed() -> None:
    assert resume_command("forecast", ["a b.csv"], "my model.seqcli") == (
        "seqcli forecast 'a b.csv' --save 'my model.seqcli' --resume"
    )
    assert resume_command("train", ["a.csv"], None) == "seqcli train a.csv --resume"


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (("",), 2, "the command is empty"),
        (("predict", "reviews.csv", "-m", ""), 4, "the name of the model is empty"),
        (("evaluate", "nowhere.csv", "-m", "reviews.seqcli", "--fail-under", "acuracy=.9"), 2, "accuracy?"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(here, capsys, typed, code, said) -> None:
    ended, out, err = run(capsys, *typed)
    assert ended == code
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 2
