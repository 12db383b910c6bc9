"""The input columns of rows that each get one answer, sorted: text, DNA among it, and features."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions
from seqcli.tasks.columns import LONG_CHARACTERS, Column, Columns


@dataclass
class RowInputs:
    """Which columns are read as text, which as features, and which are not, and why."""

    text: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def row_inputs(columns: Columns, usable: list[Column], options: ColumnOptions) -> RowInputs:
    """The columns that were typed, else all of ``usable`` that can be read."""
    if not options.features and not options.text:
        return _found_inputs(usable)
    chosen = [column for column in usable if column.name in (*options.features, *options.text)]
    taken = sorted({*options.text} - {column.name for column in chosen})
    if taken:
        raise UsageError(
            f"--text {taken[0]}: the column has another role already", "name a column of text or of DNA"
        )
    inputs = _typed_inputs(columns, [column for column in chosen if column.name not in options.text])
    return replace(inputs, text=[*options.text, *inputs.text])


def _found_inputs(usable: list[Column]) -> RowInputs:
    """All columns that can be read, sorted into text and features; never none of them."""
    inputs = RowInputs()
    strings: list[Column] = []
    for column in usable:
        reason = "a date" if column.kind == "date" else column.useless
        if reason:
            inputs.left_out.append((column.name, reason))
        elif column.running_text:
            inputs.text.append(column.name)
        elif column.kind == "number" or column.classes:
            inputs.features.append(column.name)
        elif column.characters >= LONG_CHARACTERS:
            inputs.text.append(column.name)
        else:
            strings.append(column)
    if inputs.text or inputs.features:
        inputs.left_out += [(column.name, f"{column.distinct} different short strings") for column in strings]
    elif strings:
        inputs.text = [column.name for column in strings]
    else:  # what names rows is better than nothing
        named = [column for column in usable if (column.name, "it names rows") in inputs.left_out]
        inputs.text = [column.name for column in named if column.kind == "text"]
        inputs.features = [column.name for column in named if column.kind == "number"]
        inputs.left_out = [item for item in inputs.left_out if item[1] != "it names rows"]
    return inputs


def _typed_inputs(columns: Columns, chosen: list[Column]) -> RowInputs:
    """The columns that were typed, sorted into text and features."""
    inputs = RowInputs()
    for column in chosen:
        if column.kind in {"date", "empty"}:
            what = "a date" if column.kind == "date" else "empty"
            raise DataError(
                f"{columns.table.source}, column {column.name}: {what}, which is no input here",
                "leave it out of --features",
            )
        number = column.kind == "number" or (column.classes and not column.running_text)
        (inputs.features if number else inputs.text).append(column.name)
    return inputs
