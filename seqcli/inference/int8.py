"""A graph anew with its weights in 8 bits: a quarter of the size, and the LSTM in integers.

    w  ≈  s q,   q = round(w / s) in [-127, 127],   s = max |w| / 127 along one row

Each row of a weight (each unit of a gate, each token, each output) has a scale s of its own, and no zero
point. What reads the weight decides how it is used:

    LSTM        becomes ONNX Runtime's DynamicQuantizeLSTM: inputs and states are rounded to 8 bits as they
                come, over all rows that are read at once, and multiplied as integers. Its weights stay in
                [-64, 64]: processors without VNNI add two products in 16 bits, where larger ones overflow
    look-ups    of the rows that were looked up, and of no other, the numbers are widened
    the rest    (GRU, RNN, dense layers) has no integer form, or none that is faster: its weights are widened
                once, as the model is opened, and it computes in float32

Vectors and small matrices stay as they are. Dynamic quantisation:
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.saved.graph_operators import RUNTIME_DOMAIN
from seqcli.sequences import FloatArray

LEAST = 512
"""Numbers from which a matrix is worth its scales."""
LARGEST, LARGEST_IN_PAIRS = 127, 64
"""Largest numbers of 8 bits, and those of which two, times 255 each, add up within 16 bits."""
RECURRENT = ("RNN", "GRU", "LSTM")
"""Operators whose inputs behind the third, biases and first states, are added and not multiplied."""
SCALES = ".scales"
"""Behind a weight's name, the name of what it is multiplied by."""


@dataclass(frozen=True)
class Rounded:
    """A graph in 8 bits, and what became of its weights."""

    graph: bytes
    small: int
    """Numbers that are held in 8 bits."""
    whole: int
    """Numbers that are held as they were."""
    integer: int
    """Recurrent layers that compute in integers."""


def quantised(values: FloatArray, axis: int, largest: int = LARGEST) -> tuple[NDArray[np.int8], FloatArray]:
    """Weights (..., N) in 8 bits of the same shape, and their scales: (..., 1), a size of 1 along ``axis``.

    No number of a row is further from what it was than half of the row's scale.
    """
    scales = (np.abs(values).max(axis=axis, keepdims=True) / largest).astype(np.float32)
    scales[scales == 0] = 1.0
    return np.rint(values / scales).astype(np.int8), scales


def round_graph(graph: bytes, least: int = LEAST) -> Rounded:
    """``graph``, one that seqcli wrote, with its matrices of ``least`` numbers or more in 8 bits."""
    import onnx

    model = onnx.load_from_string(graph)
    nodes = [copy.deepcopy(node) for node in model.graph.node]
    rewriting = _Rewriting(model, nodes, least)
    for node in nodes:
        rewriting.take(node)
    return rewriting.finish()


