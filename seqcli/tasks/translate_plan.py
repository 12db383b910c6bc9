"""The plan of a file of pairs: which column is read, and which is written."""

from __future__ import annotations

from dataclasses import replace

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions
from seqcli.readers.pairs import COLUMNS
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import Columns, bare
from seqcli.tasks.rules import Found, ambiguous


def of_two_files(options: ColumnOptions) -> ColumnOptions:
    """The options on columns where --source and --target name files: their lines are columns of their own.

    Raises UsageError where only one file is named, or a task that does not read pairs.
    """
    if options.source is None:
        return options
    if len(options.target) != 1:
        raise UsageError(
            "--source names a file of texts, and --target the file of what they say",
            "--source train.de --target train.en",
        )
    if options.task not in (None, "translate"):
        raise UsageError(
            f"--source names texts to translate, and means nothing to the task {options.task}",
            "leave out --source",
        )
    return replace(options, source=None, task="translate", target=COLUMNS[1:], features=COLUMNS[:1])


def refuse_one_text(columns: Columns) -> None:
    """Raise DataError for a file in which nothing stands beside what could be read."""
    filled = [column.name for column in columns if column.kind != "empty"]
    if len(filled) < 2:
        there = f"only {filled[0]} holds something" if filled else "none holds anything"
        raise DataError(
            f"{columns.table.source}: a translation needs a column to read and one to write, and {there}",
            "such as source,target in a csv; of two files --source a.de --target a.en",
        )


def taken_for_names(plan: Plan) -> list[str]:
    """A warning where the names of both columns are themselves texts: a file without a header."""
    names = (*plan.text, *plan.target)
    if not all(len(name.split()) > 3 or name.endswith((".", "!", "…")) for name in names):
        return []
    return [
        f"the first pair, {names[0][:40]!r} and {names[1][:40]!r}, is taken for the names of the columns: "
        "put a line with two names ahead of it"
    ]


def translate_plan(columns: Columns, options: ColumnOptions, found: Found) -> Plan:
    """Source and target: as typed, else by the rule that was ``found``, else the two columns of text.

    Raises DataError where the source is not one column.
    """
    table, target = columns.table, found.target
    if len(target) != 1:
        raise DataError(f"{table.source}: a translation has one target", "name one column with --target")
    others = [
        column for column in columns if column.name not in (*target, options.group) and column.kind != "empty"
    ]
    texts = [column for column in others if column.kind == "text" and not column.useless] or others
    typed = (*options.features, *options.text)
    if typed:
        texts = [columns[name] for name in typed if name not in target]
    named = [column for column in texts if bare(column.name) == "source"]
    texts = named or texts
    if not texts:
        raise DataError(f"{table.source}: no column is left to read {target[0]} from", "--text names it")
    if len(texts) > 1:
        error = ambiguous(columns, "could be read", texts)
        raise DataError(error.message, f"choose with --text {texts[0].name}")
    source = texts[0].name
    files = table.files if table.names == COLUMNS else ()
    reason = f"a line of {files[0]} says what that of {files[1]} says" if len(files) == 2 else found.reason
    left_out = tuple(
        (column.name, "a translation reads one column")
        for column in columns
        if column.name not in (source, *target, options.group)
    )
    return Plan(
        "translate", target, text=(source,), group=options.group, left_out=left_out,
        reasons=(f"task translate: {reason}",),
    )  # fmt: skip
