"""The language model in NumPy, against plain torch modules and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seqcli.backends.network import build_network
from seqcli.backends.numpy_cells import NUMPY_CELLS, Weights
from seqcli.backends.numpy_network import NumpyNetwork
from seqcli.network import InputSpec, NetworkSpec

TORCH_LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
HIDDEN, VOCABULARY = 5, 7
TABLES = [(VOCABULARY, 4), (3, 2)]


def make_weights(cell: str, layers: int, fields: int = 1) -> dict[str, np.ndarray]:
    """Random weights under the names of the torch network's state_dict."""
    rng = np.random.default_rng(3)
    kind = NUMPY_CELLS[cell]
    shapes = {f"embeddings.{k}.weight": TABLES[k] for k in range(fields)}
    for depth in range(layers):
        inputs, rows = (
            sum(size for _, size in TABLES[:fields]) if depth == 0 else HIDDEN,
            len(kind.gates) * HIDDEN,
        )
        sizes = [(rows, inputs), (rows, HIDDEN), (rows,), (rows,)]
        for part, shape in zip(Weights._fields, sizes, strict=True):
            shapes[f"encoder.layers.{depth}.forward_cell.{part}"] = shape
        shapes.update({f"start.{state}_{depth}": (HIDDEN,) for state in kind.states})
    shapes.update({"head.weight": (VOCABULARY, HIDDEN), "head.bias": (VOCABULARY,)})
    return {name: rng.uniform(-0.8, 0.8, shape) for name, shape in shapes.items()}


def make_batch(batch: int, steps: int, fields: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    tokens = np.stack([rng.integers(0, size, (batch, steps)) for size, _ in TABLES[:fields]], axis=-1)
    return tokens if fields > 1 else tokens[..., 0], rng.integers(1, VOCABULARY, (batch, steps))


def make_states(network: NumpyNetwork, batch: int) -> list[tuple[np.ndarray, ...]]:
    rng = np.random.default_rng(5)
    return [tuple(rng.normal(size=(batch, HIDDEN)) for _ in cell.states) for cell in network.cells]


def by_torch(cell, weights, tokens, targets, states, fresh):
    """Loss, logits, gradients by name and states after, of nn.Embedding → nn.RNN/GRU/LSTM → nn.Linear."""
    leaves = {name: torch.from_numpy(values.copy()).requires_grad_() for name, values in weights.items()}
    layers = sum("weight_ih" in name for name in weights)
    ids = torch.from_numpy(tokens).reshape(*tokens.shape[:2], -1)
    tables = [leaves[name] for name in weights if name.startswith("embeddings.")]
    x = torch.cat([F.embedding(ids[..., k], table, padding_idx=0) for k, table in enumerate(tables)], dim=-1)
    begin = [
        torch.stack(
            [
                torch.where(
                    torch.from_numpy(fresh)[:, None],
                    leaves[f"start.{state}_{depth}"],
                    torch.from_numpy(states[depth][k]),
                )
                for depth in range(layers)
            ]
        )
        for k, state in enumerate(NUMPY_CELLS[cell].states)
    ]
    module = TORCH_LAYERS[cell](x.shape[-1], HIDDEN, layers, batch_first=True).double()
    parameters = {
        f"{part}_l{depth}": leaves[f"encoder.layers.{depth}.forward_cell.{part}"]
        for depth in range(layers)
        for part in Weights._fields
    }
    h, last = torch.func.functional_call(
        module, parameters, (x, tuple(begin) if cell == "lstm" else begin[0])
    )
    logits = F.linear(h, leaves["head.weight"], leaves["head.bias"])
    loss = F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets).flatten())
    loss.backward()
    last = last if cell == "lstm" else (last,)
    after = [tuple(part[depth].detach().numpy() for part in last) for depth in range(layers)]
    return (
        loss.item(),
        logits.detach().numpy(),
        {name: leaf.grad.numpy() for name, leaf in leaves.items()},
        after,
    )


def assert_near(ours, theirs, tolerance):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance


@pytest.mark.parametrize("cell", NUMPY_CELLS)
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("batch", "steps", "fields"), [(1, 1, 1), (4, 11, 1), (3, 6, 2)])
def test_loss_gradients_and_states_equal_torch(cell, layers, batch, steps, fields):
    network = NumpyNetwork(cell, make_weights(cell, layers, fields))
    tokens, targets = make_batch(batch, steps, fields)
    states, fresh = make_states(network, batch), np.arange(batch) % 2 == 1
    loss, gradients, after = network.loss(tokens, targets, states, fresh)
    logits, scored = network.logits(tokens, states, fresh)
    expected = by_torch(cell, network.weights, tokens, targets, states, fresh)
    assert abs(loss - expected[0]) <= 1e-10
    assert_near(logits, expected[1], 1e-10)
    assert set(gradients) == set(network.weights)
    for name, gradient in gradients.items():
        assert_near(gradient, expected[2][name], 1e-10)
    for ours, again, theirs in zip(after, scored, expected[3], strict=True):
        for part in range(len(theirs)):
            assert_near(ours[part], theirs[part], 1e-10)
            assert_near(again[part], theirs[part], 1e-10)


