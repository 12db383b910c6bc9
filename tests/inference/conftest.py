"""Saved models whose outputs are known in closed form: their graphs are written by hand.

The word model adds up a score for each word (+1 good, -1 bad, and so on), so its logits are sums one
can do in the head; the sequence model adds up the values of a sequence; the forecaster's network says
zero, so that what comes out is its reference forecast.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from seqcli.inference.trust import saved_task
from seqcli.model_dir import TASK_ARRAY, SavedModel, read_model, write_model
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.ngrams import NgramForm, read_ngrams
from seqcli.preprocessing.scaling import StandardScaler
from seqcli.preprocessing.vocabulary import Vocabulary
from seqcli.readers.numbers import NumberForm
from seqcli.tasks.base import Mixing, Plan
from seqcli.tasks.classify import Classify
from seqcli.tasks.features import Features, NumberColumn
from seqcli.tasks.fusion import Fusion
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.text_prior import TextPrior

sys.path.insert(0, str(Path(__file__).parent))  # tiny_language.py is shared by test files here

KINDS = {"tokens": TensorProto.INT64, "values": TensorProto.FLOAT, "dense": TensorProto.FLOAT}
KINDS["ahead"] = TensorProto.FLOAT
SCORES = {"good": (0.0, 1.0), "bad": (1.0, 0.0), "great": (0.0, 2.0), "the": (0.25, 0.25)}
"""Word → what it adds to the logits of (neg, pos)."""


def graph_bytes(spec: NetworkSpec, nodes: list[Any], constants: dict[str, Any]) -> bytes:
    """An ONNX model with the inputs of ``spec`` and these nodes, the last of which makes "output"."""
    axes: dict[str, tuple[str | int, ...]] = {
        "tokens": ("batch", "time"),
        "values": ("batch", "time"),
        "dense": ("batch",),
        "ahead": ("batch", spec.output_shape[0]),
    }
    inputs = [
        helper.make_tensor_value_info(
            item.field, KINDS[item.kind], [*axes[item.kind], *([] if item.kind == "tokens" else [item.size])]
        )
        for item in spec.inputs
    ]
    graph = helper.make_graph(
        nodes,
        "hand",
        [*inputs, helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", *spec.output_shape])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def save(target: Path, task: Any, spec: NetworkSpec, graph: bytes, digest: str = "") -> SavedModel:
    """Write a model directory around a task and a graph, and read it back."""
    record = {
        "task": {"name": task.name, **task.to_json()},
        "network": replace(spec, band=False).to_json(),  # graphs by hand answer without a band
        "metrics": {"gru": {"accuracy": 0.5}},
        "options": Options().to_flat(),
        "typed": [],
        "seed": 0,
        "threads": 1,
        "steps": 1,
        "versions": {},
        "data": {"source": "train.csv", "digest": digest, "rows": 10},
        "created": "2026-01-02T03:04:05+00:00",
    }
    weights = {"w": np.zeros(1, np.float32)}
    if isinstance(task, Mixing):
        weights.update({TASK_ARRAY + name: array for name, array in task.arrays().items()})
    write_model(target, record, weights, {"batch": graph}, [], "# card\n")
    return read_model(target)


@pytest.fixture
def word_model(tmp_path: Path) -> SavedModel:
    """Text column ``review`` → neg or pos, by the sum of SCORES."""
    vocabulary = Vocabulary("words", tuple(SCORES))
    plan = Plan("classify", ("label",), text=("review",))
    task = Classify(plan, Inputs(("review",), (), None, vocabulary, None, None), ("neg", "pos"))
    spec = NetworkSpec((InputSpec("tokens", "tokens", vocabulary.size, 2),), (2,))
    table = np.zeros((vocabulary.size, 2), dtype=np.float32)
    table[-len(SCORES) :] = list(SCORES.values())
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["scores"]),
        helper.make_node("ReduceSum", ["scores", "time_axis"], ["output"], keepdims=0),
    ]
    return save(
        tmp_path / "words.seqcli", task, spec, graph_bytes(spec, nodes, {"table": table, "time_axis": [1]})
    )


@pytest.fixture
def both_model(word_model: SavedModel, tmp_path: Path) -> SavedModel:
    """The word model, whose scores count .5, beside a linear part that says 3 for a text of "great" alone.

    Its other n-gram, "bad", says -2; the linear part counts .25.
    """
    form = NgramForm(1, 0, 0)
    keys = read_ngrams(["great bad"], form).keys
    place = int(np.flatnonzero(keys == read_ngrams(["great"], form).keys[0])[0])
    weights = np.full((2, 1), -2, np.float32)
    weights[place] = 3
    none = np.zeros((0, 1), np.float32)
    prior = TextPrior(
        form, 0.0, 1.0, 16, keys, np.ones(2, np.float32), weights, none, np.zeros(1, np.float32)
    )
    task = replace(cast(Classify, saved_task(word_model)), fusion=Fusion(0.5, 0.25), prior=prior)
    return save(tmp_path / "both.seqcli", task, word_model.network, word_model.graph())


@pytest.fixture
def sequence_model(tmp_path: Path) -> SavedModel:
    """Rows that share ``id``, in the order of ``step`` → down or up, by the sum of ``x``."""
    identity = StandardScaler.fit(np.array([[-1.0], [1.0]]))  # mean 0, deviation 1
    features = Features((NumberColumn("x", NumberForm(), False),), (), identity, "mask")
    plan = Plan("classify", ("label",), features=("x",), id=("id",), time="step")
    task = Classify(plan, Inputs((), ("id",), "step", None, None, features), ("down", "up"))
    spec = NetworkSpec((InputSpec("values", "values", 1),), (2,))
    nodes = [
        helper.make_node("ReduceSum", ["values", "time_axis"], ["total"], keepdims=0),
        helper.make_node("MatMul", ["total", "sides"], ["output"]),
    ]
    constants = {"time_axis": [1], "sides": np.float32([[-1, 1]])}
    return save(tmp_path / "sequences.seqcli", task, spec, graph_bytes(spec, nodes, constants))


def zero_graph(spec: NetworkSpec) -> bytes:
    """A graph that answers zero, whatever its first input, (B, T, F), says."""
    field, ones = spec.inputs[0].field, (1,) * len(spec.output_shape)
    nodes = [
        helper.make_node("ReduceSum", [field, "axes"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "nothing"], ["zero"]),
        helper.make_node("Unsqueeze", ["zero", "behind"], ["column"]),
        helper.make_node("Add", ["column", "zeros"], ["output"]),
    ]
    constants = {
        "axes": [1, 2],
        "nothing": np.float32(0),
        "behind": [index + 1 for index in range(len(ones))],
        "zeros": np.zeros(spec.output_shape, np.float32),
    }
    return graph_bytes(spec, nodes, constants)


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[str, Sequence[str]], Path]:
    """Write lines to a file of that name."""

    def write(name: str, lines: Sequence[str]) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def save_model(tmp_path: Path) -> Callable[..., SavedModel]:
    """Save a task with a graph that answers zero."""

    def saver(task: Any, spec: NetworkSpec, digest: str = "", graph: bytes | None = None) -> SavedModel:
        return save(tmp_path / "made.seqcli", task, spec, graph or zero_graph(spec), digest)

    return saver


def mixed_graph(spec: NetworkSpec) -> bytes:
    """Outputs that depend on every step and column of the window, and on the calendar of the next step."""
    size = int(np.prod(spec.output_shape))
    random = np.random.default_rng(1)
    fields = {item.field: item.size for item in spec.inputs}
    read = spec.time_range - spec.time_range % spec.segment  # whole segments
    constants: dict[str, Any] = {
        "ramp": np.linspace(0.2, 1.0, read, dtype=np.float32)[None, :, None],
        "mix": random.normal(size=(fields["values"], size)).astype(np.float32) / 10,
        "time": [1],
        "shape": [-1, *spec.output_shape],
    }
    nodes = [
        helper.make_node("Mul", ["values", "ramp"], ["ramped"]),
        helper.make_node("MatMul", ["ramped", "mix"], ["mixed"]),
        helper.make_node("ReduceSum", ["mixed", "time"], ["summed"], keepdims=0),
    ]
    last = "summed"
    if "ahead" in fields:
        constants["next"] = random.normal(size=(fields["ahead"], size)).astype(np.float32)
        steps = spec.decoder == "parallel"
        if steps:
            nodes.append(helper.make_node("ReduceSum", ["ahead", "time"], ["told"], keepdims=0))
        nodes += [
            helper.make_node("MatMul", ["told" if steps else "ahead", "next"], ["turned"]),
            helper.make_node("Add", ["summed", "turned"], ["both"]),
        ]
        last = "both"
    nodes += [
        helper.make_node("Tanh", [last], ["bent"]),
        helper.make_node("Reshape", ["bent", "shape"], ["output"]),
    ]
    return graph_bytes(spec, nodes, constants)


@pytest.fixture(name="mixing_graph")
def mixing_graph_fixture() -> Callable[[NetworkSpec], bytes]:
    """The graph of a forecaster that reads all it is given."""
    return mixed_graph


@pytest.fixture
def linear_graph() -> Callable[[NetworkSpec, Any], bytes]:
    """The graph of a network that is linear in values (B, W, F), by its weights (W, F, *output_shape)."""

    def write(spec: NetworkSpec, weights: Any) -> bytes:
        flat = np.asarray(weights, dtype=np.float32).reshape(-1, int(np.prod(spec.output_shape)))
        nodes = [
            helper.make_node("Reshape", ["values", "flat"], ["row"]),
            helper.make_node("MatMul", ["row", "weights"], ["sums"]),
            helper.make_node("Reshape", ["sums", "shape"], ["output"]),
        ]
        constants = {"flat": [-1, len(flat)], "weights": flat, "shape": [-1, *spec.output_shape]}
        return graph_bytes(spec, nodes, constants)

    return write
