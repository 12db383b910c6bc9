"""Numbers as people write them, decided over the column."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.readers.columns import TextColumn
from seqcli.readers.numbers import MISSING, NumberForm, Numbers, is_missing, read_numbers


def read(cells: list[str], form: NumberForm | None = None) -> Numbers:
    return read_numbers(TextColumn(cells), np.arange(2, 2 + len(cells)), form)


@pytest.mark.parametrize(
    ("cells", "values", "notes"),
    [
        (["1", "-2.5", "+3", "1e3", "5."], [1, -2.5, 3, 1000, 5], ()),
        (["4,787,699", "12.5"], [4787699, 12.5], ("thousands separator ','",)),
        (["12,34,567", "1"], [1234567, 1], ("thousands separator ','",)),
        (["1'234.5", "2’000"], [1234.5, 2000], ('thousands separator "\'"',)),
        (["1 234,5", "2\u00a0000"], [1234.5, 2000], ("decimal comma", "thousands separator ' '")),
        (["0,5", "1,25", "3"], [0.5, 1.25, 3], ("decimal comma",)),
        (["1.234", "1.234,5"], [1234, 1234.5], ("decimal comma", "thousands separator '.'")),
        (["0,5", "1,234"], [0.5, 1.234], ("decimal comma",)),
        (["1,234", "5,678"], [1234, 5678], ("thousands separator ','",)),
        (
            ["$1,200.50", "-$3", "$-4", "(5.5)"],
            [1200.5, -3, -4, -5.5],
            ("thousands separator ','", "currency $"),
        ),
        (["12 EUR", "13.5 EUR"], [12, 13.5], ("currency EUR",)),
        (["12 %", "3.5%"], [12, 3.5], ("percent",)),
        (["31.45M", "300K", "1.2B"], [31.45e6, 300e3, 1.2e9], ("K, M, B as thousands, millions, billions",)),
        (["\u22125", "1"], [-5, 1], ()),
        (["007", "08"], [7, 8], ()),
    ],
)
def test_forms_are_read_and_said(cells: list[str], values: list[float], notes: tuple[str, ...]) -> None:
    numbers = read(cells)
    assert numbers.values.tolist() == values
    assert numbers.notes == notes
    assert not numbers.bad


@pytest.mark.parametrize("cell", [*sorted(MISSING), "NA", "N/A", "NaN", "None", " null ", "Nil"])
def test_what_says_there_is_no_value_is_missing_not_bad(cell: str) -> None:
    numbers = read(["1", cell])
    assert numbers.missing.tolist() == [False, True]
    assert math.isnan(numbers.values[1])
    assert not numbers.bad
    assert is_missing(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "1_000",
        "１２",
        "0x10",
        "1.2.3",
        "--3",
        "-(3)",
        "(3",
        "3)",
        "1e",
        "e5",
        "1 2",
        "12:30",
        "$",
        "%",
        "1,23,4",
        "a",
    ],
)
def test_what_is_no_number_is_named_with_its_row(cell: str) -> None:
    bad = read(["1.5", "2.5", cell]).bad
    assert [(found.record, found.text, found.row) for found in bad] == [(4, cell, 2)]


def test_only_one_currency_a_column() -> None:
    numbers = read(["$1", "$2", "€3"])
    assert [cell.text for cell in numbers.bad] == ["€3"]
    assert np.isnan(numbers.values[2])


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400", "+INF"])
def test_infinite_cells_stay_infinite_for_the_roles_to_refuse(cell: str) -> None:
    assert np.isinf(read(["1", cell]).values[1])


def test_a_given_form_is_kept() -> None:
    comma = NumberForm(decimal=",")
    assert read(["1.234", "5"], comma).values.tolist() == [1234, 5]
    assert read(["1,234", "5"], NumberForm()).values.tolist() == [1234, 5]
    assert [cell.text for cell in read(["€5"], NumberForm(currency="$")).bad] == ["€5"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_python_floats_read_back_exactly(values: list[float]) -> None:
    assert read([repr(value) for value in values]).values.tolist() == values


@given(st.lists(st.floats(-1e9, 1e9).map(lambda value: round(value, 2)), min_size=1))
def test_grouped_numbers_read_back_exactly(values: list[float]) -> None:
    assert read([f"{value:,.2f}" for value in values]).values.tolist() == values
    german = [f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in values]
    assert read(german).values.tolist() == values


def test_a_form_survives_json_and_nonsense_is_refused() -> None:
    form = read(["$1.234,5", "3 %"]).form
    assert form.decimal == ","
    assert NumberForm.from_json(form.to_json()) == form
    for wrong in ({"decimal": "x"}, {"percent": "yes"}, {"colour": 1}, {"thousands": 3}):
        with pytest.raises((TypeError, ValueError)):
            NumberForm.from_json(wrong)


def test_an_empty_column() -> None:
    assert len(read([]).values) == 0
