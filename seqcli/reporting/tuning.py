"""A tuning as it goes: a line that moves for the trial at hand, and one that stays for each that is over."""

from __future__ import annotations

import time
from collections.abc import Iterable

from seqcli.reporting.live import show_plan
from seqcli.reporting.progress import REDRAW, bar, clock, shown_until
from seqcli.reporting.screen import Screen, is_plain
from seqcli.training.events import EpochDone, Notice, PlanMade, StepDone
from seqcli.training.tuning.events import TrialBegun, TrialDone, Tuned, TuningEvent, TuningPlan
from seqcli.training.tuning.said import changes_said, score_said
from seqcli.training.tuning.trials import Trial


class TuningView:
    """Shows the events of a tuning on the screen and hands back the last one."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._plan: TuningPlan | None = None
        self._done: list[Trial] = []
        self._begun = self._trial_begun = time.monotonic()
        self._number = 0
        self._epoch = ""
        self._share = 0.0
        self._drawn = 0.0

    def follow(self, events: Iterable[TuningEvent]) -> Tuned:
        """Show every event as it comes; return the end of the tuning."""
        return shown_until(self._screen, Tuned, events, self._handle)

    def _handle(self, event: TuningEvent) -> None:
        match event:
            case PlanMade():
                show_plan(self._screen, event)
            case TuningPlan():
                self._plan, self._done = event, list(event.done)
                self._begun = time.monotonic()
                for line in event.lines:
                    self._screen.line(line)
            case TrialBegun():
                self._number, self._epoch, self._share = event.number, "", 0.0
                self._trial_begun = time.monotonic()
                self._move()
            case StepDone():
                self._share = event.step / max(event.total_steps, 1)
                if time.monotonic() - self._drawn > REDRAW:
                    self._move()
            case EpochDone():
                self._on_epoch(event)
            case TrialDone():
                self._on_trial(event)
            case Notice():
                self._screen.line(event.text)

    def _on_epoch(self, event: EpochDone) -> None:
        name, score = next(iter(event.validation.items()), ("", 0.0))
        self._epoch = f"epoch {event.epoch}/{event.epochs}"
        if name:
            self._epoch += f" · {score_said(name, score)}"
        self._screen.detail(f"trial {self._number}, {self._epoch}")
        self._move()

    def _on_trial(self, event: TrialDone) -> None:
        """One line on what a trial came to, and how long the others will take."""
        trial = event.trial
        self._done.append(trial)
        assert self._plan is not None
        took = f"in {clock(trial.seconds)}"
        if trial.score is None:
            came = f"failed {took}: {trial.reason}"
        else:
            behind = "fell behind " if trial.state == "pruned" else ""
            came = f"{score_said(self._plan.ranking.metric, trial.score)} {behind}{took}"
        best = " · best so far" if event.best and trial.number > 1 else ""
        left = self._left(0.0)
        self._share = 0.0
        told = f" · {left}" if left and not self._screen.live else ""
        self._screen.line(f"{self._called(trial.number)}: {came} · {changes_said(trial.changes)}{best}{told}")

    def _called(self, number: int) -> str:
        assert self._plan is not None
        return f"trial {number}" + (f" of {self._plan.trials}" if self._plan.trials else "")

    def _move(self) -> None:
        """Redraw the line of the trial at hand, on a terminal."""
        if not self._screen.live or self._plan is None:
            return
        self._drawn = time.monotonic()
        left = self._left(self._drawn - self._trial_begun)
        parts = (self._called(self._number), f"{self._share:.0%}", self._epoch, left)
        told = " · ".join(part for part in parts if part)
        width = self._screen.width - 1
        full, empty = bar(self._share, width - len(told) - 1, is_plain(self._screen.stream))
        gap = " " if full or empty else ""
        line = self._screen.styled(full, "cyan") + self._screen.styled(empty + gap + told[:width], "dim")
        self._screen.move(line)

    def _left(self, spent: float) -> str:
        """How long the rest takes, when the trial at hand has taken ``spent`` so far; "" where none knows."""
        assert self._plan is not None
        seconds = [trial.seconds for trial in self._done]
        if not seconds and self._share > 0:
            seconds = [spent / self._share]
        lefts = []
        if seconds and self._plan.trials is not None:
            ahead = self._plan.trials - len(self._done)
            if not ahead:
                return ""
            lefts.append(max(ahead * sum(seconds) / len(seconds) - spent, 0.0))
        if self._plan.seconds_left is not None:
            lefts.append(max(self._plan.seconds_left - (time.monotonic() - self._begun), 0.0))
        return f"about {clock(min(lefts))} left" if lefts else ""
