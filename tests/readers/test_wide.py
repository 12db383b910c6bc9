"""Wide tables: what is taken for one, and that the long table holds the same cells."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.intervals import parse_every, stamps_after
from seqcli.readers.read import read_table
from seqcli.readers.table import Table
from seqcli.readers.wide import WideForm, dated_columns, find_wide, lengthen, looks_wide

M4 = [["V1", "V2", "V3", "V4", "V5"], ["H1", "1", "2", "3.5", ""], ["H2", "", "7", "", "9"]]


def table_of(rows: list[list[str]]) -> Table:
    return Table.from_records("m.csv", rows[0], rows[1:], range(2, len(rows) + 1))


def long_of(rows: list[list[str]], **typed: str) -> Table:
    table = table_of(rows)
    ids = (typed["id"],) if "id" in typed else ()
    return lengthen(table, find_wide(table, ids, typed.get("start"), typed.get("every")))


def test_each_value_gets_a_row_and_what_lies_outside_a_series_gets_none() -> None:
    long = long_of(M4)
    assert long.names == ("V1", "value")
    assert long.cells("V1") == ["H1", "H1", "H1", "H2", "H2", "H2"]
    np.testing.assert_array_equal(long.numbers("value").values, [1, 2, 3.5, 7, np.nan, 9])
    assert long.records.tolist() == [2, 2, 2, 3, 3, 3]
    assert long.where(5, "value") == "m.csv, row 3, column V5"
    assert long.take(np.array([3])).where(0, "value") == "m.csv, row 3, column V3"
    assert long.column("value").pick(np.array([4, 0])) == ["", "1"]


def test_numbers_in_the_header_are_steps_and_dates_are_stamps() -> None:
    steps = long_of([["id", "701", "702", "704"], ["a", "5", "6", "7"], ["b", "", "8", "9"]])
    assert steps.numbers("step").values.tolist() == [701, 702, 704, 702, 704]
    dates = long_of([["id", "2024-01", "2024-02", "2024-03"], ["a", "", "6", "7"], ["b", "1", "8", ""]])
    assert dates.cells("date") == ["2024-02", "2024-03", "2024-01", "2024-02"]
    stamps = dates.dates("date").values.astype("datetime64[M]").astype(str)
    assert stamps.tolist() == ["2024-02", "2024-03", "2024-01", "2024-02"]
    assert dates.kind("date") == "date"
    years = long_of([["country", "code", "1999", "2000"], ["Chad", "TD", "1", "2"], ["Peru", "PE", "3", "4"]])
    assert years.names == ("country", "date", "code", "value")
    assert years.cells("code") == ["TD", "TD", "PE", "PE"]
    assert years.dates("date").values.astype("datetime64[Y]").astype(str).tolist() == ["1999", "2000"] * 2


def test_a_column_of_starts_gives_each_value_its_moment() -> None:
    rows = [
        ["id", "from", "x1", "x2", "x3"],
        ["a", "2024-01-31", "1", "2", "3"],
        ["b", "2024-05-01", "", "5", "6"],
    ]
    months = long_of(rows, start="from", every="1mo").dates("date").values.astype("datetime64[D]").astype(str)
    assert months.tolist() == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-05-01", "2024-06-01"]
    hours = long_of(rows, start="from", every="6h").cells("date")
    assert hours[:2] == ["2024-01-31 00:00", "2024-01-31 06:00"]


@given(
    st.lists(
        st.lists(st.sampled_from(["", "1", "-2.5", "1e3", "n/a", "7"]), min_size=4, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_the_long_table_is_what_pandas_melts(cells: list[list[str]]) -> None:
    rows = [["id", "1", "2", "3", "4"], *([f"s{at}", *row] for at, row in enumerate(cells))]
    long = long_of(rows)
    frame = pd.DataFrame(rows[1:], columns=rows[0]).melt("id", var_name="step")
    frame["value"] = pd.to_numeric(frame["value"].replace({"": None, "n/a": None}))
    expected = {}
    for name, own in frame.groupby("id"):
        known = np.flatnonzero(own["value"].notna())
        kept = own.iloc[known[0] : known[-1] + 1] if len(known) else own.iloc[:1]
        expected[name] = list(zip(kept["step"].astype(int), kept["value"], strict=True))
    found: dict[str, list] = {}
    for name, step, value in zip(
        long.cells("id"), long.numbers("step").values, long.numbers("value").values, strict=True
    ):
        found.setdefault(name, []).append((int(step), value))
    assert found.keys() == expected.keys()
    for name, pairs in found.items():
        np.testing.assert_array_equal(np.array(pairs), np.array(expected[name], dtype=float))


def test_a_cell_that_is_no_number_stays_what_it_is_in_its_place() -> None:
    long = long_of([["id", "a1", "a2", "a3"], ["x", "1", "two", "3"], ["y", "4", "5", "6"]])
    numbers = long.numbers("value")
    assert numbers.bad_rows.tolist() == [1]
    assert long.where(1, "value") == "m.csv, row 2, column a2"
    assert long.called("value", np.array([0, 1])) == "a1, a2"


def test_a_decimal_comma_is_found_over_the_whole_table() -> None:
    long = long_of([["id", "a1", "a2"], ["x", "1,5", "2"], ["y", "1.000,25", "3,5"]])
    assert long.numbers("value").values.tolist() == [1.5, 2, 1000.25, 3.5]


def test_what_can_be_nothing_else_is_taken_for_wide() -> None:
    run = [f"V{at}" for at in range(2, 27)]
    numbers = [str(at) for at in range(25)]
    rows = [["V1", *run], ["a", *numbers], ["b", *numbers]]
    assert looks_wide(table_of(rows))
    assert not looks_wide(table_of([row[:15] for row in rows]))  # few columns may be anything
    assert not looks_wide(table_of([rows[0], rows[1], rows[1]]))  # a name that comes again
    assert not looks_wide(table_of([[*row, end] for row, end in zip(rows, ["label", "x", "y"], strict=True)]))
    assert not looks_wide(table_of([["V1", *run], ["1", *numbers], ["2", *numbers]]))  # all numbers
    years = [str(year) for year in range(1990, 2015)]
    told = [["country", "region", *years], ["Chad", "N", *numbers], ["Peru", "S", *numbers]]
    assert looks_wide(table_of(told))
    assert not looks_wide(table_of(told), {"region"})  # what is to be learnt, perhaps
    assert dated_columns(table_of(told)) == tuple(years)
    assert dated_columns(table_of(rows)) == ()


def test_the_form_is_saved_and_a_file_of_another_layout_is_refused() -> None:
    table = table_of(M4)
    form = find_wide(table, (), None, None)
    assert WideForm.from_json(asdict(form)) == form
    later = lengthen(table_of([["V1", "V2", "V3"], ["H7", "4", "5"]]), form)
    assert later.numbers("value").values.tolist() == [4, 5]
    with pytest.raises(DataError, match="no column is called 'V1'"):
        lengthen(table_of([["date", "y"], ["2024-01-01", "1"]]), form)
    with pytest.raises(DataError, match="columns of values from left to right"):
        lengthen(table_of([["V1", "2024-01", "2024-02"], ["H7", "4", "5"]]), form)
    dated = WideForm(("id",), "counted", "from", "1h", table_of([["d"], ["2024-01-01"]]).dates("d").form)
    assert WideForm.from_json(asdict(dated)) == dated
    for change in (
        {"header": "x"},
        {"ids": []},
        {"start": None},
        {"every": "5x"},
        {"start_form": {"order": 1}},
    ):
        with pytest.raises((ValueError, TypeError)):
            WideForm.from_json({**asdict(dated), **change})


def test_rows_of_one_name_and_tables_without_values_are_refused() -> None:
    with pytest.raises(DataError, match="row 3, column V1: 'H1' names two rows"):
        long_of([M4[0], M4[1], M4[1]])
    with pytest.raises(DataError, match="0 columns of values"):
        long_of([["name", "text"], ["a", "b"], ["c", "d"]])
    with pytest.raises(DataError, match="no row has a date"):
        long_of([["id", "from", "x1", "x2"], ["a", "soon", "1", "2"]], start="from", every="1h")


def test_a_file_on_disk_is_read_alike_with_quotes_and_without(tmp_path) -> None:
    texts = {}
    for name, mark in (("plain.csv", ""), ("quoted.csv", '"')):
        path = tmp_path / name
        path.write_text("\n".join(",".join(f"{mark}{cell}{mark}" for cell in row) for row in M4) + "\n")
        table = read_table([str(path)], ReadingOptions())
        long = lengthen(table, find_wide(table, (), None, None))
        texts[name] = (long.cells("V1"), long.cells("value"), long.numbers("value").values.tolist())
    assert repr(texts["plain.csv"]) == repr(texts["quoted.csv"])


@given(st.integers(0, 400), st.sampled_from(["15min", "1h", "2d", "1w", "1mo", "q", "1y", "30s"]))
def test_spans_lead_where_pandas_leads(steps: int, every: str) -> None:
    offsets = {
        "15min": pd.DateOffset(minutes=15), "1h": pd.DateOffset(hours=1), "2d": pd.DateOffset(days=2),
        "1w": pd.DateOffset(weeks=1), "1mo": pd.DateOffset(months=1), "q": pd.DateOffset(months=3),
        "1y": pd.DateOffset(years=1), "30s": pd.DateOffset(seconds=30),
    }  # fmt: skip
    start = pd.Timestamp("2020-01-31 13:30")
    found = stamps_after(np.array([start.to_datetime64()]).astype("datetime64[us]"), np.array([steps]), every)
    assert pd.Timestamp(found[0]) == start + steps * offsets[every]


@pytest.mark.parametrize("text", ["", "5", "x", "0h", "-1h", "1 fortnight", "99999h", "1.5h"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no span of time"):
        parse_every(text)
