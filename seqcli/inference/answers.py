"""How the outputs of a saved model become the cells of a row: as the task has them, or as was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
from seqcli.tasks.label_answers import label_answers
from seqcli.tasks.multilabel import Multilabel
from seqcli.tasks.reconstruct import Reconstruct
from seqcli.tasks.regress import Regress
from seqcli.tasks.steps import Steps
from seqcli.tasks.transcribe import Transcribe

Decoder: TypeAlias = Callable[[FloatArray], list[dict[str, Cell]]]
"""What is decoded, (N, *output_shape) → a row of named cells each, always the same names."""


def decoder(model: SavedModel, task: RowTask, options: PredictOptions) -> Decoder:
    """What makes cells of the model's outputs, as ``options`` say.

    Raises UsageError for ``--top-k`` and ``--threshold`` where they would make no sense.
    """
    if options.intervals is not None:
        return _with_intervals(model, task, options.intervals)
    if options.probabilities and isinstance(task, Transcribe):
        raise UsageError(
            f"--probabilities is of classes, and {model.path} writes what is said",
            "leave it out: the probability of the whole text is there",
        )
    if options.probabilities and isinstance(task, Reconstruct):
        raise UsageError(
            f"--probabilities is of classes, and {model.path} scores series", "leave out --probabilities"
        )
    if options.top_classes is None and options.threshold is None:
        return lambda outputs: task.decode(outputs, options.probabilities)
    typed = "--top-k" if options.top_classes is not None else "--threshold"
    if isinstance(task, Multilabel):
        return _labels(task, options)
    if not isinstance(task, Classify | Steps):
        does = "writes what is said" if isinstance(task, Transcribe) else "predicts numbers"
        does = "scores series" if isinstance(task, Reconstruct) else does
        raise UsageError(f"{typed} is of classes, and {model.path} {does}", f"leave out {typed}")
    classes = task.classes
    _check_top(options, len(classes), "classes")
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


def _check_top(options: PredictOptions, count: int, what: str) -> None:
    """Raise UsageError for a --top-k that makes no sense for so many classes, or labels."""
    if options.top_classes is None:
        return
    if options.probabilities:
        raise UsageError(
            f"--top-k names the likeliest {what}, --probabilities gives all", "leave out one of them"
        )
    if options.top_classes > count:
        raise UsageError(
            f"--top-k {options.top_classes}: the model has {count} {what}",
            f"--top-k {count} names all of them",
        )


def _labels(task: Multilabel, options: PredictOptions) -> Decoder:
    """The labels as asked for: the likeliest few, or those from a threshold on."""
    asked = task.labelling
    _check_top(options, len(asked.names), "labels")
    if options.top_classes is not None and options.threshold is not None:
        raise UsageError(
            "--threshold says which labels are given, --top-k gives so many", "leave out one of them"
        )
    if options.threshold is not None:
        name, least = options.threshold
        place = _class(name, asked.names) if name else None
        cuts = tuple(least if place in (None, at) else cut for at, cut in enumerate(asked.cuts))
        asked = replace(asked, cuts=cuts)
    asked = replace(asked, top=options.top_classes, probabilities=options.probabilities)
    return lambda outputs: label_answers(outputs, asked)


def _with_intervals(model: SavedModel, task: RowTask, levels: tuple[int, ...]) -> Decoder:
    """Numbers with the intervals of these levels."""
    if not isinstance(task, Regress):
        raise UsageError(
            f"--interval is of numbers, and {model.path} predicts "
            f"{' or '.join(task.plan.target) or 'what is odd'}",
            "leave out --interval",
        )
    if task.interval is None:
        raise UsageError(f"{model.path}: this model was saved without intervals", "train it again")
    return lambda outputs: task.with_intervals(outputs, levels)


def _class(name: str, classes: tuple[str, ...]) -> int:
    if name not in classes:
        close = near_miss(name, classes)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(classes[:8])}"
        raise UsageError(f"--threshold: the model has no class {name!r}", hint)
    return classes.index(name)


def result_keys(model: SavedModel, decode: Decoder) -> list[str]:
    """The names of the cells."""
    return list(decode(np.zeros((1, *model.network.answer_shape), np.float32))[0])
