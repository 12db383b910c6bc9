"""Options that a training could not obey are refused ahead of it."""

from __future__ import annotations

import types

import pytest
import torch

from seqcli.cli.main import main
from seqcli.errors import UsageError
from seqcli.network import InputSpec
from seqcli.options import Options, TrainingOptions
from seqcli.training.refusals import refuse_disobeyed, training_device


def prepared(cell="gru", optimizer="adamw", held_out=3, text=True):
    return types.SimpleNamespace(
        network=types.SimpleNamespace(cell=cell, inputs=[InputSpec("x", "tokens" if text else "values", 3)]),
        training={"optimizer": optimizer} if optimizer else {},
        validation=range(held_out),
        task=types.SimpleNamespace(),
    )


def test_numpy_trains_on_the_processor_whatever_else_there_is(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training_device(TrainingOptions()).type == "cuda"
    assert training_device(TrainingOptions(backend="numpy")).type == "cpu"
    assert training_device(TrainingOptions(backend="numpy", device="cpu")).type == "cpu"
    with pytest.raises(UsageError, match="NumPy runs on the processor"):
        training_device(TrainingOptions(backend="numpy", device="cuda"))


@pytest.mark.parametrize(
    ("options", "of"),
    [
        ({}, {}),
        ({"weight_decay": 0.5}, {}),
        ({"weight_decay": 0.5}, {"optimizer": None}),
        ({"weight_decay": 0.5, "optimizer": "adamw"}, {"optimizer": "adagrad"}),
        ({"weight_decay": 0.0, "optimizer": "adam"}, {}),
        ({"optimizer": "adagrad"}, {}),
        ({"patience": 2}, {}),
        ({"level": "words", "embedding_size": 9}, {}),
        ({"clip_value": 0.5}, {}),
        ({"clip_norm": 0.5, "missing": "interpolate"}, {"text": False}),
        ({}, {"text": False}),
        ({"backend": "numpy"}, {"optimizer": "adagrad", "cell": "lstm", "held_out": 0}),
        ({"init": "chrono"}, {"cell": "lstm"}),
        ({"init": "torch"}, {"cell": "rnn"}),
    ],
)
def test_what_can_be_obeyed_passes(options, of) -> None:
    refuse_disobeyed(Options.from_flat(options), prepared(**of))


@pytest.mark.parametrize(
    ("options", "of", "said"),
    [
        ({"weight_decay": 0.5, "optimizer": "adam"}, {}, "--weight-decay means nothing to adam,"),
        ({"weight_decay": 0.5}, {"optimizer": "adagrad"}, "--weight-decay means nothing to adagrad,"),
        ({"level": "words"}, {"text": False}, "--level shapes how text is read"),
        ({"embedding_size": 9}, {"text": False}, "--embedding-size shapes how text is read"),
        ({"patience": 2}, {"held_out": 0}, "--patience waits for a better validation score"),
        ({"missing": "error"}, {}, "--missing is about numbers"),
        ({"clip_value": 0.5, "clip_norm": 2.0}, {}, "so --clip-norm would change nothing"),
        ({"backend": "numpy"}, {"cell": "none"}, "no cell written in NumPy is called 'none'"),
        ({"init": "chrono"}, {"cell": "rnn"}, "--init chrono opens the gates that remember, and --cell rnn"),
        ({"init": "chrono"}, {"cell": "none"}, "and --cell none has none"),
    ],
)
def test_what_cannot_is_refused(options, of, said) -> None:
    with pytest.raises(UsageError, match=said) as error:
        refuse_disobeyed(Options.from_flat(options), prepared(**of))
    assert error.value.hint


@pytest.mark.parametrize(
    "typed", [("--clip-norm", "0"), ("--patience", "3"), ("--backend", "numpy", "--cell", "none")]
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_refused_training_leaves_nothing_behind(tmp_path, monkeypatch, capsys, typed, dry) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "verse.txt").write_text("one two three four\n" * 9)  # learnt by heart: nothing is held out
    assert main(["train", "verse.txt", "-q", *typed, *dry]) == 2
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == ["verse.txt"]
