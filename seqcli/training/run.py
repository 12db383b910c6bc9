"""One training, from the files to the model directory: the path of the whole house in one place.

    read → plan → split, fit the preprocessing, encode → network → fit → calibrate → test once → save

It is a stream of events, so that a terminal, a pipe and a test follow it alike; nothing is printed
here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.backends.device import keep_freed_memory, set_threads
from seqcli.backends.graph import saved_graphs
from seqcli.backends.network import Network, build_network
from seqcli.backends.parameters import parameter_table
from seqcli.errors import DataError, DivergedError
from seqcli.model_dir import (
    TASK_ARRAY,
    SavedModel,
    check_target,
    clear_partial,
    default_target,
    lock,
    write_model,
)
from seqcli.options import Options, SavingOptions
from seqcli.readers.read import doubtful_header, read_table
from seqcli.readers.table import Table
from seqcli.saved.places import resume_command
from seqcli.sequences import Batchable, Examples, Windows
from seqcli.tasks.base import Mixing, Plan, Prepared, Remembering, Scores, Tables, Task, own_scores
from seqcli.tasks.detect import make_plan
from seqcli.tasks.doubts import doubts_of_test
from seqcli.tasks.forecasting.windows import windows_of
from seqcli.tasks.registry import prepare
from seqcli.threads import training_threads
from seqcli.training.beside import digests_beside
from seqcli.training.carried import carried_outputs
from seqcli.training.chained import as_learnt
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.distributed import team
from seqcli.training.events import EpochDone, Event, Notice, PlanMade, StepDone, Trained
from seqcli.training.export import CardFacts, model_card, model_record
from seqcli.training.going_on import go_on_over_validation, goes_on, going_on_sentence, shortened
from seqcli.training.loop import FitOutcome, FitSetup, fit, predict_outputs
from seqcli.training.pretraining import read_ahead, texts_to_read
from seqcli.training.refusals import refuse_disobeyed, training_device
from seqcli.training.sentences import count, kept_rules, plan_lines
from seqcli.training.started import StartedRun
from seqcli.training.streams import text_surprisals
from seqcli.training.told import fit_setup, resolved_options
from seqcli.training.translating import read_pairs, written_outputs
from seqcli.training.warm_start import start_from, start_from_vectors

CHECKPOINT = "checkpoint"
_Fitting: TypeAlias = Generator[StepDone | EpochDone | Notice, None, FitOutcome]
REFIT_SHARE = 0.6
"""Epochs over all rows after the test, as a share of the epochs that were best on validation."""


@dataclass(frozen=True)
class Run:
    """What one training works on, decided before its first step."""

    target: Path
    tables: Tables
    options: Options
    """Every choice made: nothing that shapes the network or the fit is None any more."""
    prepared: Prepared
    network: Network
    threads: int
    notes: tuple[str, ...]
    """Sentences on how the files were read and what is odd in them."""
    ahead: Batchable | None = None
    """Texts whose words the network learns to foresee before it is trained."""

    @property
    def digest(self) -> str:
        """SHA-256 over all files read: one file's own digest, or the digest of several."""
        parts = [self.tables.main, self.tables.validation, self.tables.test]
        digests = [table.digest for table in parts if table]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


@dataclass(frozen=True)
class Learnt:
    """What a fit has led to."""

    outcome: FitOutcome
    task: Task
    """Calibrated on the validation part."""
    validated: NDArray[np.float32]
    """Outputs (N, *output_shape) for the validation part."""
    outputs: NDArray[np.float32]
    """Outputs (N, *output_shape) for the test part."""
    after: FitOutcome | None = None
    """What going on over the validation text came to."""


