"""What a fit takes its batches from, and how it scores the network between epochs.

A feed is a pure function of the seed and the step: nothing about the order has to be saved.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

import torch

from seqcli.preprocessing.batching import sequential_batches
from seqcli.sequences import Batch, Batchable, Examples, IntArray, Windows
from seqcli.tasks.forecasting.windows import ForecastWindows
from seqcli.training.batches import BatchOrder, forward_batches, gather_for, to_tensors
from seqcli.training.distributed import Team, team
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
    if setup.loss == "written":
        from seqcli.training.translating import PairFeed

        assert isinstance(train, Batchable)
        assert validation is None or isinstance(validation, Batchable)
        return PairFeed(train, validation, setup)
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
        self._team = team()

    def batch(self, step: int) -> Batch:
        """Rows padded to (B, T[, F])."""
        batch = self._train.batch(self._team.share(self._order.rows(step)))
        return self._setup.change(batch, step) if self._setup.change else batch

    def cells(self, step: int) -> int:
        """Cells of the padded batch."""
        return _padded(self._train.lengths, self._order.rows(step))

    def validate(self, trainer: Trainer, interrupt: Interrupt) -> dict[str, float] | None:
        """The task's metrics and the loss."""
        if self._validation is None:
            return {}
        gathered, total = gather_for(trainer.network, self._validation), 0.0
        alone = len(self._validation) < self._team.size  # each process scores all of so few rows
        sharing = Team() if alone else self._team
        parts = sharing.share(self._scored())
        for rows, outputs, batch in forward_batches(trainer.network, self._validation, parts, trainer.device):
            gathered.put(rows, outputs)
            with torch.inference_mode():  # a chain's loss has weights of its own
                loss = trainer.loss(outputs, batch)
            total += float(loss) * len(rows)
            if interrupt.requested:
                return None
        metrics = dict(self._setup.score(sharing.add_up(gathered.outputs), self._validation))
        metrics["loss"] = sharing.sum(total) / len(self._validation)
        return metrics

    def _scored(self) -> list[IntArray]:
        """The validation rows of each batch: at least one for each process."""
        assert self._validation is not None
        most = max(len(self._validation) // self._team.size, 1)
        return sequential_batches(self._validation.lengths, min(self._setup.batch_size, most))

    def scoring_seconds(self, trainer: Trainer) -> float:
        """From the middle batch of the validation part."""
        if self._validation is None:
            return 0.0
        lengths, batches = self._validation.lengths, self._scored()
        middle = batches[len(batches) // 2]
        batch = to_tensors(self._validation.batch(middle), trainer.device)
        trainer.network.eval()
        started = time.monotonic()
        with torch.inference_mode():
            trainer.network(batch).sum().item()  # waits for the device
        every = sum(_padded(lengths, rows) for rows in batches)
        return (time.monotonic() - started) * every / _padded(lengths, middle) / self._team.size

    def identity(self) -> dict[str, Any]:
        """How many rows and steps the training part has."""
        lengths = self._train.lengths
        return {"training rows": len(lengths), "training steps in rows": int(lengths.sum())}


def _padded(lengths: IntArray, rows: IntArray) -> int:
    """Cells (B × T) of the padded batch that ``rows`` make."""
    return len(rows) * int(lengths[rows].max(initial=1))
