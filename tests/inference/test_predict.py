"""Rows in, the same rows out with predictions: checked against logits that can be added up by hand."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.inference import predict as module
from seqcli.inference.predict import Predictions, row_task
from seqcli.model_dir import SavedModel
from seqcli.options import ReadingOptions
from seqcli.options_use import PredictOptions
from seqcli.readers.stream import Record, open_stream


class Run:
    """Everything that predicting a file gives."""

    def __init__(self, model: SavedModel, path: Path, **options) -> None:
        task = row_task(model)
        stream = open_stream(str(path), ReadingOptions(), task.columns, task.text_column)
        self.warnings: list[str] = []
        try:
            said = self.warnings.append
            self.predictions = Predictions(model, stream, PredictOptions(**options), said, task)
            self.names = self.predictions.names
            self.rows = [row for rows in self.predictions for row in rows]
        finally:
            stream.close()


def chance(mine: float, other: float) -> float:
    """Softmax of two logits."""
    return math.exp(mine) / (math.exp(mine) + math.exp(other))


LINES = ["n,review", "1,good", "2,the bad bad", "3,great the", "4,unheard"]


def test_each_row_gets_the_class_and_probability_of_its_words(word_model, write_csv) -> None:
    run = Run(word_model, write_csv("new.csv", LINES))
    assert run.names == ("n", "review", "prediction", "probability")
    expected = [
        ("1", "good", "pos", chance(1, 0)),
        ("2", "the bad bad", "neg", chance(2.25, 0.25)),
        ("3", "great the", "pos", chance(2.25, 0.25)),
        ("4", "unheard", "neg", 0.5),
    ]
    for row, wanted in zip(run.rows, expected, strict=True):
        assert row[:3] == wanted[:3]
        assert row[3] == pytest.approx(wanted[3], abs=1e-6)
    assert run.warnings == []
    run.predictions.check()


def test_probabilities_of_every_class(word_model, write_csv) -> None:
    run = Run(word_model, write_csv("new.csv", LINES), probabilities=True)
    assert run.names[2:] == ("prediction", "probability", "probability_neg", "probability_pos")
    assert run.rows[0][4] == pytest.approx(chance(0, 1), abs=1e-6)
    assert run.rows[0][5] == pytest.approx(chance(1, 0), abs=1e-6)


def test_columns_are_kept_as_asked(word_model, write_csv) -> None:
    path = write_csv("new.csv", LINES)
    assert Run(word_model, path, keep=("n",)).names == ("n", "prediction", "probability")
    run = Run(word_model, path, keep=("review", "n"))
    assert run.rows[1][:2] == ("the bad bad", "2")
    with pytest.raises(UsageError, match="no column 'reviews'") as caught:
        Run(word_model, path, keep=("reviews",))
    assert "'review'" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        Run(word_model, path, keep=("zzz",))
    assert "n, review" in caught.value.hint


def test_a_name_that_is_taken_needs_another(word_model, write_csv) -> None:
    path = write_csv("new.csv", ["review,prediction", "good,x"])
    with pytest.raises(UsageError, match="'prediction' already") as caught:
        Run(word_model, path)
    assert "--as" in caught.value.hint
    run = Run(word_model, path, as_name="guess")
    assert run.names == ("review", "prediction", "guess", "guess_probability")
    assert run.rows[0][:3] == ("good", "x", "pos")
    assert Run(word_model, path, keep=("review",)).names == ("review", "prediction", "probability")


def test_a_bad_row_gets_no_prediction_and_is_named(word_model, write_csv) -> None:
    run = Run(word_model, write_csv("new.csv", ["n,review", "1,good", "2,bad,extra", "3,bad"]))
    assert [row[2] for row in run.rows] == ["pos", None, "neg"]
    assert run.rows[1][2:] == (None, None)
    assert len(run.warnings) == 1
    assert "new.csv, row 3" in run.warnings[0]
    with pytest.raises(DataError, match="1 of 3 rows has no prediction"):
        run.predictions.check()


def test_many_bad_rows_are_counted(word_model, write_csv) -> None:
    run = Run(word_model, write_csv("new.csv", ["n,review", "1,good", *["2,bad,extra"] * 25]))
    assert len(run.warnings) == module.NAMED_ROWS == 10
    with pytest.raises(DataError, match="25 of 26 rows have no prediction"):
        run.predictions.check()
    assert "15 more rows" in run.warnings[-1]


def test_on_error_stop_ends_at_the_first_bad_row(word_model, write_csv) -> None:
    path = write_csv("new.csv", ["n,review", "1,good", "2,bad,extra", "3,bad"])
    task = row_task(word_model)
    stream = open_stream(str(path), ReadingOptions(), task.columns)
    predictions = Predictions(word_model, stream, PredictOptions(on_error="stop"), print, task)
    batches = iter(predictions)
    assert [row[:3] for row in next(batches)] == [("1", "good", "pos")]
    with pytest.raises(DataError, match="row 3"):
        next(batches)
    stream.close()


def test_lines_of_text_and_json(word_model, write_csv) -> None:
    run = Run(word_model, write_csv("new.txt", ["good, the", "bad"]))
    assert run.names == ("review", "prediction", "probability")
    assert [row[:2] for row in run.rows] == [("good, the", "pos"), ("bad", "neg")]
    run = Run(word_model, write_csv("new.jsonl", ['{"review": "good"}', "{broken", '{"review": "bad"}']))
    assert [row[1] for row in run.rows] == ["pos", None, "neg"]
    assert "line 2" in run.warnings[0]


def test_a_missing_column_is_named(word_model, write_csv) -> None:
    with pytest.raises(DataError, match="review"):
        Run(word_model, write_csv("new.csv", ["n,Reviews", "1,good"]))


class Pipe:
    """A stream that counts what was asked of it."""

    source, unit, names = "pipe", "row", ("review",)

    def __init__(self, texts: list[list[str]]) -> None:
        self.texts, self.asked = texts, 0

    def batches(self, size: int) -> Iterator[list[Record]]:
        for texts in self.texts:
            self.asked += 1
            yield [Record(self.asked, (text,), "") for text in texts]


def test_a_batch_is_answered_before_the_next_is_asked_for(word_model) -> None:
    pipe = Pipe([["good"], ["bad", "good"], []])
    answers = iter(Predictions(word_model, pipe, PredictOptions(), print))  # type: ignore[arg-type]
    assert [row[1] for row in next(answers)] == ["pos"]
    assert pipe.asked == 1
    assert [row[1] for row in next(answers)] == ["neg", "pos"]
    assert pipe.asked == 2
    assert next(answers) == []


def test_batches_of_any_size_give_the_same(word_model, write_csv, monkeypatch) -> None:
    path = write_csv("new.csv", [*LINES, *(f"{n},{'good ' * n}bad" for n in range(5, 40))])
    whole = Run(word_model, path).rows
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    pieces = Run(word_model, path).rows
    assert [row[:3] for row in pieces] == [row[:3] for row in whole]
    assert [row[3] for row in pieces] == pytest.approx([row[3] for row in whole], abs=1e-6)


# ---- sequences -------------------------------------------------------------------------------


def test_one_prediction_a_sequence(sequence_model, write_csv) -> None:
    lines = ["id,step,x,note", "b,2,1,p", "a,1,-3,q", "b,1,1,r", "a,2,1,s"]
    run = Run(sequence_model, write_csv("long.csv", lines))
    assert run.names == ("id", "prediction", "probability")
    assert {row[0]: row[1] for row in run.rows} == {"b": "up", "a": "down"}
    assert {row[0]: row[2] for row in run.rows} == pytest.approx(
        {"b": chance(2, -2), "a": chance(2, -2)}, abs=1e-6
    )
    assert Run(sequence_model, write_csv("long.csv", lines), keep=("id", "note")).names[:2] == ("id", "note")


def test_a_sequence_in_batches_is_still_one(sequence_model, write_csv, monkeypatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
    run = Run(sequence_model, write_csv("long.csv", ["id,step,x", *(f"a,{step},1" for step in range(9))]))
    assert [row[:2] for row in run.rows] == [("a", "up")]
    assert run.rows[0][2] == pytest.approx(chance(9, -9), abs=1e-6)


def test_a_bad_cell_spoils_its_sequence_only(sequence_model, write_csv) -> None:
    lines = ["id,step,x", "a,1,1", "a,2,oops", "b,1,2", "b,2,1e999"]
    run = Run(sequence_model, write_csv("long.csv", [*lines, "c,1,-1"]))
    assert {row[0]: row[1] for row in run.rows} == {"a": None, "b": None, "c": "down"}
    assert "row 3, column x: 'oops'" in run.warnings[0]
    assert "row 5, column x" in run.warnings[1]
    with pytest.raises(DataError, match="2 of 5"):
        run.predictions.check()


# ---- models that do not fit ------------------------------------------------------------------


def test_a_forecaster_is_refused(word_model, monkeypatch) -> None:
    task = SimpleNamespace(plan=SimpleNamespace(task="forecast"))
    monkeypatch.setattr(module, "saved_task", lambda model: task)
    with pytest.raises(UsageError, match="forecasts") as caught:
        row_task(word_model)
    assert "seqcli forecast" in caught.value.hint


def test_a_task_that_contradicts_itself_is_the_models_fault(word_model, write_csv) -> None:
    path = write_csv("new.csv", LINES)
    word_model.record["task"]["plan"]["id"] = ["nowhere"]
    with pytest.raises(DataError, match="nowhere"):
        Run(word_model, path)
    word_model.record["task"]["plan"]["id"] = []
    word_model.record["task"]["classes"] = ["a", "b", "c"]
    with pytest.raises(ModelError, match="cannot be applied"):
        Run(word_model, path)
    word_model.record["task"]["classes"] = ["a"]
    with pytest.raises(ModelError):
        Run(word_model, path)
    word_model.record["task"]["name"] = "dance.v1"
    with pytest.raises(ModelError, match="dance"):
        Run(word_model, path)


def test_predicting_imports_nothing_heavy(word_model, write_csv) -> None:
    path = write_csv("new.csv", LINES)
    program = (
        "import sys; from seqcli.cli.main import main\n"
        f"code = main(['predict', {str(path)!r}, '-m', {str(word_model.path)!r}, '--format', 'csv'])\n"
        "heavy = ('torch', 'onnx', 'safetensors', 'pandas', 'sklearn', 'scipy', 'pydantic')\n"
        "heavy += ('seqcli.tasks.tag', 'seqcli.reporting.tagged')\n"
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "n,review,prediction,probability"
    assert lines[1].startswith("1,good,pos,0.73")
    assert lines[-1] == "0 []"
