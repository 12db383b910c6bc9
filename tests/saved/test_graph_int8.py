"""Weights of 8 bits in a graph: only where they belong, and with the shapes that the runtime relies on."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.inference.int8 import round_graph
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph
from seqcli.saved.graph_operators import RUNTIME_OPERATORS
from seqcli.saved.graph_wire import WireError

LSTM = "DynamicQuantizeLSTM"


def rounded(cell: str) -> onnx.ModelProto:
    spec = NetworkSpec((InputSpec("tokens", "tokens", 9, 3),), (2,), cell, 4, 1, True, "max")
    return onnx.load_model_from_string(round_graph(network_graph(build_network(spec, 0)), 1).graph)


def refused(model: onnx.ModelProto, match: str) -> None:
    with pytest.raises(WireError, match=match):
        check_graph(model.SerializeToString())


def called(model: onnx.ModelProto, operator: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == operator)


def put(model: onnx.ModelProto, name: str, change) -> None:
    tensor = next(item for item in model.graph.initializer if item.name == name)
    values = np.ascontiguousarray(change(numpy_helper.to_array(tensor)))
    tensor.CopyFrom(numpy_helper.from_array(values, name))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_what_the_export_writes_is_accepted(cell) -> None:
    check_graph(rounded(cell).SerializeToString())


@pytest.mark.parametrize("place", [1, 2, 8, 9, 10, 11])
def test_weights_scales_and_zeros_of_an_lstm_have_their_shapes(place) -> None:
    model = rounded("lstm")
    put(model, called(model, LSTM).input[place], lambda values: values[..., :-1])
    refused(model, "weights whose shapes do not agree")


@pytest.mark.parametrize("place", [1, 2, 8, 9, 10, 11])
def test_they_are_constants(place) -> None:
    model = rounded("lstm")
    node = called(model, LSTM)
    node.input[place] = node.input[0]
    refused(model, "wrong type|weights whose shapes|no constant weights")


@pytest.mark.parametrize("place", [8, 9, 10, 11])
def test_none_of_them_is_left_out(place) -> None:
    model = rounded("lstm")
    node = called(model, LSTM)
    node.input[place] = ""
    refused(model, "reads a value that nothing made")
    del node.input[place:]
    refused(model, "inputs|weights whose shapes")


def test_peepholes_are_refused() -> None:
    model = rounded("lstm")
    node = called(model, LSTM)
    node.input[7] = node.input[8]
    refused(model, "wrong type")


def test_the_operator_stands_in_its_own_domain_alone() -> None:
    model = rounded("lstm")
    called(model, LSTM).domain = ""
    refused(model, f"operator {LSTM} is not allowed")


def test_an_attribute_that_the_operator_does_not_have_here() -> None:
    model = rounded("lstm")
    called(model, LSTM).attribute.append(helper.make_attribute("clip", 1))
    refused(model, "attribute that is not allowed")


def test_numbers_of_8_bits_are_not_computed_with() -> None:
    model = rounded("gru")
    name = next(item.name for item in model.graph.initializer if item.data_type == TensorProto.INT8)
    model.graph.node.insert(0, helper.make_node("Add", [name, name], ["sum"]))
    refused(model, "Add reads a value of the wrong type")
    model.graph.node[0].CopyFrom(helper.make_node("Transpose", [name], ["turned"]))
    refused(model, "Transpose reads a value of the wrong type")


def test_nothing_is_made_small_again() -> None:
    model = rounded("gru")
    made = called(model, "Mul").output[0]
    model.graph.node.append(helper.make_node("Cast", [made], ["small"], to=TensorProto.INT8))
    refused(model, "Cast: its to has a value that is not allowed")


def test_neither_inputs_nor_outputs_are_small() -> None:
    model = rounded("gru")
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT8
    refused(model, "an input or output is not a named tensor")


def test_widened_weights_have_the_shapes_that_the_cell_needs() -> None:
    model = rounded("gru")
    name = called(model, "GRU").input[2]
    made = next(node for node in model.graph.node if name in node.output)
    put(model, made.input[1], lambda scales: np.repeat(scales, 2, axis=0))
    refused(model, "GRU has no hidden size or no constant weights")


def test_a_weight_that_a_node_makes_otherwise_is_no_constant() -> None:
    model = rounded("gru")
    name = called(model, "GRU").input[2]
    made = next(node for node in model.graph.node if name in node.output)
    made.op_type = "Add"
    refused(model, "GRU has no hidden size or no constant weights")


def test_the_list_agrees_with_the_runtime() -> None:
    """A node with all the inputs and attributes of the list runs; the runtime has its own list of them."""
    import onnxruntime as ort

    assert list(RUNTIME_OPERATORS) == [LSTM]
    rule = RUNTIME_OPERATORS[LSTM]
    node = called(rounded("lstm"), LSTM)
    assert len(node.input) == len(rule.inputs.split()) == 12
    assert len(node.output) <= len(rule.outputs.split())
    assert {item.name for item in node.attribute} <= set(rule.attributes)
    ort.InferenceSession(rounded("lstm").SerializeToString(), providers=["CPUExecutionProvider"])
