"""A label for each step of what comes: a row for each row of a series, or for each base of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from seqcli.inference.outputs import outputs_for
from seqcli.inference.predict import Predictions, Row
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.options_use import PredictOptions
from seqcli.preprocessing.dna import bare_bases
from seqcli.readers.table import Table
from seqcli.sequences import Batchable, FloatArray, Sequences
from seqcli.tasks.base import RowTask
from seqcli.tasks.stepping.reading import STEP
from seqcli.tasks.steps import Steps

if TYPE_CHECKING:
    from seqcli.readers.stream import Record, RecordStream

STDIN = "stdin"
"""What a pipe is called."""
ROW, POSITION, BASE = "row", "position", "base"


def predictions_of(
    model: SavedModel,
    stream: RecordStream,
    options: PredictOptions,
    warn: Callable[[str], None],
    task: RowTask,
) -> Predictions:
    """The rows of ``stream`` with what ``model`` makes of them: an answer for each, or for each step."""
    if not isinstance(task, Steps):
        return Predictions(model, stream, options, warn, task)
    if task.inputs.text:
        return BasePredictions(model, stream, options, warn, task)
    if follows(task) and stream.source == STDIN:
        from seqcli.inference.steps_follow import FollowedSteps  # which is one of these itself

        return FollowedSteps(model, stream, options, warn, task)
    return StepPredictions(model, stream, options, warn, task)


def follows(task: Steps) -> bool:
    """Whether a row is answered for good as soon as it comes: nothing behind it is read, or fills its gaps."""
    features = task.inputs.features
    return task.reads.one_way and features is not None and features.missing != "interpolate"


class StepPredictions(Predictions):
    """Every row of the input with its label, in the order of the input; all of it is read first.

    A row with a cell that cannot be read has no label; those around it are labelled as if it were missing.
    """

    @property
    def _whole(self) -> bool:
        return True

    def _usual_columns(self) -> tuple[str, ...]:
        return self._stream.names

    def _predict(self, records: Sequence[Record], faults: dict[int, str]) -> dict[int, Row]:
        places = [place for place in range(len(records)) if place not in faults]
        if not places:
            return {}
        table = self._table([records[place] for place in places])
        with blamed_on(self._model):
            bad = self._task.bad_rows(table)
            found = self._step_rows(table)
        faults.update({places[row]: what for row, what in bad.items()})
        empty = (None,) * len(self._results)
        self.unsure += sum(row[0] is None for place, row in enumerate(found) if place not in bad)
        return {places[row]: empty if row in bad else result for row, result in enumerate(found)}

    def _rows(self, records: Sequence[Record], results: dict[int, Row], places: range) -> list[Row]:
        empty = (None,) * len(self._results)
        return [(*self._cells(records[place]), *results.get(place, empty)) for place in places]

    def _cells(self, record: Record) -> Row:
        return tuple(record.cells[column] for column in self._kept)

    def _step_rows(self, table: Table) -> list[Row]:
        """The result cells of each step: of each row, or of each base of each row in turn."""
        task = cast(Steps, self._task)
        examples, lines = task.reads.encode(table)
        outputs = task.joined(outputs_for(self._session, examples), examples)
        in_order = of_steps(outputs, examples)
        logits = np.empty_like(in_order)
        logits[lines.order] = in_order
        return [tuple(row[key] for key in self._results) for row in self._decode(logits)]


class BasePredictions(StepPredictions):
    """A row for each base of each sequence, as the sequences come."""

    @property
    def _whole(self) -> bool:
        return False

    def _usual_columns(self) -> tuple[str, ...]:
        task = self._task
        return tuple(name for name in self._stream.names if name not in (*task.plan.text, *task.plan.target))

    def _own_names(self) -> tuple[str, ...]:
        return (ROW, POSITION, BASE)

    def _predict(self, records: Sequence[Record], faults: dict[int, str]) -> dict[int, Row]:
        """The labels of all bases of a row, one after the other; none of a row with a letter that is no base."""
        places = [place for place in range(len(records)) if place not in faults]
        if not places:
            return {}
        table = self._table([records[place] for place in places])
        with blamed_on(self._model):
            bad = self._task.bad_rows(table)
            found = iter(self._step_rows(table))
        faults.update({places[row]: what for row, what in bad.items()})
        answers: dict[int, Row] = {}
        for row, cell in enumerate(table.cells(self._task.plan.text[0])):
            own = [next(found) for _ in range(max(len(bare_bases(cell)), 1))]
            if row not in bad:
                self.unsure += sum(result[0] is None for result in own)
                answers[places[row]] = tuple(cell for result in own for cell in result)
        return answers

    def _rows(self, records: Sequence[Record], results: dict[int, Row], places: range) -> list[Row]:
        width, rows = len(self._results), []
        text = self._stream.names.index(self._task.plan.text[0])
        for place in places:
            record, found = records[place], results.get(place)
            letters = bare_bases(record.cells[text]) if place in results else ""
            if found is None or not letters:
                rows.append((*self._cells(record), record.number, None, None, *[None] * width))
                continue
            for at, letter in enumerate(letters):
                own = found[at * width : (at + 1) * width]
                rows.append((*self._cells(record), record.number, at + 1, letter, *own))
        return rows


def of_steps(outputs: FloatArray, examples: Batchable) -> FloatArray:
    """Outputs (M, C) of all pieces → those of the S steps in order, (S, C), without the margins."""
    field = examples.fields[STEP]
    assert isinstance(field, Sequences)
    core = field.values >= 0
    found = np.empty((int(core.sum()), outputs.shape[1]), np.float32)
    found[field.values[core]] = outputs[core]
    return found
