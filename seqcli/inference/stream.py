"""Reads a text, or sound, step by step, the state going in and coming out: the graph "step" of a model.

    tokens (B, T), h_0 (B, H), …  ──▶  step.onnx  ──▶  output (B, T, V), next_h_0 (B, H), …

One call reads a whole prompt, or one token. Plain calls: binding inputs and outputs to fixed memory saves
a tenth of a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from seqcli.errors import ModelError
from seqcli.inference.session import OUTPUT, GraphSession
from seqcli.model_dir import SavedModel
from seqcli.sequences import AnyArray, Batch, FloatArray

STEP = "step"
START = "start."
"""Ahead of a state's name, the name of the weight that it begins as."""

States: TypeAlias = dict[str, FloatArray]
"""State name → (B, H) of each of B streams."""


class StreamSession:
    """The step graph of one model. ``start`` holds the first state (H,) of each stream, by name."""

    def __init__(self, session: GraphSession, start: Mapping[str, AnyArray], size: int) -> None:
        """``size`` is V, the number of logits of a step."""
        self._session, self._size = session, size
        with np.errstate(over="ignore"):  # what is beyond float32 comes out as numbers that are not finite
            self._start = {name: np.asarray(first, dtype=np.float32)[None] for name, first in start.items()}
        self._outputs = [OUTPUT, *(f"next_{name}" for name in start)]
        self._fields = tuple(name for name in session.inputs if name not in start)

    @classmethod
    def open(cls, model: SavedModel, threads: int | None = None) -> StreamSession:
        """A session for a model that streams.

        Raises :class:`ModelError` when a state of the graph has no first value among the weights.
        """
        session = GraphSession.open(model, STEP, threads)
        fields = {item.field for item in model.network.inputs}
        weights, start = model.weights(), {}
        for name in session.inputs:
            if name not in fields:
                first = weights.get(START + name)
                if first is None and not model.network.streams:  # nothing was learnt of it: it is zero
                    first = np.zeros(model.network.hidden_size, np.float32)
                if first is None or first.shape != (model.network.hidden_size,):
                    raise ModelError(f"{model.path}: no weight says how the state {name} begins")
                start[name] = first
        return cls(session, start, model.network.output_shape[-1])

    def start(self, rows: int) -> States:
        """The states (B, H) of ``rows`` streams that have read nothing."""
        return {name: np.repeat(first, rows, axis=0) for name, first in self._start.items()}

    def read(self, batch: Batch, states: States | None = None) -> tuple[FloatArray, States]:
        """The next T steps of B streams: fields (B, T), states (B, H) → logits (B, T, V), states after.

        Without ``states`` all streams begin anew. Raises :class:`ModelError` when the graph fails or
        gives arrays of other shapes, or numbers that are not finite.
        """
        rows, steps = batch[self._fields[0]].shape[:2]
        if states is None:
            states = self.start(rows)
        feed: dict[str, Any] = {**batch, **states}
        logits, *after = self._session.run_named(self._outputs, feed)
        if logits.shape != (rows, steps, self._size):
            raise ModelError(f"{self._session.name}: gives {logits.shape} logits for {rows} × {steps} steps")
        for name, state in zip(states, after, strict=True):
            if state.shape != states[name].shape:
                raise ModelError(f"{self._session.name}: gives a state {name} of another shape")
        return logits, dict(zip(states, after, strict=True))
