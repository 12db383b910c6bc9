"""Writes ONNX graphs operator by operator: opset 17, weights inside, batch and time left open.

Cells and :mod:`seqcli.backends.graph` call it with names of values and get names back. The recurrent
operators and their gate orders: https://onnx.ai/onnx/operators (RNN-14, GRU-14, LSTM-14).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import helper, numpy_helper

from seqcli.saved.graph_operators import LINEAR_STEP, LINEAR_STEP_PORTS
from seqcli.sequences import LENGTHS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from seqcli.backends.cells.cell import Cell

OPSET = 17
LAST = 2**31 - 1
"""Behind the end of every axis."""
IR_VERSION = 8
"""The oldest that knows this opset, so that older runtimes read the file."""

Shape: TypeAlias = tuple[int | str, ...]
"""The axes of a graph's input or output; a string is an open axis."""
Input: TypeAlias = tuple[int, Shape]
"""Element type and shape."""

FLOAT, INT32, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32, onnx.TensorProto.INT64


class GraphWriter:
    """Collects nodes and weights; :meth:`model` ends the graph."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self.lengths = LENGTHS
        """The value (B,) that says how many steps of each row are valid."""

    def constant(self, values: ArrayLike) -> str:
        """The name of an array (...,) stored in the graph; plain integers become int64."""
        array = np.asarray(values, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = f"constant_{len(self._weights)}"
            self._known[key] = name
            self._weights[name] = numpy_helper.from_array(array, name)
        return self._known[key]

    def weight(self, values: Tensor) -> str:
        """As :meth:`constant`, of a parameter (...,) in single precision."""
        return self.constant(to_numpy(values))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Apply an operator with one output; returns the output's name."""
        return self.nodes(operator, inputs, 1, **attributes)[0]

    def nodes(self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Apply an operator with several outputs; returns their names."""
        names = [f"{operator.lower()}_{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def name(self, value: str, output: str) -> None:
        """Give a value the name of a graph output."""
        self._nodes.append(helper.make_node("Identity", [value], [output]))

    def affine(self, x: str, weight: Tensor, bias: Tensor | None = None) -> str:
        """x (..., F) → x W^T + b (..., O), with ``weight`` (O, F) and ``bias`` (O,)."""
        product = self.node("MatMul", x, self.constant(to_numpy(weight).T))
        return product if bias is None else self.node("Add", product, self.constant(to_numpy(bias)))

    def slice(self, x: str, start: int, end: int | None) -> str:
        """x (T, ...) from step ``start`` to ``end``, None for all that is there."""
        places = [self.constant([place]) for place in (start, LAST if end is None else end)]
        return self.node("Slice", x, *places, self.constant([0]))

    def reversed(self, x: str, lengths: str) -> str:
        """x (T, B, F), each row from its own last step to its first; ``lengths`` int32 (B,)."""
        return self.node(
            "ReverseSequence", x, self.node("Cast", lengths, to=INT64), time_axis=0, batch_axis=1
        )

    def valid(self, x: str) -> str:
        """True where a step of x (B, T, D) is no padding, (B, T, 1)."""
        steps = self.node("Gather", self.node("Shape", x), self.constant(1))
        step = self.node("Range", self.constant(0), steps, self.constant(1))  # (T,)
        valid = self.node("Less", step, self.node("Unsqueeze", self.lengths, self.constant([1])))  # (B, T)
        return self.node("Unsqueeze", valid, self.constant([2]))

    def norm(self, x: str, norm: Module) -> str:
        """Layer normalisation of x (..., H), with torch's own ε."""
        weights = [self.weight(weight) for weight in norm.parameters()]
        return self.node("LayerNormalization", x, *weights)

    def silu(self, x: str) -> str:
        """x ⊙ σ(x) of x (...)."""
        return self.node("Mul", x, self.node("Sigmoid", x))

    def linear_scan(self, a: str, b: str, first: str) -> tuple[str, str]:
        """h_t = a_t ⊙ h_{t-1} + b_t: a and b (T, ...), h_0 (...) → all h (T, ...), and the last (...)."""
        last, steps = self.nodes("Scan", [first, a, b], 2, body=linear_step(), num_scan_inputs=2)
        return steps, last

    def recurrent(
        self, cells: Sequence[Cell], x: str, lengths: str, initial: Sequence[str], **attributes: Any
    ) -> tuple[str, tuple[str, ...]]:
        """One layer as an RNN, GRU or LSTM node, as :meth:`Cell.write_graph` describes it.

        ``cells`` are one or two directions of one kind; its ``onnx_operator`` and ``onnx_gates`` (the
        operator's gate order, as names of ours) say how the weights are laid out.
        """
        kind, hidden = cells[0], cells[0].hidden_size
        order = [kind.gates.index(gate) for gate in kind.onnx_gates]

        def gather(name: str) -> NDArray[np.float32]:
            """One parameter of all directions, gates in the operator's order: (D, G*H, ...)."""
            arrays = [to_numpy(getattr(cell, name)) for cell in cells]
            blocks = [array.reshape(len(order), hidden, -1)[order] for array in arrays]
            return np.stack([block.reshape(array.shape) for block, array in zip(blocks, arrays, strict=True)])

        bias = np.concatenate([gather("bias_ih"), gather("bias_hh")], axis=1)  # (D, 2*G*H)
        weights = [self.constant(array) for array in (gather("weight_ih"), gather("weight_hh"), bias)]
        outputs, *states = self.nodes(
            kind.onnx_operator,
            [x, *weights, lengths, *initial],
            1 + len(kind.states),
            hidden_size=hidden,
            direction="forward" if len(cells) == 1 else "bidirectional",
            **attributes,
        )
        outputs = self.node("Transpose", outputs, perm=[0, 2, 1, 3])  # (T, D, B, H) → (T, B, D, H)
        outputs = self.node("Reshape", outputs, self.constant([0, 0, hidden * len(cells)]))
        return outputs, tuple(states)

    def model(self, inputs: dict[str, Input], outputs: dict[str, Shape]) -> bytes:
        """The serialised model. ``inputs`` maps name to (element type, shape), ``outputs`` to shape.

        Outputs are float32.
        """
        graph = helper.make_graph(
            self._nodes,
            "seqcli",
            [
                helper.make_tensor_value_info(name, kind, list(shape))
                for name, (kind, shape) in inputs.items()
            ],
            [helper.make_tensor_value_info(name, FLOAT, list(shape)) for name, shape in outputs.items()],
            list(self._weights.values()),
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="seqcli")
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString()
        return data


def linear_step() -> onnx.GraphProto:
    """The one body that a Scan of ours has: h, a, b → a ⊙ h + b, twice: to carry, and to keep."""
    nodes = [helper.make_node(operator, reads, makes) for operator, reads, makes in LINEAR_STEP]
    takes, gives = (
        [helper.make_tensor_value_info(name, FLOAT, None) for name in names] for names in LINEAR_STEP_PORTS
    )
    return helper.make_graph(nodes, "linear_step", takes, gives)


def to_numpy(weight: Tensor) -> NDArray[np.float32]:
    """A float32 NumPy copy of a parameter (...,) of any shape."""
    array: NDArray[np.float32] = weight.detach().float().cpu().numpy()
    return array
