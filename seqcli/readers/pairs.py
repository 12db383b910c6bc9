"""Two files of texts, a line of one saying the same as that line of the other, as one table."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.read import read_file
from seqcli.readers.sources import STDIN
from seqcli.readers.table import Table

COLUMNS = ("source", "target")


def read_pair(paths: tuple[str, ...], options: ReadingOptions) -> Table:
    """The lines of two files side by side, in columns called source and target, as lines of the first.

    A line that is blank in either is left out. Raises DataError where one file ends ahead of the other, and
    where there are not two.
    """
    if len(paths) != 2 or not all(paths):
        raise DataError(
            f"{','.join(paths) or 'nothing'}: {len(paths)} file{'s' if len(paths) != 1 else ''}, where two "
            "say the same line by line",
            "SOURCE_FILE,TARGET_FILE names both",
        )
    if STDIN in paths:
        raise DataError("stdin cannot be one of two inputs", "write it to a file first")
    lines = replace(options, input_format="txt", delimiter=None)
    both = [read_file(path, lines) for path in paths]
    last = [int(table.records[-1]) for table in both]
    if last[0] != last[1]:
        shorter, longer = sorted((0, 1), key=last.__getitem__)
        raise DataError(
            f"{both[shorter].source} ends at line {last[shorter]:,}, {both[longer].source} at line "
            f"{last[longer]:,}",
            "a line of one must say the same as that line of the other",
        )
    numbers = np.intersect1d(both[0].records, both[1].records)
    taken = [table.take(np.searchsorted(table.records, numbers)) for table in both]
    columns = {name: table.column(table.names[0]) for name, table in zip(COLUMNS, taken, strict=True)}
    blank = last[0] - len(numbers)
    notes = tuple(f"{table.source}: {note}" for table in both for note in table.notes if "blank" not in note)
    if blank:
        notes += (f"{blank:,} line{'s' if blank != 1 else ''} blank in one of both left out",)
    return Table(
        both[0].source, COLUMNS, columns, numbers,
        files=tuple(table.source for table in both), unit="line", notes=notes,
        digest=hashlib.sha256("\n".join(table.digest for table in both).encode()).hexdigest(),
    )  # fmt: skip
