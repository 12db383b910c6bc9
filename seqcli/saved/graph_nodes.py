"""The nodes of a graph, checked one by one against the allow-list, with their element types.

Nodes must stand in an order in which each reads only what was made before, so that there is no
cycle; the recurrent ones must have weights whose shapes agree with their attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seqcli.saved.graph_operators import (
    ELEMENTS,
    OPERATORS,
    RUNTIME_DOMAIN,
    RUNTIME_OPERATORS,
    Attribute,
    Operator,
)
from seqcli.saved.graph_wire import WireError, signed

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4, "DynamicQuantizeLSTM": 4}
DOMAINS = {"": OPERATORS, RUNTIME_DOMAIN: RUNTIME_OPERATORS}


@dataclass(frozen=True)
class Tensor:
    """A constant of the graph: element letter and shape; its bytes were seen to fill it."""

    element: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class NodeView:
    """One node: operator, value names it reads and makes, attributes as (kind, raw value)."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, tuple[str, Any]]
    domain: str = ""


def check_nodes(
    nodes: Iterable[NodeView], elements: Mapping[str, str], tensors: Mapping[str, Tensor]
) -> dict[str, str]:
    """Element letter of every value that the nodes make.

    ``elements`` holds those of the graph's inputs and weights, ``tensors`` the weights. Raises
    :class:`WireError` for the first node that is not allowed.
    """
    known, made, fixed = dict(elements), {}, dict(tensors)
    for node in nodes:
        operator = DOMAINS.get(node.domain, {}).get(node.operator)
        if operator is None:
            raise WireError(f"the operator {node.operator or 'without a name'} is not allowed")
        attributes = {
            name: _attribute(node.operator, operator, name, kind, value)
            for name, (kind, value) in node.attributes.items()
        }
        bound = _bind_inputs(node, operator, known)
        if operator.attributes.keys() > attributes.keys() and node.operator == "Scan":
            raise WireError("a loop has no body, or does not say what it reads")
        if node.operator in GATES:
            _check_recurrent(node, attributes, fixed)
        if node.operator == "Conv":
            _check_convolution(node, attributes, fixed)
        for name, element in zip(node.outputs, _outputs(node, operator, attributes, bound), strict=False):
            if name and name in known:
                raise WireError("two nodes make the same value")
            if name:
                known[name] = made[name] = element
        widened = _widened(node, fixed, known)
        if widened is not None:
            fixed[node.outputs[0]] = widened
    return made


def _widened(node: NodeView, fixed: Mapping[str, Tensor], known: Mapping[str, str]) -> Tensor | None:
    """The constant that a node makes of a weight in 8 bits: its numbers as float32, or times their scales."""
    read = [fixed.get(name) for name in node.inputs]
    first = read[0] if read else None
    if first is None or node.operator not in ("Cast", "Mul") or known.get(node.outputs[0]) != "F":
        return None
    if node.operator == "Cast":
        return Tensor("F", first.shape) if first.element == "C" else None
    scales = read[1]
    if scales is None or len(scales.shape) != len(first.shape):
        return None
    spread = all(size in (1, whole) for size, whole in zip(scales.shape, first.shape, strict=True))
    return Tensor("F", first.shape) if spread else None


def _attribute(node: str, operator: Operator, name: str, kind: str, value: Any) -> Any:
    """The Python value of one attribute, within what the operator allows."""
    rule = operator.attributes.get(name)
    if rule is None or rule.kind != kind:
        raise WireError(f"{node} has an attribute that is not allowed")
    if kind == "graph":  # seen to be the one that is allowed, as it was read
        return None
    values = [_scalar(item) for item in (value if kind == "ints" else [value])]
    if not all(_within(item, rule) for item in values):
        raise WireError(f"{node}: its {name} has a value that is not allowed")
    return values if kind == "ints" else values[0]


def _scalar(value: Any) -> int | str:
    """A signed integer or ASCII text."""
    return signed(value) if isinstance(value, int) else bytes(value[:64]).decode("ascii", "replace")


