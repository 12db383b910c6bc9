"""Hours in which clocks are set, by the time zone database; changes of frequency on generated rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from seqcli.preprocessing.changes import Change, clocks_turned, frequency_change
from seqcli.preprocessing.frequency import DAY, HOUR, MINUTE, WEEK


def micro(stamps: pd.DatetimeIndex) -> np.ndarray:
    return stamps.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)


def local(zone: str, freq: str = "h") -> np.ndarray:
    """Local clock times of three years, as a file without zones has them."""
    return micro(pd.date_range("2021-01-01", "2024-01-01", freq=freq, tz="UTC").tz_convert(zone))


ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Helsinki",
    "America/New_York",
    "Australia/Sydney",
    "Pacific/Auckland",
]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("freq", ["h", "15min"])
def test_doubled_and_missing_hours_are_where_clocks_are_set(zone: str, freq: str) -> None:
    times = local(zone, freq)
    found, counts = np.unique(times, return_counts=True)
    twice = found[counts == 2]
    assert len(twice) == 3 * (1 if freq == "h" else 4)
    assert clocks_turned(twice).tolist() == twice.tolist()
    step = HOUR if freq == "h" else 15 * MINUTE
    whole = np.arange(found[0], found[-1] + step, step)
    missing = np.setdiff1d(whole, found)
    assert len(missing) == 3 * (1 if freq == "h" else 4)
    assert clocks_turned(missing).tolist() == missing.tolist()


def test_other_moments_are_no_turned_clocks() -> None:
    noon = micro(pd.DatetimeIndex(["2024-10-27 12:00", "2024-10-28 02:00", "2024-10-27 04:00"]))
    assert len(clocks_turned(noon)) == 0
    often = micro(pd.date_range("2024-03-03 02:00", periods=5, freq="7D"))
    assert len(clocks_turned(often)) == 0  # that is a failing file, not a clock
    assert len(clocks_turned(noon[:0])) == 0


def dated(*parts: tuple[str, int, str]) -> np.ndarray:
    return np.unique(
        np.concatenate([micro(pd.date_range(start, periods=n, freq=f)) for start, n, f in parts])
    )


def test_a_change_of_frequency_is_found_where_it_happens() -> None:
    times = dated(("2022-01-03", 200, "D"), ("2022-07-25", 60, "7D"))
    last = int(micro(pd.DatetimeIndex(["2022-07-21"]))[0])
    assert frequency_change([times]) == Change(last, DAY, WEEK)
    hours = dated(("2022-01-03", 400, "h"), ("2022-01-19 16:00", 800, "15min"))
    last = int(micro(pd.DatetimeIndex(["2022-01-19 16:00"]))[0])
    assert frequency_change([hours]) == Change(last, HOUR, 15 * MINUTE)
    weekdays = dated(("2022-01-03", 200, "B"), ("2022-10-12", 60, "7D"))
    change = frequency_change([weekdays])
    assert change is not None
    assert (change.before, change.after) == (DAY, WEEK)
    assert frequency_change([hours[:300], times]) == frequency_change([times])


def test_no_change_is_seen_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    for times in (
        dated(("2022-01-03", 300, "D")),
        dated(("2022-01-03", 300, "B")),
        dated(("2010-01-31", 100, "ME")),
        dated(("2022-01-03", 100, "D"), ("2022-06-03", 100, "D")),  # a hole
        dated(("2022-01-03", 4, "7D"), ("2022-02-03", 100, "D")),  # too few to say
        *(np.cumsum(rng.exponential(HOUR, size=300).astype(np.int64) + 1) for _ in range(20)),
    ):
        assert frequency_change([times]) is None
    assert frequency_change([]) is None
