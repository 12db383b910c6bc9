"""Sequences longer than a model of DNA reads at once, as windows: one row each, with where it lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqcli.errors import UsageError
from seqcli.preprocessing.dna import bare_bases
from seqcli.tasks.inputs import Inputs

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import Record, RecordStream
    from seqcli.tasks.base import RowTask

START, END = "start", "end"


class BaseWindows:
    """The rows of ``stream``, each cut into windows of ``width`` bases, ``apart`` bases from each other.

    The columns :data:`START` and :data:`END` count bases from 1, both inside. The last window ends with the
    sequence; one that is no longer than a window is one.
    """

    def __init__(self, stream: RecordStream, column: str, width: int, apart: int) -> None:
        self._stream, self._width, self._apart = stream, width, apart
        stream_names = tuple(stream.names)
        taken = {START, END} & set(stream_names)
        if taken:
            raise UsageError(f"{stream.source}: there is a column called {min(taken)!r} already", "rename it")
        self._place = stream_names.index(column)
        self.source, self.unit = stream.source, stream.unit
        self.names = (*stream_names, START, END)

    @property
    def share(self) -> float | None:
        """The share of the input that was handed over."""
        return self._stream.share

    def close(self) -> None:
        """Close the input."""
        self._stream.close()

    def batches(self, size: int) -> Iterator[list[Record]]:
        """Windows, at most ``size`` at a time."""
        waiting: list[Record] = []
        for records in self._stream.batches(size):
            for record in records:
                for window in self._windows(record):
                    waiting.append(window)
                    if len(waiting) == size:
                        yield waiting
                        waiting = []
            if waiting:  # what has come is answered at once
                yield waiting
                waiting = []

    def _windows(self, record: Record) -> Iterator[Record]:
        bases = bare_bases(record.cells[self._place])
        for start in starts(len(bases), self._width, self._apart):
            window = bases[start : start + self._width]
            cells = [*record.cells, str(start + 1), str(start + len(window))]
            cells[self._place] = window
            yield record._replace(cells=tuple(cells))


def starts(length: int, width: int, apart: int) -> Sequence[int]:
    """Where windows begin, so that every one of ``length`` bases lies in one."""
    last = max(length - width, 0)
    found = list(range(0, last + 1, apart))
    return found if found[-1] == last else [*found, last]


def base_windows(model: SavedModel, task: RowTask, stream: RecordStream, apart: int) -> BaseWindows:
    """``stream`` in windows of what ``task`` reads at once. Raises UsageError for other models."""
    inputs = getattr(task, "inputs", None)
    if not isinstance(inputs, Inputs) or inputs.dna is None:
        raise UsageError(f"--windows is for DNA, which {model.path} does not read", "leave out --windows")
    if task.plan.task == "steps":
        raise UsageError(
            f"{model.path}: it labels each base of a sequence, however long that is", "leave out --windows"
        )
    stream_column = inputs.text[0]
    if stream_column not in stream.names:
        raise UsageError(
            f"{stream.source}: no column is called {stream_column!r}",
            f"its columns are {', '.join(stream.names)}",
        )
    width = inputs.places or inputs.dna.max_length
    if apart > width:
        raise UsageError(
            f"--windows {apart} leaves bases out: the model reads {width} at once",
            f"--windows {width} at most",
        )
    return BaseWindows(stream, stream_column, width, apart)
