"""Where a result goes: stdout or a file, in the form that was asked for or that fits the place."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from seqcli.errors import UsageError
from seqcli.options import OutputOptions
from seqcli.reporting.screen import console_for, is_plain, is_terminal
from seqcli.reporting.tables import (
    Layout,
    csv_records,
    json_text,
    left_out,
    print_on,
    rich_table,
    write_table,
)
from seqcli.results import Cell, ResultColumn, ResultTable

CONLL = "conll"
"""The form that only tagged words have, for other programs."""
TEXT_LINES = "txt"
"""The form that only translations have: one a line, and nothing else."""
_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".json": "json"}
_LAID_OUT = 200
"""Rows from which a table that comes in pieces takes the widths of its columns."""


def result_format(output: OutputOptions) -> str:
    """The form of the result: as asked, else by the file's name, else by who reads stdout."""
    if output.format:
        return output.format
    if output.output not in (None, "-"):
        return _SUFFIXES.get(Path(str(output.output)).suffix.lower(), "csv")
    return "table" if is_terminal(sys.stdout) else "csv"


def check_output(output: OutputOptions) -> None:
    """Refuse, ahead of the work, a result file that could not be written. Raises UsageError."""
    if output.output not in (None, "-"):
        check_place(Path(str(output.output)), "-o")


def check_place(target: Path, flag: str) -> None:
    """Refuse a file that could not be written; ``flag`` is what named it. Raises UsageError."""
    if target.is_dir():
        raise UsageError(f"{target}: is a directory, not a file to write", f"{flag} takes the name of a file")
    if not target.parent.is_dir():
        raise UsageError(f"{target}: there is no directory {target.parent}", f"mkdir -p {target.parent}")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise UsageError(f"{target}: permission denied", f"{flag} takes a file that can be written")


@contextmanager
def result_stream(output: OutputOptions) -> Iterator[IO[str]]:
    """The stream of the result. A file is whole or not there: it is written aside and renamed."""
    check_output(output)
    if output.output in (None, "-"):
        yield sys.stdout
        sys.stdout.flush()
        return
    with (
        whole_file(Path(str(output.output))) as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as stream,
    ):
        yield stream


@contextmanager
def whole_file(target: Path) -> Iterator[IO[bytes]]:
    """A file to write that is whole or not there: it is written aside and renamed."""
    if target.exists() and not target.is_file():  # a device or a named pipe
        with open(target, "wb") as stream:
            yield stream
        return
    import tempfile  # here, because it takes time that only this way of writing needs

    target = target.resolve()
    handle, aside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(handle, "wb") as stream:
            yield stream
        Path(aside).chmod(target.stat().st_mode if target.exists() else 0o666 & ~_umask())
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_result(table: ResultTable, output: OutputOptions) -> None:
    """Write one result table to where ``output`` says."""
    with result_stream(output) as stream:
        write_table(table, result_format(output), stream)


class RowWriter:
    """Rows that come in pieces: each piece is on its way to the reader when :meth:`flush` returns."""

    def __init__(self, names: Sequence[str], form: str, stream: IO[str], computed: int = 2) -> None:
        """``computed`` is the number of last columns that no input column may push off a narrow table."""
        self._names = tuple(names)
        self._computed = computed
        self._form = form
        self._stream = stream
        self._count = 0
        self._waiting: list[tuple[Cell, ...]] = []
        self._columns = tuple(ResultColumn(name) for name in names)
        self._layout: Layout | None = None
        self._record = csv_records(stream)
        if form == "csv":
            self._record(self._names)

    def write(self, row: Sequence[Cell]) -> None:
        """One row, one cell a name."""
        if self._form == "csv":
            self._record(row)
        elif self._form == "table":
            self._waiting.append(tuple(row))
        else:
            record = json_text(dict(zip(self._names, row, strict=True)))
            if self._form == "jsonl":
                self._stream.write(record + "\n")
            else:
                self._stream.write(("[\n  " if not self._count else ",\n  ") + record)
        self._count += 1

    def flush(self) -> None:
        """Let the reader see what there is."""
        if self._waiting:
            self._draw()
        self._stream.flush()

    def close(self) -> None:
        """End the document, where the form has an end."""
        if self._form == "json":
            self._stream.write("\n]\n" if self._count else "[]\n")
        if self._form == "table" and self._layout is None:
            self._draw()
        if self._layout is not None and (more := left_out(len(self._names), self._layout)):
            print_on(console_for(self._stream), more)
        self.flush()

    def _draw(self) -> None:
        """Draw the waiting rows as the next part of one table."""
        console = console_for(self._stream)
        for start in range(0, max(len(self._waiting), 1), _LAID_OUT):
            part = ResultTable("", self._columns, self._waiting[start : start + _LAID_OUT])
            layout = Layout.of(part, console.width, self._computed)
            first = self._layout is None
            self._layout = layout if self._layout is None else self._layout.widened(layout)
            print_on(console, rich_table(part, self._layout, is_plain(self._stream), header=first))
        self._waiting = []
