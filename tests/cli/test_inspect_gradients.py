"""``inspect-gradients`` from what is typed to what is printed."""

from __future__ import annotations

import json
import math

import command_lines
import pytest
from command_lines import rows_of

SMALL = ("--hidden-size", "8")


def curves_of(rows: list[dict]) -> list[dict]:
    """The rows of gradients by steps back."""
    return [row for row in rows if row["quantity"] == "gradient"]


def run(capsys, *argv) -> tuple[int, str, str]:
    return command_lines.run(capsys, "inspect-gradients", *argv)


def test_random_sequences(capsys) -> None:
    code, out, err = run(capsys, *SMALL, "--steps", "30")
    rows = rows_of(out)
    assert code == 0
    assert list(rows[0]) == [
        "cell", "stage", "layer", "part", "quantity", "k", "mean", "p10", "p50", "p90", "ratio"
    ]  # fmt: skip
    assert len(curves_of(rows)) == 2 * 4 * 31
    assert {row["stage"] for row in rows} == {"torch", "gated"}
    assert "64 random sequences of 30 steps" in err
    assert "PyTorch's start: " in err
    assert "remember" in err


@pytest.mark.parametrize("layers", ["1", "3"])
def test_the_linear_corridor_to_ten_digits(capsys, layers) -> None:
    code, out, err = run(
        capsys, *SMALL, "--linear", "0.9", "--num-layers", layers, "--steps", "100", "--format", "json"
    )
    top = [row for row in curves_of(json.loads(out)) if row["layer"] == int(layers)]
    assert code == 0
    assert len(top) == 101
    for row in top:
        for name in ("mean", "p10", "p50", "p90", "ratio"):
            assert row[name] == pytest.approx(0.9 ** row["k"], rel=1e-10)
    assert "0.9^100 = 2.7e-05" in err


def test_numbers_beyond_floats_are_null(capsys) -> None:
    code, out, err = run(capsys, *SMALL, "--linear", "1e9", "--steps", "50", "--format", "jsonl")
    last = curves_of([json.loads(line) for line in out.splitlines()])[-1]
    assert code == 0
    assert (last["k"], last["mean"]) == (50, None)
    assert "explodes" in err


def test_a_table_is_the_summary(capsys) -> None:
    code, out, _ = run(capsys, *SMALL, "--steps", "10", "--cells", "gru", "--format", "table", "-q")
    assert code == 0
    assert "half-life" in out
    assert out.count("gru") == 2


def test_a_file_is_trained_on(here, capsys) -> None:
    code, out, err = run(capsys, "reviews.csv", *SMALL, "--cells", "rnn,gru", "--epochs", "1")
    rows = rows_of(out)
    assert code == 0, err
    assert {row["stage"] for row in rows} == {"torch", "gated", "trained"}
    assert "steps clipped: rnn" in err
    assert "training: gated start" in err
    assert not list(here.glob("*inspect*"))
    assert sorted(path.name for path in here.iterdir()) == [
        "prices.csv", "prices.seqcli", "reviews.csv", "reviews.seqcli"
    ]  # fmt: skip


def test_a_series_is_looked_back_over_as_far_as_asked(here, capsys) -> None:
    code, out, err = run(
        capsys, "prices.csv", *SMALL, "--cells", "gru", "--steps", "25", "--epochs", "1", "--horizon", "2"
    )
    assert code == 0, err
    assert max(int(row["k"]) for row in curves_of(rows_of(out))) == 25


def test_a_training_without_a_limit_that_bursts_is_a_finding(here, capsys) -> None:
    wild = ("--clip-norm", "0", "--learning-rate", "1e38", "--epochs", "3")
    code, out, err = run(capsys, "reviews.csv", *SMALL, "--cells", "rnn", *wild, "--format", "json")
    assert code == 0
    assert json.loads(out)[-1]["stage"] == "trained"
    assert json.loads(out)[-1]["mean"] is None
    assert "the training exploded" in err


