"""Gradients through time against closed forms, finite differences and the fused scan."""

from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest
import torch

from seqcli.backends.network import Network, build_network
from seqcli.backends.numpy_cells import Weights, load_numpy_cell
from seqcli.backends.registry import CELLS, load_cell
from seqcli.network import RESIDUAL, InputSpec, NetworkSpec
from seqcli.training.gradients.causes import causes, gate_opening
from seqcli.training.gradients.corridor import make_linear
from seqcli.training.gradients.flow import aligned, in_total, run_stepped, through_time

LENGTHS = [50, 50, 7, 23]
carrying = pytest.mark.parametrize("name", [name for name in CELLS if load_cell(name).states])
deep = pytest.mark.parametrize("layers", [1, 2, 3])


def net(cell: str, hidden: int = 6, layers: int = 1, inputs: int = 3, **changes) -> Network:
    choices = {"pool": "last", "init": "torch", **changes}
    fields = (InputSpec("values", "values", inputs),)
    spec = NetworkSpec(fields, choices.pop("output_shape", (2,)), cell, hidden, layers, **choices)
    return build_network(spec, 1)


def batch(lengths=LENGTHS, inputs: int = 3, scale: float = 1.0) -> dict[str, torch.Tensor]:
    values = np.random.default_rng(0).standard_normal((len(lengths), max(lengths), inputs)) * scale
    return {
        "values": torch.from_numpy(values.astype(np.float32)),
        "lengths": torch.tensor(lengths),
    }


def planted(network: Network, weight_hh=None, **biases: dict[str, float] | float) -> Network:
    """All weights zero but ``weight_hh``, and the input-side biases of the named gates."""
    network = network.double()
    with torch.no_grad():
        for layer in network.encoder.layers:
            cell = layer.forward_cell
            for weight in cell.parameters():
                weight.zero_()
            if weight_hh is not None:
                cell.weight_hh.copy_(weight_hh)
            for place, gate in enumerate(cell.gates):
                size = cell.hidden_size
                cell.bias_ih[place * size : (place + 1) * size] = biases.get(gate, 0.0)
    return network


def identity_inputs(network: Network) -> Network:
    """Each layer adds what it reads."""
    with torch.no_grad():
        for layer in network.encoder.layers:
            torch.nn.init.eye_(layer.forward_cell.weight_ih)
    return network


def orthogonal(size: int, scale: float = 1.0) -> torch.Tensor:
    torch.manual_seed(2)
    return scale * torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))[0]


def of(curves, layer: int, state: str):
    return next(curve for curve in curves if (curve.layer, curve.state) == (layer, state))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def powers(base: float, count: int = 51) -> np.ndarray:
    return base ** np.arange(count)


def assert_rows(norms: np.ndarray, law: np.ndarray, lengths=LENGTHS) -> None:
    """Every sequence follows the law up to its own start, and is not there beyond it."""
    for row, length in zip(norms, lengths, strict=True):
        np.testing.assert_allclose(row[: length + 1], law[: length + 1], rtol=1e-10, atol=0)
        assert np.isnan(row[length + 1 :]).all()


# ---- closed forms


@deep
@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
def test_a_linear_network_scales_by_s_each_step(scale, layers) -> None:
    network = net("rnn", layers=layers)
    make_linear(network, scale, seed=3)
    top = of(through_time(network, batch()), layers, "h")
    assert_rows(top.norms, powers(scale))
    assert top.rate == pytest.approx(scale, rel=1e-12)


@deep
def test_a_tanh_network_at_rest_scales_as_its_matrix(layers) -> None:
    network = planted(net("rnn", layers=layers), orthogonal(6, 0.8))
    top = of(through_time(network, batch(scale=0.0)), layers, "h")
    assert_rows(top.norms, powers(0.8))
    assert top.memory == math.floor(math.log(0.01) / math.log(0.8)) + 1


