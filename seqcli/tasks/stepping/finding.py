"""When a file has a label for each step: series whose label changes, or letters below the bases of DNA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seqcli.errors import DataError
from seqcli.options import ColumnOptions
from seqcli.preprocessing.dna import bare_bases, looks_like_dna
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import MOST_CLASSES, Column, Columns, bare, name_words
from seqcli.tasks.row_inputs import row_inputs
from seqcli.tasks.stepping.parts import MOST_UNEVEN, bare_labels
from seqcli.tasks.stepping.reading import series_rows

STEP_WORDS = frozenset(
    {
        "activity",
        "state",
        "phase",
        "stage",
        "gesture",
        "behavior",
        "behaviour",
        "posture",
        "movement",
        "motion",
    }
)
"""Names, or last words of names, of what changes while a series goes on."""
NUMBERED = frozenset({"label", "class", "category"})
"""Names of numbers that are classes."""
LETTERS = 20
"""Different letters that label bases, at the most: more are no small alphabet."""
GLANCE = 100
"""Cells that tell most columns from DNA already."""
CHANGING = 0.25
"""Series in which a label changes, of all, where it is one of steps."""
RUNS, STAYS = 3, 0.5
"""Stretches of a label that a single recording has for each one, and how far beyond chance a label stays."""


@dataclass(frozen=True)
class StepLabels:
    """What says that each step has a label."""

    target: str
    why: str
    text: str = ""
    """The column of DNA, where the steps are its bases."""


def labelled_steps(columns: Columns, named: Column | None) -> StepLabels | None:
    """A column called like a label, ``named``, or like a state, that changes within series of numbers.

    Without ids there is one series, and the label must come in stretches, each of them more than once: a
    table that is sorted by its classes is no recording.
    """
    candidates = [named] if named is not None else [column for column in columns if _called_state(column)]
    if len(candidates) != 1 or any(column.running_text for column in columns):
        return None
    column, time = candidates[0], columns.time_column()
    if time is None or not _may_label(column) or column.name in (time.name, *columns.ids):
        return None
    ids = step_ids(columns, column.name, time)
    others = [item for item in columns.of_kind("number") if item.name not in (column.name, time.name, *ids)]
    if all(item.useless for item in others):
        return None
    if ids and _changes(columns, column.name, ids):
        return StepLabels(
            column.name, f"{column.name} changes within each {', '.join(ids)}, over {time.name}"
        )
    if not ids and not columns.repeats([time.name]) and in_stretches(columns, column.name, time.name):
        return StepLabels(column.name, f"{column.name} comes in stretches, over {time.name}")
    return None


def labels_steps(columns: Columns, target: Column, options: ColumnOptions) -> bool:
    """Whether a column that was typed labels steps; numbers do where they are called so."""
    if labelled_bases(columns.table, next(iter(options.text), ""), target.name) is not None:
        return True
    called = target.kind == "text" or bare(target.name) in NUMBERED or _called_state(target)
    return called and labelled_steps(columns, target) is not None


def _changes(columns: Columns, name: str, ids: tuple[str, ...]) -> bool:
    """Whether a label changes within the series: in one of few it is a slip, which is refused later."""
    answers: dict[tuple[str, ...], set[str]] = {}
    keys = zip(*(columns.table.cells(column) for column in ids), strict=True)
    for key, cell in zip(keys, columns.table.cells(name), strict=True):
        answers.setdefault(key, set()).add(cell.strip())
    return sum(len(each) > 1 for each in answers.values()) >= CHANGING * len(answers)


def _called_state(column: Column) -> bool:
    return not STEP_WORDS.isdisjoint((bare(column.name), *(name_words(column.name) or [""])[-1:]))


def _may_label(column: Column) -> bool:
    return column.classes and (column.kind == "text" or (column.kind == "number" and column.whole))


def rows_alone(columns: Columns, target: Column, time: Column | None) -> tuple[str, ...]:
    """A sentence where rows that could be the steps of series are each classified alone."""
    if time is None or not _may_label(target) or any(column.running_text for column in columns):
        return ()
    ids = step_ids(columns, target.name, time)
    if columns.repeats([time.name, *ids]) or not any(
        not column.useless
        for column in columns.of_kind("number")
        if column.name not in (target.name, time.name)
    ):
        return ()
    return (f"each row by itself: --task steps labels rows in order of {time.name}",)


def step_ids(columns: Columns, target: str, time: Column | None) -> tuple[str, ...]:
    """The columns that tell series apart: those that were typed, else what separates rows of one time."""
    if columns.ids or time is None:
        return columns.ids
    return next((ids for ids in columns.separators(time.name) if target not in ids), ())


def in_stretches(columns: Columns, name: str, time: str) -> bool:
    """Whether the values of a column stay for a while, and come back, when rows are in order of ``time``."""
    cells = [columns.table.cells(name)[row].strip() for row in series_rows(columns.table, (), time).order]
    counts = np.unique(cells, return_counts=True)[1] if cells else np.ones(1)
    stays = sum(one == other for one, other in pairwise(cells)) / max(len(cells) - 1, 1)
    chance = float(((counts / max(len(cells), 1)) ** 2).sum())
    runs = 1 + sum(one != other for one, other in pairwise(cells))
    return bool(runs >= RUNS * len(counts) and stays - chance >= STAYS * (1 - chance))


def labelled_bases(table: Table, text: str = "", target: str = "") -> StepLabels | None:
    """A column of DNA and one of as many letters, where there are two such, or those that are named."""
    strings = [name for name in table.names if table.kind(name) == "text"]
    sequences = [name for name in strings if text in ("", name) and _is_dna(table.cells(name))]
    if target:
        sequences = [name for name in sequences if name != target]
    if len(sequences) != 1:
        return None
    found = [
        name for name in strings if target in ("", name) and _letter_for_letter(table, sequences[0], name)
    ]
    if len(found) != 1:
        return None
    why = f"each cell of {found[0]} has a letter for each base of {sequences[0]}"
    return StepLabels(found[0], why, sequences[0])


def _is_dna(cells: Sequence[str]) -> bool:
    return looks_like_dna(cells[:GLANCE]) and looks_like_dna(cells)


def _letter_for_letter(table: Table, text: str, name: str) -> bool:
    """Whether a column holds as many letters as a row has bases, of few kinds, but for a few rows."""
    if name == text:
        return False
    kinds: set[str] = set()
    several, uneven = False, 0
    for bases, cell in zip(table.cells(text), table.cells(name), strict=True):
        letters = bare_labels(cell)
        if letters and len(letters) != len(bare_bases(bases)):
            uneven += 1
            if uneven > MOST_UNEVEN * len(table):
                return False
            continue
        kinds.update(letters)
        several = several or len(letters) > 1
    return several and 2 <= len(kinds) <= LETTERS


def steps_plan(columns: Columns, target: str, reason: str, options: ColumnOptions) -> Plan:
    """Series, time and inputs of steps that each get a label.

    Raises DataError where there is nothing to learn from, or the target is no class.
    """
    bases = labelled_bases(columns.table, next(iter(options.text), ""), target)
    otherwise = "classify" if bases is None else "translate"
    reasons: tuple[str, ...] = (f"task steps: {reason} (--task {otherwise} reads it otherwise)",)
    if bases is not None or options.text:
        text = bases.text if bases is not None else options.text[0]
        return _bases_plan(columns, (text, target), reasons, options)
    column, table = columns[target], columns.table
    if column.distinct > MOST_CLASSES:
        raise DataError(
            f"{table.source}, column {target}: {column.distinct:,} different values label no steps",
            f"at most {MOST_CLASSES} can be told apart; --task forecast or regress learns numbers",
        )
    time = columns.time_column()
    ids = step_ids(columns, target, time)
    if ids:
        reasons += (f"series by {', '.join(ids)}",)
    else:
        reasons += ("one series: --id names a column that tells several apart",)
    if time is None:
        reasons += ("no column of time: the rows are in order",)
    taken = {target, *ids, time.name if time else None, options.group}
    inputs = row_inputs(columns, [item for item in columns if item.name not in taken], options)
    if not inputs.features:
        raise DataError(
            f"{table.source}: no column of numbers is left to learn {target} from",
            "name some with --features; words with tags are for --task tag",
        )
    left_out = (*inputs.left_out, *((name, "text, and steps are rows of numbers") for name in inputs.text))
    return Plan(
        "steps", (target,), tuple(inputs.features), (), time.name if time else None, ids, options.group,
        left_out, reasons,
    )  # fmt: skip


def _bases_plan(
    columns: Columns, names: tuple[str, str], reasons: tuple[str, ...], options: ColumnOptions
) -> Plan:
    """A column of DNA and its labels; nothing else is read."""
    text, target = names
    others = tuple(
        (name, "not the bases, not their labels")
        for name in columns.table.names
        if name not in (text, target, options.group)
    )
    return Plan("steps", (target,), text=(text,), group=options.group, left_out=others, reasons=reasons)


def typed_steps(columns: Columns, options: ColumnOptions, named: Column | None) -> StepLabels:
    """What ``--task steps`` labels where no target is typed. Raises DataError with the candidates."""
    bases = labelled_bases(columns.table, next(iter(options.text), ""))
    if bases is not None:
        return bases
    time = columns.time_column()
    taken = (*columns.ids, time.name if time else "")
    states = [column for column in columns if _called_state(column)]
    possible = [column for column in columns if column.kind == "text" and _may_label(column)]
    for some in ([named] if named is not None else [], states, possible):
        free = [column for column in some if column.name not in taken and _may_label(column)]
        ids = step_ids(columns, free[0].name, time) if free else ()
        free = [column for column in free if column.name not in ids]
        if len(free) == 1:
            return StepLabels(free[0].name, f"{free[0].name} labels each row")
        if free:
            raise DataError(
                f"{columns.table.source}: more than one column could label the steps: "
                f"{', '.join(column.name for column in free)}",
                f"choose with --target {free[0].name}",
            )
    raise DataError(
        f"{columns.table.source}: no column of few repeated values labels the steps",
        "--target names one; of DNA a column with a letter for each base",
    )
