"""The plan of a wide file: one series a row, its values from left to right."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions
from seqcli.readers.table import Table
from seqcli.readers.wide import (
    dated_columns,
    describe_wide,
    find_wide,
    further_columns,
    lengthen,
    looks_wide,
)
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.forecasting.static import find_static
from seqcli.tasks.rules import LABEL_WORDS

LABELS = frozenset(word for words in LABEL_WORDS for word in words)


def is_wide(table: Table, options: ColumnOptions) -> bool:
    """Whether the user said so, or nothing else can be meant.

    Raises UsageError for ``--every`` where it says nothing.
    """
    if options.every is not None and not (options.wide and options.time):
        raise UsageError(
            "--every says how far apart the values of a wide row are",
            "--wide --time COLUMN --every 1h, where COLUMN says when each row begins",
        )
    if options.wide is not None:
        return options.wide
    free = options.task in (None, "forecast") and not (options.target or options.features or options.time)
    if not free or options.id not in ((), table.names[:1]):
        return False
    if looks_wide(table, LABELS):
        return True
    dated = dated_columns(table)
    if dated and options.task == "forecast":
        raise DataError(
            f"{table.source}: columns {dated[0]} to {dated[-1]} are called by dates: is each row a series?",
            f"--wide{_telling(table, dated)} reads one series a row, --no-wide reads columns",
        )
    return False


def _telling(table: Table, values: tuple[str, ...]) -> str:
    """The option that names the first two or three columns of text that tell the rows apart, if any do."""
    texts = [name for name in table.names[:8] if name not in values and table.kind(name) == "text"]
    for size in (2, 3):
        for names in combinations(texts, size):
            if len(set(zip(*(table.cells(name) for name in names), strict=True))) == len(table):
                return f' --id "{",".join(names)}"'
    return ""


def wide_plan(table: Table, options: ColumnOptions) -> Plan:
    """What each column of a wide file is for. Raises UsageError for an option that means nothing to it."""
    if options.task not in (None, "forecast"):
        raise UsageError(f"--wide is for a forecast, and --task is {options.task}", "leave out one of them")
    if options.time is not None and options.every is None:
        raise UsageError(
            f"{options.time} says when each row begins, but not how far apart its values are",
            "add --every 1h (or 15min, 1d, 1w, 1mo, …)",
        )
    form = find_wide(table, options.id, options.time, options.every)
    typed = [f"--{name}" for name in ("features", "group") if getattr(options, name)]
    typed += ["--target"] if options.target not in ((), (form.value,)) else []
    if typed:
        raise UsageError(
            f"{typed[0]} names a column, and of a wide file all columns of values are one series",
            f"leave out {typed[0]}",
        )
    found = "" if options.wide else "; --no-wide reads its columns as columns"
    reasons = (
        f"task forecast: one series a row ({'--wide' if options.wide else 'found by its header'}{found})",
        f"wide: {describe_wide(table, form)}",
    )
    others = further_columns(table, form)
    static = find_static(table, form.ids, others)
    left_out = [(name, "it tells no series from another") for name in others if name not in static]
    return Plan(
        "forecast", (form.value,), time=form.time, id=form.ids, left_out=tuple(left_out), reasons=reasons,
        static=static, wide=form,
    )  # fmt: skip


def long_tables(tables: Tables, plan: Plan) -> Tables:
    """The tables of a run as a forecast reads them: a row for each moment of each series."""
    if plan.wide is None:
        return tables
    form = plan.wide
    parts = (tables.main, tables.validation, tables.test)
    main, validation, test = (None if table is None else lengthen(table, form) for table in parts)
    assert main is not None
    return replace(tables, main=main, validation=validation, test=test)
