"""Which predictors are compared on a file, and on which rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seqcli.backends.registry import CELLS
from seqcli.errors import DataError, UsageError, near_miss
from seqcli.tasks.base import Prepared, Tables
from seqcli.tasks.inputs import group_rows
from seqcli.tasks.parts import LEAST_EXAMPLES, Source
from seqcli.training.comparing.entries import TRANSFORMER, Entry

WHOLE = ("classify", "multilabel", "regress", "tag", "translate", "transcribe", "steps", "reconstruct")
"""Tasks that have the whole input when they answer, whatever the cell is."""


def known_names(names: Sequence[str]) -> tuple[str, ...]:
    """What was typed for --cells, each once. Raises UsageError for what is no cell."""
    every = (*CELLS, TRANSFORMER)
    for name in names:
        if name not in every:
            close = near_miss(name, every)
            hint = f"did you mean {close}?" if close else f"there are {', '.join(every)}"
            raise UsageError(f"--cells: no cell is called {name!r}", hint)
    return tuple(dict.fromkeys(names))


def entries_for(
    prepared: Prepared, names: Sequence[str], rows: Sequence[int], both_ways: bool | None
) -> list[Entry]:
    """The networks to train: all cells where no ``names`` are given, in one direction and in both.

    ``both_ways`` is --bidirectional where it was typed. Raises UsageError where a typed name or number of
    rows does not fit the task.
    """
    task = prepared.task.plan.task
    reads = task in WHOLE and int(prepared.train.lengths.max(initial=1)) > 1
    if TRANSFORMER in names and not reads:
        why = "reads step by step" if task not in WHOLE else "has one step a row here"
        raise UsageError(
            f"--cells: a transformer encoder reads the whole input, and the task {task} {why}",
            f"leave out {TRANSFORMER}",
        )
    if rows and not isinstance(prepared.source, Source):
        raise UsageError(f"--rows draws rows of their own, and the task {task} has none", "leave out --rows")
    chosen = tuple(names) or (*CELLS, *([TRANSFORMER] if reads else []))
    found = []
    for count in row_counts(rows):
        for name in chosen:
            ways: tuple[bool, ...] = (False, True) if reads else (False,)
            if both_ways is not None and name != "none":
                ways = (both_ways,)
            if name in (TRANSFORMER, "none"):
                ways = (False,)
            found += [Entry(name, both_ways=way, rows=count) for way in ways]
    return found


def row_counts(rows: Sequence[int]) -> list[int | None]:
    """How many training rows there are to be: the numbers that were typed, else None for all."""
    return list(rows) if rows else [None]


def drawn_rows(tables: Tables, prepared: Prepared, count: int, seed: int) -> Tables:
    """``count`` training rows (sequences, where rows are collected in those), drawn by ``seed``.

    A larger draw by the same seed holds the smaller one. Validation and test part stay as they are. Raises
    DataError where there are fewer.
    """
    source, plan = prepared.source, prepared.task.plan
    grouping = group_rows(source.train, plan.id, plan.time)
    if not LEAST_EXAMPLES <= count <= len(grouping):
        raise DataError(
            f"{tables.main.source}: --rows {count} of {len(grouping):,} training rows",
            f"--rows takes numbers from {LEAST_EXAMPLES} to {len(grouping)}",
        )
    order = np.random.default_rng([seed, 1]).permutation(len(grouping))
    main = source.train.take(grouping.rows(np.sort(order[:count])))
    return replace(tables, main=main, validation=source.validation, test=source.test)


def scored_on_validation(prepared: Prepared) -> Prepared:
    """``prepared`` as a baseline is to see it that shall be scored on the validation part."""
    source = prepared.source
    if isinstance(source, Source):
        source = replace(source, test=source.validation)
    elif isinstance(source, tuple) and len(source) == 3:
        source = (source[0], source[1], source[1])
    return replace(prepared, test=prepared.validation, source=source)
