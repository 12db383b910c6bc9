from __future__ import annotations

import numpy as np
import pytest
import torch

from seqcli.backends.equations import cell_equations, equations
from seqcli.backends.network import build_network
from seqcli.backends.parameters import parameter_table
from seqcli.backends.registry import CELLS
from seqcli.network import RESIDUAL, InputSpec, NetworkSpec

TEXT = InputSpec("text", "tokens", 10_000, 128)
PRICES = InputSpec("past", "values", 3)


def test_the_textbook_sentiment_network_has_2_201_857_parameters():
    """Embedding 10,000 × 128 → LSTM 2 × 256 → 1: 1,280,000 + 395,264 + 526,336 + 257."""
    spec = NetworkSpec((TEXT,), (1,), cell="lstm", hidden_size=256, num_layers=2)
    network = build_network(spec, seed=0)
    rows = parameter_table(network).rows
    assert rows == [
        ("embedding of text", "10000 × 128", 1_280_000),
        ("lstm 1", "128 → 256", 395_264),
        ("lstm 2", "256 → 256", 526_336),
        ("head", "256 → 1", 257),
        ("total", "", 2_201_857),
    ]


@pytest.mark.parametrize("cell", CELLS)
def test_parameter_table_counts_every_parameter_once(cell):
    inputs = (TEXT, PRICES, InputSpec("flat", "dense", 4))
    spec = NetworkSpec(inputs, (5, 2), cell, 8, 3, bidirectional=True, pool="attention")
    network = build_network(spec, seed=0)
    rows = parameter_table(network).rows
    assert len(rows) == 1 + 3 * 2 + 1 + 1 + 1
    assert rows[-1][2] == sum(weight.numel() for weight in network.parameters())
    assert rows[-1][2] == sum(row[2] for row in rows[:-1])
    assert rows[1][1] == "131 → 8"
    assert rows[-2][1] == "20 → 10"


def test_seed_alone_decides_the_weights():
    spec = NetworkSpec((TEXT,), (2,), hidden_size=8)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one = build_network(spec, seed=1).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = build_network(spec, seed=1).state_dict(), build_network(spec, seed=2).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_forward_by_hand():
    """tokens, values and dense through a feedforward cell with mean pooling, in NumPy."""
    inputs = (
        InputSpec("word", "tokens", 7, 3),
        InputSpec("past", "values", 2),
        InputSpec("flat", "dense", 1),
    )
    network = build_network(NetworkSpec(inputs, (2, 2), "none", 4, pool="mean", skip=(1, 0)), seed=0)
    torch.nn.init.normal_(network.head.weight)
    batch = {
        "word": torch.tensor([[3, 4, 0], [5, 6, 2]]),
        "past": torch.tensor([[[1.0, 2], [3, 4], [0, 0]], [[5, 6], [7, 8], [9, 10]]]),
        "flat": torch.tensor([[0.5], [-0.5]]),
        "lengths": torch.tensor([2, 3]),
        "target": torch.zeros(2),
    }
    found = network.eval()(batch).detach().numpy()
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
    table, cell = weights["embeddings.0.weight"], "encoder.layers.0.forward_cell"
    assert not table[0].any()
    for row, length in enumerate((2, 3)):
        x = np.concatenate([table[batch["word"][row, :length]], batch["past"][row, :length]], axis=1)
        pooled = np.tanh(x @ weights[f"{cell}.weight_ih"].T + weights[f"{cell}.bias_ih"]).mean(axis=0)
        out = weights["head.weight"] @ np.append(pooled, batch["flat"][row]) + weights["head.bias"]
        last = batch["past"][row, length - 1].numpy()
        np.testing.assert_allclose(found[row], out.reshape(2, 2) + last[[1, 0]], rtol=0, atol=1e-5)


def test_skip_starts_at_the_last_value():
    spec = NetworkSpec((PRICES,), (4, 2), hidden_size=8, skip=(2, 0))
    past = torch.randn(3, 6, 3)
    lengths = torch.tensor([6, 2, 5])
    found = build_network(spec, seed=0)({"past": past, "lengths": lengths})
    expected = past[torch.arange(3), lengths - 1][:, [2, 0]]
    assert torch.equal(found, expected[:, None].expand(3, 4, 2))


