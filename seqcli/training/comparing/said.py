"""A comparison in a table and sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqcli.options_use import CompareOptions
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.tasks.base import Prepared
from seqcli.training.comparing.entries import BASELINE, NETWORK, TRANSFORMER, Entry, Standing
from seqcli.training.comparing.growth import Growth
from seqcli.training.tuning.said import RATES

USUAL_SECONDS = 120.0
"""For all trainings together, where nothing is typed."""
CHANCE = 1.96
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Standard errors of a difference below which means are not told apart: of many, of 1 to 10."""


def plan_said(
    prepared: Prepared, entries: Sequence[Entry], flags: CompareOptions, share: float | None
) -> tuple[str, ...]:
    """How many trainings of what, for how long, and by what they are ranked."""
    names = ", ".join(dict.fromkeys(entry.title for entry in entries))
    count = len(entries) * flags.seeds
    trainings = f"{count:,} training{'s' * (count != 1)}"
    total = flags.comparing_time or USUAL_SECONDS
    length = "of the length that is typed" if share is None else f"that share {total:g} s equally"
    seeds = f"{flags.seeds} seed{'s' * (flags.seeds != 1)}"
    held = f"{prepared.sizes[1]:,} validation {prepared.unit}"
    rows = f", on {', '.join(f'{count:,}' for count in flags.rows)} drawn training rows" if flags.rows else ""
    return (
        f"comparing: {trainings} {length}, {seeds} on one split{rows}",
        f"ranked by {prepared.task.metric} on {held}; the test part is shown, and chooses nothing",
        f"networks, each alone: {names}",
    )


def comparison_table(
    found: Sequence[Standing], metric: str, growths: Sequence[Growth], rows: bool
) -> ResultTable:
    """All predictors, the best on validation first; with drawn ``rows`` the fewest first."""
    digits = ".4f" if metric in RATES else ".4g"
    columns = [
        *([ResultColumn("rows", ",d")] if rows else []),
        ResultColumn("predictor", keep="left"),
        ResultColumn(metric, digits, emphasis=True),
        ResultColumn("spread", ".2g"),
        ResultColumn(f"test_{metric}", digits),
        ResultColumn("seeds"),
        ResultColumn("parameters", ",d"),
        ResultColumn("seconds", ".1f"),
        ResultColumn("us_per_step", ".2f"),
        ResultColumn("state", keep="left"),
    ]
    slopes = {each.name: each for each in growths}
    if growths:
        columns += [ResultColumn("time_growth", ".2f"), ResultColumn("memory_growth", ".2f")]
    lines: list[tuple[Cell, ...]] = []
    for each in found:
        entry, grown = each.entry, slopes.get(each.entry.name) if each.entry.kind == NETWORK else None
        parameters, state = each.mean_of("parameters"), next((one.state for one in each.finished), "")
        line: tuple[Cell, ...] = (
            entry.title, each.mean("validation"), _rounded(each.spread, 9), each.mean("test"),
            len(each.finished),
            None if parameters is None else round(parameters), _rounded(each.mean_of("seconds")),
            _rounded(each.mean_of("micros")), state or None,
        )  # fmt: skip
        if growths:
            line += (_rounded(grown.time_slope), _rounded(grown.memory_slope)) if grown else (None, None)
        lines.append((entry.rows, *line) if rows else line)
    return ResultTable("", tuple(columns), lines)


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def growth_table(growths: Sequence[Growth]) -> ResultTable:
    """Milliseconds of a training step at each length, and the megabytes it keeps at the longest."""
    lengths = growths[0].lengths
    columns = (
        ResultColumn("network", keep="left"),
        *(ResultColumn(f"T={length}", ".3g") for length in lengths),
        ResultColumn("~T^", ".2f", emphasis=True),
        ResultColumn("MB", ".1f"),
        ResultColumn("~T^ ", ".2f", emphasis=True),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            each.name, *(1e3 * seconds for seconds in each.seconds), each.time_slope,
            each.kept[-1] / 1e6, each.memory_slope,
        )
        for each in growths
    ]  # fmt: skip
    title = "Milliseconds of a training step of T steps, and what it keeps for its way back"
    caption = f"the powers of T are fitted from {max(lengths) // 2} steps on"
    return ResultTable(title, columns, rows, caption)


