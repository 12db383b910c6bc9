"""Is this ONNX graph one of ours? Checked without the onnx package, ahead of ONNX Runtime.

The protocol-buffer bytes are walked whole (:mod:`seqcli.saved.graph_wire`), every field, name, size and
element type is compared with what the export writes, and each node with the allow-list
(:mod:`seqcli.saved.graph_operators`). Refused are external data, domains but the runtime's own, functions,
subgraphs but the one body that a loop of ours has, training parts, metadata, and anything not understood.
Message layout:
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from seqcli.saved.graph_nodes import NodeView, Tensor, check_nodes
from seqcli.saved.graph_operators import (
    ELEMENT_BYTES,
    ELEMENTS,
    LINEAR_STEP,
    LINEAR_STEP_PORTS,
    RUNTIME_DOMAIN,
    WEIGHT_ELEMENTS,
)
from seqcli.saved.graph_wire import LENGTH, VARINT, Kind, Message, WireError, read_message

Shape: TypeAlias = tuple[int | None, ...]
"""Sizes of a tensor's axes; None where any size may come (batch, time)."""

MIN_OPSET, MAX_OPSET = 13, 17
MAX_NODES = 2_000
MAX_TENSORS = 4_000
MAX_RANK = 6
MAX_SIZE = 2**31 - 1
FLOAT = 1
NOTHING = memoryview(b"")
RUNTIME = RUNTIME_DOMAIN.encode()
NAME = re.compile(r"[A-Za-z0-9_./:\-]{1,200}")

MODEL: Message = {
    1: Kind("ir_version", VARINT),
    2: Kind("producer_name", LENGTH),
    3: Kind("producer_version", LENGTH),
    7: Kind("graph", LENGTH),
    8: Kind("opset_import", LENGTH, repeated=True, limit=2),
}
OPSET: Message = {1: Kind("domain", LENGTH), 2: Kind("version", VARINT)}
GRAPH: Message = {
    1: Kind("node", LENGTH, repeated=True, limit=MAX_NODES),
    2: Kind("name", LENGTH),
    5: Kind("initializer", LENGTH, repeated=True, limit=MAX_TENSORS),
    11: Kind("input", LENGTH, repeated=True, limit=64),
    12: Kind("output", LENGTH, repeated=True, limit=64),
}
NODE: Message = {
    1: Kind("input", LENGTH, repeated=True, limit=64),
    2: Kind("output", LENGTH, repeated=True, limit=64),
    3: Kind("name", LENGTH),
    4: Kind("op_type", LENGTH),
    5: Kind("attribute", LENGTH, repeated=True, limit=16),
    7: Kind("domain", LENGTH),
}
ATTRIBUTE: Message = {
    1: Kind("name", LENGTH),
    3: Kind("int", VARINT),
    4: Kind("string", LENGTH),
    6: Kind("graph", LENGTH),
    8: Kind("ints", VARINT, repeated=True, packed=True, limit=MAX_RANK),
    20: Kind("type", VARINT),
}
ATTRIBUTE_TYPES = {2: "int", 3: "string", 5: "graph", 7: "ints"}
BODY: Message = {number: kind for number, kind in GRAPH.items() if kind.name != "initializer"}
"""A graph within a node: no weights."""
TENSOR: Message = {
    1: Kind("dims", VARINT, repeated=True, packed=True, limit=MAX_RANK),
    2: Kind("data_type", VARINT),
    8: Kind("name", LENGTH),
    9: Kind("raw_data", LENGTH),
}
VALUE: Message = {1: Kind("name", LENGTH), 2: Kind("type", LENGTH)}
TYPE: Message = {1: Kind("tensor_type", LENGTH)}
TENSOR_TYPE: Message = {1: Kind("elem_type", VARINT), 2: Kind("shape", LENGTH)}
SHAPE: Message = {1: Kind("dim", LENGTH, repeated=True, limit=MAX_RANK)}
DIMENSION: Message = {1: Kind("size", VARINT), 2: Kind("label", LENGTH)}


