"""``train`` on a text: what is said, what is refused, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_lines import rows_of, run

from seqcli.demo.words import corpus
from seqcli.options import Options, SavingOptions
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.run import train

TEXT = corpus(6_000)
TINY = (
    "--hidden-size",
    "6",
    "--steps",
    "12",
    "--threads",
    "1",
    "--seed",
    "3",
    "--bptt",
    "8",
    "--batch-size",
    "4",
)


@pytest.fixture(autouse=True)
def at_work(tmp_path, monkeypatch) -> None:
    """A folder of its own, with a corpus and a text to test on."""
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(TEXT)
    Path("later.txt").write_text(corpus(800, seed=4))


def test_the_test_table_and_the_rules_and_a_line_that_the_network_writes(capsys) -> None:
    code, out, err = run(capsys, "train", "corpus.txt", *TINY)
    assert code == 0
    network, ngram, unigram = rows_of(out)
    assert network["predictor"] == "mingru"
    assert ngram["predictor"].endswith("-gram")
    assert unigram["predictor"] == "unigram"
    assert 0 < float(ngram["nats"]) < float(unigram["nats"]) < float(network["nats"]) < 4
    assert float(network["blk64"]) > 0
    assert "task language: lines of text\ncell mingru: ahead of lstm in half a minute, of gru in two" in err
    assert "columns: text text\n" in err
    assert "read from 4 places at once, gradients cut after 8 steps" in err
    length = len(TEXT)
    validation, test = round(0.05 * length), round(0.1 * length)
    parts = f"{length - validation - test:,} training, {validation:,} validation, {test:,} test characters"
    assert f"- split in the order of the text: {parts}\n" in err
    assert err.count("  writes: ") >= 1
    assert "use it: seqcli generate -m corpus.seqcli" in err
    assert [path.name for path in Path("corpus.seqcli/graphs").iterdir()] == ["step.onnx"]
    record = json.loads(Path("corpus.seqcli/model.json").read_text())
    assert record["network"]["streams"]
    assert record["options"]["bptt"] == 8
    assert record["metrics"]["mingru"]["nats"] == pytest.approx(float(network["nats"]))
    assert record["options"]["level"] == "characters"
    _, card, _ = run(capsys, "show", "corpus.seqcli")
    assert "2 × minGRU of 6, read forward, an answer at each step, gated initialisation" in card


def test_a_text_without_a_test_part_has_no_score_to_compare(capsys) -> None:
    for share in ("0.1", "0"):
        code, _, err = run(capsys, "train", "corpus.txt", *TINY, "--test-share", share, "--force")
        assert code == 0
    assert "is kept as corpus.seqcli.old\n" in err


def test_a_training_that_diverged_leaves_nothing_to_go_on_with(capsys) -> None:
    code, out, err = run(capsys, "train", "corpus.txt", *TINY, "--lr", "1e30")
    assert (code, out) == (5, "")
    assert "diverged" in err
    assert not list(Path().glob(".*.partial/checkpoint"))
    assert "an interrupted training is dropped" not in run(capsys, "train", "corpus.txt", *TINY)[2]


def test_figures_of_other_data_are_not_set_side_by_side(capsys) -> None:
    save = ("--save", "m.seqcli", "--force")
    assert run(capsys, "train", "corpus.txt", *TINY, *save)[0] == 0
    assert "m.seqcli.old; its nats was" in run(capsys, "train", "corpus.txt", *TINY, *save)[2]
    Path("corpus.txt").write_text(TEXT + TEXT)
    assert "is kept as m.seqcli.old\n" in run(capsys, "train", "corpus.txt", *TINY, *save)[2]


def test_a_dry_run_says_how_the_text_would_be_read(capsys) -> None:
    code, out, _ = run(capsys, "train", "corpus.txt", "--dry-run", "--level", "words", *TINY)
    assert code == 0
    assert "words, 12 steps, read from 4 places at once, gradients cut after 8 steps" in out
    assert not list(Path().glob("*.seqcli*"))


def test_a_short_text_is_said_to_be_learnt_by_heart(capsys) -> None:
    Path("short.txt").write_text("to be or not to be\n")
    code, out, err = run(capsys, "train", "short.txt", *TINY)
    assert code == 0
    assert "- 19 characters are too few to cut: all are learnt by heart, and tested on too\n" in err
    assert [row["predictor"] for row in rows_of(out)] == ["gru", "3-gram", "unigram"]


REFUSED = [
    (("--bidirectional",), 2, "a network that has read what follows could only copy it"),
    (("--window", "5"), 2, "--window means nothing to the task language"),
    (("--pool", "mean"), 2, "--pool means nothing to the task language"),
    (("--backend", "numpy", "--dropout", "0.1"), 2, "the NumPy network has no dropout"),
    (("--backend", "numpy", "--cell", "none"), 2, "no cell written in NumPy is called 'none'"),
    (("--condition", "kind"), 3, "no column is called 'kind'"),
]


@pytest.mark.parametrize(("typed", "code", "sentence"), REFUSED, ids=str)
def test_what_a_text_refuses(capsys, typed, code, sentence) -> None:
    found, out, err = run(capsys, "train", "corpus.txt", *TINY, *typed, "-q")
    assert (found, out) == (code, "")
    assert sentence in err.splitlines()[0]
    assert err.splitlines()[1].startswith("hint: ")
    assert not list(Path().glob("*.seqcli"))


@pytest.mark.parametrize("typed", [("--bptt", "5"), ("--backend", "numpy"), ("--backend", "torch")])
def test_what_goes_with_a_text_alone(capsys, typed) -> None:
    rows = "".join(f"{'good' if k % 2 else 'bad'} thing {k},{k % 2}\n" for k in range(60))
    Path("reviews.csv").write_text(f"review,label\n{rows}")
    code, out, err = run(capsys, "train", "reviews.csv", "--epochs", "1", *typed, "-q")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == f"{typed[0]} means nothing to the task classify"
    for more in ((), ("--dry-run",)):
        code, out, err = run(capsys, "forecast", "reviews.csv", *typed, *more)
        assert (code, out) == (2, "")
        carried = " without --stateful" if typed[0] == "--bptt" else ""
        assert err.splitlines()[0] == f"{typed[0]} means nothing to the task forecast{carried}"


@pytest.mark.parametrize(
    "options", [(), ("--level", "words"), ("--cell", "lstm", "--num-layers", "2"), ("--backend", "numpy")]
)
def test_a_saved_model_says_of_a_text_what_training_said(capsys, options) -> None:
    """The step graph against the network: nats through the text, and in cold windows."""
    code, out, _ = run(capsys, "train", "corpus.txt", "--test", "later.txt", *TINY, *options)
    assert code == 0
    code, again, _ = run(capsys, "evaluate", "later.txt", "-m", "corpus.seqcli")
    assert code == 0
    for name in ("nats", "blk64", "bits", "perplexity"):
        assert float(rows_of(again)[0][name]) == pytest.approx(float(rows_of(out)[0][name]), rel=1e-5)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_the_same_bytes_twice_and_from_the_saved_options(capsys, backend) -> None:
    typed = ("--backend", backend, *TINY)
    assert run(capsys, "train", "corpus.txt", *typed, "--save", "one.seqcli")[0] == 0
    assert run(capsys, "train", "corpus.txt", *typed, "--save", "two.seqcli")[0] == 0
    assert run(capsys, "train", "corpus.txt", "--config", "one.seqcli", "--save", "three.seqcli")[0] == 0
    for name in ("weights.safetensors", "graphs/step.onnx", "history.jsonl"):
        content = Path("one.seqcli", name).read_bytes()
        assert Path("two.seqcli", name).read_bytes() == content
        assert Path("three.seqcli", name).read_bytes() == content


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("moment", [2, 7, 13, 16])
def test_a_training_that_was_cut_off_is_resumed_to_the_same_bytes(
    capsys, monkeypatch, backend, moment
) -> None:
    typed = ("--backend", backend, *TINY)
    assert run(capsys, "train", "corpus.txt", *typed, "--save", "whole.seqcli", "-q")[0] == 0
    monkeypatch.setattr(CheckpointStore, "due", lambda self, epoch_end: True)
    values = {
        "hidden_size": 6,
        "steps": 12,
        "threads": 1,
        "seed": 3,
        "bptt": 8,
        "batch_size": 4,
        "backend": backend,
    }
    events = train(["corpus.txt"], Options.from_flat(values), SavingOptions(), frozenset(values))
    for _ in range(1 + moment):  # the plan comes first
        next(events)
    events.close()
    assert not Path("corpus.seqcli").exists()
    code, _, err = run(capsys, "train", "corpus.txt", "--resume")
    assert code == 0
    assert ("going on after step" in err) == (moment < 16)
    for name in ("weights.safetensors", "graphs/step.onnx", "history.jsonl"):
        assert Path("corpus.seqcli", name).read_bytes() == Path("whole.seqcli", name).read_bytes()