def notes_on(prepared: Prepared, found: Sequence[Standing], share: float | None) -> tuple[str, ...]:
    """What the table says, and what of it may be chance."""
    task, notes = prepared.task, []
    groups: dict[int | None, list[Standing]] = {}
    for each in found:
        if each.mean("validation") is not None:
            groups.setdefault(each.entry.rows, []).append(each)
    for count, standing in groups.items():
        begin = f"on {count:,} rows: " if count is not None else ""
        notes += [begin + line for line in _verdict(standing, task.metric, prepared.sizes[1])]
    if share is None:
        notes.append("each network learnt for the steps that were typed: they are compared at equal steps")
    else:
        notes.append(f"each network learnt for {share:.3g} s at most: they are compared at equal time")
    failed = [one for each in found for one in each.outcomes if one.reason]
    notes += [f"{one.entry.title}, seed {one.seed}, failed: {one.reason}" for one in failed]
    if any(each.entry.name == TRANSFORMER for each in found):
        notes.append(
            "the transformer has as many weights in its encoder as the recurrent one that train would take; "
            "no graph is saved of it"
        )
    return tuple(notes)


def _verdict(found: Sequence[Standing], metric: str, held: int) -> list[str]:
    """Which is best, from which it is not told apart, and how it stands to what needs no network."""
    networks = [each for each in found if each.entry.kind == NETWORK]
    if not networks:
        return ["no network came to its end"]
    best, others = networks[0], networks[1:]
    digits = ".4f" if metric in RATES else ".4g"
    reached = f"{metric} {best.mean('validation'):{digits}}"
    lines = [f"the best network on validation is {best.entry.title}: {reached}"]
    noise = _noise(best, metric)
    close = [each for each in others if noise and not told_apart(best, each, metric, held)]
    if close:
        names = ", ".join(each.entry.title for each in close)
        names = "any other network" if close == others and len(close) > 2 else names
        lines.append(f"{noise} does not tell it apart from {names}")
    elif others and noise:
        lines.append(f"it is ahead of every other network by more than {noise} explains")
    top = next((each for each in found if each.entry.kind == BASELINE), None)
    if top is not None:
        where = "better than" if found.index(best) < found.index(top) else "worse than"
        chance = noise and not told_apart(best, top, metric, held)
        how = "within chance of" if chance else where
        lines.append(
            f"it is {how} what needs no network: {top.entry.title}, {top.mean('validation'):{digits}}"
        )
    if best.error is None:
        lines.append("one seed says nothing on how far another would fall; --seeds 3 tells")
    return lines


def _noise(best: Standing, metric: str) -> str:
    """What differences are held against; "" where no noise is known."""
    if metric in RATES:
        return "the number of validation rows" if best.error is None else "noise of seeds and rows"
    return "noise of seeds" if best.error is not None else ""


def told_apart(one: Standing, other: Standing, metric: str, held: int) -> bool:
    """Whether two means differ by more than chance 19 times of 20; of what is not known, never.

    Seeds: t · √(Σ s² / n), with Student's t for Σ (n - 1) degrees of freedom. A share p of ``held`` rows:
    1.96 · √(Σ p (1 - p) / rows). Where both are known, the root of the summed squares.
    """
    a, b = one.mean("validation"), other.mean("validation")
    if a is None or b is None:
        return False
    errors = [each.error for each in (one, other) if each.error is not None]
    freedom = sum(len(each.finished) - 1 for each in (one, other) if each.error is not None)
    squares = [(student(freedom) * error) ** 2 for error in errors]
    if metric in RATES:
        squares += [(CHANCE * math.sqrt(value * (1 - value) / held)) ** 2 for value in (a, b)]
    return bool(squares) and abs(a - b) > math.sqrt(sum(squares))


def student(freedom: int) -> float:
    """The quantile .975 of Student's t."""
    return STUDENT[freedom - 1] if freedom <= len(STUDENT) else 1.96 + 2.5 / freedom
