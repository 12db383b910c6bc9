"""Every network as an ONNX graph, run by ONNX Runtime, equals the torch network."""

from __future__ import annotations

import itertools

import onnx
import pytest
import torch

from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.backends.pooling import POOLS
from seqcli.backends.registry import CELLS
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph

WORDS = InputSpec("words", "tokens", 40, 6)
LETTERS = InputSpec("letters", "tokens", 9, 2)
PAST = InputSpec("past", "values", 3)
FLAT = InputSpec("flat", "dense", 4)
PARTS = InputSpec("parts", "bags", 12, 5)
INPUTS = {
    "tokens": (WORDS,),
    "bags": (PARTS,),
    "tokens and bags": (PARTS, WORDS, FLAT),
    "values": (PAST,),
    "two kinds of tokens and values": (WORDS, PAST, LETTERS),
    "with dense": (FLAT, PAST, WORDS),
}


def make_batch(inputs: tuple[InputSpec, ...], lengths: list[int], seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rows, steps = len(lengths), max(lengths)
    valid = torch.arange(steps) < torch.tensor(lengths)[:, None]
    batch = {"lengths": torch.tensor(lengths)}
    for item in inputs:
        if item.kind == "tokens":
            ids = torch.randint(1, item.size, (rows, steps), generator=generator)
            batch[item.field] = ids * valid
        elif item.kind == "bags":
            ids = torch.randint(0, item.size, (rows, steps, 6), generator=generator)
            ids[0, 0] = 0  # a step without any
            ids[:, :, 4] = 0
            batch[item.field] = ids * valid[..., None]
        elif item.kind == "values":
            values = torch.randn(rows, steps, item.size, generator=generator)
            batch[item.field] = values * valid[..., None]
        else:
            batch[item.field] = torch.randn(rows, item.size, generator=generator)
    return batch


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS.keys())
def test_equal_to_torch(cell, pool, inputs, run_graph):
    skips = [(), (2, 0)] if PAST in inputs else [()]
    for bidirectional, layers, skip in itertools.product([False, True], [1, 2], skips):
        shape = (5, 2) if skip else (3,)
        spec = NetworkSpec(inputs, shape, cell, 7, layers, bidirectional, pool, 0.3, skip=skip)
        network = build_network(spec, seed=1).eval()
        torch.nn.init.normal_(network.head.weight)
        graph = network_graph(network)
        check_graph(graph)  # what a model directory accepts
        for lengths in ([4, 9, 1, 9, 6], [3], [1, 1]):
            batch = make_batch(inputs, lengths, seed=len(lengths))
            (found,) = run_graph(graph, batch)
            expected = network(batch).detach().numpy()
            assert found.shape == (len(lengths), *shape)
            assert abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("cell", CELLS)
def test_equal_to_torch_on_long_sequences_and_wide_layers(cell, run_graph):
    spec = NetworkSpec((WORDS,), (3,), cell, 128, 2, bidirectional=True, pool="attention")
    network = build_network(spec, seed=1).eval()
    batch = make_batch((WORDS,), [300, 17, 120, 299], seed=0)
    (found,) = run_graph(network_graph(network), batch)
    assert abs(found - network(batch).detach().numpy()).max() < 1e-5


def test_padding_may_hold_anything(run_graph):
    spec = NetworkSpec((PAST,), (2,), "gru", 8, bidirectional=True, pool="max")
    graph = network_graph(build_network(spec, seed=0).eval())
    batch = make_batch((PAST,), [2, 5], seed=0)
    (clean,) = run_graph(graph, batch)
    batch["past"][0, 2:] = 1e6
    (dirty,) = run_graph(graph, batch)
    assert abs(clean - dirty).max() == 0


@pytest.mark.parametrize("pool", ["max+mean", "last+attention+max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_several_pools_equal_torch(pool, bidirectional, run_graph):
    spec = NetworkSpec((WORDS, FLAT), (3,), "gru", 7, 1, bidirectional, pool)
    network = build_network(spec, seed=1).eval()
    graph = network_graph(network)
    check_graph(graph)
    batch = make_batch((WORDS, FLAT), [4, 9, 1, 9], seed=2)
    (found,) = run_graph(graph, batch)
    assert abs(found - network(batch).detach().numpy()).max() < 1e-5


def test_a_bag_is_the_mean_of_the_rows_that_are_there(run_graph):
    spec = NetworkSpec((PARTS,), (2,), "none", 4, pool="mean")
    network = build_network(spec, seed=0).eval()
    table = network.bags[0].weight.detach()
    ids = torch.tensor([[[3, 0, 7, 3], [0, 0, 0, 0]]])
    expected = torch.stack([(2 * table[3] + table[7]) / 3, torch.zeros(5)])
    assert torch.allclose(network.steps({"parts": ids})[0], expected, atol=1e-7)
    batch = {"parts": ids, "lengths": torch.tensor([2])}
    (found,) = run_graph(network_graph(network), batch)
    assert abs(found - network(batch).detach().numpy()).max() < 1e-6
    wider = {**batch, "parts": torch.cat([ids, torch.zeros(1, 2, 9, dtype=torch.int64)], dim=2)}
    (same,) = run_graph(network_graph(network), wider)
    assert abs(found - same).max() < 1e-6


def test_ids_at_padding_may_be_anything(run_graph):
    spec = NetworkSpec((PARTS, WORDS), (2,), "gru", 8, bidirectional=True, pool="max")
    network = build_network(spec, seed=0).eval()
    batch = make_batch((PARTS, WORDS), [2, 5], seed=0)
    dirty = {name: values.clone() for name, values in batch.items()}
    dirty["parts"][0, 2:] = 11
    dirty["words"][0, 2:] = 39
    (clean,), (found,) = (run_graph(network_graph(network), fields) for fields in (batch, dirty))
    assert abs(clean - found).max() == 0
    assert torch.equal(network(batch), network(dirty))


def test_no_gradient_reaches_the_row_of_no_id():
    network = build_network(NetworkSpec((PARTS,), (2,), "gru", 4), seed=0)
    network(make_batch((PARTS,), [3, 2], seed=1)).sum().backward()
    gradient = network.bags[0].weight.grad
    assert not gradient[0].any()
    assert gradient[1:].any()


@pytest.mark.parametrize("cell", CELLS)
def test_same_network_same_bytes_with_open_axes_and_known_operators(cell):
    spec = NetworkSpec((WORDS, PAST, FLAT), (5, 2), cell, 8, 2, True, "attention", skip=(0, 1))
    graph = network_graph(build_network(spec, seed=0))
    assert graph == network_graph(build_network(spec, seed=0))
    model = onnx.load_model_from_string(graph)
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "words": ["batch", "time"],
        "past": ["batch", "time", 3],
        "flat": ["batch", 4],
        "lengths": ["batch"],
        "output": ["batch", 5, 2],
    }
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 17)]
