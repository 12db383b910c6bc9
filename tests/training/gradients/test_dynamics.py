"""Jacobians, exponents, gates and matrices against closed forms, finite differences and hand-written laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from planted import batch, cell_of, net, orthogonal, planted, sigmoid

from seqcli.backends.initialisation import chrono
from seqcli.backends.registry import CELLS, load_cell
from seqcli.network import RESIDUAL
from seqcli.training.gradients.corridor import make_linear
from seqcli.training.gradients.dynamics import dynamics
from seqcli.training.gradients.flow import inputs_of, run_stepped, through_time
from seqcli.training.gradients.jacobians import jacobians, kept_shares, lyapunov

CARRYING = [name for name in CELLS if load_cell(name).states]
EXACT = 1e-8


def some_states(cell, rows: int = 3) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """x (N, F) and a state (N, H) each, of any numbers."""
    rng = np.random.default_rng(5)
    x = torch.from_numpy(rng.standard_normal((rows, cell.input_size)))
    return x, tuple(torch.from_numpy(rng.standard_normal((rows, cell.hidden_size)) / 2) for _ in cell.states)


def layer_of(network, data=None):
    (found,) = dynamics(network, batch() if data is None else data)
    return found


# ---- one step


def test_every_cell_but_one_carries_a_state() -> None:
    assert set(CELLS) - set(CARRYING) == {"none"}


@pytest.mark.parametrize("name", CARRYING)
def test_a_jacobian_is_what_finite_differences_find(name) -> None:
    cell = cell_of(net(name, hidden=4))
    x, state = some_states(cell)
    found = jacobians(cell, x, state).numpy()
    flat = torch.cat(state, dim=-1)
    assert found.shape == (3, flat.shape[1], flat.shape[1])
    with torch.no_grad():
        for place in range(flat.shape[1]):
            ends = []
            for sign in (1e-6, -1e-6):
                moved = flat.clone()
                moved[:, place] += sign
                ends.append(torch.cat(cell.step(x, moved.chunk(len(state), dim=-1))[1], dim=-1).numpy())
            np.testing.assert_allclose(found[:, :, place], (ends[0] - ends[1]) / 2e-6, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", RESIDUAL)
def test_the_memory_of_a_block_has_a_diagonal_jacobian(name) -> None:
    cell = cell_of(net(name, hidden=4))
    x, state = some_states(cell)
    size = 4 * len(cell.memory)
    whole = jacobians(cell, x, state)
    shares = kept_shares(cell, x, state)
    torch.testing.assert_close(whole[:, :size, :size], torch.diag_embed(shares), rtol=0, atol=1e-14)
    beside = whole[:, size:, size:]  # the last three u move on by one place and are gone
    assert torch.linalg.matrix_power(beside, 3).abs().max() == 0
    assert whole[:, size:, :size].abs().max() == 0


def test_the_jacobian_of_a_tanh_network() -> None:
    cell = cell_of(net("rnn"))
    x, (h,) = some_states(cell)
    after = cell.step(x, (h,))[0].detach()
    law = torch.diag_embed(1 - after.square()) @ cell.weight_hh.detach()
    torch.testing.assert_close(jacobians(cell, x, (h,)), law, rtol=0, atol=1e-14)


def test_the_jacobian_of_a_gru() -> None:
    """diag(z) + diag((h−n)z(1−z))W_z + diag((1−z)(1−n²))[diag(r)W_n + diag((W_n h + b_n) r(1−r))W_r]."""
    cell = cell_of(net("gru"))
    x, (h,) = some_states(cell)
    w_r, w_z, w_n = cell.weight_hh.detach().chunk(3)
    with torch.no_grad():
        a_r, a_z, a_n = (x @ cell.weight_ih.T + cell.bias_ih).chunk(3, dim=-1)
        u_r, u_z, u_n = (h @ cell.weight_hh.T + cell.bias_hh).chunk(3, dim=-1)
    r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
    n = torch.tanh(a_n + r * u_n)
    d = torch.diag_embed
    inner = d(r) @ w_n + d(u_n * r * (1 - r)) @ w_r
    law = d(z) + d((h - n) * z * (1 - z)) @ w_z + d((1 - z) * (1 - n**2)) @ inner
    torch.testing.assert_close(jacobians(cell, x, (h,)), law, rtol=0, atol=1e-14)


def test_the_jacobian_of_an_lstm() -> None:
    cell = cell_of(net("lstm"))
    x, (h, c) = some_states(cell)
    w_i, w_f, w_g, w_o = cell.weight_hh.detach().chunk(4)
    with torch.no_grad():
        sums = x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh
    i, f, g, o = sums.chunk(4, dim=-1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    after = torch.tanh(f * c + i * g)
    d = torch.diag_embed
    cc = d(f)
    ch = d(c * f * (1 - f)) @ w_f + d(g * i * (1 - i)) @ w_i + d(i * (1 - g**2)) @ w_g
    hh = d(after * o * (1 - o)) @ w_o + d(o * (1 - after**2)) @ ch
    hc = d(o * (1 - after**2) * f)
    law = torch.cat([torch.cat([hh, hc], dim=-1), torch.cat([ch, cc], dim=-1)], dim=-2)
    torch.testing.assert_close(jacobians(cell, x, (h, c)), law, rtol=0, atol=1e-14)


# ---- exponents


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
def test_a_linear_network_has_the_exponent_ln_s_alone(scale) -> None:
    network = net("rnn")
    make_linear(network, scale, seed=3)
    found = layer_of(network)
    np.testing.assert_allclose(found.exponents.values, math.log(scale), rtol=0, atol=EXACT)
    assert found.exponents.log_det == pytest.approx(5 * math.log(scale), abs=EXACT)
    assert found.bound == pytest.approx(scale, rel=1e-12)
    assert found.stretch.p50 == pytest.approx(scale, rel=1e-12)
    assert found.radius.p90 == pytest.approx(scale, rel=1e-12)


@pytest.mark.parametrize("kind", ["rnn", "linear"])
def test_a_diagonal_matrix_has_the_logarithms_of_its_diagonal(kind) -> None:
    diagonal = np.array([0.3, -0.95, 1.2, 0.7, -0.1])
    matrix = torch.diag(torch.from_numpy(diagonal))
    network = planted(net("rnn"), matrix)
    if kind == "linear":
        make_linear(network, 1.0, seed=0)
        with torch.no_grad():
            cell_of(network).weight_hh.copy_(matrix)
    found = layer_of(network, batch(scale=0.0))
    law = np.sort(np.log(np.abs(diagonal)))[::-1]
    np.testing.assert_allclose(found.exponents.values, law, rtol=0, atol=EXACT)
    assert found.exponents.total == pytest.approx(law.sum(), abs=EXACT)
    assert found.exponents.log_det == pytest.approx(law.sum(), abs=EXACT)


def test_a_gru_without_weights_has_the_logarithm_of_its_update_gate() -> None:
    found = layer_of(planted(net("gru"), z=1.3, n=0.4))
    np.testing.assert_allclose(found.exponents.values, math.log(sigmoid(1.3)), rtol=0, atol=EXACT)


def test_an_lstm_without_weights_forgets_h_at_once_and_c_by_its_forget_gate() -> None:
    found = layer_of(planted(net("lstm"), f=0.7, i=0.2, g=0.1))
    np.testing.assert_allclose(found.exponents.values[:5], math.log(sigmoid(0.7)), rtol=0, atol=EXACT)
    assert np.isneginf(found.exponents.values[5:]).all()
    assert found.exponents.log_det == -math.inf


@pytest.mark.parametrize("name", CARRYING)
def test_exponents_sum_to_the_mean_of_the_logarithm_of_the_determinant(name) -> None:
    """By determinants of Jacobians that are made one by one, and not the one that is kept beside."""
    network, data = net(name, init="gated"), batch(rows=2, steps=30)
    found = layer_of(network, data).exponents
    with torch.no_grad():
        x, lengths, start = inputs_of(network, {**data, "values": data["values"].double()})
        _, (layer,) = run_stepped(network.encoder, x, lengths, start)
    cell, logs = layer.cell, []
    count = 5 * len(cell.memory or cell.states)
    ahead = 0 if name in RESIDUAL else 10
    for t in range(ahead, 30):
        state = tuple(part.detach() for part in layer.states[t])
        whole = jacobians(cell, x[:, t], state)[:, :count, :count].numpy()
        logs += [math.log(abs(np.linalg.det(each))) for each in whole]
    assert found.steps == len(logs)
    assert found.total == pytest.approx(np.mean(logs), abs=EXACT)
    assert found.log_det == pytest.approx(np.mean(logs), abs=EXACT)
    assert (np.diff(found.values) <= 0).all()


def test_the_determinant_of_a_tanh_network_is_that_of_its_matrix_and_slopes() -> None:
    network, data = net("rnn", init="gated"), batch(rows=1, steps=30)
    found = layer_of(network, data).exponents
    with torch.no_grad():
        x = data["values"].double()
        _, (layer,) = run_stepped(network.encoder, x, data["lengths"])
    slopes = [(1 - state[0].square()).log().sum().item() for state in layer.states[11:]]
    of_matrix = np.linalg.slogdet(cell_of(network).weight_hh.detach().numpy())[1]
    assert found.total == pytest.approx(of_matrix + np.mean(slopes), abs=EXACT)


def test_the_largest_exponent_of_a_matrix_is_its_largest_eigenvalue() -> None:
    """Whatever the first steps do: W = V diag V⁻¹ with a V that is far from orthogonal."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((4, 4))
    matrix = vectors @ np.diag([0.9, 0.5, 0.2, 0.1]) @ np.linalg.inv(vectors)
    steps = [torch.from_numpy(matrix)[None]] * 120
    found = lyapunov(steps, 60)
    np.testing.assert_allclose(found.values, np.log([0.9, 0.5, 0.2, 0.1]), rtol=0, atol=EXACT)
    few = lyapunov(steps, 60, 2)
    np.testing.assert_allclose(few.values, np.log([0.9, 0.5]), rtol=0, atol=EXACT)
    assert math.isnan(few.total)
    assert lyapunov([], 0).steps == 0


