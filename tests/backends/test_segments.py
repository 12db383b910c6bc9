"""Segments and the parallel decoder: equal to their equations in NumPy, to their graph, to differences."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.backends.numpy_cells import Weights, load_numpy_cell
from seqcli.backends.registry import CELLS, load_cell
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph

RECURRENT = sorted(name for name in CELLS if load_cell(name).states)
SHAPES = {
    # (segment, steps, horizon, targets, further columns, known ahead)
    "whole segments": (4, 12, 8, 1, 0, 0),
    "a horizon that ends inside a segment": (5, 20, 7, 1, 0, 3),
    "a horizon of one step": (4, 8, 1, 1, 2, 2),
    "a window of one segment": (6, 6, 3, 1, 0, 0),
    "segments of one step": (1, 7, 4, 2, 1, 1),
    "targets alone": (3, 9, 5, 3, 0, 0),
    "targets, and what is known": (3, 9, 5, 3, 0, 2),
    "targets, further columns, what is known": (4, 12, 10, 2, 3, 4),
    "one target that reads others": (4, 12, 10, 1, 3, 4),
}


def spec_of(shape, cell="gru", hidden=7, layers=1, **more):
    segment, _, horizon, targets, others, ahead = shape
    inputs = [InputSpec("values", "values", targets + others)]
    if ahead:
        inputs.append(InputSpec("ahead", "ahead", ahead))
    return NetworkSpec(
        tuple(inputs), (horizon, targets), cell, hidden, layers,
        segment=segment, decoder="parallel", each_target=targets > 1, **more,
    )  # fmt: skip


def network_of(spec, seed=1):
    """A network whose weights are all drawn, those that begin as zeros too."""
    network = build_network(spec, seed).eval()
    torch.manual_seed(seed)
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    return network


def batch_of(shape, rows=5, seed=0):
    _, steps, horizon, targets, others, ahead = shape
    generator = torch.Generator().manual_seed(seed)
    batch = {
        "values": torch.randn(rows, steps, targets + others, generator=generator),
        "lengths": torch.full((rows,), steps),
    }
    if ahead:
        batch["ahead"] = torch.randn(rows, horizon, ahead, generator=generator)
    return batch


def by_loop(network, batch):
    """The equations at the head of the module, target by target and segment by segment, (B, horizon, K)."""
    spec = network.spec
    w, (horizon, targets) = spec.segment, spec.output_shape
    weights = {name: weight.detach().double().numpy() for name, weight in network.named_parameters()}
    values = batch["values"].double().numpy()
    rows, hidden = len(values), spec.hidden_size
    values = values[:, values.shape[1] % w :]
    cells = []
    for layer in range(spec.num_layers):
        where = f"encoder.layers.{layer}.forward_cell."
        four = (weights[where + name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        cells.append(load_numpy_cell(spec.cell)(Weights(*four)))
    said = np.empty((rows, horizon, targets))
    for target in range(targets):
        columns = [target, *range(targets, values.shape[2])] if targets > 1 else range(values.shape[2])
        own = values[..., list(columns)]
        v = []
        for begin in range(0, own.shape[1], w):
            x = own[:, begin : begin + w].reshape(rows, -1)  # step by step, its columns side by side
            v.append(
                np.maximum(x @ weights["segments.project.weight"].T + weights["segments.project.bias"], 0)
            )
        x, after = np.stack(v), []
        for cell in cells:
            x, state, _ = cell.forward(x, tuple(np.zeros((rows, hidden)) for _ in cell.states))
            after.append(state)
        for j, begin in enumerate(range(0, horizon, w)):
            q = np.concatenate([weights["decoder.place"][j], weights["decoder.reader"][target]])
            q = np.repeat(q[None], rows, axis=0)
            if "ahead" in batch:
                known = np.zeros((rows, w, batch["ahead"].shape[2]))
                part = batch["ahead"][:, begin : begin + w].double().numpy()
                known[:, : part.shape[1]] = part
                q = q + known.reshape(rows, -1) @ weights["decoder.known.weight"].T
            for cell, state in zip(cells, after, strict=True):
                q = cell.forward(q[None], state)[0][0]
            y = q @ weights["decoder.project.weight"].T + weights["decoder.project.bias"]
            said[:, begin : begin + w, target] = y[:, : min(w, horizon - begin)]
    return said


@pytest.mark.parametrize("cell", RECURRENT)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_equal_to_a_loop_over_the_equations_and_to_the_graph(cell, shape, run_graph):
    for hidden, layers in product((7, 2), (1, 2)):
        network = network_of(spec_of(shape, cell, hidden, layers, dropout=0.3))
        graph = network_graph(network)
        check_graph(graph)
        for rows in (1, 5):
            batch = batch_of(shape, rows)
            with torch.no_grad():
                found = network(batch).numpy()
            assert found.shape == (rows, shape[2], shape[3])
            np.testing.assert_allclose(run_graph(graph, batch)[0], found, rtol=0, atol=1e-5)
            if cell in ("rnn", "gru", "lstm"):
                np.testing.assert_allclose(found, by_loop(network, batch), rtol=0, atol=1e-5)


def test_the_oldest_steps_that_fill_no_segment_are_left_out():
    shape = (5, 20, 7, 2, 1, 0)
    network, batch = network_of(spec_of(shape)), batch_of(shape)
    longer = torch.cat([torch.randn(5, 3, 3), batch["values"]], dim=1)
    with torch.no_grad():
        assert torch.equal(network({**batch, "values": longer}), network(batch))


@pytest.mark.parametrize("cell", RECURRENT)
def test_gradients_by_finite_differences(cell):
    shape = (3, 6, 5, 2, 1, 2)
    network = network_of(spec_of(shape, cell, 5, 2)).double()
    batch = {k: v.double() if v.is_floating_point() else v for k, v in batch_of(shape, 2).items()}
    weights = dict(network.named_parameters())
    reads = {name: batch[name].requires_grad_() for name in ("values", "ahead")}

    def said(*values):
        given = dict(zip([*weights, *reads], values, strict=True))
        fields = {name: given.pop(name) for name in reads}
        return torch.func.functional_call(network, given, ({**batch, **fields},))

    assert torch.autograd.gradcheck(said, (*weights.values(), *reads.values()), fast_mode=True)


@pytest.mark.parametrize("cell", RECURRENT)
def test_each_target_reads_its_own_column_and_those_behind(cell):
    shape = (3, 9, 5, 3, 2, 0)
    network, batch = network_of(spec_of(shape, cell)), batch_of(shape)
    with torch.no_grad():
        before = network(batch)
        for column in range(5):
            values = batch["values"].clone()
            values[..., column] += 1
            moved = (network({**batch, "values": values}) != before).flatten(0, 1).any(dim=0).tolist()
            assert moved == ([True] * 3 if column >= 3 else [k == column for k in range(3)])


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_segment_to_come_sees_what_is_known_of_itself_alone(cell):
    """A decoder that reads all segments from one state has no way from one of them to another."""
    shape = (3, 9, 8, 2, 1, 2)
    network, batch = network_of(spec_of(shape, cell, layers=2)), batch_of(shape)
    with torch.no_grad():
        before = network(batch)
        for step in range(8):
            ahead = batch["ahead"].clone()
            ahead[:, step] += 1
            moved = (network({**batch, "ahead": ahead}) != before).any(dim=2).any(dim=0)
            own = torch.arange(8) // 3 == step // 3
            assert not moved[~own].any()
            assert moved[own].all()


def test_rows_of_a_batch_do_not_touch_each_other():
    shape = (4, 12, 10, 2, 3, 4)
    network, batch = network_of(spec_of(shape)), batch_of(shape)
    batch["values"][2] = torch.nan
    with torch.no_grad():
        found = network(batch)
    assert found[2].isnan().all()
    assert not found[[0, 1, 3, 4]].isnan().any()


def test_more_targets_than_one_that_share_a_row(run_graph):
    """Not what a forecast asks for today, but what a spec can say: all targets read together."""
    shape = (4, 12, 10, 2, 3, 4)
    network = network_of(replace(spec_of(shape), each_target=False))
    batch = batch_of(shape)
    with torch.no_grad():
        found = network(batch).numpy()
    assert found.shape == (5, 10, 2)
    np.testing.assert_allclose(run_graph(network_graph(network), batch)[0], found, rtol=0, atol=1e-5)
