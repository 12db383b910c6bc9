"""What a saved model is for, and the refusal of a command that it is not for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

from seqcli.errors import ModelError, UsageError
from seqcli.inference.trust import saved_task
from seqcli.model_dir import SavedModel

if TYPE_CHECKING:
    from seqcli.options import ColumnOptions
    from seqcli.readers.table import Table
    from seqcli.tasks.base import Task
    from seqcli.tasks.language import Language
    from seqcli.tasks.reconstruct import Reconstruct
    from seqcli.tasks.transcribe import Transcribe

_DOES = {"predict": "predicts rows", "forecast": "forecasts", "generate": "writes text"}
_MUSIC = ("music", "pianoroll")
_DOES_NOT = {"predict": "predict rows", "forecast": "forecast", "generate": "write text"}
_LINES = {"predict": "predict FILE", "forecast": "forecast FILE", "generate": "generate"}


def command_of(task: Task) -> str:
    """The command that a task's models are for: "predict", "forecast" or "generate"."""
    if hasattr(task, "decode") or hasattr(task, "with_chain"):
        return "predict"
    return "generate" if hasattr(task, "corpus") or hasattr(task, "style") else "forecast"


Some = TypeVar("Some")


def judging(task: Some, table: Table, columns: ColumnOptions) -> Some:
    """``task``, and where it looks for odd series what of ``table`` is known to be odd.

    That is what ``columns`` say, else what was saved, else what a column can only mean.
    Raises UsageError for values that are typed where nothing is looked for.
    """
    if not hasattr(task, "known"):
        if columns.anomalous:
            raise UsageError(
                "--anomalous says which series are odd, and this model looks for none",
                "leave out --anomalous",
            )
        return task
    from seqcli.tasks.reconstructing.plan import known_in

    own = cast("Reconstruct", task)
    return cast(Some, replace(own, known=known_in(table, columns, own.known)))


def with_beam(task: Some, beam: int | None) -> Some:
    """``task`` as it searches with so many beams. Raises UsageError where it writes no transcripts."""
    if beam is None:
        return task
    if not hasattr(task, "beam"):
        raise UsageError("--beam is of transcripts, and this model writes none", "leave out --beam")
    return cast(Some, replace(cast("Transcribe", task), beam=beam))


def wrong_kind(model: SavedModel, task: Task, wanted: str) -> UsageError:
    """The error for a model that the command ``wanted`` cannot use, with the command that can."""
    command = command_of(task)
    does = "writes music" if task.plan.task in _MUSIC else _DOES[command]
    return UsageError(
        f"{model.path}: this model {does}, it does not {_DOES_NOT[wanted]}",
        f"seqcli {_LINES[command]} -m {model.path}",
    )


def language_task(model: SavedModel) -> Language:
    """The model's task, when it writes text and its network reads the tokens that the task makes.

    Raises :class:`UsageError` for any other kind of model, :class:`ModelError` for a damaged one.
    """
    task = saved_task(model)
    if command_of(task) != "generate":
        raise wrong_kind(model, task, "generate")
    if not hasattr(task, "corpus"):
        raise UsageError(f"{model.path}: this model writes frames of keys, not tokens", "")
    language = cast("Language", task)
    spec, sizes = model.network, {"tokens": language.corpus.size}
    if language.conditions:
        sizes["condition"] = len(language.conditions) + 2
    if language.given is not None:
        sizes["given"] = len(language.given.names)
    if not spec.streams or {item.field: item.size for item in spec.inputs} != sizes:
        raise ModelError(f"{model.path}: its network does not read what its task writes", "train it again")
    if spec.output_shape != (language.corpus.size,):
        raise ModelError(f"{model.path}: its network has another number of tokens than its task")
    return language
