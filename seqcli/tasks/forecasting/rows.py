"""From a table to the rows of its series: typed, in time order, one row a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError
from seqcli.readers.aggregate import aggregate, refuse_shared_times
from seqcli.readers.alike import in_order_of_appearance, together
from seqcli.readers.dates import DateForm
from seqcli.readers.numbers import NumberForm
from seqcli.readers.roles import (
    counted,
    feature_numbers,
    later_numbers,
    later_stamps,
    target_numbers,
    time_stamps,
)
from seqcli.readers.table import Table
from seqcli.readers.wide import lengthen
from seqcli.sequences import AnyArray, IntArray
from seqcli.tasks.base import Plan
from seqcli.tasks.forecasting.ahead import Later, behind_targets, lone_blanks
from seqcli.tasks.forecasting.moments import merge_doubled_hours
from seqcli.tasks.forecasting.static import static_cells

Array = NDArray[np.float64]
Forms: TypeAlias = Mapping[str, NumberForm | DateForm]
"""How each column is written, by name: what a later file is read with."""

LARGEST = 1e300
"""Sums of larger numbers are infinite."""
JOINT = " / "
"""Between the values of several id columns in the name of a series."""


@dataclass(frozen=True)
class Rows:
    """The rows of S series, end to end, each in time order without two rows at one moment."""

    names: tuple[str, ...]
    """(S,) "" for the only series of a file without ids."""
    lengths: IntArray
    """(S,)"""
    stamps: AnyArray
    """(N,) datetime64[us], or step numbers; 0, 1, 2… where no column of time is."""
    values: Array
    """(N, F) targets first, NaN where a cell is missing."""
    records: IntArray
    """(N,) row numbers as the user counts them."""
    later: Later | None = None
    """Rows behind the last target of their series; None where there are none."""
    static: tuple[tuple[str, ...], ...] = ()
    """(S, n) one cell for each static column of each series, as in the file."""


def value_columns(plan: Plan) -> tuple[str, ...]:
    """The columns of :attr:`Rows.values`: targets, then further inputs."""
    return (*plan.target, *(name for name in plan.features if name not in plan.target))


def panel_columns(plan: Plan) -> tuple[str, ...]:
    """The columns of a panel: those of the file, then what is computed from them."""
    return (*value_columns(plan), *plan.indicators)


def read_training_rows(
    table: Table, plan: Plan, merge: str | None, dates: NumberForm | DateForm | None = None
) -> tuple[Rows, Forms, list[str]]:
    """Rows to train on, the forms of their columns, and sentences on what was odd.

    ``merge`` is how rows of one moment become one ("sum", "mean", "last", None: they are an error); of a
    file that goes on with another, ``dates`` is how that one writes its dates.
    Raises DataError for what the rules of :mod:`seqcli.readers.roles` refuse.
    """
    table, sentences = _merged(table, plan, merge)
    forms: dict[str, NumberForm | DateForm] = {}
    stamps: AnyArray = np.arange(len(table), dtype=np.int64)
    usable = np.ones(len(table), dtype=bool)
    if plan.time is not None:
        time = time_stamps(table, plan.time)
        if isinstance(dates, DateForm) and time.form is not None and time.form.style == dates.style:
            time = time_stamps(table, plan.time, dates)
        stamps, usable = time.values, time.usable
        sentences += time.sentences
        if time.form is not None:
            forms[plan.time] = time.form
    series = _Series.of(table, plan)
    known = np.zeros(len(table), dtype=bool)
    for name in plan.target:
        known |= ~np.isnan(table.numbers(name).values)
    said, dead = series.said(plan), series.without(known)
    if dead.any():
        lost = sorted(series.names[at] for at in np.flatnonzero(dead))
        said.append(f"{len(lost)} series without a single value left out: {', '.join(lost[:5])}")
    usable &= series.usable & ~dead[series.number]
    behind = _behind(series, (stamps, known), usable)
    behind &= ~lone_blanks(series.number, behind, _filled(table, plan, np.flatnonzero(behind)))
    living = table.take(np.flatnonzero(usable & ~behind)) if dead.any() or behind.any() else table
    columns = []
    for name in value_columns(plan):
        if name in plan.target:
            target = target_numbers(living, name)
            numbers, said_too = table.numbers(name, target.form), target.sentences
            usable[numbers.bad_rows] = False
            columns.append(numbers.values)
            forms[name] = target.form
        else:
            feature = feature_numbers(living, name)
            columns.append(table.numbers(name, feature.form).values)
            forms[name], said_too = feature.form, feature.sentences
        sentences += said_too
    values = np.stack(columns, axis=1)
    for row, column in np.argwhere(np.abs(values) > LARGEST)[:1].tolist():
        name = value_columns(plan)[column]
        raise DataError(
            f"{table.where(row, name)}: {values[row, column]:g} is too large to compute with",
            "give the column in a larger unit",
        )
    rows, order = _in_order(table, plan, (stamps, values, series), usable, behind)
    return rows, forms, [*sentences, *said, *order]


def read_later_rows(table: Table, plan: Plan, merge: str | None, forms: Forms) -> tuple[Rows, list[str]]:
    """Rows to forecast from, read in the ``forms`` of the training file; an unreadable cell is missing.

    Raises DataError when the column of time, an id or a target is not there, no row has a time, or more
    cells are unreadable than the rules of :mod:`seqcli.readers.roles` allow.
    """
    table = table if plan.wide is None else lengthen(table, plan.wide)
    for name in (plan.time, *plan.id, *plan.target):
        if name is not None:
            table.column(name)
    table, sentences = _merged(table, plan, merge)
    stamps: AnyArray = np.arange(len(table), dtype=np.int64)
    usable = np.ones(len(table), dtype=bool)
    if plan.time is not None:
        form = forms.get(plan.time)
        time = later_stamps(table, plan.time, form if isinstance(form, DateForm) else None)
        stamps, usable = time.values, time.usable
        sentences += time.sentences
    values = np.full((len(table), len(value_columns(plan))), np.nan)
    for column, name in enumerate(value_columns(plan)):
        if name not in table.names:
            sentences.append(f"column {name} is not there: its values count as missing")
            continue
        known, said = later_numbers(table, name, forms[name])  # type: ignore[arg-type]
        values[:, column] = np.where(np.abs(known) <= LARGEST, known, np.nan)
        sentences += said
    series = _Series.of(table, plan)
    usable &= series.usable
    known = ~np.isnan(values[:, : len(plan.target)]).all(axis=1)
    # Where nothing is known ahead, a last row without a target is a value that was missed.
    behind = _behind(series, (stamps, known), usable) if plan.ahead else np.zeros(len(table), dtype=bool)
    try:
        rows, order = _in_order(table, plan, (stamps, values, series), usable, behind)
    except DataError as error:
        raise DataError(error.message, "give it rows like those that the model was made from") from error
    return rows, [*sentences, *series.said(plan), *order]


def _merged(table: Table, plan: Plan, merge: str | None) -> tuple[Table, list[str]]:
    """The table with one row a moment, and a sentence where that merged any."""
    if merge is None or plan.time is None:
        return table, []
    merged = aggregate(table, plan.time, plan.id, merge)
    return merged, list(merged.notes[len(table.notes) :])


@dataclass(frozen=True)
class _Series:
    """Which series each row of a table belongs to."""

    number: IntArray
    """(N,) numbers in ``names``."""
    names: list[str]
    """As they first come."""
    usable: NDArray[np.bool_]
    """(N,) rows that have an id."""

    @classmethod
    def of(cls, table: Table, plan: Plan) -> _Series:
        """By the id columns of ``plan``; without any all rows are one series."""
        usable = np.ones(len(table), dtype=bool)
        if not plan.id:
            return cls(np.zeros(len(table), dtype=np.int64), [""], usable)
        found = [table.column(name).codes() for name in plan.id]
        for codes, texts in found:
            usable &= np.array([bool(text) for text in texts], dtype=bool)[codes]
        number = in_order_of_appearance(together([codes for codes, _ in found], len(table)))
        first = np.flatnonzero(np.diff(np.maximum.accumulate(number), prepend=-1))
        names = [JOINT.join(texts[codes[row]] for codes, texts in found) for row in first.tolist()]
        return cls(number, names, usable)

    def without(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which series (S,) have no row that is ``known`` (N,), of those that have rows."""
        return np.asarray(np.bincount(self.number[known], minlength=len(self.names)) == 0)

    def said(self, plan: Plan) -> list[str]:
        """A sentence on rows without an id."""
        lost = int((~self.usable).sum())
        return [f"{counted(lost, 'row')} without {' or '.join(plan.id)} left out"] if lost else []


