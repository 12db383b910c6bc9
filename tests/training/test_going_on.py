"""A text network reads the validation text as well, once that has chosen it and ahead of the test."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tiny_fit import drain
from tiny_stream import BATCH, BPTT, a_text, network_of, setup_of

from seqcli.cli.main import main
from seqcli.sequences import TARGET, Windows
from seqcli.training.going_on import MOST, PASSES, SLOWER, STEPS, BothFeed, shortened
from seqcli.training.loop import fit

LINES = "the cat sat on the mat and the dog lay by the door\nwhere is the cat now, said the dog\n"


def places(length, first):
    """A text whose tokens are their own places, counted from ``first``."""
    ids = np.arange(first, first + length)
    return Windows({"tokens": ids, TARGET: ids}, {}, np.arange(1), length, 0)


def rows_of(feed, step):
    """How many rows of a batch read the validation text, whose tokens are 10,000 and more."""
    tokens = feed.batch(step)["tokens"]
    reads = (tokens >= 10_000).all(axis=1)
    assert (reads == (tokens >= 10_000).any(axis=1)).all()  # a row reads one of the two
    return int(reads.sum())


@pytest.mark.parametrize(("length", "steps"), [(60, 10), (60, 3), (5_000, 3), (8, 1)])
def test_the_validation_text_is_read_so_often_or_by_half_of_the_rows(length, steps):
    feed = BothFeed(places(900, 0), places(length, 10_000), setup_of(batch_size=8), steps)
    rows = {rows_of(feed, step) for step in range(steps)}
    assert len(rows) == 1
    new = rows.pop()
    wanted = PASSES * length / (steps * BPTT)
    assert new == min(max(round(wanted), 1), int(MOST * 8))
    assert {batch.shape for batch in feed.batch(0).values()} == {(8, BPTT), (8,)}


def test_a_network_that_went_on_knows_the_text_it_went_on_with():
    network, setup = network_of(), setup_of(steps=60, learning_rate=0.03)
    train, new = a_text(400, seed=1), Windows({**a_text(400, seed=1).past}, {}, np.arange(1), 400, 0)
    new.past[TARGET][:] = np.roll(new.past[TARGET], 3)  # another language
    drain(fit(network, train, None, setup))
    before = scored(network, new)
    again = setup_of(steps=60, learning_rate=0.03, phase="going_on")
    _, outcome = drain(fit(network, train, None, again, None, BothFeed(train, new, again, 60)))
    assert outcome.steps == 60
    assert scored(network, new) < before - 0.3
    assert scored(network, train) < math.log(8)  # and has not forgotten the first one


def scored(network, text):
    from seqcli.training.streams import text_surprisals

    return float(text_surprisals(network, text)[:, 0].mean())


def test_a_time_budget_leaves_room_for_it():
    assert shortened(setup_of(time_budget=112.0)).time_budget == pytest.approx(112.0 / (1 + STEPS))
    assert shortened(setup_of()) == setup_of()


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """Trains on some lines; gives back the history, the rules that were kept, and the test figures."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text(LINES * 60)
    (tmp_path / "more.txt").write_text(LINES * 4)

    def train(*extra):
        line = ["train", "lines.txt", "--save", "m", "--force", "--cell", "gru", "--hidden-size", "8"]
        assert main([*line, "--steps", "40", "--batch-size", "4", "--format", "json", *extra]) == 0
        printed = capsys.readouterr()
        history = [json.loads(row) for row in (tmp_path / "m" / "history.jsonl").read_text().splitlines()]
        return history, printed.err, json.loads(printed.out)[0]["nats"]

    return train


def test_the_whole_program_goes_on_ahead_of_the_test(trained):
    history, said, nats = trained()
    fitted = [row for row in history if row["phase"] == "fit"]
    after = [row for row in history if row["phase"] == "going_on"]
    best = max((row for row in fitted if row["best"]), key=lambda row: row["step"])
    assert len(after) == 1
    assert after[0]["step"] == math.ceil(STEPS * best["step"])
    assert after[0]["learning_rate"] <= SLOWER * max(row["learning_rate"] for row in fitted)
    assert "went on over training and validation characters for 5 steps" in said
    left, quiet, chosen = trained("--no-refit")
    assert left == fitted
    assert "went on" not in quiet
    assert chosen != nats


def test_a_validation_file_of_ones_own_is_never_learnt_from(trained):
    history, said, _ = trained("--validation", "more.txt")
    assert {row["phase"] for row in history} == {"fit"}
    assert "went on" not in said


def test_nothing_goes_on_without_validation_text(trained):
    history, _, _ = trained("--validation-share", "0")
    assert {row["phase"] for row in history} == {"fit"}


def test_one_row_has_no_room_for_two_texts(trained):
    assert BATCH > 1
    history, _, _ = trained("--batch-size", "1")
    assert {row["phase"] for row in history} == {"fit"}
