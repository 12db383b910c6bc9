"""Made series: daily prices of a stated process, and labelled motions of a sensor."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from typing import TypeAlias

PriceRow: TypeAlias = tuple[str, str, str, str, str, int]
"""(date, open, high, low, close, volume)"""
SensorRow: TypeAlias = tuple[int, int, str, str, str, str]
"""(sequence, step, x, y, z, label)"""

MOTIONS = ("circle", "reverse", "shake", "settle", "wake")


def prices(days: int = 1300, seed: int = 11) -> list[PriceRow]:
    """Return ``days`` trading days from January 2020 on, without weekends and holidays.

    The log price x follows x' = x + drift + phi (x - x_before) + pull (level - x) + s e with e normal:
    returns that carry on a little (phi .35) and are drawn back to a slowly rising level. The
    standard deviation s follows its own past, so that calm and nervous weeks alternate:
    s'^2 = .05 s0^2 + .85 s^2 + .10 r^2. Volume rises with the size of the move and on Fridays.
    """
    rng = random.Random(seed)
    drift, carry, pull, base = 0.0003, 0.35, 0.02, 0.011
    log_price, last_return, spread, level = math.log(100.0), 0.0, base, math.log(100.0)
    rows: list[PriceRow] = []
    for day in _trading_days(date(2020, 1, 2), days):
        level += drift
        step = drift + carry * last_return + pull * (level - log_price) + spread * rng.gauss(0, 1)
        opened = math.exp(log_price + spread * 0.3 * rng.gauss(0, 1))
        log_price, last_return = log_price + step, step
        spread = math.sqrt(0.05 * base**2 + 0.85 * spread**2 + 0.10 * step**2)
        closed = math.exp(log_price)
        high = max(opened, closed) * (1 + abs(rng.gauss(0, spread * 0.4)))
        low = min(opened, closed) * (1 - abs(rng.gauss(0, spread * 0.4)))
        friday = 1.15 if day.weekday() == 4 else 1.0
        volume = int(1e6 * friday * math.exp(8 * abs(step) + 0.2 * rng.gauss(0, 1)))
        rows.append((day.isoformat(), f"{opened:.2f}", f"{high:.2f}", f"{low:.2f}", f"{closed:.2f}", volume))
    return rows


def _trading_days(start: date, count: int) -> list[date]:
    """Weekdays from ``start`` on that are no holiday of the made exchange."""
    days: list[date] = []
    day = start
    while len(days) < count:
        if day.weekday() < 5 and not _is_holiday(day):
            days.append(day)
        day += timedelta(days=1)
    return days


def _is_holiday(day: date) -> bool:
    """New Year, Christmas and the day after, the last Monday of May, the first Monday of September."""
    fixed = (day.month, day.day) in {(1, 1), (12, 25), (12, 26)}
    monday = day.weekday() == 0
    last_in_may = monday and day.month == 5 and day.day > 24
    first_in_september = monday and day.month == 9 and day.day <= 7
    return fixed or last_in_may or first_in_september


def sensor(sequences: int = 400, seed: int = 13) -> list[SensorRow]:
    """Return motions of 20 to 60 steps in long form: one row a step, one label a sequence.

    Circle and reverse visit the same points in opposite order, as do wake (ever faster and larger)
    and settle (its mirror in time): averages over time cannot tell them apart, order can.
    """
    rng = random.Random(seed)
    rows: list[SensorRow] = []
    for sequence in range(1, sequences + 1):
        label = MOTIONS[rng.randrange(len(MOTIONS))]
        steps = rng.randrange(20, 61)
        points = _motion(rng, label, steps)
        for step, (x, y, z) in enumerate(points, start=1):
            rows.append((sequence, step, f"{x:.3f}", f"{y:.3f}", f"{z:.3f}", label))
    return rows


def _motion(rng: random.Random, label: str, steps: int) -> list[tuple[float, float, float]]:
    """One noisy motion as (x, y, z) per step."""
    turns, phase, size = rng.uniform(1.5, 3.0), rng.uniform(0, 2 * math.pi), rng.uniform(0.7, 1.3)
    points: list[tuple[float, float, float]] = []
    for step in range(steps):
        share = step / (steps - 1)
        angle = phase + 2 * math.pi * turns * share
        if label in ("circle", "reverse"):
            points.append((size * math.cos(angle), size * math.sin(angle), 0.2))
        elif label == "shake":
            points.append((size * math.cos(4 * angle), 0.3 * math.sin(angle), 0.0))
        else:
            grown = size * share * math.sin(phase + 2 * math.pi * turns * 2 * share**2)
            points.append((grown, 0.5 * grown, 0.2 * share))
    if label in ("reverse", "settle"):
        points.reverse()
    return [(x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1), z + rng.gauss(0, 0.1)) for x, y, z in points]
