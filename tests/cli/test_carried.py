"""``--stateful`` from the file to the pipe, as it is typed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from command_lines import rows_of, run

SMALL = ("--window", "14", "--horizon", "7", "--steps", "12", "--hidden-size", "6", "--threads", "1")
MODEL = ("-m", "made.seqcli")


def type_in(monkeypatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))


@pytest.mark.parametrize("decoder", [(), ("--decoder", "recursive", "--bptt", "5")])
def test_training_evaluating_and_following(here, capsys, monkeypatch, decoder) -> None:
    typed = ("prices.csv", "--task", "forecast", "--stateful", "--no-refit", *SMALL, *decoder)
    code, table, err = run(capsys, "train", *typed, "--save", "made.seqcli")
    assert code == 0
    assert "state carried from row to row" in err
    stretch = "5" if decoder else "14"
    assert f"gradients cut after {stretch} steps" in err
    # The test part was read as the saved model reads the file: from its first row on.
    scores = rows_of(run(capsys, "evaluate", "prices.csv", *MODEL)[1])
    assert rows_of(table)[0]["forecast"] == "combined"
    for ours, theirs in zip(rows_of(table), scores, strict=True):
        assert ours["forecast"] == theirs["forecast"]
        assert float(ours["mase"]) == pytest.approx(float(theirs["mase"]), rel=1e-5)
    lines = Path("prices.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    type_in(monkeypatch, "".join(lines[:40]))
    code, out, _ = run(capsys, "forecast", "-", *MODEL, "--follow")
    assert code == 0
    found = rows_of(out)
    assert len(found) == (39 - 14 + 1) * 7
    for rows in (14, 27, 39):
        type_in(monkeypatch, "".join(lines[: rows + 1]))
        whole = rows_of(run(capsys, "forecast", "-", *MODEL, "-q")[1])
        origin = lines[rows].split(",")[0]
        for ours, theirs in zip([row for row in found if row["origin"] == origin], whole, strict=True):
            assert ours["timestamp"] == theirs["timestamp"]
            for name in ("forecast", "lo80", "hi95"):
                assert float(ours[name]) == pytest.approx(float(theirs[name]), rel=1e-6)
    assert run(capsys, "forecast", "prices.csv", *MODEL, "--flag-anomalies", "-q")[0] == 0
    graphs = [path.name for path in Path("made.seqcli/graphs").iterdir()]
    assert graphs == ["step.onnx"]
    # The saved options are a whole configuration: the same weights come out again.
    again = ("train", "prices.csv", "--config", "made.seqcli", "--save", "again.seqcli")
    assert run(capsys, *again, "-q")[0] == 0
    weights = "weights.safetensors"
    assert Path("again.seqcli", weights).read_bytes() == Path("made.seqcli", weights).read_bytes()
    assert json.loads(Path("made.seqcli/model.json").read_text(encoding="utf-8"))["network"]["stateful"]
    equations = run(capsys, "show", "--equations", *MODEL)[1]
    assert "goes on over all its rows" in equations


def test_options_that_exclude_each_other(here, capsys) -> None:
    for typed, said in (
        (("--stateful", "--bidirectional"), "--bidirectional reads from the end"),
        (("--stateful", "--segment", "7"), "--segment 7 reads several rows at a time"),
        (("--bptt", "5"), "--bptt means nothing to the task forecast without --stateful"),
        (("--stateful", "--decoder", "recursive", "--cell", "none"), "--cell none has none"),
    ):
        code, out, err = run(capsys, "forecast", "prices.csv", "--window", "14", *typed)
        assert (code, out) == (2, "")
        assert said in err.splitlines()[-2]
        assert err.splitlines()[-1].startswith("hint: ")
    code, _, err = run(capsys, "train", "reviews.csv", "--stateful")
    assert code == 2
    assert "--stateful means nothing to the task classify" in err


def test_indicators_reach_back_too_far_for_a_window_of_a_stream(here, capsys, monkeypatch) -> None:
    typed = ("forecast", "prices.csv", "--indicators", *SMALL, "--save", "made.seqcli", "-q")
    assert run(capsys, *typed)[0] == 0
    type_in(monkeypatch, Path("prices.csv").read_text(encoding="utf-8"))
    code, out, err = run(capsys, "forecast", "-", *MODEL, "--follow")
    assert (code, out) == (2, "")
    assert "its indicators reach back over more rows" in err
    assert "--stateful" in err.splitlines()[-1]


def test_a_stream_of_windows_is_told_static_columns(here, capsys, monkeypatch) -> None:
    rows = ["shop,size,date,y"]
    prices = Path("prices.csv").read_text(encoding="utf-8").splitlines()[1:]
    for line in prices[:120]:
        day, value = line.split(",")
        rows += [f"a,big,{day},{value}", f"b,small,{day},{float(value) / 3:.3f}", f"c,big,{day},{value}1"]
    Path("shops.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    typed = ("--id", "shop", "--target", "y", "--decoder", "direct", "--validation-share", "0")
    assert run(capsys, "forecast", "shops.csv", *typed, *SMALL, "--save", "made.seqcli", "-q")[0] == 0
    assert json.loads(Path("made.seqcli/model.json").read_text(encoding="utf-8"))["task"]["plan"]["static"]
    type_in(monkeypatch, "\n".join(rows[:61]) + "\n")
    found = rows_of(run(capsys, "forecast", "-", *MODEL, "--follow")[1])
    Path("some.csv").write_text("\n".join(rows[:61]) + "\n", encoding="utf-8")
    whole = rows_of(run(capsys, "forecast", "some.csv", *MODEL, "-q")[1])
    for ours, theirs in zip(found[-21:], whole, strict=True):
        assert (ours["series"], ours["timestamp"]) == (theirs["series"], theirs["timestamp"])
        assert float(ours["forecast"]) == pytest.approx(float(theirs["forecast"]), rel=1e-6)