@pytest.mark.parametrize("name", RESIDUAL)
def test_the_exponents_of_a_block_are_means_of_what_its_gates_keep(name) -> None:
    network, data = net(name), batch(rows=1, steps=12)
    found = layer_of(network, data)
    with torch.no_grad():
        x = data["values"].double()
        _, (layer,) = run_stepped(network.encoder, x, data["lengths"])
    cell = layer.cell
    every = [jacobians(cell, x[:, t], tuple(p.detach() for p in layer.states[t]))[0] for t in range(12)]
    shares = np.stack([each.diagonal().numpy()[: 5 * len(cell.memory)] for each in every])
    np.testing.assert_allclose(
        found.exponents.values, np.sort(np.log(shares).mean(0))[::-1], rtol=0, atol=EXACT
    )
    assert found.matrices == ()
    assert found.stretch.p50 == pytest.approx(np.median(shares.max(1)), rel=1e-12)
    assert found.bound == pytest.approx(np.exp(np.log(shares.max(1)).mean()), rel=1e-12)


# ---- bounds and matrices


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_no_gradient_of_a_network_of_one_layer_outgrows_the_norms_of_its_steps(name) -> None:
    network, data = net(name, init="gated"), batch(rows=1, steps=24)
    found = layer_of(network, data)  # 24 samples: every step
    curve = through_time(network, data)[0]
    assert curve.mean[24] <= found.bound**24 * (1 + 1e-9)
    if name == "rnn":
        assert found.bound == pytest.approx(1.0, abs=1e-6)
        assert found.stretch.p90 <= found.bound