def test_a_saved_model_with_and_without_a_file(here, capsys) -> None:
    code, out, err = run(capsys, "-m", "reviews.seqcli")
    assert code == 0, err
    assert {row["stage"] for row in rows_of(out)} == {"time", "total"}
    assert "drawn evenly from the vocabulary" in err
    assert "a path of its own" in err
    code, out, err = run(capsys, "reviews.csv", "-m", "reviews.seqcli")
    assert code == 0, err
    assert "of 80 sequences" in err
    code, out, err = run(capsys, "prices.csv", "-m", "prices.seqcli")
    assert code == 0, err
    assert {row["stage"] for row in rows_of(out)} == {"time"}
    assert max(int(row["k"]) for row in curves_of(rows_of(out))) == 14


def test_a_result_file_has_every_number(here, capsys) -> None:
    code, out, _ = run(capsys, *SMALL, "--steps", "5", "--cells", "rnn", "-o", "norms.csv", "-q")
    assert (code, out) == (0, "")
    assert len(curves_of(rows_of((here / "norms.csv").read_text()))) == 12


def test_all_tables_are_the_result_where_they_are_asked_for(capsys) -> None:
    code, out, err = run(capsys, *SMALL, "--steps", "20", "--cells", "gru", "--full", "--format", "table")
    assert code == 0, err
    for title in (
        "How far back the gradient", "What one step does to the state", "Lyapunov exponents of the state",
        "Gates", "Recurrent weights", "Gradient of the weights, truncated",
    ):  # fmt: skip
        assert f"\n{title}" in f"\n{out}"
    assert "powers of ten lost" in err
    assert "Gated start, over 20 steps back: the gradient" in " ".join(err.split())
    code, brief, err = run(capsys, *SMALL, "--steps", "20", "--cells", "gru", "--format", "table")
    assert out.startswith(brief)
    assert "Lyapunov" not in brief
    assert "powers of ten" not in err


def test_every_cell_on_a_file_looked_at_while_it_trains(here, capsys) -> None:
    from seqcli.backends.registry import CELLS

    cells = ",".join(name for name in CELLS if name != "none")
    looked = ("--cells", cells, "--epochs", "1", "--every", "2", "--plot", "map.svg")
    code, out, err = run(capsys, "reviews.csv", "--hidden-size", "4", *looked)
    rows = rows_of(out)
    assert code == 0, err
    assert {row["cell"] for row in rows if row["quantity"] == "exponent"} == set(CELLS) - {"none"}
    sums = {(row["cell"], row["stage"]): row["mean"] for row in rows if row["quantity"] == "exponent_sum"}
    logs = {(row["cell"], row["stage"]): row["mean"] for row in rows if row["quantity"] == "log_det"}
    assert len(sums) == 3 * (len(CELLS) - 1)
    for place, total in sums.items():
        assert float(total) == pytest.approx(float(logs[place]), abs=1e-8)
    assert {"step 0", "step 2"} <= {row["stage"] for row in rows}
    assert "The gradient while it trains" in err
    assert "plot: map.svg" in err
    assert "gru h, while it trains" in (here / "map.svg").read_text()


def test_a_saved_model_has_tables_and_a_figure_too(here, capsys) -> None:
    code, out, err = run(capsys, "-m", "prices.seqcli", "--full", "--format", "table", "--plot", "model.html")
    assert code == 0, err
    assert "Lyapunov exponents of the state" in out
    assert "Through time, over" in err
    assert "prices.seqcli: share of the gradient" in (here / "model.html").read_text()


def test_the_corridor_is_read_beside_theory(capsys) -> None:
    code, out, err = run(capsys, *SMALL, "--linear", "0.9", "--format", "json")
    assert code == 0
    exponents = [row["mean"] for row in json.loads(out) if row["quantity"] == "exponent"]
    assert exponents == pytest.approx([math.log(0.9)] * 8, abs=1e-8)
    assert "every Lyapunov exponent is ln 0.9 = -0.1054" in " ".join(err.split())


