"""Numbers of equal cells and rows, against a dictionary of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.readers import alike
from seqcli.readers.alike import code_cells, in_order_of_appearance, together
from seqcli.readers.columns import CleanBlock, JoinedColumn, TakenColumn, TextColumn

CELLS = st.lists(st.sampled_from(["", "a", "b", "ab", "ba", "b ", "é", "x" * 70, "store 10", "store 01"]))


def by_dictionary(cells: list[str]) -> tuple[list[int], list[str]]:
    known: dict[str, int] = {}
    return [known.setdefault(cell.strip(), len(known)) for cell in cells], list(known)


@given(CELLS, CELLS)
def test_codes_are_those_of_a_dictionary(first: list[str], second: list[str]) -> None:
    blocks = [
        CleanBlock.scan("".join(f"{cell},0\n" for cell in part).encode(), ",", 2) for part in (first, second)
    ]
    joined = JoinedColumn([block.columns()[0] for block in blocks if block is not None])
    rows = np.arange(len(joined))[::-2].copy()
    for column in (joined, TakenColumn(joined, rows), TextColumn(first + second)):
        codes, texts = column.codes()
        assert (codes.tolist(), texts) == by_dictionary(column.cells())


def test_two_texts_of_one_sum_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    characters = np.frombuffer(b"abba", np.uint8)
    starts, ends = np.array([0, 2]), np.array([2, 4])
    assert code_cells(characters, starts, ends) is not None

    class Same:
        def integers(self, *_: object, size: int, **__: object) -> np.ndarray:
            return np.ones(size, dtype=np.uint64)

    monkeypatch.setattr(alike.np.random, "default_rng", lambda _: Same())
    assert code_cells(characters, starts, ends) is None


@given(st.lists(st.integers(-5, 5)))
def test_keys_are_numbered_as_they_come(keys: list[int]) -> None:
    known: dict[int, int] = {}
    wanted = [known.setdefault(key, len(known)) for key in keys]
    assert in_order_of_appearance(np.array(keys, dtype=np.int64)).tolist() == wanted


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 2**40, 2**62]), st.sampled_from([0, 2**61])))
)
def test_rows_are_alike_where_all_columns_are(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array([row[at] for row in rows], dtype=np.int64) for at in range(3)]
    numbers = together(columns, len(rows)).tolist()
    assert len(set(numbers)) == len(set(rows)) == len(set(zip(numbers, rows, strict=True)))