@pytest.mark.parametrize(
    ("matrix", "departure"),
    [
        (np.diag([0.5, -2.0]), 0.0),
        (np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.0),
        (np.array([[1.0, 3.0], [0.0, 1.0]]), 3 / math.sqrt(11)),
        (np.array([[0.0, 7.0], [0.0, 0.0]]), 1.0),
        (np.zeros((2, 2)), 0.0),
    ],
)
def test_departure_from_normality(matrix, departure) -> None:
    network = planted(net("rnn", hidden=2), torch.from_numpy(matrix))
    (found,) = layer_of(network, batch(scale=0.0)).matrices
    assert found.departure == pytest.approx(departure, abs=1e-7)
    assert found.defect == pytest.approx(np.linalg.norm(matrix.T @ matrix - np.eye(2)), abs=1e-12)
    assert found.stretch == pytest.approx(np.linalg.norm(matrix, 2), abs=1e-12)
    assert found.radius == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max(), abs=1e-7)


def test_each_gate_has_its_own_matrix() -> None:
    network = net("gru")
    with torch.no_grad():
        for scale, block in zip((0.5, 1.0, 2.0), cell_of(network).weight_hh.chunk(3), strict=True):
            block.copy_(orthogonal(5, scale))
    found = layer_of(network).matrices
    assert [(m.gate, round(m.stretch, 9), round(m.departure, 6)) for m in found] == [
        ("r", 0.5, 0.0), ("z", 1.0, 0.0), ("n", 2.0, 0.0)
    ]  # fmt: skip
    assert [m.defect for m in found] == pytest.approx([0.75 * 5**0.5, 0.0, 3 * 5**0.5], abs=1e-12)


