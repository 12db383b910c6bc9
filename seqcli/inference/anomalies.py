"""Rows that a saved model did not foresee: outside the interval forecast for them one step before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from seqcli.inference.follow import Row, Stream
from seqcli.inference.forecast import forecast_task, refuse_infinite
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.readers.table import Table
from seqcli.tasks.forecasting.history import History
from seqcli.tasks.forecasting.use import learnt_words
from seqcli.tasks.forecasting.watch import (
    chosen,
    trained_on,
    watch,
    watch_columns,
    watch_rows,
    watched_windows,
)

if TYPE_CHECKING:
    from seqcli.readers.stream import RecordStream

WINDOWS_AT_ONCE = 4096


class Tally:
    """How many rows were scored, and how many of them are anomalies."""

    def __init__(self, level: int, several: bool) -> None:
        self.level, self.scored, self.flagged = level, 0, 0
        self._what = "values" if several else "rows"

    def count(self, rows: Sequence[Row]) -> None:
        """Add rows, whose last cell says whether they are odd; None where there was no value to score."""
        self.scored += sum(row[-1] is not None for row in rows)
        self.flagged += sum(row[-1] is True for row in rows)

    def said(self) -> str:
        """The share that was flagged beside what is expected of rows like those of the training."""
        share = f"{100 * self.flagged / self.scored:.1f} %; " if self.scored else ""
        return (
            f"flagged {self.flagged:,} of {self.scored:,} {self._what} "
            f"({share}{100 - self.level} % expected where nothing is odd)"
        )


class Anomalies:
    """All rows of a file behind the first window of their series; iterating gives them in lists.

    ``intervals`` are percents, of which the highest counts; None: those of the model.
    """

    def __init__(self, model: SavedModel, table: Table, intervals: Sequence[int] | None = None) -> None:
        task = forecast_task(model)
        level = max(intervals or task.intervals)
        self.names = watch_columns(task, level)
        self.tally = Tally(level, len(task.plan.target) > 1)
        self.done = 0
        with blamed_on(model):
            self._task, self._examples, odd = watched_windows(task, table)
            seen = trained_on(task, self._examples)
        rows = f"{seen:,} of these {len(self._examples):,} rows"
        known = f"{rows} are no newer than those {learnt_words(task)}"
        self.notes = (*odd, *([known] if seen else []))
        """Sentences on what is odd about the file, and on rows that training has seen."""
        self._model, self._session = model, GraphSession.open(model)

    @property
    def share(self) -> float:
        """The share of the rows that was given."""
        return self.done / max(len(self._examples), 1)

    def __iter__(self) -> Iterator[list[Row]]:
        for start in range(0, len(self._examples), WINDOWS_AT_ONCE):
            with blamed_on(self._model):
                part = chosen(self._examples, slice(start, start + WINDOWS_AT_ONCE))
                outputs = outputs_for(self._session, part)
                rows = watch_rows(self._task, watch(self._task, outputs, part, self.tally.level))
            refuse_infinite(self._model, [row[:-2] for row in rows])
            self.tally.count(rows)
            self.done += len(part)
            yield rows


class Watching(Stream):
    """The rows of a stream as they come, each held against what was forecast one step before."""

    _begins = "rows are judged beginning"

    def __init__(
        self,
        model: SavedModel,
        stream: RecordStream,
        warn: Callable[[str], None],
        intervals: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model, stream, warn, forecast_task(model).frame.window + 1)
        level = max(intervals or self.task.intervals)
        self.names = watch_columns(self.task, level)
        self.tally = Tally(level, len(self.task.plan.target) > 1)

    @property
    def summary(self) -> str:
        """The share that was flagged beside the share expected."""
        return self.tally.said()

    def _answers(self, ready: Sequence[History]) -> list[Row]:
        if not ready:
            return []
        # The newest row must not have a part in the scale that it is judged on.
        task = self._knowing((each, each.older) for each in ready if not each.known)
        task, examples, _ = watched_windows(task, self._newest(ready, self.steps))
        panel = examples.panel
        newest = examples.origins == (panel.offsets + panel.lengths - 1)[examples.series]
        part = chosen(examples, newest)
        rows = watch_rows(task, watch(task, outputs_for(self._session, part), part, self.tally.level))
        self.tally.count(rows)
        return rows
