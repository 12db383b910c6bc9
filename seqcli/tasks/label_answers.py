"""Probabilities of labels as the cells of a row: those that are likely enough, or the likeliest few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.results import Cell, Listed
from seqcli.sequences import FloatArray
from seqcli.tasks.classify_answers import DIGITS
from seqcli.tasks.label_metrics import chances_of

JOINED_BY = "|"
"""Between predicted labels where the training file has no separator that CSV knows."""


@dataclass(frozen=True)
class Labelling:
    """How a row is answered: the labels, from which probability on each is named, and what is written."""

    names: tuple[str, ...]
    cuts: tuple[float, ...]
    separator: str
    top: int | None = None
    """So many of the likeliest labels, each with its probability, whatever the thresholds."""
    probabilities: bool = False
    """Whether each label has a column of its own too."""


def label_chances(logits: FloatArray) -> NDArray[np.float64]:
    """The probability of each label as it is written, (N, L) → (N, L)."""
    return np.round(chances_of(logits), DIGITS)


def label_answers(logits: FloatArray, asked: Labelling) -> list[dict[str, Cell]]:
    """The cells of each row of joined logits (N, L); the first is the prediction."""
    if not len(logits):
        return []
    chances = label_chances(logits)
    if asked.top:
        return [_ranked(row, asked) for row in chances.tolist()]
    rows: list[dict[str, Cell]] = []
    for chance in chances.tolist():
        said = [name for name, each, cut in zip(asked.names, chance, asked.cuts, strict=True) if each >= cut]
        row: dict[str, Cell] = {"prediction": Listed.of(said, asked.separator)}
        if asked.probabilities:
            row.update({f"probability_{name}": each for name, each in zip(asked.names, chance, strict=True)})
        rows.append(row)
    return rows


def _ranked(chance: list[float], asked: Labelling) -> dict[str, Cell]:
    """The likeliest labels of one row, with their probabilities."""
    order = sorted(range(len(chance)), key=lambda place: -chance[place])
    row: dict[str, Cell] = {}
    for rank, place in enumerate(order[: asked.top], start=1):
        row[f"prediction_{rank}"] = asked.names[place]
        row[f"probability_{rank}"] = chance[place]
    return row
