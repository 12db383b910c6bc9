"""What drove the predictions of a saved model. Each kind of task has its own way; forecasts are the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from seqcli.errors import UsageError
from seqcli.inference.carried import network_outputs
from seqcli.inference.forecast import refuse_infinite
from seqcli.inference.kinds import command_of
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel

if TYPE_CHECKING:
    from seqcli.readers.table import Table
    from seqcli.tasks.forecast import Forecast
    from seqcli.tasks.forecasting.explain import Explanation, Question

_INSTEAD = {"predict": "predict FILE --probabilities", "generate": "evaluate FILE --per-token"}
"""What says most about the other kinds of models so far."""


def explainable(model: SavedModel) -> Forecast:
    """The model's task, when it can be explained. Raises :class:`UsageError` when it cannot yet."""
    task = saved_task(model)
    command = command_of(task)
    if command != "forecast":
        line = _INSTEAD[command].replace(
            " --probabilities", "" if task.plan.task == "regress" else " --probabilities"
        )
        raise UsageError(
            f"{model.path}: explain takes a forecaster so far, not a model of the task {task.plan.task}",
            f"seqcli {line} -m {model.path}",
        )
    return cast("Forecast", task)


def explain_forecast(model: SavedModel, task: Forecast, table: Table, question: Question) -> Explanation:
    """What drove the forecast of the model's own ``task`` after the last row of each series of ``table``."""
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
