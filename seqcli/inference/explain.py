"""Which models can be explained, and what drove the forecasts of one.

Texts are in :mod:`seqcli.inference.explain_text`, DNA in :mod:`.mutagenesis`, tags in :mod:`.explain_tags`,
translations in :mod:`.explain_translations`, sound, series and columns in :mod:`.explain_steps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcli.errors import UsageError
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_members import reads_texts
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.multilabel import Multilabel
from seqcli.tasks.regress import Regress

if TYPE_CHECKING:
    from seqcli.readers.table import Table
    from seqcli.tasks.base import Task
    from seqcli.tasks.forecast import Forecast
    from seqcli.tasks.forecasting.explain import Explanation, Question


NEXT = ("language", "music", "pianoroll")
"""Tasks that say what comes next, at every step anew."""
EACH_STEP = {"steps": "predict FILE --probabilities", "reconstruct": "predict FILE --per-step"}
"""Tasks of numbers whose every step has an answer of its own, and what to look at instead."""


def explainable(model: SavedModel) -> Task:
    """The model's task, unless it goes on with what it reads, or reads rows that cannot be taken apart.

    Raises :class:`UsageError` for these.
    """
    task = saved_task(model)
    if task.plan.task in NEXT:
        raise UsageError(
            f"{model.path}: explain takes a model that answers what it reads, not one that goes on with it",
            f"seqcli evaluate FILE --per-token -m {model.path} says how well each step was foreseen",
        )
    if task.plan.task in EACH_STEP:
        raise UsageError(
            f"{model.path}: explain takes a model with one answer a row, not one with an answer a step",
            f"seqcli {EACH_STEP[task.plan.task]} -m {model.path}",
        )
    inputs = getattr(task, "inputs", None)
    taken_apart = explains_text(task) or explains_bases(task)
    if isinstance(inputs, Inputs) and not (taken_apart or reads_numbers(inputs)):
        what = "DNA with a number or several labels" if inputs.dna else "texts that lie over several rows"
        raise UsageError(
            f"{model.path}: explain does not take {what}",
            f"seqcli predict FILE --probabilities -m {model.path}",
        )
    return task


def explains_text(task: Task) -> bool:
    """Whether a task reads texts, one a row, and answers with a class, labels or a number."""
    return isinstance(task, Classify | Multilabel | Regress) and reads_texts(task.inputs)


def explains_bases(task: Task) -> bool:
    """Whether a task tells the classes of DNA."""
    return isinstance(task, Classify) and task.inputs.dna is not None


def reads_numbers(inputs: Inputs) -> bool:
    """Whether rows are columns, series of them, or sound, and nothing else."""
    return inputs.vocabulary is None and inputs.dna is None


def explain_forecast(model: SavedModel, task: Forecast, table: Table, question: Question) -> Explanation:
    """What drove the forecast of the model's own ``task`` after the last row of each series of ``table``."""
    from seqcli.inference.carried import network_outputs
    from seqcli.inference.forecast import refuse_infinite
    from seqcli.tasks.forecasting.explain import explain, without_network

    with blamed_on(model):
        run = without_network(task)
        if task.network_counts:
            if model.network.stateful:
                raise UsageError(
                    f"{model.path}: its state is carried over all rows, so no window holds what drove it",
                    "train without --stateful to see which lags count",
                )
            run = network_outputs(model)
        found = explain(task, table, run, question)
        refuse_infinite(model, found.rows.rows)
    return found
