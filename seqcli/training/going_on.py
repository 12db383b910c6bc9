"""What a text network does once the validation text has chosen it: it reads that text as well.

A text is cut in its order, so the validation text is what lies nearest to what comes after: of a novel its
next chapters, with people and words that the training text may not have met. It has said by then which
weights are best and is not needed for anything else; the test text stays unread. A part of the rows of each
step reads the validation text, a few times over, the others go on with the training text, or it would
be forgotten. (Validation text and the newest training text alone made what came after it no better:
``benchmarks/generate.py`` with ``--no-refit`` shows what going on is worth.)
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np

from seqcli.sequences import TARGET, Batch, Windows
from seqcli.tasks.base import Prepared
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.distributed import team
from seqcli.training.events import EpochDone, Notice, StepDone
from seqcli.training.fit_setup import FitOutcome, FitSetup
from seqcli.training.loop import fit
from seqcli.training.sentences import count
from seqcli.training.signals import Interrupt
from seqcli.training.stepping import Trainer
from seqcli.training.streams import StreamFeed

STEPS = 0.12
"""How many steps it goes on for, as a share of those that led to the best weights."""
SLOWER = 0.25
"""Its highest learning rate, as a share of the first one: of plays a quarter left 1.477 nats of what came
after, a half 1.487, and 1.494 without going on."""
PASSES = 2.0
"""How often the validation text is read."""
MOST = 0.5
"""Share of the rows that read it at most."""


def goes_on(prepared: Prepared, wanted: bool, setup: FitSetup) -> bool:
    """Whether there is validation text to go on with."""
    if not (wanted and prepared.goes_on and isinstance(prepared.validation, Windows)):
        return False
    return setup.batch_size > 1 and len(prepared.validation.past[TARGET]) > (setup.bptt or 0)


def shortened(setup: FitSetup) -> FitSetup:
    """``setup`` that leaves of its time budget what going on takes."""
    budget = setup.time_budget
    return setup if budget is None else replace(setup, time_budget=round(budget / (1 + STEPS), 1))


def go_on_over_validation(
    network: Any,
    prepared: Prepared,
    setup: FitSetup,
    outcome: FitOutcome,
    checkpoints: CheckpointStore | None,
) -> Generator[StepDone | EpochDone | Notice, None, FitOutcome]:
    """Train ``network`` on, as ``setup`` says, over training and validation text together."""
    train, validation = prepared.train, prepared.validation
    assert isinstance(train, Windows)
    assert isinstance(validation, Windows)
    steps = max(1, math.ceil(STEPS * outcome.best_step))
    again = replace(
        setup,
        phase="going_on",
        steps=steps,
        epochs=None,
        time_budget=None,
        stop_at=None,
        patience=None,
        learning_rate=SLOWER * setup.learning_rate,
    )
    feed = BothFeed(train, validation, again, steps)
    return (yield from fit(network, train, None, again, checkpoints, feed))


def going_on_sentence(prepared: Prepared, outcome: FitOutcome) -> str:
    """What was done after validation had chosen, for the rules that a training kept."""
    return (
        f"training: then, ahead of the test, it went on over training and validation {prepared.unit} for "
        f"{count(outcome.steps, 'step')} (--no-refit leaves it as it was chosen)"
    )


class BothFeed:
    """Rows of the validation text, then rows of the training text."""

    has_validation = False

    def __init__(self, train: Windows, validation: Windows, setup: FitSetup, steps: int) -> None:
        assert setup.bptt is not None
        rows, length = setup.batch_size, len(validation.past[TARGET])
        wanted = PASSES * length / (steps * setup.bptt)
        new = int(np.clip(round(wanted), 1, max(1, int(MOST * rows))))
        self._new = StreamFeed(validation.past, None, replace(setup, batch_size=new))
        self._known = StreamFeed(train.past, None, replace(setup, batch_size=rows - new))
        self._cells = rows * setup.bptt
        self.steps_per_pass = steps

    def batch(self, step: int) -> Batch:
        """The next K steps of each row, (B, K), and which rows begin anew, ``fresh`` (B,)."""
        parts = [feed.whole_batch(step) for feed in (self._new, self._known)]
        return {name: team().share(np.concatenate([part[name] for part in parts])) for name in parts[0]}

    def cells(self, step: int) -> int:
        """Every batch has as many."""
        return self._cells

    def validate(self, trainer: Trainer, interrupt: Interrupt) -> dict[str, float] | None:
        """There is nothing left to score it on."""
        return {}

    def scoring_seconds(self, trainer: Trainer) -> float:
        """It is never scored."""
        return 0.0

    def identity(self) -> dict[str, Any]:
        """How long both texts are."""
        return {**self._known.identity(), "validation tokens": self._new.identity()["training tokens"]}
