"""--init-from: weights by name and shape, word vectors by word."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch

from seqcli.backends.network import build_network
from seqcli.errors import DataError, ModelError
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
        path = Path("saved.seqcli")

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


# ---- language models: the head's rows mean tokens too, those of the second table values of the condition


def language(tokens, conditions=(), seed=0):
    inputs = [InputSpec("tokens", "tokens", len(tokens) + 3, 4)]
    if conditions:
        inputs.append(InputSpec("condition", "tokens", len(conditions) + 2, 2))
    spec = NetworkSpec(tuple(inputs), (len(tokens) + 3,), hidden_size=3, pool="none", streams=True)
    task = {"corpus": {"tokens": list(tokens)}, "conditions": list(conditions)}
    return build_network(spec, seed), task


def starting_from(monkeypatch, model, task):
    """``start_from`` reads this network and task whatever it is asked for."""

    class Saved:
        path = Path("saved.seqcli")
        record: ClassVar[dict] = {"task": task}

        def weights(self):
            return {name: tensor.numpy() for name, tensor in model.state_dict().items()}

    monkeypatch.setattr(warm_start, "read_model", lambda name: Saved())
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_a_character_takes_its_rows_of_the_table_and_the_head_along(monkeypatch) -> None:
    old = starting_from(monkeypatch, *language("abc", seed=1))
    network, task = language("cbx")  # as many characters, two of them others or elsewhere
    fresh = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    said = warm_start.start_from(network, task, "old.seqcli")
    every = f"{len(old)} of {len(old)}"
    assert said == f"started from {every} weights of old.seqcli; 2 of 3 tokens are known there"
    for name in ("embeddings.0.weight", "head.weight", "head.bias"):
        now = network.state_dict()[name]
        assert torch.equal(now[:3], old[name][:3])  # padding, unknown, empty
        assert torch.equal(now[3:5], old[name][[5, 4]])  # c, b
        assert torch.equal(now[5], fresh[name][5])  # x


def test_a_larger_alphabet_starts_from_the_rows_of_a_smaller_one(monkeypatch) -> None:
    old = starting_from(monkeypatch, *language("ab", seed=1))
    network, task = language("bcda")
    said = warm_start.start_from(network, task, "old.seqcli")
    every = f"{len(old)} of {len(old)}"
    assert said == f"started from {every} weights of old.seqcli; 2 of 4 tokens are known there"
    assert torch.equal(network.state_dict()["head.weight"][[3, 6]], old["head.weight"][[4, 3]])


def test_a_condition_takes_its_vector_along(monkeypatch) -> None:
    old = starting_from(monkeypatch, *language("ab", ("Arvic", "Oshti"), seed=1))
    network, task = language("ab", ("Oshti", "Pellan"))
    fresh = network.state_dict()["embeddings.1.weight"].clone()
    warm_start.start_from(network, task, "old.seqcli")
    now = network.state_dict()["embeddings.1.weight"]
    assert torch.equal(now[:3], old["embeddings.1.weight"][[0, 1, 3]])  # padding, unknown, Oshti
    assert torch.equal(now[3], fresh[3])


@pytest.mark.parametrize(
    "broken", [{"corpus": {}}, {"corpus": {"tokens": [["a"], 3]}}, {"inputs": {"vocabulary": {}}}, {}]
)
def test_a_task_without_readable_tokens_lends_no_row_of_a_token(monkeypatch, broken) -> None:
    model, _ = language("abc", seed=1)
    starting_from(monkeypatch, model, broken)
    network, task = language("abc")
    fresh = network.state_dict()["embeddings.0.weight"].clone()
    warm_start.start_from(network, task, "old.seqcli")
    assert torch.equal(network.state_dict()["embeddings.0.weight"][3:], fresh[3:])


def test_ids_of_parts_mean_the_same_only_where_they_are_made_alike(monkeypatch) -> None:
    spec = NetworkSpec((InputSpec("parts", "bags", 9, 4), InputSpec("tokens", "tokens", 5, 4)), (2,))
    old = build_network(spec, 1)

    class Saved:
        path = Path("saved.seqcli")
        record: ClassVar = {"task": {"inputs": {"subwords": {"buckets": 8}}}}

        def weights(self):
            return {name: tensor.numpy() for name, tensor in old.state_dict().items()}

    monkeypatch.setattr(warm_start, "read_model", lambda model: Saved())
    for buckets, taken in ((8, True), (7, False)):
        net = build_network(spec, 0)
        warm_start.start_from(net, {"inputs": {"subwords": {"buckets": buckets}}}, "old.seqcli")
        assert torch.equal(net.bags[0].weight, old.bags[0].weight) is taken


def test_words_begin_with_their_vectors_and_the_others_as_wide(tmp_path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("Film 6 -6 6 -6\nbad 2 -2 2 -2\nother 1 1 1 1\n")
    net = network(3)
    fresh = net.state_dict()[warm_start.EMBEDDING].clone()
    said = warm_start.start_from_vectors(net, task("film", "good", "bad"), str(path))
    assert said == f"2 of 3 words begin with their vectors of {path}"
    table = net.state_dict()[warm_start.EMBEDDING]
    assert table[3].tolist() == [6, -6, 6, -6]
    assert table[5].tolist() == [2, -2, 2, -2]
    wider = torch.tensor([6.0, -6, 6, -6, 2, -2, 2, -2]).std() / fresh[3:].std()
    assert torch.allclose(table[[1, 2, 4]], fresh[[1, 2, 4]] * wider)
    assert not table[0].any()
    with pytest.raises(DataError, match="none of the 2 words"):
        warm_start.start_from_vectors(network(2), task("plot", "cast"), str(path))
