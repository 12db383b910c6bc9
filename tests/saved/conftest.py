"""A small model whose graph is built by the onnx package, not by seqcli's own exporter."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from seqcli.model_dir import write_model
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options

VOCABULARY, EMBEDDING, HIDDEN, CLASSES = 7, 3, 4, 2


def gru_weights(seed: int = 0) -> dict[str, NDArray[Any]]:
    """Weights of embedding → GRU → linear, in ONNX's layout."""
    rng = np.random.default_rng(seed)
    shapes = {
        "table": (VOCABULARY, EMBEDDING),
        "w": (1, 3 * HIDDEN, EMBEDDING),
        "r": (1, 3 * HIDDEN, HIDDEN),
        "b": (1, 6 * HIDDEN),
        "head": (HIDDEN, CLASSES),
    }
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def gru_model(weights: dict[str, NDArray[Any]]) -> onnx.ModelProto:
    """tokens (B, T), lengths (B,) → output (B, classes): the GRU's last state through a linear head."""
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["embedded"], axis=0),
        helper.make_node("Transpose", ["embedded"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("Cast", ["lengths"], ["counts"], to=TensorProto.INT32),
        helper.make_node(
            "GRU", ["steps", "w", "r", "b", "counts"], ["", "last"], hidden_size=HIDDEN, linear_before_reset=1
        ),
        helper.make_node("Squeeze", ["last", "first"], ["state"]),
        helper.make_node("MatMul", ["state", "head"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "time"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()]
        + [numpy_helper.from_array(np.array([0]), "first")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@dataclass
class Small:
    """Everything that write_model takes."""

    record: dict[str, Any]
    weights: dict[str, NDArray[Any]]
    graphs: dict[str, bytes]
    history: list[dict[str, Any]]
    card: str

    def write(self, target: Path, *, keep_old: bool = False) -> Path:
        """Write this model to ``target`` and return it."""
        write_model(
            target, self.record, self.weights, self.graphs, self.history, self.card, keep_old=keep_old
        )
        return target


def small_model(seed: int = 0) -> Small:
    """A model that differs with ``seed`` in its weights, its graph and its record."""
    weights = gru_weights(seed)
    spec = NetworkSpec(
        (InputSpec("tokens", "tokens", VOCABULARY, EMBEDDING),), (CLASSES,), hidden_size=HIDDEN
    )
    record = {
        "task": {"name": "classify.v1", "plan": {"task": "classify"}, "labels": ["né", "pos\n"]},
        "network": spec.to_json(),
        "metrics": {"seqcli": {"accuracy": 0.75, "f1": None}},
        "options": Options().to_flat(),
        "typed": ["epochs"],
        "seed": seed,
        "threads": 2,
        "steps": 12,
        "versions": {"seqcli": "0.1"},
        "data": {"source": "reviews.csv", "digest": "ab" * 32, "rows": 100},
        "created": "2026-01-02T03:04:05+00:00",
    }
    graph = gru_model(weights).SerializeToString()
    return Small(record, weights, {"batch": graph}, [{"epoch": 1, "loss": 0.5}], "# A model\n")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here pulls the plug; tests that count the calls put their own function in this place."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def small() -> Small:
    return small_model()


@pytest.fixture
def make_small() -> Callable[[int], Small]:
    return small_model


@pytest.fixture
def saved(tmp_path: Path, small: Small) -> Path:
    """A model directory, written whole."""
    return small.write(tmp_path / "reviews.seqcli")


@pytest.fixture
def proto(small: Small) -> onnx.ModelProto:
    """The small model's graph, to be spoilt."""
    return gru_model(small.weights)


def read_record(model: Path) -> dict[str, Any]:
    """The parsed model.json of a directory."""
    parsed: dict[str, Any] = json.loads((model / "model.json").read_text())
    return parsed


def rehash(model: Path, edit: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Make model.json state the sizes and digests that the files now have, after ``edit``-ing it."""
    record = copy.deepcopy(read_record(model))
    for name, entry in record["files"].items():
        data = (model / name).read_bytes()
        entry.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    if edit:
        edit(record)
    (model / "model.json").write_text(json.dumps(record))


@pytest.fixture
def record_of() -> Callable[[Path], dict[str, Any]]:
    return read_record


@pytest.fixture(name="rehash")
def rehash_fixture() -> Callable[..., None]:
    return rehash
