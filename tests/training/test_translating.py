"""A translator in training: its batches, figures, search beside that of the saved model, and resume."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch

from seqcli.backends.network import build_network
from seqcli.cli.main import main
from seqcli.demo.written_dates import dates
from seqcli.errors import UsageError
from seqcli.inference.translating import SavedWriter, translated_outputs, translator
from seqcli.model_dir import read_model
from seqcli.options import Options, ReadingOptions
from seqcli.readers.read import read_table
from seqcli.sequences import TARGET
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import prepare
from seqcli.tasks.translate import Translate
from seqcli.tasks.translating.answers import translate, unpacked
from seqcli.tasks.translating.search import Search
from seqcli.training.fit_setup import FitSetup
from seqcli.training.gradients.inspection import saved_network
from seqcli.training.translating import PairFeed, TorchWriter, foreseen, read_pairs, written_outputs

TINY = ("--hidden-size", "12", "--embedding-size", "8", "--threads", "1", "--lr", "0.02", "-q")


def write(path: Path, rows) -> Path:
    path.write_text("source,target\n" + "".join(f'"{a}",{b}\n' for a, b in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("translator")
    write(place / "dates.csv", dates(200))
    with contextlib.chdir(place):
        assert main(["train", "dates.csv", *TINY, "--steps", "60", "--no-refit", "-o", "trained.csv"]) == 0
    return place


def prepared_of(place: Path):
    table = read_table([str(place / "dates.csv")], ReadingOptions())
    options = Options()
    return prepare(Tables(table), make_plan(table, options.columns, options.reading), options)


def test_a_pass_takes_every_pair_once_in_batches_that_the_step_alone_decides(trained):
    prepared = prepared_of(trained)
    setup = FitSetup("written", 16, 0.01, epochs=1)
    feed = PairFeed(prepared.train, prepared.validation, setup)
    assert feed.steps_per_pass == round(len(prepared.train) / 16)
    total = sum(int(feed.batch(step)["lengths"].sum()) for step in range(feed.steps_per_pass))
    assert total == int(prepared.train.lengths.sum())
    again = PairFeed(prepared.train, prepared.validation, setup)
    again.batch(3 * feed.steps_per_pass)  # whatever was asked for before
    for name, values in feed.batch(2).items():
        assert (again.batch(2)[name] == values).all()
    batch = feed.batch(1)
    assert feed.cells(1) == batch["source"].size + batch["target"].size


def test_figures_are_those_of_each_text_by_itself(trained):
    prepared = prepared_of(trained)
    network = build_network(prepared.network, 5).eval()
    figures = foreseen(network, prepared.test)
    for row in (0, 7, len(prepared.test) - 1):
        batch = {
            name: torch.from_numpy(values) for name, values in prepared.test.batch(np.array([row])).items()
        }
        with torch.no_grad():
            chances = network(batch).log_softmax(-1)
        target = batch[TARGET][0]
        own = -chances[torch.arange(len(target)), target].sum()
        assert figures[row, 0] == pytest.approx(float(own), rel=1e-4)
        assert figures[row, 1] == len(target)


@pytest.mark.parametrize("how", [Search(1), Search(5), Search(4, 0.6, wanted=3)])
def test_the_saved_model_writes_what_the_network_writes(trained, how):
    model = read_model(trained / "dates.seqcli")
    task, examples = translator(model), prepared_of(trained).test
    network = saved_network(model)
    one, other = (
        translate(writer, examples, task.growth, how) for writer in (TorchWriter(network), SavedWriter(model))
    )
    assert [[text.ids for text in texts] for texts in one] == [
        [text.ids for text in texts] for texts in other
    ]
    np.testing.assert_allclose(
        [text.score for texts in one for text in texts],
        [text.score for texts in other for text in texts],
        atol=1e-5,
    )


def test_the_saved_model_foresees_what_the_network_foresees(trained):
    model, examples = read_model(trained / "dates.seqcli"), prepared_of(trained).test
    task = translator(model)
    saved, live = translated_outputs(model, examples), written_outputs(saved_network(model), examples, task)
    assert isinstance(task, Translate)
    np.testing.assert_allclose(unpacked(saved)[0], unpacked(live)[0], rtol=1e-4, atol=1e-4)
    assert task.texts(saved) == task.texts(live)
    scores = task.score(saved, examples)
    assert scores["nats"] == pytest.approx(model.record["metrics"]["gru"]["nats"], abs=1e-4)
    assert scores["exact"] == model.record["metrics"]["gru"]["exact"]


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(trained, tmp_path, monkeypatch):
    """Interrupted at a step between two scorings, as by Ctrl-C."""
    write(tmp_path / "dates.csv", dates(200))
    monkeypatch.chdir(tmp_path)
    from seqcli.training import signals

    calls = []

    class Cut(signals.Interrupt):
        @property
        def requested(self):  # type: ignore[override]
            calls.append(1)
            return len(calls) == 25

        @requested.setter
        def requested(self, value):
            pass

    monkeypatch.setattr("seqcli.training.loop.watch_interrupts", lambda: contextlib.nullcontext(Cut()))
    typed = ["train", "dates.csv", *TINY, "--steps", "60", "--no-refit", "-o", "trained.csv"]
    assert main(typed) == 130
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert main([*typed, "--resume"]) == 0
    weights = [(place / "dates.seqcli" / "weights.safetensors").read_bytes() for place in (trained, tmp_path)]
    assert weights[0] == weights[1]
    assert (trained / "trained.csv").read_text() == (tmp_path / "trained.csv").read_text()


def test_another_file_beside_two_is_refused():
    options = Options.from_flat({"source": "a.de", "target": ["a.en"]})
    with pytest.raises(UsageError, match=r"b.csv is another"):
        read_pairs(["b.csv"], options)
