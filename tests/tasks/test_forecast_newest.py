"""A forecast reads the newest steps alone, and sees in them what it would see in the whole file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.reporting.chart import shown_history
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.forecasting.panel import Newest
from seqcli.tasks.forecasting.use import LEAST_SHOWN, MOST_SHOWN, newest_windows

TableOf = Callable[..., Table]
START = np.datetime64("2024-01-01T00")


def cells(hours: int, shop: str, rng: np.random.Generator, lost: float, behind: int = 0) -> list[str]:
    """Hourly rows of shop, y, plan, other, with a share of the cells, and of the rows, ``lost``.

    y and other end ``behind`` rows ahead of the plan.
    """
    rows = []
    for hour in range(hours + behind):
        values = [f"{50 + 9 * np.sin(hour / 4) + rng.normal():.3f}", f"{hour % 5}", f"{rng.normal():.3f}"]
        kept = rng.random(3) >= lost
        values = [value if keep else "" for value, keep in zip(values, kept, strict=True)]
        if hour >= hours:
            values[0] = values[2] = ""
        if rng.random() >= lost / 4 or hour >= hours:
            rows.append(",".join([f"{START + hour}:00".replace("T", " "), shop, *values]))
    return rows


def table(table_of: TableOf, *series: list[str]) -> Table:
    return table_of("\n".join(["time,shop,y,plan,other", *(row for rows in series for row in rows)]))


def forecaster(table_of: TableOf, **flat: Any) -> Forecast:
    """Made from two shops of which "c" is none."""
    rng = np.random.default_rng(1)
    options = Options.from_flat({
        "task": "forecast", "target": ["y"], "id": ["shop"], "window": 8, "horizon": 3, "threads": 1, **flat,
    })  # fmt: skip
    made = table(table_of, cells(120, "a", rng, 0.02, 3), cells(150, "b", rng, 0.02, 3))
    plan = make_plan(made, options.columns, options.reading)
    return cast(Forecast, Forecast.prepare(Tables(made), plan, options).task)


def seen(task: Forecast, later: Table) -> tuple[dict[str, Any], list[Any]]:
    """All that a network is given, and all that makes rows of its answer."""
    examples, context = newest_windows(task, later)
    panel, ends = context.panel, context.panel.offsets + context.panel.lengths
    steps = (
        (ends[:, None] + np.arange(-48, task.frame.horizon)).ravel() if (panel.lengths >= 48).all() else ends
    )
    batch = examples.batch(np.arange(len(examples)))
    return batch, [
        panel.names, context.network_rows, context.reference, context.units, context.silent, context.flat,
        context.unsure, context.notes, context.odd, context.scaling.shift, context.scaling.scale,
        panel.stamps[steps], panel.values[steps],
    ]  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


@pytest.mark.parametrize("missing", ["mask", "interpolate"])
@pytest.mark.parametrize("indicators", [False, True])
def test_nothing_is_seen_otherwise_than_in_the_whole_file(
    table_of: TableOf, monkeypatch: pytest.MonkeyPatch, missing: str, indicators: bool
) -> None:
    task = forecaster(table_of, missing=missing, indicators=indicators)
    assert task.plan.ahead == ("plan",)
    cut = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        lost = (0.0, 0.1, 0.7)[seed % 3]
        shops = [cells(int(rng.integers(50, 400)), shop, rng, lost, seed % 4) for shop in "abc"]
        if seed % 5 == 4:  # one that misses a column for long, up to its last hours
            end = len(shops[0]) - 6
            shops[0] = [
                row.rpartition(",")[0] + "," if 20 < at < end else row for at, row in enumerate(shops[0])
            ]
        later = table(table_of, *shops)
        batch, rest = seen(task, later)
        steps = newest_windows(task, later)[1].panel.lengths.sum()
        with monkeypatch.context() as whole:
            whole.setattr(Newest, "first", lambda self, name, values: 0)
            full_batch, full_rest = seen(task, later)
            cut += newest_windows(task, later)[1].panel.lengths.sum() - steps
        assert batch.keys() == full_batch.keys()
        assert all(same(batch[name], full_batch[name]) for name in batch)
        assert all(same(*pair) for pair in zip(rest, full_rest, strict=True))
    assert cut > 1000


def test_so_much_is_kept_as_a_window_and_a_chart_need(table_of: TableOf) -> None:
    task = forecaster(table_of)
    rng = np.random.default_rng(0)
    later = table(table_of, cells(300, "a", rng, 0.0, 3), cells(40, "b", rng, 0.0), cells(300, "c", rng, 0.0))
    panel = newest_windows(task, later)[1].panel
    assert panel.lengths.tolist() == [48, 40, 300]  # "c" is new, and its scale is that of all its rows
    long = replace(task, frame=replace(task.frame, window=100))
    assert newest_windows(long, later)[1].panel.lengths.tolist() == [100, 40, 300]


@pytest.mark.parametrize("horizon", [1, 12, 13, 500])
def test_a_chart_shows_no_more_than_is_kept(horizon: int) -> None:
    assert shown_history(10**6, horizon) == max(MOST_SHOWN * horizon, LEAST_SHOWN)


def test_a_value_that_is_carried_on_is_kept_however_old() -> None:
    values = np.arange(300.0).reshape(100, 3)
    values[30:, 1] = np.nan
    values[:, 2] = np.nan
    wanted = Newest(20, frozenset("a"))
    assert wanted.first("a", values) == 29
    assert wanted.first("a", values[:, [0, 2]]) == 80
    assert wanted.first("b", values) == 0
    assert wanted.first("a", values[:20]) == 0
