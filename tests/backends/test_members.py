"""Taggers that learn side by side: what each says, their mean, and the graph of all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqcli.backends.bags import Bag
from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.backends.parameters import parameter_table
from seqcli.inference.session import GraphSession
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph
from seqcli.saved.record import batch_signature
from seqcli.sequences import LENGTHS, TARGET

SPEC = NetworkSpec(
    inputs=(InputSpec("words", "tokens", 20, 6), InputSpec("parts", "bags", 30, 4, usual=9)),
    output_shape=(3,),
    hidden_size=5,
    bidirectional=True,
    pool="none",
    dropout=0.2,
    chain=((2,), (), (), (2,)),
    members=3,
)


def made():
    rng = np.random.default_rng(0)
    lengths = np.array([4, 2, 1])
    words = rng.integers(1, 20, (3, 4)) * (np.arange(4) < lengths[:, None])
    parts = rng.integers(0, 30, (3, 4, 7)) * (words > 0)[..., None]
    target = rng.integers(0, 2, (3, 4))
    return {"words": words, "parts": parts, LENGTHS: lengths, TARGET: target}


def tensors(batch):
    return {name: torch.from_numpy(values) for name, values in batch.items()}


@pytest.mark.parametrize("members", [1, 3])
def test_the_graph_says_what_the_network_says(members) -> None:
    from dataclasses import replace

    spec, batch = replace(SPEC, members=members), made()
    network = build_network(spec, 7).eval()
    with torch.inference_mode():
        expected = network(tensors(batch)).numpy()
    graph = network_graph(network)
    assert check_graph(graph) == batch_signature(spec)
    found = GraphSession(graph, "g", threads=1).run(batch)
    for row, length in enumerate(batch[LENGTHS]):
        assert np.abs(found[row, :length] - expected[row, :length]).max() < 1e-5


def test_members_differ_and_their_mean_is_the_answer() -> None:
    network, batch = build_network(SPEC, 7).eval(), tensors(made())
    with torch.inference_mode():
        first, *others = network.every_member()
        own = [first._per_step(first.encoder(*first.read(batch))), *(other(batch) for other in others)]
        assert torch.allclose(network(batch), sum(own) / 3, atol=1e-6)
    assert not torch.allclose(own[0], own[1], atol=1e-3)
    assert not torch.allclose(own[1], own[2], atol=1e-3)


def test_in_training_each_member_learns_by_itself() -> None:
    from dataclasses import replace

    network, batch = build_network(replace(SPEC, dropout=0.0), 7).train(), tensors(made())
    outputs = network(batch)
    assert outputs.shape == (9, 4, 3)
    alone = [network.chain(part, batch) for part in outputs.chunk(3)]
    together = network.chain(outputs, batch)
    assert torch.allclose(together, sum(alone) / 3)
    together.backward()
    gradients = [member.head.weight.grad for member in network.every_member()]
    assert all(gradient is not None and float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_the_parameters_of_all_are_counted() -> None:
    network = build_network(SPEC, 7)
    rows = {row[0]: row[2] for row in parameter_table(network).rows}
    assert rows["total"] == sum(weight.numel() for weight in network.parameters())
    assert rows["members"] > 0
    assert rows["chain"] == 16


def test_a_bag_is_its_mean_times_the_root_of_what_it_usually_holds() -> None:
    few, many = Bag(30, 4), Bag(30, 4, usual=9)
    many.load_state_dict(few.state_dict())
    ids = torch.tensor([[[3, 5, 0, 0], [0, 0, 0, 0]]])
    assert torch.allclose(many(ids), 3 * few(ids))
    assert torch.allclose(few(ids)[0, 0], few.weight[[3, 5]].mean(0))
    assert not many(ids)[0, 1].any()
