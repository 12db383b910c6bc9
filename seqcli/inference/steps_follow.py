"""Labels for the rows of a pipe as they come, by a network that reads one way.

Of each series so much is kept as its present piece and the margin ahead of that read: a row gets the label that
it would get in a file of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from seqcli.inference.outputs import outputs_for
from seqcli.inference.predict import Row
from seqcli.inference.steps import StepPredictions, of_steps
from seqcli.readers.roles import series_numbers
from seqcli.readers.table import Table
from seqcli.sequences import Batchable, FloatArray, IntArray, Sequences
from seqcli.tasks.features import Matrix
from seqcli.tasks.inputs import VALUES
from seqcli.tasks.stepping.reading import STEP, StepInputs
from seqcli.tasks.steps import Steps


@dataclass
class Line:
    """One series so far: ``count`` steps, of which the last ones are kept, (K, F)."""

    kept: FloatArray
    last: Matrix
    """The last number known of each column, scaled, (numbers,); NaN for none."""
    count: int = 0


class FollowedSteps(StepPredictions):
    """Rows are the steps of their series in the order in which they come."""

    def __iter__(self) -> Iterator[list[Row]]:
        self._lines: dict[tuple[str, ...], Line] = {}
        return super().__iter__()

    @property
    def _whole(self) -> bool:
        return False

    def _step_rows(self, table: Table) -> list[Row]:
        task = cast(Steps, self._task)
        features, ids = task.inputs.features, task.plan.id
        assert features is not None
        cells = [table.cells(name) for name in ids]
        owner = series_numbers(cells, len(table))
        order = np.argsort(owner, kind="stable")
        offsets = np.searchsorted(owner[order], np.arange(int(owner.max(initial=-1)) + 2)).astype(np.int64)
        lines = [self._line(tuple(column[row] for column in cells)) for row in order[offsets[:-1]].tolist()]
        before = np.stack([line.last for line in lines])
        values, last = features.going_on(table.take(order), offsets, before)
        for number, line in enumerate(lines):
            new = values[offsets[number] : offsets[number + 1]]
            line.kept = np.concatenate([line.kept.reshape(-1, new.shape[1]), new])
            line.count += len(new)
            line.last = last[number]
        examples = next_pieces(task.reads, lines, np.diff(offsets))
        outputs = task.joined(outputs_for(self._session, examples), examples)
        in_order = of_steps(outputs, examples)
        logits = np.empty_like(in_order)
        logits[order] = in_order
        for line in lines:
            needed = line.count - first_read(task.reads, line.count)
            line.kept = line.kept[len(line.kept) - needed :]
        return [tuple(row[key] for key in self._results) for row in self._decode(logits)]

    def _line(self, key: tuple[str, ...]) -> Line:
        features = cast(Steps, self._task).inputs.features
        assert features is not None
        return self._lines.setdefault(
            key, Line(np.empty((0, len(features.names)), np.float32), np.full(len(features.numbers), np.nan))
        )


def first_read(reads: StepInputs, step: int) -> int:
    """The first step that is read for the answer of ``step``."""
    return max(step // reads.piece * reads.piece - reads.margin[0], 0)


def next_pieces(reads: StepInputs, lines: list[Line], new: IntArray) -> Batchable:
    """The pieces that hold the last ``new`` (S,) steps of each line, of which those alone are answered."""
    values, steps, lengths, answered = [], [], [], 0
    for line, count in zip(lines, new.tolist(), strict=True):
        begin = line.count - len(line.kept)
        at = line.count - count
        while at < line.count:
            stop = min((at // reads.piece + 1) * reads.piece, line.count)
            first = first_read(reads, at)
            values.append(line.kept[first - begin : stop - begin])
            own = np.full(stop - first, -1)
            own[at - first :] = answered + np.arange(stop - at)
            steps.append(own)
            lengths.append(stop - first)
            answered += stop - at
            at = stop
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    fields = {
        VALUES: Sequences(np.concatenate(values), offsets),
        STEP: Sequences(np.concatenate(steps), offsets),
    }
    return Batchable(fields, np.arange(len(lengths)))
