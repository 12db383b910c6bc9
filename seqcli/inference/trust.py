"""A saved task is as foreign as the rest of its directory: what it breaks is the model's fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from seqcli.errors import ModelError
from seqcli.model_dir import SavedModel
from seqcli.tasks.base import Task
from seqcli.tasks.registry import load_task


def saved_task(model: SavedModel) -> Task:
    """The fitted task of a model. Raises :class:`ModelError` when its description is no task."""
    with blamed_on(model):
        return load_task(model.record["task"])


@contextmanager
def blamed_on(model: SavedModel) -> Iterator[None]:
    """Run a saved task's code: what its fitted values break is one :class:`ModelError`.

    ``model.json`` is checked for its form, but numbers of the right form can still make no sense (a
    scale of 1e308, a class that is not there). Our own errors, on bad data above all, pass.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise ModelError(
            f"{model.path}/model.json: what the task learnt cannot be applied ({what})", "train the model again"
        ) from error
