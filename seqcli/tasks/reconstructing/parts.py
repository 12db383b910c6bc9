"""The parts of series that are written again: usual ones to learn from, odd ones to test on alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.options import Options
from seqcli.preprocessing.split import stratified_split
from seqcli.readers.table import Table
from seqcli.sequences import IntArray
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.inputs import Grouping, content_keys, group_rows
from seqcli.tasks.parts import (
    LEAST_EXAMPLES,
    Part,
    Parts,
    held_out_shares,
    picked,
    usable_rows,
    without_constants,
)
from seqcli.tasks.reconstructing.odd import Known

VALIDATION = 0.2
"""Share that is held out to say what a usual error is."""


def series_parts(tables: Tables, plan: Plan, options: Options, known: Known | None) -> Parts:
    """Split the series that are not known to be odd; the odd ones join the test part.

    Where the test part is a file of its own, odd series of the main file are left out. Raises DataError
    where a column cannot be read, and where fewer than 20 series are left to learn from.
    """
    warnings: list[str] = []
    main = usable_rows(tables.main, plan, options, None, warnings)
    plan = without_constants(main, plan, warnings) if plan.id else plan
    grouping = group_rows(main, plan.id, plan.time)
    odd = _odd(main, grouping, known)
    usual = np.flatnonzero(~odd)
    if len(usual) < LEAST_EXAMPLES:
        raise DataError(
            f"{main.source}: {len(usual)} series {'' if known is None else 'that are not odd '}"
            "are too few to learn from",
            f"at least {LEAST_EXAMPLES} are needed",
        )
    shares = held_out_shares(options.split, validation=VALIDATION)
    keys = content_keys(main, plan.features, grouping)
    try:
        split = stratified_split(
            None if keys is not None or plan.group else [""] * len(usual),
            groups=picked(main.cells(plan.group), grouping.first[usual]) if plan.group else None,
            keys=None if keys is None else [keys[row] for row in usual.tolist()],
            validation_share=0.0 if tables.validation else shares[0],
            test_share=0.0 if tables.test else shares[1],
            seed=options.training.seed,
        )
    except DataError as error:
        raise DataError(f"{main.source}: {error.message}", error.hint) from error
    train, validation, test = usual[split.train], usual[split.validation], usual[split.test]
    sentences = [said.replace(" rows", " series") for said in split.sentences]
    if odd.any():
        count = f"{int(odd.sum()):,} odd series are not learnt from"
        sentences.append(f"{count} and are in the test part" if tables.test is None else count)
    if tables.test is None:
        test = np.sort(np.concatenate([test, np.flatnonzero(odd)]))
    parts = [_part(main.take(grouping.rows(rows)), plan) for rows in (train, validation, test)]
    for place, name, given in ((1, "validation", tables.validation), (2, "test", tables.test)):
        if given is None:
            continue
        table = usable_rows(given, plan, options, None, warnings)
        if place == 1:
            table = _usual_rows(table, plan, known)
        parts[place] = _part(table, plan)
        sentences.append(f"{name} part: {len(parts[place]):,} series of {table.source}")
    return Parts(plan, parts[0], parts[1], parts[2], sentences, warnings)


def _odd(table: Table, grouping: Grouping, known: Known | None) -> NDArray[np.bool_]:
    """Which series (N,) are known to be odd."""
    if known is None:
        return np.zeros(len(grouping), np.bool_)
    found: NDArray[np.bool_] = known.of(table, grouping.first) == 1
    return found


def _usual_rows(table: Table, plan: Plan, known: Known | None) -> Table:
    """The rows of series that are not known to be odd."""
    grouping = group_rows(table, plan.id, plan.time)
    odd = _odd(table, grouping, known)
    if not odd.any():
        return table
    rows: IntArray = np.flatnonzero(~odd)
    return table.take(grouping.rows(rows))


def _part(table: Table, plan: Plan) -> Part:
    return Part(table, group_rows(table, plan.id, plan.time).first)