@pytest.mark.parametrize(
    ("argv", "code", "message", "hint"),
    [
        (["nofile.csv"], 3, "nofile.csv: no such file", "hint"),
        (["--cells", "lsmt,gru"], 2, "no cell is called 'lsmt'", "did you mean lstm?"),
        (["--cells", "foo"], 2, "no cell is called 'foo'", "there are gru, lstm, mingru"),
        (["--cells", "none"], 2, "none carries nothing from step to step", "--cells rnn,lstm,gru"),
        (["--cell", "gru"], 2, "has no option --cell", "did you mean --cells?"),
        (["--linear", "-1"], 2, "--linear: -1.0 is too small", None),
        (["--linear", "0.9", "--cells", "gru"], 2, "--cells means nothing here: a linear", "leave out"),
        (["--linear", "0.9", "--level", "words"], 2, "--level means nothing here: without a file", None),
        (["--steps", "1"], 2, "--steps: 1 is too small", None),
        (["--epochs", "3"], 2, "--epochs means nothing here: without a file", None),
        (["-m", "reviews.seqcli", "--init-scale", "2"], 2, "--init-scale means nothing here", None),
        (["-m", "reviews.seqcli", "--encoding", "utf-8"], 2, "is inspected as it is, on random", None),
        (["-m", "reviews.seqcli", "reviews.csv", "--missing", "error"], 2, "--missing means nothing", None),
        (["-m", "reviews.seqcli", "--epochs", "2"], 2, "-m reviews.seqcli is inspected as it is", None),
        (["--every", "3"], 2, "--every means nothing here: without a file", "leave out --every"),
        (["--linear", "1", "--every", "3"], 2, "--every means nothing here: a linear", None),
        (["-m", "reviews.seqcli", "--every", "2"], 2, "--every means nothing here", None),
        (["reviews.csv", "--every", "0"], 2, "--every: 0 is too small", None),
        (["--plot", "map.pgn"], 2, "a figure ends in .png, .svg or .html", "did you mean map.png?"),
        (["--plot", "no/map.png"], 2, "there is no directory no", None),
        (["-m", "review.seqcli"], 4, "there is no such model", "did you mean reviews.seqcli?"),
        (["reviews.csv", "--window", "5"], 2, "--window means nothing to the task classify", None),
        (["prices.csv", "-m", "reviews.seqcli"], 3, "review", None),
    ],
)
def test_mistakes_are_two_lines(here, capsys, argv, code, message, hint) -> None:
    got, out, err = run(capsys, *argv, "-q")
    lines = err.splitlines()
    assert (got, out) == (code, "")
    assert message in lines[0]
    assert len(lines) <= 2
    if hint:
        assert hint in lines[1]


def test_rows_of_one_step_have_no_past(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["a,b,label", *(f"{n % 7},{n % 5},{'xy'[n % 2]}" for n in range(80))]
    (tmp_path / "flat.csv").write_text("\n".join(lines) + "\n")
    code, _, err = run(capsys, "flat.csv", "-q")
    assert code == 3
    assert "sequences of one step carry nothing through time" in err


def test_a_forecast_is_read_step_by_step_unless_segments_are_asked_for(here, capsys) -> None:
    small = (*SMALL, "--cells", "gru", "--steps", "24", "--horizon", "2", "--epochs", "1")
    code, out, err = run(capsys, "prices.csv", *small)
    assert code == 0, err
    assert max(int(row["k"]) for row in curves_of(rows_of(out))) == 24
    code, out, err = run(capsys, "prices.csv", *small, "--segment", "5")
    assert code == 0, err
    assert max(int(row["segments_back"]) for row in curves_of(rows_of(out))) == 4
    assert "20 steps each (4 segments of 5 steps)" in err
    assert "How far back the gradient of the last state reaches, in segments of 5 steps" in err


def test_a_saved_network_that_reads_segments(here, capsys) -> None:
    from seqcli.cli.main import main

    typed = ("--window", "20", "--segment", "5", "--horizon", "3", "--steps", "2", "--hidden-size", "4")
    assert main(["train", "prices.csv", *typed, "--save", "segments.seqcli", "-q"]) == 0
    capsys.readouterr()
    for files in ((), ("prices.csv",)):
        code, out, err = run(capsys, *files, "-m", "segments.seqcli")
        assert code == 0, err
        assert max(int(row["segments_back"]) for row in curves_of(rows_of(out))) == 4
        assert "(4 segments of 5 steps)" in err
        code, _, err = run(capsys, *files, "-m", "segments.seqcli", "--steps", "9", "-q")
        assert code == 2
        assert "segments of 5 steps, and 9 steps hold no two of them" in err