def _behind(
    series: _Series, content: tuple[AnyArray, NDArray[np.bool_]], usable: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which rows (N,) lie behind the last known target of their series.

    ``content`` are the stamps (N,) and which rows hold a target (N,); only ``usable`` rows (N,) count.
    """
    stamps, known = content
    kept = np.flatnonzero(usable)
    if known[kept].all():
        return np.zeros(len(usable), dtype=bool)
    order = kept[np.lexsort((stamps[kept], series.number[kept]))]
    behind = np.zeros(len(usable), dtype=bool)
    behind[order] = behind_targets(series.number[order], known[order])
    return behind


def join_rows(earlier: Rows, later: Rows, sources: tuple[str, str], dated: bool) -> Rows:
    """The series of two files as one; ``later`` must lie behind. Without stamps the rows are counted on."""
    names = list(dict.fromkeys([*earlier.names, *later.names]))
    pieces: list[list[tuple[AnyArray, Array, IntArray]]] = [[] for _ in names]
    for rows in (earlier, later):
        ends = np.cumsum(rows.lengths)
        for name, end, count in zip(rows.names, ends, rows.lengths, strict=True):
            own = slice(int(end - count), int(end))
            stamps, known = rows.stamps[own], pieces[names.index(name)]
            if known and not dated:
                stamps = stamps - stamps[0] + known[0][0][-1] + 1
            elif known and stamps[0] <= known[0][0][-1]:
                where = f"{sources[1]}, row {rows.records[own][0]}"
                raise DataError(
                    f"{where}: {_said(stamps[0])} is not after the rows of {sources[0]}",
                    "a forecast is validated and tested on the rows that follow",
                )
            known.append((stamps, rows.values[own], rows.records[own]))
    stamps, values, records = (
        np.concatenate([piece[field] for own in pieces for piece in own]) for field in range(3)
    )
    lengths = np.array([sum(len(piece[0]) for piece in own) for own in pieces], dtype=np.int64)
    static = {
        **dict(zip(later.names, later.static, strict=False)),
        **dict(zip(earlier.names, earlier.static, strict=False)),
    }
    return Rows(
        tuple(names), lengths, stamps, values, records, _behind_both(names, earlier, later, dated),
        tuple(static[name] for name in names) if static else (),
    )  # fmt: skip


def _said(stamp: Any) -> str:
    """A stamp for a message, without a fraction of a second or a midnight that nobody wrote."""
    return str(stamp).replace("T", " ").removesuffix(".000000").removesuffix(" 00:00:00")


def _behind_both(names: list[str], earlier: Rows, later: Rows, dated: bool) -> Later | None:
    """Rows behind the last target of two files that are read as one: those of the later file, where it has
    the series."""
    parts = []
    for rows, others in ((earlier, set(later.names)), (later, set())):
        if rows.later is None:
            continue
        numbers = np.array(
            [-1 if name in others else names.index(name) for name in rows.names], dtype=np.int64
        )
        own = numbers[rows.later.series]
        if rows is later and not dated and earlier.names:
            continue  # counted on from other numbers
        parts.append((own[own >= 0], rows.later.stamps[own >= 0], rows.later.values[own >= 0]))
    if not parts:
        return None
    series, stamps, values = (np.concatenate([part[field] for part in parts]) for field in range(3))
    order = np.lexsort((stamps, series))
    return Later(series[order], stamps[order], values[order])


def _filled(table: Table, plan: Plan, rows: IntArray) -> NDArray[np.bool_]:
    """Which of a table's rows (N,) hold a further input; only some ``rows`` (B,) are looked at."""
    filled = np.zeros(len(table), dtype=bool)
    for name in plan.features if len(rows) else ():
        filled[rows] |= ~np.isnan(table.numbers(name).values[rows])
    return filled


def _in_order(
    table: Table,
    plan: Plan,
    content: tuple[AnyArray, Array, _Series],
    usable: NDArray[np.bool_],
    behind: NDArray[np.bool_],
) -> tuple[Rows, list[str]]:
    """Sort by series (in order of appearance) and time; refuse two rows at one moment.

    Rows ``behind`` (N,) the last target of their series are set apart.
    """
    stamps, values, owners = content
    kept = np.flatnonzero(usable)
    if not len(kept):
        raise DataError(f"{table.source}: no row can be used", "--time and --target name the columns")
    found, series = _first_come(owners, kept)
    stamps, kept, series, backwards = _sorted_rows(stamps, kept, series, plan.time is not None)
    own = values[kept]
    sentences = []
    if backwards.any():
        how = "newest first" if backwards.mean() > 0.9 else "not in the order of time"
        sentences.append(f"the rows were {how}: sorted by {plan.time}")
    if plan.time is None:
        counts = np.bincount(series)
        stamps = np.arange(len(kept)) - np.repeat(np.cumsum(counts) - counts, counts)
        stamps += plan.wide is not None  # a person who counts columns begins with 1
    else:
        stay, own, said = merge_doubled_hours(stamps, series, own)
        if said:
            series, stamps, kept, own = series[stay], stamps[stay], kept[stay], own[stay]
            few = backwards.sum() <= (~stay).sum()  # what goes back in time is that hour alone
            sentences = [said] if few else [*sentences, said]
        if ((np.diff(series) == 0) & (stamps[1:] == stamps[:-1])).any():
            refuse_shared_times(table, plan.time, plan.id)
            raise DataError(
                f"{table.source}, column {plan.time}: rows share one time", "--aggregate last keeps one"
            )
    static = static_cells(table, plan.static, series, kept, len(found))
    past, later = ~behind[kept], None
    if not past.all():
        later = Later(series[~past], stamps[~past], own[~past])
        series, stamps, kept, own = series[past], stamps[past], kept[past], own[past]
    return Rows(
        tuple(owners.names[at] for at in found),
        np.bincount(series, minlength=len(found)).astype(np.int64),
        stamps,
        own,
        table.records[kept],
        later,
        static,
    ), sentences


def _first_come(owners: _Series, kept: IntArray) -> tuple[IntArray, IntArray]:
    """Numbers (S,) of the series of some rows (B,) as they first come, and each row's place there, (B,)."""
    if len(kept) == len(owners.number):  # numbered as they come
        return np.arange(len(owners.names), dtype=np.int64), owners.number
    found, first = np.unique(owners.number[kept], return_index=True)
    found = found[np.argsort(first)]
    rank = np.zeros(len(owners.names), dtype=np.int64)
    rank[found] = np.arange(len(found))
    return found, rank[owners.number[kept]]


def _sorted_rows(
    stamps: AnyArray, kept: IntArray, series: IntArray, dated: bool
) -> tuple[AnyArray, IntArray, IntArray, NDArray[np.bool_]]:
    """Stamps, numbers of rows and series (B,), all by series and time, and which steps went back in time.

    ``stamps`` (N,) are those of all rows, ``kept`` (B,) the rows that count, ``series`` (B,) is theirs.
    """
    stamps = stamps[kept]
    if _is_ordered(series, stamps if dated else None):
        return stamps, kept, series, np.zeros(0, dtype=bool)
    by_series = np.argsort(series, kind="stable")
    steps = np.diff(stamps[by_series])[np.diff(series[by_series]) == 0]
    backwards = np.asarray(steps < np.zeros(1, dtype=steps.dtype)) & dated
    order = np.lexsort((stamps, series)) if dated else by_series
    return stamps[order], kept[order], series[order], backwards


def _is_ordered(series: IntArray, stamps: AnyArray | None) -> bool:
    """Whether rows (N,) stand by series and, with ``stamps`` (N,), each series in the order of time."""
    ahead = series[1:] >= series[:-1]
    if stamps is not None:
        ahead &= (stamps[1:] >= stamps[:-1]) | (series[1:] > series[:-1])
    return bool(ahead.all())


def forms_to_json(forms: Forms) -> dict[str, Any]:
    """Forms as JSON values: kind and content by column."""
    return {name: {"date": isinstance(form, DateForm), **form.to_json()} for name, form in forms.items()}


def forms_from_json(data: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, NumberForm | DateForm]:
    """Rebuild the forms of ``names``. Raises ModelError when one is missing or unusable."""
    forms: dict[str, NumberForm | DateForm] = {}
    for name in names:
        try:
            content = dict(data[name])
            forms[name] = (
                DateForm.from_json(content) if content.pop("date") else NumberForm.from_json(content)
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"the model does not say how column {name} is written") from error
    return forms
