"""Models made to do harm, their digests recomputed: whatever is changed, the end is an answer or one line."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.errors import ModelError, ResourceError, SeqcliError
from seqcli.inference.int8 import round_graph
from seqcli.inference.predict import Predictions
from seqcli.inference.session import GraphSession
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options_use import PredictOptions
from seqcli.readers.stream import Record
from seqcli.saved.graph_check import check_graph
from seqcli.saved.graph_operators import OPERATORS
from seqcli.saved.graph_wire import WireError

ATTACK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


def is_one_line(error: SeqcliError) -> None:
    assert "\n" not in error.message + error.hint


# ---- graphs ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graphs() -> list[bytes]:
    """One graph a cell and a way to pool, and each anew with weights of 8 bits."""
    inputs = (InputSpec("tokens", "tokens", 9, 3), InputSpec("values", "values", 2))
    pairs = [("gru", "last"), ("lstm", "attention"), ("rnn", "max"), ("none", "mean")]
    whole = [
        network_graph(
            build_network(NetworkSpec(inputs, (2, 2), cell, 4, 1, cell != "none", pool, skip=(0, 1)), 0)
        )
        for cell, pool in pairs
    ]
    return whole + [round_graph(graph, 1).graph for graph in whole]


def mutate(model: onnx.ModelProto, data: st.DataObject) -> None:
    """One change that leaves a well-formed message: what no checksum or parser would notice."""
    nodes, weights = model.graph.node, model.graph.initializer
    node = data.draw(st.sampled_from(list(nodes)))
    tensor = data.draw(st.sampled_from(list(weights)))
    made = [name for other in nodes for name in other.output]
    names = [*made, *(item.name for item in weights), *(item.name for item in model.graph.input)]
    how = data.draw(st.integers(0, 6))
    if how == 0 and node.attribute:
        attribute = data.draw(st.sampled_from(list(node.attribute)))
        attribute.i = data.draw(st.integers(-8, 8))
    elif how == 1:
        values = numpy_helper.to_array(tensor).copy()
        if values.dtype == np.int64 and values.size:
            values.flat[0] = data.draw(st.sampled_from([0, 1, -1, 7, 10**6, 2**40, 2**62, -(2**63)]))
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    elif how == 2:
        values = numpy_helper.to_array(tensor)
        reshaped = data.draw(st.sampled_from([values.reshape(-1), values[None], values.reshape(-1)[:0]]))
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(reshaped), tensor.name))
    elif how == 3:
        node.input[data.draw(st.integers(0, len(node.input) - 1))] = data.draw(st.sampled_from(names))
    elif how == 4:
        node.op_type = data.draw(st.sampled_from(sorted(OPERATORS)))
    elif how == 5 and node.attribute:
        del node.attribute[data.draw(st.integers(0, len(node.attribute) - 1))]
    elif how == 6 and len(node.input) > 1:
        del node.input[-1]


@ATTACK
@given(data=st.data())
def test_a_changed_graph_is_refused_or_fails_in_one_line_or_answers(graphs, data) -> None:
    model = onnx.load_model_from_string(data.draw(st.sampled_from(graphs)))
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(model, data)
    content = model.SerializeToString()
    try:
        check_graph(content)
    except WireError:
        return
    batch = {
        "tokens": np.array([[1, 2, 3], [4, 0, 0]]),
        "values": np.ones((2, 3, 2), np.float32),
        "lengths": np.array([3, 1]),
    }
    try:
        outputs = GraphSession(content, "g.onnx", threads=1).run(batch)
    except (ModelError, ResourceError) as error:
        is_one_line(error)
        return
    assert np.isfinite(outputs).all()


# ---- tasks -----------------------------------------------------------------------------------


class OneRow:
    """A stream of one row."""

    source, unit, names = "rows", "row", ("review", "id", "step", "x")

    def batches(self, size: int):
        return iter([[Record(2, ("good bad", "a", "1", "2.5"), "")]])


VALUES = st.sampled_from(
    [None, True, 0, -1, 3, 1e308, -1e308, 2**62, 0.5, "", "x", "\x1b[2J", [], {}, [[]], ["x"]]
)


def spoilt(model, data):
    """The model with one place of its task changed."""
    record = copy.deepcopy(model.record)
    place, key = record, "task"
    while isinstance(place[key], dict | list) and place[key] and (key == "task" or data.draw(st.booleans())):
        place = place[key]
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place))))
        )
    if isinstance(place, dict) and data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(VALUES)
    return replace(model, record=record)


@ATTACK
@given(data=st.data())
@pytest.mark.parametrize("kind", ["word_model", "sequence_model"])
def test_a_changed_task_is_refused_or_answers(kind, data, request) -> None:
    model = spoilt(request.getfixturevalue(kind), data)
    try:
        rows = [
            row for rows in Predictions(model, OneRow(), PredictOptions(), lambda said: None) for row in rows
        ]
    except SeqcliError as error:
        is_one_line(error)
        return
    for row in rows:
        assert all(cell is None or isinstance(cell, str) or math.isfinite(cell) for cell in row)