@pytest.mark.parametrize("cell", NUMPY_CELLS)
def test_gradients_equal_finite_differences(cell):
    network = NumpyNetwork(cell, make_weights(cell, layers=2, fields=2))
    tokens, targets = make_batch(3, 4, fields=2)
    tokens = np.maximum(tokens, 1)  # row 0 of an embedding is padding, whose gradient is not followed
    states, fresh = make_states(network, 3), np.array([True, False, True])
    _, gradients, _ = network.loss(tokens, targets, states, fresh)
    for name, values in network.weights.items():
        found = np.empty_like(values)
        for index in np.ndindex(values.shape):
            before = values[index]
            losses = []
            for values[index] in (before + 1e-5, before - 1e-5):
                losses.append(network.loss(tokens, targets, states, fresh)[0])
            values[index] = before
            found[index] = (losses[0] - losses[1]) / 2e-5
        assert_near(gradients[name], found, 1e-9)


def test_without_states_all_rows_begin_at_the_learned_state():
    network = NumpyNetwork("lstm", make_weights("lstm", 2))
    tokens, targets = make_batch(3, 5)
    loss, gradients, _ = network.loss(tokens, targets)
    same, same_gradients, _ = network.loss(tokens, targets, make_states(network, 3), np.ones(3, dtype=bool))
    assert loss == same
    assert all((gradients[name] == same_gradients[name]).all() for name in gradients)
    assert all(np.abs(gradients[f"start.{state}_{depth}"]).min() > 0 for state in "hc" for depth in range(2))


def test_carried_rows_give_the_learned_state_no_gradient():
    network = NumpyNetwork("gru", make_weights("gru", 1))
    tokens, targets = make_batch(2, 5)
    _, gradients, _ = network.loss(tokens, targets, make_states(network, 2))
    assert not gradients["start.h_0"].any()


def test_padding_gets_no_gradient():
    network = NumpyNetwork("rnn", make_weights("rnn", 1))
    tokens, targets = make_batch(4, 6)
    tokens[:, 2] = 0
    _, gradients, _ = network.loss(tokens, targets)
    table = gradients["embeddings.0.weight"]
    assert not table[0].any()
    assert table[np.unique(tokens[tokens > 0])].any(axis=1).all()


@pytest.mark.parametrize("cell", NUMPY_CELLS)
def test_a_text_read_in_pieces_gives_the_same_logits(cell):
    network = NumpyNetwork(cell, make_weights(cell, 2))
    tokens, _ = make_batch(2, 12)
    whole, end = network.logits(tokens)
    pieces, states = [], None
    for piece in np.split(tokens, [1, 4, 11], axis=1):
        logits, states = network.logits(piece, states)
        pieces.append(logits)
    assert_near(np.concatenate(pieces, axis=1), whole, 1e-13)
    for ours, theirs in zip(states, end, strict=True):
        for part in range(len(theirs)):
            assert_near(ours[part], theirs[part], 1e-13)


def test_it_reads_the_weights_of_the_torch_network():
    inputs = tuple(InputSpec(f"field_{k}", "tokens", *table) for k, table in enumerate(TABLES))
    spec = NetworkSpec(inputs, (VOCABULARY,), "lstm", HIDDEN, 2, pool="none", streams=True)
    torch_network = build_network(spec, seed=1).double()
    weights = {name: weight.detach().numpy() for name, weight in torch_network.named_parameters()}
    tokens, _ = make_batch(3, 6, fields=2)
    logits, _ = NumpyNetwork("lstm", weights).logits(tokens)
    batch = {f"field_{k}": torch.from_numpy(tokens[..., k].copy()) for k in range(2)}
    with torch.no_grad():
        expected, _ = torch_network.read_on(batch, None)
    assert_near(logits, expected.numpy(), 1e-12)


def test_the_weights_of_another_network_are_refused():
    weights = make_weights("gru", 1)
    with pytest.raises(
        ValueError, match=r"one-directional language model: encoder\.layers\.0\.backward_cell\.bias"
    ):
        NumpyNetwork("gru", weights | {"encoder.layers.0.backward_cell.bias": np.zeros(3)})
    with pytest.raises(ValueError, match=r"start\.c_0"):
        NumpyNetwork("lstm", make_weights("rnn", 1))