@pytest.mark.parametrize(
    ("init", "ids", "deviation"), [("gated", 10_000, 0.1), ("gated", 80, 1.0), ("torch", 10_000, 1.0)]
)
def test_embeddings_of_large_tables_begin_small(init, ids, deviation):
    spec = NetworkSpec((InputSpec("text", "tokens", ids, 64),), (2,), hidden_size=8, init=init)
    rows = build_network(spec, seed=0).embeddings[0].weight.detach()
    assert not rows[0].any()
    assert float(rows[1:].std()) == pytest.approx(deviation, rel=0.05)


def test_dropout_only_in_training():
    network = build_network(NetworkSpec((TEXT,), (2,), hidden_size=8, dropout=0.5), seed=0)
    batch = {"text": torch.randint(1, 100, (4, 6)), "lengths": torch.tensor([6, 3, 1, 6])}
    assert not torch.equal(network(batch), network(batch))
    network.eval()
    assert torch.equal(network(batch), network(batch))


def test_a_network_needs_a_sequence():
    with pytest.raises(ValueError, match="tokens, bags or values"):
        build_network(NetworkSpec((InputSpec("flat", "dense", 4),), (2,)), seed=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
def test_equations_show_this_networks_shapes(cell, pool):
    inputs = (TEXT, PRICES, InputSpec("flat", "dense", 4))
    spec = NetworkSpec(inputs, (5, 2), cell, 16, 2, bidirectional=True, pool=pool, skip=(0, 1))
    text = equations(spec)
    assert cell_equations(cell)
    for line in cell_equations(cell):
        assert line in text
    network = build_network(spec, seed=0)
    for weight in (network.embeddings[0].weight, network.head.weight):
        assert f"({weight.shape[0]}, {weight.shape[1]})" in text
    for layer in network.encoder.layers:
        entering = "W_v" if cell in RESIDUAL else "W_i·"
        assert f"{entering} (16, {layer.forward_cell.input_size})" in text
    if pool == "attention":
        assert "W_a (16, 32)" in text


def test_equations_of_a_small_forecaster():
    spec = NetworkSpec((PRICES,), (10, 1), hidden_size=64, pool="last")
    assert equations(spec).splitlines()[1] == "    x_t = past_t   (3)"
    assert equations(spec).splitlines()[-2:] == ["    y = W p + b   (10 × 1)", "    W (10, 64)  b (10)"]


@pytest.mark.parametrize("cell", CELLS)
def test_equations_of_a_language_network(cell):
    """No pool; an answer at each step, and a first state that is learned where there is one."""
    spec = NetworkSpec((TEXT,), (100,), cell, 16, 2, pool="none", streams=True)
    text = equations(spec)
    assert "pool" not in text
    assert text.splitlines()[-2:] == ["    y_t = W h_t + b   (100)", "    W (100, 16)  b (100)"]
    assert ("begins as learned vectors (16)" in text) == (cell != "none")


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("layers", [1, 2])
def test_equations_of_a_network_that_reads_segments(targets, layers):
    """Every shape that they state is that of a weight, and every weight is stated."""
    inputs = (InputSpec("values", "values", targets + 2), InputSpec("ahead", "ahead", 4))
    spec = NetworkSpec(
        inputs, (10, targets), "lstm", 9, layers, segment=6, decoder="parallel", each_target=targets > 1
    )
    text, network = equations(spec), build_network(spec, seed=0)
    for name, weight in (
        ("W_v", network.segments.project.weight),
        ("p", network.decoder.place),
        ("c", network.decoder.reader),
        ("W_a", network.decoder.known.weight),
        ("W", network.decoder.project.weight),
    ):
        assert f"{name} ({weight.shape[0]}, {weight.shape[1]})" in text
    for line in cell_equations("lstm"):
        assert line in text
    assert "layer 1 reads v_t (9)" in text
    assert ("reads h_t of layer 1 (9)" in text) == (layers == 2)
    assert ("targets is read by itself" in text) == (targets > 1)
    assert text.endswith("the horizon is 10: the last 2 of the 12 steps are not used")
    assert "x_(6i-5); …; x_(6i)" in text
    listed = {row[0]: row[2] for row in parameter_table(network).rows}
    assert listed["total"] == sum(weight.numel() for weight in network.parameters())
