"""The four patterns of input and output side by side, each from a file to what comes out.

one to one      □ → ○           a row of numbers → its class
one to many     □ → ○ ○ ○ ○     a category → the letters of a name
many to one     □ □ □ □ → ○     the words of a text → its class
many to many    □ □ □ □         a text → the next letter at each step
                ○ ○ ○ ○
                □ □ □ □ → ○ ○   the steps of a window → those of a horizon
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from seqcli.cli.main import main
from seqcli.inference.stream import StreamSession
from seqcli.inference.trust import saved_task
from seqcli.model_dir import read_model
from seqcli.options import ReadingOptions
from seqcli.readers.read import read_table

TINY = ("--hidden-size", "4", "--epochs", "1", "--threads", "1", "--quiet")
ROWS = 60


def write(name, header, rows):
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def write_files():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(ROWS, 2)).round(3)
    write("rows.csv", ("x", "y", "side"), [(x, y, "left" if x < 0 else "right") for x, y in numbers])
    kinds = ["a", "b", "c"] * (ROWS // 3)
    write(
        "names.csv",
        ("kind", "name"),
        [(kind, f"{'xyz'[k % 3]}{k}{kind * 3}") for k, kind in enumerate(kinds)],
    )
    words = ["good", "bad", "very", "film", "the", "was"]
    texts = [" ".join(rng.choice(words, size=4 + k % 6)) for k in range(ROWS)]
    write("texts.csv", ("text", "label"), [(f"{text} {k}", k % 2) for k, text in enumerate(texts)])
    Path("corpus.txt").write_text("\n".join(texts * 3) + "\n")
    days = np.arange("2024-01-01", "2024-07-01", dtype="datetime64[D]")
    write("days.csv", ("date", "sales"), [(day, round(float(np.sin(k)), 3)) for k, day in enumerate(days)])


def typed(capsys, *argv):
    """What one command line prints."""
    capsys.readouterr()
    assert main(list(argv)) == 0
    return capsys.readouterr().out


def steps_in(model, file):
    """Steps of each example, as the model's task makes them of a file."""
    task = saved_task(read_model(Path(model)))
    table = read_table([file], ReadingOptions())
    return (task.encode if hasattr(task, "decode") else task.encode_labelled)(table).lengths


def shape_out(model, rows, steps):
    """The shape of what the saved graph says to ``rows`` sequences of ``steps`` steps."""
    (graph,) = Path(model, "graphs").iterdir()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    sizes = {"batch": rows, "time": steps, "of_parts": 3}
    kinds = {"tensor(int64)": np.int64, "tensor(float)": np.float32}
    feed = {
        item.name: np.ones([sizes.get(axis, axis) for axis in item.shape], dtype=kinds[item.type])
        for item in session.get_inputs()
    }
    if "lengths" in feed:
        feed["lengths"] *= steps
    return session.run(["output"], feed)[0].shape


def test_the_four_patterns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_files()

    # one to one: a row is one step, and gets one answer
    typed(capsys, "train", "rows.csv", *TINY)
    assert steps_in("rows.seqcli", "rows.csv").tolist() == [1] * ROWS
    assert shape_out("rows.seqcli", 3, 1) == (3, 2)
    out = typed(capsys, "predict", "rows.csv", "-m", "rows.seqcli", "-q")
    assert len(list(csv.DictReader(io.StringIO(out)))) == ROWS

    # many to one: a text is as many steps as words, and gets one answer
    typed(capsys, "train", "texts.csv", "--level", "words", *TINY)
    lengths = steps_in("texts.seqcli", "texts.csv")
    assert (lengths.min(), lengths.max()) == (5, 10)
    assert [shape_out("texts.seqcli", 3, steps) for steps in (5, 10)] == [(3, 2), (3, 2)]
    out = typed(capsys, "predict", "texts.csv", "-m", "texts.seqcli", "-q")
    assert len(list(csv.DictReader(io.StringIO(out)))) == ROWS

    # many to many, step by step: each letter of a text gets an answer of its own
    typed(capsys, "train", "corpus.txt", *TINY)
    letters = len(set(Path("corpus.txt").read_text()))
    assert [shape_out("corpus.seqcli", 3, steps) for steps in (5, 10)] == [
        (3, 5, letters + 3),
        (3, 10, letters + 3),
    ]
    out = typed(capsys, "evaluate", "corpus.txt", "-m", "corpus.seqcli", "--per-token", "-q")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == len(Path("corpus.txt").read_text())
    assert [bool(row["nats"]) for row in rows] == [False, *[True] * (len(rows) - 1)]

    # many to many, one sequence after the other: a window is read, then a horizon comes out
    typed(capsys, "forecast", "days.csv", "--window", "14", "--horizon", "6", *TINY)
    assert set(steps_in("days.seqcli", "days.csv").tolist()) == {14}
    assert shape_out("days.seqcli", 3, 14) == (3, 6, 1, 3)  # the answer, and how far below and above
    out = typed(capsys, "forecast", "days.csv", "-m", "days.seqcli", "-q")
    assert len(list(csv.DictReader(io.StringIO(out)))) == 6

    # one to many: one token is read, and each answer is the next input
    typed(capsys, "train", "names.csv", "--condition", "kind", *TINY)
    read, shapes = StreamSession.read, []

    def watched(self, batch, states=None):
        shapes.append((batch["tokens"].shape, batch["condition"].tolist()))
        return read(self, batch, states)

    monkeypatch.setattr(StreamSession, "read", watched)
    asked = (
        "generate",
        "-m",
        "names.seqcli",
        "--given",
        "kind=b",
        "--length",
        "9",
        "--format",
        "jsonl",
        "-q",
    )
    record = json.loads(typed(capsys, *asked))
    assert len(record["tokens"]) == 9
    assert "".join(token["token"] for token in record["tokens"]) == record["text"]
    assert shapes[:9] == [((1, 1), [[3]])] * 9, "a step each, for the second of the kinds"


@pytest.mark.parametrize("steps", [1, 4])
def test_a_text_goes_on_after_any_number_of_tokens(tmp_path, monkeypatch, capsys, steps):
    """From one token too: many to many differs from one to many by the prompt alone."""
    monkeypatch.chdir(tmp_path)
    write_files()
    asked = ("generate", "corpus.txt", "--prompt", "good"[:steps], "--length", "5", "--format", "jsonl")
    record = json.loads(typed(capsys, *asked, *TINY))
    assert record["prompt"] == "good"[:steps]
    assert len(record["tokens"]) == 5
