"""What a fit takes its batches from, and how it scores the network between epochs.

A feed is a pure function of the seed and the step: nothing about the order has to be saved.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

import torch

from seqcli.preprocessing.batching import sequential_batches
from seqcli.sequences import Batch, Examples, IntArray, Windows
from seqcli.tasks.forecasting.windows import ForecastWindows
from seqcli.training.batches import BatchOrder, forward_batches, gather_for, to_tensors
from seqcli.training.fit_setup import FitSetup
from seqcli.training.signals import Interrupt
from seqcli.training.stepping import Trainer


class Feed(Protocol):
    """The training and the validation part of one fit."""

    steps_per_pass: int
    has_validation: bool

    def batch(self, step: int) -> Batch:
        """The batch of step ``step``, counted from 0 over all passes."""

    def cells(self, step: int) -> int:
        """Cells (B × T) of that batch, padding included: what its time goes with."""

    def validate(self, trainer: Trainer, interrupt: Interrupt) -> dict[str, float] | None:
        """Metrics and the loss on the validation part ({} where there is none); None when interrupted."""

    def scoring_seconds(self, trainer: Trainer) -> float:
        """What :meth:`validate` takes, from a part of it."""

    def identity(self) -> dict[str, Any]:
        """What a resumed run must agree with."""


def make_feed(train: Examples, validation: Examples | None, setup: FitSetup) -> Feed:
    """Rows in buckets; where ``setup`` cuts gradients after so many steps, a text or series read on."""
    if setup.bptt is None:
        return RowFeed(train, validation, setup)
    if isinstance(train, ForecastWindows):
        from seqcli.training.carried import CarriedFeed

        assert validation is None or isinstance(validation, ForecastWindows)
        return CarriedFeed(train, validation, setup)
    from seqcli.training.streams import StreamFeed

    assert isinstance(train, Windows)
    assert validation is None or isinstance(validation, Windows)
    return StreamFeed(train.past, validation.past if validation else None, setup)


class RowFeed:
    """Examples in batches of similar length; each pass takes every row once."""

    def __init__(self, train: Examples, validation: Examples | None, setup: FitSetup) -> None:
        self._train, self._validation, self._setup = train, validation, setup
        self._order = BatchOrder(train.lengths, setup.batch_size, setup.seed)
        self.steps_per_pass = self._order.steps_per_pass
        self.has_validation = validation is not None

    def batch(self, step: int) -> Batch:
        """Rows padded to (B, T[, F])."""
        batch = self._train.batch(self._order.rows(step))
        return self._setup.change(batch, step) if self._setup.change else batch

    def cells(self, step: int) -> int:
        """Cells of the padded batch."""
        return _padded(self._train.lengths, self._order.rows(step))

    def validate(self, trainer: Trainer, interrupt: Interrupt) -> dict[str, float] | None:
        """The task's metrics and the loss."""
        if self._validation is None:
            return {}
        gathered, total = gather_for(trainer.network, self._validation), 0.0
        size = self._setup.batch_size
        for rows, outputs, batch in forward_batches(trainer.network, self._validation, size, trainer.device):
            gathered.put(rows, outputs)
            with torch.inference_mode():  # a chain's loss has weights of its own
                loss = trainer.loss(outputs, batch)
            total += float(loss) * len(rows)
            if interrupt.requested:
                return None
        metrics = dict(self._setup.score(gathered.outputs, self._validation))
        metrics["loss"] = total / len(self._validation)
        return metrics

    def scoring_seconds(self, trainer: Trainer) -> float:
        """From the middle batch of the validation part."""
        if self._validation is None:
            return 0.0
        lengths = self._validation.lengths
        batches = sequential_batches(lengths, self._setup.batch_size)
        middle = batches[len(batches) // 2]
        batch = to_tensors(self._validation.batch(middle), trainer.device)
        trainer.network.eval()
        started = time.monotonic()
        with torch.inference_mode():
            trainer.network(batch).sum().item()  # waits for the device
        every = sum(_padded(lengths, rows) for rows in batches)
        return (time.monotonic() - started) * every / _padded(lengths, middle)

    def identity(self) -> dict[str, Any]:
        """How many rows and steps the training part has."""
        lengths = self._train.lengths
        return {"training rows": len(lengths), "training steps in rows": int(lengths.sum())}


def _padded(lengths: IntArray, rows: IntArray) -> int:
    """Cells (B × T) of the padded batch that ``rows`` make."""
    return len(rows) * int(lengths[rows].max(initial=1))
