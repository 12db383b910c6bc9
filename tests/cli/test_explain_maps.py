"""``explain`` of taggers, translators, transcribers and models of numbers as typed."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from command_lines import rows_of, run

GOLDEN = Path(__file__).parents[1] / "golden"
SPANS = ("-m", str(GOLDEN / "tag_spans.seqcli"))
DATES = ("-m", str(GOLDEN / "translate_characters.seqcli"))
SAID = (str(GOLDEN / "transcribe.csv"), "-m", str(GOLDEN / "transcribe.seqcli"))
SERIES = (str(GOLDEN / "classify_series.ts"), "-m", str(GOLDEN / "classify_series.seqcli"))
CONLL = str(GOLDEN / "tag_spans.conll")


def type_in(monkeypatch, text: str) -> None:
    stdin = types.SimpleNamespace(buffer=io.BytesIO(text.encode()), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stdin)


def test_a_tagger_has_a_row_for_each_word_and_each_other_word(capsys) -> None:
    code, out, err = run(capsys, "explain", CONLL, *SPANS, "--row", "2")
    assert code == 0, err
    rows = rows_of(out)
    words = len({row["position"] for row in rows})
    assert len(rows) == words**2
    assert [row["because"] for row in rows[:words]] == [rows[words * at]["word"] for at in range(words)]
    assert {row["sentence"] for row in rows} == {"1"}
    assert "1: 'Kawski' is B-PER because of 'Bolak' (+" in err


def test_one_word_is_asked_about_wherever_it_stands(capsys) -> None:
    code, out, _ = run(capsys, "explain", CONLL, *SPANS, "--word", "met", "--format", "jsonl")
    assert code == 0
    records = [json.loads(line) for line in out.splitlines()]
    assert records
    for record in records:
        assert {part["part"] for part in record["parts"]} == {"met"}
        assert record["read"].split()[record["parts"][0]["position"] - 1] == "met"
        assert len(record["effects"][0]["scores"]) == len(record["parts"])
        assert record["because"].startswith("'met' is O because of ")


def test_a_word_that_is_nowhere_is_said_with_what_is_like_it(capsys) -> None:
    code, _, err = run(capsys, "explain", CONLL, *SPANS, "--word", "mett")
    assert code == 3
    assert err.splitlines()[-2].endswith("no word of it is 'mett'")
    assert err.splitlines()[-1] == "hint: did you mean 'met'?"


def test_a_person_sees_the_words_of_spans_in_a_map(capsys) -> None:
    code, out, _ = run(capsys, "explain", CONLL, *SPANS, "--row", "2", "--format", "table")
    assert code == 0
    lines = out.splitlines()
    assert any(line.strip().startswith("Kawski B-PER") for line in lines)
    assert not any(line.strip().startswith("met O") for line in lines)
    assert "log-odds that each word read brings; scale" in out


def test_a_text_from_a_pipe_is_tagged_and_explained(capsys, monkeypatch) -> None:
    type_in(monkeypatch, "Kawski met Bolak\n\n")
    code, out, _ = run(capsys, "explain", "-", *SPANS, "--format", "json")
    assert code == 0
    (record,) = json.loads(out)
    assert record["unit"] == "log-odds"
    assert [part["part"] for part in record["parts"]] == ["Kawski", "met", "Bolak"]
    assert all(0 < part["measure"] <= 1 for part in record["parts"])


def test_a_translation_stands_beside_where_was_looked(capsys, monkeypatch) -> None:
    type_in(monkeypatch, "7/3/1988\n")
    code, out, err = run(capsys, "explain", "-", *DATES)
    assert code == 0, err
    rows = rows_of(out)
    first = [row for row in rows if row["position"] == "1"]
    assert [row["because"] for row in first] == list("7/3/1988")
    assert 0 < sum(float(row["attention"]) for row in first) < 1
    assert "parts hang most on what was looked at most" in " ".join(err.split())  # in one line or two
    type_in(monkeypatch, "7/3/1988\n")
    drawn = run(capsys, "explain", "-", *DATES, "--format", "table")[1]
    assert "share of the attention, which need not be a reason" in drawn
    assert drawn.count("<end>") == 2


def test_a_transcript_is_explained_by_seconds_and_hertz(capsys, tmp_path) -> None:
    target = tmp_path / "seconds.csv"
    code, out, err = run(capsys, "explain", *SAID, "-o", str(target), "--row", "3")
    assert (code, out) == (0, "")
    assert "3: clips/de-1.wav: de (" in err
    rows = rows_of(target.read_text())
    assert {row["over"] for row in rows} == {"seconds", "hertz"}
    assert {row["answer"] for row in rows} == {"d", "e", "<end>"}
    assert all(float(row["begin"]) < float(row["end"]) for row in rows)


def test_effects_of_all_letters_are_in_a_map_of_their_own(capsys) -> None:
    _, out, _ = run(capsys, "explain", *SAID, "--row", "3", "--format", "jsonl")
    scores = np.array(json.loads(out)["effects"][0]["scores"])
    drawn = run(capsys, "explain", *SAID, "--row", "3", "--format", "table")[1]
    whole = next(line for line in drawn.splitlines() if line.strip().startswith("all"))
    shown = [float(number) for number in whole.split()[1:]]
    assert shown == pytest.approx(scores.sum(axis=0), abs=0.0051)


def test_series_have_stretches_and_columns(capsys, tmp_path) -> None:
    figure = tmp_path / "steps.svg"
    code, out, err = run(capsys, "explain", *SERIES, "--plot", str(figure))
    assert code == 0, err
    rows = rows_of(out)
    assert {row["over"] for row in rows} == {"steps", "columns"}
    assert rows[0]["begin"] == "1.0"
    assert "mostly because of steps " in err
    assert "What the answers of classify_series.seqcli hang on" in figure.read_text()


def test_bars_are_drawn_where_there_are_no_stretches(capsys, tmp_path) -> None:
    figure = tmp_path / "words.html"
    assert run(capsys, "explain", CONLL, *SPANS, "--plot", str(figure))[0] == 0
    assert "Bolak ← Kawski" in figure.read_text()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((CONLL, *SPANS, "--method", "gradients"), "--method means nothing to a tagger"),
        ((CONLL, *SPANS, "--series", "north"), "--series means nothing to a tagger"),
        ((*SAID, "--word", "a"), "--word means nothing to a transcriber"),
        ((*SERIES, "--steps-ahead", "2"), "--steps-ahead means nothing to a model of numbers"),
        ((CONLL, CONLL, *SPANS), "explain reads one file of rows"),
    ],
)
def test_what_means_nothing_is_refused(capsys, typed, said) -> None:
    code, out, err = run(capsys, "explain", *typed)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-2]


@pytest.mark.parametrize("model", [SPANS, DATES])
def test_a_row_that_is_not_there_is_said(capsys, model, monkeypatch) -> None:
    type_in(monkeypatch, "one\ntwo\n")
    code, _, err = run(capsys, "explain", "-", *model, "--row", "7")
    assert code == 3
    assert "there is no line 7" in err


def test_a_clip_that_cannot_be_read_is_exit_3_and_the_others_are_explained(capsys, tmp_path) -> None:
    (tmp_path / "odd.csv").write_text(f"audio\nnone.wav\n{GOLDEN}/clips/de-1.wav\n")
    code, out, err = run(capsys, "explain", str(tmp_path / "odd.csv"), *SAID[1:])
    assert code == 3
    assert {row["row"] for row in rows_of(out)} == {"3"}
    assert "row 2, column audio" in err
    assert "1 of 2 rows has no explanation" in err
