"""A forecast after every row of a stream, by a saved model: what ``tail -f`` sends is answered at once.

Of each series a window of rows is held (:class:`~seqcli.tasks.forecasting.history.History`), so that an
endless stream needs no more time or memory for its millionth row than for its hundredth. Every row is
answered, in the order of the rows, also where many come at once: what is written does not depend on how
fast they came. Rows of different series that came together share one run of the network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import DataError, UsageError
from seqcli.inference.forecast import forecast_task, refuse_infinite
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.readers.table import Table
from seqcli.results import Cell
from seqcli.tasks.forecasting.arrivals import read_arrivals
from seqcli.tasks.forecasting.following import follower, knowing, newest_table
from seqcli.tasks.forecasting.history import History
from seqcli.tasks.forecasting.rows import JOINT, value_columns

if TYPE_CHECKING:
    from seqcli.readers.stream import Record, RecordStream
    from seqcli.tasks.forecast import Forecast
    from seqcli.tasks.forecasting.newest import NewestRows
    from seqcli.tasks.forecasting.running import RunningScale

ROWS_AT_ONCE = 1024
SERIES_AT_ONCE = 64
"""Series whose newest windows go through the network together."""
NAMED_ROWS = 10
"""Odd rows that are named one by one; of more only the number is said."""

Row = tuple[Cell, ...]


def expected_columns(task: Forecast) -> tuple[str, ...]:
    """The columns that a stream must have for ``task``: time, ids and targets."""
    time = () if task.plan.time is None else (task.plan.time,)
    return (*time, *task.plan.id, *task.plan.target)


class Stream(ABC):
    """The rows of a stream, answered one by one; iterating gives lists of rows as soon as they are known.

    An odd row (a cell that cannot be read, a row that is not newer than the last one of its series) is
    named through ``warn``, skipped and counted.
    """

    steps: int
    """Steps of each series that an answer needs."""
    names: tuple[str, ...]
    """The columns of every row."""

    def __init__(
        self, model: SavedModel, stream: RecordStream, warn: Callable[[str], None], steps: int
    ) -> None:
        self.task = forecast_task(model)
        if self.task.plan.indicators and not model.network.stateful:
            raise UsageError(
                f"{model.path}: its indicators reach back over more rows than are held of a stream",
                "train with --stateful, or without --indicators",
            )
        self.steps = steps
        self.rows = self.failed = self.answered = 0
        self.histories: dict[tuple[str, ...], History] = {}
        self._model, self._stream, self._warn = model, stream, warn
        self._told = False
        self._series = {name: row for row, name in enumerate(self.task.scaling.names)}
        self._follower = follower(self.task)
        self._open(model)
        absent = [name for name in value_columns(self.task.plan) if name not in stream.names]
        for name in absent:
            warn(f"column {name} is not there: its values count as missing")

    def __iter__(self) -> Iterator[list[Row]]:
        for records in self._stream.batches(ROWS_AT_ONCE):
            for group in self._groups(records):
                with blamed_on(self._model):
                    rows = self._rows_of(group)
                refuse_infinite(self._model, rows)
                if rows:
                    self.answered += 1
                    yield rows

    def check(self) -> None:
        """Raise :class:`DataError` when a row was odd, or none was answered; to be called at the end."""
        if self.failed > NAMED_ROWS:
            self._warn(f"{self._stream.source}: {self.failed - NAMED_ROWS} more rows like these")
        if self.failed:
            verb = "was" if self.failed == 1 else "were"
            raise DataError(
                f"{self._stream.source}: {self.failed} of {self.rows} rows {verb} skipped",
                "correct them: a row that is skipped counts as missing in the rows that follow",
            )
        if not self.answered:
            longest = max((history.rows for history in self.histories.values()), default=0)
            raise DataError(
                f"{self._stream.source}: {longest} rows, and the model reads a window of {self._window}",
                f"give it at least the last {self._window} rows: tail -n +1 -f FILE sends them all",
            )

    @property
    def summary(self) -> str:
        """A sentence on all rows, "" where there is nothing to sum up."""
        return ""

    def _open(self, model: SavedModel) -> None:
        """Make ready what runs the network."""
        self._session = GraphSession.open(model)

    def _rows_of(self, group: Sequence[History]) -> list[Row]:
        """The rows to write after the newest row of each series of ``group``."""
        return self._answers([history for history in group if self._is_ready(history)])

    @abstractmethod
    def _answers(self, ready: Sequence[History]) -> list[Row]:
        """The rows to write after the newest row of each series that is ``ready``."""

    @property
    def _window(self) -> int:
        return self.task.frame.window

    def _newest(self, histories: Sequence[History], count: int) -> Table:
        return newest_table(self._follower, self._stream.source, histories, count)

    def _knowing(self, scales: Iterable[tuple[History, RunningScale]]) -> Forecast:
        """The task with the scaling of some series that training has not seen, as far as they move."""
        scaler, targets = self.task.scaling.scaler, len(self.task.plan.target)
        new = [
            (JOINT.join(history.key), scale.fitted(scaler))
            for history, scale in scales
            if not scale.constant[:targets].all()
        ]
        return knowing(self._follower, new)

    def _is_ready(self, history: History | NewestRows) -> bool:
        """Whether a series is long enough and every target has a value; says once that it takes a window."""
        targets = len(self.task.plan.target)
        if not history.holds(self.steps):
            if not self._told:
                series = " of each series" if self.task.plan.id else ""
                what = f"the model reads a window of {self._window} rows"
                self._warn(f"{what}: {self._begins} with row {self.steps}{series}")
            self._told = True
            return False
        return bool(history.seen[:targets].all())

    _begins = "forecasts begin"

    def _groups(self, records: Sequence[Record]) -> Iterator[list[History]]:
        """Take the rows in, and stop ahead of each that needs an answer given before it is taken."""
        table = self._table([record for record in records if not record.error])
        arrivals = read_arrivals(table, self.task.plan, self.task.forms)
        group: dict[tuple[str, ...], History] = {}
        row = -1
        for record in records:
            self.rows += 1
            row += not record.error
            fault = record.error or arrivals.faults.get(row, "")
            if not fault:
                key = arrivals.keys[row]
                if key in group or len(group) == SERIES_AT_ONCE:
                    yield list(group.values())
                    group = {}
                history = self._history(key)
                history.static = [
                    old or new for old, new in zip(history.static, arrivals.static[row], strict=True)
                ]
                stamp = history.rows if arrivals.stamps is None else arrivals.stamps[row]
                if history.add(stamp, arrivals.values[row], self.task.merge):
                    group[key] = history
                else:
                    last = self.task.calendar.iso(history.last)
                    fault = f"{table.where(row, str(self.task.plan.time))}: not after {last}" + (
                        f", the last row of {JOINT.join(key)}" if key else ", the last row"
                    )
            if fault:
                self._name(fault)
        if group:
            yield list(group.values())

    def _history(self, key: tuple[str, ...]) -> History:
        if key not in self.histories:
            known = self._series.get(JOINT.join(key))
            task = self.task
            self.histories[key] = History(key, self.steps, task.calendar, task.scaling, known)
            self.histories[key].static = [""] * len(task.plan.static)
        return self.histories[key]

    def _table(self, records: Sequence[Record]) -> Table:
        names = self._stream.names
        rows = [record.cells for record in records]
        table = Table.from_records(self._stream.source, names, rows, [record.number for record in records])
        return replace(table, unit=self._stream.unit)

    def _name(self, fault: str) -> None:
        """Count an odd row, and say what is wrong with it."""
        self.failed += 1
        if self.failed <= NAMED_ROWS:
            self._warn(f"{fault}; skipped")


class Following(Stream):
    """The next H steps of a series after each of its rows, with ``intervals`` (percents; None: the model's).

    Rows are those of :func:`~seqcli.inference.forecast.forecast_rows`, behind an ``origin``: the stamp of
    the newest row that the forecast was made from. ``horizon`` limits how many steps are given.
    """

    def __init__(
        self,
        model: SavedModel,
        stream: RecordStream,
        warn: Callable[[str], None],
        intervals: Sequence[int] | None = None,
        horizon: int | None = None,
    ) -> None:
        super().__init__(model, stream, warn, forecast_task(model).frame.window)
        self._intervals = self.task.intervals if intervals is None else tuple(intervals)
        self._steps = min(horizon or self.task.frame.horizon, self.task.frame.horizon)
        self.names = (
            "origin",
            *(["series"] if self.task.plan.id else []),
            "timestamp",
            *(["target"] if len(self.task.plan.target) > 1 else []),
            "forecast",
            *(f"{side}{level}" for level in self._intervals for side in ("lo", "hi")),
        )

    def _answers(self, ready: Sequence[History]) -> list[Row]:
        if not ready:
            return []
        task = self._knowing((each, each.scale) for each in ready if not each.known)
        examples, context = task.forecast_examples(self._newest(ready, self.steps))
        outputs = outputs_for(self._session, examples)
        if not len(examples):  # series that never changed are forecast without the network
            outputs = np.empty((0, task.frame.horizon, len(task.plan.target)), np.float32)
        rows = task.forecast_rows(outputs, context, self._intervals).rows
        return [row for own in self._shared_out(ready, rows) for row in own]

    def _shared_out(self, ready: Sequence[History], rows: Sequence[Row]) -> list[list[Row]]:
        """The ``rows`` of each series that is to be shown, behind their origin."""
        each = self.task.frame.horizon * len(self.task.plan.target)
        shown = self._steps * len(self.task.plan.target)
        return [
            [(self.task.calendar.iso(history.last), *row) for row in rows[at * each : at * each + shown]]
            for at, history in enumerate(ready)
        ]
