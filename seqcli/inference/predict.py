"""A prediction for every row of a file or pipe, as the rows come.

Each batch of the stream goes through the saved task, the graph and back before the next is read, so
that a pipe is answered at once. Only where rows are collected into sequences by an id is the whole
input read first: a sequence ends when its file does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from seqcli.errors import DataError, UsageError, near_miss
from seqcli.inference.answers import decoder, result_keys
from seqcli.inference.kinds import command_of, wrong_kind
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.options_use import PredictOptions
from seqcli.readers.table import Table
from seqcli.results import Cell
from seqcli.sequences import Batchable
from seqcli.tasks.base import RowTask, to_decode
from seqcli.tasks.doubts import TextCounter

if TYPE_CHECKING:
    from seqcli.readers.stream import Record, RecordStream

ROWS_AT_ONCE = 1024
PREDICTION = "prediction"
"""The task's name of its first result."""
NAMED_ROWS = 10
"""Bad rows that are named one by one; of more only the number is said."""

Row = tuple[Cell, ...]


def row_task(model: SavedModel) -> RowTask:
    """The model's task, when it predicts rows and its network's outputs are what it decodes.

    Raises :class:`UsageError` when it forecasts or writes text.
    """
    task = saved_task(model)
    if command_of(task) != "predict":
        raise wrong_kind(model, task, "predict")
    rows = cast(RowTask, task)
    with blamed_on(model):
        result_keys(model, lambda outputs: rows.decode(outputs, True))
    return rows


