"""A forecast after every row of a stream by a network that carries its state: a row costs one step of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqcli.errors import UsageError
from seqcli.inference.anomalies import Watching
from seqcli.inference.carried import CarriedReader
from seqcli.inference.follow import Following, Row, Stream
from seqcli.inference.session import OUTPUT
from seqcli.sequences import Batch
from seqcli.tasks.forecasting.answering import alike, answer_rows, judged, unread
from seqcli.tasks.forecasting.newest import NewestRows
from seqcli.tasks.forecasting.rows import JOINT
from seqcli.tasks.forecasting.watch import watch, watch_rows

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.stream import RecordStream


def following(
    model: SavedModel,
    stream: RecordStream,
    warn: Callable[[str], None],
    intervals: Sequence[int] | None = None,
    horizon: int | None = None,
) -> Following:
    """What answers each row of ``stream`` by ``model``, as :class:`Following` says."""
    kind = CarriedFollowing if model.network.stateful else Following
    return kind(model, stream, warn, intervals, horizon)


def watching(
    model: SavedModel,
    stream: RecordStream,
    warn: Callable[[str], None],
    intervals: Sequence[int] | None = None,
) -> Watching:
    """What judges each row of ``stream`` by ``model``, as :class:`Watching` says."""
    kind = CarriedWatching if model.network.stateful else Watching
    return kind(model, stream, warn, intervals)


class _Carried(Stream):
    """Rows of a stream by a network that carries its state: each step of each series is read once."""

    histories: dict[tuple[str, ...], NewestRows]  # type: ignore[assignment]

    def _open(self, model: SavedModel) -> None:
        self._reader = CarriedReader(model)

    def _history(self, key: tuple[str, ...]) -> NewestRows:  # type: ignore[override]
        if key not in self.histories:
            name = JOINT.join(key)
            self.histories[key] = NewestRows(key, name, self.task, self._series.get(name))
        return self.histories[key]

    def _rows_of(self, group: Sequence[NewestRows]) -> list[Row]:  # type: ignore[override]
        rows: dict[tuple[str, ...], list[Row]] = {}
        ready = {each.key for each in group if self._is_ready(each)}
        for some in alike([each for each in group if each.unread]):
            rows.update(self._read_on(some, ready))
        return [row for each in group for row in rows.get(each.key, ())]

    @abstractmethod
    def _read_on(
        self, some: Sequence[NewestRows], ready: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], list[Row]]:
        """Read ``some`` series on that are alike; the rows to write of those that are ``ready``."""

    def _read(self, series: Sequence[NewestRows], batch: Batch) -> None:
        """Read steps of some series on, from the state that each is in."""
        fresh = {name: state[0] for name, state in self._reader.start(1).items()}
        before = [fresh if each.state is None else each.state for each in series]
        states = {name: np.stack([state[name] for state in before]) for name in fresh}
        outputs, after = self._reader.read(batch, states)
        for row, each in enumerate(series):
            each.after = {name: state[row] for name, state in after.items()} | {OUTPUT: outputs[row]}


class CarriedFollowing(_Carried, Following):
    """A forecast after each row."""

    def _read_on(
        self, some: Sequence[NewestRows], ready: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], list[Row]]:
        panel, batch = unread(self.task, some)
        self._read(some, batch)
        asked = np.array([row for row, each in enumerate(some) if each.key in ready], dtype=np.int64)
        if not len(asked):
            return {}
        answered = [some[row] for row in asked.tolist()]
        outputs, context = answer_rows(self.task, answered, panel.only(asked))
        rows = self.task.forecast_rows(outputs, context, self._intervals).rows
        shared = self._shared_out(answered, rows)
        return {each.key: own for each, own in zip(answered, shared, strict=True)}


class CarriedWatching(_Carried, Watching):
    """Each row held against what was forecast one step before."""

    def _open(self, model: SavedModel) -> None:
        if self.task.plan.ahead:
            told = ", ".join(self.task.plan.ahead)
            raise UsageError(
                f"{model.path}: it is told {told} ahead, and a row that comes tells it too late to be judged",
                "seqcli forecast FILE --flag-anomalies judges the rows of a file",
            )
        super()._open(model)

    def _read_on(
        self, some: Sequence[NewestRows], ready: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], list[Row]]:
        _, batch = unread(self.task, some)
        rows: dict[tuple[str, ...], list[Row]] = {}
        asked = [each for each in some if each.key in ready]
        if asked:
            if len(asked[0].unread) > 1:  # steps without a row, ahead of it
                self._read(asked, unread(self.task, asked, 1)[1])
            outputs = np.stack([(each.after or each.state or {})[OUTPUT] for each in asked])
            task, examples = judged(self.task, asked)
            found = watch_rows(task, watch(task, outputs, examples, self.tally.level))
            self.tally.count(found)
            each = len(found) // len(asked)
            rows = {own.key: found[at * each : (at + 1) * each] for at, own in enumerate(asked)}
        self._read(some, batch)
        return rows
