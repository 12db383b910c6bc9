"""--init-from: weights by name and shape, word vectors by word."""

from __future__ import annotations

import pytest
import torch

from seqcli.backends.network import build_network
from seqcli.errors import ModelError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.training import warm_start


def network(tokens, hidden=3, seed=0):
    spec = NetworkSpec((InputSpec("tokens", "tokens", tokens + 3, 4),), (2,), hidden_size=hidden)
    return build_network(spec, seed)


def task(*tokens):
    return {"inputs": {"vocabulary": {"tokens": list(tokens)}}}


@pytest.fixture
def saved(monkeypatch):
    """A model with the words film, good, bad, as read from a directory."""
    net = network(3, seed=1)

    class Saved:
        def __init__(self):
            self.record = {"task": task("film", "good", "bad")}

        def weights(self):
            return {name: tensor.numpy() for name, tensor in net.state_dict().items()}

    monkeypatch.setattr(warm_start, "read_model", lambda model: Saved())
    return net.state_dict()


def test_equal_vocabularies_take_every_weight(saved) -> None:
    net = network(3)
    count = len(saved)
    said = warm_start.start_from(net, task("film", "good", "bad"), "old.seqcli")
    assert said == f"started from {count} of {count} weights of old.seqcli"
    assert all(torch.equal(value, saved[name]) for name, value in net.state_dict().items())


def test_a_word_takes_its_vector_along(saved) -> None:
    net = network(4)
    fresh = net.state_dict()[warm_start.EMBEDDING].clone()
    said = warm_start.start_from(net, task("bad", "plot", "film", "cast"), "old.seqcli")
    assert said.endswith("weights of old.seqcli; 2 of 4 tokens are known there")
    table, old = net.state_dict()[warm_start.EMBEDDING], saved[warm_start.EMBEDDING]
    assert torch.equal(table[:3], old[:3])  # padding, unknown, empty
    assert torch.equal(table[3], old[5])  # bad
    assert torch.equal(table[5], old[3])  # film
    assert torch.equal(table[[4, 6]], fresh[[4, 6]])  # plot, cast


def test_other_sizes_take_the_vectors_alone(saved) -> None:
    net = network(3, hidden=5)
    said = warm_start.start_from(net, task("film", "good", "bad"), "old.seqcli")
    assert "started from 2 of" in said  # the vectors and the two biases of the classes


def test_nothing_in_common_is_refused(monkeypatch, saved) -> None:
    spec = NetworkSpec((InputSpec("values", "values", 7),), (3,), hidden_size=5)
    with pytest.raises(ModelError, match=r"no weights of that model fit"):
        warm_start.start_from(build_network(spec, 0), {"inputs": {}}, "old.seqcli")
