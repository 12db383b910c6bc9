"""The fields of a fitted forecaster as JSON values, and back, with every size checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqcli.errors import ModelError
from seqcli.preprocessing.calendar import Calendar
from seqcli.tasks.base import Plan
from seqcli.tasks.forecasting.mixture import SEASONAL, Mixture
from seqcli.tasks.forecasting.rows import forms_from_json, forms_to_json, panel_columns, value_columns
from seqcli.tasks.forecasting.scaling import SeriesScaling
from seqcli.tasks.forecasting.static import StaticEncoding
from seqcli.tasks.forecasting.units import Units
from seqcli.tasks.forecasting.widths import Widths
from seqcli.tasks.forecasting.windows import Frame

if TYPE_CHECKING:
    from seqcli.tasks.forecast import Forecast

MOST_STEPS = 100_000
"""Longest window or horizon that a saved model may ask memory for."""


def saved(task: Forecast) -> dict[str, Any]:
    """The fields of ``task`` as JSON values."""
    digits = np.array([float(f"{value:.6g}") for value in task.radii.ravel()])
    return {
        "plan": task.plan.to_json(),
        "forms": forms_to_json(task.forms),
        "merge": task.merge,
        "missing": task.missing,
        "calendar": task.calendar.to_json(),
        "static": task.static.to_json(),
        "scaling": task.scaling.to_json(),
        "units": task.units.to_json(),
        "frame": task.frame.to_json(),
        "naive_season": task.naive_season,
        "errors": [[None if np.isnan(value) else float(value) for value in row] for row in task.errors],
        "seen": list(task.seen),
        "intervals": list(task.intervals),
        "levels": list(task.levels),
        "radii": digits.reshape(task.radii.shape).tolist(),
        "widths": task.widths.to_json(),
        "mixture": task.mixture.to_json(),
    }


def restored(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a task from :func:`saved`. Raises ModelError on anything else."""
    try:
        return _checked(_parsed(data))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError) as error:
        raise ModelError("the model's forecast task cannot be read") from error


def _parsed(data: dict[str, Any]) -> dict[str, Any]:
    plan = Plan.from_json(data["plan"])
    columns, every = value_columns(plan), len(panel_columns(plan))
    dated = [plan.time] if plan.time is not None and plan.time in data["forms"] else []
    scaling = SeriesScaling.from_json(data["scaling"], every)
    units = data.get("units")
    frame = Frame.from_json(data["frame"], every, len(plan.target))
    return {
        "plan": plan,
        "forms": forms_from_json(data["forms"], (*dated, *columns)),
        "merge": data["merge"],
        "missing": data["missing"],
        "calendar": Calendar.from_json(data["calendar"]),
        "static": StaticEncoding.from_json(data.get("static", [])),
        "scaling": scaling,
        "units": Units.from_json(units, scaling.names) if units else Units.same(scaling.names),
        "frame": frame,
        "naive_season": None if data["naive_season"] is None else int(data["naive_season"]),
        "errors": np.array(
            [[np.nan if value is None else float(value) for value in row] for row in data["errors"]]
        ),
        "seen": tuple(value if isinstance(value, int) else float(value) for value in data["seen"]),
        "intervals": tuple(int(level) for level in data["intervals"]),
        "levels": tuple(int(level) for level in data["levels"]),
        "radii": np.array(data["radii"], dtype=np.float64),
        "widths": Widths.from_json(data.get("widths")),
        "mixture": Mixture.from_json(data["mixture"], len(plan.target)),
    }


def _checked(task: dict[str, Any]) -> dict[str, Any]:
    """The same fields; raises ValueError where they do not fit together."""
    frame, targets, series = task["frame"], len(task["plan"].target), len(task["scaling"].names)
    sizes = {
        "errors": (series, targets),
        "radii": (len(task["levels"]), frame.horizon, targets),
    }
    if (
        not targets
        or len(task["seen"]) != series
        or any(task[key].shape != size for key, size in sizes.items())
    ):
        raise ValueError("sizes do not agree")
    if not np.isfinite(task["radii"]).all() or (task["radii"] < 0).any():
        raise ValueError("numbers that cannot be used")
    if tuple(column.name for column in task["static"].columns) not in ((), task["plan"].static):
        raise ValueError("static columns that the plan does not name")
    if max(frame.window, frame.horizon, frame.season, task["naive_season"] or 1) > MOST_STEPS:
        raise ValueError("a window, horizon or season out of range")
    if task["naive_season"] is not None and task["naive_season"] < 1:
        raise ValueError("a season out of range")
    if task["merge"] not in (None, "sum", "mean", "last"):
        raise ValueError("an unknown way to merge rows")
    if task["missing"] not in ("mask", "interpolate", "error"):
        raise ValueError("an unknown way to fill gaps")
    members = task["mixture"].members
    if SEASONAL in members and not 1 < frame.season <= frame.window:
        raise ValueError("a season that the window does not hold")
    if task["mixture"].seasons * frame.season > frame.window:
        raise ValueError("more seasons than the window holds")
    levels = (*task["levels"], *task["intervals"])
    if (
        not levels
        or len(set(task["levels"])) != len(task["levels"])
        or not all(0 < level < 100 for level in levels)
    ):
        raise ValueError("an interval out of range")
    return task
