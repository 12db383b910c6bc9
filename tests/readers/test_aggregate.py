"""Rows that share one time: merged, or refused with what would help."""

from __future__ import annotations

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import DataError
from seqcli.readers.aggregate import aggregate, refuse_shared_times
from seqcli.readers.table import Table


def table(names: str, *rows: str) -> Table:
    return Table.from_records(
        "s.csv", names.split(","), [row.split(",") for row in rows], range(2, 2 + len(rows))
    )


SALES = (
    "date,store,product,units,note",
    "2018-01-01,A,x,1,first",
    "2018-01-01,A,y,2,second",
    "2018-01-02,A,x,,third",
    "2018-01-01,B,x,4,fourth",
    "2018-01-02,A,x,5.5,fifth",
)


@pytest.mark.parametrize(
    ("how", "ids", "dates", "units"),
    [
        ("sum", [], ["2018-01-01", "2018-01-02"], [7, 5.5]),
        ("mean", [], ["2018-01-01", "2018-01-02"], [7 / 3, 5.5]),
        ("last", [], ["2018-01-01", "2018-01-02"], [4, 5.5]),
        ("sum", ["store"], ["2018-01-01", "2018-01-02", "2018-01-01"], [3, 5.5, 4]),
    ],
)
def test_rows_of_one_time_are_merged(how: str, ids: list[str], dates: list[str], units: list[float]) -> None:
    merged = aggregate(table(*SALES), "date", ids, how)
    assert merged.cells("date") == dates
    assert merged.numbers("units").values.tolist() == units
    assert merged.notes[-1] == f"5 rows merged into {len(dates)} by {how} over {', '.join(['date', *ids])}"


def test_texts_keep_the_last_cell_and_rows_the_last_number() -> None:
    merged = aggregate(table(*SALES), "date", [], "sum")
    assert merged.cells("note") == ["fourth", "fifth"]
    assert merged.records.tolist() == [5, 6]


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab"), st.integers(-99, 99)), min_size=1))
def test_sums_and_means_equal_pandas(rows: list[tuple[int, str, int]]) -> None:
    some = table("date,id,x", *(f"2018-01-0{day},{name},{value}" for day, name, value in rows))
    groups = pandas.DataFrame(rows, columns=["day", "id", "x"]).groupby(["day", "id"], sort=False)["x"]
    for how in ("sum", "mean", "last"):
        merged = aggregate(some, "date", ["id"], how)
        assert merged.numbers("x").values.tolist() == pytest.approx(groups.agg(how).tolist())


def test_one_form_is_left_where_numbers_were_written_otherwise() -> None:
    merged = aggregate(
        table("date,x", "2018-01-01,$1.5", "2018-01-01,$2", "2018-01-02,$7"), "date", [], "sum"
    )
    assert merged.cells("x") == ["3.5", "7.0"]


def test_a_group_without_any_number_stays_missing_and_rows_without_a_date_stay() -> None:
    rows = [f"2018-01-{day:02d},1" for day in range(1, 29)] * 4
    merged = aggregate(table("date,x", "2019-01-01,", "2019-01-01,NA", ",1", ",2", *rows), "date", [], "sum")
    assert merged.cells("x")[:3] == ["", "1", "2"]
    assert set(merged.numbers("x").values[3:]) == {4}


def test_a_table_without_shared_times_is_unchanged() -> None:
    some = table("date,x", "2018-01-01,1", "2018-01-02,2")
    assert aggregate(some, "date", [], "sum") is some
    refuse_shared_times(some, "date")


def test_step_numbers_are_merged_too() -> None:
    merged = aggregate(table("step,x", "1,1", "1,2", "2,3"), "step", [], "mean")
    assert merged.numbers("x").values.tolist() == [1.5, 3]


@pytest.mark.parametrize(
    ("rows", "hint"),
    [
        (SALES[:5], "--id store,product tells them apart, or --aggregate sum|mean|last merges them"),
        (SALES, "--aggregate sum|mean|last merges them"),
        (("date,shop,x", "2018-01-01,1,5.5", "2018-01-01,2,5.5", "2018-01-02,1,7.5", "2018-01-02,2,8.5"),
         "--id shop tells them apart, or --aggregate sum|mean|last merges them"),
    ],
)  # fmt: skip
def test_shared_times_are_refused_with_what_would_help(rows: tuple[str, ...], hint: str) -> None:
    with pytest.raises(DataError) as caught:
        refuse_shared_times(table(*rows), "date")
    assert caught.value.message == "s.csv, row 3, column date: 2018-01-01 stands in several rows"
    assert caught.value.hint == hint


def test_an_id_that_does_not_separate_is_kept_in_the_proposal() -> None:
    with pytest.raises(DataError) as caught:
        refuse_shared_times(table(*SALES[:5]), "date", ["store"])
    assert caught.value.hint.startswith("--id store,product")
    refuse_shared_times(table(*SALES[:5]), "date", ["store", "product"])
