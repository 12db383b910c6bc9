"""From the tables of a run to three parts of series whose steps have labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.preprocessing.dna import bare_bases
from seqcli.preprocessing.split import Split, chronological_split, stratified_split
from seqcli.readers.roles import counted, time_stamps
from seqcli.readers.table import Table
from seqcli.sequences import IntArray
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.inputs import Grouping, content_keys, group_rows
from seqcli.tasks.parts import TargetRole, held_out_shares, picked, usable_rows, without_constants
from seqcli.tasks.stepping.reading import series_rows

FEW = 5
"""Series below which each is cut along time, instead of whole ones being drawn."""
LEAST_STEPS = 100
"""Steps with a label below which nothing can be split and learnt."""
MOST_CLASSES = 50
MOST_UNEVEN = 0.01
"""Share of rows of DNA that may have another number of labels than bases."""


@dataclass(frozen=True)
class StepParts:
    """The three parts, the columns that are left, and sentences on the split and on odd data."""

    plan: Plan
    train: Table
    validation: Table
    test: Table
    rules: list[str]
    warnings: list[str]

    @property
    def all(self) -> tuple[Table, Table, Table]:
        """Training, validation, test."""
        return self.train, self.validation, self.test


def make_step_parts(tables: Tables, plan: Plan, options: Options) -> StepParts:
    """Split by series, each whole in one part; fewer than five are each cut along time.

    Equal series and equal groups stay together; a file given for validation or test is that part. Raises
    DataError where a column cannot play its role and where fewer than 100 steps have a label.
    """
    warnings: list[str] = []
    role = TargetRole(
        check=lambda table: [],
        known=lambda table: np.arange(len(table)),
        strata=lambda table, rows: [""] * len(rows),
        each_step=True,
    )
    main = usable_rows(tables.main, plan, options, role, warnings)
    warnings += _check_labels(main, plan)
    plan = plan if plan.text else without_constants(main, plan, warnings)
    parts, rules = _split(main, plan, tables, options)
    for place, name, given in ((1, "validation", tables.validation), (2, "test", tables.test)):
        if given is not None:
            table = usable_rows(given, plan, options, role, warnings)
            warnings += unequal_lengths(table, plan)
            parts[place] = table
            rules.append(f"{name} part: {counted_series(len(lines_of(table, plan)), plan)} of {table.source}")
    train, validation, test = parts
    return StepParts(plan, train, validation, test, rules, warnings)


def unit_of(plan: Plan) -> str:
    """What a series is called."""
    return "sequence" if plan.text else "series"


def counted_series(number: int, plan: Plan) -> str:
    """``1 series``, ``3 series``, ``2 sequences``."""
    return counted(number, "sequence") if plan.text else f"{number:,} series"


def lines_of(table: Table, plan: Plan) -> Grouping:
    """Which rows each series has."""
    return group_rows(table, (), None) if plan.text else series_rows(table, plan.id, plan.time)


def labels_of(table: Table, plan: Plan) -> list[str]:
    """The label of each step, row by row, "" for none; of a row of DNA that of each of its bases."""
    cells = table.cells(plan.target[0])
    if not plan.text:
        return [cell.strip() for cell in cells]
    found: list[str] = []
    for bases, labels in zip(table.cells(plan.text[0]), cells, strict=True):
        count, letters = max(len(bare_bases(bases)), 1), bare_labels(labels)
        found += letters if len(letters) == count else [""] * count
    return found


def bare_labels(cell: str) -> str:
    """The letters of a cell of labels, without the blanks that may break its lines."""
    return "".join(cell.split())


def unequal_lengths(table: Table, plan: Plan) -> list[str]:
    """Sentences on rows of DNA with another number of labels than bases; of many the first is an error.

    Rows without any label are not among them.
    """
    if not plan.text:
        return []
    text, target, odd = plan.text[0], plan.target[0], []
    for row, (bases, labels) in enumerate(zip(table.cells(text), table.cells(target), strict=True)):
        count, letters = len(bare_bases(bases)), len(bare_labels(labels))
        if letters and letters != count:
            odd.append((row, f"{table.where(row, target)}: {letters} labels for {counted(count, 'base')}"))
    if len(odd) > MOST_UNEVEN * len(table):
        raise DataError(odd[0][1], f"each base needs one letter; so it is in {len(table) - len(odd):,} rows")
    return [f"{what}; read without labels" for _, what in odd]


def _check_labels(table: Table, plan: Plan) -> list[str]:
    """Sentences on missing labels; raises DataError where the labels teach nothing."""
    name, said = plan.target[0], unequal_lengths(table, plan)
    labels = labels_of(table, plan)
    known = [label for label in labels if label]
    kinds = sorted(set(known))
    if len(kinds) < 2:
        only = f"only {kinds[0]!r}" if kinds else "nothing"
        raise DataError(f"{table.source}, column {name}: it holds {only}", "a label needs two or more values")
    if len(kinds) > MOST_CLASSES:
        raise DataError(
            f"{table.source}, column {name}: {len(kinds):,} different labels of steps",
            f"at most {MOST_CLASSES} can be told apart; --task forecast or regress learns numbers",
        )
    if len(known) < LEAST_STEPS:
        raise DataError(
            f"{table.source}: {counted(len(known), 'step')} with a known {name} cannot be learnt from",
            f"at least {LEAST_STEPS} are needed",
        )
    if len(known) < len(labels):
        said.append(
            f"{len(labels) - len(known):,} of {len(labels):,} steps have no {name}: read, and not scored"
        )
    return said


def _split(main: Table, plan: Plan, tables: Tables, options: Options) -> tuple[list[Table], list[str]]:
    """The parts of the main table, and sentences on the split."""
    lines, unit = lines_of(main, plan), unit_of(plan)
    validation, test = held_out_shares(options.split)
    validation, test = 0.0 if tables.validation else validation, 0.0 if tables.test else test
    if len(lines) < FEW and plan.group is None:
        if plan.text:
            raise DataError(
                f"{main.source}: {counted(len(lines), 'sequence')} cannot be split",
                f"at least {FEW} are needed; cut a long sequence into rows",
            )
        stamps = time_stamps(main, plan.time).values[lines.order] if plan.time else None
        split = chronological_split(
            np.diff(lines.offsets), validation_share=validation, test_share=test, stamps=stamps
        )
        return _taken(main, [lines.order[rows] for rows in _positions(split)]), list(split.sentences)
    if len(lines) < 2 and plan.group is not None:
        raise UsageError(
            "--group keeps series on one side of the split, and there is one series", "leave out --group"
        )
    try:
        split = stratified_split(
            [""] * len(lines),
            groups=picked(main.cells(plan.group), lines.first) if plan.group else None,
            keys=content_keys(main, (*plan.text, *plan.features), lines),
            validation_share=validation,
            test_share=test,
            seed=options.training.seed,
        )
    except DataError as error:
        message = error.message.replace(" rows", f" {_several(unit)}").replace(" row ", f" {unit} ")
        raise DataError(f"{main.source}: {message}", error.hint.replace("rows", _several(unit))) from error
    said = [
        sentence.replace(", by class", "")
        .replace(" another row;", f" another {unit};")
        .replace(" rows", f" {_several(unit)}")
        for sentence in split.sentences
    ]
    return _taken(main, [lines.rows(series) for series in _positions(split)]), said


def _several(unit: str) -> str:
    return unit if unit.endswith("s") else f"{unit}s"


def _positions(split: Split) -> tuple[IntArray, IntArray, IntArray]:
    return split.train, split.validation, split.test


def _taken(main: Table, parts: list[IntArray]) -> list[Table]:
    return [main.take(rows) for rows in parts]
