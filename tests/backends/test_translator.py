"""A network that reads one text and writes another: attention by hand, padding, and its graphs."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from seqcli.backends.looking import Attention
from seqcli.backends.losses import training_loss
from seqcli.backends.network import build_network
from seqcli.backends.parameters import parameter_table
from seqcli.backends.registry import CELLS
from seqcli.backends.translator import Translator
from seqcli.backends.translator_graph import translator_graphs
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph
from seqcli.saved.record import fits_network

KINDS = ("dot", "bahdanau")
SOURCE = torch.tensor([[3, 4, 5, 2], [7, 2, 0, 0], [5, 6, 2, 0]])
LENGTHS = torch.tensor([4, 2, 3])
WRITTEN = torch.tensor([[2, 3, 4, 5], [2, 8, 3, 0], [2, 6, 0, 0]])
TARGET = torch.tensor([[3, 4, 5, 2], [8, 3, 2, 0], [6, 2, 0, 0]])
BATCH = {"source": SOURCE, "lengths": LENGTHS, "written": WRITTEN, "target": TARGET}


def network_of(cell="gru", kind="dot", **more) -> Translator:
    spec = NetworkSpec(
        (InputSpec("source", "tokens", 11, 6), InputSpec("written", "tokens", 9, 6)),
        (9,),
        cell=cell,
        hidden_size=5,
        bidirectional=cell != "none",
        pool="none",
        attention=kind,
        dropout=0.3,
        **more,
    )
    network = build_network(spec, 3)
    assert isinstance(network, Translator)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    return network.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_what_its_equations_say(kind):
    torch.manual_seed(4)
    attention = Attention(kind, 3, 4)
    query, memory = torch.randn(2, 5, 3), torch.randn(2, 6, 4)
    hidden = torch.zeros(2, 1, 6, dtype=torch.bool)
    hidden[1, 0, 4:] = True
    found = attention.weights(query, attention.keys_of(memory), hidden).detach().numpy()
    weight, bias = attention.keys.weight.detach().numpy(), attention.keys.bias.detach().numpy()
    for row, steps in ((0, 6), (1, 4)):
        for at in range(5):
            asked = query[row, at].numpy()
            scores = []
            for step in range(steps):
                key = weight @ memory[row, step].numpy() + bias
                if kind == "dot":
                    scores.append(asked @ key / np.sqrt(3))
                else:
                    inner = np.tanh(attention.asked.weight.detach().numpy() @ asked + key)
                    scores.append(float(attention.score.weight.detach().numpy()[0] @ inner))
            chances = np.exp(np.array(scores) - max(scores))
            np.testing.assert_allclose(found[row, at, :steps], chances / chances.sum(), rtol=2e-5)
            assert (found[row, at, steps:] == 0).all()  # padding is not looked at, not even a little


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_padding_never_changes_what_is_said(cell, kind):
    network = network_of(cell, kind)
    with torch.no_grad():
        together = network(BATCH)
        alone = []
        for row in range(3):
            steps, tokens = int(LENGTHS[row]), int((TARGET[row] > 0).sum())
            alone.append(
                network(
                    {
                        "source": SOURCE[row : row + 1, :steps],
                        "lengths": LENGTHS[row : row + 1],
                        "written": WRITTEN[row : row + 1, :tokens],
                        "target": TARGET[row : row + 1, :tokens],
                    }
                )
            )
    assert len(together) == 9
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_graphs_say_what_the_network_says(cell, kind):
    network = network_of(cell, kind)
    graphs = translator_graphs(network)
    for name, graph in graphs.items():
        assert fits_network(name, check_graph(graph), network.spec)
    read = run(graphs["encoder"], source=SOURCE.numpy(), lengths=LENGTHS.numpy())
    memory = {name: read[name] for name in ("memory", "keys", "padding")}
    # Two texts are written of each source at once.
    written = np.array([[2, 3, 4, 5], [2, 8, 3, 7], [2, 6, 5, 4], [2, 2, 3, 8], [2, 4, 4, 3], [2, 7, 8, 6]])
    states = {name: np.repeat(read[f"start_{name}"], 2, axis=0) for name in network.names}
    count = np.array([4])
    whole = run(graphs["decoder"], written=written, count=count, **memory, **states)
    with torch.no_grad():
        known = network.read_source(SOURCE.repeat_interleave(2, 0), LENGTHS.repeat_interleave(2))
        said, looked, after = network.write(torch.from_numpy(written), known, known.states)
        logits = network.logits(said)
        chances = logits.log_softmax(-1)
    assert np.abs(whole["output"] - logits.numpy()).max() < 1e-5
    assert np.abs(whole["weights"] - looked.numpy()).max() < 1e-5
    np.testing.assert_allclose(whole["weights"].sum(-1), 1, rtol=1e-5)
    assert (whole["weights"][2:4, :, 2:] == 0).all()
    for name, state in zip(network.names, (*after[0], *after[1]), strict=True):
        assert np.abs(whole[f"next_{name}"] - state.numpy()).max() < 1e-5
    allowed = chances.numpy().copy()
    allowed[..., :2] = -np.inf  # padding and what is in no vocabulary are never written
    best = np.sort(allowed, axis=-1)[..., ::-1][..., :4]
    np.testing.assert_allclose(whole["best"], best, atol=1e-5)
    picked = np.take_along_axis(allowed, whole["tokens"].astype(int), axis=-1)
    np.testing.assert_allclose(picked, best, atol=1e-5)
    for at in range(4):  # and token by token the same
        step = run(graphs["decoder"], written=written[:, at : at + 1], count=count, **memory, **states)
        assert np.abs(step["output"][:, 0] - whole["output"][:, at]).max() < 1e-5
        states = {name: step[f"next_{name}"] for name in network.names}


def run(graph: bytes, **feed) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def test_a_graph_of_another_network_does_not_fit():
    graphs, other = translator_graphs(network_of()), network_of("lstm")
    assert not fits_network("encoder", check_graph(graphs["encoder"]), replaced(other.spec, hidden_size=6))
    assert not fits_network("decoder", check_graph(graphs["encoder"]), network_of().spec)
    assert not fits_network("batch", check_graph(graphs["encoder"]), network_of().spec)


def replaced(spec: NetworkSpec, **changes) -> NetworkSpec:
    from dataclasses import replace

    return replace(spec, **changes)


def test_the_loss_is_of_real_tokens_and_smoothed_in_training_alone():
    network = network_of()
    with torch.no_grad():
        logits = network(BATCH)
    chances = logits.log_softmax(-1)
    target = TARGET[TARGET > 0]
    own = -chances[torch.arange(9), target].mean()
    torch.testing.assert_close(training_loss("written", 0.0)(logits, BATCH), own)
    smooth = 0.9 * own - 0.1 * chances.mean()
    torch.testing.assert_close(training_loss("written", 0.1)(logits, BATCH), smooth)


def test_every_weight_learns_and_the_table_counts_them():
    network = network_of("lstm", "bahdanau").train()
    training_loss("written", 0.1)(network(BATCH), BATCH).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name
    total = parameter_table(network).rows[-1][-1]
    assert total == sum(weight.numel() for weight in network.parameters())
