"""Series of numbers as a network reads and writes them, from rows of steps or from rows of whole series.

    long     a row a step: ids, a time or step, and a column for each channel
    wide     a row a series: its values from left to right, of one channel; empty cells behind the last value
             belong to no series

Values are scaled on training rows. A gap is read as the last value before it, and is not scored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.network import CODE_PLACE, InputSpec
from seqcli.preprocessing.places import FEWEST_STEPS, LONGEST, bump_count, place_table
from seqcli.preprocessing.scaling import StandardScaler
from seqcli.readers.numbers import NumberForm
from seqcli.readers.table import Table
from seqcli.sequences import TARGET, Batchable, IntArray, LookUp, Sequences
from seqcli.tasks.base import Plan
from seqcli.tasks.features import Features, NumberColumn, fill_gaps
from seqcli.tasks.inputs import VALUES, Grouping, group_rows

CHANNEL = "value"
"""What the one channel of a wide file is called."""


@dataclass(frozen=True)
class Series:
    """How a table becomes series (T, C), and where in its row each step stands.

    ``features`` scales the columns of a long file, or the one channel of a ``wide`` one, whose columns are
    named there; its cells are written in ``form``.
    """

    ids: tuple[str, ...]
    time: str | None
    features: Features
    wide: tuple[str, ...]
    form: NumberForm
    usual: int
    """Steps of a usual series: so many places are told apart."""

    @classmethod
    def fit(cls, table: Table, plan: Plan, missing: str) -> Series:
        """Fit on ``table``, which holds training rows only."""
        if plan.id:
            features = Features.fit(table, plan.features, missing)
            found = cls(plan.id, plan.time, features, (), NumberForm(), FEWEST_STEPS)
        else:
            form = table.numbers(plan.features[0]).form
            values = _wide_values(table, plan.features, form)
            known = values[np.isfinite(values)][:, None]
            column = NumberColumn(CHANNEL, form, False)
            features = Features((column,), (), StandardScaler.fit(known), missing)
            found = cls((), None, features, plan.features, form, FEWEST_STEPS)
        lengths = found.encode(table).lengths
        usual = int(np.clip(round(float(np.median(lengths))), FEWEST_STEPS, LONGEST))
        return replace(found, usual=usual)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that rows to predict on must have."""
        time = (self.time,) if self.time else ()
        return self.wide or (*self.features.columns, *self.ids, *time)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of what is written again, C of them."""
        return tuple(column.name for column in self.features.numbers)

    def specs(self) -> tuple[InputSpec, ...]:
        """The network's inputs."""
        return (
            InputSpec(VALUES, "values", len(self.features.names)),
            InputSpec(CODE_PLACE, "values", bump_count(self.usual)),
        )

    def grouping(self, table: Table) -> Grouping:
        """Which rows make which series."""
        return group_rows(table, self.ids, self.time)

    def encode(self, table: Table) -> Batchable:
        """All series of ``table``: values read (T, F), places, and as ``target`` the values, NaN in gaps."""
        if self.wide:
            read, target = self._wide(table)
            first = np.arange(len(table))
        else:
            grouping = self.grouping(table)
            rows = table.take(grouping.order)
            read = Sequences(self.features.matrix(rows, grouping.offsets), grouping.offsets)
            target = Sequences(self._scaled(rows).astype(np.float32), grouping.offsets)
            first = grouping.first
        return Batchable({VALUES: read, CODE_PLACE: self.places(read.lengths), TARGET: target}, first)

    def places(self, lengths: IntArray) -> LookUp:
        """Where each step stands between the first and the last of its series, by as many bumps for all."""
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        steps = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], lengths)
        last = np.repeat(np.maximum(lengths - 1, 1), lengths)
        numbers = np.round(steps / last * (self.usual - 1)).astype(np.uint16) + 1
        return LookUp(Sequences(numbers, offsets), place_table(self.usual))

    def _scaled(self, rows: Table) -> NDArray[np.float64]:
        """The numbers (M, C) of a long file's rows, NaN where there is none."""
        values = [rows.numbers(column.name, column.form).values for column in self.features.numbers]
        numbers = np.stack(values, axis=1)
        return self.features.scaler.transform(np.where(np.isfinite(numbers), numbers, np.nan))

    def _wide(self, table: Table) -> tuple[Sequences, Sequences]:
        """What is read of each row, its gaps filled, and the same with NaN in gaps: (T, 1) each."""
        values = _wide_values(table, self.wide, self.form)
        known = np.isfinite(values)
        width = values.shape[1]
        lengths = np.where(known.any(axis=1), width - known[:, ::-1].argmax(axis=1), 1)
        inside = np.arange(width) < lengths[:, None]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        target = self.features.scaler.transform(np.where(known, values, np.nan)[inside][:, None])
        read = _filled(target, offsets, self.features.missing)
        return Sequences(read.astype(np.float32), offsets), Sequences(target.astype(np.float32), offsets)

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that is no number, or without any value: position → what is wrong."""
        if not self.wide:
            return self.features.bad_cells(table)
        found: dict[int, str] = {}
        for name in self.wide:
            for cell in table.numbers(name, self.form).bad:
                found.setdefault(cell.row, f"{table.where(cell.row, name)}: {cell.text!r} is not a number")
        values = _wide_values(table, self.wide, self.form)
        for row in np.flatnonzero(np.isinf(values).any(axis=1)).tolist():
            found.setdefault(row, f"{table.where(row)}: not a finite number")
        for row in np.flatnonzero(~np.isfinite(values).any(axis=1)).tolist():
            found.setdefault(row, f"{table.where(row)}: a series without a value")
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "ids": list(self.ids),
            "time": self.time,
            "features": self.features.to_json(),
            "wide": list(self.wide),
            "form": self.form.to_json(),
            "usual": self.usual,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Series:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError, TypeError or ValueError otherwise."""
        found = cls(
            ids=tuple(str(name) for name in data["ids"]),
            time=None if data["time"] is None else str(data["time"]),
            features=Features.from_json(data["features"]),
            wide=tuple(str(name) for name in data["wide"]),
            form=NumberForm.from_json(data["form"]),
            usual=int(data["usual"]),
        )
        one = len(found.features.names) == 1 if found.wide else bool(found.features.numbers)
        if bool(found.ids) == bool(found.wide) or not one or not FEWEST_STEPS <= found.usual <= LONGEST:
            raise ModelError("the model's series contradict each other", "train it again")
        return found


def _wide_values(table: Table, names: tuple[str, ...], form: NumberForm) -> NDArray[np.float64]:
    """The values (N, T) of rows that are series, NaN where there is none."""
    return np.stack([table.numbers(name, form).values for name in names], axis=1)


def _filled(values: NDArray[np.float64], offsets: IntArray, missing: str) -> NDArray[np.float64]:
    """(M, 1) with the gaps of each series filled as ``missing`` says, by the mean where nothing is known."""
    return np.nan_to_num(fill_gaps(values, offsets, missing), nan=0.0)
