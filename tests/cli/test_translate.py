"""Translation from the shell: what is typed, and what comes out of the golden models."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from seqcli.cli.main import main
from seqcli.demo.written_dates import dates

GOLDEN = Path(__file__).parents[1] / "golden"
DATES, PHRASES = str(GOLDEN / "translate_characters.seqcli"), str(GOLDEN / "translate_pieces.seqcli")
REVIEWS = str(GOLDEN / "classify_words.seqcli")
TINY = ("--hidden-size", "4", "--embedding-size", "4", "--epochs", "1", "--threads", "1")
OK, USAGE, DATA = 0, 2, 3


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    """Exit code, stdout and stderr of one command line, with ``text`` on stdin."""

    def call(*argv, text=None):
        if text is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = main([str(word) for word in argv])
        return code, *capsys.readouterr()

    return call


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def golden(name):
    return rows((GOLDEN / f"{name}.out.csv").read_text(encoding="utf-8"))


def test_lines_from_a_pipe_are_answered_line_by_line(run):
    wanted = golden("translate_characters")[:5]
    lines = [row["source"] for row in wanted]
    code, out, err = run("predict", "-", "-m", DATES, text="\n".join([lines[0], "", *lines[1:]]) + "\n")
    assert code == OK, err
    said = [row["prediction"] for row in wanted]
    assert out.split("\n") == [said[0], "", *said[1:], ""]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        (("--format", "csv"), "source,prediction"),
        (("--as", "iso"), "source,iso"),
        (("--n-best", "2"), "source,prediction_1,score_1,prediction_2,score_2"),
    ],
)
def test_lines_become_rows_where_columns_are_asked_for(run, typed, first):
    code, out, err = run("predict", "-", "-m", DATES, *typed, text="3 May 1999\n")
    assert code == OK, err
    assert out.splitlines()[0] == first


def test_a_file_of_rows_keeps_its_columns(run):
    Path("new.csv").write_text("no,source\n1,3 May 1999\n2,\n", encoding="utf-8")
    code, out, err = run("predict", "new.csv", "-m", DATES)
    assert code == OK, err
    found = rows(out)
    assert [(row["no"], row["source"]) for row in found] == [("1", "3 May 1999"), ("2", "")]
    assert found[0]["prediction"]
    assert found[1]["prediction"] == ""
    code, out, _ = run("predict", "new.csv", "-m", DATES, "--format", "txt")
    assert out.splitlines() == [found[0]["prediction"], ""]
    assert code == OK


def test_scores_fall_from_the_best_text_on_and_one_beam_may_differ(run):
    Path("new.csv").write_text("english\nThe widow lost a letter.\n", encoding="utf-8")
    code, out, err = run("predict", "new.csv", "-m", PHRASES, "--n-best", "5", "--beam", "7")
    assert code == OK, err
    (row,) = rows(out)
    scores = [float(row[f"score_{rank}"]) for rank in range(1, 6)]
    assert scores == sorted(scores, reverse=True)
    assert len({row[f"prediction_{rank}"] for rank in range(1, 6)}) == 5
    code, out, _ = run(
        "predict", "new.csv", "-m", PHRASES, "--length-penalty", "0", "--beam", "7", "--n-best", "1"
    )
    (short,) = rows(out)
    assert len(short["prediction"].split()) <= len(row["prediction_1"].split())


def test_alignments_sum_to_one_over_the_source(run):
    code, out, err = run(
        "predict", "-", "-m", PHRASES, "--align", text="The baker's boy sold a lantern.\nHi\n\n"
    )
    assert code == OK, err
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == 3
    for aligned in found[:2]:
        assert aligned["source"][-1] == "<end>"
        assert len(aligned["weights"]) == len(aligned["written"])
        for row in aligned["weights"]:
            assert len(row) == len(aligned["source"])
            assert sum(row) == pytest.approx(1, abs=1e-4)
        assert (
            "".join(aligned["written"]).replace("▁", " ").removesuffix("<end>").strip()
            == aligned["prediction"]
        )
    assert found[2]["weights"] == []
    code, out, _ = run("predict", "-", "-m", PHRASES, "--align", "--format", "json", text="Hi\n")
    assert json.loads(out)[0] == found[1]
    code, out, _ = run("predict", "-", "-m", PHRASES, "--align", "--format", "table", text="Hi\n")
    assert out.splitlines()[0] == found[1]["prediction"]
    assert "<end>" in out


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("-m", DATES, "--top-k", "2"), "--top-k is of classes or numbers"),
        (("-m", DATES, "--probabilities"), "--probabilities is of classes or numbers"),
        (("-m", DATES, "--format", "conll"), "this model tags none"),
        (("-m", DATES, "--n-best", "3", "--beam", "2"), "--n-best 3 of 2 texts that are followed"),
        (("-m", DATES, "--align", "--n-best", "3"), "--align shows one translation of a text"),
        (("-m", DATES, "--align", "--format", "csv"), "--align has a table for each text"),
        (("-m", DATES, "--format", "txt", "--n-best", "3"), "--format txt has one translation a line"),
        (("-m", REVIEWS, "--beam", "3"), "--beam is of translations"),
        (("-m", REVIEWS, "--align"), "--align is of translations"),
        (("-m", REVIEWS, "--format", "txt"), "--format txt has a translation a line"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(run, typed, sentence):
    code, out, err = run("predict", "-", *typed, text="review\nfine\n")
    assert (code, out) == (USAGE, "")
    assert sentence in err.splitlines()[-2]


def test_two_files_are_learnt_line_by_line_and_scored(run):
    pairs = dates(90)
    for name, part in (("train", pairs[:60]), ("val", pairs[60:75]), ("test", pairs[75:])):
        for side, ending in ((0, "en"), (1, "iso")):
            text = "".join(f"{pair[side]}\n" for pair in part)
            Path(f"{name}.{ending}").write_text(text, encoding="utf-8")
    parts = ("--validation", "val.en,val.iso", "--test", "test.en,test.iso")
    code, out, err = run("train", "--source", "train.en", "--target", "train.iso", *parts, *TINY)
    assert code == OK, err
    assert "test part: 15 pairs of test.en" in err
    code, scored, err = run("evaluate", "--source", "test.en", "--target", "test.iso", "-m", "train.seqcli")
    assert code == OK, err
    assert rows(scored)[0]["token_error"] == rows(out)[0]["token_error"]
    assert rows(scored)[0]["exact"] == rows(out)[0]["exact"]
    code, _, err = run("evaluate", "--source", "test.en", "-m", "train.seqcli")
    assert (code, "--source names a file of texts" in err) == (USAGE, True)
    code, _, err = run("train", "--source", "train.en", *TINY)
    assert (code, "--source names a file of texts" in err) == (USAGE, True)
    code, _, err = run("evaluate", "--source", "test.en", "--target", "test.iso", "-m", REVIEWS)
    assert (code, "this model makes none" in err) == (USAGE, True)
    code, _, err = run("train", "--source", "train.en", "--target", "val.iso", *TINY)
    assert (code, "ends at line 15" in err) == (DATA, True)


def test_the_test_table_has_the_network_first_and_says_how_it_was_counted(run):
    code, out, err = run(
        "evaluate", GOLDEN / "translate_pieces.csv", "-m", PHRASES, "--fail-under", "token_error=5"
    )
    assert code == OK, err
    assert [*rows(out)[0]] == ["predictor", "bleu", "chrf", "exact", "token_error", "nats"]
    assert "version:" in err or "pip install 'seqcli[translate]'" in err
    code, _, err = run(
        "evaluate", GOLDEN / "translate_pieces.csv", "-m", PHRASES, "--fail-under", "exact=.99"
    )
    assert (code, "exact 0 is under 0.99" in err) == (1, True)


def test_options_of_other_tasks_mean_nothing_here(run):
    Path("d.csv").write_text(
        "source,target\n" + "".join(f'"{a}",{b}\n' for a, b in dates(40)), encoding="utf-8"
    )
    for typed in (("--pool", "max"), ("--window", "3"), ("--prior", "nb")):
        code, _, err = run("train", "d.csv", *TINY, *typed)
        assert code == USAGE, typed
        assert "translate" in err
    code, _, err = run("train", "d.csv", "--attention", "doc", *TINY)
    assert (code, "did you mean 'dot'" in err or "dot" in err) == (USAGE, True)


@pytest.mark.parametrize("typed", [(), ("--align",)])
def test_where_it_looked_is_drawn_beside_the_answers(run, typed):
    Path("new.csv").write_text("english\nThe baker's boy sold a lantern.\nHi\n\n", encoding="utf-8")
    plain = run("predict", "new.csv", "-m", PHRASES, *typed)[1]
    code, out, err = run("predict", "new.csv", "-m", PHRASES, *typed, "--plot", "looked.html")
    assert code == OK, err
    assert out == plain
    assert "plot: looked.html" in err
    page = Path("looked.html").read_text(encoding="utf-8")
    assert page.count("<table>") == 2
    for word in ("baker", "&#39;s", "lantern", "&lt;end&gt;"):
        assert f">{word}<" in page


def test_a_figure_of_nothing_is_not_written_and_other_models_have_none(run):
    Path("blank.csv").write_text("no,english\n1,\n", encoding="utf-8")
    code, _, err = run("predict", "blank.csv", "-m", PHRASES, "--plot", "looked.svg")
    assert code == OK, err
    assert "looked.svg is not written" in err
    assert not Path("looked.svg").exists()
    code, _, err = run("predict", "-", "-m", REVIEWS, "--plot", "looked.svg", text="fine\n")
    assert code == USAGE
    assert "--plot is of translations" in err
    code, _, err = run("predict", "-", "-m", PHRASES, "--plot", "looked.pdf", text="Hi\n")
    assert code == USAGE
    assert ".png, .svg or .html" in err
