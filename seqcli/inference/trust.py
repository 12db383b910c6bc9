"""A saved task is as foreign as the rest of its directory: what it breaks is the model's fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from seqcli.errors import ModelError
from seqcli.model_dir import TASK_ARRAY, SavedModel
from seqcli.saved.record import WEIGHTS
from seqcli.tasks.base import Chained, Mixing, Task
from seqcli.tasks.registry import load_task


def saved_task(model: SavedModel) -> Task:
    """The fitted task of a model. Raises :class:`ModelError` when its description is no task."""
    try:
        with blamed_on(model):
            task = load_task(model.record["task"])
            if isinstance(task, Mixing):
                return task.with_arrays(model.weights(of_task=True))
            if any(name.startswith(TASK_ARRAY) for name in model.record["files"][WEIGHTS]["tensors"]):
                raise ModelError(
                    f"{model.path}/{WEIGHTS}: holds arrays that the model's task does not read",
                    "train the model again",
                )
            return task.with_chain(model.weights()) if isinstance(task, Chained) else task
    except (AttributeError, TypeError, RecursionError) as error:
        raise _blame(model, error) from error


@contextmanager
def blamed_on(model: SavedModel) -> Iterator[None]:
    """Run a saved task's code: numbers in it that make no sense end as one :class:`ModelError`.

    ``model.json`` and the task have checked every form, but values of the right form can still not
    fit together (a scale of 1e308, a class that is not there). Errors of other kinds are bugs of
    ours, and pass; so do our own errors, on bad data above all.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except (ArithmeticError, LookupError, ValueError) as error:
        raise _blame(model, error) from error


def _blame(model: SavedModel, error: Exception) -> ModelError:
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    return ModelError(
        f"{model.path}/model.json: what the task learnt cannot be applied ({what})", "train the model again"
    )
