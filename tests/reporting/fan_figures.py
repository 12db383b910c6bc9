"""Figures to draw in tests, and what is read back from a drawing."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta

from seqcli.reporting.chart import Band, ForecastChart
from seqcli.reporting.fan import FanFigure


def chart(title="sales", history=None, forecast=(40.0, 41.0, 43.0), levels=(80, 95), stamps=True):
    """A series of daily values with its forecast, one to each side of it for every ten percent."""
    history = [float(step) for step in range(40)] if history is None else list(history)
    steps = len(history) + len(forecast)
    moments = [datetime(2024, 1, 1) + timedelta(days=step) for step in range(steps)] if stamps else ()
    bands = [
        Band(level, [value - level / 10 for value in forecast], [value + level / 10 for value in forecast])
        for level in levels
    ]
    names = [f"{moment:%Y-%m-%d}" for moment in moments]
    return ForecastChart(title, history, list(forecast), bands, "", "", "", moments, names)


def figure(*charts, notes=(), title="Forecast of sales", subtitle="sales.csv: the next 3 rows"):
    return FanFigure(title, subtitle, charts or (chart(),), notes)


def points(path: str) -> list[tuple[float, float]]:
    """The corners of a path's ``d``."""
    return [
        (float(x), float(y)) for x, y in (pair.split(",") for pair in re.split("[ML]", path.rstrip("Z"))[1:])
    ]


def values_at(frame, corners) -> list[float]:
    """Corners of a drawing back to values, independent of how they were placed."""
    return [
        frame.low + (frame.top + frame.height - y) / frame.height * (frame.high - frame.low)
        for _, y in corners
    ]


GAPPED = [1.0, 2.0, math.nan, 3.0, math.nan, 5.0, 4.0]
