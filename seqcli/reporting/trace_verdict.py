"""What a trace means, in sentences that are made of its numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from seqcli.readers.roles import counted

if TYPE_CHECKING:
    from seqcli.backends.trace import CellTrace
    from seqcli.inference.reading import Reading

KEEP = {
    "lstm": ("f", "forget gate"),
    "gru": ("z", "update gate"),
    "mingru": ("z", "update gate"),
    "minlstm": ("a", "share kept,"),
    "mamba": ("a", "share kept,"),
}
"""What says of each cell which share of the memory is kept."""
SLOWEST = 90
"""Percentile of the units' mean gates above which a unit belongs to the slowest tenth."""
FEW_UNITS = 10
"""Of fewer units a tenth is none."""


def half_life(keep: float) -> float:
    """Steps until half is left where each step keeps the share ``keep``: ln ½ / ln keep."""
    if keep <= 0:
        return 0.0
    return math.inf if keep >= 1 else math.log(0.5) / math.log(keep)


def verdict(reading: Reading, trace: CellTrace) -> list[str]:
    """How long the memory lasts, where it changed most, and what the model answers."""
    return [_memory_sentence(reading, trace), _change_sentence(reading, trace), _answer_sentence(reading)]


def _memory_sentence(reading: Reading, trace: CellTrace) -> str:
    """The mean of the gate that keeps the memory, and the half-life that it means."""
    if trace.cell not in KEEP:
        return (
            f"No gate keeps the memory of an {trace.cell.upper()}: every {reading.unit} writes all of h anew."
        )
    letter, name = KEEP[trace.cell]
    gate = trace.values[letter]  # (T, H)
    mean = float(gate.mean())
    over = f"{counted(gate.shape[0], reading.unit)} and {counted(gate.shape[1], 'unit')}"
    said = (
        f"The {name} {letter} is {_share(mean)} on average over {over}: "
        f"{_lasting(mean, reading.unit)} (ln 0.5 / ln {letter})."
    )
    if gate.shape[1] < FEW_UNITS:
        return said
    slow = float(np.percentile(gate.mean(axis=0), SLOWEST))
    said += f" In the slowest tenth of the units it is {_share(slow)} or more: "
    return f"{said}{_lasting(slow, reading.unit)}."


def _lasting(keep: float, unit: str) -> str:
    """What a half-life means, in words."""
    steps = half_life(keep)
    if math.isinf(steps):
        return "nothing is forgotten"
    return f"half of the memory is left after {steps:,.1f} {unit}s"


def _share(value: float) -> str:
    """A gate with the digits that its half-life needs: 0.86, 0.996."""
    return f"{value:.2f}" if value < 0.985 else f"{value:.4f}"


def _change_sentence(reading: Reading, trace: CellTrace) -> str:
    """The token at which the memory moved farthest."""
    place = int(trace.changes.argmax())
    most, mean = float(trace.changes[place]), float(trace.changes.mean())
    where = f"{reading.unit} {place + 1}, {_quoted(reading.tokens[place])}"
    said = f"The memory {trace.memory} changed most at {where}: by {most:.2f}"
    if len(trace.changes) == 1 or not mean:
        return said + "."
    return f"{said}, {most / mean:.1f} times the mean step (length of the change over all units)."


def _answer_sentence(reading: Reading) -> str:
    """The likeliest answers with their probabilities."""
    parts = []
    for answer, probability in reading.answers:
        name = _quoted(answer) if isinstance(answer, str) and reading.ahead else str(answer)
        parts.append(name if probability is None else f"{name} {probability:.3f}")
    return f"Prediction for {reading.asked}: {', '.join(parts)}."


def _quoted(token: str) -> str:
    """A token in quotes, without the space that a word carries ahead of it."""
    return repr(token.strip(" ") or token)
