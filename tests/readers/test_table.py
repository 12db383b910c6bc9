"""Tables: verbatim cells, what a column is, and how rows are named."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.readers.table import Table


def table(**columns: list[str]) -> Table:
    rows = list(zip(*columns.values(), strict=True))
    return Table.from_records("some.csv", list(columns), rows, range(2, 2 + len(rows)))


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("price", ["1", "2.5", "n/a"], "number"),
        ("zip", ["007", "123"], "number"),
        ("price", ["$1,000", "$2"], "number"),
        ("review", ["fine", "None", "3"], "text"),
        ("notes", ["", "n/a", "-"], "empty"),
        ("date", ["2018-01-01", "2018-01-02", ""], "date"),
        ("when", ["Jan 2018", "Feb 2018"], "date"),
        ("year", ["1949", "1950"], "date"),
        ("built", ["1949", "1950"], "number"),
        ("time", ["0", "1", "2"], "number"),
        ("price", ["1"] * 95 + ["x"] * 5, "number"),  # meant as numbers: a role will refuse it by row
        ("date", ["2018-01-01"] * 95 + ["x"] * 5, "date"),
        ("grade", ["1"] * 80 + ["x"] * 20, "text"),
    ],
)
def test_kinds(name: str, cells: list[str], kind: str) -> None:
    assert table(**{name: cells}).kind(name) == kind
    assert table(**{name: cells * 60}).kind(name) == kind  # long enough to be sampled first


def test_a_long_column_with_rare_numbers_first_is_still_text() -> None:
    cells = ["1"] * 1000 + ["a review that goes on"] * 4000
    assert table(text=cells).kind("text") == "text"


def test_an_unknown_column_names_the_closest() -> None:
    with pytest.raises(DataError) as caught:
        table(review=["a"], label=["b"]).cells("Reviews")
    assert caught.value.message == "some.csv: no column is called 'Reviews'"
    assert caught.value.hint == "did you mean 'review'?"
    with pytest.raises(DataError) as caught:
        table(review=["a"], label=["b"]).kind("zzz")
    assert caught.value.hint == "its columns are review, label"


def test_take_keeps_row_numbers_and_retypes() -> None:
    whole = table(x=["1", "a", "1,5", "3"])
    part = whole.take(np.array([3, 0]))
    assert part.cells("x") == ["3", "1"]
    assert part.records.tolist() == [5, 2]
    assert part.numbers("x").values.tolist() == [3, 1]
    assert part.numbers("x").form.decimal == "."
    assert whole.numbers("x").form.decimal == ","


def test_with_column_adds_and_replaces() -> None:
    first = table(x=["1", "2"])
    assert first.numbers("x").values.tolist() == [1, 2]
    second = first.with_column("x", ["3", "4"]).with_column("y", ["a", "b"])
    assert second.names == ("x", "y")
    assert second.numbers("x").values.tolist() == [3, 4]
    assert first.cells("x") == ["1", "2"]
    with pytest.raises(ValueError, match="1 cells for 2 rows"):
        first.with_column("z", ["1"])


def test_typing_is_done_once() -> None:
    some = table(x=["1", "2"], date=["2018-01-01", "2018-01-02"])
    assert some.numbers("x") is some.numbers("x")
    assert some.dates("date") is some.dates("date")


def test_where_names_file_row_and_column() -> None:
    assert table(x=["1", "2"]).where(1) == "some.csv, row 3"
    assert table(x=["1", "2"]).where(0, "x") == "some.csv, row 2, column x"


def test_no_rows() -> None:
    empty = Table.from_records("none.csv", ("a", "b"), [], [])
    assert len(empty) == 0
    assert empty.cells("b") == []
    assert empty.kind("a") == "empty"
