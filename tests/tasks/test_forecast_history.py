"""What is held of a series equals what its whole file would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.preprocessing.calendar import Calendar
from seqcli.tasks.forecasting.history import History
from seqcli.tasks.forecasting.running import RunningScale
from seqcli.tasks.forecasting.scaling import SeriesScaling

CELL = st.one_of(
    st.none(), st.just(0.0), st.floats(-50, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))
)


@pytest.mark.parametrize("scaler", ["standard", "minmax"])
@given(cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_a_running_scale_is_the_scale_of_all_rows(scaler, cells) -> None:
    values = np.array([[np.nan if cell is None else cell for cell in row] for row in cells])
    logs = np.array([True, False])
    running = RunningScale(logs)
    for row in values:
        running = running.plus(row)
    fitted = SeriesScaling.fit(scaler, [""], [values], logs)
    shift, scale, floor = running.fitted(fitted.scaler)
    assert floor == pytest.approx(fitted.floor[0], rel=1e-12)
    assert shift == pytest.approx(fitted.shift[0], rel=1e-9, abs=1e-9)
    assert scale == pytest.approx(fitted.scale[0], rel=1e-7)


def held(stamps, steps: int, calendar: Calendar) -> History:
    scaling = SeriesScaling.fit("standard", [""], [np.arange(8.0)[:, None]])
    history = History((), steps, calendar, scaling, 0)
    for number, stamp in enumerate(stamps):
        assert history.add(stamp, np.array([float(number)]))
    return history


def test_a_hole_is_filled_by_the_days_with_rows_not_by_the_rows() -> None:
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]").astype("datetime64[us]")
    calendar = Calendar.fit(days)
    twice = np.sort(np.concatenate([days, days + np.timedelta64(30, "m")]))
    for hole in (10, 11, 12, 13):
        stamps = np.append(twice, days[-1] + np.timedelta64(hole + 1, "D"))
        expected = len(calendar.gaps(stamps))
        assert expected == (hole if hole <= 10 else 0)
        found, _ = held(stamps, 20, calendar).newest(20)
        whole = np.sort(np.concatenate([stamps, calendar.gaps(stamps)]))
        assert (found == whole[-21:]).all()


def test_holes_that_outweigh_the_rows_are_left_open() -> None:
    """Hourly data of which one row a day is there: filled, it would be nearly all gaps."""
    hours = np.arange("2024-01-01", "2024-02-01", dtype="datetime64[h]").astype("datetime64[us]")
    calendar = Calendar.fit(hours)
    days = np.arange("2024-01-01", "2025-03-01", dtype="datetime64[D]").astype("datetime64[us]")
    for count in (100, 239, 241, 250, 420):
        assert not len(calendar.gaps(days[:count]))
        assert (held(days[:count], 12, calendar).newest(12)[0] == days[count - 13 : count]).all()


def test_lengths_of_holes_are_not_kept_without_end() -> None:
    calendar = Calendar.fit(np.arange(100.0))
    stamps = np.cumsum(np.arange(1, 2500, dtype=np.float64) + 11)
    assert len(held(stamps, 5, calendar)._waiting) <= 1000


def test_a_row_that_is_not_newer_is_not_taken() -> None:
    history = held(np.arange(5.0), 3, Calendar.fit(np.arange(9.0)))
    before = history.newest(3)
    assert not history.add(4.0, np.array([9.0]))
    assert not history.add(2.0, np.array([9.0]))
    assert history.rows == 5
    assert all((now == then).all() for now, then in zip(history.newest(3), before, strict=True))
