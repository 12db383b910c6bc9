"""How rows that a model got wrong are listed: where they stand, and what they say."""

from __future__ import annotations

from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn
from seqcli.sequences import IntArray
from seqcli.tasks.base import Plan
from seqcli.tasks.inputs import Inputs, joined_texts

TITLE = "Worst mistakes"
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
        text = [] if texts is None else [short(texts[row])]
        found.append((row_number(table, row), *(cells[row] for cells in ids), *text))
    columns = (
        ResultColumn(table.unit),
        *(ResultColumn(name) for name in plan.id),
        *([] if texts is None else [ResultColumn("text")]),
    )
    return columns, found


def row_number(table: Table, row: int) -> Cell:
    """The number of a row of ``table`` as messages count, with its file where there are several."""
    number = int(table.records[row])
    return number if table.file_of is None else f"{table.files[int(table.file_of[row])]} {number}"


def short(text: str) -> str:
    """A text in one line, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_TEXT else text[: SHOWN_TEXT - 1] + "…"
