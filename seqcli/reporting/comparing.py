"""A comparison as it goes: a line that moves for the training at hand, one that stays for each before it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from seqcli.reporting.live import show_plan
from seqcli.reporting.progress import REDRAW, bar, clock, shown_until
from seqcli.reporting.screen import Screen, is_plain
from seqcli.training.comparing.entries import BASELINE, Entry, Outcome
from seqcli.training.comparing.events import Begun, Compared, ComparisonEvent, ComparisonPlan, Doing, Done
from seqcli.training.events import EpochDone, Notice, PlanMade, StepDone
from seqcli.training.tuning.said import score_said


class ComparisonView:
    """Shows the events of a comparison on the screen and hands back the last one."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._plan = ComparisonPlan((), "", 1, 0)
        self._number = 0
        self._called = ""
        self._share = self._drawn = 0.0
        self._begun: float | None = None
        self._trained = 0

    def follow(self, events: Iterable[ComparisonEvent]) -> Compared:
        """Show every event as it comes; return the end of the comparison."""
        return shown_until(self._screen, Compared, events, self._handle)

    def _handle(self, event: ComparisonEvent) -> None:
        match event:
            case PlanMade():
                show_plan(self._screen, event)
            case ComparisonPlan():
                self._plan, self._number = event, event.done
                for line in event.lines:
                    self._screen.line(line)
            case Doing():
                self._screen.move(self._screen.styled(f"{event.text} …", "dim"))
            case Begun():
                self._number += 1
                self._called, self._share = called(event.entry, event.seed), 0.0
                self._begun = self._begun or time.monotonic()
                self._move()
            case StepDone():
                self._share = event.step / max(event.total_steps, 1)
                if time.monotonic() - self._drawn > REDRAW:
                    self._move()
            case EpochDone():
                score = event.validation.get(self._plan.metric)
                if score is not None:
                    told = score_said(self._plan.metric, score)
                    self._screen.detail(f"{self._called}, epoch {event.epoch}/{event.epochs} · {told}")
            case Done():
                self._on_done(event.outcome)
            case Notice():
                self._screen.detail(event.text)

    def _on_done(self, outcome: Outcome) -> None:
        """One line on what a training came to."""
        name = called(outcome.entry, outcome.seed)
        if outcome.reason:
            self._screen.line(f"{name}: failed: {outcome.reason}")
            return
        score = outcome.validation.get(self._plan.metric)
        told = score_said(self._plan.metric, score) if score is not None else "no score"
        if outcome.entry.kind == BASELINE:
            self._screen.line(f"{name}: {told}")
            return
        self._trained += 1
        seconds = f" in {clock(outcome.seconds)}" if outcome.seconds is not None else ""
        left = self._left()
        self._screen.line(
            f"{self._number} of {self._plan.total}, {name}: {told}{seconds}"
            + (f" · {left}" if left and not self._screen.live else "")
        )

    def _left(self) -> str:
        ahead = self._plan.total - self._number
        if self._begun is None or not ahead or not self._trained:
            return ""
        return f"about {clock(ahead * (time.monotonic() - self._begun) / self._trained)} left"

    def _move(self) -> None:
        """Redraw the line of the training at hand, on a terminal."""
        if not self._screen.live:
            return
        self._drawn = time.monotonic()
        parts = (f"{self._number} of {self._plan.total}", self._called, f"{self._share:.0%}", self._left())
        told = " · ".join(part for part in parts if part)
        width = self._screen.width - 1
        full, empty = bar(self._share, width - len(told) - 1, is_plain(self._screen.stream))
        gap = " " if full or empty else ""
        self._screen.move(
            self._screen.styled(full, "cyan") + self._screen.styled(empty + gap + told[:width], "dim")
        )


def called(entry: Entry, seed: int) -> str:
    """A training in a line: "GRU, both ways, 100 rows, seed 1"."""
    rows = f", {entry.rows:,} rows" if entry.rows is not None else ""
    return f"{entry.title}{rows}" if entry.kind == BASELINE else f"{entry.title}{rows}, seed {seed}"
