"""The operators that a saved graph may use: the allow-list, as data.

Each entry states the element types of the inputs and outputs (``F`` float32, ``I`` int64, ``J``
int32, ``B`` bool, ``C`` int8; ``T`` any one type, ``N`` one numeric type, the same wherever it stands,
neither of them int8; ``W`` as T, but int8 too; ``*`` any; ``-`` nothing, a place that is left empty),
with ``?`` for an input that may be left out and ``+`` for one that may repeat, and the
attributes with their types and allowed values. Operators that hold a subgraph (If, Loop), that read
files, or that come from another domain are not in it, but for Scan, which ends with the steps it reads,
and whose body is compared node by node with the only one that is ever written, and for one of ONNX
Runtime's own; integer division and modulus are not either, because dividing by zero ends the process.
Numbers of 8 bits are weights alone: they are looked up, widened, or read by that one operator. Semantics:
https://onnx.ai/onnx/operators (opset 13 to 17).
"""

from __future__ import annotations

from dataclasses import dataclass, field

ELEMENTS = {1: "F", 7: "I", 6: "J", 9: "B"}
"""ONNX element type number → the letter used here."""
WEIGHT_ELEMENTS = {**ELEMENTS, 3: "C"}
"""Those of weights."""
ELEMENT_BYTES = {"F": 4, "I": 8, "J": 4, "B": 1, "C": 1}


@dataclass(frozen=True)
class Attribute:
    """One attribute: ``kind`` is "int", "ints" or "string", with its allowed values or range, or "graph"."""

    kind: str
    allowed: tuple[int | str, ...] = ()
    low: int = -(2**31)
    high: int = 2**31


@dataclass(frozen=True)
class Operator:
    """Input and output element types, and the attributes an operator may carry."""

    inputs: str
    outputs: str
    attributes: dict[str, Attribute] = field(default_factory=dict)


LINEAR_STEP = (
    ("Mul", ("step.a", "step.h"), ("step.kept",)),
    ("Add", ("step.kept", "step.b"), ("step.next",)),
    ("Identity", ("step.next",), ("step.out",)),
)
"""The only body of a loop: operator, what it reads and what it makes, in order."""
LINEAR_STEP_PORTS = (("step.h", "step.a", "step.b"), ("step.next", "step.out"))
"""What it takes, the carried value ahead of one of each sequence, and what it gives, that value first."""

AXIS = Attribute("int", low=-8, high=8)
AXES = Attribute("ints", low=-8, high=8)
FLAG = Attribute("int", allowed=(0, 1))
DIRECTION = Attribute("string", allowed=("forward", "reverse", "bidirectional"))
RECURRENT = {
    "hidden_size": Attribute("int", low=1, high=2**16),
    "direction": DIRECTION,
    "layout": Attribute("int", allowed=(0,)),
}
MOST_TAPS = 64
"""Steps that a convolution reads at once."""
REDUCE_AXES = {"axes": AXES, "keepdims": FLAG}

OPERATORS: dict[str, Operator] = {
    # recurrent: X, W, R, B, sequence_lens, initial_h[, initial_c] → Y, Y_h[, Y_c]
    "RNN": Operator("F F F F? J? F?", "F F", RECURRENT),
    "GRU": Operator("F F F F? J? F?", "F F", {**RECURRENT, "linear_before_reset": FLAG}),
    "LSTM": Operator(
        "F F F F? J? F? F?", "F F F", {**RECURRENT, "input_forget": Attribute("int", allowed=(0,))}
    ),
    # h_0, a, b → the last h, all h: h_t = a_t h_{t-1} + b_t, the one loop whose body is allowed
    "Scan": Operator(
        "F F F", "F F", {"num_scan_inputs": Attribute("int", allowed=(2,)), "body": Attribute("graph")}
    ),
    # X, W, B: one axis of places; the shapes of W and B are checked with its kernel
    "Conv": Operator(
        "F F F?",
        "F",
        {
            "kernel_shape": Attribute("ints", low=1, high=MOST_TAPS),
            "strides": Attribute("ints", low=1, high=MOST_TAPS),
            "pads": Attribute("ints", low=0, high=MOST_TAPS),
        },
    ),
    # linear algebra
    "MatMul": Operator("F F", "F"),
    # arithmetic
    "Add": Operator("N N", "N"),
    "Sub": Operator("N N", "N"),
    "Mul": Operator("N N", "N"),
    "Div": Operator("F F", "F"),
    "Tanh": Operator("F", "F"),
    "Relu": Operator("F", "F"),
    "Softmax": Operator("F", "F", {"axis": AXIS}),
    "Softplus": Operator("F", "F"),
    "Sigmoid": Operator("F", "F"),
    "Exp": Operator("F", "F"),
    "LayerNormalization": Operator("F F F?", "F F F", {"axis": Attribute("int", allowed=(-1,))}),
    # reductions; ReduceSum takes its axes as an input since opset 13
    "ReduceSum": Operator("N I?", "N", {"keepdims": FLAG, "noop_with_empty_axes": FLAG}),
    "ReduceMax": Operator("N", "N", REDUCE_AXES),
    # comparison and logic
    "Less": Operator("N N", "B"),
    "Where": Operator("B T T", "T"),
    # shape and place
    "Shape": Operator("*", "I", {"start": AXIS, "end": AXIS}),
    "Cast": Operator("*", "to", {"to": Attribute("int", allowed=tuple(ELEMENTS))}),
    "Identity": Operator("T", "T"),
    "Reshape": Operator("T I", "T", {"allowzero": Attribute("int", allowed=(0,))}),
    "Transpose": Operator("T", "T", {"perm": Attribute("ints", low=0, high=7)}),
    "Unsqueeze": Operator("T I", "T"),
    "Squeeze": Operator("T I?", "T"),
    "Concat": Operator("T+", "T", {"axis": AXIS}),
    "Gather": Operator("W I", "W", {"axis": AXIS}),
    "Range": Operator("I I I", "I"),
    "Slice": Operator("T I I I? I?", "T"),
    "ReverseSequence": Operator("T I", "T", {"batch_axis": FLAG, "time_axis": FLAG}),
}

RUNTIME_DOMAIN = "com.microsoft"
RUNTIME_OPERATORS: dict[str, Operator] = {
    # X, W and R in 8 bits, B, sequence_lens, initial_h, initial_c, no peepholes, then scales and zero points
    # https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    "DynamicQuantizeLSTM": Operator(
        "F C C F? J? F? F? -? F C F C",
        "F F F",
        {
            "hidden_size": RECURRENT["hidden_size"],
            "direction": DIRECTION,
            "input_forget": Attribute("int", allowed=(0,)),
        },
    ),
}
"""Operators of ONNX Runtime itself, which stand in its domain (version 1) and in no other."""
