"""Holidays learned from the days a file does not have.

A trading calendar is a week with closed days, and open weekdays on which nothing happened. Most of
those come back by one of a few rules, and no list of any country's holidays is kept here: the file
itself says which rules hold.

    date      the same day each year, moved off a closed weekday as the file shows (25 December)
    weekday   the n-th or last weekday of a month, or the one within seven given dates (4th Thursday)
    easter    a number of days from Easter Sunday, western or orthodox (-2: Good Friday)

A rule is believed when it was kept each time of the last two that the file could show it. A rule that
the file could show only once is believed when the week has closed days and few days are missing.

Days are counted from 1970-01-01 (day 0, a Thursday); weekdays from Monday 0 to Sunday 6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray

FEASTS = {-2: -2, 1: 1, 39: 1, 50: 1, 60: 1, -3: -2, -47: -48, -48: -47}
"""Days from Easter that have a name: Good Friday, Easter Monday, Ascension, Whit Monday, Corpus Christi,
Maundy Thursday, Shrove Tuesday and Monday; each with the day that is off wherever it is."""
SHARED_DATES = ((1, 1), (12, 25), (12, 26))
"""Dates that most calendars of the world share. The file must show them like any other; they only go
first where several rules could explain the same absent days."""

MAX_YEARS = 15
"""Only the last years of a file are learned from: calendars change."""
MAX_HOLE = 10
"""More open days than this missing in a row are a hole in the data and say nothing on holidays."""
MAX_ABSENT, MAX_ABSENT_ONCE = 0.14, 0.075
"""With a larger share of open days absent no rule is learned; with one above the second, none from a
single sighting."""
MIN_EXPLAINED = 0.5
"""Rules must account for this share of the absent days: else days are missing by chance."""


def weekday_of(day: int) -> int:
    """Monday 0 … Sunday 6."""
    return (day + 3) % 7


@cache
def month_start(year: int, month: int) -> int:
    """Day number of the first of a month; months run on past 12 into the next year."""
    return int(np.datetime64((year - 1970) * 12 + month - 1, "M").astype("datetime64[D]").astype(np.int64))


def month_length(year: int, month: int) -> int:
    """Days of a month."""
    return month_start(year, month + 1) - month_start(year, month)


def weekday_in_month(year: int, month: int, start: int, weekday: int) -> int:
    """Day number of the ``weekday`` within the seven dates from ``start`` (0: the month's last seven)."""
    first = month_start(year, month) + (start - 1 if start else month_length(year, month) - 7)
    return first + (weekday - weekday_of(first)) % 7


@cache
def easter(year: int, orthodox: bool = False) -> int:
    """Day number of Easter Sunday.

    Western: the anonymous Gregorian computus (Meeus, Astronomical Algorithms, 1991, ch. 8); orthodox:
    the Julian one, ibid., given in the Gregorian calendar.
    """
    if orthodox:
        moon = (19 * (year % 19) + 15) % 30
        to_sunday = (2 * (year % 4) + 4 * (year % 7) - moon + 34) % 7
        month, day = divmod(moon + to_sunday + 114, 31)
        return month_start(year, month) + day + (year // 100 - year // 400 - 2)
    golden, century, rest = year % 19, year // 100, year % 100
    lunar = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - century // 4 - lunar + 15) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * to_sunday) // 451
    month, day = divmod(moon + to_sunday - 7 * late + 114, 31)
    return month_start(year, month) + day


@dataclass(frozen=True, order=True)
class Rule:
    """One holiday that comes back each year."""

    kind: str
    """"date", "weekday", "easter" or "orthodox"."""
    month: int
    day: int
    """date: day of the month; weekday: first of its seven dates, 0 for the last; else days from Easter."""
    weekday: int = 0
    moves: tuple[int, ...] = (0,) * 7
    """Where a date goes that falls on each weekday when that is closed: -1 back, 1 on, 0 it is lost."""

    def day_in(self, year: int) -> int | None:
        """Day number in ``year`` before any move; None for 29 February in a common year."""
        if self.kind == "date":
            known = self.day <= month_length(year, self.month)
            return month_start(year, self.month) + self.day - 1 if known else None
        if self.kind == "weekday":
            return weekday_in_month(year, self.month, self.day, self.weekday)
        return easter(year, self.kind == "orthodox") + self.day


@dataclass(frozen=True)
class Holidays:
    """The learned rules over a week whose open weekdays are ``week`` (7 flags, Monday first)."""

    week: tuple[bool, ...]
    rules: tuple[Rule, ...] = ()

    def dates(self, years: Iterable[int]) -> frozenset[int]:
        """Day numbers of the holidays of ``years`` that fall on open weekdays."""
        found: set[int] = set()
        for year in years:
            moved: list[tuple[int, int]] = []
            for rule in self.rules:
                day = rule.day_in(year)
                if day is None:
                    continue
                if self.week[weekday_of(day)]:
                    found.add(day)
                elif rule.kind == "date" and rule.moves[weekday_of(day)]:
                    moved.append((day, rule.moves[weekday_of(day)]))
            for day, move in sorted(moved):
                target = open_day(self.week, day, move)
                while move > 0 and target in found:  # two days off on one weekend: the second goes on
                    target = open_day(self.week, target, move)
                if move > 0 or target >= month_start(year, 1):  # a day off does not leave its year
                    found.add(target)
        return frozenset(found)

    def closed(self, days: IntArray) -> NDArray[np.bool_]:
        """Which of ``days`` (N,) are holidays, (N,)."""
        if not self.rules or not len(days):
            return np.zeros(len(days), dtype=bool)
        ends = np.array([days.min(), days.max()]).astype("datetime64[D]").astype("datetime64[Y]")
        first, last = ends.astype(np.int64) + 1970
        dates = self.dates(range(int(first) - 1, int(last) + 2))
        return np.isin(days, np.fromiter(dates, dtype=np.int64, count=len(dates)))

    def to_json(self) -> list[list[Any]]:
        """The rules as JSON values."""
        return [[rule.kind, rule.month, rule.day, rule.weekday, list(rule.moves)] for rule in self.rules]

    @classmethod
    def from_json(cls, week: Sequence[bool], data: Sequence[Any]) -> Holidays:
        """Rebuild from :meth:`to_json`. Raises ValueError or TypeError on anything else."""
        rules = []
        for kind, month, day, weekday, moves in data:
            rule = Rule(kind, month, day, weekday, tuple(moves))
            limits = {"date": (1, 31), "weekday": (0, 25), "easter": (-366, 366), "orthodox": (-366, 366)}
            low, high = limits[kind]
            whole = all(isinstance(value, int) for value in (month, day, weekday, *moves))
            moved = len(moves) == 7 and set(moves) <= {-1, 0, 1}
            if not (whole and moved and low <= day <= high and 1 <= month <= 12 and 0 <= weekday <= 6):
                raise ValueError("a holiday rule out of range")
            rules.append(rule)
        return cls(tuple(bool(flag) for flag in week), tuple(rules))


def open_day(week: Sequence[bool], day: int, direction: int) -> int:
    """The nearest open weekday strictly before (-1) or after (1) ``day``."""
    day += direction
    while not week[weekday_of(day)]:
        day += direction
    return day


def learn_holidays(days: IntArray, week: Sequence[bool]) -> Holidays:
    """Find the rules behind the open weekdays that are absent between the first and last of ``days``.

    ``days`` (N,) are ascending day numbers on which the file has something; ``week`` the open
    weekdays, Monday first, at least one of them.
    """
    record = _Record(days, week)
    return Holidays(tuple(week), _choose(record, _candidates(record)))


class _Record:
    """What the file shows of each day: open, absent, or nothing."""

    def __init__(self, days: IntArray, week: Sequence[bool]) -> None:
        self.week = tuple(week)
        last = int(days[-1])
        first = max(int(days[0]), last - 366 * MAX_YEARS)
        span = np.arange(first, last + 1)
        span = span[np.array(self.week)[(span + 3) % 7]]
        present = np.isin(span, days)
        self.absent: set[int] = set()
        self.present = set(span[present].tolist())
        for here, run in groupby(zip(span.tolist(), present.tolist(), strict=True), key=lambda pair: pair[1]):
            missing = [day for day, _ in run]
            if not here and len(missing) <= MAX_HOLE:
                self.absent.update(missing)
        share = len(self.absent) / max(len(span), 1)
        self.trusted = share <= MAX_ABSENT
        self.trusts_one = share <= MAX_ABSENT_ONCE and not all(self.week)
        years = (
            np.array([first, last]).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        )
        self.years = range(int(years[0]), int(years[1]) + 1)

    def sighting(self, rule: Rule, year: int) -> tuple[int | None, int] | None:
        """What ``year`` says of ``rule``: (the absent day that keeps it or None, its move), or None.

        None is no evidence: outside the file, or a closed weekday that was not made up for.
        """
        day = rule.day_in(year)
        if day is None:
            return None
        if self.week[weekday_of(day)]:
            if day in self.absent:
                return day, 0
            return (None, 0) if day in self.present else None
        if rule.kind != "date":
            return None
        back, on = open_day(self.week, day, -1), open_day(self.week, day, 1)
        if day - back == 1 and back in self.absent:
            return back, -1
        return (on, 1) if on in self.absent else None


@dataclass(frozen=True)
class _Believed:
    """A rule that the file keeps, with the absent days that show it."""

    rule: Rule
    shown: frozenset[int]
    missed: int
    """How often the rule's day was open."""


def _candidates(record: _Record) -> list[_Believed]:
    """Every rule that some absent day could follow and that the file believes."""
    if not record.trusted:
        return []
    rules: set[Rule] = set()
    for absent in record.absent:
        date = np.datetime64(absent, "D").item()
        rules.add(Rule("date", date.month, date.day))
        starts = {0} if date.day + 7 > month_length(date.year, date.month) else set()
        starts.update(start for start in range(date.day - 6, date.day + 1) if 1 <= start <= 22)
        rules.update(Rule("weekday", date.month, start, weekday_of(absent)) for start in starts)
        for kind in ("easter", "orthodox"):
            offset = absent - easter(date.year, kind == "orthodox")
            if -70 <= offset <= 70:
                rules.add(Rule(kind, 1, offset))
    believed = (_believe(record, rule) for rule in sorted(rules))
    return [found for found in believed if found is not None]


def _believe(record: _Record, rule: Rule) -> _Believed | None:
    """The evidence for ``rule``, None when it is too weak."""
    seen = [found for year in record.years if (found := record.sighting(rule, year)) is not None]
    shown = [day for day, _ in seen if day is not None]
    direct = any(day is not None and move == 0 for day, move in seen)
    if not direct or any(day is None for day, _ in seen[-2:]):
        return None
    # A window of seven dates or an offset that nobody has a name for can fit by chance.
    usual = {"date": True, "weekday": rule.day % 7 == 1 or rule.day == 0}.get(rule.kind, rule.day in FEASTS)
    if len(seen) == 1:
        weekday_rule = rule.kind == "weekday" and rule.weekday not in (0, 3)  # few are not Monday, Thursday
        alone = rule.kind == "orthodox" or (
            rule.kind == "easter" and shown[0] - rule.day + FEASTS.get(rule.day, 0) in record.present
        )
        if not (usual and record.trusts_one) or weekday_rule or alone:
            return None
    elif len(shown) < (2 if usual else 3):
        return None
    return _Believed(rule, frozenset(shown), len(seen) - len(shown))


def _choose(record: _Record, candidates: list[_Believed]) -> tuple[Rule, ...]:
    """Rules that together explain what can be explained: always the one that explains most of the rest."""
    chosen: tuple[Rule, ...] = ()
    left = set(record.absent)
    feasts = {day for each in candidates if each.rule.kind == "easter" for day in each.shown}
    dates = [each for each in candidates if each.rule.kind == "date" and _is_own(each.rule)]
    mondays = sum(weekday_of(min(each.shown)) == 0 and not each.shown & feasts for each in dates)
    years = max(len(record.present) / (52 * sum(record.week)), 0.5)
    sure = any(each.rule.kind == "weekday" and len(each.shown) > 1 for each in candidates)
    by_weekday = sure or mondays >= 3 * years  # holidays here are Mondays more than chance would have it
    likely = {each: _likelihood(each, by_weekday) for each in candidates}

    def rank(each: _Believed) -> tuple[float, ...]:
        return (likely[each] >= 8.5, len(each.shown & left) - each.missed, likely[each])

    while candidates := [each for each in candidates if each.shown & left]:
        best = max(map(rank, candidates))
        equal = [
            (_contradictions(record, each.rule, chosen), each) for each in candidates if rank(each) == best
        ]
        fewest = min(count for count, _ in equal)
        first = next(each for count, each in equal if count == fewest)
        twins = [
            each.rule for count, each in equal if count == fewest and each.shown & left == first.shown & left
        ]
        chosen = _with_moves(record, (*chosen, *twins))
        left -= first.shown | Holidays(record.week, chosen).dates(record.years)
    return chosen if len(left) <= (1 - MIN_EXPLAINED) * len(record.absent) else ()


def _is_own(rule: Rule) -> bool:
    """Whether a date is this calendar's own, not one that most calendars share."""
    return (rule.month, rule.day) not in SHARED_DATES


def _likelihood(each: _Believed, by_weekday: bool) -> float:
    """How usual a rule is, to choose between rules that explain the same days. Higher is likelier."""
    rule = each.rule
    if rule.kind == "date":
        return 4.0 if _is_own(rule) else 9.0 - SHARED_DATES.index((rule.month, rule.day)) / 10
    if rule.kind == "weekday":
        if rule.day and rule.day % 7 != 1:
            return 1.0 - abs(rule.day - 11) / 100  # seven dates that are no n-th week
        last_monday = rule.day == 0 and rule.weekday == 0
        single = len(each.shown) == 1
        if single and rule.weekday == 3 and by_weekday and rule.day:
            return 4.0  # a Thursday seen once may be either: keep both
        return (5.0 if by_weekday or not single else 3.0) + (0.1 if last_monday else -0.1 * (rule.day == 0))
    usual = rule.day in FEASTS
    return (8.0 if usual else 0.5) - 0.1 * (rule.kind == "orthodox")


def _contradictions(record: _Record, rule: Rule, chosen: tuple[Rule, ...]) -> int:
    """How often ``rule`` moves off a closed weekday the other way than the ``chosen`` dates do."""
    ways: list[set[int]] = [set() for _ in range(7)]
    for other in chosen:
        for weekday, moves in _moves_seen(record, other, chosen).items():
            ways[weekday].update(moves)
    seen = _moves_seen(record, rule, chosen)
    return sum(move not in ways[weekday] for weekday in seen for move in seen[weekday] if ways[weekday])


def _with_moves(record: _Record, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Give each rule its moves: its own latest evidence, else what most rules do, else the nearer side."""
    own = {rule: _moves_seen(record, rule, rules) for rule in rules}
    common: list[Counter[int]] = [Counter() for _ in range(7)]
    for rule, seen in own.items():
        for weekday, moves in seen.items():
            if (rule.month, rule.day) != (1, 1):  # it could only move into another year: no example
                common[weekday].update(moves)
    nearer = [0] * 7
    if any(move for counts in common for move in counts):
        closed = [weekday for weekday in range(7) if not record.week[weekday]]
        for weekday in closed:
            nearer[weekday] = -1 if record.week[weekday - 1] else 1
    usual = [counts.most_common(1)[0][0] if counts else nearer[at] for at, counts in enumerate(common)]
    return tuple(
        replace(rule, moves=tuple(own[rule].get(weekday, [usual[weekday]])[-1] for weekday in range(7)))
        for rule in sorted(rules)
    )


def _moves_seen(record: _Record, rule: Rule, rules: tuple[Rule, ...]) -> dict[int, list[int]]:
    """Where ``rule`` went each time it fell on a closed weekday: weekday → moves in order of years.

    Days that are another rule's own date say nothing, and a day off moves on past them.
    """
    found: dict[int, list[int]] = {}
    for year in record.years if rule.kind == "date" else ():
        day = rule.day_in(year)
        if day is None or record.week[weekday_of(day)]:
            continue
        taken = {other.day_in(each) for other in rules for each in (year, year + 1)}
        back, on = open_day(record.week, day, -1), open_day(record.week, day, 1)
        while on in taken:
            on = open_day(record.week, on, 1)
        if day - back == 1 and back in record.absent and back not in taken:
            found.setdefault(weekday_of(day), []).append(-1)
        elif on in record.absent:
            found.setdefault(weekday_of(day), []).append(1)
        elif on in record.present:
            found.setdefault(weekday_of(day), []).append(0)
    return found
