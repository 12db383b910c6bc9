"""``explain`` of a classifier of texts as typed: a planted word is found, forms of the result, odd texts."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from command_lines import rows_of, run

PLANTED = ("fine", "warm", "bright", "clever", "dull", "cold", "flat", "tired")
MODEL = ("-m", "reviews.seqcli")


def type_in(monkeypatch, text: str, terminal: bool = False) -> None:
    stdin = types.SimpleNamespace(buffer=io.BytesIO(text.encode()), isatty=lambda: terminal)
    monkeypatch.setattr(sys, "stdin", stdin)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_a_planted_word_is_found_first(here, capsys, method) -> None:
    """The label of each review is told by its fifth word alone."""
    lines = [f"we found the ending {word} again" for word in PLANTED]
    Path("new.txt").write_text("\n".join(lines) + "\n")
    code, out, err = run(capsys, "explain", "new.txt", *MODEL, "--method", method)
    assert code == 0, err
    rows = rows_of(out)
    assert list(rows[0]) == ["text", "position", "token", "score", "prediction", "probability"]
    assert [int(row["position"]) for row in rows] == [1, 2, 3, 4, 5, 6] * len(PLANTED)
    for number, word in enumerate(PLANTED, start=1):
        own = [row for row in rows if row["text"] == str(number)]
        assert {row["prediction"] for row in own} == {"good" if number <= 4 else "bad"}
        best = max(own, key=lambda row: float(row["score"]))
        assert best["token"] == word
        assert f"{number}: {best['prediction']} (" in err
    assert err.count(f"because of '{PLANTED[0]}'") == 1


def test_both_methods_agree_on_which_words_count(here, capsys) -> None:
    text = "we found the music dull but the cast warm"
    Path("new.txt").write_text(text + "\n")
    found = []
    for method in ("occlusion", "gradients"):
        rows = rows_of(run(capsys, "explain", "new.txt", *MODEL, "--method", method)[1])
        strongest = sorted(rows, key=lambda row: -abs(float(row["score"])))[:2]
        found.append({row["token"]: float(row["score"]) > 0 for row in strongest})
    assert found[0] == found[1]
    assert set(found[0]) == {"dull", "warm"}
    assert sum(found[0].values()) == 1


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_one_object_a_text(here, capsys, monkeypatch, method) -> None:
    type_in(monkeypatch, "a warm story\n\nqqq ZZZ\nthe cast isn’t dull\n")
    code, out, err = run(capsys, "explain", "-", *MODEL, "--format", "jsonl", "--method", method)
    assert code == 0
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["row"] for record in records] == [1, 2, 3, 4]
    assert [len(record["tokens"]) for record in records] == [3, 0, 2, 5]
    assert [each["token"] for each in records[3]["tokens"]] == ["the", "cast", "is", "n’t", "dull"]
    assert "there is no word in it" in records[1]["because"]
    assert re.search("never met any of its words", err)
    assert err.count("never met") == 1
    if method == "gradients":
        for record in records:
            total = sum(each["score"] for each in record["tokens"])
            way = record["log_odds"] - record["baseline_log_odds"]
            assert total + record["rest"] == pytest.approx(way, abs=1e-4)


def test_one_row_of_a_file(here, capsys) -> None:
    code, out, err = run(capsys, "explain", "reviews.csv", *MODEL, "--row", "4", "--format", "json")
    assert code == 0
    (record,) = json.loads(out)
    assert record["row"] == 4
    assert record["text"] == Path("reviews.csv").read_text().splitlines()[3].rpartition(",")[0]
    code, out, err = run(capsys, "explain", "reviews.csv", *MODEL, "--row", "4000")
    assert code == 3
    assert "there is no row 4000" in err


@pytest.mark.parametrize("colour", [True, False])
def test_a_person_sees_the_text_in_colours(here, capsys, monkeypatch, colour) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    Path("new.txt").write_text("we found the dull \x1b[31m music " + "warm and bright " * 12 + "\n")
    monkeypatch.setattr(sys, "stdout", terminal)
    code, _, err = run(capsys, "explain", "new.txt", *MODEL)
    assert code == 0
    shown = terminal.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 80
    assert "[31m" in plain
    assert "\x1b[31m music" not in shown
    if colour:
        assert re.search(r"\x1b\[[0-9;]*4[12]m(dull|warm|bright)", shown)
        assert "green speaks for the class" in err
    else:
        assert "[-dull]" in plain
        assert not re.search(r"\x1b\[[0-9;]*[34][0-7]m", shown)
        assert "[+for the class]" in err


def test_rows_that_cannot_be_read_are_exit_3_at_the_end(here, capsys) -> None:
    Path("new.csv").write_text("review,n\na warm story,1\na dull story,2,3\na flat cast,4\n")
    code, out, err = run(capsys, "explain", "new.csv", *MODEL)
    assert code == 3
    assert {row["text"] for row in rows_of(out)} == {"2", "4"}
    assert "row 3" in err
    assert "1 of 3 rows cannot be explained" in err


def test_a_figure_has_the_scores_of_the_first_texts(here, capsys) -> None:
    code, out, err = run(capsys, "explain", "reviews.csv", *MODEL, "--plot", "words.html")
    assert code == 0
    assert "plot: words.html" in err.splitlines()
    rows = rows_of(out)
    found = re.findall(r"<caption>(.*?)</caption>(.*?)</table>", Path("words.html").read_text(), re.S)
    assert len(found) == 6
    for number, (title, body) in enumerate(found, start=2):
        own = [row for row in rows if row["text"] == str(number)]
        assert title.startswith(f"Row {number}: {own[0]['prediction']}, probability ")
        cells = re.findall(r"<td>(.*?)</td><td>(.*?)</td>", body)
        assert [cell for cell, _ in cells] == [row["token"] for row in own]
        assert [float(score) for _, score in cells] == pytest.approx([float(row["score"]) for row in own])


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["reviews.csv", "--series", "north"], 2, "--series means nothing to a classifier of texts"),
        (["reviews.csv", "--seed", "3"], 2, "--seed means nothing to a classifier of texts"),
        (["reviews.csv", "--method", "gradient"], 2, "did you mean gradients?"),
        (["reviews.csv", "reviews.csv"], 2, "explain reads one file of texts"),
        (["prices.csv"], 3, "review"),
        (["none.csv"], 3, "none.csv: no such file"),
        ([], 2, "explain needs a file"),
    ],
)
def test_refusals(here, capsys, monkeypatch, argv, code, said) -> None:
    type_in(monkeypatch, "", terminal=True)
    found, out, err = run(capsys, "explain", *argv, *MODEL)
    assert (found, out) == (code, "")
    assert said in " ".join(err.splitlines()[-2:])


def test_a_pipe_and_a_full_disk_and_no_torch(here) -> None:
    script = (
        f'S="{sys.executable} -m seqcli"; for i in $(seq 3000); do echo "a warm story"; done > many.txt; '
        "$S explain many.txt -m reviews.seqcli -q | head -1; echo ${PIPESTATUS[0]}; "
        "$S explain many.txt -m reviews.seqcli -q > /dev/full; echo $?; "
        f"echo 'a dull cast' | {sys.executable} -X importtime -m seqcli explain - -m reviews.seqcli 2>&1 "
        "| grep -cE '\\b(torch|pandas|sklearn|scipy|pydantic)$'"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    header, pipe, full, heavy = done.stdout.splitlines()
    assert header.startswith("text,position,token,score")
    assert (pipe, full, heavy) == ("141", "6", "0")
    assert "no space left" in done.stderr
