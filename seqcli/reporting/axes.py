"""Axes of a drawn figure: which numbers and moments are marked, and what they are called.

Everything here is a pure function of plain values, shared by all that draws in pixels.
"""

from __future__ import annotations

import math
import sys
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeAlias

Stamp: TypeAlias = datetime | float
"""A moment, or the number of a step."""

SMALLEST_SPAN = 1e-290
"""Differences below this are lost when they are divided."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FRACTION, _SECOND, _MINUTE, _DAY, _MONTH, _YEAR = range(6)
"""How fine a label is."""
_BETWEEN = 12.0
"""Pixels that stay free between two labels."""
LABEL_SIZE = 11.0
"""Height of the letters of an axis in pixels."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where (a value, or a step counted from 0), its label, and a second line below."""

    at: float
    label: str
    below: str = ""


# ---- numbers


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of one axis are written: fixed decimals with thousands apart, or with an exponent."""

    decimals: int
    exponent: bool = False

    @classmethod
    def of(cls, step: float, largest: float) -> NumberForm:
        """The form in which values of up to ``largest`` that lie ``step`` apart can be told apart."""
        size = math.floor(math.log10(step) + 1e-9)
        digits = step / 10.0**size if -308 < size < 308 and step < 1e308 else 1.0  # 1, 2, 2.5 or 5
        decimals = -size + (abs(digits - round(digits)) > 1e-6)
        if largest and not 1e-4 <= largest < 1e12:
            return cls(min(max(0, math.floor(math.log10(largest)) + decimals), 15), exponent=True)
        return cls(min(max(0, decimals), 15))

    def text(self, value: float) -> str:
        """``value`` as it is written: "1,250,000", "0.05", "1.5e14", "–" for a gap."""
        if not math.isfinite(value):
            return "–"
        if self.exponent and value:
            mantissa, power = f"{value:.{self.decimals}e}".split("e")
            return f"{mantissa}e{int(power)}"
        text = f"{value:,.{self.decimals}f}"
        return text.removeprefix("-") if not text.strip("-0.,") else text

    def finer(self, digits: int) -> NumberForm:
        """The same form with more digits."""
        return NumberForm(min(self.decimals + digits, 15), self.exponent)


def value_range(values: Sequence[float], margin: float = 0.05) -> tuple[float, float]:
    """The lowest and the highest value of an axis that shows the finite ``values``, with a margin.

    Equal values stand in the middle; without any the axis goes from 0 to 1.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    largest = max(abs(low), abs(high))
    if high / 2 - low / 2 <= max(largest * 1e-13, SMALLEST_SPAN):
        room = largest * 0.05 if largest > 1e-280 else 1.0
        return low - room, high + room
    room = min(margin * (high / 2 - low / 2) * 2, sys.float_info.max)
    return max(low - room, -sys.float_info.max), min(high + room, sys.float_info.max)


