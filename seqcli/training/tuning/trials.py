"""What came of each trial, which is better, and which need not run to its end: plain data, no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

STATES = ("finished", "pruned", "failed")
ENOUGH = 4
"""Finished trials from which a median says something."""
WARM_UP = 0.3
"""Share of a training below which none is cut short."""


@dataclass(frozen=True)
class Trial:
    """One set of values, and what a training with them came to on the validation part."""

    number: int
    """Counted from 1; the first has the defaults."""
    places: tuple[int, ...]
    """Which value of each dimension it had."""
    changes: Mapping[str, Any]
    """Option → value, where that is not the default."""
    state: str
    """"finished", "pruned" (cut short, since it fell behind) or "failed" (diverged, or was refused)."""
    seconds: float
    score: float | None = None
    """The metric on validation: of a pruned trial the best until then, of a failed one None."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """All that was measured on validation, of a finished trial."""
    curve: tuple[tuple[float, float], ...] = ()
    """(share of the steps, the best metric until then) at each scoring."""
    reason: str = ""
    """Why it failed."""

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "trial": self.number,
            "places": list(self.places),
            "changes": dict(self.changes),
            "state": self.state,
            "seconds": round(self.seconds, 3),
            "score": self.score,
            "metrics": {name: _number(value) for name, value in self.metrics.items()},
            "curve": [list(point) for point in self.curve],
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, data: Any) -> Trial:
        """Rebuild from :meth:`to_json`; raises TypeError, KeyError or ValueError on anything else."""
        state, score = data["state"], data["score"]
        if state not in STATES or (score is None) != (state == "failed"):
            raise ValueError(state)
        return cls(
            number=int(data["trial"]),
            places=tuple(int(place) for place in data["places"]),
            changes=dict(data["changes"]),
            state=state,
            seconds=float(data["seconds"]),
            score=None if score is None else float(score),
            metrics={
                str(name): math.nan if value is None else float(value)
                for name, value in data["metrics"].items()
            },
            curve=tuple((float(share), float(best)) for share, best in data["curve"]),
            reason=str(data["reason"]),
        )


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True)
class Ranking:
    """By what trials are ranked; among equals the smaller log loss is ahead, then the earlier trial."""

    metric: str
    higher_is_better: bool

    def finished(self, trials: Sequence[Trial]) -> list[Trial]:
        """Those that ran to their end, as they ran."""
        return [trial for trial in trials if trial.state == "finished"]

    def best(self, trials: Sequence[Trial]) -> Trial | None:
        """The finished trial with the best score, None where there is none."""
        return min(self.finished(trials), key=self._key, default=None)

    def ranked(self, trials: Sequence[Trial]) -> list[Trial]:
        """All trials: finished ones first, best first; then pruned ones; then failed ones."""
        return sorted(trials, key=lambda trial: (STATES.index(trial.state), *self._key(trial)))

    def better(self, one: float, other: float) -> bool:
        """Whether one score is better than another; NaN is better than none."""
        return one > other if self.higher_is_better else one < other

    def falls_behind(self, share: float, best: float, trials: Sequence[Trial]) -> bool:
        """Whether a trial that has done a ``share`` of its steps need not go on.

        It is worse than the median of what finished trials had reached by that share.
        """
        reached = [
            value for trial in self.finished(trials) if (value := reached_by(trial, share)) is not None
        ]
        return share >= WARM_UP and len(reached) >= ENOUGH and self.better(median(reached), best)

    def _key(self, trial: Trial) -> tuple[float, float, int]:
        score = math.inf if trial.score is None else trial.score
        if self.higher_is_better and trial.score is not None:
            score = -score
        return score, trial.metrics.get("log_loss", 0.0), trial.number


def reached_by(trial: Trial, share: float) -> float | None:
    """The best that ``trial`` had reached by a ``share`` of its steps, None where it was not yet scored."""
    return next((best for at, best in reversed(trial.curve) if at <= share + 1e-9), None)
