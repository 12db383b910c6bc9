"""The probe's arithmetic, with a clock that the test turns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_fit import TinyNetwork, tiny_examples, tiny_setup

from seqcli.sequences import Batchable, Sequences
from seqcli.training import budget
from seqcli.training.budget import probe_steps
from seqcli.training.feeds import RowFeed, make_feed


class Clock:
    """Time that passes only when a batch is made: so much a padded cell."""

    def __init__(self, examples, second_per_cell):
        self.now = 0.0
        self.examples = examples
        self.second_per_cell = second_per_cell
        self.lengths = examples.lengths

    def __len__(self):
        return len(self.examples)

    def batch(self, rows):
        self.now += len(rows) * int(self.lengths[rows].max()) * self.second_per_cell
        return self.examples.batch(rows)


@pytest.fixture
def ragged():
    """Half the rows are 2 steps long, half 20: a batch of either kind says nothing of the other."""
    rows = [np.ones(length, dtype=np.int64) for length in [2, 20] * 40]
    return Batchable(
        {"tokens": Sequences.from_lists(rows, np.int64), "target": np.zeros(80, dtype=np.int64)},
        np.arange(80),
    )


@pytest.mark.parametrize("seconds", [60.0, 3.0])
def test_the_steps_fill_the_budget_whatever_the_probe_saw(ragged, monkeypatch, seconds):
    clocked = Clock(ragged, second_per_cell=1e-3)
    monkeypatch.setattr(budget.time, "monotonic", lambda: clocked.now)
    setup = tiny_setup(epochs=None, time_budget=seconds)
    feed = make_feed(clocked, None, setup)
    steps, per_step = probe_steps(TinyNetwork(), feed, setup)
    # Bucketed: 5 batches of 8 × 2 and 5 of 8 × 20 cells, so 88 cells on average.
    assert feed.steps_per_pass == 10
    assert per_step == pytest.approx(0.088)
    left = 0.95 * seconds - clocked.now
    assert steps == int(left / 0.088)
    assert clocked.now < 0.05 * seconds + 2 * 0.160 + 0.01


def test_scoring_is_part_of_the_sum(ragged, monkeypatch):
    """Each scoring costs 80 × 1 s here; the budget holds five, and the steps between them."""
    clock = Clock(ragged, second_per_cell=1e-3)
    monkeypatch.setattr(budget.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(RowFeed, "scoring_seconds", lambda *_: 2.0)
    setup = tiny_setup(epochs=None, time_budget=13.0)
    steps, _ = probe_steps(TinyNetwork(), make_feed(clock, ragged, setup), setup)
    assert steps == int((0.95 * 13.0 - clock.now - 10.0) / 0.088)


def test_a_hopeless_budget_still_trains_one_step(ragged, monkeypatch):
    clock = Clock(ragged, second_per_cell=10.0)
    monkeypatch.setattr(budget.time, "monotonic", lambda: clock.now)
    setup = tiny_setup(epochs=None, time_budget=1.0)
    assert probe_steps(TinyNetwork(), make_feed(clock, None, setup), setup)[0] == 1


def test_network_and_random_numbers_are_as_before():
    network, untouched = TinyNetwork(), TinyNetwork()
    train = tiny_examples(40, 1)
    setup = tiny_setup(epochs=None, time_budget=0.2)
    state = torch.get_rng_state()
    probe_steps(network, make_feed(train, train, setup), setup)
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in network.state_dict().items():
        assert torch.equal(value, untouched.state_dict()[name])
    assert all(parameter.grad is None for parameter in network.parameters())
