"""What training tells its listeners, in the order it happens. Plain data: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from seqcli.results import ResultTable


@dataclass(frozen=True)
class PlanMade:
    """Task, columns, split and network are decided; nothing is trained yet."""

    task: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    parameters: ResultTable
    """Layer, shape, parameters; the last row is the total."""


@dataclass(frozen=True)
class StepDone:
    """One optimiser step; sent often, for a progress bar only."""

    phase: str
    """"fit", "refit" for the training over all rows after a test, "pretrain" for texts that are read ahead,
    "going_on" for a text's validation part once it has chosen."""
    step: int
    total_steps: int
    seconds: float


@dataclass(frozen=True)
class EpochDone:
    """One pass over the training part (or the equal share of a time budget)."""

    phase: str
    epoch: int
    epochs: int
    train_loss: float
    validation: dict[str, float]
    """Metrics on the validation part, the one that decides first, and "loss"; empty in the refit phase."""
    learning_rate: float
    clipped: float
    """Share of this epoch's steps whose gradient was clipped."""
    best: bool
    seconds: float
    last: bool = False
    """Whether the phase ends here."""
    written: str = ""
    """A line that the network wrote, where it writes."""


@dataclass(frozen=True)
class Notice:
    """One sentence worth a line on stderr."""

    text: str


@dataclass(frozen=True)
class Trained:
    """The run is over and the model directory is in place."""

    model: Path
    result: ResultTable
    """Test table: the network beside the baselines."""
    details: tuple[ResultTable, ...]
    rules: tuple[str, ...]
    replaced: str
    """One sentence on the model that stood there before, "" when there was none."""


@dataclass(frozen=True)
class Tested:
    """A backtest is over; nothing was saved."""

    result: ResultTable
    """Every forecast, the trained one first."""
    details: tuple[ResultTable, ...]


Event: TypeAlias = PlanMade | StepDone | EpochDone | Notice | Trained | Tested
