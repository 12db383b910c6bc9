"""From torch to a directory and back: ONNX Runtime gives what the torch network gives."""

from __future__ import annotations

import numpy as np
import pytest

import seqcli.inference.outputs as outputs_module
from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import CELLS
from seqcli.sequences import Batchable, Sequences
from seqcli.training.loop import predict_outputs


class NoTask:
    """Only a name: the task is not what is looked at."""

    name = "classify.v1"

    def to_json(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize("cell", CELLS)
def test_outputs_equal_the_torch_networks(cell, save_model, monkeypatch) -> None:
    """Ragged words and numbers, two layers, read both ways where the cell can; to 1e-5 absolute."""
    rng = np.random.default_rng(5)
    inputs = (
        InputSpec("tokens", "tokens", 30, 6),
        InputSpec("values", "values", 3),
        InputSpec("parts", "bags", 20, 4),
    )
    spec = NetworkSpec(inputs, (4, 3), cell, 10, 2, cell != "none", "mean", skip=(0, 2, 1))
    network = build_network(spec, 1)
    model = save_model(NoTask(), spec, graph=network_graph(network))
    lengths = rng.integers(1, 40, size=70)
    tokens = Sequences.from_lists([rng.integers(1, 30, size=n) for n in lengths], np.int64)
    values = Sequences.from_lists([rng.normal(size=(n, 3)) for n in lengths], np.float32)
    parts = Sequences.from_lists([rng.integers(0, 20, size=(n, 5)) for n in lengths], np.int64)
    examples = Batchable({"tokens": tokens, "values": values, "parts": parts}, np.arange(70))
    monkeypatch.setattr(outputs_module, "MAX_IDS", 5 * 5 * 40)  # five rows of the longest kind at once
    outputs = outputs_for(GraphSession.open(model), examples, batch_size=16)
    np.testing.assert_allclose(outputs, predict_outputs(network, examples, 16), rtol=0, atol=1e-5)
