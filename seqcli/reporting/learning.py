"""Learning curves: what a training wrote down of its epochs, as panels of lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seqcli.reporting.panels import Line, LinePanel
from seqcli.saved.files import parse_json
from seqcli.saved.record import HISTORY

MOST_EPOCHS = 1000
LOSS = "validation_loss"
FROM_ZERO = ("clipped", "learning_rate")
"""What never falls below 0, and whose axis begins there."""
KEPT = "on the dashed line stands the epoch whose weights were kept"
NOTHING = "no epoch was written down"


def history_of(content: bytes) -> list[Mapping[str, Any]]:
    """What a model's history says, an entry an epoch. Raises ModelError where it is no JSON."""
    return [parse_json(line, HISTORY) for line in content.splitlines()]


def learning_panels(history: Sequence[Mapping[str, Any]]) -> list[LinePanel]:
    """Loss, the first metric of the validation part, clipped gradients and learning rate, epoch by epoch.

    Of the training with a validation part alone. What was never written is not drawn.
    """
    epochs = [entry for entry in history if entry.get("phase", "fit") == "fit"][-MOST_EPOCHS:]
    if not epochs:
        return []
    best = max((at for at, entry in enumerate(epochs) if entry.get("best") is True), default=None)
    metric = next((name for name in epochs[0] if name.startswith("validation_") and name != LOSS), "")
    first = epochs[0].get("epoch")
    start = first if isinstance(first, int) and not isinstance(first, bool) and 0 < first < 10**9 else 1
    panels = []
    for title, names in (
        ("Loss", ("train_loss", LOSS)),
        (f"Validation {_words(metric.removeprefix('validation_'))}", (metric,)),
        ("Share of steps with clipped gradients", ("clipped",)),
        ("Learning rate", ("learning_rate",)),
    ):
        found = [(_name(name), [_number(entry.get(name)) for entry in epochs]) for name in names]
        lines = [
            Line(name, [(start + at, value) for at, value in enumerate(values)])
            for name, values in found
            if any(map(math.isfinite, values))
        ]
        if lines:
            panels.append(
                LinePanel(
                    title,
                    "epoch",
                    lines,
                    KEPT if best is not None else "",
                    None if best is None else start + best,
                    limits=_from_zero(lines) if names[0] in FROM_ZERO else None,
                    whole=True,
                )
            )
    return panels


def _from_zero(lines: Sequence[Line]) -> tuple[float, float]:
    """Ends of an axis that begins at 0, with the margin of other axes at the top."""
    high = max(up for line in lines for _, up in line.points if math.isfinite(up))
    return 0.0, high * 1.05 if 0 < high < 1e300 else 1.0


def _name(key: str) -> str:
    return _words(key.removesuffix("_loss"))


def _words(key: str) -> str:
    return key.replace("_", " ")


def _number(value: Any) -> float:
    """A number of a history, which holds what a file said."""
    try:
        return float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        return math.nan
