"""Rows one batch at a time, for prediction: nothing waits that could be answered.

A batch is handed over when it is full, or at once when the input falls silent. A row that cannot
be read comes with its error, and the stream goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seqcli.options import ReadingOptions
from seqcli.readers.blocks import Block, Format, Opening, fault_error, no_rows
from seqcli.readers.choosing import choose_format, read_opening
from seqcli.readers.registry import begin_format
from seqcli.readers.sources import Source, open_source


class Record(NamedTuple):
    """One row: its number as the user counts and its cells in the order of the stream's names.

    ``error`` is one line that names file, row and reason when it cannot be used, "" for a good row.
    """

    number: int
    cells: tuple[str, ...]
    error: str


class RecordStream:
    """The rows of one input as they arrive."""

    def __init__(self, source: Source, reader: Format, final: bool) -> None:
        self.source = source.name
        self.unit = reader.unit
        self.names = reader.names
        self.warnings = reader.warnings
        self._input = source
        self._reader = reader
        self._final = final
        self._given = 0  # rows handed over, of so many that were read
        self._read = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out so far: format, separator, encoding."""
        return (*self._input.notes, *self._reader.notes)

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes read so far, in hexadecimal."""
        return self._input.digest

    @property
    def share(self) -> float | None:
        """The share of the input whose rows were handed over; None where its size is not known."""
        share = self._input.share
        return None if share is None else share * self._given / max(self._read, 1)

    def close(self) -> None:
        """Close the input; done at the end of :meth:`batches` too."""
        self._input.close()

    def batches(self, size: int) -> Iterator[list[Record]]:
        """Batches of at most ``size`` rows, in order. Raises :class:`DataError` when there is no row."""
        try:
            yield from self._batches(size)
        finally:
            self.close()

    def _batches(self, size: int) -> Iterator[list[Record]]:
        waiting = self._records(self._reader.feed("", self._final))
        empty = not waiting
        while not self._final:
            full = len(waiting) - len(waiting) % size
            yield from self._in_batches(waiting[:full], size)
            waiting = waiting[full:]
            if waiting and self._input.waits():
                yield from self._in_batches(waiting, size)
                waiting = []
            piece = self._input.read()
            self._final = not piece
            waiting += self._records(self._reader.feed(piece, self._final))
            empty = empty and not waiting
        yield from self._in_batches(waiting, size)
        if empty:
            raise no_rows(self.source)

    def _in_batches(self, records: list[Record], size: int) -> Iterator[list[Record]]:
        for start in range(0, len(records), size):
            batch = records[start : start + size]
            self._given += len(batch)
            yield batch

    def _records(self, block: Block) -> list[Record]:
        rows = zip(block.numbers.tolist(), block.rows(self.names), strict=True)
        records = [Record(number, cells, "") for number, cells in rows]
        for position, fault in block.faults.items():
            error = fault_error(self.source, self.unit, records[position].number, fault)
            records[position] = records[position]._replace(error=error.message)
        self._read += len(records)
        return records


def open_stream(
    path: str,
    options: ReadingOptions,
    expected: tuple[str, ...] = (),
    text_column: str = "text",
    needed: tuple[str, ...] | None = None,
) -> RecordStream:
    """Begin to read the rows of a file, or of stdin for "-".

    ``expected`` are the input columns of the model that will read the rows; lines of plain text go
    under the name ``text_column``. ``needed`` are those that must all be there, where not all are.
    Raises :class:`DataError` when the input cannot be opened, is empty, or has a header that lacks an
    expected column.
    """
    source = open_source(path, options.encoding)
    must = expected if needed is None else needed
    try:
        text, final = read_opening(source, patient=False)
        chosen = choose_format(source, text, options, expected)
        reader = begin_format(chosen, Opening(source.name, text, final, options, must, text_column))
    except BaseException:
        source.close()
        raise
    return RecordStream(source, reader, final)
