"""What a training meets, against steps that are taken by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from planted import net

from seqcli.backends.network import build_network
from seqcli.network import InputSpec, NetworkSpec
from seqcli.training.gradients.watching import TrainingWatch, parts_of


def test_updates_are_shares_of_the_weights_part_by_part() -> None:
    network = net("gru", layers=2)
    watch = TrainingWatch(network, 4)
    scales = {"layer 1": 1.1, "layer 2": 0.5, "head": 2.0}
    with torch.no_grad():
        for name, weights in parts_of(network):
            for weight in weights:
                weight.mul_(scales[name])
    watch(torch.tensor(3.0))
    watch(torch.tensor(1.0))  # the second step, ahead of which nothing was copied
    found = watch.found()
    assert {update.name: update.ratio.p50 for update in found.updates} == pytest.approx(
        {"layer 1": 0.1 / 1.1, "layer 2": 1.0, "head": 0.5}
    )
    assert (found.gradient.mean, found.gradient.p50, found.largest) == (2.0, 2.0, 3.0)


def test_so_many_steps_are_measured_evenly_apart() -> None:
    network = net("rnn")
    watch, seen = TrainingWatch(network, 640), []
    for step in range(640):
        with torch.no_grad():
            network.head.weight.fill_(step + 2.0)
        seen.append(math.nan)
        watch(torch.tensor(0.0))
    ratio = next(update.ratio for update in watch.found().updates if update.name == "layer 1")
    assert ratio.p90 == 0.0
    head = next(update.ratio for update in watch.found().updates if update.name == "head")
    assert 1 / 640 < head.p50 < 1 / 100  # one of some three hundred


def test_the_lately_median_begins_anew() -> None:
    watch = TrainingWatch(net("rnn"), 10)
    assert math.isnan(watch.lately())
    for norm in (1.0, 5.0, 2.0):
        watch(torch.tensor(norm))
    assert watch.lately() == 2.0
    watch(torch.tensor(7.0))
    assert watch.lately() == 7.0
    assert np.isnan(watch.lately())


def test_weights_that_were_zero_move_without_end() -> None:
    network = net("rnn")
    with torch.no_grad():
        for weight in network.head.parameters():
            weight.fill_(1.0)
    watch = TrainingWatch(network, 10)
    with torch.no_grad():
        for weight in network.head.parameters():
            weight.zero_()
    watch(torch.tensor(1.0))
    found = {update.name: update.ratio.mean for update in watch.found().updates}
    assert found == {"layer 1": 0.0, "head": math.inf}


def test_every_weight_is_in_one_part() -> None:
    fields = (InputSpec("tokens", "tokens", 9, 3), InputSpec("bag", "bags", 5, 3))
    network = build_network(
        NetworkSpec(fields, (2,), "mingru", 4, 2, bidirectional=True, pool="attention"), 0
    )
    parts = dict(parts_of(network))
    assert list(parts)[:3] == ["embedding", "layer 1", "layer 2"]
    count = sum(weight.numel() for weights in parts.values() for weight in weights)
    assert count == sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
