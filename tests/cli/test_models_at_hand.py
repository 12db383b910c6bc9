"""The model that is meant when none is named, what is said of it, and who may be asked for rows."""

from __future__ import annotations

import io
import os
import shutil
import sys
import types
from pathlib import Path

import pytest

from seqcli.cli.main import main

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Path:
    """A working directory with one model in it, which classifies reviews."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN / "classify_words.seqcli", "only.seqcli")
    return tmp_path


def test_the_only_model_here_is_named_with_its_age(bench, capsys) -> None:
    Path("new.csv").write_text("review;n\nThe story was dull.;1\nThe cast was fine.;2\n")
    assert main(["predict", "new.csv", "-v"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("model: only.seqcli, ")
    assert "new.csv: separator semicolon" in said
    assert said[-1] == "2 rows, 0 of them without a prediction"


def test_how_a_file_was_read_is_said_when_it_is_read_whole(bench, capsys) -> None:
    rows = "review;label\nThé story was dull.;negative\nreview;positive\nreview;positive\n"
    Path("rows.csv").write_bytes(rows.encode("cp1252"))
    assert main(["evaluate", "rows.csv", "-m", "only.seqcli"]) == 0
    said = capsys.readouterr().err
    assert "rows.csv: separator semicolon" in said
    assert "cp1252" in said
    assert "note: rows.csv: column review holds 'review' as a value too" in said


def test_a_model_of_sequences_cannot_be_asked_for_rows(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    stdin = types.SimpleNamespace(buffer=io.BytesIO(), isatty=lambda: True, readline=lambda: "")
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["predict", "-m", str(GOLDEN / "classify_sequences.seqcli")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1]) == ("", "hint: name a FILE")


def test_a_plan_is_drawn_where_a_table_is_wanted(bench, capsys) -> None:
    rows = "\n".join(f"we found it {'fine' if i % 2 else 'dull'} {i},{i % 2}" for i in range(40))
    Path("rows.csv").write_text(f"text,label\n{rows}\n")
    assert main(["train", "rows.csv", "--dry-run", "--format", "table"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == "dry run: nothing was trained"
    assert "total" in err  # of the parameters


def test_a_result_that_may_not_be_written_is_refused_ahead(bench, monkeypatch, capsys) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["evaluate", "none.csv", "-o", "out.csv"]) == 2
    assert capsys.readouterr().err.splitlines()[0] == "out.csv: permission denied"


def test_a_damaged_model_in_the_way_of_a_forecast_needs_force(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN / "forecast_single.seqcli", "prices.seqcli")
    Path("prices.seqcli/weights.safetensors").write_bytes(b"")
    shutil.copy(GOLDEN / "forecast_single.csv", "prices.csv")
    assert main(["forecast", "prices.csv", "--window", "5", "--horizon", "2", "-q"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "a model that cannot be read" in err
    assert "--force" in err.splitlines()[-1]


def test_saved_options_that_a_command_does_not_read_are_passed_over(bench, capsys) -> None:
    """The model is one of reviews; a forecast reads no --level, and no --embedding-size."""
    shutil.copy(GOLDEN / "forecast_single.csv", "prices.csv")
    line = ["forecast", "prices.csv", "--config", "only.seqcli", "--window", "5", "--horizon", "2"]
    assert main([*line, "--dry-run"]) == 0
    assert "1 layer of 8 units" in capsys.readouterr().out


def test_a_configuration_that_is_a_list_holds_no_options(bench, capsys) -> None:
    Path("run.json").write_text("[3]")
    assert main(["train", "rows.csv", "--config", "run.json"]) == 2
    assert capsys.readouterr().err.splitlines()[0] == "run.json: holds no options"