def _within(value: int | str, rule: Attribute) -> bool:
    if rule.allowed or isinstance(value, str):
        return value in rule.allowed
    return rule.low <= value <= rule.high


def _bind_inputs(node: NodeView, operator: Operator, known: Mapping[str, str]) -> dict[str, str]:
    """Letters that T and N stand for in this node, after checking each input's element type."""
    rules = operator.inputs.split()
    if rules and rules[-1].endswith("+") and node.inputs:
        rules[-1:] = [rules[-1][0]] * (len(node.inputs) - len(rules) + 1)
    required = sum(not rule.endswith(("?", "+")) for rule in rules)
    if not required <= len(node.inputs) <= len(rules):
        raise WireError(f"{node.operator} has {len(node.inputs)} inputs")
    bound: dict[str, str] = {}
    for name, rule in zip(node.inputs, rules, strict=False):
        if not name and rule.endswith("?"):
            continue
        element = known.get(name)
        if element is None:
            raise WireError(f"{node.operator} reads a value that nothing made")
        letter = rule[0]
        wanted = bound.setdefault(letter, element) if letter in "TNW" else letter
        barred = {"T": "C", "N": "BC"}.get(letter, "")
        if letter != "*" and (element != wanted or element in barred):
            raise WireError(f"{node.operator} reads a value of the wrong type")
    return bound


def _outputs(
    node: NodeView, operator: Operator, attributes: Mapping[str, Any], bound: Mapping[str, str]
) -> list[str]:
    """Element letters of the node's outputs."""
    if operator.outputs == "to":
        letters = [ELEMENTS[attributes["to"]]] if "to" in attributes else []
    else:
        letters = [bound.get(letter[0], letter[0]) for letter in operator.outputs.split()]
    if not any(node.outputs) or len(node.outputs) > len(letters):
        raise WireError(f"{node.operator} makes {len(node.outputs)} values")
    return letters


def _check_recurrent(node: NodeView, attributes: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Weights of an RNN, GRU or LSTM: W (D, G*H, F), R (D, G*H, H), B (D, 2*G*H), all constants.

    In 8 bits the last two axes of W and R change places, and each has scales and zero points (D, G*H).
    """
    hidden = attributes.get("hidden_size", 0)
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[node.operator] * hidden
    weights = [tensors.get(name) for name in node.inputs[1:3]]
    bias = node.inputs[3] if len(node.inputs) > 3 else ""
    if hidden < 1 or weights[0] is None or weights[1] is None:
        raise WireError(f"{node.operator} has no hidden size or no constant weights")
    small = node.operator in RUNTIME_OPERATORS
    first, second = (_turned(weight.shape) if small else weight.shape for weight in (weights[0], weights[1]))
    features = first[-1] if first else 0
    fits = first == (directions, rows, features) and second == (directions, rows, hidden)
    if small:
        scales = [tensors.get(name) for name in node.inputs[8:]]
        fits = fits and len(scales) == 4
        fits = fits and all(item is not None and item.shape == (directions, rows) for item in scales)
    if (
        not fits
        or features < 1
        or (bias and (bias not in tensors or tensors[bias].shape != (directions, 2 * rows)))
    ):
        raise WireError(f"{node.operator} has weights whose shapes do not agree with its hidden size")


def _check_convolution(node: NodeView, attributes: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Weights of a convolution along one axis: W (O, F, K) and B (O,), all constants."""
    weight, bias = (tensors.get(name) for name in node.inputs[1:3])
    taps, strides, pads = (attributes.get(name, []) for name in ("kernel_shape", "strides", "pads"))
    if weight is None or bias is None or len(weight.shape) != 3 or not all(weight.shape):
        raise WireError("Conv has no constant weights along one axis")
    fits = taps == [weight.shape[2]] and bias.shape == weight.shape[:1] and len(strides) == 1
    if not fits or len(pads) != 2 or sum(pads) >= 2 * taps[0]:
        raise WireError("Conv has weights whose shapes do not agree with its kernel")


def _turned(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape with its last two axes in each other's place."""
    return (*shape[:-2], *shape[:-3:-1])