@deep
@pytest.mark.parametrize("kind", ["rnn", "linear"])
def test_gradients_of_lower_layers_come_on_all_paths(kind, layers) -> None:
    """With W_ih = I and W_hh = .8 I, k steps back m layers down there are (k + m over m) paths of .8^k."""
    network = identity_inputs(
        planted(net("rnn", layers=layers, inputs=6), 0.8 * torch.eye(6, dtype=torch.float64))
    )
    if kind == "linear":
        make_linear(network, 0.8, seed=0)
        with torch.no_grad():
            for layer in network.encoder.layers:
                layer.forward_cell.weight_hh.copy_(0.8 * torch.eye(6, dtype=torch.float64))
        identity_inputs(network)
    curves = through_time(network, batch(inputs=6, scale=0.0))
    for layer in range(1, layers + 1):
        below, norms = layers - layer, of(curves, layer, "h").norms
        for row, length in zip(norms, LENGTHS, strict=True):
            paths = [comb(back + below, below) for back in range(length)]
            paths.append(comb(length + below - 1, below))  # no layer above reads the first state
            np.testing.assert_allclose(row[: length + 1], powers(0.8, length + 1) * paths, rtol=1e-10)


@deep
@pytest.mark.parametrize("bias", [-1.0, 0.0, 3.0])
def test_an_lstm_without_weights_keeps_what_its_forget_gate_lets_through(bias, layers) -> None:
    network = planted(net("lstm", layers=layers), f=bias, i=0.3, g=0.5, o=0.2)
    curves = through_time(network, batch())
    top = of(curves, layers, "c")
    ratio = top.norms / top.norms[:, :1]
    assert_rows(ratio, powers(sigmoid(bias)))
    hidden = of(curves, layers, "h")
    assert np.nanmax(hidden.norms[:, 1:]) == 0.0
    assert (hidden.rate, hidden.memory) == (0.0, 1)
    for layer in range(1, layers):  # nothing is read from below
        assert np.nanmax(of(curves, layer, "c").norms) == 0.0


@deep
@pytest.mark.parametrize("bias", [-1.0, 0.0, 3.0])
def test_a_gru_without_weights_keeps_what_its_update_gate_lets_through(bias, layers) -> None:
    network = planted(net("gru", layers=layers), z=bias, r=0.4, n=0.7)
    assert_rows(of(through_time(network, batch()), layers, "h").norms, powers(sigmoid(bias)))


def test_a_nilpotent_matrix_forgets_all_after_as_many_steps_as_it_has_rows() -> None:
    torch.manual_seed(4)
    above = torch.triu(torch.randn(6, 6, dtype=torch.float64), diagonal=1)
    network = planted(net("rnn"), above)
    with torch.no_grad():
        torch.nn.init.uniform_(network.encoder.layers[0].forward_cell.weight_ih, -1, 1)
    curve = of(through_time(network, batch()), 1, "h")
    assert np.nanmax(curve.norms[:, 6:]) == 0.0
    assert curve.mean[5] > 0
    assert curve.fate == "vanishes"


# ---- every cell


def loss_with(network, x, direction, bump) -> float:
    """v · h_τ of one sequence x (T, F), stepped time-major, ``bump`` (layer, state, t, delta) added.

    The output of a block is no state; it is what is looked at, and no bump behind a step is seen in it.
    """
    cells = [layer.forward_cell for layer in network.encoder.layers]
    states = [list(cell.initial_state(x[None, 0])) for cell in cells]

    def add(depth: int, step: int) -> None:
        layer, name, when, delta = bump
        if (depth, step) != (layer, when):
            return
        place = cells[depth].states.index(name)
        if name == "c":  # what an LSTM shows, o tanh(c), follows from what it holds
            h, c = states[depth]
            shown = h / torch.tanh(c) * torch.tanh(c + delta) if when else h
            states[depth] = [shown, c + delta]
        else:
            states[depth][place] = states[depth][place] + delta

    for depth in range(len(cells)):
        add(depth, 0)
    for step, values in enumerate(x, start=1):
        read = values[None]
        for depth, cell in enumerate(cells):
            output, after = cell.step(read, tuple(states[depth]))
            states[depth] = list(after)
            add(depth, step)
            read = output if cell.memory else states[depth][0]
    return float((read[0] * direction).sum())


ONE_OR_TWO = [
    (name, layers)
    for name in CELLS
    for layers in (1, 2)
    if load_cell(name).states and not (name in RESIDUAL and layers == 2)
]
"""Of two blocks the second reads what the first shows, which is made of the state ahead of the bump."""


