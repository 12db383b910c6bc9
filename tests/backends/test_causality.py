"""A later input never changes an earlier output: of each cell, of the language network, of its step graph."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.backends.graph import step_graph
from seqcli.backends.network import build_network
from seqcli.backends.registry import CELLS, load_cell
from seqcli.network import InputSpec, NetworkSpec

SIZE, HIDDEN = 9, 6
every_cell = st.sampled_from(sorted(CELLS))
shapes = st.tuples(st.integers(1, 4), st.integers(1, 30))


@settings(deadline=None)
@given(every_cell, shapes, st.integers(0, 2**31), st.data())
def test_cells(name, shape, seed, data):
    """Whatever the later inputs are: huge, infinite or no numbers at all."""
    rows, steps = shape
    cut = data.draw(st.integers(0, steps - 1))
    torch.manual_seed(seed)
    cell = load_cell(name)(3, HIDDEN)
    for weight in cell.parameters():
        torch.nn.init.uniform_(weight, -0.8, 0.8)
    x, state = torch.randn(rows, steps, 3), tuple(torch.randn(rows, HIDDEN) for _ in cell.states)
    changed = x.clone()
    changed[:, cut:] = data.draw(st.sampled_from([1e30, -1.0, torch.inf, torch.nan]))
    with torch.no_grad():
        before, after = cell.scan(x, state)[0], cell.scan(changed, state)[0]
    assert torch.equal(before[:, :cut], after[:, :cut])
    assert not torch.equal(before[:, cut], after[:, cut])


@cache
def language(cell, layers):
    """A network that streams, with a condition beside its tokens, and its step graph in ONNX Runtime."""
    inputs = (InputSpec("tokens", "tokens", SIZE, 4), InputSpec("condition", "tokens", 4, 2))
    spec = NetworkSpec(inputs, (SIZE,), cell, HIDDEN, layers, pool="none", dropout=0.5, streams=True)
    network = build_network(spec, seed=3).eval()
    graph = onnxruntime.InferenceSession(step_graph(network), providers=["CPUExecutionProvider"])
    return network, graph


@settings(deadline=None)
@given(every_cell, st.integers(1, 2), shapes, st.sampled_from(["tokens", "condition"]), st.data())
def test_language_networks_and_their_step_graphs(cell, layers, shape, field, data):
    rows, steps = shape
    row, cut = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, steps - 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    network, graph = language(cell, layers)
    batch = {"tokens": rng.integers(1, SIZE, shape), "condition": rng.integers(1, 4, shape)}
    later = {name: values.copy() for name, values in batch.items()}
    limit = SIZE if field == "tokens" else 4
    later[field][row, cut:] = 1 + later[field][row, cut:] % (limit - 1)  # another one at each step
    states = {
        f"{state}_{depth}": rng.normal(size=(rows, HIDDEN)).astype(np.float32)
        for depth, load in enumerate(network.encoder.forward_cells)
        for state in load.states
    }
    found = []
    for fields in (batch, later):
        carried = [
            tuple(torch.from_numpy(states[f"{state}_{depth}"]) for state in load.states)
            for depth, load in enumerate(network.encoder.forward_cells)
        ]
        with torch.no_grad():
            logits, _ = network.read_on({k: torch.from_numpy(v) for k, v in fields.items()}, carried)
        found.append((logits.numpy(), graph.run(["output"], {**fields, **states})[0]))
    for before, after in zip(*found, strict=True):
        np.testing.assert_array_equal(before[:, :cut], after[:, :cut])
        others = np.arange(rows) != row
        np.testing.assert_array_equal(before[others], after[others])
        assert (before[row, cut] != after[row, cut]).any()
