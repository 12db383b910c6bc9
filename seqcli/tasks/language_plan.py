"""Which column of a table a language model reads, and which one its text depends on."""

from __future__ import annotations

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import Columns
from seqcli.tasks.rules import ambiguous

LABELS = frozenset({"label", "file"})
"""Columns that hold nothing but the name of the file a line stands in."""


def language_plan(columns: Columns, options: ColumnOptions, reason: str = "") -> Plan:
    """The text column: as typed, else the only one of strings, else the only one of running text.

    Raises DataError where that is not one column, or where the condition has no values that repeat.
    """
    condition, features = options.condition, options.features
    if condition is not None and features:
        raise UsageError(
            "--condition and --features both name what a text depends on",
            f"--features {','.join(dict.fromkeys((condition, *features)))}",
        )
    features = (condition,) if condition is not None else features
    lines = columns.table.unit == "line"  # a text of numbers is a text
    several = lines and len(columns.table.files) > 1
    strings = [
        column
        for column in columns
        if column.name not in features
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
    _check_features(columns, text, options)
    left_out = tuple(
        (column.name, "a language model reads one text")
        for column in columns
        if column.name not in {text, *features} and not (several and column.name in LABELS)
    )
    why = reason or ("as typed" if options.task or options.target or features else "lines of text")
    if features:
        why += f", one text a row, depending on {', '.join(features)}"
    files = columns.table.files
    if lines and len(files) > 1 and not features:
        why += f"; the {len(files)} files are one text, from {files[0]} to {files[-1]}"
    return Plan(
        task="language",
        target=(text,),
        features=features,
        text=(text,),
        left_out=left_out,
        reasons=(f"task language: {why}",),
    )


def _check_features(columns: Columns, text: str, options: ColumnOptions) -> None:
    """Raise DataError for a column of --features that no text can depend on."""
    for name in options.features:
        column, what = columns[name], ""
        if name == text:
            what = "is the text itself"
        elif column.kind == "text" and not column.repeated:
            what = "has no two values that come again and again"
        elif column.kind not in ("text", "number"):
            what = f"is {'a date' if column.kind == 'date' else 'empty'}"
        elif column.useless == "every row says the same":
            what = column.useless
        if what:
            raise DataError(
                f"{columns.table.source}, column {name}: {what}, so no text can depend on it",
                "--features names columns of categories and of numbers",
            )
