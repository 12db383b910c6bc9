"""Every gate and state while a saved network reads one text. NumPy alone.

The weights go into the cells of :mod:`seqcli.backends.numpy_cells` and
:mod:`seqcli.backends.numpy_blocks`, layer by layer; a layer that reads both
ways has a second cell, which begins at the end of the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.backends.numpy_blocks import NUMPY_BLOCKS
from seqcli.backends.numpy_cells import NUMPY_CELLS, Array, NumpyCell, State, Weights
from seqcli.errors import ModelError, UsageError
from seqcli.network import NetworkSpec
from seqcli.sequences import IntArray


@dataclass(frozen=True)
class CellTrace:
    """What one layer did in one direction, in the order of the text."""

    cell: str
    layer: int
    """From 1."""
    direction: str
    """The way it reads, "forward" or "backward"."""
    values: dict[str, Array]
    """Gate or state name → (T, H): gates after their σ or tanh, states after the step."""
    changes: Array
    """How far the memory moved at each step, ‖m_t − m_{t−1}‖ (T,)."""
    outputs: Array | None = None
    """What the layer handed on, (T, H)."""

    @property
    def memory(self) -> str:
        """The state that carries the memory: c where there is one, else h."""
        return memory_of(tuple(self.values) or NUMPY_CELLS[self.cell].states)


TRACED = (*NUMPY_CELLS, *NUMPY_BLOCKS)
"""Cells whose equations are written in NumPy."""


def memory_of(states: tuple[str, ...]) -> str:
    """The state among ``states`` that carries the memory."""
    return "c" if "c" in states else "h"


def check_traceable(spec: NetworkSpec) -> None:
    """Raise UsageError for a cell whose equations are not written in NumPy."""
    if spec.cell not in TRACED:
        known = ", ".join(TRACED)
        raise UsageError(
            f"the cell {spec.cell} cannot be traced: that is written for {known}",
            "train a model with --cell lstm, then show its trace",
        )


def trace_network(
    spec: NetworkSpec, weights: Mapping[str, NDArray[Any]], ids: Mapping[str, IntArray], ahead: int = 0
) -> list[CellTrace]:
    """Traces of all cells, layer by layer, forward before backward.

    ``weights`` have the names of the torch network's and any shape that it says, ``ids`` (ahead + T,), of a
    bag (ahead + T, K), are those of each input field. The first ``ahead`` steps are read and not shown. In
    double precision, so that what is shown is the equations' and not their rounding.

    Raises UsageError for a cell that has no NumPy form, ModelError for weights of another network.
    """
    check_traceable(spec)
    x = _steps(spec, weights, ids)[:, None]  # (T, 1, F)
    if spec.cell in NUMPY_BLOCKS:
        return _trace_blocks(spec, weights, x[:, 0], ahead)
    kind, hidden = NUMPY_CELLS[spec.cell], spec.hidden_size
    traces: list[CellTrace] = []
    for depth in range(spec.num_layers):
        start: State = tuple(np.zeros((1, hidden)) for _ in kind.states)
        if spec.streams:
            start = tuple(_weight(weights, f"start.{name}_{depth}", (hidden,))[None] for name in kind.states)
        outputs = []
        for direction in ("forward", "backward") if spec.bidirectional else ("forward",):
            name = f"encoder.layers.{depth}.{direction}_cell"
            cell = kind(_cell_weights(weights, name, len(kind.gates), x.shape[-1], hidden))
            trace = _trace(cell, x, start, direction == "backward")
            outputs.append(trace["outputs"][:, None])
            traces.append(_shown(spec.cell, depth + 1, direction, trace, ahead))
        x = np.concatenate(outputs, axis=-1)  # (T, 1, H × directions)
    return traces


def _trace_blocks(
    spec: NetworkSpec, weights: Mapping[str, NDArray[Any]], x: Array, ahead: int
) -> list[CellTrace]:
    """The same of cells in residual blocks; ``x`` is (ahead + T, F)."""
    traces: list[CellTrace] = []
    for depth in range(spec.num_layers):
        outputs = []
        for direction in ("forward", "backward") if spec.bidirectional else ("forward",):
            prefix = f"encoder.layers.{depth}.{direction}_cell"

            def find(name: str, shape: tuple[int, ...], prefix: str = prefix) -> Array:
                return _weight(weights, f"{prefix}.{name}", shape)

            block = NUMPY_BLOCKS[spec.cell](find, x.shape[-1], spec.hidden_size)
            start: State = tuple(np.zeros(spec.hidden_size) for _ in block.states)
            if spec.streams:
                start = tuple(
                    _weight(weights, f"start.{name}_{depth}", (spec.hidden_size,)) for name in block.states
                )
            way = slice(None, None, -1 if direction == "backward" else 1)
            with np.errstate(all="ignore"):
                said, values, memory = block.forward(x[way], start)
            _refuse_infinite({**values, "o": said})
            moved = np.linalg.norm(np.diff(memory, axis=0), axis=(1, 2))  # (T,)
            outputs.append(said[way])
            found = {
                name: value[way] for name, value in {**values, "changes": moved, "outputs": said}.items()
            }
            traces.append(_shown(spec.cell, depth + 1, direction, found, ahead))
        x = np.concatenate(outputs, axis=-1)
    return traces


def pooled_shares(
    spec: NetworkSpec, weights: Mapping[str, NDArray[Any]], traces: Sequence[CellTrace]
) -> Array | None:
    """The share (T,) of each step in the vector that attention pools for the answer; None without it.

    ``traces`` are those of :func:`trace_network`, of a text that is read from its first step on.
    """
    if "attention" not in spec.pools:
        return None
    size, width = spec.hidden_size, spec.hidden_size * (2 if spec.bidirectional else 1)
    last = [trace.outputs for trace in traces if trace.layer == spec.num_layers]
    o = np.concatenate([outputs for outputs in last if outputs is not None], axis=-1)  # (T, D)
    w = _weight(weights, "pool.project.weight", (size, width))
    b = _weight(weights, "pool.project.bias", (size,))
    scores = np.tanh(o @ w.T + b) @ _weight(weights, "pool.score.weight", (1, size))[0]
    found: Array = np.exp(scores - scores.max())
    return found / found.sum()


def _refuse_infinite(found: Mapping[str, Array]) -> None:
    """Raise ModelError unless all of (T, H) each are finite."""
    if not all(np.isfinite(values).all() for values in found.values()):
        raise ModelError("the model's weights give gates that are not finite", "train it again")


def _steps(spec: NetworkSpec, weights: Mapping[str, NDArray[Any]], ids: Mapping[str, IntArray]) -> Array:
    """The vectors of tokens, the mean vectors of bags and values side by side, (T, F)."""
    places = {"tokens": 0, "bags": 0}
    parts: list[NDArray[Any]] = []
    for item in spec.inputs:
        if item.kind == "values":  # (T, F), as they are
            parts.append(ids[item.field])
            continue
        name = {"tokens": "embeddings", "bags": "bags"}[item.kind]
        table = _weight(weights, f"{name}.{places[item.kind]}.weight", (item.size, item.embedding_size))
        places[item.kind] += 1
        rows = table[ids[item.field]]  # (T, E) or (T, K, E)
        if item.kind == "bags":
            there = (ids[item.field] > 0)[..., None]
            rows = (rows * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1) * item.usual**0.5
        parts.append(rows)
    return np.concatenate(parts, axis=-1)


def _trace(cell: NumpyCell, x: Array, start: State, backward: bool) -> dict[str, Array]:
    """Gates, then states, (T, H) each, and under "changes" how far the memory moved (T,)."""
    with np.errstate(all="ignore"):  # of weights that overflow; what is not finite is refused below
        _, _, trace = cell.forward(x[::-1] if backward else x, start)
        found = {gate: trace[gate][:, 0] for gate in cell.gates if gate not in cell.states}
        found.update({state: trace[state][1:, 0] for state in reversed(cell.states)})  # c, then h made of it
        moved = np.diff(trace[memory_of(cell.states)][:, 0], axis=0)  # (T, H)
        found["changes"] = np.linalg.norm(moved, axis=-1)
        found["outputs"] = found["h"]
    _refuse_infinite(found)
    return {name: values[::-1] if backward else values for name, values in found.items()}


def _shown(cell: str, layer: int, direction: str, trace: dict[str, Array], ahead: int) -> CellTrace:
    """A trace without what was read ahead of the text."""
    values = {name: found[ahead:] for name, found in trace.items()}
    changes, outputs = values.pop("changes"), values.pop("outputs")
    return CellTrace(cell, layer, direction, values, changes, outputs)


def _cell_weights(
    weights: Mapping[str, NDArray[Any]], name: str, gates: int, inputs: int, hidden: int
) -> Weights:
    rows = gates * hidden
    shapes = ((rows, inputs), (rows, hidden), (rows,), (rows,))
    parts = zip(Weights._fields, shapes, strict=True)
    return Weights(*(_weight(weights, f"{name}.{part}", shape) for part, shape in parts))


def _weight(weights: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Array:
    """One weight of ``shape`` in double precision."""
    if name not in weights or weights[name].shape != shape:
        raise ModelError(
            f"the model's weight {name} is not of the shape that its network has", "train it again"
        )
    return weights[name].astype(np.float64)
