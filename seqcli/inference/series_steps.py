"""Series step by step: what was there, what a model wrote for it, and how odd that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, cast

import numpy as np

from seqcli.errors import DataError, UsageError
from seqcli.inference.outputs import outputs_for
from seqcli.inference.predict import ROWS_AT_ONCE, Predictions, Row
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.options_use import PredictOptions
from seqcli.readers.table import Table
from seqcli.results import Cell
from seqcli.sequences import Batchable, IntArray
from seqcli.tasks.reconstruct import ANOMALY, NORMAL, Reconstruct

if TYPE_CHECKING:
    from seqcli.readers.stream import Record, RecordStream
    from seqcli.tasks.base import RowTask

ROW, STEP = "row", "step"
EXPECTED = "expected"
"""What stands behind a channel's name where it is what the model wrote."""
DIGITS = 7


class StepScores(Predictions):
    """A row for each step of the series of ``stream``: its cells, then what the model makes of it.

    Of a wide file the row's number and the step come first; of a long one the columns that name series and
    step. A step without a value has no score.
    """

    def __init__(
        self,
        model: SavedModel,
        stream: RecordStream,
        options: PredictOptions,
        warn: Callable[[str], None],
        task: RowTask | None = None,
    ) -> None:
        super().__init__(model, stream, options, warn, task)
        self._own = cast(Reconstruct, self._task)
        series = self._own.series
        time = (series.time,) if series.time else ()
        self._named = options.keep or (() if series.wide else (*series.ids, *time))
        channels = series.channels
        own = (*channels, *(f"{name} {EXPECTED}" for name in channels))
        found = (options.as_name, "score", "threshold", "worst_channel")
        ahead = (ROW, STEP) if series.wide else ()
        names = (*self._named, *ahead)
        taken = set(names) & set(own)
        own = tuple(f"{name} read" if name in taken else name for name in own)
        self.names = (*names, *own, *found)
        self.computed = len(own) + len(found)

    def __iter__(self) -> Iterator[list[Row]]:
        batches: Iterable[list[Record]] = self._stream.batches(ROWS_AT_ONCE)
        if not self._own.series.wide:
            batches = [[record for batch in batches for record in batch]]
        for records in batches:
            self.rows += len(records)
            faults = [record.error for record in records if record.error]
            good = [record for record in records if not record.error]
            with blamed_on(self._model):
                table = self._table(good)
                faults += [self._own.bad_rows(table)[row] for row in sorted(self._own.bad_rows(table))]
                if faults and self._options.on_error == "stop":
                    raise DataError(faults[0], "correct the row, or go on without --on-error stop")
                rows = self._steps(table) if good else []
            yield rows
            for fault in faults:
                self._name(fault)

    def _steps(self, table: Table) -> list[Row]:
        """The rows of all steps of ``table``."""
        examples = self._own.encode(table)
        outputs = outputs_for(self._session, examples)
        place, steps = self._places(table, examples)
        errors, _ = self._own.errors(outputs, examples)
        calibration, scaler = self._own.calibration, self._own.series.features.scaler
        assert calibration is not None
        scores, worst = calibration.steps(errors), calibration.channels(errors)
        read = scaler.inverse(outputs + errors)
        written = scaler.inverse(outputs)
        cells = [table.cells(name) for name in self._named]
        records, limit = table.records.tolist(), calibration.step_threshold
        channels, wide = self._own.series.channels, bool(self._own.series.wide)
        rows: list[Row] = []
        for at, (row, step) in enumerate(zip(place.tolist(), steps.tolist(), strict=True)):
            score = float(scores[at])
            said: tuple[Cell, ...] = (None, None, _short(limit), None)
            if not np.isnan(score):
                odd = ANOMALY if score > limit else NORMAL
                said = (odd, _short(score), _short(limit), channels[int(worst[at])])
            rows.append(
                (
                    *(column[row] for column in cells),
                    *((records[row], step) if wide else ()),
                    *map(_short, (*read[at].tolist(), *written[at].tolist())),
                    *said,
                )
            )
        return rows

    def _places(self, table: Table, examples: Batchable) -> tuple[IntArray, IntArray]:
        """The row of ``table`` that each step (M,) of all series came from, and its number, from 1 on."""
        lengths = examples.lengths
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        steps = np.arange(int(lengths.sum())) - starts + 1
        if self._own.series.wide:
            return np.repeat(examples.row_ids, lengths), steps
        return self._own.series.grouping(table).order, steps


def refuse_steps(model: SavedModel, task: RowTask) -> None:
    """Raise UsageError where the model writes no series again."""
    if not isinstance(task, Reconstruct):
        raise UsageError(
            f"--per-step is of series that are written again, and {model.path} writes none",
            "seqcli train FILE --task reconstruct makes a model that does",
        )


def _short(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.{DIGITS}g}")
