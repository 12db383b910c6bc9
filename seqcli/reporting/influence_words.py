"""What drove a forecast, in a sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seqcli.results import Cell

if TYPE_CHECKING:
    from seqcli.preprocessing.frequency import Frequency

Record = Mapping[str, Cell]

SAID = 0.02
"""A share below this is not spoken of."""
MOST_TARGETS = 4
ITSELF = "the target itself"
"""The column of each of many targets."""
UNSEEN = {"calendar", "missing cells"}
"""Inputs that are no columns of a file."""
STANDS_OUT = 3.0
"""A lag does when its share is so many times that of the usual one."""
_MICROSECONDS = {"week": 604_800e6, "day": 86_400e6, "hour": 3_600e6, "minute": 60e6, "second": 1e6}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}


def lag_shares(records: Sequence[Record]) -> dict[tuple[str, int, int], float]:
    """Column and lags → their share of the gradient, the mean over series and targets; adds up to 1.

    Empty where nothing moves the forecast.
    """
    totals: defaultdict[tuple[Cell, Cell], float] = defaultdict(float)
    rows = [each for each in records if each["method"] == "gradient" and each["member"] == "all"]
    for each in rows:
        totals[each.get("series"), each["target"]] += _number(each["importance"])
    moved = sum(total > 0 for total in totals.values())
    shares: defaultdict[tuple[str, int, int], float] = defaultdict(float)
    for each in rows:
        total = totals[each.get("series"), each["target"]]
        if total > 0:
            key = (str(each["column"]), int(_number(each["lag_from"])), int(_number(each["lag_to"])))
            shares[key] += _number(each["importance"]) / total / moved
    return dict(shares)


def verdicts(
    records: Sequence[Record], shape: tuple[int, int], frequency: Frequency, step: int | None = None
) -> list[str]:
    """A sentence for each target, over all series that were explained; for many targets one over all.

    ``shape`` is (window, season); ``step`` is the step of the forecast that was asked for, None for all.
    """
    targets = list(dict.fromkeys(each["target"] for each in records))
    if not 1 < len(targets) <= MOST_TARGETS:
        if len(targets) > 1:
            records = [
                {**each, "column": ITSELF if each["column"] == each["target"] else each["column"]}
                for each in records
            ]
        return [_verdict(records, shape, frequency, step)]
    return [
        f"{target}: "
        + _verdict([each for each in records if each["target"] == target], shape, frequency, step)
        for target in targets
    ]


def _verdict(
    records: Sequence[Record], shape: tuple[int, int], frequency: Frequency, step: int | None
) -> str:
    """One sentence on all ``records``."""
    shares = lag_shares(records)
    if not shares:
        return "no input moves this forecast"
    window, season = shape
    first = sum(share for (_, near, far), share in shares.items() if near == far == 1)
    recent = 1 if first >= 0.5 else season if 1 < season < window else max(1, window // 12)
    within = sum(  # the calendar moves as a whole
        share * _overlap(near, far, recent)
        for (name, near, far), share in shares.items()
        if far >= 1 and name not in UNSEEN
    )
    verb = "carries" if recent == 1 else "carry"
    parts = [f"the last {span(recent, frequency)} {verb} {_percent(within)} of what moves the forecast"]
    peak = _peak({key: share for key, share in shares.items() if key[1] >= 1 and key[1] == key[2]})
    if peak:
        (column, lag, _), share = peak
        ahead = 0 if step is None else step + lag - 1  # from that row to the step of the forecast
        before = f"({_back(ahead, frequency)} before) " if season > 1 and ahead and not ahead % season else ""
        alone = "alone " if lag <= recent else ""
        parts.append(f"{_named(column, shares)}lag {lag} {before}{alone}{_percent(share)}")
    columns: defaultdict[str, float] = defaultdict(float)
    for (column, _, _), share in shares.items():
        columns[column] += share
    order = sorted(columns.items(), key=lambda item: -item[1])
    best = [f"{name} {_percent(share)}" for name, share in order[:3] if share >= SAID]
    choice = len(best) > 1 or len(columns.keys() - UNSEEN) > 1
    by_column = [f"by column {', '.join(best)}"] if choice else []
    return "; ".join([", ".join(parts), *by_column, *_shuffled(records)])


def _peak(single: Mapping[tuple[str, int, int], float]) -> tuple[tuple[str, int, int], float] | None:
    """The strongest of ``single`` lags, and its share, behind the last row and above its neighbours.

    None where it is not much stronger than the usual lag.
    """
    hills = {
        (name, lag, far): share
        for (name, lag, far), share in single.items()
        if lag > 1 and all(share > single.get((name, at, at), 0.0) for at in (lag - 1, lag + 1))
    }
    if not hills:
        return None
    key, share = max(hills.items(), key=lambda item: item[1])
    behind = [own for (_, lag, _), own in single.items() if lag > 1]
    return (key, share) if share >= max(SAID, STANDS_OUT * sum(behind) / len(behind)) else None


def _back(lags: int, frequency: Frequency) -> str:
    """A distance in words: "1 week", "2 days", "12 months"."""
    if frequency.unit == "time" and frequency.regular and not frequency.week:
        from seqcli.preprocessing.wording import duration

        return duration(round(lags * frequency.count))
    words = span(lags, frequency)
    return words if words[0].isdigit() else f"1 {words}"


def span(lags: int, frequency: Frequency) -> str:
    """So many steps in words that follow "the last": "hour", "24 hours", "5 rows"."""
    name, each = "row", 1.0
    if frequency.unit == "months":
        name, each = next(
            (unit, frequency.count / size) for unit, size in _MONTHS.items() if frequency.count % size == 0
        )
    elif frequency.unit == "time" and frequency.regular and not frequency.week:
        sizes = _MICROSECONDS.items()
        name, each = next(
            ((unit, frequency.count / size) for unit, size in sizes if frequency.count % size == 0),
            ("row", 1.0),
        )
    count = round(lags * each)
    return name if count == 1 else f"{count:,} {name}s"


def _shuffled(records: Sequence[Record]) -> list[str]:
    """What shuffling the most important column costs, the mean over targets."""
    rises: dict[str, list[float]] = {}
    farthest: dict[str, float] = {}
    for each in records:
        if each["method"] == "permutation":
            name, width = str(each["column"]), _number(each["lag_to"]) - _number(each["lag_from"])
            if width > farthest.get(name, -1.0):  # all lags of a column at once
                farthest[name], rises[name] = width, []
            if width == farthest[name]:
                rises[name].append(_number(each["importance"]))
    if not rises:
        return []
    means = {name: sum(own) / len(own) for name, own in rises.items()}
    name = max(means, key=lambda key: means[key])
    if means[name] < SAID:
        return ["shuffling any column leaves the error as it is"]
    return [f"shuffling {name} raises the error by {_percent(means[name])}"]


def _overlap(near: int, far: int, recent: int) -> float:
    """The share of the lags ``near`` … ``far`` that are among the last ``recent`` ones."""
    near = max(near, 1)
    return max(min(far, recent) - near + 1, 0) / (far - near + 1)


def _named(column: str, shares: Mapping[tuple[str, int, int], float]) -> str:
    """The column ahead of a lag, where there are several."""
    return f"{column} at " if len({name for name, _, _ in shares} - UNSEEN) > 1 else ""


def _percent(share: float) -> str:
    return f"{100 * share:,.0f} %"


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
