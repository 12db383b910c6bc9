"""How rows that a model got wrong are listed: where they stand, and what they say."""

from __future__ import annotations

from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn
from seqcli.sequences import IntArray
from seqcli.tasks.base import Plan
from seqcli.tasks.inputs import Inputs, joined_texts

WORST = 10
"""Mistakes that are listed."""
SHOWN_TEXT = 160
"""Characters of a text in that list."""


def shown_rows(
    plan: Plan, inputs: Inputs, table: Table, rows: IntArray
) -> tuple[tuple[ResultColumn, ...], list[tuple[Cell, ...]]]:
    """The first columns of a list of mistakes, and their cells for some ``rows`` (M,) of ``table``."""
    texts = joined_texts(table, inputs.text) if inputs.text else None
    ids = [table.cells(name) for name in plan.id]
    found: list[tuple[Cell, ...]] = []
    for row in rows.tolist():
        number: Cell = int(table.records[row])
        if table.file_of is not None:
            number = f"{table.files[int(table.file_of[row])]} {number}"
        text = [] if texts is None else [_short(texts[row])]
        found.append((number, *(cells[row] for cells in ids), *text))
    columns = (
        ResultColumn(table.unit),
        *(ResultColumn(name) for name in plan.id),
        *([] if texts is None else [ResultColumn("text")]),
    )
    return columns, found


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_TEXT else text[: SHOWN_TEXT - 1] + "…"
