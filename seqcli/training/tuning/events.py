"""What a tuning tells its listeners, beside the events of its trainings. Plain data: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from seqcli.results import ResultTable
from seqcli.training.events import Event
from seqcli.training.tuning.trials import Ranking, Trial


@dataclass(frozen=True)
class TuningPlan:
    """What is tried, said once the plan of the training itself is made."""

    lines: tuple[str, ...]
    ranking: Ranking
    trials: int | None
    """How many trials there will be, None where time alone ends them."""
    seconds_left: float | None
    done: tuple[Trial, ...]
    """Those of an earlier session."""


@dataclass(frozen=True)
class TrialBegun:
    """A training is about to be tried."""

    number: int
    changes: dict[str, Any]


@dataclass(frozen=True)
class TrialDone:
    """A trial is over, and kept."""

    trial: Trial
    best: bool
    """Whether it is the best so far."""


@dataclass(frozen=True)
class Tuned:
    """The tuning is over and the configuration is in place."""

    result: ResultTable
    config: Path
    notes: tuple[str, ...]
    """What the ranking is worth, in sentences."""
    command: str
    """What trains with the configuration, ready for a shell."""


TuningEvent: TypeAlias = Event | TuningPlan | TrialBegun | TrialDone | Tuned