def train(
    files: Sequence[str],
    options: Options,
    saving: SavingOptions,
    typed: frozenset[str] = frozenset(),
    command: str = "train",
    table: Table | None = None,
) -> Generator[Event]:
    """Train on ``files`` and write the model directory; the last event is :class:`Trained`.

    ``typed`` names the options that a person gave, as against defaults; ``command`` is what was typed,
    and goes on after an interruption; ``table`` is what ``files`` hold, where they have been read. Raises
    :class:`~seqcli.errors.SeqcliError` of every kind; after :class:`~seqcli.errors.Interrupted` or a
    crash, the same call with ``saving.resume`` goes on where the last checkpoint was.
    """
    target = _target(files, saving)
    with lock(target) as partial:
        started = StartedRun.read(partial / CHECKPOINT) if saving.resume else None
        if started:
            options, typed = started.options_for(options, typed), started.typed | typed
        # What goes on may have been read with other options than those of today.
        run = decide(files, options, saving, None if started else table)
        setup, beside = fit_setup(run), digests_beside(options)
        if started:
            started.refuse_other_data(run.digest)
            started.refuse_other_files(beside)
        old = check_target(
            target,
            named=saving.save is not None,
            source=run.tables.main.source,
            task=run.prepared.task.name,
            # A resumed run was allowed this place when it began, and may have been killed after writing it.
            force=saving.force or started is not None,
        )
        yield plan_made(run)
        if not started:
            clear_partial(target)
            StartedRun(options, typed, run.digest, beside).write(partial / CHECKPOINT)
        if run.prepared.members:
            run = replace(run, prepared=run.prepared.members())
        checkpoints = CheckpointStore(partial / CHECKPOINT, resume_command(command, files, saving.save))
        try:
            trained = yield from _train_and_save(run, setup, checkpoints, typed, old)
        except DivergedError:
            clear_partial(target)  # what would go on with it would diverge again
            raise
        clear_partial(target)
    yield trained


def decide(files: Sequence[str], options: Options, saving: SavingOptions, table: Table | None = None) -> Run:
    """Read (but for a ``table`` that is read), plan, split, fit the preprocessing and build the network.

    Nothing is written.
    """
    return decide_on(*read_files(files, options, table), options, _target(files, saving))


def read_files(files: Sequence[str], options: Options, table: Table | None = None) -> tuple[Tables, Plan]:
    """The files of a training, of which ``table`` is the main one where it is read, and a plan of columns."""
    training_device(options.training)  # refuses a missing one before anything is read
    if options.columns.source is not None:
        return read_pairs(files, options)
    main = read_table(files, options.reading) if table is None else table
    try:
        plan = make_plan(main, options.columns, options.reading)
    except DataError as error:  # which may come of a first row of data that was taken for names
        doubt = "" if options.reading.names else "; ".join(doubtful_header(main))
        raise DataError(error.message, doubt) if doubt else error from None
    named = (options.split.validation, options.split.test)
    validation, test = (read_table([name], options.reading) if name else None for name in named)
    return Tables(main, validation, test), plan


def decide_on(tables: Tables, plan: Plan, options: Options, target: Path) -> Run:
    """:func:`decide` for tables that were read."""
    prepared = prepare(tables, plan, options)
    refuse_disobeyed(options, prepared)
    threads = set_threads(training_threads(options.training.threads, prepared.network.widest))
    keep_freed_memory()
    network = build_network(prepared.network, options.training.seed)
    notes = [
        note
        for table in (tables.main, tables.validation, tables.test)
        if table
        for note in (*table.notes, *table.warnings)
    ]
    if options.training.init_from:
        notes.append(start_from(network, prepared.task.to_json(), options.training.init_from))
    if options.network.vectors:
        notes.append(start_from_vectors(network, prepared.task.to_json(), options.network.vectors))
    resolved = resolved_options(options, prepared, threads)
    ahead = texts_to_read(prepared, resolved, notes)
    return Run(target, tables, resolved, prepared, network, threads, tuple(notes), ahead)


def plan_only(files: Sequence[str], options: Options, saving: SavingOptions) -> PlanMade:
    """What :func:`train` would decide; nothing is trained and nothing is written."""
    run = decide(files, options, saving)
    fit_setup(run)  # refuses what no training could do
    return plan_made(run)


