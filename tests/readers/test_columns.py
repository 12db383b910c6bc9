"""Columns type cells as Python's float does, and give the same cells however they are held."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.readers.columns import CleanBlock, Column, JoinedColumn, TakenColumn, TextColumn

plain = st.from_regex(r"-?([0-9]{1,12}(\.[0-9]{0,8})?|\.[0-9]{1,9})", fullmatch=True)
not_plain = st.sampled_from(
    ["", "-", ".", "-.", "1e5", "+1", " 1", "1 ", "nan", "inf", "1,5", "a", "1.2.3", "--1", "1-", "é"]
)


def same(values: np.ndarray, expected: list[float]) -> bool:
    return bool(np.array_equal(values, np.array(expected), equal_nan=True))


@given(st.lists(plain | st.floats(allow_nan=False, allow_infinity=False).map(lambda x: f"{x:.12f}"[:24])))
def test_plain_numbers_are_what_float_gives_to_the_last_bit(cells: list[str]) -> None:
    assert same(TextColumn(cells).plain_numbers(), [float(cell) for cell in cells])


@given(st.lists(plain.map(lambda cell: (cell, True)) | not_plain.map(lambda cell: (cell, False))))
def test_cells_that_are_not_plain_are_nan_and_disturb_no_other(cells: list[tuple[str, bool]]) -> None:
    values = TextColumn([cell for cell, _ in cells]).plain_numbers()
    assert same(values, [float(cell) if is_plain else np.nan for cell, is_plain in cells])


def test_minus_zero_keeps_its_sign() -> None:
    assert np.signbit(TextColumn(["-0", "0", "-0.0"]).plain_numbers()).tolist() == [True, False, True]


def test_full_precision_floats_read_back_exactly() -> None:
    values = np.random.default_rng(0).normal(size=500)
    cells = [format(value, ".20f") for value in values]  # longer than an exact mantissa
    assert same(TextColumn(cells).plain_numbers(), [float(cell) for cell in cells])


ROWS = [["1", "ä", "x"], ["-2.5", "", "y z"], ["", "b", "3"], ["4", "€", "5.25"]]


def block() -> CleanBlock:
    made = CleanBlock.scan("".join(",".join(row) + "\n" for row in ROWS).encode(), ",", 3)
    assert made is not None
    return made


def ways_to_hold(place: int) -> list[Column]:
    cells = [row[place] for row in ROWS]
    view = block().columns()[place]
    backwards = TextColumn(cells[::-1])
    return [
        TextColumn(cells),
        view,
        CleanBlock.packed([list(column) for column in zip(*ROWS, strict=True)]).columns()[place],
        JoinedColumn([view]),
        JoinedColumn([TextColumn(cells[:1]), TextColumn([]), TextColumn(cells[1:])]),
        TakenColumn(backwards, np.array([3, 2, 1, 0])),
        TakenColumn(JoinedColumn([view, view]), np.array([4, 5, 6, 7])),
    ]


@pytest.mark.parametrize("place", range(3))
def test_every_way_to_hold_a_column_gives_the_same_cells_and_numbers(place: int) -> None:
    cells = [row[place] for row in ROWS]
    numbers = TextColumn(cells).plain_numbers()
    for column in ways_to_hold(place):
        assert len(column) == 4
        assert column.cells() == cells
        assert np.array_equal(column.plain_numbers(), numbers, equal_nan=True)
        for rows in ([], [2], [0, 3], [3, 0, 0]):
            assert column.pick(np.array(rows, dtype=np.int64)) == [cells[row] for row in rows]


@pytest.mark.parametrize("text", ["1,2\n3\n", "1,2\n3,4,5\n", "1,2\n3\n4,5,6\n", "1\n,2,3\n"])
def test_a_block_with_an_uneven_line_is_not_clean(text: str) -> None:
    assert CleanBlock.scan(text.encode(), ",", 2) is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('"1","2"\n"3","4"\n', [("1", "2"), ("3", "4")]),
        ('"ä",2\n3,"€ 4"\n', [("ä", "2"), ("3", "€ 4")]),
        ('"",""\n"1,5",";"\n,""\n', [("", ""), ("1,5", ";"), ("", "")]),
        ('" a","b "\n', [(" a", "b ")]),
        ('"1","2"\n"3"\n', None),
        ('"1,2"\n"3,4"\n', None),
        ('"a""b",2\n', None),
        ('"""",2\n', None),
        ('"a\nb",2\n', None),
        ('"a,2\n"b",3\n', None),
        ('a"b",2\n', None),
        ('"a"b,2\n', None),
        ('"a",b"\n', None),
        ('"a" ,2\n', None),
    ],
)
def test_quotes_around_whole_cells_are_taken_out(text: str, rows: list[tuple[str, str]] | None) -> None:
    found = CleanBlock.scan(text.encode(), ",", 2)
    assert (found is None) == (rows is None)
    if found is not None:
        assert list(zip(*(column.cells() for column in found.columns()), strict=True)) == rows
        assert found.text.nbytes == len(text.encode()) - text.count('"')


cells = st.text(st.sampled_from('ab1,;" \nä'), max_size=4)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6), st.booleans())
def test_what_is_cut_at_once_is_what_the_csv_module_reads(
    rows: list[tuple[str, str]], all_of_them: bool
) -> None:
    buffer = io.StringIO()
    quoting = csv.QUOTE_ALL if all_of_them else csv.QUOTE_MINIMAL
    csv.writer(buffer, lineterminator="\n", quoting=quoting).writerows(rows)
    found = CleanBlock.scan(buffer.getvalue().encode(), ",", 2)
    if found is not None:
        assert list(zip(*(column.cells() for column in found.columns()), strict=True)) == rows
    assert found is not None or any(mark in cell for row in rows for cell in row for mark in '"\n')


def test_blocks_moved_to_a_file_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqcli.large.LARGE", 1)
    moved, other = block(), block()
    CleanBlock.shelve([moved, other])
    assert moved.text.base is not None
    assert moved.text.base is other.text.base
    for column, wanted in zip(moved.columns() + other.columns(), 2 * block().columns(), strict=True):
        assert column.cells() == wanted.cells()
        assert same(column.plain_numbers(), wanted.plain_numbers().tolist())
