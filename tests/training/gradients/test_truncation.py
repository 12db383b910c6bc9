"""Truncated gradients of weights against sums that are written out, and against what a training does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted import batch, cell_of, net

from seqcli.backends.losses import cross_entropy
from seqcli.backends.network import build_network
from seqcli.backends.registry import CELLS, load_cell
from seqcli.network import InputSpec, NetworkSpec
from seqcli.training.gradients.corridor import make_linear
from seqcli.training.gradients.flow import unit_vectors
from seqcli.training.gradients.measures import Truncation, Truncations
from seqcli.training.gradients.truncation import truncations

CARRYING = [name for name in CELLS if load_cell(name).states]


def test_a_linear_network_has_the_sums_that_its_equations_give() -> None:
    """∂L/∂W_ih = Σ_k Wᵀᵏ v x_{τ−k}, ∂L/∂W_hh = Σ_k Wᵀᵏ v h_{τ−k−1}, both biases Σ_k Wᵀᵏ v, over k < back."""
    network, data = net("rnn", hidden=4), batch(rows=2, steps=20)
    make_linear(network, 0.95, seed=1)
    cell = cell_of(network)
    w_ih, w_hh = (part.detach().numpy() for part in (cell.weight_ih, cell.weight_hh))
    x = data["values"].double().numpy()
    h = np.zeros((2, 21, 4))
    for t in range(20):
        h[:, t + 1] = x[:, t] @ w_ih.T + h[:, t] @ w_hh.T
    v = unit_vectors(2, 4, 0).numpy()

    def gradient(back: int) -> np.ndarray:
        parts = [np.zeros((4, 3)), np.zeros((4, 4)), np.zeros(4), np.zeros(4)]
        for row in range(2):
            path = v[row]
            for k in range(back):
                parts[0] += np.outer(path, x[row, 19 - k])
                parts[1] += np.outer(path, h[row, 19 - k])
                parts[2] += path
                parts[3] += path
                path = w_hh.T @ path
        return np.concatenate([part.ravel() for part in parts])

    full = gradient(20)
    found = truncations(network, data)
    assert [each.back for each in found.steps] == [8, 16]
    assert (found.whole, found.chunks) == (20, False)
    for each in found.steps:
        some = gradient(each.back)
        cosine = some @ full / np.linalg.norm(some) / np.linalg.norm(full)
        assert each.cosine == pytest.approx(cosine, abs=1e-12)
        assert each.length == pytest.approx(np.linalg.norm(some) / np.linalg.norm(full), abs=1e-12)
        assert each.cosine < 0.9999


def text_net(cell: str):
    fields = (InputSpec("tokens", "tokens", 9, 3),)
    spec = NetworkSpec(fields, (9,), cell, 4, pool="none", streams=True, init="gated")
    return build_network(spec, 1).double()


def text_batch(steps: int = 24) -> dict[str, torch.Tensor]:
    ids = torch.from_numpy(np.random.default_rng(0).integers(1, 9, size=(3, steps + 1)))
    return {"tokens": ids[:, :-1], "target": ids[:, 1:], "lengths": torch.full((3,), steps)}


@pytest.mark.parametrize("name", CARRYING)
def test_a_text_is_cut_as_a_training_cuts_it(name) -> None:
    """The training's way: the state of one piece goes into the next, detached."""
    network, data = text_net(name), text_batch()
    weights = list(network.encoder.parameters())

    def gradient(back: int) -> torch.Tensor:
        total, states = 0.0, None
        for begin in range(0, 24, back):
            piece = {key: data[key][:, begin : begin + back] for key in ("tokens", "target")}
            logits, after = network.read_on(piece, states)
            total = total + cross_entropy(logits, piece) * piece["target"].shape[1] / 24
            states = [tuple(part.detach() for part in state) for state in after]
        found = torch.autograd.grad(total, weights, materialize_grads=True, allow_unused=True)
        return torch.cat([part.flatten() for part in found])

    full, found = gradient(24), truncations(network, data)
    assert found.chunks
    assert [each.back for each in found.steps] == [8, 16]
    for each in found.steps:
        some = gradient(each.back)
        assert each.cosine == pytest.approx(float(torch.cosine_similarity(some, full, dim=0)), abs=1e-10)
        assert each.length == pytest.approx(float(some.norm() / full.norm()), rel=1e-10)


def test_without_targets_a_text_is_looked_at_from_its_last_state() -> None:
    data = text_batch()
    del data["target"]
    assert not truncations(text_net("gru"), data).chunks


@pytest.mark.parametrize("name", CARRYING)
def test_the_last_rung_of_a_ladder_is_nearer_than_the_first(name) -> None:
    found = truncations(net(name, layers=2, init="gated"), batch(steps=70))
    assert [each.back for each in found.steps] == [8, 16, 32, 64]
    errors = [abs(1 - each.length) + 1 - each.cosine for each in found.steps]
    assert errors[-1] < errors[0]


def test_where_there_is_nothing_to_cut() -> None:
    assert truncations(net("gru", bidirectional=True), batch()) is None
    assert truncations(net("gru"), batch(steps=8)) is None
    assert truncations(net("gru"), batch(steps=9)).steps[0].back == 8


@pytest.mark.parametrize(
    ("cosines", "enough"),
    [((0.99, 1.0, 1.0), 8), ((0.5, 0.96, 1.0), 16), ((0.96, 0.5, 0.97), 32), ((0.1, 0.2, 0.94), None)],
)
def test_enough_is_where_all_further_rungs_point_the_same_way(cosines, enough) -> None:
    steps = tuple(Truncation(8 * 2**place, cosine, 1.0) for place, cosine in enumerate(cosines))
    assert Truncations(steps, 64).enough == enough
    assert Truncations((Truncation(8, float("nan"), 1.0),), 64).enough is None
