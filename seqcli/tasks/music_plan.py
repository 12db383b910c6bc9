"""What a table of pieces of music is for."""

from __future__ import annotations

from seqcli.errors import UsageError
from seqcli.options import ColumnOptions
from seqcli.readers.music import SCORE
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan


def pieces_plan(table: Table, options: ColumnOptions) -> Plan:
    """The one column of a table of pieces: MIDI files are music, rows of keys a piano roll.

    Raises UsageError where another task, or a column, was typed.
    """
    task, held = ("music", "MIDI files") if SCORE in table.names else ("pianoroll", "keys at each step")
    if options.task not in (None, task):
        raise UsageError(
            f"{table.source}: {held} are for the task {task}, not {options.task}", "leave out --task"
        )
    for flag, typed in (("--target", options.target), ("--condition", options.condition)):
        if typed:
            raise UsageError(f"{flag} names a column, and {table.source} has none", f"leave out {flag}")
    return Plan(task, table.names[:1], text=table.names[:1], reasons=(f"task {task}: {held}",))
