"""A tuning in sentences and one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.tasks.base import Prepared
from seqcli.training.tuning.space import Dimension
from seqcli.training.tuning.trials import Ranking, Trial

RATES = ("accuracy",)
"""Metrics that are a share of rows, whose standard error is known."""
DEFAULTS = "the defaults"
ALL_SAME = (
    "what was tried changes nothing in the answer, as where a network has no weight beside what needs none"
)


def changes_said(changes: Mapping[str, Any]) -> str:
    """What differs from the defaults: "learning_rate 0.004, hidden_size 128"."""
    return ", ".join(f"{name} {_shown(value)}" for name, value in changes.items()) or DEFAULTS


def score_said(metric: str, score: float) -> str:
    """A metric with its value: "accuracy 0.8500"."""
    return f"{metric} {score:{_digits(metric)}}"


def _digits(metric: str) -> str:
    return ".4f" if metric in RATES else ".4g"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def plan_said(
    prepared: Prepared,
    ranking: Ranking,
    space: Sequence[Dimension],
    limits: tuple[int | None, float | None],
    done: int,
) -> tuple[str, ...]:
    """How many trials of what, and by what they are ranked; ``limits`` are trials and seconds."""
    trials, seconds = limits
    parts = [f"{trials:,} trials" if trials != 1 else "1 trial"] if trials is not None else []
    parts += [f"{seconds:g} s"] if seconds is not None else []
    so_far = f", {done:,} of them done" if done else ""
    held = f"{prepared.sizes[1]:,} validation {prepared.unit}"
    return (
        f"tuning: at most {' and '.join(parts)}{so_far}, ranked by {ranking.metric} on {held}; "
        "the test part is not read",
        f"tried: {', '.join(item.option for item in space)}",
    )


def ranking_table(ranking: Ranking, trials: Sequence[Trial]) -> ResultTable:
    """All trials, the best first."""
    columns = (
        ResultColumn("trial"),
        ResultColumn(ranking.metric, _digits(ranking.metric), emphasis=True),
        ResultColumn("seconds", ".1f"),
        ResultColumn("state", keep="left"),
        ResultColumn("changes", wrap=True),
    )
    rows: list[tuple[Cell, ...]] = [
        (trial.number, trial.score, round(trial.seconds, 1), trial.state, _told(trial))
        for trial in ranking.ranked(trials)
    ]
    return ResultTable("", columns, rows)


def _told(trial: Trial) -> str:
    """What a trial changed, and why it failed."""
    changes = changes_said(trial.changes)
    return f"{changes}: {trial.reason}" if trial.reason else changes


def notes_on(prepared: Prepared, ranking: Ranking, trials: Sequence[Trial]) -> tuple[str, ...]:
    """What the best trial gains, and what of that may be chance."""
    best, first = ranking.best(trials), trials[0]
    assert best is not None
    assert best.score is not None
    ran = f"{len(trials):,} trial{'' if len(trials) == 1 else 's'}"
    reached = score_said(ranking.metric, best.score)
    if best is first:
        none = f"of {ran} none was better than the defaults: {reached}"
        finished = ranking.finished(trials)
        same = len(finished) > 1 and all(trial.metrics == best.metrics for trial in finished)
        return (none, ALL_SAME) if same else (none,)
    if best.score == first.score:
        return (f"trial {best.number} of {ran} is as good as the defaults, {reached}, with less log loss",)
    before = "failed" if first.score is None else f"had {first.score:{_digits(ranking.metric)}}"
    gain = f"trial {best.number} of {ran} is best: {reached}; the defaults {before}"
    rows = prepared.sizes[1]
    chance = "the best of many trials owes a part of its gain to chance"
    if ranking.metric in RATES:
        error = math.sqrt(best.score * (1 - best.score) / rows)
        chance += f" (one standard error on {rows:,} rows is {error:.4f})"
    return (gain, f"{chance}; train tests it on rows that no trial has seen")
