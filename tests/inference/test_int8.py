"""Graphs with weights of 8 bits, held against weights rounded by hand, and an LSTM against its steps."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.backends.registry import CELLS
from seqcli.inference.int8 import quantised, round_graph
from seqcli.inference.session import GraphSession
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph

INPUTS = (
    InputSpec("tokens", "tokens", 40, 6),
    InputSpec("parts", "bags", 30, 5),
    InputSpec("values", "values", 2),
)
LEAST = 20


def graph_of(cell: str, pool: str = "attention") -> bytes:
    return network_graph(build_network(NetworkSpec(INPUTS, (3,), cell, 8, 2, cell != "none", pool), 3))


def a_batch() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "tokens": rng.integers(1, 40, (4, 7)),
        "parts": rng.integers(1, 30, (4, 7, 3)),
        "values": rng.normal(size=(4, 7, 2)).astype(np.float32),
        "lengths": np.array([7, 7, 7, 7]),
    }


def rounded_by_hand(graph: bytes) -> bytes:
    """The graph with every large matrix rounded to 255 levels a row, still in float32."""
    model = onnx.load_model_from_string(graph)
    readers = {name: node.op_type for node in model.graph.node for name in node.input[1:3]}
    biases = {
        n for node in model.graph.node if node.op_type in ("RNN", "GRU", "LSTM") for n in node.input[3:]
    }
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < LEAST or tensor.name in biases:
            continue
        axis = -2 if readers.get(tensor.name) == "MatMul" else -1
        step = np.abs(values).max(axis=axis, keepdims=True) / 127
        step[step == 0] = 1  # the row of padding
        tensor.CopyFrom(
            numpy_helper.from_array((np.round(values / step) * step).astype(np.float32), tensor.name)
        )
    return model.SerializeToString()


@given(st.integers(0, 10_000))
def test_no_number_is_further_than_half_a_step_from_what_it_was(seed) -> None:
    values = np.random.default_rng(seed).normal(size=(3, 5, 4)).astype(np.float32)
    values[0, 0] = 0
    for axis in (-1, -2):
        small, scales = quantised(values, axis)
        assert small.dtype == np.int8
        assert np.abs(small).max() == 127
        assert (np.abs(small * scales - values) <= scales * 0.5001).all()
        assert scales.shape == tuple(1 if at == axis % 3 else size for at, size in enumerate(values.shape))


@pytest.mark.parametrize("cell", [name for name in CELLS if name != "lstm"])
def test_a_graph_computes_with_the_rounded_weights(cell) -> None:
    graph = graph_of(cell)
    rounded = round_graph(graph, LEAST)
    assert rounded.integer == 0
    assert rounded.small > 200
    assert check_graph(rounded.graph) == check_graph(graph)
    expected = GraphSession(rounded_by_hand(graph), "a", 1).run(a_batch())
    assert not np.allclose(expected, GraphSession(graph, "b", 1).run(a_batch()), atol=1e-5)
    for folds in (False, True):
        found = GraphSession(rounded.graph, "c", 1, folds=folds).run(a_batch())
        np.testing.assert_allclose(found, expected, atol=2e-6)


def in_8_bits(x: np.ndarray) -> np.ndarray:
    """What dynamic quantisation leaves of an array: 256 levels from the lowest to the highest number."""
    low, high = min(0.0, float(x.min())), max(0.0, float(x.max()))
    step = (high - low) / 255 or 1.0
    zero = np.round(-low / step)
    return (np.clip(np.round(x / step) + zero, 0, 255) - zero) * step


def lstm_steps(x: np.ndarray, w: np.ndarray, r: np.ndarray, b: np.ndarray) -> np.ndarray:
    """h (T, B, H) of x (T, B, F), w (4H, F), r (4H, H), b (8H): gates i, o, f, c as ONNX orders them."""
    size = r.shape[1]
    h, c = np.zeros((x.shape[1], size)), np.zeros((x.shape[1], size))
    taken, steps = in_8_bits(x) @ w.T + b[: 4 * size] + b[4 * size :], []
    for x_t in taken:
        i, o, f, g = np.split(x_t + in_8_bits(h) @ r.T, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        steps.append(h)
    return np.stack(steps)


def test_an_lstm_computes_in_integers_as_its_definition_says() -> None:
    spec = NetworkSpec((InputSpec("values", "values", 3),), (5,), "lstm", 8, 1, False, "none")
    graph = network_graph(build_network(spec, 3))
    model = onnx.load_model_from_string(graph)
    node = next(node for node in model.graph.node if node.op_type == "LSTM")
    arrays = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    w, r, b = (arrays[name][0] for name in node.input[1:4])
    head = next(node for node in model.graph.node if node.op_type == "MatMul")
    rounded = round_graph(graph, LEAST)
    assert rounded.integer == 1
    x = np.random.default_rng(4).normal(size=(2, 9, 3)).astype(np.float32)
    batch = {"values": x, "lengths": np.array([9, 9])}
    by_row = [np.round(a / (s := np.abs(a).max(1, keepdims=True) / 64)) * s for a in (w, r)]
    project = arrays[head.input[1]]
    step = np.abs(project).max(0, keepdims=True) / 127
    bias = next(arrays[name] for node in model.graph.node if node.op_type == "Add" for name in node.input
                if name in arrays and arrays[name].shape == (5,))  # fmt: skip
    states = lstm_steps(x.transpose(1, 0, 2), *by_row, b).transpose(1, 0, 2)
    expected = states @ (np.round(project / step) * step) + bias
    found = GraphSession(rounded.graph, "a", 1, folds=True).run(batch)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert np.abs(GraphSession(graph, "b", 1).run(batch) - expected).max() > 2e-3


def test_small_matrices_vectors_and_biases_stay_as_they_were() -> None:
    rounded = round_graph(graph_of("gru"), 10**6)
    assert rounded.small == 0
    batch = a_batch()
    np.testing.assert_array_equal(
        GraphSession(rounded.graph, "a", 1).run(batch), GraphSession(graph_of("gru"), "b", 1).run(batch)
    )


def test_a_weight_that_several_nodes_read_is_held_once() -> None:
    """A table that is looked up and multiplied by, as where the head reads the embedding."""
    table = np.random.default_rng(0).normal(size=(30, 30)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Gather", ["table", "tokens"], ["rows"]),
        onnx.helper.make_node("MatMul", ["rows", "table"], ["output"]),
    ]
    ports = [
        onnx.helper.make_tensor_value_info("tokens", onnx.TensorProto.INT64, ["batch", "time"]),
        onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, ["batch", "time", 30]),
    ]
    graph = onnx.helper.make_graph(
        nodes, "g", ports[:1], ports[1:], [numpy_helper.from_array(table, "table")]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    rounded = round_graph(model.SerializeToString())
    assert rounded.small == 900
    check_graph(rounded.graph)
    step = np.abs(table).max(1, keepdims=True) / 127
    by_hand = (np.round(table / step) * step).astype(np.float32)
    tokens = np.array([[3, 29]])
    found = GraphSession(rounded.graph, "a", 1, folds=True).run({"tokens": tokens})
    np.testing.assert_allclose(found, by_hand[tokens] @ by_hand, atol=1e-5)
