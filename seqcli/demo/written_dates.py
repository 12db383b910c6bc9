"""Dates as people write them, and as ISO 8601 has them: pairs that are learnt character by character."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST, SPAN = date(1950, 1, 1), 36_500
"""The first day, and how many may be drawn."""
FORMS: tuple[Callable[[date], str], ...] = (
    lambda day: f"{day.day} {MONTHS[day.month - 1]} {day.year}",
    lambda day: f"{MONTHS[day.month - 1]} {day.day}, {day.year}",
    lambda day: f"{MONTHS[day.month - 1][:3]} {day.day} {day.year}",
    lambda day: f"{day.day} {MONTHS[day.month - 1][:3].lower()} {day.year}",
    lambda day: f"{day.day}.{day.month}.{day.year}",
    lambda day: f"{day.day:02d}/{day.month:02d}/{day.year}",
    lambda day: f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}",
    lambda day: f"{MONTHS[day.month - 1].upper()} {day.day} {day.year}",
)
"""The ways in which a day is written; in all of those in numbers the day stands ahead of the month."""


SHORT = (FORMS[3], FORMS[2], FORMS[4])
"""Those of the tour, which are learnt in a few seconds."""
ASKED = ("3 may 1999", "Dec 24 2031", "1.11.1972")
"""Written as those are."""


def days() -> list[tuple[str, str]]:
    """Days for the tour, in the forms of :data:`SHORT`, without those of :data:`ASKED`."""
    return [pair for pair in dates(2400, 11, SHORT) if pair[0] not in ASKED]


def dates(rows: int, seed: int = 0, forms: Sequence[Callable[[date], str]] = FORMS) -> list[tuple[str, str]]:
    """``rows`` different ways to write days, each with the day in ISO 8601."""
    rng = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < rows:
        day = FIRST + timedelta(days=rng.randrange(SPAN))
        found.setdefault(rng.choice(forms)(day), day.isoformat())
    return list(found.items())
