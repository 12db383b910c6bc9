"""A training as it goes: a live table of epochs with a progress bar, or a few lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from seqcli.reporting.progress import PAUSE, REDRAW, bar, time_left, waiting
from seqcli.reporting.screen import Screen, is_plain
from seqcli.reporting.tables import drawn
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.training.events import EpochDone, Event, Notice, PlanMade, StepDone, Tested, Trained

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

End = TypeVar("End", Trained, Tested)
_ROWS = 10
"""Epochs that the live table shows: the latest."""
TITLES = {
    "refit": "training over all rows",
    "pretrain": "learning to foresee words",
    "going_on": "reading the validation text, too",
}
AHEAD = {"refit": "all rows", "pretrain": "foreseeing words", "going_on": "validation text, too"}
"""What is said of a phase other than the fit: above its table, and ahead of its line."""


class TrainingView:
    """Shows the events of one training on the screen and hands back the last one."""

    def __init__(self, screen: Screen) -> None:
        self.task = ""
        """What was learned, once the plan is made: "classify", "forecast", "language"."""
        self._screen = screen
        self._epochs: list[EpochDone] = []
        self._step: StepDone | None = None
        self._live: Live | None = None
        self._drawn = 0.0
        self._said = 0.0
        self._unsaid: EpochDone | None = None
        self._between = ExitStack()
        """Takes back the line on what goes on between two phases."""

    def follow(self, events: Iterable[Event]) -> Trained:
        """Show every event as it comes; return the end of the training."""
        return self._until(Trained, events)

    def follow_backtest(self, events: Iterable[Event]) -> Tested:
        """The same of trainings that are tested and not kept."""
        return self._until(Tested, events)

    def _until(self, kind: type[End], events: Iterable[Event]) -> End:
        """Show every event; return the one of ``kind``."""
        result: End | None = None
        try:
            with waiting(self._screen, "reading"):
                events = iter(events)
                first = next(events)
            self._handle(first)
            for event in events:
                if isinstance(event, kind):
                    result = event
                self._handle(event)
        finally:
            self._between.close()
            self._end_phase()
        if result is None:
            raise RuntimeError("the training ended without a result")
        return result

    def _handle(self, event: Event) -> None:
        self._between.close()
        match event:
            case PlanMade():
                self.task = event.task
                show_plan(self._screen, event)
            case StepDone():
                self._on_step(event)
            case EpochDone():
                self._on_epoch(event)
            case Notice():
                self._say(event.text)
            case Trained() | Tested():
                self._end_phase()
                if not self._screen.live or isinstance(event, Tested):
                    self._screen.line("")

    def _on_step(self, event: StepDone) -> None:
        if self._step is not None and self._step.phase != event.phase:
            self._end_phase()
        self._step = event
        if self._screen.live and time.monotonic() - self._drawn > REDRAW:
            self._draw()

    def _on_epoch(self, event: EpochDone) -> None:
        if self._epochs and self._epochs[-1].phase != event.phase:
            self._end_phase()
        self._epochs.append(event)
        if self._screen.live:
            self._draw()
            if event.last:
                self._end_phase()
                if event.phase != "pretrain":
                    what = "testing beside the baselines" if event.phase == "fit" else "saving"
                    self._between.enter_context(waiting(self._screen, what))
            return
        self._unsaid = event
        now = time.monotonic()
        if event.epoch == 1 or self._screen.verbose or now - self._said > PAUSE:
            self._say_epoch(now)
        if event.last:
            self._end_phase()

    def _say_epoch(self, now: float) -> None:
        """One line on the latest epoch."""
        if self._unsaid is not None:
            self._screen.line(epoch_line(self._unsaid))
            if self._unsaid.written:
                self._screen.line(f"  writes: {one_line(self._unsaid.written)}", "dim")
        self._unsaid = None
        self._said = now

    def _say(self, text: str) -> None:
        """One line; above the table while that is live."""
        if self._live is None:
            self._screen.line(text)
        else:
            self._live.console.print(text)

    def _end_phase(self) -> None:
        """Leave the table of epochs on the screen and forget it."""
        if self._live is not None:
            self._step = None
            self._draw()
            self._live.stop()
            self._live = None
            self._screen.line("")
        self._say_epoch(time.monotonic())
        self._epochs, self._step = [], None

    def _draw(self) -> None:
        """Redraw the table and the bar, starting them when they are not there."""
        from rich.console import Group
        from rich.live import Live

        parts: list[RenderableType] = []
        if self._epochs:
            table = epoch_table(self._epochs)
            parts.append(drawn(table, self._screen.console.width, is_plain(self._screen.stream)))
            if self._epochs[-1].written:
                parts.append(written_text(self._epochs[-1].written, self._screen.console.width))
        if self._step is not None:
            parts.append(progress_text(self._step, self._screen.console.width, is_plain(self._screen.stream)))
        if self._live is None:
            self._live = Live(console=self._screen.console, auto_refresh=False, redirect_stdout=False)
            self._live.start()
        self._live.update(Group(*parts), refresh=True)
        self._drawn = time.monotonic()


def show_plan(screen: Screen, plan: PlanMade) -> None:
    """What was found and decided, and the network's parameters."""
    for line in plan.lines:
        screen.line(line)
    for text in plan.warnings:
        screen.warn(text)
    if screen.quiet:
        return
    screen.line("")
    screen.show(drawn(plan.parameters, screen.console.width, is_plain(screen.stream)))
    screen.line("")