def plan_made(run: Run) -> PlanMade:
    """What was decided, for people."""
    lines = plan_lines(run.prepared, run.options.training, run.threads)
    warnings = (*run.notes, *run.prepared.warnings)
    return PlanMade(run.prepared.task.plan.task, lines, warnings, parameter_table(run.network))


def _target(files: Sequence[str], saving: SavingOptions) -> Path:
    return Path(saving.save) if saving.save else default_target(files)


def _train_and_save(
    run: Run,
    setup: FitSetup,
    checkpoints: CheckpointStore,
    typed: frozenset[str],
    old: SavedModel | None,
) -> Generator[Event, None, Trained]:
    """Fit, calibrate, test once, go on over all rows, save; returns the closing event."""
    prepared = run.prepared
    learnt = yield from fit_and_test(run, setup, checkpoints)
    outcome, task, validated, outputs = learnt.outcome, learnt.task, learnt.validated, learnt.outputs
    scores = own_scores(task, outputs, prepared.test, prepared.network.cell)
    scores += task.baselines(prepared)
    doubts = doubts_of_test(task, outputs, prepared)
    yield from map(Notice, doubts.sentences)
    tables = [*task.report(scores, outputs, prepared.test), *doubts.tables]
    rules = [*prepared.rules, *kept_rules(prepared, run.options.training, outcome)]
    history = outcome.history
    if learnt.after is not None:
        history = [*history, *learnt.after.history]
        rules.append(going_on_sentence(prepared, learnt.after))
    if prepared.refit and run.options.training.refit:
        task = task.recalibrate([(validated, prepared.validation), (outputs, prepared.test)])
        everything = prepared.refit()
        if isinstance(task, Mixing):
            task = task.refitted(everything)
        counts = not isinstance(task, Mixing) or task.network_counts
        if team().tell([float(counts)])[0]:  # those that help wait for it
            refitted = yield from refit(run, everything, setup, outcome, checkpoints)
            history = [*history, *refitted.history]
            again = count(refitted.steps, "step")
            rules.append(f"after the test the network went on over all rows, for {again}")
    run.network.to("cpu")
    replaced = _replaced(run, old, scores)
    trained = Trained(run.target, tables[0], tuple(tables[1:]), tuple(rules), replaced)
    _save(run, task, typed, outcome, history, scores, trained)
    return trained


def fit_and_validate(
    run: Run, setup: FitSetup, checkpoints: CheckpointStore | None = None
) -> Generator[StepDone | EpochDone | Notice, None, tuple[FitOutcome, Task, NDArray[np.float32]]]:
    """Fit and calibrate; what comes last are the outputs (N, *output_shape) for the validation part."""
    run.network.to(setup.device)
    if run.ahead is not None:
        yield from read_ahead(run.network, run.ahead, setup, checkpoints)
    outcome = yield from fit(run.network, run.prepared.train, run.prepared.validation, setup, checkpoints)
    validated = outputs_of(run, run.prepared.validation)
    task = as_learnt(run.prepared.task, run.network)
    return outcome, task.calibrate(validated, run.prepared.validation), validated


def fit_and_test(
    run: Run, setup: FitSetup, checkpoints: CheckpointStore | None = None
) -> Generator[StepDone | EpochDone | Notice, None, Learnt]:
    """Fit, calibrate, and ask the network once about the test part; nothing is written but checkpoints."""
    prepared = run.prepared
    going_on = goes_on(prepared, run.options.training.refit, setup)
    fitted = fit_and_validate(run, shortened(setup) if going_on else setup, checkpoints)
    outcome, task, validated = yield from fitted
    if isinstance(task, Remembering) and prepared.taught is not None:
        taught = (outputs_of(run, prepared.taught), prepared.taught)
        task = task.remembering((validated, prepared.validation), taught)
    after = (
        (yield from go_on_over_validation(run.network, prepared, setup, outcome, checkpoints))
        if going_on
        else None
    )
    return Learnt(outcome, task, validated, outputs_of(run, prepared.test), after)


