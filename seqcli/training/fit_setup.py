"""What a fit is asked to do, and what it came to: plain data, no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ResourceError, UsageError
from seqcli.sequences import Batch, Examples

Scoring: TypeAlias = Callable[[NDArray[np.float32], Examples], dict[str, float]]
Write: TypeAlias = Callable[[Any], str]
Watch: TypeAlias = Callable[[Any], None]
Change: TypeAlias = Callable[[Batch, int], Batch]
_CALLS = ("score", "write", "watch", "change")


def _no_score(outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
    """The loss alone is enough."""
    return {}


@dataclass(frozen=True)
class FitSetup:
    """All that shapes one fit besides the network and the examples.

    The length is ``epochs`` passes, ``steps`` optimiser steps, or what fits into ``time_budget`` seconds;
    of those that are given whichever is least.
    """

    loss: str
    """Name in the registry of losses."""
    batch_size: int
    learning_rate: float
    """Peak of the schedule."""
    epochs: int | None = None
    steps: int | None = None
    time_budget: float | None = None
    stop_at: int | None = None
    """The step of the planned ones at whose scoring the fit ends; None: at the last."""
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    clip_value: float | None = None
    """Clip each element to ±this, instead of the global norm."""
    patience: int | None = None
    """Epochs without a better metric before the end; None: never."""
    seed: int = 0
    phase: str = "fit"
    """"fit", "refit" for the training over all rows after a test, "pretrain" for texts that are read ahead,
    "going_on" for a text's validation part once it has chosen."""
    score: Scoring = _no_score
    """Outputs (N, *output_shape) and their examples → metrics by name."""
    metric: str = "loss"
    """The key of ``score`` (or "loss") that decides which epoch is best."""
    higher_is_better: bool = False
    device: str = "cpu"
    optimizer: str = "adamw"
    label_smoothing: float = 0.0
    """Share of certainty that a cross-entropy spreads over all classes, in training alone."""
    ema: float | None = None
    """Decay a step of the moving average of the weights that is scored and kept; None: the weights are."""
    bptt: int | None = None
    """Steps after which gradients are cut, of a text that is read on and on; None: rows are read whole."""
    line_end: int | None = None
    """The token that ends a line of such a text, where lines have one."""
    backend: str = "torch"
    precision: str = "float32"
    """Of the numbers in large products: "float32" or "bfloat16"; weights and sums are float32."""
    write: Write | None = None
    """What a network has learnt to write by now, as one line; None where it does not write."""
    watch: Watch | None = None
    """Called after each step with the gradient's norm ahead of clipping, (); nothing depends on it."""

    change: Change | None = None
    """What a training batch becomes at a step, where it is changed at random."""

    def __post_init__(self) -> None:
        if self.epochs is None and self.steps is None and self.time_budget is None:
            raise ValueError("a fit needs epochs, steps or a time budget")
        for name, limit in (("--clip-norm", self.clip_norm), ("--clip-value", self.clip_value)):
            if limit is not None and limit <= 0:
                raise UsageError(
                    f"{name} {limit:g} would clip every gradient to nothing",
                    f"{name} takes a number above 0; 1 is usual",
                )

    def to_json(self) -> dict[str, Any]:
        """Every choice as a JSON value: what a resumed fit must agree with."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _CALLS}


def out_of_memory(setup: FitSetup) -> ResourceError:
    """The error for a step that needs more memory than there is."""
    return ResourceError(
        f"memory ran out with {setup.batch_size} examples a step",
        f"--batch-size {max(1, setup.batch_size // 2)} needs about half",
    )


@dataclass(frozen=True)
class FitOutcome:
    """What a fit came to; the best weights are in the network."""

    epochs: int
    """Epochs run."""
    steps: int
    """Optimiser steps run."""
    best_epoch: int
    """The epoch whose weights were kept, counted from 1; the last one without validation."""
    best_step: int
    """Steps up to the end of that epoch."""
    best: dict[str, float]
    """Validation metrics of that epoch, "loss" among them; empty without validation."""
    history: list[dict[str, Any]]
    """One JSON row an epoch, without wall-clock times, so that equal runs give equal files."""
    clipped: float
    """Share of all steps whose gradient was clipped."""
    seconds: float
    """Time spent, over all sessions of a resumed fit."""
    reason: str
    """One sentence on why it ended there."""
    replay: dict[str, int | None]
    """Training options that repeat a time budget's run exactly; empty for other runs."""
