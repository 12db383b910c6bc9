"""Train and measure predictors side by side on one split: cells, directions, attention, no network.

    read → plan → split once → baselines → each network, from each seed, for an equal share of the time

They are ranked by the metric on the validation part; the test part is shown beside it. Each network stands
alone, without the linear members that ``train`` would mix it with.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from seqcli.backends.attention import AttentionEncoder
from seqcli.backends.network import Network, build_network
from seqcli.backends.registry import load_cell
from seqcli.errors import DataError, Interrupted, SeqcliError, UsageError
from seqcli.options import Options
from seqcli.options_use import CompareOptions
from seqcli.saved.places import resume_command
from seqcli.tasks.base import Plan, Scores, Tables, Task, own_scores
from seqcli.training.comparing.choices import (
    WHOLE,
    drawn_rows,
    entries_for,
    known_names,
    row_counts,
    scored_on_validation,
)
from seqcli.training.comparing.entries import BASELINE, TRANSFORMER, Entry, Outcome, standings
from seqcli.training.comparing.events import Begun, Compared, ComparisonEvent, ComparisonPlan, Doing, Done
from seqcli.training.comparing.growth import Growth, growth_of
from seqcli.training.comparing.log import Started, place_of, read_started
from seqcli.training.comparing.measure import step_micros
from seqcli.training.comparing.said import USUAL_SECONDS, comparison_table, growth_table, notes_on, plan_said
from seqcli.training.events import EpochDone, Notice, PlanMade, StepDone
from seqcli.training.fit_setup import FitOutcome
from seqcli.training.run import Learnt, Run, decide_on, fit_and_test, plan_made, read_files
from seqcli.training.started import StartedRun
from seqcli.training.told import fit_setup
from seqcli.training.tuning.log import TrialFile, written_trials
from seqcli.training.tuning.tune import NOWHERE, REFUSALS

TRAINING_SHARE = 0.85
"""Of the time for all, what trainings get: the rest goes to scoring and measuring."""
MOST_UNITS = 128
"""Of the layers whose growth is measured."""
MIXED = ("classify", "multilabel")
"""Tasks whose network of a text ``train`` mixes with a linear part unless that is switched off."""


def compare(
    files: Sequence[str], options: Options, flags: CompareOptions, typed: frozenset[str] = frozenset()
) -> Generator[ComparisonEvent]:
    """Compare on ``files``; the last event is :class:`Compared`.

    ``typed`` names what a person gave. Raises :class:`~seqcli.errors.SeqcliError` of every kind;
    after an interruption or a crash the same call with ``flags.compare_on`` goes on behind
    the last training that was finished.
    """
    path = place_of(files, flags.compared_out)
    earlier = read_started(path) if flags.compare_on else None
    if earlier:
        options, flags = earlier.run.options_for(options, typed), _flags_of(earlier, flags, typed)
        typed = earlier.run.typed | typed
    known_names(flags.compared)
    comparing = _Comparing(*read_files(files, options), options, flags, typed, time.monotonic())
    comparing.start(earlier)
    yield from comparing.said()
    if flags.growth:
        yield from comparing.measure_growth()
    started = comparing.started(earlier)
    with written_trials(path, started, resume=earlier is not None, verb="comparison") as file:
        try:
            yield from comparing.run(file)
        except (Interrupted, KeyboardInterrupt):
            kept = len(comparing.outcomes)
            raise Interrupted(
                f"the comparison was interrupted; {kept} result{'s' * (kept != 1)} of it "
                f"{'is' if kept == 1 else 'are'} kept",
                f"go on with: {resume_command('compare', files, flags.compared_out)}",
            ) from None
    yield comparing.ended()


def plan_comparison(
    files: Sequence[str], options: Options, flags: CompareOptions, typed: frozenset[str]
) -> PlanMade:
    """What :func:`compare` would do; nothing is trained and nothing is written."""
    known_names(flags.compared)
    comparing = _Comparing(*read_files(files, options), options, flags, typed, time.monotonic())
    comparing.start(None)
    plan, more = comparing.said()
    assert isinstance(plan, PlanMade)
    assert isinstance(more, ComparisonPlan)
    return replace(plan, lines=(*plan.lines, *more.lines))


def _flags_of(earlier: Started, flags: CompareOptions, typed: frozenset[str]) -> CompareOptions:
    """What the earlier session was to compare, with what was typed now."""
    before = {
        name: tuple(value) if isinstance(value, list) else value for name, value in earlier.flags.items()
    }
    changes: dict[str, Any] = {name: value for name, value in before.items() if name not in typed}
    return replace(flags, **changes)


@dataclass
class _Comparing:
    """One comparison under way."""

    tables: Tables
    plan: Plan
    options: Options
    flags: CompareOptions
    typed: frozenset[str]
    begun: float
    first: Run = field(init=False)
    """The training with the defaults, whose split is everyone's."""
    entries: list[Entry] = field(default_factory=list)
    share: float | None = None
    """Seconds of each training; None where its length was typed in another way."""
    outcomes: list[Outcome] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    _grounds: dict[Any, Run] = field(default_factory=dict)

    def start(self, earlier: Started | None) -> None:
        """Decide what is compared. Raises where nothing can be ranked."""
        training = self.options.training
        by_length = training.steps is not None or training.epochs is not None
        if by_length and self.flags.comparing_time is not None:
            named = "--steps" if training.steps is not None else "--epochs"
            raise UsageError(
                f"{named} and --time-budget both say how long a training is", "leave out one of the two"
            )
        if "prior" not in self.typed and (self.plan.text or self.plan.id) and self.plan.task in MIXED:
            self.options = replace(self.options, network=replace(self.options.network, prior="none"))
        total = self.flags.comparing_time or USUAL_SECONDS
        self.share = None if by_length else total / 10  # until their number is known
        self.first = decide_on(self.tables, self.plan, self._with_share(), NOWHERE)
        fit_setup(self.first)  # refuses what no training could do
        prepared = self.first.prepared
        if not len(prepared.validation):
            raise DataError(
                f"{self.tables.main.source}: compare ranks by what is held out, and nothing is",
                "--validation FILE, a larger --validation-share, or more rows",
            )
        both = self.options.network.bidirectional
        self.entries = entries_for(prepared, self.flags.compared, self.flags.rows, both)
        for count in self.flags.rows:
            drawn_rows(self.tables, prepared, count, 0)  # refuses too few or too many
        if earlier is not None:
            earlier.run.refuse_other_data(self.first.digest)
            wanted = {(entry, seed) for entry in self.entries for seed in self.seeds}
            self.outcomes = [
                each for each in earlier.outcomes
                if each.entry.kind == BASELINE or (each.entry, each.seed) in wanted
            ]  # fmt: skip
            self.share = earlier.share
        elif self.share is not None:
            self.share = TRAINING_SHARE * total / self.trainings

    @property
    def seeds(self) -> list[int]:
        """The seeds of the weights and the batch order."""
        first = self.options.training.seed
        return list(range(first, first + self.flags.seeds))

    @property
    def trainings(self) -> int:
        """How many there are."""
        return len(self.entries) * self.flags.seeds

    def _with_share(self) -> Options:
        """The options of a training, its time among them."""
        if self.share is None:
            return self.options
        return replace(self.options, training=replace(self.options.training, time_budget=self.share))

    def started(self, earlier: Started | None) -> Started:
        """What goes into the first line; with time to share, what was spent so far is taken off."""
        if earlier is not None:
            return earlier
        if self.share is not None:
            total = self.flags.comparing_time or USUAL_SECONDS
            left = max(total - (time.monotonic() - self.begun), total / 4)
            self.share = round(TRAINING_SHARE * left / self.trainings, 3)
        names = ("compared", "seeds", "rows", "comparing_time", "growth")
        flags = {name: value for name, value in asdict(self.flags).items() if name in names}
        return Started(StartedRun(self.options, self.typed, self.first.digest), flags, self.share)

    def said(self) -> tuple[PlanMade, ComparisonPlan]:
        """The plan of the defaults, and that of the comparison."""
        task = self.first.prepared.task
        lines = plan_said(self.first.prepared, self.entries, self.flags, self.share)
        done = sum(each.entry.kind != BASELINE for each in self.outcomes)
        return plan_made(self.first), ComparisonPlan(lines, task.metric, self.trainings, done)

    def measure_growth(self) -> Generator[Doing]:
        """Growth of each cell that is compared, and of attention."""
        units = min(MOST_UNITS, self.first.prepared.network.hidden_size)
        for name in dict.fromkeys((*(entry.name for entry in self.entries), TRANSFORMER)):
            yield Doing(f"growth with length: {name}")
            self.growths.append(growth_of(name, units))

    def run(self, file: TrialFile) -> Generator[ComparisonEvent]:
        """Baselines and networks, all of one seed ahead of the next, what is noted already left out."""
        done = {(each.entry, each.seed) for each in self.outcomes}
        baselines = {(each.entry.rows, each.seed) for each in self.outcomes if each.entry.kind == BASELINE}
        for count in row_counts(self.flags.rows):
            for seed in self.seeds:
                if (count, seed) not in baselines and (count is not None or seed == self.seeds[0]):
                    yield Doing("baselines")
                    for outcome in self._baselines(count, seed):
                        yield self._note(outcome, file)
                for entry in self.entries:
                    if entry.rows == count and (entry, seed) not in done:
                        yield Begun(entry, seed)
                        for outcome in (yield from self._train(entry, seed)):
                            yield self._note(outcome, file)

    def _note(self, outcome: Outcome, file: TrialFile) -> Done:
        file.add(outcome.to_json())
        self.outcomes.append(outcome)
        return Done(outcome)

    def _baselines(self, count: int | None, seed: int) -> list[Outcome]:
        """What needs no network, on validation and test."""
        prepared = self._ground(Entry("", rows=count), seed).prepared
        held = prepared.task.baselines(scored_on_validation(prepared))
        tested = {each.predictor: each.values for each in prepared.task.baselines(prepared)}
        return [
            Outcome(
                Entry(each.predictor, BASELINE, rows=count), seed, each.values, tested.get(each.predictor, {})
            )
            for each in held
        ]  # fmt: skip

    def _ground(self, entry: Entry, seed: int) -> Run:
        """Split and preprocessing for an entry: everyone's, or those of drawn rows or of a cell."""
        key: Any = (entry.rows, seed)
        options = self._with_share()
        if entry.rows is None and (self.plan.task in WHOLE or not entry.name):
            return self.first
        if entry.rows is None:
            key = entry.name
            options = replace(options, network=replace(options.network, cell=entry.name))
        if key not in self._grounds:
            if entry.rows is not None:
                self._grounds.clear()
            tables = self.tables
            if entry.rows is not None:
                tables = drawn_rows(tables, self.first.prepared, entry.rows, seed)
            run = decide_on(tables, self.plan, options, NOWHERE)
            if run.prepared.members is not None:
                run = replace(run, prepared=run.prepared.members())
            self._grounds[key] = run
        return self._grounds[key]

    def _run_of(self, entry: Entry, seed: int) -> Run:
        """A network of its own on the ground of an entry."""
        ground = self._ground(entry, seed)
        if ground is self.first and ground.prepared.members is not None:
            ground = self.first = replace(ground, prepared=ground.prepared.members())
        spec = ground.prepared.network
        if entry.name != TRANSFORMER:
            spec = replace(spec, cell=entry.name, bidirectional=entry.both_ways)
        network = build_network(spec, seed)
        if entry.name == TRANSFORMER:
            attend(network, seed)
        training = replace(ground.options.training, seed=seed, time_budget=self.share)
        prepared = replace(ground.prepared, network=spec)
        options = replace(ground.options, training=training)
        return replace(ground, network=network, prepared=prepared, options=options)

    def _train(
        self, entry: Entry, seed: int
    ) -> Generator[StepDone | EpochDone | Notice, None, list[Outcome]]:
        """Train, score and measure one network; what is fitted beside it comes along as a baseline."""
        curve: list[tuple[float, float]] = []
        begun, metric = time.monotonic(), self.first.prepared.task.metric
        try:
            run = self._run_of(entry, seed)
            fitting = fit_and_test(run, fit_setup(run))
            while True:
                try:
                    event = next(fitting)
                except StopIteration as end:
                    learnt: Learnt = end.value
                    break
                if isinstance(event, EpochDone) and math.isfinite(event.validation.get(metric, math.nan)):
                    curve.append((time.monotonic() - begun, event.validation[metric]))
                yield event
            return self._outcomes(run, entry, (learnt, tuple(curve)), seed)
        except REFUSALS as error:
            return [
                Outcome(
                    entry, seed, reason=error.message if isinstance(error, SeqcliError) else "memory ran out"
                )
            ]

    def _outcomes(
        self, run: Run, entry: Entry, found: tuple[Learnt, tuple[tuple[float, float], ...]], seed: int
    ) -> list[Outcome]:
        """Of the network, and once of each member that is no network."""
        learnt, curve = found
        held, more = _alone(learnt.task, learnt.validated, run, "validation")
        tested, beside = _alone(learnt.task, learnt.outputs, run, "test")
        fit: FitOutcome = learnt.outcome
        own = Outcome(
            entry, seed, held.values, tested.values, fit.seconds,
            sum(weight.numel() for weight in run.network.parameters()),
            None if entry.name == TRANSFORMER else step_micros(run.network, run.prepared.validation),
            _state(entry),
            curve,
        )  # fmt: skip
        known = {(each.entry, each.seed) for each in self.outcomes}
        others = [
            Outcome(Entry(each.predictor, BASELINE, rows=entry.rows), seed, each.values, test.values)
            for each, test in zip(more, beside, strict=True)
        ]
        first = entry.rows is not None or seed == self.seeds[0]
        return [own, *(each for each in others if first and (each.entry, each.seed) not in known)]

    def ended(self) -> Compared:
        """What it came to."""
        task = self.first.prepared.task
        found = standings(self.outcomes, task.metric, task.higher_is_better)
        table = comparison_table(found, task.metric, self.growths, bool(self.flags.rows))
        notes = notes_on(self.first.prepared, found, self.share)
        details = (growth_table(self.growths),) if self.growths else ()
        lengths = {each.name: tuple(zip(each.lengths, each.seconds, strict=True)) for each in self.growths}
        return Compared(table, details, notes, tuple(found), lengths)


def _state(entry: Entry) -> str:
    """What an entry carries from step to step: "carried" can go on where a stream goes on."""
    if entry.name == TRANSFORMER:
        return "all steps"
    if not load_cell(entry.name).states:
        return "none"
    return "both ways" if entry.both_ways else "carried"


def attend(network: Network, seed: int) -> None:
    """Put a transformer encoder with as many weights into the place of each encoder of ``network``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for member in network.every_member():
            old, spec = member.encoder, member.spec
            weights = sum(weight.numel() for weight in old.parameters())
            width = old.forward_cells[0].input_size
            new = AttentionEncoder(width, old.output_size, weights, spec.num_layers, spec.dropout)
            member.encoder = new  # type: ignore[assignment]


def _alone(task: Task, outputs: Any, run: Run, part: str) -> tuple[Scores, list[Scores]]:
    """The scores of the network alone on a part, and those of members that are no network."""
    cell = run.prepared.network.cell
    scores = own_scores(task, outputs, getattr(run.prepared, part), cell)
    names = {f"{cell} alone", "network alone"}
    own = next((each for each in scores if each.predictor in names), scores[0])
    return own, [each for each in scores[1:] if each is not own]
