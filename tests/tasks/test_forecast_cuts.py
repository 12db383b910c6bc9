"""Folds: a file as it was then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seqcli.errors import UsageError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.tasks.base import Cut, Plan, Tables
from seqcli.tasks.forecasting.cuts import block_ends, cut_rows
from seqcli.tasks.forecasting.fit import Fitted, fit_forecast
from seqcli.tasks.forecasting.rows import read_training_rows

TableOf = Callable[..., Table]
PLAN = Plan("forecast", ("y",), time="date")
PANEL = Plan("forecast", ("y",), time="date", id=("store",))


def lines(series: dict[str, tuple[str, int]], seed: int = 0) -> str:
    """Daily random walks; each series begins at a date and has so many rows."""
    rng = np.random.default_rng(seed)
    out = ["date,store,y"]
    for name, (start, count) in series.items():
        values = 50 + rng.normal(size=count).cumsum()
        stamps = pd.date_range(start, periods=count)
        out += [f"{stamp:%Y-%m-%d},{name},{value:.4f}" for stamp, value in zip(stamps, values, strict=True)]
    return "\n".join(out)


def options(**flat: Any) -> Options:
    return Options.from_flat({"decoder": "direct", "horizon": 3, "window": 8, **flat})


def fitted(table: Table, plan: Plan, cut: Cut | None, test: Table | None = None, **flat: Any) -> Fitted:
    return fit_forecast(Tables(table, None, test, cut), plan, options(**flat))


ONE = {"a": ("2024-01-01", 100)}


def test_blocks_share_the_rows_of_the_test_share(table_of: TableOf) -> None:
    rows = read_training_rows(table_of(lines(ONE)), PLAN, None)[0]
    assert block_ends(rows, 3, options()).tolist() == [[80, 87, 93, 100]]
    assert block_ends(rows, 1, options(test_share=0.3)).tolist() == [[70, 100]]


def test_series_that_share_a_time_are_cut_at_the_same_moments(table_of: TableOf) -> None:
    text = lines({"a": ("2024-01-01", 100), "b": ("2024-02-10", 60)})  # both end on one day
    rows = read_training_rows(table_of(text), PANEL, None)[0]
    assert block_ends(rows, 2, options()).tolist() == [[80, 90, 100], [40, 50, 60]]


def test_series_of_other_times_are_cut_by_themselves(table_of: TableOf) -> None:
    text = lines({"a": ("2020-01-01", 100), "b": ("2024-01-01", 50)})
    rows = read_training_rows(table_of(text), PANEL, None)[0]
    assert block_ends(rows, 2, options()).tolist() == [[80, 90, 100], [40, 45, 50]]


@pytest.mark.parametrize("series", [ONE, {**ONE, "b": ("2024-02-10", 60)}], ids=["one", "two"])
def test_one_fold_is_the_ordinary_training(table_of: TableOf, series: dict[str, tuple[str, int]]) -> None:
    table = table_of(lines(series))
    fold, plain = fitted(table, PANEL, Cut()), fitted(table, PANEL, None)
    assert fold.parts.ends.tolist() == plain.parts.ends.tolist()
    assert np.array_equal(fold.scaled, plain.scaled)
    assert fold.windows(2).actual() == pytest.approx(plain.windows(2).actual(), nan_ok=True)


def test_a_fold_is_a_shorter_file_in_three_parts(table_of: TableOf) -> None:
    head, *rows = lines(ONE).split("\n")
    first, second, third = (
        table_of("\n".join([head, *part])) for part in (rows[:78], rows[78:87], rows[87:93])
    )  # of 93 rows a tenth validates
    fold = fitted(table_of("\n".join([head, *rows])), PLAN, Cut(3, 1, 2))
    plain = fit_forecast(Tables(first, second, third), PLAN, options())
    assert fold.parts.ends.tolist() == plain.parts.ends.tolist() == [[78, 87, 93]]
    assert fold.panel.stamps.tolist() == plain.panel.stamps.tolist()
    assert np.array_equal(fold.scaled, plain.scaled)
    assert fold.shape.why == plain.shape.why
    assert fold.windows(2).actual() == pytest.approx(plain.windows(2).actual(), nan_ok=True)


def test_what_comes_behind_a_fold_changes_nothing_in_it(table_of: TableOf) -> None:
    text = lines(ONE)
    rows = text.split("\n")
    changed = [row.rsplit(",", 1)[0] + ",1e6" if place > 93 else row for place, row in enumerate(rows)]
    one, other = (fitted(table_of("\n".join(each)), PLAN, Cut(3, 1, 2)) for each in (rows, changed))
    assert np.array_equal(one.scaled, other.scaled)
    assert one.shape.why == other.shape.why
    assert one.scaling.scale.tolist() == other.scaling.scale.tolist()


def test_the_last_horizon_tests_and_the_one_before_validates(table_of: TableOf) -> None:
    text = lines({"a": ("2020-01-01", 60), "b": ("2020-01-01", 41)})
    fold = fitted(table_of(text), PANEL, Cut(last=True))
    assert fold.parts.ends.tolist() == [[54, 57, 60], [35, 38, 41]]


def test_the_first_rows_of_a_test_file_are_what_the_last_horizon_is(table_of: TableOf) -> None:
    rows = lines({"a": ("2020-01-01", 60)}).split("\n")
    first, later = (table_of("\n".join([rows[0], *part])) for part in (rows[1:51], rows[51:]))
    fold = fitted(first, PANEL, Cut(last=True), later)
    assert fold.parts.ends.tolist() == [[47, 50, 53]]


def test_a_series_that_begins_behind_a_fold_is_not_in_it(table_of: TableOf) -> None:
    text = lines({"a": ("2024-01-01", 100), "b": ("2024-04-04", 6)})  # from row 95 of the first on
    assert fitted(table_of(text), PANEL, Cut(4, 0, 1)).panel.names == ("a",)


def test_columns_known_ahead_are_known_as_far_as_they_would_have_been(table_of: TableOf) -> None:
    plan = Plan("forecast", ("y",), ("x",), time="date")
    stamps = pd.date_range("2024-01-01", periods=104)
    text = "\n".join(
        ["date,y,x"]
        + [
            f"{stamp:%Y-%m-%d},{place % 9 + place / 50 if place < 100 else ''},{place}"
            for place, stamp in enumerate(stamps)
        ]
    )
    rows = read_training_rows(table_of(text), plan, None)[0]
    cut, borders = cut_rows(rows, [], Cut(2, 0, 1), options(horizon=None))
    assert cut.lengths.tolist() == [90]
    assert borders == [[cut.stamps[69]], [cut.stamps[79]]]  # a horizon of 10 validates
    assert cut.later is not None
    assert cut.later.values[:, 1].tolist() == [90.0, 91.0, 92.0, 93.0]
    assert np.isnan(cut.later.values[:, 0]).all()
    assert fitted(table_of(text), plan, Cut(2, 0, 1), horizon=None).plan.ahead == ("x",)


@pytest.mark.parametrize(
    ("cut", "flat", "words"),
    [
        (Cut(21, 0, 1), {}, "--folds 21: the rows to test on are 20"),
        (Cut(2, 0, 1), {"test_share": 0.0}, "--test-share 0"),
        (Cut(last=True), {"horizon": 46}, "two horizons of 46"),
    ],
)
def test_what_cannot_be_cut_is_refused(table_of: TableOf, cut: Cut, flat: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fitted(table_of(lines(ONE)), PLAN, cut, **flat)
