"""An answer to each base from both strands: the same from either, in torch and in the graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from seqcli.backends.graph import network_graph
from seqcli.backends.losses import LOSSES, training_loss
from seqcli.backends.network import build_network
from seqcli.backends.strands import on_other_strand
from seqcli.inference.session import GraphSession
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph
from seqcli.saved.record import batch_signature

BASES, PLACE = InputSpec("bases", "values", 4), InputSpec("place", "values", 2)
SPEC = NetworkSpec(
    (BASES,), (3,), hidden_size=4, bidirectional=True, pool="none", stem=1, stem_width=5, both_strands=True
)
LENGTHS = (6, 3, 1)


def batch_of(spec: NetworkSpec, seed: int = 0) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    valid = np.arange(max(LENGTHS)) < np.array(LENGTHS)[:, None]
    fields = {
        item.field: rng.random((len(LENGTHS), max(LENGTHS), item.size), dtype=np.float32) * valid[..., None]
        for item in spec.inputs
    }
    target = rng.integers(1, 4, valid.shape) * valid
    made = {**fields, "lengths": np.array(LENGTHS), "target": target}
    return {name: torch.from_numpy(values) for name, values in made.items()}


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_other_strand_gets_the_same_answers_backwards(bidirectional: bool) -> None:
    network = build_network(replace(SPEC, bidirectional=bidirectional), 3).eval()
    batch = batch_of(SPEC)
    with torch.inference_mode():
        one, other = network(batch), network(on_other_strand(batch))
    for row, length in enumerate(LENGTHS):
        assert torch.allclose(one[row, :length], other[row, :length].flip(0), atol=1e-6)


def test_its_answer_is_the_mean_of_two_readings() -> None:
    network = build_network(SPEC, 3).eval()
    single = build_network(replace(SPEC, both_strands=False), 3).eval()
    single.load_state_dict(network.state_dict())
    batch = batch_of(SPEC)
    with torch.inference_mode():
        both, ahead, back = network(batch), single(batch), single(on_other_strand(batch))
    for row, length in enumerate(LENGTHS):
        wanted = (ahead[row, :length] + back[row, :length].flip(0)) / 2
        assert torch.allclose(both[row, :length], wanted, atol=1e-6)


def test_both_readings_are_learnt_from() -> None:
    network = build_network(replace(SPEC, dropout=0.0), 3).train()
    single = build_network(replace(SPEC, both_strands=False), 3).train()
    single.load_state_dict(network.state_dict())
    batch = batch_of(SPEC)
    loss = training_loss("steps", 0.0, network)(network(batch), batch)
    turned = on_other_strand(batch)
    for row, length in enumerate(LENGTHS):
        target = batch["target"][row, :length].flip(0)
        turned["target"] = turned["target"].clone()
        turned["target"][row, :length] = target
    each = [LOSSES["steps"](single(some), some) for some in (batch, turned)]
    assert float(loss.detach()) == pytest.approx(float(sum(each).detach()) / 2, rel=1e-5)


@pytest.mark.parametrize("inputs", [(BASES,), (BASES, PLACE)])
@pytest.mark.parametrize("members", [1, 2])
def test_the_graph_says_what_the_network_says(members: int, inputs: tuple[InputSpec, ...]) -> None:
    spec = replace(SPEC, members=members, inputs=inputs)
    network, batch = build_network(spec, 5).eval(), batch_of(spec)
    with torch.inference_mode():
        expected = network(batch).numpy()
    graph = network_graph(network)
    assert check_graph(graph) == batch_signature(spec)
    found = GraphSession(graph, "g", threads=1).run({name: item.numpy() for name, item in batch.items()})
    for row, length in enumerate(LENGTHS):
        assert np.abs(found[row, :length] - expected[row, :length]).max() < 1e-5