@pytest.mark.parametrize(("name", "layers"), ONE_OR_TWO)
def test_finite_differences_agree(name, layers) -> None:
    from seqcli.training.gradients.flow import unit_vectors

    lengths, hidden = [6, 4], 3
    network, data = net(name, hidden, layers).double(), batch([6, 4])
    directions = unit_vectors(2, hidden, 0)
    curves = through_time(network, data, seed=0)
    with torch.no_grad():
        for curve in curves:
            for row, length in enumerate(lengths):
                x = data["values"][row, :length].double()
                for back in range(int(name in RESIDUAL), length + 1):
                    slopes = []
                    for unit in range(hidden):
                        delta = torch.zeros(hidden, dtype=torch.float64)
                        delta[unit] = 1e-5
                        where = (curve.layer - 1, curve.state, length - back)
                        ahead = loss_with(network, x, directions[row], (*where, delta))
                        behind = loss_with(network, x, directions[row], (*where, -delta))
                        slopes.append((ahead - behind) / 2e-5)
                    assert curve.norms[row, back] == pytest.approx(
                        np.linalg.norm(slopes), rel=1e-6, abs=1e-10
                    )


@carrying
def test_stepping_gives_what_the_encoder_gives(name) -> None:
    network = net(name, layers=2, bidirectional=True).double()
    data = batch([9, 4, 1])
    x = data["values"].double()
    outputs, layers = run_stepped(network.encoder, x, data["lengths"])
    torch.testing.assert_close(outputs, network.encoder(x, data["lengths"]), rtol=0, atol=1e-12)
    assert [len(layer.states) for layer in layers] == [10, 10]


@carrying
@pytest.mark.parametrize("pool", ["mean", "max", "attention", "last"])
def test_the_total_at_the_first_state_is_that_of_the_fused_scan(name, pool) -> None:
    network = net(name, layers=2, bidirectional=True, pool=pool).double()
    data = batch([9, 4, 7])
    curves = in_total(network, data)
    x, lengths = data["values"].double(), data["lengths"]
    cells = [cell for layer in network.encoder.layers for cell in layer.cells]
    start = [tuple(part.requires_grad_() for part in cell.initial_state(x)) for cell in cells]
    outputs, _ = network.encoder.run(x, lengths, start)
    largest = network.head(network.pool(outputs, lengths)).amax(dim=1).sum()
    forward = [
        state[: len(cell.memory or cell.states)] for cell, state in zip(cells[::2], start[::2], strict=True)
    ]
    grads = torch.autograd.grad(largest, [part for state in forward for part in state])
    for curve, grad in zip(curves, grads, strict=True):
        ours = [curve.norms[row, length] for row, length in enumerate([9, 4, 7])]
        np.testing.assert_allclose(ours, grad.norm(dim=1).numpy(), rtol=1e-9, atol=1e-14)


@carrying
def test_each_sequence_is_what_it_is_alone(name) -> None:
    network, lengths = net(name, layers=2), [9, 3, 6]
    data = batch(lengths)
    together = through_time(network, data)
    for row, length in enumerate(lengths):
        rows = data["values"].new_zeros(3, length, 3)
        rows[row] = data["values"][row, :length]  # at its own place, where it has its own direction
        single = through_time(network, {"values": rows, "lengths": torch.full((3,), length)})
        for ours, theirs in zip(together, single, strict=True):
            np.testing.assert_allclose(ours.norms[row, : length + 1], theirs.norms[row], rtol=1e-10)


def test_nothing_of_the_network_is_changed() -> None:
    network = net("lstm").train()
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    through_time(network, batch())
    causes(network, batch())
    assert network.training
    assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in network.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())


# ---- pooling and the second direction


def test_mean_pooling_shows_no_decay_where_time_does() -> None:
    """Planted: at rest with W = .5 Q and mean pooling, each h_t has a path of its own to the output."""
    matrix = orthogonal(6, 0.5)
    network = planted(net("rnn", pool="mean", output_shape=(1,)), matrix)
    lengths = [20, 20]
    data = batch(lengths, scale=0.0)
    assert_rows(of(through_time(network, data), 1, "h").norms, powers(0.5, 21), lengths)
    read = network.head.weight[0].detach().numpy()
    total, path, law = np.zeros(6), read, []
    for _ in range(20):  # h_τ … h_1
        total, path = total + path, matrix.numpy().T @ path
        law.append(np.linalg.norm(total) / 20)
    ours = of(in_total(network, data), 1, "h")
    np.testing.assert_allclose(ours.norms[0, :20], law, rtol=1e-10)
    assert ours.fate == "lasts"


