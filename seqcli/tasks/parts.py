"""From the tables of a run to three parts of labelled examples: shared by tasks with one answer a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqcli.errors import DataError
from seqcli.options import Options, SplitOptions
from seqcli.preprocessing.split import stratified_split
from seqcli.readers.aggregate import shared_times
from seqcli.readers.roles import counted, feature_numbers, time_stamps
from seqcli.readers.table import Table
from seqcli.sequences import AnyArray, IntArray
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.inputs import content_keys, group_rows

NAMED_ALONE = 5
"""Columns left out for one reason that get a sentence each."""
LEAST_EXAMPLES = 20
"""Examples with a known target below which nothing can be split and learnt."""

UNUSABLE = frozenset(
    {
        "not numbers",
        "every row says the same",
        "empty",
        "a date",
        "a language model reads one text",
        "a clip is read alone",
    }
)
"""Why a column is left out that ``--features`` cannot bring back."""


@dataclass(frozen=True)
class Part:
    """Rows of one part, and where the first row of each of its examples is in ``table``: (N,)."""

    table: Table
    first: IntArray

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Parts:
    """The three parts, the columns that are left, and sentences on the split and on odd data."""

    plan: Plan
    train: Part
    validation: Part
    test: Part
    rules: list[str]
    warnings: list[str]

    @property
    def all(self) -> tuple[Part, Part, Part]:
        """Training, validation, test."""
        return self.train, self.validation, self.test


@dataclass(frozen=True)
class Source:
    """What the baselines read: the raw rows of the three parts."""

    train: Table
    validation: Table
    test: Table


@dataclass(frozen=True)
class TargetRole:
    """How a task reads its target."""

    check: Callable[[Table], Sequence[str]]
    """Refuses a column that cannot be the target; sentences on its odd cells."""
    known: Callable[[Table], IntArray]
    """The rows (N,) whose target is known."""
    strata: Callable[[Table, IntArray], Sequence[str]]
    """The named rows (N,) → what each part should hold an equal share of."""
    each_step: bool = False
    """Whether each row of a series has a target of its own."""


def make_parts(tables: Tables, plan: Plan, options: Options, target: TargetRole) -> Parts:
    """Drop rows without a target, check the features, and split the examples.

    Files given for validation or test are those parts; the rest of the main table is drawn by class,
    equal examples and equal groups kept together. Raises DataError where a role refuses its column
    and where there are fewer than 20 examples.
    """
    warnings = list(target.check(tables.main))
    main = usable_rows(tables.main, plan, options, target, warnings)
    plan = without_constants(main, plan, warnings)
    grouping = group_rows(main, plan.id, plan.time)
    if len(grouping) < LEAST_EXAMPLES:
        raise DataError(
            f"{main.source}: {len(grouping)} {'sequences' if plan.id else 'rows'} with a known "
            f"{plan.target[0]} are too few to learn from",
            f"at least {LEAST_EXAMPLES} are needed",
        )
    validation_share, test_share = held_out_shares(options.split)
    try:
        split = stratified_split(
            target.strata(main, grouping.first),
            groups=picked(main.cells(plan.group), grouping.first) if plan.group else None,
            keys=content_keys(main, (*plan.text, *plan.features, *plan.audio), grouping),
            validation_share=0.0 if tables.validation else validation_share,
            test_share=0.0 if tables.test else test_share,
            seed=options.training.seed,
        )
    except DataError as error:
        raise DataError(f"{main.source}: {error.message}", error.hint) from error
    positions = (split.train, split.validation, split.test)
    parts = [_part(main.take(grouping.rows(examples)), plan) for examples in positions]
    sentences = list(split.sentences)
    for place, name, given in ((1, "validation", tables.validation), (2, "test", tables.test)):
        if given is not None:
            table = usable_rows(given, plan, options, target, warnings)
            parts[place] = _part(table, plan)
            what = counted(len(parts[place].first), "sequence" if plan.id else "row")
            sentences.append(f"{name} part: {what} of {table.source}")
            _warn_of_copies(parts[0].table, table, plan, warnings)
    return Parts(plan, parts[0], parts[1], parts[2], sentences, warnings)


def held_out_shares(split: SplitOptions, validation: float = 0.1, test: float = 0.2) -> tuple[float, float]:
    """Shares of the validation and the test part: what was typed, else these."""
    return (
        validation if split.validation_share is None else split.validation_share,
        test if split.test_share is None else split.test_share,
    )


def _part(table: Table, plan: Plan) -> Part:
    return Part(table, group_rows(table, plan.id, plan.time).first)


def usable_rows(
    table: Table, plan: Plan, options: Options, target: TargetRole | None, warnings: list[str]
) -> Table:
    """The rows with a target (and, in a sequence, an id and a time); refuses columns that cannot be read."""
    rows = target.known(table) if target else np.arange(len(table))
    each_step = target is not None and target.each_step
    series = bool(plan.id) or each_step
    if series and plan.time:
        stamps = time_stamps(table, plan.time)
        warnings += stamps.sentences
        rows = rows[stamps.usable[rows]]
    if plan.id:
        ids = zip(*(table.cells(name) for name in plan.id), strict=True)
        named = np.fromiter((all(map(str.strip, key)) for key in ids), np.bool_, len(table))
        if not named.all():
            lost = counted(int((~named).sum()), "row")
            warnings.append(f"{lost} without {' or '.join(plan.id)} left out")
        rows = rows[named[rows]]
    if len(rows) < len(table):
        table = table.take(rows)
    shared = shared_times(table, plan.time, plan.id) if series and plan.time else 0
    if shared:
        warnings.append(f"{shared:,} rows share their {plan.time} within a sequence: kept in file order")
    for name in plan.features:
        if table.kind(name) != "text":
            warnings += feature_numbers(table, name, options.reading.missing).sentences
    if plan.id and not each_step:
        _refuse_mixed(table, plan)
    return table


def without_constants(table: Table, plan: Plan, warnings: list[str]) -> Plan:
    """The plan without features of numbers that are the same in every row; never without any input."""
    constant = [
        name for name in plan.features if table.kind(name) != "text" and feature_numbers(table, name).constant
    ]
    features = tuple(name for name in plan.features if name not in constant)
    if constant and not features and not plan.text:
        raise DataError(
            f"{table.source}, column {constant[0]}: every row says the same, which teaches nothing",
            "name other columns with --features",
        )
    warnings += [f"{_named(name)} is left out: every row says the same" for name in constant]
    return replace(plan, features=features)


def _refuse_mixed(table: Table, plan: Plan) -> None:
    """Raise DataError where one sequence has several answers."""
    for target in plan.target:
        answers: dict[tuple[str, ...], str] = {}
        keys = zip(*(table.cells(name) for name in plan.id), strict=True)
        for row, (key, answer) in enumerate(zip(keys, table.cells(target), strict=True)):
            if answers.setdefault(key, answer) != answer:
                raise DataError(
                    f"{table.where(row, target)}: {answer}, but {answers[key]} in an earlier row of "
                    f"{plan.id[0]} {key[0]}",
                    "a sequence has one answer; name other columns with --id, --group to keep rows together, "
                    "or --task steps to label each row",
                )


def _warn_of_copies(train: Table, other: Table, plan: Plan, warnings: list[str]) -> None:
    """Say how many rows of a part given as a file stand in the training rows too."""
    names = (*plan.text, *plan.features, *plan.audio)
    seen = set(zip(*(train.cells(name) for name in names), strict=True))
    copies = sum(cells in seen for cells in zip(*(other.cells(name) for name in names), strict=True))
    if plan.text and copies:
        warnings.append(f"{other.source}: {copies:,} of {len(other):,} rows are training rows too")


def contradictions(table: Table, plan: Plan) -> list[str]:
    """A sentence where equal texts have different labels in ``table``, if there are any."""
    if not plan.text or plan.id:
        return []
    names = (*plan.text, *plan.features)
    labels = [cell.strip() for cell in table.cells(plan.target[0])]
    found: dict[tuple[str, ...], dict[str, int]] = {}
    cells = zip(*(table.cells(name) for name in names), strict=True)
    keys = [tuple(cell.strip() for cell in row) for row in cells]
    for row, (key, label) in enumerate(zip(keys, labels, strict=True)):
        if label and any(key):
            found.setdefault(key, {}).setdefault(label, row)
    both = [of for of in found.values() if len(of) > 1]
    if not both:
        return []
    (one, first), (other, second) = list(both[0].items())[:2]
    what = "text comes" if len(both) == 1 else "texts come"
    rows = [f"{table.unit} {table.records[row]} ({label})" for row, label in ((first, one), (second, other))]
    return [
        f"{len(both):,} {what} with more than one {plan.target[0]}, such as {' and '.join(rows)}: "
        "no model can learn both"
    ]


def label_rows(cells: Sequence[str], classes: dict[str, int]) -> IntArray:
    """The class of each cell, -1 for one that is not known: (N,)."""
    return np.fromiter((classes.get(cell.strip(), -1) for cell in cells), dtype=np.int64, count=len(cells))


def picked(cells: Sequence[str], rows: AnyArray) -> list[str]:
    """Cells of some rows (B,)."""
    return [cells[row] for row in rows.tolist()]


def _named(name: str) -> str:
    """A column in a sentence; one without a name is called by its place, such as "column 1", already."""
    return name if re.fullmatch(r"column \d+", name) else f"column {name}"


def left_out_sentences(plan: Plan) -> list[str]:
    """A sentence for each column that is not used, and whether ``--features`` brings it back.

    More than a few of one reason share a sentence.
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in plan.left_out:
        by_reason.setdefault(reason, []).append(name)
    said = []
    for name, reason in plan.left_out:
        others = by_reason[reason]
        back = "" if reason in UNUSABLE else " (--features uses it)"
        if len(others) <= NAMED_ALONE:
            said.append(f"{_named(name)} is left out: {reason}{back}")
        elif name == others[0]:
            more = len(others) - NAMED_ALONE
            named = ", ".join(others[:NAMED_ALONE])
            said.append(f"columns {named} and {more:,} more are left out: {reason}{back}")
    return said
