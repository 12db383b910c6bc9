"""Clips from a manifest or from folders through train, predict and evaluate."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from seqcli.backends.network import build_network
from seqcli.cli.main import main
from seqcli.demo.tones import clips, write_clip
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import saved_task
from seqcli.model_dir import read_model
from seqcli.readers.table import Table
from seqcli.tasks.speech.metrics import edits
from seqcli.tasks.speech.sound import FRAMES
from seqcli.training.batches import predict_outputs

ROWS = clips(150, most=3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips, their manifest, and a model that has learnt most of them."""
    folder = tmp_path_factory.mktemp("clips")
    for name, _, _ in ROWS:
        write_clip(folder, name)
    write_manifest(folder / "said.csv", ROWS)
    line = ("train", "said.csv", "--epochs", "10", "--hidden-size", "24", "--num-layers", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*line, "--learning-rate", "0.02", "--threads", "1", "--quiet", "-o", "trained.csv"]) == 0
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def write_manifest(path: Path, rows: list[tuple[str, ...]], header=("audio", "text", "speaker")) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def result(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> list[dict[str, str]]:
    assert main([*line]) == code
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_the_network_stands_beside_a_baseline_that_it_beats(here: Path) -> None:
    trained = (here / "trained.csv").read_text(encoding="utf-8")
    network, usual = csv.DictReader(io.StringIO(trained))
    assert usual["predictor"] == "most frequent transcript"
    assert float(network["cer"]) < 0.5 < float(usual["cer"])
    assert set(network) == {"predictor", "cer", "wer", "whole_clips"}


def test_predict_appends_what_is_heard_and_evaluate_counts_it(here: Path, capsys) -> None:
    heard = result(capsys, "predict", "said.csv", "-m", "said.seqcli")
    assert [row["audio"] for row in heard] == [row[0] for row in ROWS]
    assert all(0 <= float(row["probability"]) <= 1 for row in heard)
    wrong = sum(edits(row["text"], row["prediction"]) for row in heard)
    scored = result(capsys, "evaluate", "said.csv", "-m", "said.seqcli")[0]
    assert float(scored["cer"]) == pytest.approx(wrong / sum(len(row[1]) for row in ROWS))


def test_a_beam_is_never_less_sure(here: Path, capsys) -> None:
    plain = result(capsys, "predict", "said.csv", "-m", "said.seqcli")
    wide = result(capsys, "predict", "said.csv", "-m", "said.seqcli", "--beam", "20")
    for one, other in zip(plain, wide, strict=True):
        assert float(other["probability"]) >= float(one["probability"]) - 1e-6
    assert result(capsys, "evaluate", "said.csv", "-m", "said.seqcli", "--beam", "8")


def test_a_path_a_line_is_read_too(here: Path, capsys, monkeypatch) -> None:
    whole = result(capsys, "predict", "said.csv", "-m", "said.seqcli")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{ROWS[4][0]}\n".encode())))
    found = result(capsys, "predict", "-", "-m", "said.seqcli")
    assert [row["prediction"] for row in found] == [whole[4]["prediction"]]


def test_a_clip_that_cannot_be_read_is_named_and_the_others_are_heard(here: Path, capsys) -> None:
    write_manifest(here / "odd.csv", [ROWS[0], ("clips/none.wav", "a", "ana"), ROWS[1]])
    assert main(["predict", "odd.csv", "-m", "said.seqcli"]) == 3
    out, err = capsys.readouterr()
    assert [bool(row["probability"]) for row in csv.DictReader(io.StringIO(out))] == [True, False, True]
    assert "odd.csv, row 3, column audio: clips/none.wav: no such file" in err
    assert main(["evaluate", "odd.csv", "-m", "said.seqcli"]) == 3
    assert "row 3, column audio" in capsys.readouterr().err
    assert main(["train", "odd.csv"]) == 3


def test_the_graph_says_what_the_network_says_and_padding_changes_nothing(here: Path) -> None:
    model = read_model(here / "said.seqcli")
    task, network = saved_task(model), build_network(model.network, 0)
    network.load_state_dict({name: torch.tensor(value) for name, value in model.weights().items()})
    table = Table.from_records("said.csv", ("audio",), [row[:1] for row in ROWS[:12]], range(2, 14))
    examples = task.encode(table)
    assert len(set(examples.lengths.tolist())) > 3
    by_torch = predict_outputs(network, examples, 12)
    session = GraphSession.open(model)
    assert outputs_for(session, examples) == pytest.approx(by_torch, abs=1e-5)
    alone = np.concatenate([outputs_for(session, examples.take(np.array([row]))) for row in range(12)])
    assert alone == pytest.approx(by_torch, abs=1e-5)
    batch = examples.batch(np.arange(12))
    padded = {**batch, FRAMES: np.pad(batch[FRAMES], ((0, 0), (0, 9), (0, 0)))}
    wide, narrow = session.run(padded), session.run(batch)
    for row, length in enumerate(examples.lengths):
        assert wide[row, :length] == pytest.approx(narrow[row, :length], abs=1e-6)


def test_folders_of_clips_are_labels(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for name, word, _ in clips(90, most=1):
        if word in "ab":
            write_clip(tmp_path, name)
            (tmp_path / "tones" / word).mkdir(parents=True, exist_ok=True)
            shutil.move(tmp_path / name, tmp_path / "tones" / word / Path(name).name)
    tiny = ("--epochs", "1", "--hidden-size", "4", "--threads", "1")
    found = result(capsys, "train", "tones", *tiny)
    assert found[0]["predictor"] == "gru"
    record = json.loads((tmp_path / "tones.seqcli" / "model.json").read_text())
    assert record["task"]["classes"] == ["a", "b"]
    assert result(capsys, "evaluate", "tones", "-m", "tones.seqcli")
    assert main(["train", "tones/a"]) == 3
    assert "nothing says what is in them" in capsys.readouterr().err


def test_what_makes_no_sense_for_clips_is_said(here: Path, capsys) -> None:
    for line, said in (
        (("train", "said.csv", "--stem", "conv"), "--stem"),
        (("train", "said.csv", "--level", "words"), "--level"),
        (("train", "said.csv", "--pool", "max"), "--pool"),
        (("predict", "said.csv", "-m", "said.seqcli", "--top-k", "2"), "--top-k"),
        (("predict", "said.csv", "-m", "said.seqcli", "--probabilities"), "--probabilities"),
    ):
        assert main([*line]) == 2
        assert said in capsys.readouterr().err


def test_a_step_is_changed_alike_in_every_run(here: Path) -> None:
    frames = np.random.default_rng(1).normal(0, 1, (4, 30, 40)).astype(np.float32)
    task = saved_task(read_model(here / "said.seqcli"))
    batch = {FRAMES: frames.reshape(4, 10, 120), "lengths": np.array([10, 9, 8, 2])}
    once, again, later = (task.changed(batch, (3, step)) for step in (5, 5, 6))
    assert np.array_equal(once[FRAMES], again[FRAMES])
    assert once[FRAMES].shape != later[FRAMES].shape or not np.array_equal(once[FRAMES], later[FRAMES])
