"""How long the saved graph of a network takes for a step, by ONNX Runtime on one thread."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from seqcli.backends.graph import saved_graphs
from seqcli.backends.network import Network
from seqcli.network import NetworkSpec
from seqcli.sequences import Batch, Examples

AT_ONCE = 64
"""Rows that are read side by side where whole rows are read."""
LEAST_SECONDS, MOST_TIMES = 0.1, 20


def step_micros(network: Network, examples: Examples) -> float:
    """Microseconds a step: of rows read whole, side by side; where a state is carried, of one stream.

    The quickest of several times is taken, as other work of the machine only adds to it.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    (name, graph), *_ = saved_graphs(network.to("cpu")).items()
    session: Any = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    if name == "batch":
        batch = examples.batch(np.arange(min(AT_ONCE, len(examples))))
        feed = {item.name: batch[item.name] for item in session.get_inputs()}
        steps = int(batch["lengths"].sum())
    else:
        feed, steps = _one_step(session, network.spec), network.spec.segment
    session.run(None, feed)  # the first sets things up
    return 1e6 * _quickest(lambda: session.run(None, feed)) / max(steps, 1)


def _one_step(session: Any, spec: NetworkSpec) -> Batch:
    """A feed of zeros for one stream."""
    sizes = {"time": spec.segment, "rows": spec.readers}
    types = {"tensor(int64)": np.int64, "tensor(float)": np.float32}
    feed: Batch = {}
    for item in session.get_inputs():
        shape = [sizes.get(size, 1) if isinstance(size, str) else size for size in item.shape]
        feed[item.name] = np.zeros(shape, types[item.type])
    return feed


def _quickest(call: Any) -> float:
    """Seconds of the quickest of several calls."""
    best, begun = float("inf"), time.perf_counter()
    for _ in range(MOST_TIMES):
        before = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - before)
        if time.perf_counter() - begun > LEAST_SECONDS:
            break
    return best
