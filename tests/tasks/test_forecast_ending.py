"""The target that nobody names: the column that ends first, what goes on being known ahead."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seqcli.options import ColumnOptions, ReadingOptions
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.detect import make_plan

TableOf = Callable[..., Table]
START = np.datetime64("2024-01-01")


def rows(past: int, behind: int, shop: str = "", holes: tuple[int, ...] = ()) -> list[str]:
    """date[, shop], visitors, heat, staff: visitors end ``behind`` days early and lack ``holes``."""
    out = []
    for day in range(past + behind):
        visitors = "" if day >= past or day in holes else f"{40 + day * 7 % 13}"
        cells = [f"{START + day}", *([shop] if shop else []), visitors, f"{day * 3 % 17}.5", f"{day % 4}"]
        out.append(",".join(cells))
    return out


def planned(table_of: TableOf, lines: list[str], header: str = "date,visitors,heat,staff") -> Plan:
    return make_plan(table_of("\n".join([header, *lines])), ColumnOptions(task="forecast"), ReadingOptions())


def test_the_column_that_ends_first_is_the_target(table_of: TableOf) -> None:
    plan = planned(table_of, rows(100, 7))
    assert plan.target == ("visitors",)
    assert plan.features == ("heat", "staff")
    assert plan.reasons[0] == (
        "task forecast: visitors ends 7 rows ahead of the other columns of numbers, over date"
    )
    newest_first = planned(table_of, rows(100, 7)[::-1])
    assert newest_first.target == ("visitors",)


@pytest.mark.parametrize(
    ("past", "behind", "holes", "found"),
    [
        (100, 0, (), 3),
        (100, 1, (), 1),
        (100, 1, (50,), 3),  # the last value may be missed as that one is
        (100, 2, (50,), 1),
        (100, 2, (50, 51), 3),
        (100, 33, (), 1),
        (100, 34, (), 3),  # more than a quarter of the rows: that column died
    ],
)
def test_an_end_is_longer_than_a_hole_and_no_death(table_of: TableOf, past, behind, holes, found) -> None:
    assert len(planned(table_of, rows(past, behind, holes=holes)).target) == found


def test_without_a_time_the_rows_are_in_order(table_of: TableOf) -> None:
    lines = [line.partition(",")[2] for line in rows(100, 7)]
    assert planned(table_of, lines, "visitors,heat,staff").target == ("visitors",)


def test_of_columns_called_like_a_target_the_one_that_ends(table_of: TableOf) -> None:
    assert planned(table_of, rows(100, 7), "date,y,price,staff").target == ("y",)
    assert planned(table_of, rows(100, 0), "date,y,price,staff").target == ("price",)
    assert planned(table_of, rows(100, 7), "date,guests,price,staff").target == (
        "guests",
    )  # prices are planned
    assert planned(table_of, rows(100, 1), "date,guests,price,staff").target == ("price",)


def test_series_must_agree_where_they_have_a_future(table_of: TableOf) -> None:
    header = "date,shop,visitors,heat,staff"
    mixed = [*rows(60, 7, "north"), *rows(60, 0, "south"), *rows(50, 3, "west")]
    assert planned(table_of, mixed, header).target == ("visitors",)
    other = rows(60, 0, "east")
    other[-1] = other[-1].rpartition(",")[0] + ","  # here it is staff that ends
    assert len(planned(table_of, [*mixed, *other], header).target) == 3
