"""What is compared and what came of it: plain data, no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqcli.network import cell_title

TRANSFORMER = "transformer"
"""An encoder that compare alone trains: it is no cell."""
NETWORK, BASELINE = "network", "baseline"


@dataclass(frozen=True, order=True)
class Entry:
    """One predictor on so many training rows."""

    name: str
    """A cell, ``transformer``, or what a baseline is called."""
    kind: str = NETWORK
    both_ways: bool = False
    rows: int | None = None
    """Training rows that are drawn; None: all."""

    @property
    def title(self) -> str:
        """What people call it."""
        if self.kind == BASELINE:
            return self.name
        name = self.name if self.name == TRANSFORMER else cell_title(self.name)
        return f"{name} both ways" if self.both_ways else name

    def to_json(self) -> list[Any]:
        """JSON values that :meth:`from_json` restores."""
        return [self.name, self.kind, self.both_ways, self.rows]

    @classmethod
    def from_json(cls, data: Any) -> Entry:
        """Rebuild from :meth:`to_json`; raises TypeError or ValueError on anything else."""
        name, kind, both, rows = data
        if kind not in (NETWORK, BASELINE):
            raise ValueError(kind)
        return cls(str(name), str(kind), bool(both), None if rows is None else int(rows))


@dataclass(frozen=True)
class Outcome:
    """What one training, or one baseline, came to."""

    entry: Entry
    seed: int
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    """Of the training alone."""
    parameters: int | None = None
    micros: float | None = None
    """Microseconds that the saved graph takes for a step."""
    state: str = ""
    """"carried" where it can go on with a stream, step by step; else "both ways", "all steps" or "none"."""
    curve: tuple[tuple[float, float], ...] = ()
    """(seconds, the metric on validation) at each scoring."""
    reason: str = ""
    """Why it failed; "" where it did not."""

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "entry": self.entry.to_json(),
            "seed": self.seed,
            "validation": {name: _number(value) for name, value in self.validation.items()},
            "test": {name: _number(value) for name, value in self.test.items()},
            "seconds": _rounded(self.seconds),
            "parameters": self.parameters,
            "micros": _rounded(self.micros),
            "state": self.state,
            "curve": [[round(at, 3), value] for at, value in self.curve],
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, data: Any) -> Outcome:
        """Rebuild from :meth:`to_json`; raises TypeError, KeyError or ValueError on anything else."""
        metrics = {
            part: {
                str(name): math.nan if value is None else float(value) for name, value in data[part].items()
            }
            for part in ("validation", "test")
        }
        times = {name: None if data[name] is None else float(data[name]) for name in ("seconds", "micros")}
        return cls(
            Entry.from_json(data["entry"]),
            int(data["seed"]),
            metrics["validation"],
            metrics["test"],
            parameters=None if data["parameters"] is None else int(data["parameters"]),
            state=str(data["state"]),
            curve=tuple((float(at), float(value)) for at, value in data["curve"]),
            reason=str(data["reason"]),
            **times,
        )


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if math.isfinite(value) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


@dataclass(frozen=True)
class Standing:
    """All seeds of one entry together."""

    entry: Entry
    outcomes: tuple[Outcome, ...]
    metric: str

    @property
    def finished(self) -> tuple[Outcome, ...]:
        """Those that did not fail."""
        return tuple(each for each in self.outcomes if not each.reason)

    def mean(self, part: str) -> float | None:
        """The mean of the metric on "validation" or "test"; None where nothing finished or is known."""
        values = self._values(part)
        return sum(values) / len(values) if values else None

    @property
    def spread(self) -> float | None:
        """The standard deviation over seeds on validation, divided by n - 1; None for one seed."""
        values, mean = self._values("validation"), self.mean("validation")
        if len(values) < 2 or mean is None:
            return None
        return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))

    @property
    def error(self) -> float | None:
        """The standard error of the mean over seeds on validation; None for one seed."""
        spread = self.spread
        return None if spread is None else spread / math.sqrt(len(self._values("validation")))

    def mean_of(self, name: str) -> float | None:
        """The mean of "seconds", "micros" or "parameters" over what finished."""
        values = [value for each in self.finished if (value := getattr(each, name)) is not None]
        return sum(values) / len(values) if values else None

    def _values(self, part: str) -> list[float]:
        found = [getattr(each, part).get(self.metric, math.nan) for each in self.finished]
        return [value for value in found if math.isfinite(value)]


def standings(outcomes: Sequence[Outcome], metric: str, higher_is_better: bool) -> list[Standing]:
    """Entries by rows, fewest first, and among those by the mean on validation, the best first."""
    entries = dict.fromkeys(outcome.entry for outcome in outcomes)
    found = [
        Standing(entry, tuple(each for each in outcomes if each.entry == entry), metric) for entry in entries
    ]

    def key(standing: Standing) -> tuple[float, bool, float]:
        mean, rows = standing.mean("validation"), standing.entry.rows
        score = 0.0 if mean is None else -mean if higher_is_better else mean
        return math.inf if rows is None else rows, mean is None, score

    return sorted(found, key=key)