def outputs_of(run: Run, examples: Examples) -> NDArray[np.float32]:
    """What the network says: outputs (N, *output_shape); of a text the nats of each token, (M, 2)."""
    if run.prepared.network.attention:
        return written_outputs(run.network, examples, run.prepared.task)
    if isinstance(examples, Windows) and run.prepared.network.streams:
        return text_surprisals(run.network, examples)
    if run.prepared.network.stateful:
        return carried_outputs(run.network, windows_of(examples))
    return predict_outputs(run.network, examples, run.options.training.batch_size or 1)


def refit(
    run: Run, everything: Examples, setup: FitSetup, outcome: FitOutcome, checkpoints: CheckpointStore
) -> _Fitting:
    """Go on over all rows, from the best weights, for a share of the steps that led to them."""
    share = REFIT_SHARE * len(everything) / max(1, len(run.prepared.train))
    steps = max(1, math.ceil(outcome.best_step * share))
    again = replace(
        setup, phase="refit", steps=steps, epochs=None, time_budget=None, stop_at=None, patience=None
    )
    return (yield from fit(run.network, everything, None, again, checkpoints))


def _save(
    run: Run,
    task: Task,
    typed: frozenset[str],
    outcome: FitOutcome,
    history: list[dict[str, Any]],
    scores: list[Scores],
    trained: Trained,
) -> None:
    """Write the model directory; the one that stood there is kept as STEM.seqcli.old."""
    prepared, main = run.prepared, run.tables.main
    options = Options.from_flat(outcome.replay, run.options)
    data: dict[str, Any] = {"source": main.source, "digest": main.digest, "rows": len(main)}
    given = {"validation": run.tables.validation, "test": run.tables.test}
    data.update({name: table.digest for name, table in given.items() if table is not None})
    if run.options.training.time_budget is not None:  # the options hold the steps that it came to
        data["time_budget"] = run.options.training.time_budget
    record = model_record(
        task, prepared.network, scores, options,
        typed=typed, threads=run.threads, steps=outcome.steps, data=data,
    )  # fmt: skip
    parts = dict(zip(("train", "validation", "test"), prepared.sizes, strict=True))
    after_test = prepared.refit is not None and run.options.training.refit
    facts = CardFacts(
        run.target.name,
        trained.result,
        sum(weight.numel() for weight in run.network.parameters()),
        parts,
        trained.rules,
        (*run.notes, *prepared.warnings),
        prepared.unit,
        refitted=after_test and (not isinstance(task, Mixing) or task.network_counts),
        composition=task.composition(prepared.network.cell) if isinstance(task, Mixing) else "",
        held_out="validation and test part" if after_test else "validation part",
    )
    weights = {name: tensor.numpy() for name, tensor in run.network.state_dict().items()}
    if isinstance(task, Mixing):
        weights.update({TASK_ARRAY + name: array for name, array in task.arrays().items()})
    graphs = saved_graphs(run.network)
    card = model_card(record, task.plan, facts)
    write_model(run.target, record, weights, graphs, history, card, keep_old=True)


def _replaced(run: Run, old: SavedModel | None, scores: list[Scores]) -> str:
    """One sentence on the model that stood there before, its metric beside the new one's."""
    if old is None:
        return ""
    metric = run.prepared.task.metric
    metrics: list[dict[str, float | None]] = list(old.record["metrics"].values())
    before = metrics[0].get(metric) if metrics else None
    now = scores[0].values.get(metric)
    compared = ""
    same = old.record["data"]["digest"] == run.tables.main.digest  # figures of other data say nothing
    same = same and old.record["options"].get("level") == run.options.columns.level  # a word is no character
    if same and before is not None and now is not None and not math.isnan(now):
        compared = f"; its {metric} was {before:.4g}, now {now:.4g}"
    return f"the model that stood there is kept as {run.target.name}.old{compared}"
