"""All that a forecast decides and fits before training: rows, grid, split, scaling, shape, windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.preprocessing.calendar import Calendar
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.forecasting.ahead import horizon_ahead, settle_ahead, with_told
from seqcli.tasks.forecasting.choices import (
    choose_horizon,
    choose_season,
    refuse_horizon,
    thinned,
    too_few,
)
from seqcli.tasks.forecasting.cuts import cut_rows
from seqcli.tasks.forecasting.derived import indicator_names, with_indicators
from seqcli.tasks.forecasting.moments import last_written, time_sentences
from seqcli.tasks.forecasting.panel import Panel, build_panel, refuse_missing, scale_panel
from seqcli.tasks.forecasting.parts import Parts, split_series
from seqcli.tasks.forecasting.rows import (
    Forms,
    Rows,
    join_rows,
    panel_columns,
    read_training_rows,
    value_columns,
)
from seqcli.tasks.forecasting.scaling import SeriesScaling
from seqcli.tasks.forecasting.shape import Shape, fit_shape
from seqcli.tasks.forecasting.static import StaticEncoding
from seqcli.tasks.forecasting.windows import ForecastWindows, part_starts
from seqcli.tasks.parts import left_out_sentences
from seqcli.tasks.wide_plan import long_tables

LEAST_VALUES = 3
"""Known training values below which a series cannot be scaled."""
MOST_WEIGHT = 10.0
"""Times the middle one."""
NAMED = 5
"""Series named in one sentence."""


@dataclass(frozen=True)
class Fitted:
    """A panel of the series that can be learned from, its parts, and all that was fitted."""

    plan: Plan
    forms: Forms
    calendar: Calendar
    static: StaticEncoding
    panel: Panel
    parts: Parts
    scaling: SeriesScaling
    scaled: FloatArray
    """(total, F) without NaN"""
    shape: Shape
    rules: list[str]
    warnings: list[str]

    def windows(self, part: int) -> ForecastWindows:
        """Windows of part 0 training, 1 validation, 2 test; of a very long test part some, with a note."""
        starts, positions = self.shape.starts(self.panel, self.parts, part)
        note = ""
        if part == 2:
            starts, note = thinned(starts, self.shape.frame.horizon, self.panel.targets)
        return replace(self.shape.cut(self.panel, self.scaled, starts, positions), note=note)

    def everything(self) -> ForecastWindows:
        """Windows of all parts together."""
        panel, frame = self.panel, self.shape.frame
        positions = panel.spans(0 * panel.lengths, panel.lengths)
        starts = part_starts(panel, positions, frame.window, frame.horizon, self.shape.stride)
        return self.shape.cut(panel, self.scaled, starts, positions)


def fit_forecast(tables: Tables, plan: Plan, options: Options) -> Fitted:
    """Read, sort, grid, split, scale and frame. Raises DataError for what cannot be forecast."""
    tables = long_tables(tables, plan)
    plan = replace(plan, indicators=indicator_names(plan) if options.forecast.indicators else ())
    source, missing = tables.main.source, options.reading.missing
    rows, forms, borders, said = _read(tables, plan, options)
    warnings = [*left_out_sentences(plan), *said]
    calendar = Calendar.fit(each_series(rows), last_written(tables.main, plan.time))
    panel = build_panel(rows, calendar, len(plan.target), 0)[0]
    if missing == "error":
        refuse_missing(panel, value_columns(plan), calendar, source)
    warnings += time_sentences(each_series(rows), panel, calendar, _HOW[missing])
    parts, rules = split_series(panel, options, calendar, borders, "fold" if tables.cut else "file")
    kept, columns, said = _usable(panel, parts, plan, source)
    warnings += said
    names = [name for name, moves in zip(panel_columns(plan), columns, strict=True) if moves]
    plan = replace(
        plan,
        features=tuple(name for name in plan.features if name in names),
        indicators=tuple(name for name in plan.indicators if name in names),
    )
    panel, parts = panel.only(kept), Parts(parts.ends[kept])
    panel = panel.columns(columns)
    train = parts.ends[:, 0]
    season = choose_season(panel, train, calendar)
    horizon, why = horizon_ahead(panel, options) or choose_horizon(season, options, int(panel.lengths.max()))
    refuse_horizon(horizon, int(train.max()), source)
    rules += [f"calendar: {calendar.describe()}, {f'season {season}' if season else 'no season'}", why]
    scaling = SeriesScaling.fit(
        options.forecast.scaler, panel.names, [panel.series(row, int(train[row])) for row in range(len(kept))]
    )
    rules.append(_scaling_rule(scaling, names, int(train.sum())))
    panel = panel.with_room(calendar, horizon)
    ahead, said = settle_ahead(panel, names, horizon)
    plan, warnings = replace(plan, ahead=ahead), warnings + said
    static = StaticEncoding.fit(plan.static, panel.static)
    panel = with_told(panel, scaling, plan, static)
    scaled = scale_panel(panel, scaling, missing)
    shape = fit_shape(panel, scaled, parts, (season, calendar.season, horizon), options, source)
    rules.append(shape.why)
    if shape.frame.segment:
        calendar = calendar.beyond(shape.frame.window)
        panel = replace(panel, calendar=calendar)
    return Fitted(plan, forms, calendar, static, panel, parts, scaling, scaled, shape, rules, warnings)


_HOW = {
    "mask": "the last value is carried on, marked as missing",
    "interpolate": "a line is drawn over them",
    "error": "",
}


def each_series(rows: Rows) -> list[Any]:
    """The stamps of each series (T,)."""
    return np.split(rows.stamps, np.cumsum(rows.lengths)[:-1])


def _read(tables: Tables, plan: Plan, options: Options) -> tuple[Rows, Forms, list[list[Any]], list[str]]:
    """Rows of all files, forms, the last stamp of each series in each file but the last, sentences."""
    merge = options.reading.aggregate
    rows, forms, warnings = read_training_rows(tables.main, plan, merge)
    borders: list[list[Any]] = []
    if tables.validation is not None and tables.test is None:
        raise UsageError(
            "--validation FILE of a forecast needs --test FILE too", "--test names the rows after it"
        )
    for table in (tables.validation, tables.test):
        if table is None:
            continue
        borders.append([stamps[-1] for stamps in each_series(rows)])
        later, _, said = read_training_rows(table, plan, merge, forms.get(plan.time or ""))
        rows = join_rows(rows, later, (tables.main.source, table.source), plan.time is not None)
        warnings += said
    if tables.cut is not None:
        rows, borders = cut_rows(rows, borders, tables.cut, options)
    return with_indicators(rows, plan), forms, borders, warnings


def _usable(
    panel: Panel, parts: Parts, plan: Plan, source: str
) -> tuple[IntArray, NDArray[np.bool_], list[str]]:
    """Numbers of the series to learn from, which columns move at all in training, and sentences."""
    moves = np.zeros((len(panel.names), panel.values.shape[1]), dtype=bool)
    counts = np.zeros((len(panel.names), panel.targets), dtype=np.int64)
    for row in range(len(panel.names)):
        values = panel.series(row, int(parts.ends[row, 0]))
        known = ~np.isnan(values)
        low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        moves[row], counts[row] = high > low, known[:, : panel.targets].sum(axis=0)
    alive = moves[:, : panel.targets].any(axis=1) & (counts.max(axis=1) >= LEAST_VALUES)
    sentences = []
    columns = moves[alive].any(axis=0)
    flat = [name for name, moving in zip(plan.target, columns, strict=False) if not moving]
    if not alive.any() or (flat and len(panel.names) == 1):
        raise _refused(panel, counts, flat or list(plan.target), source)
    columns[: panel.targets] = True
    still = [name for name, moving in zip(panel_columns(plan), columns, strict=True) if not moving]
    if still:
        sentences.append(f"left out: {', '.join(still)} (the same in all training rows)")
    if not alive.all():
        dead = [panel.names[row] for row in np.flatnonzero(~alive)]
        named = ", ".join(dead[:NAMED]) + (" …" if len(dead) > NAMED else "")
        sentences.append(
            f"{len(dead)} series with too few or unchanging training rows get their last value: {named}"
        )
    return np.flatnonzero(alive).astype(np.int64), columns, sentences


def _refused(panel: Panel, counts: IntArray, targets: Sequence[str], source: str) -> DataError:
    """Nothing to learn from: too few rows, or a target that never changes."""
    most = int(counts.max(initial=0))
    if most < LEAST_VALUES:
        return too_few(int(panel.lengths.max(initial=0)), source)
    return DataError(
        f"{source}, column {targets[0]}: all training rows say the same, so there is nothing to learn",
        "name another column with --target",
    )


def _scaling_rule(scaling: SeriesScaling, names: Sequence[str], rows: int) -> str:
    """What was fitted on how many rows."""
    logs = [name for name, flag in zip(names, scaling.logs, strict=True) if flag]
    each = f", one for each of {len(scaling.names):,} series" if len(scaling.names) > 1 else ""
    seen = f"; {', '.join(logs)} as logarithm" if logs else ""
    return f"{scaling.scaler.partition('.')[0]} scaler fitted on {rows:,} training steps alone{each}{seen}"
