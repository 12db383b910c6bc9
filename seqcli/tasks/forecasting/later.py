"""The series of a file that a finished model reads."""

from __future__ import annotations

import numpy as np

from seqcli.preprocessing.calendar import Calendar
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.forecasting.ahead import room_steps
from seqcli.tasks.forecasting.derived import with_indicators
from seqcli.tasks.forecasting.panel import Newest, Panel, build_panel
from seqcli.tasks.forecasting.rows import Forms, read_later_rows, value_columns


def later_panel(
    table: Table,
    plan: Plan,
    how: tuple[str | None, Forms],
    calendar: Calendar,
    horizon: int,
    newest: Newest | None = None,
) -> tuple[Panel, list[str]]:
    """The series on the model's calendar with room for the ``horizon``, and sentences on what is odd.

    ``how`` is the way rows of one moment are merged, and the forms of the columns; ``newest`` how much of
    each series is wanted, None for all.
    """
    merge, forms = how
    rows, sentences = read_later_rows(table, plan, merge, forms)
    panel, gaps = build_panel(with_indicators(rows, plan), calendar, len(plan.target), horizon, newest)
    return panel, [*sentences, *_sentences(panel, plan, gaps)]


def _sentences(panel: Panel, plan: Plan, gaps: int) -> list[str]:
    """What is odd about the steps of a file that a finished model reads: gaps, and a future that is not told.

    ``gaps`` steps of its calendar have no row.
    """
    said = [f"{counted(gaps, 'step')} of the calendar without a row"] if gaps else []
    if not plan.ahead:
        return said
    columns = value_columns(plan)
    numbers = np.array([columns.index(name) for name in plan.ahead], dtype=np.int64)
    future = panel.known_ahead(numbers)[room_steps(panel, np.arange(len(panel.lengths)))]
    lost = np.asarray(np.isnan(future), dtype=bool)
    if not lost.any():
        return said
    named = ", ".join(name for at, name in enumerate(plan.ahead) if lost[:, at].any())
    steps = f"{int(lost.any(axis=1).sum()):,} of {len(lost):,} steps to be forecast"
    return [
        *said,
        f"{named}: not known in {steps}, so the last value is carried on; "
        f"rows behind the last {plan.target[0]} would tell it, as in training",
    ]