class _Rewriting:
    """The nodes and weights of one graph as they are written anew."""

    def __init__(self, model: Any, nodes: Sequence[Any], least: int) -> None:
        from onnx import numpy_helper

        self._model = model
        arrays = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
        self._arrays: dict[str, Any] = arrays
        self._readers: dict[str, list[tuple[Any, int]]] = {}
        for node in nodes:
            for place, name in enumerate(node.input):
                self._readers.setdefault(name, []).append((node, place))
        added = {name for node in nodes if node.op_type in RECURRENT for name in node.input[3:]}
        self._large = {
            name
            for name, values in arrays.items()
            if values.dtype == np.float32 and values.ndim > 1 and values.size >= least and name not in added
        }
        self._weights: dict[str, Any] = {name: a for name, a in arrays.items() if name not in self._large}
        self._nodes: list[Any] = []
        self._widened: dict[str, str] = {}
        self._integer = 0

    def take(self, node: Any) -> None:
        """Write a node, reading its weights in 8 bits."""
        if node.op_type == "LSTM" and {*node.input[1:3]} <= self._large and self._alone(node):
            self._lstm(node)
        elif self._is_look_up(node):
            self._look_up(node)
        else:
            for place, name in enumerate(node.input):
                if name in self._large:
                    node.input[place] = self._widen(name)
            self._nodes.append(node)

    def finish(self) -> Rounded:
        """The graph with all that was written."""
        from onnx import helper, numpy_helper

        graph, counted = self._model.graph, {"small": 0, "whole": 0}
        for values in self._weights.values():
            counted["small" if values.dtype == np.int8 else "whole"] += values.size
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self._nodes)
        graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in self._weights.items())
        if self._integer:
            self._model.opset_import.append(helper.make_opsetid(RUNTIME_DOMAIN, 1))
        return Rounded(self._model.SerializeToString(), **counted, integer=self._integer)

    def _alone(self, node: Any) -> bool:
        """Whether nothing else reads the weights of an LSTM."""
        return all(len(self._readers[name]) == 1 for name in node.input[1:3])

    def _is_look_up(self, node: Any) -> bool:
        """Whether a node takes whole rows of a large weight, by number."""
        rows = node.op_type == "Gather" and not any(item.name == "axis" and item.i for item in node.attribute)
        return rows and node.input[0] in self._large

    def _axis(self, name: str) -> int:
        """The axis along which the numbers of a weight share a scale: it is summed over."""
        products = all(node.op_type == "MatMul" and place == 1 for node, place in self._readers[name])
        return -2 if products else -1

    def _held(self, name: str) -> str:
        """Keep a weight in 8 bits beside its scales; the name of the scales."""
        if name + SCALES not in self._weights:
            values, scales = quantised(self._arrays[name], self._axis(name))
            self._weights.update({name: values, name + SCALES: scales})
        return name + SCALES

    def _widen(self, name: str) -> str:
        """The name of a weight that is float32 again."""
        from onnx import TensorProto, helper

        if name not in self._widened:
            scales, wide, whole = self._held(name), f"{name}.wide", f"{name}.whole"
            self._nodes.append(helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT))
            self._nodes.append(helper.make_node("Mul", [wide, scales], [whole]))
            self._widened[name] = whole
        return self._widened[name]

    def _look_up(self, node: Any) -> None:
        """Rows in 8 bits, each times the scale that is looked up with it."""
        from onnx import TensorProto, helper

        (name, places), made = node.input, node.output[0]
        scales = self._held(name)
        rows, wide, factors = (f"{made}.{part}" for part in ("rows", "wide", "factors"))
        kept = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        self._nodes += [
            helper.make_node("Gather", [name, places], [rows], **kept),
            helper.make_node("Cast", [rows], [wide], to=TensorProto.FLOAT),
            helper.make_node("Gather", [scales, places], [factors], **kept),
            helper.make_node("Mul", [wide, factors], [made]),
        ]

    def _lstm(self, node: Any) -> None:
        """The LSTM in integers: W (D, F, 4H) and R (D, H, 4H), scales and zero points (D, 4H)."""
        from onnx import helper

        behind: list[str] = []
        for name in node.input[1:3]:
            values, scales = quantised(self._arrays[name], -1, LARGEST_IN_PAIRS)
            self._weights[name] = np.ascontiguousarray(values.transpose(0, 2, 1))
            self._weights[name + SCALES] = scales[..., 0]
            self._weights[name + ".zeros"] = np.zeros(scales.shape[:2], dtype=np.int8)
            behind += [name + SCALES, name + ".zeros"]
        read = [*node.input, *[""] * (8 - len(node.input))]
        kept = {
            item.name: helper.get_attribute_value(item) for item in node.attribute if item.name != "layout"
        }
        self._nodes.append(
            helper.make_node(
                "DynamicQuantizeLSTM", [*read, *behind], node.output, domain=RUNTIME_DOMAIN, **kept
            )
        )
        self._integer += 1


def parts(rounded: Iterable[Rounded]) -> tuple[int, int, int]:
    """Numbers in 8 bits, numbers as they were, and layers in integers, of all graphs."""
    every = list(rounded)
    return sum(r.small for r in every), sum(r.whole for r in every), sum(r.integer for r in every)
