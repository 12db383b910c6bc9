"""A backtest that trains: several folds along time, or one test as papers make it. Nothing is saved.

A fold is the ordinary training on the file as it was at an earlier time, its test part the block of rows that
came next. With ``--no-refit`` the first fold's model is tested on all blocks.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.options_use import BacktestOptions
from seqcli.sequences import IntArray
from seqcli.tasks.base import Cut, Plan, Tables
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.forecasting.backtest import Answers, Fold, measure_fold
from seqcli.tasks.forecasting.board import leaderboard
from seqcli.tasks.forecasting.cuts import whole_horizon
from seqcli.tasks.forecasting.standing import (
    by_competition,
    by_standard,
    scored_windows,
    target_words,
    tested_words,
)
from seqcli.tasks.forecasting.windows import windows_of
from seqcli.training.events import EpochDone, Event, Notice, StepDone, Tested
from seqcli.training.run import (
    Learnt,
    Run,
    decide_on,
    fit_and_test,
    outputs_of,
    plan_made,
    read_files,
)
from seqcli.training.told import fit_setup

NOWHERE = Path()
"""Where the model is written: not at all."""


def backtest(files: Sequence[str], options: Options, wanted: BacktestOptions) -> Generator[Event]:
    """Train and test as ``wanted`` says; the last event is :class:`~seqcli.training.events.Tested`.

    Raises :class:`~seqcli.errors.SeqcliError` of every kind.
    """
    options = replace(options, columns=replace(options.columns, task="forecast"))
    refuse(options, wanted)
    tables, plan = read_files(files, options)
    if wanted.protocol is None:
        yield from _folds(tables, plan, options, wanted.folds or 1)
    else:
        yield from _protocol(tables, plan, options, wanted.protocol)


def refuse(options: Options, wanted: BacktestOptions) -> None:
    """Raise UsageError for what no backtest can obey."""
    if wanted.folds and wanted.protocol:
        raise UsageError(
            "--folds cuts the rows along time, and --protocol cuts them once", "leave out one of them"
        )
    if wanted.protocol and not options.training.refit:
        raise UsageError("--protocol trains once as it is", "leave out --no-refit")
    split = options.split
    given = {"--validation": split.validation, "--test": split.test}
    if wanted.protocol == "m4":
        shares = {"--validation-share": split.validation_share, "--test-share": split.test_share}
        for flag, value in {"--validation": split.validation, **shares}.items():
            if value is not None:
                raise UsageError(
                    f"{flag}: --protocol m4 validates and tests on the last horizons", f"leave out {flag}"
                )
        if not split.test and not options.forecast.horizon:
            raise UsageError(
                "--protocol m4 tests on the last horizon of each series: how long is it?",
                "--horizon (M4: 6 years, 8 quarters, 18 months, 13 weeks, 14 days, 48 hours) or --test FILE",
            )
    elif wanted.folds:
        for flag, value in given.items():
            if value:
                raise UsageError(f"{flag}: --folds cuts one file along time", f"leave out {flag}")


def _folds(tables: Tables, plan: Plan, options: Options, folds: int) -> Generator[Event]:
    """Folds along time, the horizon being that of the first."""
    measured: list[Fold] = []
    answers: Answers | None = None
    for fold in range(folds):
        last = folds if not options.training.refit else fold + 1
        run = decide_on(replace(tables, cut=Cut(folds, fold, last)), plan, options, NOWHERE)
        if not len(run.prepared.test):
            raise _untested(run)
        if not fold:
            yield plan_made(run)
            horizon = cast(Forecast, run.prepared.task).frame.horizon
            options = replace(options, forecast=replace(options.forecast, horizon=horizon))
        yield Notice(f"fold {fold + 1} of {folds}: {target_words(run.prepared)}")
        answers = yield from _answers(run)
        if not options.training.refit:
            measured = list(_blocks(run, answers, folds))
            break
        measured.append(measure_fold(answers, run.prepared.source[:, 1], answers.task.errors))
    assert answers is not None
    how = "trained anew for each" if options.training.refit else "trained once, ahead of the first"
    words = tested_words(answers, measured, f"{folds} folds, {how}")
    first, *details = leaderboard(measured, "", plan.target, words)
    yield Tested(first, tuple(details))


def _blocks(run: Run, answers: Answers, folds: int) -> Generator[Fold]:
    """Each block of the test part, forecast by one model; intervals are held against all blocks at once."""
    ends = run.prepared.source
    whole = measure_fold(answers, ends[:, 1], answers.task.errors)  # rolling ones learn from block to block
    size = ends[:, 2] - ends[:, 1]
    borders = [ends[:, 1] + np.rint(size * block / folds).astype(np.int64) for block in range(folds + 1)]
    for begins, stops in pairwise(borders):
        windows = answers.over(begins, stops)
        part = replace(answers, examples=windows, outputs=outputs_of(run, windows))
        fold = measure_fold(part, ends[:, 1], answers.task.errors)
        yield replace(fold, intervals=whole.intervals if begins is borders[0] else {})


def _protocol(tables: Tables, plan: Plan, options: Options, protocol: str) -> Generator[Event]:
    """One training, measured as papers do."""
    if protocol == "m4":
        horizon = options.forecast.horizon or whole_horizon(tables, plan, options)
        options = replace(options, forecast=replace(options.forecast, horizon=horizon))
        tables = replace(tables, cut=Cut(last=True))
    run = decide_on(tables, plan, options, NOWHERE)
    ends: IntArray = run.prepared.source
    rows = scored_windows(windows_of(run.prepared.test), ends, whole=protocol == "ltsf")
    if not len(rows):
        raise _untested(run)
    yield plan_made(run)
    answers = yield from _answers(run)
    choose = by_competition if protocol == "m4" else by_standard
    chosen = choose(answers.take(rows), ends)
    fold = measure_fold(chosen.answers, ends[:, 1], chosen.scales, chosen.measure, rolling=protocol != "m4")
    fold = chosen.completed(fold)
    title, _ = tested_words(answers, [fold], f"protocol {protocol}")
    first, *details = leaderboard([fold], protocol, plan.target, (title, chosen.notes))
    yield Tested(first, tuple(details))


def _answers(run: Run) -> Generator[StepDone | EpochDone | Notice, None, Answers]:
    """Fit, calibrate and ask about the test part."""
    learnt: Learnt = yield from fit_and_test(run, fit_setup(run))
    prepared, task = run.prepared, cast(Forecast, learnt.task)
    yield Notice(task.composition(prepared.network.cell))
    return Answers(
        task,
        windows_of(prepared.test),
        learnt.outputs,
        windows_of(prepared.validation),
        learnt.validated,
        prepared.network.cell,
    )


def _untested(run: Run) -> DataError:
    horizon = cast(Forecast, run.prepared.task).frame.horizon
    return DataError(
        f"{run.tables.main.source}: no window has its {horizon} steps to come in the rows to test on",
        "--test-share makes them more, --horizon asks for fewer steps",
    )