@dataclass(frozen=True)
class Port:
    """One input or output of a graph: element letter (see ``graph_operators``) and shape."""

    element: str
    shape: Shape

    def to_json(self) -> list[Any]:
        """``[element, [size or null, ...]]``."""
        return [self.element, list(self.shape)]


@dataclass(frozen=True)
class Signature:
    """What a graph takes and gives, by name."""

    inputs: dict[str, Port]
    outputs: dict[str, Port]

    def to_json(self) -> dict[str, Any]:
        """JSON values, for ``model.json``."""
        return {
            "inputs": {name: port.to_json() for name, port in self.inputs.items()},
            "outputs": {name: port.to_json() for name, port in self.outputs.items()},
        }


def check_graph(data: bytes) -> Signature:
    """The signature of a serialized ONNX model that is safe to run.

    Raises :class:`~seqcli.saved.graph_wire.WireError` (a ValueError) that says in a few words what is
    not allowed.
    """
    model = read_message(memoryview(data), MODEL)
    if not 7 <= model.get("ir_version", 0) <= 10:
        raise WireError("its ONNX version is not supported")
    _text(model.get("producer_name", NOTHING))
    _text(model.get("producer_version", NOTHING))
    if not model["opset_import"] or "graph" not in model:
        raise WireError("it holds no graph")
    opset, *others = (read_message(item, OPSET) for item in model["opset_import"])
    if len(opset.get("domain", NOTHING)) or not MIN_OPSET <= opset.get("version", 0) <= MAX_OPSET:
        raise WireError("its operator set is not supported")
    if any(bytes(item.get("domain", NOTHING)) != RUNTIME or item.get("version") != 1 for item in others):
        raise WireError("its operator set is not supported")
    return _check_parts(read_message(model["graph"], GRAPH))


def _check_parts(graph: dict[str, Any]) -> Signature:
    """Check initializers, ports and nodes of one graph."""
    _text(graph.get("name", NOTHING))
    tensors: dict[str, Tensor] = {}
    for item in graph["initializer"]:
        name, tensor = _tensor(item)
        if name in tensors or not name:
            raise WireError("two weights share a name, or one has none")
        tensors[name] = tensor
    inputs = _ports(graph["input"])
    if not inputs or set(inputs) & set(tensors):
        raise WireError("it has no inputs, or one that is also a weight")
    elements = {name: port.element for name, port in inputs.items()}
    elements.update({name: tensor.element for name, tensor in tensors.items()})
    produced = check_nodes((_node(item) for item in graph["node"]), elements, tensors)
    outputs = _ports(graph["output"])
    if not outputs:
        raise WireError("it has no outputs")
    for name, port in outputs.items():
        if name not in produced:
            raise WireError("an output is made by no node")
        if produced[name] != port.element:
            raise WireError("an output has another element type than its node")
    return Signature(inputs, outputs)


def _node(data: memoryview) -> NodeView:
    """One node with its attributes decoded by their declared type."""
    node = read_message(data, NODE)
    attributes: dict[str, tuple[str, Any]] = {}
    for item in node["attribute"]:
        attribute = read_message(item, ATTRIBUTE)
        name, kind = _text(attribute.pop("name", NOTHING)), ATTRIBUTE_TYPES.get(attribute.pop("type", 0), "")
        value = attribute.pop(kind, None)
        if not name or name in attributes or value is None or any(len(rest) for rest in _given(attribute)):
            raise WireError("an attribute is given twice or is not of one type")
        if kind == "graph":
            _check_body(value)
        attributes[name] = (kind, value)
    _text(node.get("name", NOTHING))
    return NodeView(
        _text(node.get("op_type", NOTHING)),
        tuple(_text(item) for item in node["input"]),
        tuple(_text(item) for item in node["output"]),
        attributes,
        _text(node.get("domain", NOTHING)),
    )


