"""Graphs run, and everything that can go wrong with one is a line of ours."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from seqcli.errors import ModelError, ResourceError
from seqcli.inference import outputs as outputs_module
from seqcli.inference import session as session_module
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.sequences import Batchable, Sequences


def graph(nodes, constants, width: int = 2) -> bytes:
    """values (B, T, 1), lengths (B,) → output (B, ``width``)."""
    made = helper.make_graph(
        nodes,
        "hand",
        [
            helper.make_tensor_value_info("values", TensorProto.FLOAT, ["batch", "time", 1]),
            helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", width])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


SUM = graph([helper.make_node("ReduceSum", ["values", "axis"], ["output"], keepdims=0)], {"axis": [1]}, 1)


def batch(rows: list[list[float]]) -> dict[str, np.ndarray]:
    examples = ragged(rows)
    return examples.batch(np.arange(len(rows)))


def ragged(rows: list[list[float]]) -> Batchable:
    values = Sequences.from_lists([np.float32(row).reshape(-1, 1) for row in rows], np.float32)
    return Batchable({"values": values}, np.arange(len(rows)))


def test_a_batch_is_run() -> None:
    session = GraphSession(SUM, "g.onnx", threads=1)
    assert session.inputs == ("values", "lengths")
    np.testing.assert_array_equal(session.run(batch([[1, 2], [3]])), [[3], [3]])


def test_more_fields_than_the_graph_takes_are_ignored() -> None:
    fed = {**batch([[1, 2]]), "target": np.array([1])}
    np.testing.assert_array_equal(GraphSession(SUM, "g.onnx").run(fed), [[3]])


def test_a_field_that_the_task_does_not_make() -> None:
    fed = batch([[1]])
    del fed["values"]
    with pytest.raises(ModelError, match=r"g\.onnx: takes values"):
        GraphSession(SUM, "g.onnx").run(fed)


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros((1, 1, 1))},
        {"values": np.zeros((1, 1, 2), np.float32)},
        {"lengths": np.zeros((1, 1))},
    ],
)
def test_fields_of_the_wrong_type_or_shape(change) -> None:
    with pytest.raises(ModelError, match=r"g\.onnx: cannot be run") as caught:
        GraphSession(SUM, "g.onnx").run({**batch([[1]]), **change})
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("data", [b"", b"\x00", b"not a graph", SUM[:-5]])
def test_bytes_that_are_no_graph(data) -> None:
    with pytest.raises(ModelError, match="cannot be run"):
        GraphSession(data, "g.onnx")


def test_a_graph_whose_shapes_contradict_each_other() -> None:
    node = helper.make_node("MatMul", ["values", "m"], ["output"])
    data = graph([node], {"m": np.zeros((5, 2), np.float32)})
    with pytest.raises(ModelError, match="cannot be run"):
        GraphSession(data, "g.onnx").run(batch([[1]]))


def test_values_that_are_not_finite() -> None:
    nodes = [
        helper.make_node("ReduceSum", ["values", "axis"], ["total"], keepdims=0),
        helper.make_node("Div", ["total", "nothing"], ["output"]),
    ]
    session = GraphSession(graph(nodes, {"axis": [1], "nothing": np.float32(0)}, 1), "g.onnx")
    with pytest.raises(ModelError, match="not finite") as caught:
        session.run(batch([[1]]))
    assert "--learning-rate" in caught.value.hint


def test_a_graph_that_answers_for_other_rows() -> None:
    nodes = [
        helper.make_node("ReduceSum", ["values", "axes"], ["total"], keepdims=0),
        helper.make_node("Add", ["total", "zeros"], ["output"]),
    ]
    data = graph(nodes, {"axes": [0, 1], "zeros": np.zeros((3, 1), np.float32)}, 1)
    with pytest.raises(ModelError, match="gives 3 outputs for 2 rows"):
        GraphSession(data, "g.onnx").run(batch([[1], [2]]))


def test_a_graph_made_to_eat_all_memory() -> None:
    """Range can ask for any amount of memory; the session's arena does not give more than half of it."""
    nodes = [
        helper.make_node("Range", ["zero", "huge", "one"], ["numbers"]),
        helper.make_node("Cast", ["numbers"], ["floats"], to=1),
        helper.make_node("ReduceSum", ["floats", "axis"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["values", "time"], ["total"], keepdims=0),
        helper.make_node("Add", ["total", "sum"], ["output"]),
    ]
    constants = {"zero": np.int64(0), "huge": np.int64(2**43), "one": np.int64(1), "axis": [0], "time": [1]}
    with pytest.raises(ResourceError, match="memory") as caught:
        GraphSession(graph(nodes, constants, 1), "g.onnx").run(batch([[1]]))
    assert caught.value.exit_code == 6


def test_the_memory_of_a_container(tmp_path, monkeypatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(session_module, "CONTAINER_LIMIT", limit)
    whole = session_module.memory_bytes()
    assert whole > 2**28
    limit.write_text("max\n")
    assert session_module.memory_bytes() == whole
    limit.write_text("1000000\n")
    assert session_module.memory_bytes() == 1_000_000


def test_the_thread_rule_is_obeyed(monkeypatch) -> None:
    seen = []
    real = onnxruntime.InferenceSession

    def spy(data, options, **more):
        seen.append((options.intra_op_num_threads, options.inter_op_num_threads))
        return real(data, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    GraphSession(SUM, "g.onnx", threads=3)
    assert seen == [(3, 1)]
    GraphSession(SUM, "g.onnx")
    assert 1 <= seen[1][0] <= 4


# ---- many examples ---------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=12), max_size=30),
    batch_size=st.integers(1, 8),
    steps=st.integers(1, 40),
)
def test_outputs_stand_in_row_order_however_they_are_cut(rows, batch_size, steps) -> None:
    session = GraphSession(SUM, "g.onnx", threads=1)
    before, outputs_module.MAX_STEPS = outputs_module.MAX_STEPS, steps
    try:
        outputs = outputs_for(session, ragged(rows), batch_size)
    finally:
        outputs_module.MAX_STEPS = before
    assert outputs.dtype == np.float32
    assert outputs.reshape(-1).tolist() == [sum(row) for row in rows]


def test_no_run_holds_more_steps_than_the_limit(monkeypatch) -> None:
    monkeypatch.setattr(outputs_module, "MAX_STEPS", 10)
    session = GraphSession(SUM, "g.onnx", threads=1)
    shapes = []
    real = session.run
    monkeypatch.setattr(session, "run", lambda fed: (shapes.append(fed["values"].shape), real(fed))[1])
    outputs_for(session, ragged([[1.0] * 4] * 7 + [[1.0] * 25]), 8)
    assert sum(shape[0] for shape in shapes) == 8
    assert all(shape[0] * shape[1] <= 10 or shape[0] == 1 for shape in shapes)


def test_rows_that_are_padded_together_go_through_the_graph_in_equal_slices(monkeypatch) -> None:
    session = GraphSession(SUM, "g.onnx", threads=1)
    shapes = []
    real = session.run
    monkeypatch.setattr(session, "run", lambda fed: (shapes.append(fed["values"].shape), real(fed))[1])
    rows = [[1.0] * steps for steps in [2, 5] * 32 + [7]]
    assert outputs_for(session, ragged(rows), 65).reshape(-1).tolist() == [sum(row) for row in rows]
    assert [shape[:2] for shape in shapes] == [(21, 7), (22, 7), (22, 7)]


@pytest.mark.parametrize("count", [1, 32, 33, 2000])
def test_threads_side_by_side_give_the_same_outputs(count: int) -> None:
    rows = np.random.default_rng(3).normal(size=(count, 9)).astype(np.float32)
    examples = ragged([row[: 1 + place % 9] for place, row in enumerate(rows)])
    alone, together = (GraphSession(SUM, "g.onnx", 1, workers=workers) for workers in (1, 3))
    assert outputs_for(together, examples, 64).tobytes() == outputs_for(alone, examples, 64).tobytes()


def test_what_fails_in_a_thread_fails_as_it_does_alone() -> None:
    session = GraphSession(SUM, "g.onnx", threads=1, workers=2)
    rows = [[1.0]] * 500
    rows[400] = [np.inf]
    with pytest.raises(ModelError, match="not finite"):
        outputs_for(session, ragged(rows), 64)
    assert outputs_for(session, ragged([[1.0]] * 100), 64).sum() == 100
