"""The table of odd data, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.readers.roles import (
    feature_numbers,
    labels,
    later_numbers,
    later_stamps,
    series_numbers,
    target_numbers,
    time_stamps,
)
from seqcli.readers.table import Table

GOOD = [str(number) for number in range(200)]
DATES = np.datetime_as_string(np.datetime64("2018-01-01") + np.arange(200)).tolist()


def column(cells: list[str], name: str = "x") -> Table:
    return Table.from_records("prices.csv", [name], [(cell,) for cell in cells], range(2, 2 + len(cells)))


def changed(cells: list[str], *changes: tuple[int, str]) -> list[str]:
    cells = list(cells)
    for place, cell in changes:
        cells[place] = cell
    return cells


def refused(table: Table, role: object, name: str = "x", *more: object) -> DataError:
    with pytest.raises(DataError) as caught:
        role(table, name, *more)  # type: ignore[operator]
    assert "\n" not in caught.value.message + caught.value.hint
    assert caught.value.hint
    return caught.value


# ≤ 1 % of cells that do not parse


def test_a_few_bad_cells_in_a_feature_are_missing_and_named() -> None:
    role = feature_numbers(column(changed(GOOD, (5, "abc"), (9, "?!"))), "x")
    assert np.flatnonzero(role.missing).tolist() == [5, 9]
    assert np.isnan(role.values[[5, 9]]).all()
    assert not role.dropped.any()
    assert role.sentences == ('rows 7, 11, column x: "abc" and the like are not a number; taken as missing',)


def test_a_few_bad_cells_in_a_target_drop_their_rows_and_are_named() -> None:
    role = target_numbers(column(changed(GOOD, (5, "abc"))), "x")
    assert np.flatnonzero(role.dropped).tolist() == [5]
    assert not role.missing.any()
    assert role.sentences == ('row 7, column x: "abc" is not a number; dropped',)


def test_a_few_bad_dates_drop_their_rows_and_are_named() -> None:
    stamps = time_stamps(column(changed(DATES, (0, "11:34")), "date"), "date")
    assert np.flatnonzero(~stamps.usable).tolist() == [0]
    assert stamps.sentences == ('row 2, column date: "11:34" is not a date; dropped',)


def test_a_few_bad_step_numbers_drop_their_rows_and_are_named() -> None:
    stamps = time_stamps(column(changed(GOOD, (3, "x")), "step"), "step")
    assert np.flatnonzero(~stamps.usable).tolist() == [3]
    assert stamps.sentences == ('row 5, column step: "x" is not a number; dropped',)


# more than that, or any inf

THREE = ((5, "abc"), (6, "abc"), (7, "d" * 99))


@pytest.mark.parametrize("role", [feature_numbers, target_numbers])
def test_more_bad_numbers_are_refused(role: object) -> None:
    error = refused(column(changed(GOOD, *THREE)), role)
    assert error.message == 'prices.csv, row 7, column x: "abc" is not a number'
    assert error.hint.startswith("3 of 200 cells are not, at most 1 % may be")


def test_more_bad_dates_are_refused() -> None:
    error = refused(column(changed(DATES, *THREE), "date"), time_stamps, "date")
    assert error.message == 'prices.csv, row 7, column date: "abc" is not a date'


def test_a_long_bad_cell_is_cut_in_the_message() -> None:
    assert len(refused(column(["d" * 999, "e"]), feature_numbers).message) < 120


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400"])
@pytest.mark.parametrize("role", [feature_numbers, target_numbers, time_stamps])
def test_any_infinite_cell_is_refused(role: object, cell: str) -> None:
    error = refused(column(changed(GOOD, (5, cell))), role)
    assert error.message == f'prices.csv, row 7, column x: "{cell}" is infinite'


# missing cells


def test_missing_cells_of_a_feature_are_masked() -> None:
    role = feature_numbers(column(changed(GOOD, (1, ""), (2, "n/a"), (3, "NaN"))), "x")
    assert np.flatnonzero(role.missing).tolist() == [1, 2, 3]
    assert role.sentences == ("column x: 3 missing cells",)


def test_missing_cells_of_a_feature_are_refused_on_request() -> None:
    error = refused(column(changed(GOOD, (15, "n/a"))), feature_numbers, "x", "error")
    assert error.message == 'prices.csv, row 17, column x: "n/a" is not a number'
    assert "--missing" in error.hint
    error = refused(column(changed(GOOD, (15, " "))), feature_numbers, "x", "error")
    assert error.message == "prices.csv, row 17, column x: the cell is empty"


def test_missing_cells_of_a_target_stay_unscored() -> None:
    role = target_numbers(column(changed(GOOD, (1, ""), (2, "?"))), "x")
    assert np.flatnonzero(role.missing).tolist() == [1, 2]
    assert not role.dropped.any()
    assert role.sentences == ("column x: 2 missing values, not scored",)


def test_a_target_more_than_a_fifth_missing_is_refused() -> None:
    assert target_numbers(column(["1", "2", "3", "4", ""]), "x").missing.sum() == 1
    error = refused(column(["1", "2", "3", "", ""]), target_numbers)
    assert error.message == "prices.csv, row 5, column x: the target is missing, as in 2 of 5 rows"


def test_missing_labels_are_dropped_and_named() -> None:
    cells, usable, sentences = labels(column(["a", " b ", "", "None", "007"]), "x")
    assert cells == ["a", "b", "", "None", "007"]
    assert usable.tolist() == [True, True, False, True, True]
    assert sentences == ("row 4, column x: no label; dropped",)


def test_labels_more_than_a_fifth_missing_are_refused() -> None:
    assert "the target is missing" in refused(column(["a", "b", "", ""]), labels).message


def test_missing_times_are_dropped_and_named() -> None:
    for cells, name in ((DATES, "date"), (GOOD, "step")):
        stamps = time_stamps(column(changed(cells, *((n, "") for n in range(6))), name), name)
        assert stamps.usable.sum() == 194
        assert stamps.sentences == (f"rows 2, 3, 4, 5, 6 and 1 more, column {name}: no time; dropped",)


def test_a_column_without_any_time_is_refused() -> None:
    assert "no row has a date" in refused(column(["", "n/a"], "date"), time_stamps, "date").message


# a constant column


def test_a_constant_feature_is_known_as_such() -> None:
    assert feature_numbers(column(["5", "5.0", ""]), "x").constant
    assert not feature_numbers(column(["5", "6"]), "x").constant


def test_a_constant_target_or_label_is_refused() -> None:
    assert "the same in every row" in refused(column(["5", "5.0"]), target_numbers).message
    assert refused(column(["a", "a"]), labels).message == "prices.csv, column x: it holds only 'a'"


# thousands separators, decimal comma, currency, percent; dates in any order


@pytest.mark.parametrize("role", [feature_numbers, target_numbers])
def test_unusual_numbers_are_read_and_said(role: object) -> None:
    found = role(column(["$1,200.50", "$2"]), "x")  # type: ignore[operator]
    assert found.values.tolist() == [1200.5, 2]
    assert found.sentences == ("column x: thousands separator ',', currency $",)


def test_unusual_dates_are_read_and_said() -> None:
    stamps = time_stamps(column(["31.12.2018", "1.1.2019"], "date"), "date")
    assert stamps.values.tolist() == np.array(["2018-12-31", "2019-01-01"], "datetime64[us]").tolist()
    assert stamps.sentences == ("column date: day before month",)


def test_newest_first_is_read_as_it_stands() -> None:
    stamps = time_stamps(column(DATES[::-1], "date"), "date")
    assert stamps.usable.all()
    assert stamps.values[0] == np.datetime64(DATES[-1])


def test_series_are_numbered_in_order_of_appearance() -> None:
    assert series_numbers([["b", "b", "a", "b"], ["x", "y", "x", "x"]], 4).tolist() == [0, 1, 2, 0]
    assert series_numbers([], 3).tolist() == [0, 0, 0]


# step numbers


def test_step_numbers_are_integers_where_they_can_be() -> None:
    assert time_stamps(column(["3", "1", "2"], "step"), "step").values.dtype == np.int64
    fractions = time_stamps(column(["0", "0.5", "1"], "seconds"), "seconds")
    assert fractions.values.tolist() == [0, 0.5, 1]
    assert fractions.form is None


# a file that a finished model reads


def test_one_bad_cell_of_a_short_later_file_is_missing_and_two_are_refused() -> None:
    form = column(GOOD).numbers("x").form
    values, said = later_numbers(column(["1", "x", "3"]), "x", form)
    assert values.tolist()[::2] == [1, 3]
    assert np.isnan(values[1])
    assert said == ('row 3, column x: "x" is not a number; taken as missing',)
    assert "row 3" in refused(column(["1", "x", "y"]), later_numbers, "x", form).message
    assert "infinite" in refused(column(["1", "inf"]), later_numbers, "x", form).message


def test_one_bad_time_of_a_short_later_file_is_dropped_and_two_are_refused() -> None:
    form = column(DATES, "date").dates("date").form
    stamps = later_stamps(column([*DATES[:3], "11:34"], "date"), "date", form)
    assert stamps.usable.tolist() == [True, True, True, False]
    assert stamps.sentences == ('row 5, column date: "11:34" is not a date; dropped',)
    assert "row 3" in refused(column([DATES[0], "a", "b"], "date"), later_stamps, "date", form).message
    steps = later_stamps(column(["4", "5", ""], "step"), "step", None)
    assert steps.usable.tolist() == [True, True, False]
    assert "infinite" in refused(column(["4", "inf"], "step"), later_stamps, "step", None).message
