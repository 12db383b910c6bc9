"""ISO dates of many cells at once: ``2024-03-05``, ``2024-03-05 14:30``, ``2024-03-05T14:30:00.25``.

Most files write their dates like this, all of one length. A column of them is read from its bytes, without a
string for each cell: for ten million rows that is seconds and a gigabyte less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.datetime64]

_DATE, _MINUTE, _SECOND = 10, 16, 19
LENGTHS = (_DATE, _MINUTE, _SECOND, *range(_SECOND + 2, _SECOND + 8))
"""Characters of a date, one with minutes, with seconds, and with one to six digits of a second."""
_MARKS = ((4, b"-"), (7, b"-"), (10, b" T"), (13, b":"), (16, b":"), (19, b"."))
"""Where the signs between the digits stand, and which they may be."""


class IsoStamps(NamedTuple):
    """What was read of N cells."""

    stamps: Moments
    """(N,) datetime64[us], NaT where a cell is no ISO date."""
    clock: NDArray[np.bool_]
    """(N,) whether a time of day is written."""


def iso_stamps(
    characters: NDArray[np.uint8], starts: NDArray[np.integer], ends: NDArray[np.integer]
) -> IsoStamps:
    """The stamps (N,) of the cells ``characters[starts[i]:ends[i]]``.

    Neither a zone nor a space around a cell is read, and no day that is not in the calendar.
    """
    stamps = np.full(len(starts), np.datetime64("NaT", "us"))
    lengths = ends - starts
    for length in LENGTHS:
        rows = np.flatnonzero(lengths == length)
        if len(rows):
            windows = np.ndarray(len(characters) - length + 1, f"V{length}", characters, strides=1)
            stamps[rows] = _of_length(windows[starts[rows]].view(np.uint8).reshape(-1, length))
    return IsoStamps(stamps, (lengths > _DATE) & ~np.isnat(stamps))


def _of_length(cells: NDArray[np.uint8]) -> Moments:
    """Moments (M,) of cells of one length, (M, L) characters."""
    length = cells.shape[1]
    good = np.ones(len(cells), dtype=bool)
    for place, signs in _MARKS:
        if place < length:
            good &= np.isin(cells[:, place], np.frombuffer(signs, np.uint8))
    marks = [place for place, _ in _MARKS if place < length]
    digits = np.delete(cells, marks, axis=1) - ord("0")  # (M, D); what is no digit wraps above 9
    good &= (digits <= 9).all(axis=1)
    year, month, day = (_number(digits[:, begin:end]) for begin, end in ((0, 4), (4, 6), (6, 8)))
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    dates = first.astype("datetime64[D]") + (day - 1)
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (dates.astype("datetime64[M]") == first)
    stamps = dates.astype("datetime64[us]")
    if length > _DATE:
        hour, minute, second = (_number(digits[:, begin : begin + 2]) for begin in (8, 10, 12))
        fraction = _number(digits[:, 14:]) * 10 ** (20 - digits.shape[1])
        good &= (hour < 24) & (minute < 60) & (second < 60)
        stamps += ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction % 1_000_000
    return np.where(good, stamps, np.datetime64("NaT", "us"))


def _number(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Numbers (M,) of their digits (M, D), the first counting most; 0 without digits."""
    number = np.zeros(len(digits), dtype=np.int64)
    for column in digits.T:
        number *= 10
        number += column
    return number
