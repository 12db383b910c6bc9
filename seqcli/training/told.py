"""What the loop is told, from the choices that a run has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcli.training.chained import changer, scoring
from seqcli.training.fit_setup import FitSetup
from seqcli.training.refusals import training_device
from seqcli.training.streams import writer

if TYPE_CHECKING:
    from seqcli.training.run import Run


def fit_setup(run: Run) -> FitSetup:
    """What the loop is told, from the choices made."""
    training, task = run.options.training, run.prepared.task
    return FitSetup(
        loss=run.prepared.loss,
        batch_size=training.batch_size or 1,
        learning_rate=training.learning_rate or 0.0,
        epochs=training.epochs,
        steps=training.steps,
        time_budget=training.time_budget,
        stop_at=training.stop_at,
        weight_decay=training.weight_decay,
        clip_norm=training.clip_norm,
        clip_value=training.clip_value,
        patience=training.patience,
        seed=training.seed,
        score=scoring(task, run.network),
        metric=task.metric,
        higher_is_better=task.higher_is_better,
        device=str(training_device(training)),
        optimizer=training.optimizer or "adamw",
        label_smoothing=training.label_smoothing or 0.0,
        ema=training.ema or None,
        bptt=training.bptt,
        backend=training.backend,
        write=writer(run.prepared.writing),
        change=changer(task, training.seed),
    )
