"""What a forecaster learns from and is scored by whose state is carried over all steps of a series."""

from __future__ import annotations

import time
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from seqcli.backends.carried import Reached, advance, answered, joined
from seqcli.backends.cells.cell import State
from seqcli.backends.network import Network
from seqcli.sequences import Batch, FloatArray, IntArray
from seqcli.tasks.forecasting.carried import ASKED, Lanes, known_ahead, pieces, reading, steps_of_a_pass
from seqcli.tasks.forecasting.windows import VALUES, ForecastWindows
from seqcli.training.batches import to_tensors
from seqcli.training.distributed import team
from seqcli.training.fit_setup import FitSetup
from seqcli.training.signals import Interrupt
from seqcli.training.stepping import Trainer

ANSWERED = 256
"""Windows that are answered together, where they are many."""
READ_AHEAD = 20_000
"""Steps ahead of the first window of a series that are read at most: a state has long forgotten older ones.

A saved model reads all: this bounds what each scoring in a training costs.
"""


class CarriedFeed:
    """Stretches that rows of a batch read on over; validation is read as a finished model reads."""

    def __init__(self, train: ForecastWindows, validation: ForecastWindows | None, setup: FitSetup) -> None:
        assert setup.bptt is not None
        self._train, self._validation, self._setup = train, validation, setup
        self._lanes = Lanes(train, setup.batch_size, setup.bptt, setup.seed)
        self.has_validation = validation is not None
        self.steps_per_pass = steps_of_a_pass(len(train), setup.batch_size, setup.bptt)

    def batch(self, step: int) -> Batch:
        """Stretches (B, T, F) with what is asked for in them, (B, Q, ...)."""
        batch = self._lanes.batch(step)
        return {name: part if name == ASKED else team().share(part) for name, part in batch.items()}

    def cells(self, step: int) -> int:
        """Every batch has as many."""
        return self._setup.batch_size * cast(int, self._setup.bptt)

    def validate(self, trainer: Trainer, interrupt: Interrupt) -> dict[str, float] | None:
        """The task's metrics and the loss."""
        if self._validation is None:
            return {}
        try:
            outputs = carried_outputs(cast(Network, trainer.network), self._validation, interrupt)
        except _Stopped:
            return None
        metrics, total = dict(self._setup.score(outputs, self._validation)), 0.0
        for begin in range(0, len(outputs), ANSWERED):
            rows = np.arange(begin, min(begin + ANSWERED, len(outputs)))
            batch = to_tensors({"said": outputs[rows], **self._validation.asked(rows)}, trainer.device)
            total += float(trainer.loss(batch.pop("said"), batch)) * len(rows)
        return {**metrics, "loss": total / len(outputs)}

    def scoring_seconds(self, trainer: Trainer) -> float:
        """One scoring, timed."""
        started = time.monotonic()
        self.validate(trainer, Interrupt())
        return time.monotonic() - started

    def identity(self) -> dict[str, Any]:
        """How many windows the training part has."""
        return {"training windows": len(self._train)}


class _Stopped(Exception):
    """The user does not want to wait."""


def carried_outputs(
    network: Network, examples: ForecastWindows, interrupt: Interrupt | None = None
) -> FloatArray:
    """Outputs (N, *answer_shape) for all windows, each step being read once."""
    device = next(network.parameters()).device
    network.eval()
    outputs = np.empty((len(examples), *network.spec.answer_shape), dtype=np.float32)
    held = _Held(network, len(examples.panel.names))
    waiting: list[tuple[IntArray, Reached]] = []
    with torch.inference_mode():
        for piece in pieces(examples, _begins(examples)):
            values = torch.from_numpy(reading(examples, piece.positions)[VALUES]).to(device)
            whose = torch.from_numpy(piece.series).to(device)
            reached = advance(network, values, held.of(whose))
            held.keep(whose, reached.states)
            if piece.rows is not None:
                waiting.append((piece.rows, reached))
            if sum(len(rows) for rows, _ in waiting) >= ANSWERED:
                _answer(network, examples, waiting, outputs)
                waiting = []
            if interrupt is not None and interrupt.requested:
                raise _Stopped
        if waiting:
            _answer(network, examples, waiting, outputs)
    return outputs


def _begins(examples: ForecastWindows) -> IntArray:
    """Where the reading of each series begins, (S,)."""
    first = np.full(len(examples.panel.names), np.iinfo(np.int64).max)
    np.minimum.at(first, examples.series, examples.origins)
    return np.asarray(np.maximum(examples.panel.offsets, first - READ_AHEAD), dtype=np.int64)


def _answer(
    network: Network,
    examples: ForecastWindows,
    waiting: list[tuple[IntArray, Reached]],
    outputs: FloatArray,
) -> None:
    """Put what is said from where some windows end, (B, *answer_shape), into ``outputs``."""
    rows = np.concatenate([rows for rows, _ in waiting])
    device = waiting[0][1].top.device
    ahead = to_tensors(known_ahead(examples, examples.origins[rows]), device)
    said = answered(network, joined([reached for _, reached in waiting]), ahead)
    outputs[rows] = said.float().cpu().numpy()


class _Held:
    """The state of each of S series, (S, r, H) a part; of those that have read nothing, zeros."""

    def __init__(self, network: Network, series: int) -> None:
        readers, hidden = network.spec.readers, network.spec.hidden_size
        weight = next(network.parameters())
        self._cells = [
            tuple(weight.new_zeros(series, readers, hidden) for _ in cell.states)
            for cell in network.encoder.forward_cells
        ]

    def of(self, series: Tensor) -> list[State]:
        """The states (B * r, H) of some series (B,)."""
        return [tuple(part[series].flatten(0, 1) for part in cell) for cell in self._cells]

    def keep(self, series: Tensor, states: list[State]) -> None:
        """Store states (B * r, H) as those of ``series`` (B,)."""
        for cell, state in zip(self._cells, states, strict=True):
            for part, now in zip(cell, state, strict=True):
                part[series] = now.view(len(series), *part.shape[1:])
