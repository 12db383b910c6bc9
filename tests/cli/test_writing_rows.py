"""A text for each row of a file, and columns that are learnt because they were given."""

from __future__ import annotations

import json
from pathlib import Path

import command_lines
import pytest

BRIEF = ("--steps", "20", "--hidden-size", "8", "--threads", "1", "-q")
ROWS = "kind,stars,price\nfilm,5,1.5\nfood,1,2\nfilm,x,3\nfood,,4\nother,2,5\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    from seqcli.cli.main import main

    place = tmp_path_factory.mktemp("rows")
    lines = "".join(
        f"text {i} of {'ab'[i % 2]},{('film', 'food')[i % 2]},{1 + i % 5},{i}\n" for i in range(200)
    )
    (place / "t.csv").write_text("text,kind,stars,at\n" + lines)
    argv = ["train", str(place / "t.csv"), "--task", "language", "--target", "text"]
    for name, columns in (("m", "kind,stars"), ("k", "kind")):
        model = str(place / f"{name}.seqcli")
        assert main([*argv, "--features", columns, "--save", model, "-o", str(place / "x"), *BRIEF]) == 0
    return place


@pytest.fixture
def desk(made, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("m", "k"):
        Path(f"{name}.seqcli").symlink_to(made / f"{name}.seqcli")
    Path("t.csv").write_bytes((made / "t.csv").read_bytes())
    Path("rows.csv").write_text(ROWS)
    return tmp_path


def run(capsys, *argv):
    return command_lines.run(capsys, "generate", *argv)


def test_each_row_gets_the_text_that_its_columns_mean(desk, capsys) -> None:
    greedy = ("-m", "m.seqcli", "--temperature", "0", "--length", "12")
    code, out, err = run(capsys, "rows.csv", *greedy, "--prompt", "te")
    found = command_lines.rows_of(out)
    assert code == 3
    assert "row 4, column stars: 'x' is not a number: no text is written" in err
    assert list(found[0]) == ["kind", "stars", "price", "generated"]
    assert [row["price"] for row in found] == ["1.5", "2", "3", "4", "5"]
    assert found[2]["generated"] == ""
    for row in found[:2]:
        given = f"kind={row['kind']},stars={row['stars']}"
        alone = run(capsys, *greedy, "--prompt", "te", "--given", given, "--stop", "\n")[1]
        assert row["generated"] == alone.removesuffix("\n")
    mean = run(capsys, *greedy, "--prompt", "te", "--given", "kind=food", "--stop", "\n")[1]
    assert found[3]["generated"] == mean.removesuffix("\n")
    assert len({row["generated"] for row in found}) > 2


def test_rows_have_draws_of_their_own_and_a_seed_fixes_them(desk, capsys) -> None:
    Path("same.csv").write_text("kind,stars\n" + "film,3\n" * 6)
    first, second, other = (
        run(capsys, "same.csv", "-m", "m.seqcli", "--length", "30", "--sample-seed", seed)[1]
        for seed in "112"
    )
    assert first == second != other
    assert len({row["generated"] for row in command_lines.rows_of(first)}) > 3


def test_a_model_of_one_category_writes_rows_too(desk, capsys) -> None:
    greedy = ("-m", "k.seqcli", "--temperature", "0", "--length", "12")
    code, out, _ = run(capsys, "rows.csv", *greedy, "--format", "jsonl")
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    alone = run(capsys, *greedy, "--given", "kind=food", "--stop", "\n")[1]
    assert found[1]["generated"] == alone.removesuffix("\n")


def test_columns_that_are_given_are_learnt(desk, capsys) -> None:
    code, _, err = run(capsys, "t.csv", *BRIEF, "--target", "text", "--given", "kind=film,stars=2.5")
    assert code == 0, err
    record = json.loads(Path("t.seqcli/model.json").read_text())
    assert record["task"]["name"] == "language.v2"
    assert record["task"]["plan"]["features"] == ["kind", "stars"]
    again = run(capsys, "t.csv", "--given", "kind=food,stars=1", "--target", "text", "--length", "5")
    assert "of the same data and options" in again[2]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["rows.csv", "-m", "m.seqcli", "--n", "2"], "--n does not go with a file of rows"),
        (["rows.csv", "-m", "m.seqcli", "--given", "kind=film"], "--given does not go with a file of rows"),
        (["rows.csv", "-m", "m.seqcli", "--epochs", "2"], "--epochs shapes a training"),
        (["taken.csv", "-m", "m.seqcli"], "there is a column called 'generated' already"),
        (["less.csv", "-m", "m.seqcli"], "no column is called 'stars'"),
        (["-m", "m.seqcli", "--given", "kind=film,kind=food"], "is not COLUMN=VALUE"),
        (["-m", "m.seqcli", "--given", "stars=a lot"], "stars=a lot is not a number"),
        (["t.csv", "--given", "kind=fil,stars=1"], "column kind has no value 'fil'"),
        (["t.csv", "--features", "kind,stars", "--given", "at=1"], "depends on kind, stars, not on at"),
    ],
)
def test_mistakes(desk, capsys, argv, said) -> None:
    Path("taken.csv").write_text("kind,stars,generated\nfilm,1,a\n")
    Path("less.csv").write_text("kind\nfilm\n")
    code, out, err = run(capsys, *argv, "-q")
    assert code in (2, 3)
    assert out == ""
    assert said in err.splitlines()[0]


def test_a_trace_is_of_a_mean_row(desk, capsys) -> None:
    code, out, err = command_lines.run(capsys, "show", "-m", "m.seqcli", "--trace", "text")
    assert code == 0, err
    assert "means and first values" in out + err