def _check_body(data: memoryview) -> None:
    """Raise WireError for a graph within a node that is not the step of a linear recurrence, name by name.

    It reads nothing of the graph around it, holds no weights, and no node of it holds a graph.
    """
    graph = read_message(data, BODY)
    _text(graph.get("name", NOTHING))
    nodes = []
    for item in graph["node"]:
        node = read_message(item, NODE)
        if node["attribute"] or "domain" in node:
            raise WireError("a loop has a body that is not allowed")
        _text(node.get("name", NOTHING))
        names = (tuple(map(_text, node["input"])), tuple(map(_text, node["output"])))
        nodes.append((_text(node.get("op_type", NOTHING)), *names))
    ports = tuple(tuple(map(_float, graph[side])) for side in ("input", "output"))
    if (tuple(nodes), ports) != (LINEAR_STEP, LINEAR_STEP_PORTS):
        raise WireError("a loop has a body that is not allowed")


def _float(data: memoryview) -> str:
    """The name of a float32 value of any shape."""
    value = read_message(data, VALUE)
    tensor = read_message(
        read_message(value.get("type", NOTHING), TYPE).get("tensor_type", NOTHING), TENSOR_TYPE
    )
    if tensor != {"elem_type": FLOAT}:
        raise WireError("a loop has a body that is not allowed")
    return _text(value.get("name", NOTHING))


def _given(attribute: dict[str, Any]) -> list[Any]:
    """The values left in an attribute, single numbers as one-element lists."""
    return [[value] if isinstance(value, int) else value for value in attribute.values()]


def _tensor(data: memoryview) -> tuple[str, Tensor]:
    """Name and content of a tensor whose bytes are exactly those that its shape needs."""
    tensor = read_message(data, TENSOR)
    element = WEIGHT_ELEMENTS.get(tensor.get("data_type", 0))
    if element is None:
        raise WireError("a tensor has an element type that no model uses")
    shape = tuple(tensor["dims"])
    if any(size > MAX_SIZE for size in shape):
        raise WireError("a tensor states an impossible size")
    raw = tensor.get("raw_data", NOTHING)
    if len(raw) != math.prod(shape) * ELEMENT_BYTES[element]:
        raise WireError("a tensor's data does not fill its shape")
    if element == "B" and any(value > 1 for value in raw):
        raise WireError("a truth value is neither 0 nor 1")
    return _text(tensor.get("name", NOTHING)), Tensor(element, shape)


def _ports(items: list[memoryview]) -> dict[str, Port]:
    """Declared inputs or outputs: named tensors with a stated rank."""
    ports: dict[str, Port] = {}
    for item in items:
        value = read_message(item, VALUE)
        name = _text(value.get("name", NOTHING))
        kind = read_message(value.get("type", NOTHING), TYPE)
        tensor = read_message(kind.get("tensor_type", NOTHING), TENSOR_TYPE)
        element = ELEMENTS.get(tensor.get("elem_type", 0))
        if not name or name in ports or element is None or "shape" not in tensor:
            raise WireError("an input or output is not a named tensor with a shape")
        ports[name] = Port(element, tuple(_size(dim) for dim in read_message(tensor["shape"], SHAPE)["dim"]))
    return ports


def _size(data: memoryview) -> int | None:
    """A fixed size, or None for a named one."""
    dimension = read_message(data, DIMENSION)
    _text(dimension.get("label", NOTHING))
    if "size" in dimension and "label" in dimension:
        raise WireError("an axis has both a size and a name")
    size = dimension.get("size")
    if size is not None and not 0 < size <= MAX_SIZE:
        raise WireError("an axis states an impossible size")
    return size


def _text(data: memoryview) -> str:
    """A name: empty, or short and of plain characters."""
    if not len(data):
        return ""
    text = bytes(data[:201]).decode("ascii", "replace")
    if not NAME.fullmatch(text):
        raise WireError("a name holds characters that no name of ours has")
    return text
