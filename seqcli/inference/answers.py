"""How the outputs of a saved model become the cells of a row: as the task has them, or as was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from seqcli.errors import UsageError, near_miss
from seqcli.model_dir import SavedModel
from seqcli.options_use import PredictOptions
from seqcli.results import Cell
from seqcli.sequences import FloatArray
from seqcli.tasks.base import RowTask
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_answers import Asked, answers

Decoder: TypeAlias = Callable[[FloatArray], list[dict[str, Cell]]]
"""What is decoded, (N, *output_shape) → a row of named cells each, always the same names."""


def decoder(model: SavedModel, task: RowTask, options: PredictOptions) -> Decoder:
    """What makes cells of the model's outputs, as ``options`` say.

    Raises UsageError for ``--top-k`` and ``--threshold`` where they would make no sense.
    """
    if options.top_classes is None and options.threshold is None:
        return lambda outputs: task.decode(outputs, options.probabilities)
    typed = "--top-k" if options.top_classes is not None else "--threshold"
    if not isinstance(task, Classify):
        raise UsageError(f"{typed} is of classes, and {model.path} predicts numbers", f"leave out {typed}")
    classes = task.classes
    if options.top_classes is not None:
        if options.probabilities:
            raise UsageError(
                "--top-k names the likeliest classes, --probabilities gives all", "leave out one of them"
            )
        if options.top_classes > len(classes):
            raise UsageError(
                f"--top-k {options.top_classes}: the model has {len(classes)} classes",
                f"--top-k {len(classes)} names all of them",
            )
    name, least = options.threshold or ("", 0.0)
    favoured = _class(name, classes) if name else None
    if favoured is not None and options.top_classes is not None:
        raise UsageError(
            f"--threshold {name}=… decides on one class, --top-k names several", "leave out one of them"
        )
    if options.threshold and not name and least <= 1 / len(classes):
        raise UsageError(
            f"--threshold {least:g}: the likeliest of {len(classes)} classes is never below that",
            f"a number above {1 / len(classes):.2g}, or for one class: --threshold {classes[-1]}={least:g}",
        )
    asked = Asked(options.top_classes, least, favoured, options.probabilities)
    return lambda outputs: answers(outputs, classes, asked)


def _class(name: str, classes: tuple[str, ...]) -> int:
    if name not in classes:
        close = near_miss(name, classes)
        hint = f"did you mean {close}?" if close else f"the classes are {', '.join(classes[:8])}"
        raise UsageError(f"--threshold: the model has no class {name!r}", hint)
    return classes.index(name)


def result_keys(model: SavedModel, decode: Decoder) -> list[str]:
    """The names of the cells."""
    return list(decode(np.zeros((1, *model.network.output_shape), np.float32))[0])
