"""A confusion matrix as a panel; where it has no room, its largest cells off the diagonal, one a row."""

from __future__ import annotations

import math

from seqcli.reporting.panels import MatrixPanel
from seqcli.reporting.tables import Layout
from seqcli.results import Cell, ResultColumn, ResultTable

TITLE = "Confusion matrix"
SHOWN = 10
"""Confusions that are listed."""


def fitting(table: ResultTable, width: int) -> ResultTable:
    """``table`` itself, or its confusions when it is a confusion matrix wider than ``width``.

    A matrix without some of its columns would hide just what it is for.
    """
    if table.title != TITLE or len(Layout.of(table, width).widths) == len(table.columns):
        return table
    return confusions(table)


def matrix_of(table: ResultTable) -> MatrixPanel | None:
    """A confusion matrix as a panel, None for any other table and for one of a single class."""
    if table.title != TITLE or len(table.rows) < 2 or len(table.columns) < 2:
        return None
    names = [column.name for column in table.columns[1:]]
    counts = [[number(cell) for cell in row[1:]] for row in table.rows]
    return MatrixPanel(TITLE, [str(row[0]) for row in table.rows], names, counts)


def number(cell: Cell) -> float:
    """A cell of numbers; NaN for anything else."""
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else math.nan


def confusions(matrix: ResultTable) -> ResultTable:
    """The most frequent confusions of a matrix (true classes down, predictions across, both in order)."""
    found: list[tuple[int, Cell, str, float]] = []
    for place, (true, *cells) in enumerate(matrix.rows):
        counts = [int(cell or 0) for cell in cells]
        for column, count in enumerate(counts):
            if count and column != place:
                found.append((count, true, matrix.columns[column + 1].name, count / sum(counts)))
    found.sort(key=lambda each: -each[0])
    columns = (
        ResultColumn("true class"),
        ResultColumn("taken for"),
        ResultColumn("rows", ","),
        ResultColumn("of the class", ".0%"),
    )
    rows = [(true, name, count, share) for count, true, name, share in found[:SHOWN]]
    more = f"{len(found) - SHOWN:,} rarer ones; " if len(found) > SHOWN else ""
    return ResultTable("Confusions", columns, list(rows), f"{more}the matrix needs a wider terminal")
