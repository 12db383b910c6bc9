"""Class probabilities as the cells of a row: the likeliest class, or several, or none where none is sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.results import Cell
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.classify_metrics import log_softmax

DIGITS = 7
"""What float32 knows of a probability."""


@dataclass(frozen=True)
class Asked:
    """What a row should say."""

    top: int | None = None
    """So many of the likeliest classes, each with its probability; None: one."""
    least: float = 0.0
    """A class with a smaller probability is not named; with ``favoured`` where that class begins."""
    favoured: int | None = None
    """The class that is chosen as soon as it has ``least``, and below that never."""
    probabilities: bool = False
    """Whether each class has a column of its own too."""


def answers(logits: FloatArray, classes: tuple[str, ...], asked: Asked) -> list[dict[str, Cell]]:
    """The cells of each row of joined logits (N, C); the first is the prediction."""
    if not len(logits):
        return []
    chances = np.round(np.exp(log_softmax(logits)), DIGITS)  # (N, C)
    ranked = np.argsort(-chances, axis=1, kind="stable")
    if asked.favoured is not None:
        ranked = _favouring(ranked, chances[:, asked.favoured] >= asked.least, asked.favoured)
    rows: list[dict[str, Cell]] = []
    for order, chance in zip(ranked.tolist(), chances.tolist(), strict=True):
        row: dict[str, Cell] = {}
        for rank, place in enumerate(order[: asked.top or 1], start=1):
            behind = f"_{rank}" if asked.top else ""
            named = asked.favoured is not None or chance[place] >= asked.least
            row[f"prediction{behind}"] = classes[place] if named else None
            row[f"probability{behind}"] = chance[place]
        if asked.probabilities:
            row.update({f"probability_{name}": each for name, each in zip(classes, chance, strict=True)})
        rows.append(row)
    return rows


def _favouring(ranked: IntArray, chosen: NDArray[np.bool_], favoured: int) -> IntArray:
    """``ranked`` (N, C) with the favoured class first where it is ``chosen`` (N,), else last."""
    others = ranked[ranked != favoured].reshape(len(ranked), -1)
    own = np.full((len(ranked), 1), favoured)
    first = np.concatenate([own, others], axis=1)
    return np.where(chosen[:, None], first, np.concatenate([others, own], axis=1))
