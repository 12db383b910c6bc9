"""What a comparison tells its listeners, beside the events of its trainings. Plain data: no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from seqcli.results import ResultTable
from seqcli.training.comparing.entries import Entry, Outcome, Standing
from seqcli.training.events import Event


@dataclass(frozen=True)
class ComparisonPlan:
    """What is compared, said once the plan of the training itself is made."""

    lines: tuple[str, ...]
    metric: str
    total: int
    """Trainings there will be, those of an earlier session among them."""
    done: int


@dataclass(frozen=True)
class Doing:
    """What goes on between trainings."""

    text: str


@dataclass(frozen=True)
class Begun:
    """A training begins."""

    entry: Entry
    seed: int


@dataclass(frozen=True)
class Done:
    """A training, or a baseline, is over, and noted."""

    outcome: Outcome


@dataclass(frozen=True)
class Compared:
    """The comparison is over."""

    result: ResultTable
    details: tuple[ResultTable, ...]
    notes: tuple[str, ...]
    """What the table says, in sentences."""
    standings: tuple[Standing, ...] = ()
    by_length: dict[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)
    """Name → (length, seconds) of a training step."""


ComparisonEvent: TypeAlias = Event | ComparisonPlan | Doing | Begun | Done | Compared