def epoch_table(epochs: list[EpochDone]) -> ResultTable:
    """The latest epochs of one phase, and the best one where it is no longer among them."""
    best = max((epoch.epoch for epoch in epochs if epoch.best), default=0)
    latest = epochs[-_ROWS:]
    if best and best < latest[0].epoch:
        latest = [epochs[best - epochs[0].epoch], *latest[1:]]
    measured = measures(latest[-1])
    columns = [ResultColumn("epoch")]
    for place, name in enumerate(measured):
        shown = "validation loss" if name == "loss" else name.replace("_", " ")
        columns.append(ResultColumn(shown, ".4f", emphasis=place == 0))
    columns += [
        ResultColumn("train loss", ".4f"),
        ResultColumn("rate", ".1e"),
        ResultColumn("clipped", ".0%"),
    ]
    columns += [ResultColumn("best")] if measured else []
    rows: list[tuple[Cell, ...]] = []
    for epoch in latest:
        row: list[Cell] = [epoch.epoch, *(epoch.validation.get(name) for name in measured)]
        row += [epoch.train_loss, epoch.learning_rate, epoch.clipped]
        row += [("best" if epoch.epoch == best else "")] if measured else []
        rows.append(tuple(row))
    title = TITLES.get(latest[-1].phase, "")
    return ResultTable(title, tuple(columns), rows)


def measures(epoch: EpochDone) -> list[str]:
    """What is shown of the validation part: the metric that decides which epoch is best, and the loss."""
    first = next(iter(epoch.validation), "loss")
    shown = [first] if first == "nats" else [first, "loss"]  # nats are the loss
    return list(dict.fromkeys(shown)) if epoch.validation else []


def epoch_line(epoch: EpochDone) -> str:
    """One epoch in one line, for a log."""
    parts = [f"epoch {epoch.epoch}/{epoch.epochs}"]
    if epoch.phase in AHEAD:
        parts[0] = f"{AHEAD[epoch.phase]}, {parts[0]}"
    for name in measures(epoch):
        parts.append(f"validation {name.replace('_', ' ')} {epoch.validation[name]:.4f}")
    parts.append(f"train loss {epoch.train_loss:.4f}")
    if epoch.best:
        parts.append("best so far")
    return " · ".join(parts)


def written_text(text: str, width: int) -> Any:
    """What a network writes by now, cut at the width of the screen."""
    from rich.text import Text

    line = Text(one_line(text), style="italic", no_wrap=True)
    shown = Text.assemble(("writes ", "dim"), line)
    shown.truncate(width - 1, overflow="ellipsis")
    return shown


def one_line(text: str) -> str:
    """A text in which line breaks are visible and nothing moves the cursor."""
    return "".join(
        character if character.isprintable() else "↵" if character == "\n" else " " for character in text
    )


def progress_text(step: StepDone, width: int, plain: bool) -> Any:
    """A bar with the time that is left, for the steps of one phase."""
    from rich.text import Text

    share = min(step.step / max(step.total_steps, 1), 1.0)
    tail = f" {share:4.0%} · step {step.step}/{step.total_steps} · {time_left(share, step.seconds)}"
    full, empty = bar(share, width - len(tail) - 1, plain)
    return Text.assemble((full, "cyan"), (empty, "dim"), tail)
