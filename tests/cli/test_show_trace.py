"""``seqcli show --trace`` from what is typed to what is printed."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from seqcli.cli.main import main

HEAVY = {"torch", "pandas", "sklearn", "scipy", "onnx", "pydantic"}
TEXT = "we found the story warm"


def run(capsys, *argv):
    capsys.readouterr()
    code = main(list(argv))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_in_a_pipe_every_number_is_a_row_that_torch_computes_too(here, capsys) -> None:
    import numpy as np
    import torch

    from seqcli.backends.network import build_network
    from seqcli.inference.reading import read_text
    from seqcli.model_dir import read_model

    code, out, err = run(capsys, "show", "-m", "reviews.seqcli", "--trace", TEXT)
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    pooled = [row for row in rows if row["name"] == "attention"]
    rows = [row for row in rows if row not in pooled]
    assert [row["position"] for row in pooled] == list("12345")
    assert sum(float(row["value"]) for row in pooled) == pytest.approx(1, abs=1e-5)
    model = read_model("reviews.seqcli")
    network = build_network(model.network, seed=0).eval()
    network.load_state_dict({name: torch.from_numpy(values) for name, values in model.weights().items()})
    (layer,) = network.encoder.layers
    assert len(rows) == 2 * 5 * 8 * 4  # both ways, words, units, z r n h
    with torch.inference_mode():
        ids = read_text(model, TEXT).ids
        x = network.steps({name: torch.from_numpy(field)[None] for name, field in ids.items()})[0]
        for direction, cell in zip(("forward", "backward"), layer.cells, strict=True):
            state, steps = cell.initial_state(x[:1]), []
            for row in x if direction == "forward" else reversed(x):
                output, state = cell.step(row[None], state)
                steps.append(output[0].numpy())
            expected = np.stack(steps if direction == "forward" else steps[::-1])
            mine = [
                float(row["value"]) for row in rows if (row["direction"], row["name"]) == (direction, "h")
            ]
            np.testing.assert_allclose(np.reshape(mine, (5, 8)), expected, atol=1e-6)
    assert [row["token"] for row in rows if row["unit"] == "1" and row["name"] == "z"] == TEXT.split() * 2
    predicted = run(capsys, "predict", "-m", "reviews.seqcli", "--format", "jsonl", "one.csv")
    assert predicted[0] == 3  # there is no such file
    Path("one.csv").write_text(f"review\n{TEXT}\n")
    answer = json.loads(run(capsys, "predict", "one.csv", "-m", "reviews.seqcli", "--format", "jsonl")[1])
    assert f"Prediction for label: {answer['prediction']} {answer['probability']:.3f}" in err


def test_as_a_table_it_is_a_picture_with_sentences(here, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(capsys, "show", "reviews.seqcli", "--trace", TEXT, "--format", "table")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith(
        "GRU layer 1, read forward: the 4 of 8 units whose h varies most (the way back"
    )
    assert "we found   the story  warm" in out
    assert "update gate z: the share of h that is kept, 0 to 1" in lines
    assert "The update gate z is 0." in out
    assert "Prediction for label: " in out
    assert "Prediction" not in err
    assert max(map(len, lines)) <= 80


def test_a_character_model_of_a_corpus(here, capsys) -> None:
    Path("lines.txt").write_text("the cat sat on the mat, and the rat ate the oat.\n" * 5)
    trained = run(
        capsys, "train", "lines.txt", "--cell", "lstm", "--hidden-size", "6", "--num-layers", "2",
        "--epochs", "1", "-q",
    )  # fmt: skip
    assert trained[0] == 0
    code, out, err = run(capsys, "show", "-m", "lines.seqcli", "--trace", "the cat", "-o", "trace.jsonl")
    assert (code, out) == (0, "")
    rows = [json.loads(line) for line in Path("trace.jsonl").read_text().splitlines()]
    assert len(rows) == 2 * 7 * 6 * 6
    assert {row["name"] for row in rows} == set("ifgoch")
    assert "Prediction for the next character: '" in err


@pytest.mark.parametrize(
    ("argv", "code", "said", "hint"),
    [
        (
            ["-m", "prices.seqcli", "--trace", "warm"],
            2,
            "this model reads close, and only one text can be traced",
            "train",
        ),
        (["-m", "reviews.seqcli", "--trace", ""], 2, "there is no word to read", "in quotes"),
        (["-m", "reviews.seqcli", "--trace", "a", "warm", "story"], 2, "show takes one model", "in quotes"),
        (["-m", "reviews.seqcli", "--trace", "a", "--equations"], 2, "different things", "leave one"),
        (["-m", "reviews.seqcli", "--trace", "a\udce9b"], 2, "does not fit the encoding", "UTF-8"),
        (
            ["-m", "reviews.seqcli", "--trace", "a", "-o", "no/where.csv"],
            2,
            "there is no directory no",
            "mkdir",
        ),
        (["--trace", "warm"], 4, "there are 2 models here", "-m"),
    ],
)
def test_a_trace_that_cannot_be_is_refused_in_two_lines(here, capsys, argv, code, said, hint) -> None:
    got, out, err = run(capsys, "show", *argv)
    assert (got, out) == (code, "")
    first, second = err.splitlines()
    assert said in first
    assert hint in second


def test_a_cell_without_memory_is_refused(here, capsys) -> None:
    trained = run(
        capsys, "train", "reviews.csv", "--cell", "none", "--epochs", "1", "--save", "none.seqcli", "-q"
    )
    assert trained[0] == 0
    code, _, err = run(capsys, "show", "-m", "none.seqcli", "--trace", "warm")
    assert code == 2
    assert err.splitlines() == [
        "the cell none cannot be traced: that is written for rnn, gru, lstm, mingru, minlstm, mamba",
        "hint: train a model with --cell lstm, then show its trace",
    ]


def test_a_trace_imports_nothing_heavy(here) -> None:
    code = (
        "import sys\nfrom seqcli.__main__ import main\ncode = main()\n"
        "print(*sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)\nsys.exit(code)"
    )
    argv = ["show", "-m", "reviews.seqcli", "--trace", TEXT, "--format", "table"]
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=False, cwd=here
    )
    assert done.returncode == 0, done.stderr
    assert HEAVY.isdisjoint(done.stderr.splitlines()[-1].split())