class Predictions:
    """The rows of ``stream`` with the model's predictions appended, in batches.

    ``names`` are the columns of every row. Iterating gives lists of rows, each as soon as the stream
    has given a batch. A bad row gets an empty prediction and is named through ``warn``; with
    ``options.on_error == "stop"`` it ends the iteration with a :class:`DataError` instead. Sequences
    of rows that share an id have one output row each, with their id columns.
    ``task`` is the model's, when the caller has it already.
    """

    def __init__(
        self,
        model: SavedModel,
        stream: RecordStream,
        options: PredictOptions,
        warn: Callable[[str], None],
        task: RowTask | None = None,
    ) -> None:
        self._model, self._stream, self._options, self._warn = model, stream, options, warn
        self._task = task or row_task(model)
        self._ids = self._task.plan.id
        keys = self._prepare()
        table = self._table([])
        for name in (*self._task.columns, *self._ids):
            table.column(name)  # raises DataError with the closest name
        self._kept = _kept_columns(stream, options, self._usual_columns())
        self._results = self._result_names(keys)
        self.names: tuple[str, ...] = (
            *(stream.names[place] for place in self._kept),
            *self._own_names(),
            *self._results.values(),
        )
        self.computed = len(self._results)
        """How many of ``names``, the last ones, are the model's."""
        self._counter = TextCounter.of(self._task)
        self.failed = 0
        self.unsure = 0
        """Rows whose likeliest class has less than ``--threshold``."""
        self.rows = 0

    def __iter__(self) -> Iterator[list[Row]]:
        batches: Iterable[list[Record]] = self._stream.batches(ROWS_AT_ONCE)
        if self._whole:
            batches = [[record for batch in batches for record in batch]]
        for records in batches:
            faults = {place: record.error for place, record in enumerate(records) if record.error}
            results = self._predict(records, faults)
            stopped = bool(faults) and self._options.on_error == "stop"
            places = range(min(faults) if stopped else len(records))
            self.rows += len(places)
            if stopped:
                faults = {min(faults): faults[min(faults)]}
            yield self._rows(records, results, places)
            if stopped:
                raise DataError(
                    next(iter(faults.values())), "correct the row, or go on without --on-error stop"
                )
            for place in sorted(faults):
                self._name(faults[place])

    def check(self) -> None:
        """After the last batch: say what is odd about texts, raise :class:`DataError` when a row was bad."""
        for sentence in self._counter.sentences() if self._counter else []:
            self._warn(f"{self._stream.source}: {sentence}")
        if self.failed > NAMED_ROWS:
            self._warn(f"{self._stream.source}: {self.failed - NAMED_ROWS} more rows like these")
        if self.failed:
            have = "has" if self.failed == 1 else "have"
            raise DataError(
                f"{self._stream.source}: {self.failed} of {self.rows} rows {have} no prediction",
                "correct them, or stop at the first with --on-error stop",
            )

    @property
    def _whole(self) -> bool:
        """Whether all of the input is read before the first answer."""
        return bool(self._ids)

    def _usual_columns(self) -> tuple[str, ...]:
        """Input columns that are written where none are typed."""
        return self._ids or self._stream.names

    def _own_names(self) -> tuple[str, ...]:
        """Columns between those of the input and the results."""
        return ()

    def _prepare(self) -> list[str]:
        """Begin with what answers; the names of the cells of an answer."""
        self._decode = decoder(self._model, self._task, self._options)
        self._session = GraphSession.open(self._model)
        with blamed_on(self._model):
            return result_keys(self._model, self._decode)

    def _answers(self, examples: Batchable) -> list[dict[str, Cell]]:
        """The cells of each example."""
        outputs = to_decode(self._task, outputs_for(self._session, examples), examples)
        return self._decode(outputs)

    def _name(self, fault: str) -> None:
        """Count a bad row, and say what is wrong with it."""
        self.failed += 1
        if self.failed <= NAMED_ROWS:
            self._warn(fault)

    def _table(self, records: Sequence[Record]) -> Table:
        rows, numbers = [record.cells for record in records], [record.number for record in records]
        table = Table.from_records(self._stream.source, self._stream.names, rows, numbers)
        return replace(table, unit=self._stream.unit)

    def _result_names(self, keys: list[str]) -> dict[str, str]:
        """The task's name of each result column → the name it gets here.

        ``--as NAME`` renames the prediction and puts ``NAME_`` ahead of the other results. Raises
        :class:`UsageError` for a name that a kept column has.
        """
        chosen = self._options.as_name
        names = {
            key: chosen + key.removeprefix(PREDICTION)
            if key.startswith(PREDICTION)
            else (key if chosen == PREDICTION else f"{chosen}_{key}")
            for key in keys
        }
        taken = {self._stream.names[place] for place in self._kept} & {*names.values(), *self._own_names()}
        if taken:
            raise UsageError(
                f"{self._stream.source}: there is a column called {min(taken)!r} already",
                "--as NAME gives the prediction another name, --keep COLUMNS leaves columns out",
            )
        return names

    def _predict(self, records: Sequence[Record], faults: dict[int, str]) -> dict[int, Row]:
        """Result cells by place in ``records``: of each row, or of the first row of each sequence.

        Adds to ``faults`` the rows in which the task finds a cell that it cannot read.
        """
        places = [place for place in range(len(records)) if place not in faults]
        if not places:
            return {}
        table = self._table([records[place] for place in places])
        with blamed_on(self._model):
            bad = self._task.bad_rows(table)
            examples = cast(Batchable, self._task.encode(table))
            if self._counter is not None:
                self._counter.add(table, examples)
            results = [tuple(row[key] for key in self._results) for row in self._answers(examples)]
        faults.update({places[row]: what for row, what in bad.items()})
        spoilt = set(bad)
        if self._ids:
            keys = list(zip(*(table.cells(name) for name in self._ids), strict=True))
            spoilt_keys = {keys[row] for row in bad}
            spoilt = {row for row, key in enumerate(keys) if key in spoilt_keys}
        empty = (None,) * len(self._results)
        self.unsure += sum(
            result[0] is None and row not in spoilt
            for row, result in zip(examples.row_ids.tolist(), results, strict=True)
        )
        return {
            places[row]: empty if row in spoilt else result
            for row, result in zip(examples.row_ids.tolist(), results, strict=True)
        }

    def _rows(self, records: Sequence[Record], results: dict[int, Row], places: range) -> list[Row]:
        """Output rows: kept cells, then results; rows of a sequence behind its first have none."""
        empty = (None,) * len(self._results)
        return [
            (*(records[place].cells[column] for column in self._kept), *results.get(place, empty))
            for place in places
            if not self._ids or place in results
        ]


def _kept_columns(stream: RecordStream, options: PredictOptions, usual: tuple[str, ...]) -> list[int]:
    """Places of the input columns that are written too: those that were typed, else the ``usual`` ones."""
    names = list(stream.names)
    for name in options.keep:
        if name not in names:
            close = near_miss(name, names)
            hint = f"did you mean {close!r}?" if close else f"its columns are {', '.join(names)}"
            raise UsageError(f"--keep: {stream.source} has no column {name!r}", hint)
    return [names.index(name) for name in options.keep or usual]