# ---- gates


def test_gates_are_told_with_what_is_saturated_and_how_long_they_keep() -> None:
    found = {gate.name: gate for gate in layer_of(planted(net("lstm"), i=-4.0, f=3.0, g=2.0)).gates}
    assert list(found) == ["i", "f", "g", "o"]
    assert (found["i"].low, found["i"].high) == (1.0, 0.0)
    assert (found["f"].low, found["f"].high) == (0.0, 1.0)
    assert (found["g"].low, found["g"].high, found["g"].squashed) == (0.0, 1.0, True)
    assert (found["o"].low, found["o"].high, found["o"].opening.mean) == (0.0, 0.0, 0.5)
    assert found["f"].times.p50 == pytest.approx(-1 / math.log(sigmoid(3.0)), rel=1e-12)
    assert found["i"].times is None
    below = {gate.name: gate for gate in layer_of(planted(net("lstm"), g=-2.0)).gates}
    assert (below["g"].low, below["g"].high) == (1.0, 0.0)


def test_chrono_gates_keep_over_all_times_up_to_the_length() -> None:
    network = net("gru", hidden=400)
    cell = cell_of(network)
    torch.manual_seed(0)
    with torch.no_grad():
        chrono(cell, 101)
        cell.weight_ih.zero_()
        cell.weight_hh.zero_()
    keeping = layer_of(network, batch(rows=1, steps=4)).keeping
    times = [keeping.times.p10, keeping.times.p50, keeping.times.p90]
    # σ(ln u) = u / (1 + u), so that τ = 1 / ln(1 + 1/u) = u + 1/2 to within 1 %; u is even in 1 … 100.
    assert times == pytest.approx([11.4, 51.0, 90.6], abs=6)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_what_keeps_a_unit_is_the_diagonal_of_its_step_without_recurrence(name) -> None:
    network = net(name)
    with torch.no_grad():
        cell_of(network).weight_hh.zero_()
    data = batch(rows=1, steps=9)
    found = layer_of(network, data)
    if name == "rnn":
        assert found.keeping is None
        assert (found.gates[0].name, found.gates[0].squashed) == ("h", True)
        return
    with torch.no_grad():
        x = data["values"].double()
        _, (layer,) = run_stepped(network.encoder, x, data["lengths"])
    size = 5 * (len(layer.states[0]) - 1)  # c stands behind h
    kept = [
        jacobians(layer.cell, x[:, t], tuple(p.detach() for p in layer.states[t]))[0].diagonal()[size:]
        for t in range(9)
    ]
    means = torch.stack(kept).mean(0).numpy()
    assert found.keeping.opening.p50 == pytest.approx(np.median(means), rel=1e-12)


# ---- sizes


def test_layers_are_told_one_by_one_over_the_longest_sequences() -> None:
    data = batch(rows=4, steps=20)
    data["lengths"] = torch.tensor([20, 7, 20, 3])
    ragged = dynamics(net("gru", layers=2), data)
    long = {name: values[[0, 2]] for name, values in data.items()}
    alone = dynamics(net("gru", layers=2), long)
    assert [found.layer for found in ragged] == [1, 2]
    for ours, theirs in zip(ragged, alone, strict=True):
        np.testing.assert_allclose(ours.exponents.values, theirs.exponents.values, rtol=0, atol=1e-12)
        assert ours.gates == theirs.gates


def test_of_a_large_state_fewer_steps_and_the_first_exponents_are_told(monkeypatch) -> None:
    import seqcli.training.gradients.dynamics as room

    monkeypatch.setattr(room, "LARGEST", 4)
    monkeypatch.setattr(room, "FIRST", 2)
    found = layer_of(planted(net("rnn"), 0.8 * torch.eye(5, dtype=torch.float64)), batch(scale=0.0))
    np.testing.assert_allclose(found.exponents.values, [math.log(0.8)] * 2, rtol=0, atol=EXACT)
    assert math.isnan(found.exponents.total)
    assert math.isnan(found.matrices[0].radius)
    assert found.matrices[0].stretch == pytest.approx(0.8)
    monkeypatch.setattr(room, "LARGEST", 2)
    assert math.isnan(layer_of(net("rnn")).radius.p50)


def test_states_that_run_over_have_no_exponents() -> None:
    network = net("rnn")
    make_linear(network, 1e20, seed=0)
    found = layer_of(network)
    assert len(found.exponents.values) == 0
    assert math.isnan(found.exponents.total)
    assert found.bound == pytest.approx(1e20)
