"""Cells in residual blocks: the same in NumPy, their first weights, closed forms of their recurrences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seqcli.backends.encoder import Encoder
from seqcli.backends.initialisation import initialise
from seqcli.backends.network import build_network
from seqcli.backends.numpy_blocks import NUMPY_BLOCKS
from seqcli.backends.registry import load_cell
from seqcli.backends.trace import trace_network
from seqcli.errors import ModelError
from seqcli.network import RESIDUAL, InputSpec, NetworkSpec

IDS = np.array([3, 5, 1, 4, 4, 6, 2])
every_block = pytest.mark.parametrize("name", RESIDUAL)


def make_network(cell: str, layers: int = 2, both: bool = False, streams: bool = False):
    inputs = (InputSpec("tokens", "tokens", 7, 4),)
    pool = "none" if streams else "last"
    spec = NetworkSpec(inputs, (3,), cell, 5, layers, both, pool, streams=streams)
    network = build_network(spec, seed=3).double().eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return network


def weights_of(network) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def test_all_are_written_in_numpy():
    assert tuple(NUMPY_BLOCKS) == RESIDUAL
    for name, block in NUMPY_BLOCKS.items():
        cell = load_cell(name)
        assert (block.gates, block.memory) == (cell.gates, cell.memory)


@every_block
@pytest.mark.parametrize(
    ("layers", "both", "streams"), [(1, False, True), (2, True, False), (3, False, False)]
)
def test_in_numpy_they_say_and_remember_the_same(name, layers, both, streams):
    """Outputs, memory and gates of every layer, from the equations once more."""
    network = make_network(name, layers, both, streams)
    traces = trace_network(network.spec, weights_of(network), {"tokens": IDS})
    x = network.embeddings[0](torch.from_numpy(IDS))[None]  # (1, T, F)
    lengths = torch.tensor([len(IDS)])
    place = 0
    with torch.no_grad():
        for depth, layer in enumerate(network.encoder.layers):
            for cell, backward in zip(layer.cells, (False, True), strict=False):
                trace, way = traces[place], -1 if backward else 1
                place += 1
                assert (trace.layer, trace.direction) == (depth + 1, "backward" if backward else "forward")
                read = x.flip(1) if backward else x
                state = network.start_states(1)[depth] if streams else cell.initial_state(x)
                opening = cell.opening(read, state)[0].numpy()
                keep = {"mingru": "z", "minlstm": "a", "mamba": "a"}[name]
                np.testing.assert_allclose(trace.values[keep][::way], opening, atol=1e-12)
                memories = [torch.stack(state[: len(cell.memory)])[:, 0]]
                for t in range(read.shape[1]):
                    _, state = cell.step(read[:, t], state)
                    memories.append(torch.stack(state[: len(cell.memory)])[:, 0])
                if len(cell.memory) == 1:
                    shown = torch.stack(memories[1:])[:, 0].numpy()
                    np.testing.assert_allclose(trace.values["h"][::way], shown, atol=1e-12)
                moved = torch.stack(memories).diff(dim=0).flatten(1).norm(dim=1).numpy()
                np.testing.assert_allclose(trace.changes[::way], moved, atol=1e-12)
            x, _ = network.encoder._run_layer(layer, x, _order(network, lengths), _starts(network, depth))
    assert place == len(traces)


def _order(network, lengths):
    from seqcli.backends.encoder import reversed_order

    return reversed_order(lengths, int(lengths.max())) if network.encoder.bidirectional else None


def _starts(network, depth):
    return [network.start_states(1)[depth]] if network.spec.streams else None


@every_block
def test_weights_of_another_network_and_no_numbers_are_refused(name):
    network = make_network(name, 1)
    weights = weights_of(network)
    part = "encoder.layers.0.forward_cell.weight_down"
    with pytest.raises(ModelError, match="weight_down is not of the shape"):
        trace_network(network.spec, {**weights, part: weights[part][:3]}, {"tokens": IDS})
    with pytest.raises(ModelError, match="not finite"):
        trace_network(network.spec, {**weights, part: weights[part] * np.nan}, {"tokens": IDS})


@every_block
@pytest.mark.parametrize("kind", ["torch", "gated", "chrono"])
def test_first_weights_keep_sums_small_and_norms_plain(name, kind):
    torch.manual_seed(0)
    encoder = Encoder(name, 40, 64)
    initialise(encoder, kind, 50)
    cell = encoder.forward_cells[0]
    for norm in cell.norms:
        assert (norm.weight == 1).all()
        assert (norm.bias == 0).all()
    assert all(weight.isfinite().all() for weight in cell.parameters())
    x = torch.randn(8, 30, 40)
    with torch.no_grad():
        outputs, _ = cell.scan(x, cell.initial_state(x))
        opening = cell.opening(x, cell.initial_state(x))
    assert 0.9 < float(outputs.std()) < 1.1  # the last norm
    if kind == "gated" and name == "mingru":
        assert float(opening.mean()) == pytest.approx(1 / (1 + math.exp(-1)), abs=0.05)
    if kind == "chrono":  # −1 / ln a spread over 1 … 50 steps, of Mamba's first state
        assert float(opening.mean(dim=(0, 1)).max()) > 0.94


def test_mingru_forgets_by_its_gate_alone():
    """With W_z = 0 and W_n = 0 the memory is σ(b_z)^t of what it was."""
    cell = load_cell("mingru")(4, 4).double()
    initialise_to_zero(cell)
    cell.gate_bias("z").data.fill_(2.0)
    state = tuple(torch.ones(1, 4, dtype=torch.float64) for _ in cell.states)
    _, after = cell.scan(torch.randn(1, 10, 4, dtype=torch.float64), state)
    kept = (1 / (1 + math.exp(-2.0))) ** 10
    torch.testing.assert_close(after[0], torch.full((1, 4), kept, dtype=torch.float64), rtol=0, atol=1e-15)


def test_minlstm_keeps_f_of_f_and_i():
    cell = load_cell("minlstm")(4, 4).double()
    initialise_to_zero(cell)
    cell.gate_bias("f").data.fill_(1.0)
    cell.gate_bias("i").data.fill_(-0.5)
    f, i = 1 / (1 + math.exp(-1.0)), 1 / (1 + math.exp(0.5))
    state = tuple(torch.ones(1, 4, dtype=torch.float64) for _ in cell.states)
    _, after = cell.scan(torch.randn(1, 7, 4, dtype=torch.float64), state)
    kept = torch.full((1, 4), (f / (f + i)) ** 7, dtype=torch.float64)
    torch.testing.assert_close(after[0], kept, rtol=0, atol=1e-15)


def test_mamba_forgets_by_the_length_of_a_step():
    """With W_d = 0 and nothing written, state n is exp(−t softplus(b_d) exp(A_n)) of what it was."""
    cell = load_cell("mamba")(4, 4).double()
    initialise_to_zero(cell)
    cell.log_speed.data.copy_(torch.arange(1.0, 5.0, dtype=torch.float64).log()[:, None].expand(-1, 4))
    cell.bias_ih.data.fill_(-2.0)
    state = tuple(torch.ones(1, 4, dtype=torch.float64) for _ in cell.states)
    _, after = cell.scan(torch.randn(1, 6, 4, dtype=torch.float64), state)
    length = math.log1p(math.exp(-2.0))
    for n in range(4):
        kept = torch.full((1, 4), math.exp(-6 * length * (n + 1)), dtype=torch.float64)
        torch.testing.assert_close(after[n], kept, rtol=0, atol=1e-14)


def initialise_to_zero(cell) -> None:
    for weight in cell.parameters():
        torch.nn.init.zeros_(weight)


@every_block
def test_what_is_read_some_steps_at_a_time_is_what_is_read_at_once(name, monkeypatch):
    """Outputs, the last state and all gradients; the parts end at 4, 8 and 11 steps."""
    torch.manual_seed(2)
    cell = load_cell(name)(3, 5).double()
    for weight in cell.parameters():
        torch.nn.init.uniform_(weight, -0.8, 0.8)
    x = torch.randn(2, 11, 3, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.rand(2, 5, dtype=torch.float64).requires_grad_() for _ in cell.states)
    wanted = [x, *state, *cell.parameters()]
    parts = []
    found = []
    for cached in (2**30, 0):
        monkeypatch.setattr("seqcli.backends.cells.block.CACHED", cached)
        monkeypatch.setattr("seqcli.backends.cells.block.LEAST_STEPS", 4)
        with monkeypatch.context() as watched:
            mix = cell.mix
            watched.setattr(
                cell, "mix", lambda c, u, memory, mix=mix: parts.append(len(c)) or mix(c, u, memory)
            )
            outputs, last = cell.scan(x, state)
        loss = (outputs * torch.linspace(-1, 1, 11)[:, None]).sum() + sum((part**2).sum() for part in last)
        found.append([outputs, *last, *torch.autograd.grad(loss, wanted)])
    assert parts == [11, 4, 4, 3]
    for whole, joined in zip(*found, strict=True):
        torch.testing.assert_close(whole, joined, rtol=1e-11, atol=1e-12)
