from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seqcli.errors import DataError, ModelError
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.forecasting.rows import (
    Rows,
    forms_from_json,
    forms_to_json,
    join_rows,
    read_later_rows,
    read_training_rows,
)

TableOf = Callable[..., Table]
SINGLE = Plan("forecast", ("y",), time="date")
STORES = Plan("forecast", ("y",), ("x",), time="date", id=("store",))


def test_newest_first_is_sorted_and_said(table_of: TableOf) -> None:
    table = table_of("date,y\n2024-01-03,3\n2024-01-02,2\n2024-01-01,1")
    rows, _, sentences = read_training_rows(table, SINGLE, None)
    assert rows.values[:, 0].tolist() == [1, 2, 3]
    assert rows.records.tolist() == [4, 3, 2]
    assert any("newest first" in sentence for sentence in sentences)
    shuffled = table_of("date,y\n2024-01-03,3\n2024-01-01,1\n2024-01-02,2")
    assert any(
        "not in the order of time" in sentence for sentence in read_training_rows(shuffled, SINGLE, None)[2]
    )


def test_series_are_separated_in_order_of_appearance(table_of: TableOf) -> None:
    table = table_of(
        "date,store,y,x\n2024-01-01,b,1,9\n2024-01-01, a ,5,9\n2024-01-02,b,2,8\n2024-01-02,a,6,7\n"
        "2024-01-03,,6,7"
    )
    rows, _, sentences = read_training_rows(table, STORES, None)
    assert rows.names == ("b", "a")
    assert rows.lengths.tolist() == [2, 2]
    assert rows.values.tolist() == [[1, 9], [2, 8], [5, 9], [6, 7]]
    assert any("1 row without store" in sentence for sentence in sentences)


def test_two_rows_at_one_moment_are_refused_with_the_column_that_separates_them(table_of: TableOf) -> None:
    text = "date,shop,y\n" + "".join(
        f"2024-01-{day:02d}{'' if shop == 'n' else ' 00:00'},{shop},{day}\n"
        for day in range(1, 21)
        for shop in "ns"
    )
    with pytest.raises(DataError, match="row 3, column date") as caught:
        read_training_rows(table_of(text), SINGLE, None)
    assert "--aggregate" in caught.value.hint
    assert "--id shop" in caught.value.hint
    rows, _, _ = read_training_rows(table_of(text), SINGLE, "sum")
    assert rows.values[:, 0].tolist() == [2 * day for day in range(1, 21)]


def test_a_dead_series_is_left_out_and_does_not_count_as_missing(table_of: TableOf) -> None:
    text = "date,store,y,x\n" + "".join(
        f"2024-01-{day:02d},{store},{'' if store == 'dead' else day},1{day}\n"
        for day in range(1, 21)
        for store in ("a", "dead")
    )
    rows, _, sentences = read_training_rows(table_of(text), STORES, None)
    assert rows.names == ("a",)
    assert any("dead" in sentence for sentence in sentences)


def test_bad_cells_drop_the_row_of_a_target_and_blank_a_feature(table_of: TableOf) -> None:
    lines = [f"2024-01-01 {i // 60:02d}:{i % 60:02d},s,{i},{i + 0.5}" for i in range(200)]
    lines[10] = lines[10].replace(",10,", ",ten,")
    lines[20] = lines[20].replace("20.5", "many")
    rows, _, _ = read_training_rows(table_of("date,store,y,x\n" + "\n".join(lines)), STORES, None)
    assert rows.lengths.tolist() == [199]
    assert 10 not in rows.values[:, 0]
    assert np.isnan(rows.values[rows.values[:, 0] == 20, 1]).all()


def test_numbers_too_large_to_compute_with_are_refused(table_of: TableOf) -> None:
    with pytest.raises(DataError, match="row 3, column y"):
        read_training_rows(table_of("date,y\n2024-01-01,1\n2024-01-02,1e305\n2024-01-03,2"), SINGLE, None)


def test_without_a_column_of_time_rows_are_counted_by_series(table_of: TableOf) -> None:
    plan = Plan("forecast", ("y",), id=("store",))
    rows, _, _ = read_training_rows(table_of("store,y\na,1\nb,2\na,3\na,4\nb,5"), plan, None)
    assert rows.stamps.tolist() == [0, 1, 2, 0, 1]
    assert rows.values[:, 0].tolist() == [1, 3, 4, 2, 5]


def test_a_later_file_is_read_in_the_training_files_forms(table_of: TableOf) -> None:
    training = table_of('date,y\n13.01.2024,"1.234,5"\n14.01.2024,"2,5"\n15.01.2024,"3"')
    _, forms, _ = read_training_rows(training, SINGLE, None)
    forms = forms_from_json(forms_to_json(forms), ("date", "y"))
    later = table_of('date,y\n03.02.2024,"1.234"\n04.02.2024,oops\nnever,3\n05.02.2024,7')
    rows, sentences = read_later_rows(later, SINGLE, None, forms)
    days = rows.stamps.astype("datetime64[D]").astype(str).tolist()
    assert days == ["2024-02-03", "2024-02-04", "2024-02-05"]
    assert rows.values[0, 0] == 1234
    assert np.isnan(rows.values[1, 0])
    assert len(sentences) == 2


def test_a_later_file_may_lack_a_feature_but_no_target(table_of: TableOf) -> None:
    training = table_of("date,store,y,x\n2024-01-01,a,1,4\n2024-01-02,a,2,5\n2024-01-03,a,3,6")
    _, forms, _ = read_training_rows(training, STORES, None)
    rows, sentences = read_later_rows(table_of("date,store,y\n2024-01-04,a,1"), STORES, None, forms)
    assert np.isnan(rows.values[0, 1])
    assert any("column x" in sentence for sentence in sentences)
    with pytest.raises(DataError, match="'y'"):
        read_later_rows(table_of("date,store,x\n2024-01-04,a,1"), STORES, None, forms)
    with pytest.raises(DataError, match="no row can be used"):
        read_later_rows(table_of("date,store,y\nnever,a,1"), STORES, None, forms)


def test_forms_of_a_changed_model_are_refused() -> None:
    with pytest.raises(ModelError, match="column y"):
        forms_from_json({}, ("y",))
    with pytest.raises(ModelError):
        forms_from_json({"y": {"date": False, "decimal": "x"}}, ("y",))


def rows_of(names: tuple[str, ...], starts: list[int], length: int) -> Rows:
    stamps = np.concatenate([np.arange(start, start + length) for start in starts])
    return Rows(names, np.full(len(names), length), stamps, stamps[:, None] * 1.0, stamps + 2)


def test_a_second_file_goes_on_where_the_first_ended() -> None:
    joined = join_rows(
        rows_of(("a", "b"), [0, 0], 3), rows_of(("b", "c"), [3, 0], 2), ("one", "two"), dated=True
    )
    assert joined.names == ("a", "b", "c")
    assert joined.lengths.tolist() == [3, 5, 2]
    assert joined.stamps.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 0, 1]
    counted = join_rows(rows_of(("",), [0], 3), rows_of(("",), [0], 2), ("one", "two"), dated=False)
    assert counted.stamps.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(DataError, match="two, row 4: 2 is not after the rows of one"):
        join_rows(rows_of(("",), [0], 3), rows_of(("",), [2], 2), ("one", "two"), dated=True)
