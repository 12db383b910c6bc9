"""The one loop that a graph may hold: its body is the step of a linear recurrence, and nothing else is."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from seqcli.backends.graph_writer import FLOAT, GraphWriter
from seqcli.saved.graph_check import check_graph
from seqcli.saved.graph_wire import WireError


@pytest.fixture
def loop() -> onnx.ModelProto:
    graph = GraphWriter()
    steps, last = graph.linear_scan("a", "b", "first")
    graph.name(steps, "output")
    graph.name(last, "last")
    inputs = dict.fromkeys(("a", "b"), (FLOAT, ("time", "batch", 3)))
    shapes = {"output": ("time", "batch", 3), "last": ("batch", 3)}
    return onnx.load_from_string(graph.model({**inputs, "first": (FLOAT, ("batch", 3))}, shapes))


def scan_of(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == "Scan")


def body_of(model: onnx.ModelProto) -> onnx.GraphProto:
    return next(item.g for item in scan_of(model).attribute if item.name == "body")


def test_it_is_accepted_and_is_the_recurrence(loop):
    check_graph(loop.SerializeToString())
    rng = np.random.default_rng(0)
    a, b, h = (rng.normal(size=shape).astype(np.float32) for shape in ((9, 2, 3), (9, 2, 3), (2, 3)))
    session = onnxruntime.InferenceSession(loop.SerializeToString(), providers=["CPUExecutionProvider"])
    found, last = session.run(None, {"a": a, "b": b, "first": h})
    for a_t, b_t, found_t in zip(a, b, found, strict=True):
        h = a_t * h + b_t
        np.testing.assert_allclose(found_t, h, rtol=1e-6)
    np.testing.assert_array_equal(last, found[-1])


def other_operator(body) -> None:
    body.node[0].op_type = "Pow"


def other_order(body) -> None:
    body.node[0].input.reverse()


def one_more_node(body) -> None:
    body.node.append(helper.make_node("Identity", ["step.out"], ["more"]))


def one_node_less(body) -> None:
    del body.node[2]


def an_inner_loop(body) -> None:
    inner = helper.make_graph([], "inner", [], [])
    body.node.append(helper.make_node("Loop", ["", ""], ["more"], body=inner))


def an_attribute(body) -> None:
    body.node[2].attribute.append(helper.make_attribute("axis", 1))


def another_domain(body) -> None:
    body.node[0].domain = "evil"


def a_weight(body) -> None:
    body.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "step.b"))


def what_is_around_it(body) -> None:
    body.node[1].input[1] = "first"


def another_port(body) -> None:
    body.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, None))


def another_element(body) -> None:
    body.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def a_shape(body) -> None:
    body.input[0].CopyFrom(helper.make_tensor_value_info("step.h", TensorProto.FLOAT, [2**31 - 1]))


def words(body) -> None:
    body.doc_string = "text"


@pytest.mark.parametrize(
    "spoil",
    [other_operator, other_order, one_more_node, one_node_less, an_inner_loop, an_attribute, another_domain,
     a_weight, what_is_around_it, another_port, another_element, a_shape, words],
)  # fmt: skip
def test_no_other_body_is(loop, spoil):
    spoil(body_of(loop))
    with pytest.raises(WireError):
        check_graph(loop.SerializeToString())


def without_body(node) -> None:
    kept = [item for item in node.attribute if item.name != "body"]
    del node.attribute[:]
    node.attribute.extend(kept)


def without_count(node) -> None:
    kept = [item for item in node.attribute if item.name == "body"]
    del node.attribute[:]
    node.attribute.extend(kept)


def other_count(node) -> None:
    without_count(node)
    node.attribute.append(helper.make_attribute("num_scan_inputs", 1))


def backwards(node) -> None:
    node.attribute.append(helper.make_attribute("scan_input_directions", [1, 1]))


def as_another_operator(node) -> None:
    node.op_type = "Loop"


def two_inputs(node) -> None:
    del node.input[2]


def body_as_number(node) -> None:
    without_body(node)
    node.attribute.append(helper.make_attribute("body", 1))


@pytest.mark.parametrize(
    "spoil",
    [without_body, without_count, other_count, backwards, as_another_operator, two_inputs, body_as_number],
)
def test_no_other_loop_is(loop, spoil):
    spoil(scan_of(loop))
    with pytest.raises(WireError):
        check_graph(loop.SerializeToString())


def test_no_other_node_holds_a_body(loop):
    name = next(node for node in loop.graph.node if node.op_type == "Identity")
    name.attribute.append(next(item for item in scan_of(loop).attribute if item.name == "body"))
    with pytest.raises(WireError):
        check_graph(loop.SerializeToString())
