"""ISO dates read from bytes, against the standard library's reading of each."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.readers.columns import CleanBlock, JoinedColumn, TakenColumn, TextColumn

SHAPES = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
NO_DATES = (
    "", "2023-02-29", "2023-13-01", "2023-00-10", "2023-01-00", "2023-01-01 24:00", "2023-01-01 10:60",
    "2023-01-01 10:00:61", "2023-01-01Z", " 2023-01-01", "2023/01/01", "2023-1-1", "20230101", "2023-01-0a",
    "0000-01-01", "2023-01-01 10:00+02:00", "2023-01-01 10:00:00.1234567", "２０２３-01-01",
)  # fmt: skip


@given(st.lists(st.tuples(st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1)), st.sampled_from(SHAPES))))
def test_each_cell_is_what_the_library_reads(moments: list[tuple[datetime, str]]) -> None:
    cells = [moment.strftime(shape) for moment, shape in moments]
    stamps, clock = TextColumn(cells).iso_stamps()
    assert stamps.tolist() == [datetime.fromisoformat(cell) for cell in cells]
    assert clock.tolist() == [len(cell) > 10 for cell in cells]


@pytest.mark.parametrize("cell", NO_DATES)
def test_what_is_no_iso_date_is_left_to_the_other_reading(cell: str) -> None:
    stamps, clock = TextColumn([cell, "2023-02-28"]).iso_stamps()
    assert np.isnat(stamps).tolist() == [True, False]
    assert not clock.any()


@pytest.mark.parametrize("digits", range(1, 7))
def test_digits_of_a_second_count_from_the_point(digits: int) -> None:
    cell = "2023-01-01 10:00:00." + "123456"[:digits]
    assert TextColumn([cell]).iso_stamps().stamps[0].astype(object) == datetime.fromisoformat(
        "2023-01-01T10:00:00." + "123456"[:digits].ljust(6, "0")
    )


def test_blocks_joined_and_taken_say_the_same_as_their_cells() -> None:
    days = [f"{datetime(2024, 1, 1) + timedelta(hours=7 * step):%Y-%m-%d %H:%M}" for step in range(40)]
    days[3] = "soon"
    halves = ["".join(f"{day},{step}\n" for step, day in enumerate(part)) for part in (days[:20], days[20:])]
    blocks = [CleanBlock.scan(half.encode(), ",", 2) for half in halves]
    joined = JoinedColumn([block.columns()[0] for block in blocks if block is not None])
    rows = np.array([5, 3, 39, 5, 20])
    for column, cells in (
        (joined, days),
        (TakenColumn(joined, rows), [days[row] for row in rows]),
        (TakenColumn(joined, rows[:2]), [days[5], days[3]]),
    ):
        for found, wanted in zip(column.iso_stamps(), TextColumn(cells).iso_stamps(), strict=True):
            np.testing.assert_array_equal(found, wanted)
