"""Runs a forecaster whose state is carried over all steps of a series: its graph "step".

    values (B, T, F), ahead (B, …), h_0 (B, H), …  ──▶  step.onnx  ──▶  output (B, …), next_h_0 (B, H), …

One call reads the rows of a whole file, or the one row that came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from seqcli.errors import ModelError
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import OUTPUT, GraphSession
from seqcli.inference.stream import STEP, States
from seqcli.model_dir import SavedModel
from seqcli.sequences import Batch, Examples, FloatArray, IntArray
from seqcli.tasks.forecasting.carried import pieces, reading
from seqcli.tasks.forecasting.windows import ForecastWindows, windows_of

if TYPE_CHECKING:
    from seqcli.tasks.forecasting.panel import Panel

Outputs: TypeAlias = Callable[[Examples], FloatArray]
"""What a saved network says of examples: (N, *answer_shape)."""


def network_outputs(model: SavedModel) -> Outputs:
    """What the network of a saved model says, whether it carries its state or not."""
    if model.network.stateful:
        reader = CarriedReader(model)
        return lambda examples: reader.outputs(windows_of(examples))
    session = GraphSession.open(model)
    return lambda examples: outputs_for(session, examples)


class CarriedReader:
    """The step graph of one model, and for each series of a panel how far it was read."""

    def __init__(self, model: SavedModel) -> None:
        self._session, self._spec = GraphSession.open(model, STEP), model.network
        fields = {item.field for item in model.network.inputs}
        self._names = [name for name in self._session.inputs if name not in fields]
        self._outputs = [OUTPUT, *(f"next_{name}" for name in self._names)]
        self._panel: Panel | None = None
        self._read: IntArray = np.zeros(0, dtype=np.int64)
        self._states: States = {}

    def start(self, series: int) -> States:
        """The states (S, r, H) of ``series`` that have read nothing; r readers read each."""
        shape = (series, self._spec.readers, self._spec.hidden_size)
        return {name: np.zeros(shape, dtype=np.float32) for name in self._names}

    def read(self, batch: Batch, states: States) -> tuple[FloatArray, States]:
        """The next steps of B series, states (B, r, H) → what is said after them, and the states then.

        Raises :class:`ModelError` when the graph fails or gives arrays of other shapes, or numbers that are
        not finite.
        """
        flat = {name: state.reshape(-1, state.shape[-1]) for name, state in states.items()}
        outputs, *after = self._session.run_named(self._outputs, {**batch, **flat})
        rows = len(batch[self._spec.inputs[0].field])
        same = (state.shape == old.shape for state, old in zip(after, flat.values(), strict=True))
        if outputs.shape != (rows, *self._spec.answer_shape) or not all(same):
            raise ModelError(f"{self._session.name}: gives arrays of other shapes than its network")
        kept = zip(states.items(), after, strict=True)
        return outputs, {name: state.reshape(old.shape) for (name, old), state in kept}

    def outputs(self, examples: ForecastWindows) -> FloatArray:
        """What is said at the end of every window: (N, *answer_shape).

        Windows of one panel may come in several parts, the older ones of each series first: each step of the
        panel is read once.
        """
        panel = examples.panel
        if panel is not self._panel:
            self._panel, self._read = panel, panel.offsets.copy()
            self._states = self.start(len(panel.names))
        outputs = np.empty((len(examples), *self._spec.answer_shape), dtype=np.float32)
        for piece in pieces(examples, self._read):
            states = {name: state[piece.series] for name, state in self._states.items()}
            said, after = self.read(reading(examples, piece.positions), states)
            for name, state in after.items():
                self._states[name][piece.series] = state
            self._read[piece.series] = piece.positions[:, -1] + 1
            if piece.rows is not None:
                outputs[piece.rows] = said
        return outputs
