"""What drove the forecasts of a saved model; for texts see :mod:`seqcli.inference.explain_text`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from seqcli.errors import UsageError
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_members import reads_texts
from seqcli.tasks.multilabel import Multilabel

if TYPE_CHECKING:
    from seqcli.readers.table import Table
    from seqcli.tasks.forecast import Forecast
    from seqcli.tasks.forecasting.explain import Explanation, Question


def explainable(model: SavedModel) -> Forecast | Classify | Multilabel:
    """The model's task, when it forecasts, or classifies texts or DNA.

    Raises :class:`UsageError` for all others.
    """
    task = saved_task(model)
    if task.plan.task == "forecast":
        return cast("Forecast", task)
    if isinstance(task, Classify | Multilabel) and reads_texts(task.inputs):
        return task
    if isinstance(task, Classify) and task.inputs.dna is not None:
        return task
    if isinstance(task, Classify | Multilabel):
        what, instead = "one that classifies by columns", "predict FILE --probabilities"
    else:
        what = f"one of the task {task.plan.task}"
        rows = ("regress", "tag", "transcribe", "reconstruct")
        instead = "predict FILE" if task.plan.task in rows else "evaluate FILE --per-token"
        instead = "predict FILE --align" if task.plan.task == "translate" else instead
    raise UsageError(
        f"{model.path}: explain takes a forecaster or a classifier of texts, not {what}",
        f"seqcli {instead} -m {model.path}",
    )


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
