"""Rows of a stream, each explained by itself as it comes; those that cannot be read are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from seqcli.errors import DataError
from seqcli.inference.predict import NAMED_ROWS
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on
from seqcli.readers.table import Table
from seqcli.sequences import Batchable

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import Record, RecordStream

Found = TypeVar("Found")
ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class Question:
    """One example: the number of its first row, that row of ``table``, and what the network reads of it."""

    number: int
    table: Table
    row: int
    example: Batchable


class RowExplanations(Generic[Found]):
    """The examples of ``stream``, each as :meth:`answer` explains it; ``only`` is the number of the one row
    that is asked for.

    A row that cannot be read is named through ``warn`` and left out; :meth:`check` then raises DataError.
    """

    def __init__(
        self,
        model: SavedModel,
        task: Any,
        stream: RecordStream,
        warn: Callable[[str], None],
        only: int | None = None,
    ) -> None:
        self._model, self._task, self._stream, self._warn, self._only = model, task, stream, warn, only
        self._ids: tuple[str, ...] = task.plan.id
        table = self._table([])
        for name in (*task.columns, *self._ids):
            table.column(name)  # raises DataError with the closest name
        self.failed = self.given = 0

    def answer(self, asked: Question) -> Found | None:
        """The explanation of one example; None where there is nothing to explain."""
        raise NotImplementedError  # abstract: every kind of model has its own

    @cached_property
    def _session(self) -> GraphSession:
        """The network, of those that answer by one graph."""
        return GraphSession.open(self._model)

    def __iter__(self) -> Iterator[Found]:
        there = False
        for records in self._batches():
            if self._ids:
                mine = records if self._only is None else self._sequence(records)
            else:
                mine = [record for record in records if self._only in (None, record.number)]
            there = there or bool(mine)
            yield from self._explained(mine)
            if there and self._only is not None:
                self._stream.close()
                return
        if self._only is not None:
            raise DataError(
                f"{self._stream.source}: there is no {self._stream.unit} {self._only}",
                f"{self._stream.unit}s are counted as in the other messages; leave out --row to see all",
            )

    def check(self) -> None:
        """After the last row: raise DataError when one could not be read."""
        if self.failed > NAMED_ROWS:
            self._warn(f"{self._stream.source}: {self.failed - NAMED_ROWS} more rows like these")
        if self.failed:
            have = "has" if self.failed == 1 else "have"
            raise DataError(
                f"{self._stream.source}: {self.failed} of {self.given} rows {have} no explanation",
                "correct them, or leave them out",
            )

    def _batches(self) -> Iterator[list[Record]]:
        """Rows as they come; all of them together where a sequence lies over several."""
        batches = self._stream.batches(ROWS_AT_ONCE)
        if self._ids:
            yield [record for batch in batches for record in batch]
        else:
            yield from batches

    def _sequence(self, records: Sequence[Record]) -> list[Record]:
        """All rows of the sequence that holds the row that is asked for."""
        keys = {record.number: self._key(record) for record in records}
        wanted = keys.get(cast(int, self._only))
        return [record for record in records if wanted is not None and keys[record.number] == wanted]

    def _key(self, record: Record) -> tuple[str, ...]:
        return tuple(record.cells[self._stream.names.index(name)] for name in self._ids)

    def _table(self, records: Sequence[Record]) -> Table:
        rows, numbers = [record.cells for record in records], [record.number for record in records]
        table = Table.from_records(self._stream.source, self._stream.names, rows, numbers)
        return replace(table, unit=self._stream.unit)

    def _explained(self, records: Sequence[Record]) -> Iterator[Found]:
        faults = [record.error for record in records if record.error]
        spoilt = {self._key(record) for record in records if record.error and self._ids}
        good = [record for record in records if not record.error and self._key(record) not in spoilt]
        found: list[Question] = []
        if good:
            table = self._table(good)
            with blamed_on(self._model):
                bad = self._task.bad_rows(table)
                faults += [bad[row] for row in sorted(bad)]
                if self._ids:
                    keys = {self._key(good[row]) for row in bad}
                    bad = {row: "" for row, record in enumerate(good) if self._key(record) in keys}
                examples = self._task.encode(table)
            places = {row: place for place, row in enumerate(examples.row_ids.tolist()) if row not in bad}
            for row, place in places.items():
                example = examples[place : place + 1]
                found.append(Question(good[row].number, table, row, example))
        self.given += len(found) + len(faults)
        for question in found:
            with blamed_on(self._model):
                answered = self.answer(question)
            if answered is not None:
                yield answered
        for fault in faults:
            self.failed += 1
            if self.failed <= NAMED_ROWS:
                self._warn(fault)
