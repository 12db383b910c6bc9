"""The steps that follow a file, by a saved model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from seqcli.errors import ModelError
from seqcli.inference.carried import network_outputs
from seqcli.inference.kinds import command_of, wrong_kind
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultTable

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast
    from seqcli.tasks.forecasting.next import ForecastContext


@dataclass(frozen=True)
class NextSteps:
    """A forecast: its rows, the next step in words, and what should be said about the input."""

    rows: ResultTable
    next_step: str
    notes: tuple[str, ...]
    context: ForecastContext
    """The series that were read, for a chart."""


def forecast_task(model: SavedModel) -> Forecast:
    """The model's task, when it forecasts. Raises :class:`UsageError` when it does something else."""
    task = saved_task(model)
    if command_of(task) != "forecast":
        raise wrong_kind(model, task, "forecast")
    found = cast("Forecast", task)
    if found.frame.stateful != model.network.stateful:
        raise ModelError(f"{model.path}: its network does not read as its task does", "train the model again")
    return found


def forecast_rows(model: SavedModel, table: Table, intervals: Sequence[int] | None = None) -> NextSteps:
    """The steps after the last row of each series of ``table``, with intervals.

    ``intervals`` are coverages in percent, None those the model was trained with. Raises
    :class:`DataError` when the file lacks a column or is shorter than the model's window.
    """
    task = forecast_task(model)
    with blamed_on(model):
        examples, context = task.forecast_examples(table)
        outputs = network_outputs(model)(examples)
        rows = task.forecast_rows(outputs, context, intervals)
        refuse_infinite(model, rows.rows)
        return NextSteps(rows, task.next_step_line(rows, context), (*context.odd, *context.notes), context)


def refuse_infinite(model: SavedModel, rows: Sequence[tuple[Cell, ...]]) -> None:
    """Raise :class:`ModelError` when a number in ``rows`` is not finite."""
    if not all(math.isfinite(cell) for row in rows for cell in row if isinstance(cell, float)):
        raise ModelError(
            f"{model.path}: forecasts values that are not finite",
            "train again, or look for extreme numbers in the input",
        )
