"""Which column of a table a language model reads, and which one its text depends on."""

from __future__ import annotations

from seqcli.errors import DataError
from seqcli.options import ColumnOptions
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import Columns
from seqcli.tasks.rules import ambiguous


def language_plan(columns: Columns, options: ColumnOptions, reason: str = "") -> Plan:
    """The text column: as typed, else the only one of strings, else the only one of running text.

    Raises DataError where that is not one column, or where the condition has no values that repeat.
    """
    condition = options.condition
    lines = columns.table.unit == "line"  # a text of numbers is a text
    strings = [
        column
        for column in columns
        if column.name != condition
        and (column.kind != "empty" if lines else column.kind == "text" and not column.classes)
    ]
    if options.target:
        strings = [columns[name] for name in options.target]
    elif len(strings) > 1:
        strings = [column for column in strings if column.running_text] or strings
    if not strings:
        raise DataError(f"{columns.table.source}: no column holds text", "--target names it")
    if len(strings) > 1:
        raise ambiguous(columns, "could be the text to go on with", strings)
    text = strings[0].name
    if condition is not None and (condition == text or not columns[condition].repeated):
        what = "is the text itself" if condition == text else "has no two values that come again and again"
        raise DataError(
            f"{columns.table.source}, column {condition}: {what}, so no text can depend on it",
            "--condition names a column of categories",
        )
    left_out = tuple(
        (column.name, "a language model reads one text")
        for column in columns
        if column.name not in {text, condition}
    )
    why = reason or ("as typed" if options.task or options.target or condition else "lines of text")
    if condition is not None:
        why += f", one text a row, depending on {condition}"
    return Plan(
        task="language",
        target=(text,),
        features=(condition,) if condition is not None else (),
        text=(text,),
        left_out=left_out,
        reasons=(f"task language: {why}",),
    )