def number_ticks(low: float, high: float, most: int, whole: bool = False) -> tuple[list[Tick], NumberForm]:
    """About ``most`` round numbers from ``low`` to ``high``, and the form that they are written in."""
    rough = high / most - low / most
    power = 10.0 ** math.floor(math.log10(rough))
    factors = (1, 2, 2.5, 5, 10) if not whole or power >= 10 else (1, 2, 5, 10)
    step = next(factor * power for factor in factors if factor * power >= rough * (1 - 1e-9))
    step = max(step, 1.0) if whole else step
    form = NumberForm.of(step, max(abs(low), abs(high)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [Tick(n * step, form.text(n * step)) for n in range(first, last + 1)], form


# ---- time


def step_ticks(stamps: Sequence[Stamp], width: float) -> list[Tick]:
    """Marks for a time axis of ``width`` pixels on which the steps stand at equal distances.

    Dates are marked where a year, a month, a week, a day, an hour … begins, whatever leaves room for the
    labels; numbers where they are round.
    """
    moments = [stamp for stamp in stamps if isinstance(stamp, datetime)]
    numbers = [float(stamp) for stamp in stamps if not isinstance(stamp, datetime)]
    if len(moments) > 1:
        return _date_ticks(moments, width / (len(moments) - 1))
    return _numbered_ticks(numbers, width) if len(numbers) > 1 else []


def _numbered_ticks(numbers: Sequence[float], width: float) -> list[Tick]:
    """Round numbers where they lie between the steps."""
    whole = all(number.is_integer() for number in numbers)
    low, high = numbers[0], numbers[-1]
    if not high > low:
        return []
    for most in range(10, 0, -1):
        ticks, _ = number_ticks(low, high, most, whole)
        placed = [Tick(_place(numbers, tick.at), tick.label) for tick in ticks]
        if len(placed) < 2 or _fits(placed, width / (len(numbers) - 1)):
            break
    return _thinned(placed, width / (len(numbers) - 1))


def _place(numbers: Sequence[float], value: float) -> float:
    """Where ``value`` lies among rising ``numbers``, counted in steps."""
    right = min(max(bisect_left(numbers, value), 1), len(numbers) - 1)
    left, distance = numbers[right - 1], numbers[right] - numbers[right - 1]
    return min(max(right - 1 + (value - left) / distance if distance > 0 else right, 0), len(numbers) - 1)


_Cell: TypeAlias = Callable[[datetime], Any]


def _clock(seconds: int) -> _Cell:
    """Cells of some seconds within a day."""
    return lambda moment: (
        moment.toordinal(),
        (moment.hour * 3600 + moment.minute * 60 + moment.second) // seconds,
    )


def _days(count: int) -> _Cell:
    """Cells of some days, the first of which is a Monday where they are weeks."""
    return lambda moment: (moment.toordinal() - 1) // count


def _months(count: int) -> _Cell:
    return lambda moment: (moment.year * 12 + moment.month - 1) // count


_UNITS: tuple[tuple[int, _Cell], ...] = (
    *((_SECOND, _clock(seconds)) for seconds in (1, 5, 15, 30)),
    *((_MINUTE, _clock(60 * minutes)) for minutes in (1, 5, 15, 30, 60, 180, 360, 720)),
    *((_DAY, _days(days)) for days in (1, 7, 14)),
    *((_MONTH, _months(months)) for months in (1, 3, 6)),
    *((_YEAR, _months(12 * years)) for years in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""How fine the labels of a unit are at most, and which moments share a cell of it; the finest first."""


def _date_ticks(moments: Sequence[datetime], pixels: float) -> list[Tick]:
    """The finest unit whose labels have room; single steps where the file is finer than any of them."""
    for level, cell in _UNITS:
        cells = [cell(moment) for moment in moments]
        # The first step begins a cell only if the one before it would have lain in another.
        before = cell(moments[0] - (moments[1] - moments[0])) if _has_before(moments) else cells[0]
        begins = [at for at, (left, right) in enumerate(pairwise([before, *cells])) if left != right]
        ticks = _dated(moments, begins, level)
        if len(ticks) >= 2 and _fits(ticks, pixels):
            return _thinned(ticks, pixels)
        if len(ticks) < 2:
            break
    for apart in range(1, len(moments) + 1):
        ticks = _dated(moments, range(0, len(moments), apart), _FRACTION)
        if _fits(ticks, pixels):
            return ticks
    return ticks


def _has_before(moments: Sequence[datetime]) -> bool:
    """Whether one more step before the first lies in the calendar."""
    return moments[0] - datetime.min > moments[1] - moments[0]


def _dated(moments: Sequence[datetime], places: Sequence[int], level: int) -> list[Tick]:
    """Ticks at some places, with labels at least as coarse as ``level``; a second line where it changes."""
    level = max(level, _finest([moments[at] for at in places]))
    ticks: list[Tick] = []
    last = ""
    for at in places:
        label, below = _name(moments[at], level)
        ticks.append(Tick(float(at), label, "" if below == last else below))
        last = below
    return ticks


def _finest(moments: Sequence[datetime]) -> int:
    """How fine labels must be to tell these moments in full."""
    if any(moment.microsecond for moment in moments):
        return _FRACTION
    if any(moment.second for moment in moments):
        return _SECOND
    if any(moment.hour or moment.minute for moment in moments):
        return _MINUTE
    if any(moment.day > 1 for moment in moments):
        return _DAY
    return _MONTH if any(moment.month > 1 for moment in moments) else _YEAR


def _name(moment: datetime, level: int) -> tuple[str, str]:
    """Label and second line of a moment."""
    year, month = str(moment.year), _MONTHS[moment.month - 1]
    if level == _YEAR:
        return year, ""
    if level == _MONTH:
        return month, year
    if level == _DAY:
        return f"{moment.day} {month}", year
    clock = {_MINUTE: "%H:%M", _SECOND: "%H:%M:%S", _FRACTION: "%H:%M:%S.%f"}[level]
    text = moment.strftime(clock)
    return text.removesuffix("000") if level == _FRACTION else text, f"{moment.day} {month} {year}"


def _fits(ticks: Sequence[Tick], pixels: float) -> bool:
    """Whether most neighbouring labels stand apart; a few that do not can be left out."""
    close = sum(not _apart(left, right, pixels) for left, right in pairwise(ticks))
    return close <= len(ticks) // 4


def _apart(left: Tick, right: Tick, pixels: float) -> bool:
    return _clear(left, right, pixels, "label") and _clear(left, right, pixels, "below")


def _clear(left: Tick, right: Tick, pixels: float, line: str) -> bool:
    """Whether two ticks do not touch in one of their lines."""
    texts = (str(getattr(tick, line)) for tick in (left, right))
    widths = [text_width(text, LABEL_SIZE) for text in texts]
    return not all(widths) or (right.at - left.at) * pixels >= sum(widths) / 2 + _BETWEEN


def _thinned(ticks: Sequence[Tick], pixels: float) -> list[Tick]:
    """Without the labels that would touch the one before them; a second line moves on to the next.

    The first one gives its second line up to a neighbour: it may stand near the end of its day or year.
    """
    kept: list[Tick] = []
    carried = ""
    for tick in ticks:
        carried = tick.below or carried
        whole = Tick(tick.at, tick.label, carried)
        if kept and not _clear(kept[-1], whole, pixels, "label"):
            continue
        if kept and not _clear(kept[-1], whole, pixels, "below"):
            if len(kept) > 1:
                continue
            kept[0] = Tick(kept[0].at, kept[0].label)
        kept.append(whole)
        carried = ""
    return kept


# ---- letters


def text_width(text: str, size: float) -> float:
    """About how many pixels a text of letters ``size`` pixels high takes in a plain sans-serif face."""
    return size * sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in "iIjl.,:;'|!()[]ft ·":
        return 0.32
    if letter in "mwMW%@—":
        return 0.9
    return 0.7 if letter.isupper() else 0.58


def shortened(text: str, size: float, room: float) -> str:
    """``text``, cut and ended by "…" where it is wider than ``room`` pixels."""
    if text_width(text, size) <= room:
        return text
    left = room - text_width("…", size)
    for kept, letter in enumerate(text):
        left -= text_width(letter, size)
        if left < 0:
            return text[:kept].rstrip() + "…"
    return text


def wrapped(text: str, size: float, room: float, most: int = 2) -> list[str]:
    """``text`` in up to ``most`` lines, broken between words where it is wider than ``room`` pixels.

    What is too wide for a line of its own, or is left behind the last one, is cut.
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and (len(lines) == most or text_width(longer, size) <= room):
            lines[-1] = longer
        else:
            lines.append(word)
    return [shortened(line, size, room) for line in lines]
