"""Spans of time as they are typed ("15min", "1h", "1mo"), and the stamps that lie so far apart."""

from __future__ import annotations

import re

import numpy as np

from seqcli.readers.dates import StampArray
from seqcli.sequences import IntArray

_UNITS = {
    "s": ("us", 1_000_000),
    "min": ("us", 60_000_000),
    "h": ("us", 3_600_000_000),
    "d": ("us", 86_400_000_000),
    "w": ("us", 604_800_000_000),
    "mo": ("M", 1),
    "q": ("M", 3),
    "y": ("M", 12),
}
"""Microseconds or months in each unit."""
_MOST = 1000


def parse_every(text: str) -> tuple[int, str]:
    """How many of which unit a span is: "15min" → (900000000, "us"), "1q" → (3, "M").

    Raises ValueError where it is none.
    """
    match = re.fullmatch(r"(\d*)\s*([a-z]+)", text.strip().lower(), re.ASCII)
    number = int(match[1] or 1) if match and len(match[1]) < 6 else 0
    if match is None or match[2] not in _UNITS or not 1 <= number <= _MOST:
        raise ValueError(f"{text!r} is no span of time", "such as 15min, 1h, 1d, 1w, 1mo (a month), 1q or 1y")
    unit, size = _UNITS[match[2]]
    return number * size, unit


def stamps_after(starts: StampArray, steps: IntArray, every: str) -> StampArray:
    """The stamps (N,) that lie ``steps`` (N,) spans behind ``starts`` (N,).

    A month later is the same day of the next month, or its last day where it is shorter.
    """
    count, unit = parse_every(every)
    if unit == "us":
        return np.asarray(starts + steps * np.timedelta64(count, "us"))
    months = starts.astype("datetime64[M]")
    within = starts - months.astype("datetime64[us]")
    day, clock = within.astype("timedelta64[D]"), within - within.astype("timedelta64[D]")
    later = months + steps * count
    longest = (later + 1).astype("datetime64[D]") - later.astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.asarray(
        (later.astype("datetime64[D]") + np.minimum(day, longest)).astype("datetime64[us]") + clock
    )