def test_what_goes_through_time_leaves_the_second_direction_out() -> None:
    """In three layers a backward cell of the second would carry gradients to early steps at once."""
    both = net("gru", layers=3, bidirectional=True).double()
    memory = {curve.layer: curve for curve in through_time(both, batch([40, 40]))}
    assert all(curve.fate == "vanishes" for curve in memory.values())
    outputs, layers = run_stepped(both.encoder, batch([5])["values"].double(), torch.tensor([5]))
    first = layers[0].states[1][0]
    back = both.encoder.layers[
        -1
    ].forward_cell.hidden_size  # its outputs stand behind those of the forward one
    assert torch.autograd.grad(outputs[0, -1, back:].sum(), first)[0].abs().max() > 0
    outputs, layers = run_stepped(
        both.encoder, batch([5])["values"].double(), torch.tensor([5]), forward_only=True
    )
    first = layers[0].states[1][0]
    assert torch.autograd.grad(outputs[0, -1, :back].sum(), first, retain_graph=True)[0].abs().max() > 0
    assert torch.autograd.grad(outputs[0, -1, back:].sum(), first, materialize_grads=True)[0].abs().max() == 0


# ---- alignment and causes


def test_norms_are_aligned_at_each_end_and_what_ran_over_is_infinite() -> None:
    norms = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, float("nan")]])
    np.testing.assert_array_equal(aligned(norms, torch.tensor([2, 1])), [[3, 2, 1], [5, 4, np.nan]])
    assert aligned(norms, torch.tensor([2, 2]))[1, 0] == np.inf


def test_an_explosion_beyond_floats_is_infinite() -> None:
    network = net("rnn")
    make_linear(network, 1e12, seed=0)
    curve = of(through_time(network, batch([40, 40])), 1, "h")
    assert np.isinf(curve.mean[-1])
    assert curve.rate == pytest.approx(1e12, rel=1e-6)
    assert (curve.fate, curve.growth) == ("explodes", math.inf)


def test_gates_are_measured() -> None:
    (cause,) = causes(planted(net("lstm"), f=1.0), batch())
    assert cause.gate == "f"
    assert cause.gate_mean == pytest.approx(sigmoid(1.0), abs=1e-12)
    assert cause.gate_widest == pytest.approx(sigmoid(1.0), abs=1e-12)
    (cause,) = causes(planted(net("gru"), z=-1.0), batch())
    assert (cause.gate, round(cause.gate_mean, 9)) == ("z", round(sigmoid(-1.0), 9))


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_gates_are_those_that_the_equations_give_without_padding(name) -> None:
    network, data = net(name, layers=2), batch()
    x = data["values"].double().numpy().swapaxes(0, 1)  # (T, B, F)
    found = causes(network, data)
    for cause, layer in zip(found, network.encoder.layers, strict=True):
        weights = [getattr(layer.forward_cell, part).detach().double().numpy() for part in Weights._fields]
        cell = load_numpy_cell(name)(Weights(*weights))
        x, _, trace = cell.forward(x, tuple(np.zeros((len(LENGTHS), 6)) for _ in cell.states))
        valid = np.arange(len(x))[:, None] < np.array(LENGTHS)  # (T, B)
        opening = trace[cause.gate][valid].mean(axis=0)  # (H,)
        assert cause.gate_mean == pytest.approx(opening.mean(), abs=1e-12)
        assert cause.gate_widest == pytest.approx(np.quantile(opening, 0.9), abs=1e-12)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_gates_opening_is_the_one_that_the_step_uses(name) -> None:
    """Closed in h, the gate's derivative along the kept state is the gate itself."""
    cell = net(name, hidden=4).encoder.layers[0].forward_cell.double()
    x, h = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    gate = gate_opening(cell, cell.keep_gate, x[:, None], h[:, None])[:, 0]
    kept = (torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64))
    if name == "lstm":
        ends = [cell.step(x, (h, c))[1][1] for c in kept]
        torch.testing.assert_close(ends[1] - ends[0], gate * (kept[1] - kept[0]))
    else:
        after = cell.step(x, (h,))[0]
        candidate = (after - gate * h) / (1 - gate)
        assert bool((candidate.abs() <= 1).all())


def test_a_plain_cell_is_told_by_its_matrix_and_tanh() -> None:
    (cause,) = causes(planted(net("rnn"), orthogonal(6, 0.8)), batch(scale=0.0))
    assert (cause.gate, cause.slope) == ("", 1.0)
    assert cause.radius == pytest.approx(0.8)
    assert cause.stretch == pytest.approx(0.8)
    network = net("rnn")
    make_linear(network, 3.0, seed=0)
    assert causes(network, batch())[0].slope == 1.0
