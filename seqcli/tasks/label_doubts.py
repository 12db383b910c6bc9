"""Where a model of several labels fails: the worst wrong sets, and labels that it never gives."""

from __future__ import annotations

import numpy as np

from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import Batchable, FloatArray
from seqcli.tasks.label_metrics import chances_of
from seqcli.tasks.label_sets import labels_of
from seqcli.tasks.mistakes import WORST, shown_rows
from seqcli.tasks.multilabel import Multilabel

LEAST_SUPPORT = 5
"""Rows that have a label, below which it says little that none is given it."""


def never_given(task: Multilabel, logits: FloatArray, examples: Batchable) -> list[str]:
    """A sentence on labels that rows have and that none is given, from joined logits (N, L)."""
    said = task.given(logits, examples).any(axis=0)
    support = labels_of(examples).sum(axis=0)
    missed = [task.classes[at] for at in np.flatnonzero(~said & (support >= LEAST_SUPPORT)).tolist()]
    if not missed:
        return []
    named = ", ".join(missed[:5]) + (f" and {len(missed) - 5} more" if len(missed) > 5 else "")
    return [f"no row is given {named}, which rows have: the model did not learn to tell it"]


def worst_sets(task: Multilabel, logits: FloatArray, examples: Batchable, table: Table) -> ResultTable:
    """The rows with the surest wrong yes or no, by joined logits (N, L) of labelled ``examples``."""
    true, said = labels_of(examples) > 0, task.given(logits, examples)
    chances = chances_of(logits)
    doubt = np.where(true != said, np.where(said, chances, 1 - chances), 0.0)  # (N, L)
    wrong = np.flatnonzero((true != said).any(axis=1))
    worst = wrong[np.argsort(-doubt[wrong].max(axis=1), kind="stable")][:WORST]
    names, shown = shown_rows(task.plan, task.inputs, table, examples.row_ids[worst])
    rows: list[tuple[Cell, ...]] = []
    for place, own in zip(worst.tolist(), shown, strict=True):
        sets = [task.joined_names(np.flatnonzero(each[place]).tolist()) for each in (true, said)]
        label = int(doubt[place].argmax())
        rows.append((*own, *sets, task.classes[label], round(float(chances[place, label]), 7)))
    columns = (
        *names,
        ResultColumn("labels"),
        ResultColumn("prediction"),
        ResultColumn("wrong", keep="left"),
        ResultColumn("probability", ".3f"),
    )
    caption = f"the wrong ones that the model was surest of, of {len(wrong):,} in {len(examples):,}"
    return ResultTable("Worst mistakes", columns, rows, caption)
