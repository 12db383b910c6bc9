"""The cells written in NumPy, against torch, ONNX's textbook GRU and finite differences."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from seqcli.backends.numpy_cells import NUMPY_CELLS, NumpyCell, Weights, load_numpy_cell
from seqcli.errors import UsageError

TORCH_LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
FORMS = [*((name, False) for name in NUMPY_CELLS), ("gru", True)]
every_form = pytest.mark.parametrize(("name", "textbook"), FORMS)


def make_cell(
    name: str, textbook: bool = False, inputs: int = 3, hidden: int = 4, dtype=np.float64
) -> NumpyCell:
    rng = np.random.default_rng(1)
    kind = load_numpy_cell(name, textbook)
    rows = len(kind.gates) * hidden
    shapes = [(rows, inputs), (rows, hidden), (rows,), (rows,)]
    return kind(Weights(*(rng.uniform(-0.8, 0.8, shape).astype(dtype) for shape in shapes)))


def random_case(cell: NumpyCell, steps: int, batch: int, dtype=np.float64):
    """x, state, ∂L/∂outputs and ∂L/∂state, all random: L is a weighted sum of outputs and last state."""
    rng = np.random.default_rng(2)
    inputs, hidden = cell.weights.weight_ih.shape[1], cell.hidden_size
    x, d_outputs = (rng.normal(size=(steps, batch, size)).astype(dtype) for size in (inputs, hidden))
    state, d_state = (
        tuple(rng.normal(size=(batch, hidden)).astype(dtype) for _ in cell.states) for _ in range(2)
    )
    return x, state, d_outputs, d_state


def assert_near(found, expected, tolerance):
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= tolerance


@pytest.mark.parametrize("name", NUMPY_CELLS)
@pytest.mark.parametrize(
    ("steps", "batch", "inputs", "hidden"), [(1, 1, 1, 1), (7, 1, 5, 8), (30, 4, 3, 16), (12, 17, 20, 2)]
)
def test_outputs_and_gradients_equal_torch(name, steps, batch, inputs, hidden):
    cell = make_cell(name, inputs=inputs, hidden=hidden)
    x, state, d_outputs, d_state = random_case(cell, steps, batch)
    outputs, last, trace = cell.forward(x, state)
    d_x, d_first, d_weights = cell.backward(trace, d_outputs, d_state)

    layer = TORCH_LAYERS[name](inputs, hidden).double()
    parameters = [getattr(layer, f"{part}_l0") for part in Weights._fields]
    with torch.no_grad():
        for theirs, ours in zip(parameters, cell.weights, strict=True):
            theirs.copy_(torch.from_numpy(ours))
    read = torch.from_numpy(x).requires_grad_()
    begin = [torch.from_numpy(part)[None].requires_grad_() for part in state]
    expected, end = layer(read, tuple(begin) if name == "lstm" else begin[0])
    end = end if name == "lstm" else (end,)
    weighted = zip((expected, *end), (d_outputs, *d_state), strict=True)
    loss = sum((values * torch.from_numpy(weight)).sum() for values, weight in weighted)
    grads = [grad.numpy() for grad in torch.autograd.grad(loss, [read, *begin, *parameters])]

    assert_near(
        [outputs, *last], [expected.detach().numpy(), *(part[0].detach().numpy() for part in end)], 1e-10
    )
    states = [grad[0] for grad in grads[1 : 1 + len(state)]]
    assert_near([d_x, *d_first, *d_weights], [grads[0], *states, *grads[1 + len(state) :]], 1e-10)


@every_form
def test_gradients_equal_finite_differences(name, textbook):
    cell = make_cell(name, textbook, inputs=2, hidden=3)
    x, state, d_outputs, d_state = random_case(cell, steps=4, batch=2)

    def loss() -> float:
        outputs, last, _ = cell.forward(x, state)
        pairs = zip((outputs, *last), (d_outputs, *d_state), strict=True)
        return float(sum((values * weight).sum() for values, weight in pairs))

    _, _, trace = cell.forward(x, state)
    d_x, d_first, d_weights = cell.backward(trace, d_outputs, d_state)
    for values, gradient in zip((x, *state, *cell.weights), (d_x, *d_first, *d_weights), strict=True):
        assert_near([gradient], [finite_differences(loss, values)], 1e-8)


def finite_differences(loss, values, step=1e-5):
    """∂loss()/∂values, by moving each element of ``values`` in place and back."""
    gradient = np.empty_like(values)
    for index in np.ndindex(values.shape):
        before = values[index]
        values[index] = before + step
        above = loss()
        values[index] = before - step
        gradient[index] = (above - loss()) / (2 * step)
        values[index] = before
    return gradient


def textbook_gru(weights: Weights, element_type: int) -> onnx.ModelProto:
    """ONNX's GRU with the reset gate before the product, and its share of the old state for z's.

    ONNX orders gates z, r, h and has h_t = (1 − z) h̃ + z h_{t-1}; in the textbook z is the share of the
    new state. As 1 − σ(v) = σ(−v), negating all that goes into z mirrors it.
    """
    kind = helper.tensor_dtype_to_np_dtype(element_type)

    def mirrored(values):
        r, z, n = np.split(values, 3)
        return np.concatenate([-z, r, n])[None].astype(kind)

    constants = {
        "w": mirrored(weights.weight_ih),
        "r": mirrored(weights.weight_hh),
        "b": np.concatenate([mirrored(weights.bias_ih), mirrored(weights.bias_hh)], axis=1),
    }
    node = helper.make_node(
        "GRU",
        ["x", "w", "r", "b", "", "first"],
        ["y", "last"],
        hidden_size=weights.weight_hh.shape[1],
        linear_before_reset=0,
    )
    graph = helper.make_graph(
        [node],
        "gru",
        [helper.make_tensor_value_info(name, element_type, [None] * 3) for name in ("x", "first")],
        [helper.make_tensor_value_info("y", element_type, [None] * 4)],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (9, 4)])
def test_textbook_gru_equals_onnx_with_z_mirrored(steps, batch):
    cell = make_cell("gru", textbook=True, inputs=3, hidden=5)
    x, state, _, _ = random_case(cell, steps, batch)
    outputs, _, _ = cell.forward(x, state)

    exact = ReferenceEvaluator(textbook_gru(cell.weights, TensorProto.DOUBLE))
    (expected,) = exact.run(["y"], {"x": x, "first": state[0][None]})
    assert_near([outputs], [expected.reshape(outputs.shape)], 1e-12)

    model = textbook_gru(cell.weights, TensorProto.FLOAT).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feeds = {"x": x.astype(np.float32), "first": state[0][None].astype(np.float32)}
    (expected,) = session.run(["y"], feeds)
    assert_near([outputs], [expected[:, 0]], 1e-6)


def test_the_two_forms_of_the_gru_differ():
    ours, theirs = make_cell("gru"), make_cell("gru", textbook=True)
    x, state, _, _ = random_case(ours, 5, 2)
    assert np.abs(ours.forward(x, state)[0] - theirs.forward(x, state)[0]).max() > 0.1


@every_form
def test_states_and_gradients_pass_a_cut(name, textbook):
    cell = make_cell(name, textbook)
    x, state, d_outputs, d_state = random_case(cell, steps=9, batch=3)
    outputs, last, trace = cell.forward(x, state)
    whole = cell.backward(trace, d_outputs, d_state)

    head, middle, head_trace = cell.forward(x[:4], state)
    tail, end, tail_trace = cell.forward(x[4:], middle)
    assert_near([np.concatenate([head, tail]), *end], [outputs, *last], 1e-14)
    d_tail, d_middle, tail_weights = cell.backward(tail_trace, d_outputs[4:], d_state)
    d_head, d_first, head_weights = cell.backward(head_trace, d_outputs[:4], d_middle)
    sums = [a + b for a, b in zip(head_weights, tail_weights, strict=True)]
    assert_near([np.concatenate([d_head, d_tail]), *d_first, *sums], [whole[0], *whole[1], *whole[2]], 1e-12)


def test_a_trace_names_what_the_equations_name():
    cell = make_cell("lstm")
    x, state, _, _ = random_case(cell, steps=6, batch=2)
    outputs, (h, c), trace = cell.forward(x, state)
    i, f, g, o = (trace[gate] for gate in cell.gates)
    assert all((gate > 0).all() and (gate < 1).all() for gate in (i, f, o))
    assert_near([trace["c"][1:]], [f * trace["c"][:-1] + i * g], 1e-15)
    assert_near([trace["h"][1:]], [o * np.tanh(trace["c"][1:])], 1e-15)
    assert_near([trace["h"][0], trace["c"][0], trace["h"][-1], trace["c"][-1]], [*state, h, c], 0)
    assert_near([trace["h"][1:], trace["x"]], [outputs, x], 0)


@every_form
def test_float32_stays_float32_and_nothing_overflows(name, textbook):
    cell = make_cell(name, textbook, dtype=np.float32)
    x, state, d_outputs, d_state = random_case(cell, 5, 2, np.float32)
    outputs, last, trace = cell.forward(1e4 * x, state)  # warnings are errors in tests
    d_x, d_first, d_weights = cell.backward(trace, d_outputs, d_state)
    for values in (outputs, *last, d_x, *d_first, *d_weights):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


def test_backward_leaves_what_it_is_given():
    for name, textbook in FORMS:
        cell = make_cell(name, textbook)
        x, state, d_outputs, d_state = random_case(cell, 5, 2)
        _, _, trace = cell.forward(x, state)
        given = [*trace.values(), d_outputs, *d_state, *cell.weights]
        copies = [values.copy() for values in given]
        first, second = (cell.backward(trace, d_outputs, d_state)[2] for _ in range(2))
        assert_near([*given, *second], [*copies, *first], 0)
        assert not any(np.shares_memory(first.bias_ih, other) for other in (first.bias_hh, *second))


def test_unknown_names_are_refused_with_the_closest():
    with pytest.raises(UsageError, match="lstmm") as caught:
        load_numpy_cell("lstmm")
    assert caught.value.hint == "did you mean lstm?"
    with pytest.raises(UsageError) as caught:
        load_numpy_cell("none")
    assert "rnn, gru, lstm" in caught.value.hint
    with pytest.raises(UsageError, match="no other form"):
        load_numpy_cell("lstm", textbook=True)
