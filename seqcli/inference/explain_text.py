"""Which tokens led a classifier of texts to its answers, text by text as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from seqcli.errors import DataError
from seqcli.inference.outputs import outputs_for
from seqcli.inference.session import GraphSession
from seqcli.inference.trust import blamed_on
from seqcli.model_dir import SavedModel
from seqcli.readers.table import Table
from seqcli.tasks.classify_explain import TextEffect, TextRow, occlusion, text_rows

if TYPE_CHECKING:
    from seqcli.readers.stream import Record, RecordStream
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.multilabel import Multilabel

TEXTS_AT_ONCE = 64
NAMED_ROWS = 10
"""Texts that cannot be read and are named one by one."""


class Scorer(Protocol):
    """What says how much each token of a text did for its class, or for the label at ``place``."""

    def __call__(self, row: TextRow, place: int | None = None) -> TextEffect:
        """The effect on one text."""


class Occlusion:
    """Scores the tokens of a text by what the class loses without each: all of them in one batch."""

    def __init__(self, model: SavedModel, task: Classify | Multilabel) -> None:
        self._session, self._task = GraphSession.open(model), task

    def __call__(self, row: TextRow, place: int | None = None) -> TextEffect:
        """The class of one text, or the label at ``place``: how far its log-odds fall without each token."""
        if self._task.network_counts:
            outputs = outputs_for(self._session, row.occluded(self._task))
        else:  # whatever it says
            outputs = np.zeros((len(row.words) + 1, len(self._task.classes)), np.float32)
        return occlusion(self._task, row, outputs, place)


class TextExplanations:
    """The texts of ``stream``, each with what its tokens did, as soon as it has come.

    Iterating gives (number of the row, effect), one a label where a text has several. A row that cannot be
    read is named through ``warn`` and left out; :meth:`check` then raises DataError. ``only`` is the number
    of the one row that is asked for.
    """

    def __init__(
        self,
        model: SavedModel,
        task: Classify | Multilabel,
        stream: RecordStream,
        scorer: Scorer,
        warn: Callable[[str], None],
        only: int | None = None,
    ) -> None:
        self._model, self._task, self._stream, self._scorer = model, task, stream, scorer
        self._warn, self._only = warn, only
        table = self._table([])
        for name in task.columns:
            table.column(name)  # raises DataError with the closest name
        self.failed = 0
        self.given = 0

    def __iter__(self) -> Iterator[tuple[int, TextEffect]]:
        for batch in self._stream.batches(TEXTS_AT_ONCE):
            records = [each for each in batch if self._only in (None, each.number)]
            yield from self._explained(records)
            if self._only is not None and records:
                self._stream.close()
                return
        if self._only is not None:
            raise DataError(
                f"{self._stream.source}: there is no {self._stream.unit} {self._only}",
                f"{self._stream.unit}s are counted as in the other messages; leave out --row to see all",
            )

    def _explained(self, records: Sequence[Record]) -> Iterator[tuple[int, TextEffect]]:
        faults = [each.error for each in records if each.error]
        good = [each for each in records if not each.error]
        if good:
            table = self._table(good)
            with blamed_on(self._model):
                bad = self._task.bad_rows(table)
                rows = text_rows(self._task, table)
            faults += [bad[place] for place in sorted(bad)]
            for place, (record, row) in enumerate(zip(good, rows, strict=True)):
                if place not in bad:
                    with blamed_on(self._model):
                        effect = self._scorer(row)
                        more = [self._scorer(row, other) for other in effect.others]
                    self._note(record.number, row)
                    self.given += 1
                    for each in (effect, *more):
                        yield record.number, each
        for fault in faults:
            self.failed += 1
            if self.failed <= NAMED_ROWS:
                self._warn(fault)

    def check(self) -> None:
        """Raise DataError when a row could not be read; to be called after the last one."""
        if self.failed:
            count = self.failed + self.given
            raise DataError(
                f"{self._stream.source}: {self.failed} of {count} rows cannot be explained",
                "correct them, or leave them out",
            )

    def _note(self, number: int, row: TextRow) -> None:
        """Say what part of a text the network does not see."""
        vocabulary = self._task.inputs.vocabulary
        assert vocabulary is not None
        where, unit = f"{self._stream.unit} {number}", vocabulary.level
        if row.words and all(row.unknown):
            self._warn(f"{where}: the model never met any of its {unit}")
        if len(row.words) < len(row.spans):
            by = "only through the linear part" if row.prior else "not at all"
            self._warn(
                f"{where}: the network reads {len(row.words)} {unit} at most; what is behind counts {by}"
            )

    def _table(self, records: Sequence[Record]) -> Table:
        rows, numbers = [each.cells for each in records], [each.number for each in records]
        return Table.from_records(self._stream.source, self._stream.names, rows, numbers)
