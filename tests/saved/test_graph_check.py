"""The graph check accepts what the exporter writes, and nothing that could do harm or means two things."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from seqcli.model_dir import read_model
from seqcli.saved.graph_check import Port, check_graph
from seqcli.saved.graph_operators import OPERATORS
from seqcli.saved.graph_wire import WireError, signed, varint


def refused(data: bytes | onnx.ModelProto, match: str) -> None:
    with pytest.raises(WireError, match=match):
        check_graph(data if isinstance(data, bytes) else data.SerializeToString())


def node_called(model: onnx.ModelProto, operator: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == operator)


def weight_called(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def put_weight(model: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    weight_called(model, name).CopyFrom(numpy_helper.from_array(values, name))


def test_the_signature_of_a_good_graph(proto) -> None:
    signature = check_graph(proto.SerializeToString())
    assert signature.inputs == {"tokens": Port("I", (None, None)), "lengths": Port("I", (None,))}
    assert signature.outputs == {"output": Port("F", (None, 2))}


ANY_NUMBER = {"Scan": "ONNX lets it carry and read any number of values; the list holds it to 1 and 2"}


def test_every_operator_of_the_list_exists_in_onnx() -> None:
    for name, rule in OPERATORS.items():
        schema = onnx.defs.get_schema(name, 17)
        rules = rule.inputs.split()
        many = bool(rules) and rules[-1].endswith("+")
        fewest = 1 if name in ANY_NUMBER else sum(not item.endswith("?") for item in rules)
        assert schema.min_input == fewest, name
        assert many or schema.max_input >= len(rules), name
        assert name in ANY_NUMBER or schema.max_output == len(rule.outputs.split()), name
        kinds = {"int": "INT", "ints": "INTS", "string": "STRING", "graph": "GRAPH"}
        for attribute, allowed in rule.attributes.items():
            assert schema.attributes[attribute].type.name == kinds[allowed.kind], (name, attribute)


# ---- what is never allowed -------------------------------------------------------------------


def subgraph(proto) -> None:
    body = helper.make_graph([], "body", [], [])
    proto.graph.node[0].attribute.append(helper.make_attribute("body", body))


def external_data(proto) -> None:
    tensor = weight_called(proto, "w")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def external_entry_only(proto) -> None:
    weight_called(proto, "w").external_data.add(key="location", value="../secret")


def local_function(proto) -> None:
    proto.functions.add(name="F", domain="local")


def training_part(proto) -> None:
    proto.training_info.add()


def metadata(proto) -> None:
    proto.metadata_props.add(key="ort_config", value="{}")


def sparse_weight(proto) -> None:
    proto.graph.sparse_initializer.add()


def quantisation(proto) -> None:
    proto.graph.quantization_annotation.add(tensor_name="w")


def value_info(proto) -> None:
    proto.graph.value_info.append(helper.make_tensor_value_info("state", TensorProto.FLOAT, [1]))


def sequence_input(proto) -> None:
    proto.graph.input.append(helper.make_tensor_sequence_value_info("more", TensorProto.FLOAT, [1]))


def document(proto) -> None:
    proto.doc_string = "text"


def strings(proto) -> None:
    proto.graph.initializer.append(helper.make_tensor("s", TensorProto.STRING, [1], [b"text"]))


def typed_data(proto) -> None:
    proto.graph.initializer.append(helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0]))


@pytest.mark.parametrize(
    "spoil",
    [
        subgraph, external_data, external_entry_only, local_function, training_part, metadata, sparse_weight,
        quantisation, value_info, sequence_input, document, strings, typed_data,
    ],
)  # fmt: skip
def test_parts_that_no_graph_of_ours_has(proto, spoil: Callable[[onnx.ModelProto], None]) -> None:
    spoil(proto)
    refused(proto, "not allowed here|no model uses|does not fill|not of one type|a body that is not allowed")


@pytest.mark.parametrize(
    "operator", ["If", "Loop", "Constant", "Mod", "Gemm", "Einsum", "FusedGemm", "", "gru"]
)
def test_operators_that_are_not_listed(proto, operator) -> None:
    proto.graph.node[-1].op_type = operator
    refused(proto, "is not allowed")


def test_another_domain(proto) -> None:
    proto.graph.node[-1].domain = "com.microsoft"
    refused(proto, "operator MatMul is not allowed")
    proto.graph.node[-1].domain = "elsewhere"
    refused(proto, "operator MatMul is not allowed")
    proto.graph.node[-1].ClearField("domain")
    proto.opset_import[0].domain = "com.microsoft"
    refused(proto, "operator set")
    proto.opset_import[0].domain = ""
    proto.opset_import.append(helper.make_opsetid("elsewhere", 1))
    refused(proto, "operator set")
    proto.opset_import[1].domain, proto.opset_import[1].version = "com.microsoft", 2
    refused(proto, "operator set")
    proto.opset_import[1].version = 1
    check_graph(proto.SerializeToString())
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    refused(proto, "opset_import has more than 2")


@pytest.mark.parametrize("version", [-1, 0, 12, 18, 2**40])
def test_operator_sets_that_are_not_ours(proto, version) -> None:
    proto.opset_import[0].version = version
    refused(proto, "operator set")


@pytest.mark.parametrize("version", [-1, 0, 6, 11, 2**40])
def test_format_versions_that_are_not_ours(proto, version) -> None:
    proto.ir_version = version
    refused(proto, "ONNX version")


def test_a_model_without_its_parts(proto) -> None:
    refused(b"", "ONNX version")
    for field in ("input", "output", "node"):
        spoilt = onnx.ModelProto()
        spoilt.CopyFrom(proto)
        spoilt.graph.ClearField(field)
        refused(spoilt, "no inputs|no outputs|made by no node|nothing made")
    proto.ClearField("graph")
    refused(proto, "no graph")


# ---- nodes -----------------------------------------------------------------------------------


def test_nodes_out_of_order_or_in_a_circle(proto) -> None:
    nodes = list(proto.graph.node)
    proto.graph.ClearField("node")
    proto.graph.node.extend(reversed(nodes))
    refused(proto, "nothing made")


@pytest.mark.parametrize("name", ["w", "tokens", "embedded"])
def test_a_value_made_twice(proto, name) -> None:
    proto.graph.node[-1].output[0] = name
    refused(proto, "same value")


def test_an_output_that_is_an_input(proto) -> None:
    proto.graph.output[0].name = "tokens"
    refused(proto, "made by no node")


def test_values_of_the_wrong_element_type(proto) -> None:
    node_called(proto, "MatMul").input[0] = "lengths"
    refused(proto, "MatMul reads a value of the wrong type")


def test_an_output_of_the_wrong_element_type(proto) -> None:
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    refused(proto, "another element type")


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [("Div", ["lengths", "lengths"]), ("Add", ["state", "lengths"]), ("Less", ["truth", "truth"])],
)
def test_arithmetic_on_types_that_could_end_the_process_or_fail(proto, operator, inputs) -> None:
    proto.graph.initializer.append(numpy_helper.from_array(np.array([True]), "truth"))
    proto.graph.node.append(helper.make_node(operator, inputs, ["more"]))
    refused(proto, f"{operator} reads a value of the wrong type")


@pytest.mark.parametrize("count", [1, 3, 70])
def test_the_wrong_number_of_inputs(proto, count) -> None:
    node = node_called(proto, "MatMul")
    node.ClearField("input")
    node.input.extend(["state"] * count)
    refused(proto, "inputs|more than 64")


@pytest.mark.parametrize("count", [0, 2])
def test_the_wrong_number_of_outputs(proto, count) -> None:
    node = node_called(proto, "MatMul")
    node.ClearField("output")
    node.output.extend(["output", "more"][:count])
    refused(proto, f"MatMul makes {count} values")


def test_a_required_input_left_empty(proto) -> None:
    node_called(proto, "MatMul").input[1] = ""
    refused(proto, "nothing made")


@pytest.mark.parametrize(
    ("operator", "name", "value"),
    [
        ("MatMul", "axis", 1),
        ("Gather", "axis", 9),
        ("Gather", "axis", 0.5),
        ("Gather", "axis", [0]),
        ("Cast", "to", TensorProto.STRING),
        ("Cast", "to", 2**40 + 6),
        ("Transpose", "perm", [0, 1, 8]),
        ("Transpose", "perm", [-1, 0, 1]),
        ("GRU", "direction", "sideways"),
        ("GRU", "direction", "\xff" * 100),
        ("GRU", "layout", 1),
        ("GRU", "activations", ["Tanh", "Tanh"]),
        ("GRU", "clip", 1.0),
        ("GRU", "linear_before_reset", 2),
        ("GRU", "hidden_size", 0),
        ("GRU", "hidden_size", -4),
        ("GRU", "hidden_size", 2**32 + 4),
    ],
)
def test_attributes_that_are_not_allowed(proto, operator, name, value) -> None:
    node = node_called(proto, operator)
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    node.ClearField("attribute")
    node.attribute.extend([*kept, helper.make_attribute(name, value)])
    refused(proto, f"{operator}.*allowed|not allowed here|not of one type")


def test_an_attribute_given_twice_or_of_two_types(proto) -> None:
    node = node_called(proto, "Cast")
    node.attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
    refused(proto, "given twice")
    del node.attribute[1]
    node.attribute[0].s = b"text"
    refused(proto, "not of one type")
    node.attribute[0].ClearField("s")
    node.attribute[0].type = 0
    refused(proto, "not of one type")


def test_a_cast_without_its_target(proto) -> None:
    node_called(proto, "Cast").ClearField("attribute")
    refused(proto, "Cast makes 1 values")


# ---- recurrent weights -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("w", (1, 12, 0)),
        ("w", (2, 12, 3)),
        ("w", (1, 9, 3)),
        ("w", (12, 3)),
        ("w", ()),
        ("r", (1, 12, 3)),
        ("r", (1, 16, 4)),
        ("b", (1, 12)),
        ("b", (24,)),
    ],
)
def test_recurrent_weights_that_do_not_fit(proto, name, shape) -> None:
    put_weight(proto, name, np.zeros(shape, dtype=np.float32))
    refused(proto, "GRU has weights whose shapes")


def test_a_hidden_size_or_direction_that_does_not_fit(proto) -> None:
    attributes = {attribute.name: attribute for attribute in node_called(proto, "GRU").attribute}
    attributes["hidden_size"].i = 5
    refused(proto, "GRU has weights whose shapes")
    attributes["hidden_size"].i = 4
    node_called(proto, "GRU").attribute.append(helper.make_attribute("direction", "bidirectional"))
    refused(proto, "GRU has weights whose shapes")


def test_another_cell_with_the_weights_of_a_gru(proto) -> None:
    node = node_called(proto, "GRU")
    del node.attribute[1]
    for operator in ("LSTM", "RNN"):
        node.op_type = operator
        refused(proto, f"{operator} has weights whose shapes")


def test_recurrent_weights_that_are_no_constants(proto) -> None:
    node_called(proto, "GRU").input[1] = "steps"
    refused(proto, "no constant weights")


def test_a_recurrent_node_without_hidden_size(proto) -> None:
    node = node_called(proto, "GRU")
    kept = [attribute for attribute in node.attribute if attribute.name != "hidden_size"]
    node.ClearField("attribute")
    node.attribute.extend(kept)
    refused(proto, "no hidden size")


# ---- tensors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dims", [[1, 12, 4], [1, 12], [-1, -12, 3], [2**40, 2**40], [2**63 - 1], [1] * 7, []]
)
def test_a_shape_that_the_data_does_not_fill(proto, dims) -> None:
    tensor = weight_called(proto, "w")
    tensor.ClearField("dims")
    tensor.dims.extend(dims)
    refused(proto, "fill its shape|impossible size|more than 6")


def test_a_huge_shape_of_nothing(proto) -> None:
    """A size of zero must not excuse the others: the product is 0, the axes are not."""
    tensor = weight_called(proto, "w")
    tensor.ClearField("dims")
    tensor.dims.extend([2**62, 0])
    tensor.raw_data = b""
    refused(proto, "impossible size")


@pytest.mark.parametrize("kind", [0, 2, 8, 10, 11, 14, 16, 99, -1])
def test_element_types_that_no_model_uses(proto, kind) -> None:
    weight_called(proto, "w").data_type = kind
    refused(proto, "no model uses")


def test_data_cut_short(proto) -> None:
    tensor = weight_called(proto, "w")
    tensor.raw_data = tensor.raw_data[:-1]
    refused(proto, "fill its shape")
    tensor.ClearField("raw_data")
    refused(proto, "fill its shape")


def test_a_truth_value_of_two(proto) -> None:
    truth = numpy_helper.from_array(np.array([True, False]), "truth")
    truth.raw_data = b"\x01\x02"
    proto.graph.initializer.append(truth)
    refused(proto, "neither 0 nor 1")


def test_names_are_short_and_plain(proto) -> None:
    for name in ("a b", "\x1b[2J", "é", "x" * 201):
        weight_called(proto, "first").name = name
        refused(proto, "a name holds characters")
        weight_called(proto, name).name = "first"
    weight_called(proto, "first").name = ""
    refused(proto, "share a name, or one has none")
    weight_called(proto, "").name = "w"
    refused(proto, "share a name")


@pytest.mark.parametrize("size", [0, -1, 2**31, 2**62])
def test_axes_of_impossible_size(proto, size) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = size
    refused(proto, "impossible size")


def test_inputs_without_shape_name_or_type(proto) -> None:
    for spoil in ("shape", "elem_type"):
        spoilt = onnx.ModelProto()
        spoilt.CopyFrom(proto)
        spoilt.graph.input[0].type.tensor_type.ClearField(spoil)
        refused(spoilt, "not a named tensor")
    proto.graph.input[0].ClearField("name")
    refused(proto, "not a named tensor")


def test_an_input_that_is_also_a_weight(proto) -> None:
    proto.graph.input[1].name = "w"
    refused(proto, "also a weight")


# ---- wire format -----------------------------------------------------------------------------


def test_numbers() -> None:
    """Against the encodings in the protocol-buffer documentation."""
    assert varint(memoryview(b"\x96\x01\xff"), 0) == (150, 2)
    assert varint(memoryview(b"\x00"), 0) == (0, 1)
    assert varint(memoryview(b"\xff" * 9 + b"\x01"), 0) == (2**64 - 1, 10)
    assert signed(2**64 - 2) == -2
    assert signed(2**63 - 1) == 2**63 - 1


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x01"])
def test_numbers_that_are_cut_short_or_too_long(data) -> None:
    with pytest.raises(WireError):
        varint(memoryview(data), 0)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (b"\x08\x08", "given twice"),
        (b"\x78\x01", "field 15 is not allowed"),
        (b"\x0b\x0c", "written in the wrong way"),
        (b"\x0d\x00\x00\x00\x00", "written in the wrong way"),
        (b"\x00\x00", "field 0"),
        (b"\x0f", "wrong way"),
        (b"\x3a\xff\xff\xff\xff\x0f", "past its end"),
        (b"\x3a", "cut short"),
    ],
)
def test_bytes_behind_the_model(proto, more, match) -> None:
    refused(proto.SerializeToString() + more, match)


def test_a_second_graph_is_not_merged(proto) -> None:
    data = proto.graph.SerializeToString()
    size = bytearray()
    number = len(data)
    while number > 127:
        size.append(number & 127 | 128)
        number >>= 7
    size.append(number)
    refused(proto.SerializeToString() + b"\x3a" + bytes(size) + data, "graph is given twice")


def test_too_many_values(proto) -> None:
    packed = b"\x0a\x08" + b"\x01" * 8 + b"\x10\x01"
    tensor = b"\x2a" + bytes([len(packed)]) + packed
    model = b"\x08\x08\x42\x02\x10\x11\x3a" + bytes([len(tensor)]) + tensor
    refused(model, "dims has more than 6")


def test_packed_sizes_are_read(proto) -> None:
    """dims may come packed or one by one; both mean the same to every parser."""
    plain = check_graph(proto.SerializeToString())
    data = proto.SerializeToString()
    unpacked = weight_called(proto, "w").SerializeToString()
    packed = unpacked.replace(b"\x08\x01\x08\x0c\x08\x03", b"\x0a\x03\x01\x0c\x03")
    assert len(packed) == len(unpacked) - 1
    assert data.count(unpacked) == 1
    start = data.index(unpacked)
    assert data[start - 2] == len(unpacked) & 127 | 128
    parsed = onnx.TensorProto.FromString(packed)
    assert list(parsed.dims) == [1, 12, 3]
    graph = onnx.ModelProto.FromString(data).graph
    others = [item.SerializeToString() for item in graph.initializer if item.name != "w"]
    graph.ClearField("initializer")
    body = graph.SerializeToString() + b"".join(framed(5, item) for item in [packed, *others])
    assert check_graph(b"\x08\x08\x42\x02\x10\x11" + framed(7, body)) == plain


def framed(field: int, data: bytes) -> bytes:
    """A length-delimited field."""
    size, number = bytearray(), len(data)
    while number > 127:
        size.append(number & 127 | 128)
        number >>= 7
    return bytes([field << 3 | 2, *size, number]) + data


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(data=st.data())
def test_whatever_is_accepted_means_to_onnx_what_it_means_here(proto, data) -> None:
    """Change bytes anywhere: either refused, or onnx's own parser reads the same inputs and operators."""
    content = bytearray(proto.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["change", "insert", "delete"]))
        if how == "change":
            content[place] = data.draw(st.integers(0, 255))
        elif how == "insert":
            content.insert(place, data.draw(st.integers(0, 255)))
        else:
            del content[place]
    try:
        signature = check_graph(bytes(content))
    except WireError:
        return
    theirs = onnx.ModelProto.FromString(bytes(content))
    assert [item.name for item in theirs.graph.input] == list(signature.inputs)
    assert [item.name for item in theirs.graph.output] == list(signature.outputs)
    for item in theirs.graph.input:
        sizes = tuple(dim.dim_value or None for dim in item.type.tensor_type.shape.dim)
        assert sizes == signature.inputs[item.name].shape
    assert {node.op_type for node in theirs.graph.node} <= set(OPERATORS)
    for tensor in theirs.graph.initializer:
        assert numpy_helper.to_array(tensor).shape == tuple(tensor.dims)
        assert not tensor.external_data


# ---- the exporter ----------------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn", "none"])
def test_every_graph_that_we_write_is_accepted(make_small, tmp_path, cell, pool) -> None:
    """All inputs at once, two layers, both directions; read back as a whole model."""
    from seqcli.backends.graph import network_graph
    from seqcli.backends.network import build_network
    from seqcli.network import InputSpec, NetworkSpec

    inputs = (
        InputSpec("tokens", "tokens", 9, 3),
        InputSpec("parts", "bags", 8, 2),
        InputSpec("values", "values", 2),
        InputSpec("dense", "dense", 4),
    )
    spec = NetworkSpec(inputs, (5, 2), cell, 6, 2, cell != "rnn", pool, skip=(0, 1))
    network = build_network(spec, 0)
    model = make_small(0)
    model.record["network"] = spec.to_json()
    model.graphs = {"batch": network_graph(network)}
    model.weights = {name: values.numpy() for name, values in network.state_dict().items()}
    read = read_model(model.write(tmp_path / "a.seqcli"))
    assert read.network == spec
    assert set(read.weights()) == set(network.state_dict())
