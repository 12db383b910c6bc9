"""Traces of a network's gates and states, against torch's cells one step at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seqcli.backends.network import build_network
from seqcli.backends.trace import CellTrace, pooled_shares, trace_network
from seqcli.errors import ModelError, UsageError
from seqcli.network import InputSpec, NetworkSpec

IDS = np.array([3, 5, 1, 4, 4, 6])


def make_network(cell: str, layers: int = 1, both: bool = False, streams: bool = False, pool: str = "last"):
    spec = NetworkSpec(
        (InputSpec("tokens", "tokens", 7, 4),),
        (3,),
        cell=cell,
        hidden_size=5,
        num_layers=layers,
        bidirectional=both,
        pool="none" if streams else pool,
        streams=streams,
    )
    network = build_network(spec, seed=3).double().eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return network


def weights_of(network) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def gates_of(cell, x, h) -> dict[str, torch.Tensor]:
    """The gates (H,) of one step from their equations; the candidate is n or g."""
    a = F.linear(x, cell.weight_ih, cell.bias_ih).chunk(len(cell.gates))
    u = F.linear(h, cell.weight_hh, cell.bias_hh).chunk(len(cell.gates))
    if cell.gates == ("h",):
        return {}
    found = {name: torch.sigmoid(a[k] + u[k]) for k, name in enumerate(cell.gates)}
    last = cell.gates.index("n" if "n" in cell.gates else "g")
    damped = found["r"] * u[last] if "n" in cell.gates else u[last]
    found[cell.gates[last]] = torch.tanh(a[last] + damped)
    return found


def stepped(network, ids) -> list[dict[str, np.ndarray]]:
    """Of every cell its gates and states (T, H), by ``Cell.step``."""
    x = network.embeddings[0](torch.from_numpy(ids))  # (T, F)
    found = []
    for depth, layer in enumerate(network.encoder.layers):
        outputs = []
        for cell, backward in zip(layer.cells, (False, True), strict=False):
            state = cell.initial_state(x[:1])
            if network.spec.streams:
                state = tuple(network.start[f"{name}_{depth}"][None] for name in cell.states)
            steps = []
            for row in reversed(x) if backward else x:
                gates = gates_of(cell, row, state[0][0])
                _, state = cell.step(row[None], state)
                steps.append({**gates, **{name: s[0] for name, s in zip(cell.states, state, strict=True)}})
            steps = steps[::-1] if backward else steps
            stacked = {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
            outputs.append(stacked["h"])
            found.append({name: values.numpy() for name, values in stacked.items()})
        x = torch.cat(outputs, dim=-1)
    return found


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (3, False), (1, True), (2, True)])
def test_traces_are_what_the_cells_of_torch_compute_step_by_step(cell, layers, both) -> None:
    network = make_network(cell, layers, both)
    traces = trace_network(network.spec, weights_of(network), {"tokens": IDS})
    with torch.inference_mode():
        expected = stepped(network, IDS)
    ways = ["forward", "backward"] if both else ["forward"]
    assert [(trace.layer, trace.direction) for trace in traces] == [
        (layer, way) for layer in range(1, layers + 1) for way in ways
    ]
    for trace, wanted in zip(traces, expected, strict=True):
        assert set(trace.values) == set(wanted)
        for name, values in wanted.items():
            np.testing.assert_allclose(trace.values[name], values, atol=1e-12)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_stream_begins_at_its_learned_state_and_what_is_ahead_is_not_shown(cell) -> None:
    network = make_network(cell, layers=2, streams=True)
    whole = trace_network(network.spec, weights_of(network), {"tokens": IDS})
    with torch.inference_mode():
        expected = stepped(network, IDS)
    shown = trace_network(network.spec, weights_of(network), {"tokens": IDS}, ahead=2)
    for trace, later, wanted in zip(whole, shown, expected, strict=True):
        np.testing.assert_allclose(trace.values["h"], wanted["h"], atol=1e-12)
        assert later.values["h"].shape == (4, 5)
        assert all(np.array_equal(later.values[name], trace.values[name][2:]) for name in trace.values)
        assert np.array_equal(later.changes, trace.changes[2:])


def test_changes_are_lengths_of_the_memorys_steps_in_the_order_of_reading() -> None:
    network = make_network("lstm", both=True)
    ahead, back = trace_network(network.spec, weights_of(network), {"tokens": IDS})
    assert (ahead.memory, back.memory) == ("c", "c")
    c = np.vstack([np.zeros(5), ahead.values["c"]])
    np.testing.assert_allclose(ahead.changes, np.sqrt(((c[1:] - c[:-1]) ** 2).sum(axis=1)))
    c = np.vstack([back.values["c"], np.zeros(5)])
    np.testing.assert_allclose(back.changes, np.sqrt(((c[1:] - c[:-1]) ** 2).sum(axis=1)))
    assert CellTrace("gru", 1, "forward", {}, np.zeros(1)).memory == "h"


def test_a_condition_stands_beside_the_tokens() -> None:
    spec = NetworkSpec(
        (InputSpec("tokens", "tokens", 7, 4), InputSpec("condition", "tokens", 3, 2)), (7,), hidden_size=5
    )
    network = build_network(spec, seed=1).double()
    ids = {"tokens": IDS, "condition": np.full(len(IDS), 2)}
    batch = {name: torch.from_numpy(field)[None] for name, field in ids.items()}
    (trace,) = trace_network(spec, weights_of(network), ids)
    with torch.inference_mode():
        outputs = network.encoder(network.steps(batch), torch.tensor([len(IDS)]))
    np.testing.assert_allclose(trace.values["h"], outputs[0], atol=1e-12)


def test_bags_stand_beside_the_tokens() -> None:
    inputs = (InputSpec("parts", "bags", 9, 3), InputSpec("tokens", "tokens", 7, 4))
    spec = NetworkSpec(inputs, (2,), hidden_size=5)
    network = build_network(spec, seed=1).double()
    parts = np.random.default_rng(0).integers(0, 9, size=(len(IDS), 4))
    parts[2] = 0
    ids = {"tokens": IDS, "parts": parts}
    batch = {name: torch.from_numpy(field)[None] for name, field in ids.items()}
    (trace,) = trace_network(spec, weights_of(network), ids)
    with torch.inference_mode():
        outputs = network.encoder(network.steps(batch), torch.tensor([len(IDS)]))
    np.testing.assert_allclose(trace.values["h"], outputs[0], atol=1e-12)


def test_weights_that_are_not_the_networks_are_refused() -> None:
    network = make_network("gru")
    weights = weights_of(network)
    name = "encoder.layers.0.forward_cell.weight_hh"
    for broken in ({**weights, name: weights[name][:4]}, {k: v for k, v in weights.items() if k != name}):
        with pytest.raises(ModelError, match=r"forward_cell\.weight_hh is not of the shape"):
            trace_network(network.spec, broken, {"tokens": IDS})
    with pytest.raises(ModelError, match="not finite"):
        trace_network(network.spec, {**weights, name: weights[name] * np.nan}, {"tokens": IDS})


def test_a_cell_without_equations_in_numpy_is_refused() -> None:
    spec = NetworkSpec((InputSpec("tokens", "tokens", 7, 4),), (3,), cell="none")
    with pytest.raises(UsageError, match="the cell none cannot be traced: that is written for rnn, gru, ls"):
        trace_network(spec, {}, {"tokens": IDS})


@pytest.mark.parametrize("cell", ["lstm", "gru", "mingru", "mamba"])
@pytest.mark.parametrize("both", [False, True])
def test_shares_of_attention_make_the_vector_that_torch_pools(cell, both):
    network = make_network(cell, 2, both, pool="attention")
    seen = {}
    network.pool.register_forward_hook(lambda module, args, out: seen.update(args=args, out=out))
    with torch.no_grad():
        network({"tokens": torch.from_numpy(IDS)[None], "lengths": torch.tensor([len(IDS)])})
    traces = trace_network(network.spec, weights_of(network), {"tokens": IDS})
    shares = pooled_shares(network.spec, weights_of(network), traces)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares @ seen["args"][0][0].numpy() == pytest.approx(seen["out"][0].numpy(), abs=1e-10)
    assert np.ptp(shares) > 1e-3
    assert pooled_shares(make_network(cell).spec, {}, traces) is None
