"""What drove a forecast, as rows: its gradient, what shuffling an input costs, what each member adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, UsageError, near_miss
from seqcli.preprocessing.windowing import evenly
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import FloatArray
from seqcli.tasks.forecasting.influence import (
    Gradient,
    Outputs,
    channels,
    gradient,
    probes_of,
    typical_deviations,
)
from seqcli.tasks.forecasting.next import ForecastContext, figure
from seqcli.tasks.forecasting.permuted import LEAST_WINDOWS, WINDOWS, Permuted, Shuffling
from seqcli.tasks.forecasting.scaling import HIGHEST_LOG, SeriesScaling
from seqcli.tasks.forecasting.windows import ForecastWindows

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

Array = NDArray[np.float64]

GRADIENT, PERMUTATION, PARTS = "gradient", "permutation", "parts"
NO_LAGS = (None, None)
ALL = "all"
"""The member of a row on the forecast as a whole."""
REST = "mixed on the scale"
"""What members mixed as logarithms, or held above 0, differ from their sum by."""
MOST_INPUTS = 16_384
"""Inputs that are moved one by one in all; of a large panel not every series is taken apart."""
COLUMNS = ("target", "method", "member", "column", "lag_from", "lag_to", "importance", "effect", "spread")


@dataclass(frozen=True)
class Question:
    """What is to be explained."""

    series: str | None = None
    """One series by name; None for all, as far as that is done in a moment."""
    steps_ahead: int | None = None
    """One step of the horizon, from 1 on; None for the mean over it."""
    seed: int = 0
    """Of the shuffles."""


@dataclass(frozen=True)
class Explanation:
    """Rows on what drove a forecast, and what should be said beside them."""

    rows: ResultTable
    notes: tuple[str, ...]
    explained: int
    """Series that were taken apart."""


def explain(task: Forecast, table: Table, run: Outputs, question: Question) -> Explanation:
    """Explain the forecast after the last row of each series of ``table``.

    Raises UsageError for a series or a step that is not there, DataError for one that the model does not
    forecast but by its last value.
    """
    asked = asked_steps(task, question)
    windows, context = task.forecast_examples(table)
    rows = _chosen(task, context, question)
    every = channels(task, windows)
    probes = probes_of(every, task.frame.window, task.frame.horizon)
    able = max(1, MOST_INPUTS // len(probes))
    notes = [*context.odd, *(context.notes if question.series is None else ())]
    if len(rows) > able:
        notes.append(
            f"the first {able} of {len(rows)} series are taken apart; --series NAME explains another one"
        )
    known = _known(task, table)
    shown = [windows.take(np.array([row])) for row in rows[:able]]
    sample = known.take(evenly(np.arange(len(known)), WINDOWS))
    spreads = dict(zip(every, typical_deviations(every, [*shown, sample]), strict=True))
    scored, said = _scored(known, question)
    notes += said
    found: list[tuple[Cell, ...]] = []
    named = bool(task.plan.id)
    for window, row in zip(shown, rows, strict=False):
        number = int(context.network_rows[row])
        name = (context.panel.names[number],) if named else ()
        outputs = run(window)
        slope = _slope(task, outputs, window, (context.scaling, number)) * asked[:, None]
        each = np.array([spreads[probe.channel] for probe in probes])
        found += _gradient_rows(task, name, gradient(task, run, window, (probes, each), slope))
        parts = _parts(task, outputs, window, (context.scaling, number))
        found += _part_rows(task, name, {key: part[asked].mean(axis=0) for key, part in parts.items()})
    if scored is not None:
        shuffling = Shuffling(task, run, scored, asked, question.seed)
        pooled: tuple[Cell, ...] = (question.series,) if named else ()
        found += _permuted_rows(task, pooled, shuffling.importance(every))
    return Explanation(_table(task, found, question), tuple(notes), min(len(rows), able))


def asked_steps(task: Forecast, question: Question) -> NDArray[np.bool_]:
    """Which steps of the horizon are asked for, (H,). Raises UsageError for one beyond it."""
    horizon, step = task.frame.horizon, question.steps_ahead
    if step is not None and step > horizon:
        steps = f"{horizon} steps" if horizon > 1 else "one step"
        raise UsageError(f"--steps-ahead {step}: the model forecasts {steps}", f"the farthest is {horizon}")
    return np.ones(horizon, dtype=bool) if step is None else np.arange(horizon) == step - 1


def _chosen(task: Forecast, context: ForecastContext, question: Question) -> list[int]:
    """Numbers of the windows to explain, among those of the context."""
    names = context.panel.names
    if question.series is None:
        if not len(context.network_rows):
            raise DataError(
                "every series is forecast by its last value alone, so there is nothing to explain",
                f"the model reads a window of {task.frame.window} rows",
            )
        return list(range(len(context.network_rows)))
    if not task.plan.id:
        raise UsageError("--series: the model has one series only", "leave out --series")
    if question.series not in names:
        close = near_miss(question.series, names)
        hint = f"did you mean {close!r}?" if close else f"the series are {', '.join(names[:5])}"
        more = ", …" if not close and len(names) > 5 else ""
        raise UsageError(f"--series: the file has no series {question.series!r}", hint + more)
    number = names.index(question.series)
    place = np.flatnonzero(context.network_rows == number)
    if not len(place):
        why = "has no value" if number in context.silent else "is forecast by its last value alone"
        raise DataError(
            f"series {question.series!r} {why}, so there is nothing to explain",
            f"the model reads a window of {task.frame.window} rows that change",
        )
    return [int(place[0])]


def _known(task: Forecast, table: Table) -> ForecastWindows:
    """Windows that can be scored on ``table``: none where it is just long enough to forecast from."""
    try:
        windows = task.encode_labelled(table)
    except DataError:
        return task.encode(table).take(np.zeros(0, dtype=np.int64))
    return windows.take(np.flatnonzero(~np.isnan(windows.scaled_actual()).all(axis=(1, 2))))


def _scored(known: ForecastWindows, question: Question) -> tuple[ForecastWindows | None, list[str]]:
    """Windows to shuffle, and a sentence on them; None where there are too few."""
    scored = known
    if question.series is not None:
        scored = known.take(np.flatnonzero(known.series == known.panel.names.index(question.series)))
    if len(scored) < LEAST_WINDOWS:
        count = f"{len(scored)} window{'' if len(scored) == 1 else 's'}"
        return None, [f"{count} can be scored, and to shuffle columns takes {LEAST_WINDOWS}: gradient alone"]
    return scored, [scored.note] if scored.note else []


# ---------------------------------------------------------------------- numbers


def _slope(
    task: Forecast, outputs: FloatArray, window: ForecastWindows, scaled_by: tuple[SeriesScaling, int]
) -> Array:
    """Units of the file that a forecast gains with 1 on the scale, (H, K), as if it had no bound at 0."""
    scaling, row = scaled_by
    targets = len(task.plan.target)
    said = task.mixture.combined(window.past(), outputs, task.frame)[0]
    scale, shift = scaling.scale[row, :targets], scaling.shift[row, :targets]
    grown = np.exp(np.minimum(said * scale + shift, HIGHEST_LOG))
    return np.asarray(scale * np.where(scaling.logs[:targets], grown, 1.0))


def _parts(
    task: Forecast, outputs: FloatArray, window: ForecastWindows, scaled_by: tuple[SeriesScaling, int]
) -> dict[str, Array]:
    """The forecast and what adds up to it, each (H, K) as in the file: members, weighted, and a rest."""
    scaling, row = scaled_by
    rows, past, mixture = np.array([row], dtype=np.int64), window.past(), task.mixture
    whole = scaling.inverse(mixture.combined(past, outputs, task.frame), rows)[0]
    parts = {
        name: weight * scaling.inverse(mixture.member(name, past, outputs, task.frame), rows)[0]
        for name, weight in zip(mixture.members, mixture.weights, strict=True)
        if weight.any()
    }
    return {ALL: whole, **parts, REST: whole - sum(parts.values())}


# ---------------------------------------------------------------------- rows


def _gradient_rows(task: Forecast, name: tuple[str, ...], found: Gradient) -> Iterator[tuple[Cell, ...]]:
    """The whole forecast, then each member as far as it is moved; a column without influence has one row."""
    members, weights = task.mixture.members, task.mixture.weights
    counting = [member for member, weight in zip(members, weights, strict=True) if weight.any()]
    for k, target in enumerate(task.plan.target):
        for place, member in enumerate([ALL, *counting]):
            sizes, changes = found.size[place, :, k], found.change[place, :, k]
            idle = {
                column: [at for at, other in enumerate(found.names) if other == column]
                for column in dict.fromkeys(found.names)
            }
            idle = {column: places for column, places in idle.items() if not sizes[places].any()}
            for at, (column, lags) in enumerate(zip(found.names, found.lags, strict=True)):
                if column not in idle and (sizes[at] or not place):
                    effect = None if np.isnan(changes[at]) else figure(float(changes[at]))
                    size = figure(float(sizes[at]))
                    yield (*name, target, GRADIENT, member, column, *(lags or NO_LAGS), size, effect, None)
                elif not place and at == idle[column][0]:
                    spans = [lags for other in idle[column] if (lags := found.lags[other])]
                    whole = (min(spans)[0], max(far for _, far in spans)) if spans else NO_LAGS
                    yield (*name, target, GRADIENT, ALL, column, *whole, 0.0, 0.0, None)


def _part_rows(task: Forecast, name: tuple[str, ...], parts: dict[str, Array]) -> Iterator[tuple[Cell, ...]]:
    """The parts of the forecast, weights as their importance, then the forecast: the sum."""
    weights = dict(zip(task.mixture.members, task.mixture.weights, strict=True))
    for k, target in enumerate(task.plan.target):
        for member, part in (*list(parts.items())[1:], (ALL, parts[ALL])):
            value = float(part[k])
            if member == REST and abs(value) <= 1e-6 * abs(float(parts[ALL][k])):
                continue
            weight = 1.0 if member == ALL else float(weights[member][k]) if member in weights else None
            yield (
                *name, target, PARTS, member, None, None, None,
                None if weight is None else figure(weight), figure(value), None,
            )  # fmt: skip


def _permuted_rows(
    task: Forecast, name: tuple[Cell, ...], found: list[Permuted]
) -> Iterator[tuple[Cell, ...]]:
    """Columns, then blocks of lags; of a panel over all of its series where none is named."""
    for k, target in enumerate(task.plan.target):
        for each in found:
            numbers = figure(float(each.rise[k])), None, figure(float(each.spread[k]))
            yield (*name, target, PERMUTATION, ALL, each.column, *(each.lags or NO_LAGS), *numbers)


def _table(task: Forecast, rows: list[tuple[Cell, ...]], question: Question) -> ResultTable:
    step = question.steps_ahead
    horizon = task.frame.horizon
    what = (
        f"step {step} of {horizon}"
        if step
        else f"the next {horizon} steps"
        if horizon > 1
        else "the next step"
    )
    shown = {"importance": ".4g", "effect": ".4g", "spread": ".2g"}
    names = (*(["series"] if task.plan.id else []), *COLUMNS)
    columns = tuple(ResultColumn(name, shown.get(name, ""), name == "importance") for name in names)
    return ResultTable(f"What drove the forecast of {what}", columns, rows)


def without_network(task: Forecast) -> Outputs:
    """Outputs of a network that no weight falls on: zeros (N, H, K), at no cost."""
    shape = (task.frame.horizon, len(task.plan.target))
    return lambda examples: np.zeros((len(examples), *shape), dtype=np.float32)
