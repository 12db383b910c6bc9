"""Try options out: each trial is a training that stops early, ranked by its metric on the validation part.

The first trial has the defaults, so that the best is never worse than those; the test part is never asked.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seqcli.errors import DataError, DivergedError, Interrupted, ResourceError, SeqcliError, UsageError
from seqcli.options import Options
from seqcli.options_use import TuneOptions
from seqcli.saved.files import disk_errors
from seqcli.saved.places import resume_command
from seqcli.tasks.base import Plan, Prepared, Tables, Task
from seqcli.training.checkpoint import write_atomically
from seqcli.training.events import EpochDone, Notice, PlanMade, StepDone
from seqcli.training.run import Run, decide_on, fit_and_validate, plan_made, read_files
from seqcli.training.started import StartedRun
from seqcli.training.told import fit_setup
from seqcli.training.tuning.config import config_text
from seqcli.training.tuning.events import TrialBegun, TrialDone, Tuned, TuningEvent, TuningPlan
from seqcli.training.tuning.log import (
    MARK,
    Places,
    Started,
    TrialFile,
    old_trials,
    read_trials,
    train_command,
    trials_in,
    written_trials,
)
from seqcli.training.tuning.said import changes_said, notes_on, plan_said, ranking_table, score_said
from seqcli.training.tuning.sampler import need_optuna, propose
from seqcli.training.tuning.space import Dimension, dimensions
from seqcli.training.tuning.trials import Ranking, Trial

NOWHERE = Path()
"""Where the models of trials are written: not at all."""
USUAL_TRIALS = 20
REFUSALS = (DivergedError, UsageError, DataError, ResourceError, MemoryError)
"""What ends a trial and not the tuning."""


def tune(
    files: Sequence[str], options: Options, flags: TuneOptions, typed: frozenset[str] = frozenset()
) -> Generator[TuningEvent]:
    """Try options beside the ``typed`` ones, and leave a configuration; the last event is :class:`Tuned`.

    Raises :class:`~seqcli.errors.SeqcliError` of every kind; after :class:`~seqcli.errors.Interrupted` or a
    crash the same call with ``flags.go_on`` goes on behind the last trial that was finished.
    """
    need_optuna()
    places = Places.of(files, flags.config_out)
    places.refuse_foreign()
    earlier = read_trials(places.trials) if flags.go_on else None
    if earlier:
        options, typed = earlier.run.options_for(options, typed), earlier.run.typed | typed
    tuning = _Tuning(*read_files(files, options), options, typed, flags, places, tuple(files))
    started = tuning.start(earlier)
    yield from tuning.said(started)
    if earlier is None and (dropped := trials_in(places.trials)):
        them = f"{dropped:,} trial{'' if dropped == 1 else 's'} of an earlier tuning"
        yield Notice(f"kept as {old_trials(places.trials)}: {them}; --resume would have gone on with them")
    with written_trials(places.trials, started, resume=earlier is not None) as file:
        try:
            yield from tuning.run(started, file)
        except (Interrupted, KeyboardInterrupt):
            again = resume_command("tune", files, flags.config_out)
            kept = len(tuning.trials)
            what = f"{kept} trial{'' if kept == 1 else 's'} of it {'is' if kept == 1 else 'are'} kept"
            raise Interrupted(f"the tuning was interrupted; {what}", f"go on with: {again}") from None
    yield tuning.ended()


def plan_tuning(
    files: Sequence[str], options: Options, flags: TuneOptions, typed: frozenset[str]
) -> PlanMade:
    """What :func:`tune` would do; nothing is trained and nothing is written."""
    places = Places.of(files, flags.config_out)
    tuning = _Tuning(*read_files(files, options), options, typed, flags, places, tuple(files))
    plan, more = tuning.said(tuning.start(None))
    assert isinstance(plan, PlanMade)
    assert isinstance(more, TuningPlan)
    return replace(plan, lines=(*plan.lines, *more.lines))


@dataclass
class _Tuning:
    """One tuning under way."""

    tables: Tables
    plan: Plan
    options: Options
    typed: frozenset[str]
    flags: TuneOptions
    places: Places
    files: tuple[str, ...]
    trials: list[Trial] = field(default_factory=list)
    first: Run = field(init=False)
    """The training with the defaults."""
    space: tuple[Dimension, ...] = ()
    _members: dict[str, Prepared] = field(default_factory=dict)
    """What was learnt without a network, by the fitted task that learnt it."""

    def start(self, earlier: Started | None) -> Started:
        """Decide the defaults and what is open beside them. Raises where nothing can be ranked or tried."""
        self.first = decide_on(self.tables, self.plan, self.options, NOWHERE)
        fit_setup(self.first)  # refuses what no training could do
        if not len(self.first.prepared.validation):
            raise DataError(
                f"{self.tables.main.source}: tune ranks by what is held out, and nothing is",
                "--validation FILE, a larger --validation-share, or more rows",
            )
        self.space = dimensions(self.first.prepared, self.options, self.first.options, self.typed)
        if not self.space:
            raise UsageError("every option that tune would try is typed", "leave one of them out")
        wanted, budget = self.flags.trials, self.flags.tuning_time
        space = [[item.option, list(item.values)] for item in self.space]
        run = StartedRun(self.options, self.typed, self.first.digest)
        if earlier is None:
            wanted = USUAL_TRIALS if wanted is None and budget is None else wanted
            return Started(run, wanted, budget, space)
        earlier.run.refuse_other_data(self.first.digest)
        if earlier.space != space:
            raise UsageError("the options to try have changed since", "leave out --resume to start anew")
        self.trials = list(earlier.trials)
        if wanted is None and budget is None:
            return replace(earlier, run=run)
        return replace(earlier, run=run, trials_wanted=wanted, time_budget=budget)

    @property
    def ranking(self) -> Ranking:
        """By what trials are ranked."""
        task = self.first.prepared.task
        return Ranking(task.metric, task.higher_is_better)

    def said(self, started: Started) -> tuple[PlanMade, TuningPlan]:
        """The plan of the defaults, and that of the tuning."""
        limits = (started.trials_wanted, started.time_budget)
        lines = plan_said(self.first.prepared, self.ranking, self.space, limits, len(self.trials))
        left = self._seconds_left(started)
        plan = TuningPlan(lines, self.ranking, started.trials_wanted, left, tuple(self.trials))
        return plan_made(self.first), plan

    def _seconds_left(self, started: Started) -> float | None:
        """What a time budget has left after the trials of earlier sessions."""
        if started.time_budget is None:
            return None
        return max(started.time_budget - sum(trial.seconds for trial in self.trials), 0.0)

    def run(self, started: Started, file: TrialFile) -> Generator[TuningEvent]:
        """Try one after the other until their number, the time, or what can be tried is at its end."""
        left = self._seconds_left(started)
        deadline = None if left is None else time.monotonic() + left
        if self.trials:
            self._keep()
        while started.trials_wanted is None or len(self.trials) < started.trials_wanted:
            if self.trials and deadline is not None:
                quickest = min(trial.seconds for trial in self.trials)
                if time.monotonic() + quickest > deadline:
                    yield Notice("the time that is left is less than the quickest trial took")
                    return
            places = propose(self.space, self.trials, self.ranking, self.options.training.seed)
            if places is None:
                yield Notice("nothing new is left to try")
                return
            trial = yield from self._try(places, deadline)
            if trial is None:
                yield Notice(f"the time is over; trial {len(self.trials) + 1} was broken off")
                return
            file.add(trial.to_json())
            self.trials.append(trial)
            best = self.ranking.best(self.trials) is trial
            if best:
                self._keep()
            yield TrialDone(trial, best)

    def _try(
        self, places: tuple[int, ...], deadline: float | None
    ) -> Generator[TuningEvent, None, Trial | None]:
        """Train once; None when the time is over first. The defaults have all the time they need."""
        begun, number = time.monotonic(), len(self.trials) + 1
        changes: dict[str, Any] = {}
        for item, place in zip(self.space, places, strict=True):
            changes |= item.changed(place)
        yield TrialBegun(number, changes)
        watch = _Watch(self.ranking, tuple(self.trials), deadline if self.trials else None)
        metrics: dict[str, float] = {}
        try:
            run = self._decided(changes)
            metrics = yield from _validated(run, watch)
            score = metrics.get(self.ranking.metric, math.nan)
            state, reason = "finished", ""
            if watch.ended == "time":
                return None
            if watch.ended == "behind":
                state, score = "pruned", watch.best
            elif not math.isfinite(score):
                state, reason = "failed", f"{self.ranking.metric} cannot be measured on the validation part"
        except REFUSALS as error:
            state, score = "failed", math.nan
            reason = error.message if isinstance(error, SeqcliError) else "memory ran out"
        return Trial(
            number,
            places,
            changes,
            state,
            time.monotonic() - begun,
            None if state == "failed" else score,
            metrics,
            tuple(watch.curve),
            reason,
        )

    def _decided(self, changes: dict[str, Any]) -> Run:
        """The training with ``changes``, with what it learns ahead of its network."""
        run = self.first
        if self.trials:
            run = decide_on(self.tables, self.plan, Options.from_flat(changes, self.options), NOWHERE)
        prepared = run.prepared
        if prepared.members is None:
            return run
        same = json.dumps(prepared.task.to_json(), sort_keys=True)
        if same not in self._members:
            self._members[same] = prepared.members()
        learnt = self._members[same]  # from the same rows, read in the same way
        learnt = replace(learnt, train=prepared.train, network=prepared.network, training=prepared.training)
        return replace(run, prepared=learnt)

    def _keep(self) -> None:
        """Write the configuration of the best trial."""
        best = self.ranking.best(self.trials)
        if best is None or best.score is None:
            return
        flat = self.options.to_flat()
        values = {name: flat[name] for name in flat if name in self.typed} | dict(best.changes)
        metric, rows = self.ranking.metric, self.first.prepared.sizes[1]
        comments = [
            f"{MARK.removeprefix('# ')}: trial {best.number}, {score_said(metric, best.score)} on "
            f"{rows:,} validation {self.first.prepared.unit}",
            f"changed: {changes_said(best.changes)}",
            train_command(self.files, self.places.config),
        ]
        with disk_errors(self.places.config):
            write_atomically(self.places.config, config_text(comments, values).encode())

    def ended(self) -> Tuned:
        """What it came to. Raises DivergedError where no trial came to an end."""
        if self.ranking.best(self.trials) is None:
            reasons = sorted({trial.reason for trial in self.trials})
            raise DivergedError(
                f"no trial came to its end: {reasons[0] if reasons else 'there was none'}",
                "lower --learning-rate, or give tune more time",
            )
        table = ranking_table(self.ranking, self.trials)
        notes = notes_on(self.first.prepared, self.ranking, self.trials)
        return Tuned(table, self.places.config, notes, train_command(self.files, self.places.config))


@dataclass
class _Watch:
    """What is seen of a training as it goes, and why it was not let run to its end."""

    ranking: Ranking
    trials: tuple[Trial, ...]
    deadline: float | None
    curve: list[tuple[float, float]] = field(default_factory=list)
    best: float = math.nan
    ended: str = ""
    """"behind" what others had reached, "time" where that is over; empty at its own end."""
    _share: float = 0.0

    def sees(self, event: StepDone | EpochDone | Notice) -> None:
        """Take in one event of the fit."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.ended = "time"
        if isinstance(event, StepDone):
            self._share = event.step / max(event.total_steps, 1)
        elif isinstance(event, EpochDone) and event.phase == "fit":
            score = event.validation.get(self.ranking.metric, math.nan)
            if math.isnan(self.best) or self.ranking.better(score, self.best):
                self.best = score
            if math.isfinite(self.best):
                self.curve.append((round(self._share, 6), self.best))
                behind = self.ranking.falls_behind(self._share, self.best, self.trials)
                if behind and not event.last and not self.ended:
                    self.ended = "behind"


def _validated(run: Run, watch: _Watch) -> Generator[StepDone | EpochDone | Notice, None, dict[str, float]]:
    """Fit, and score the calibrated task on the validation part; nothing where ``watch`` ends it."""
    fitting = fit_and_validate(run, fit_setup(run))
    while True:
        try:
            event = next(fitting)
        except StopIteration as end:
            _, task, outputs = end.value
            return _scores(task, run.prepared, outputs)
        yield event
        watch.sees(event)
        if watch.ended:
            fitting.close()
            return {}


def _scores(task: Task, prepared: Prepared, outputs: Any) -> dict[str, float]:
    """What is measured on the validation part, as plain numbers."""
    return {name: float(value) for name, value in task.score(outputs, prepared.validation).items()}
