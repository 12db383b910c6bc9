"""The tasks by name. A name carries a version, so that a saved model keeps its meaning."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from seqcli.errors import ModelError, UsageError, near_miss
from seqcli.options import Options
from seqcli.tasks.base import Plan, Prepared, Tables, Task

TASKS = {
    "classify.v1": "seqcli.tasks.classify_first:FirstClassify",
    "classify.v2": "seqcli.tasks.classify:Classify",
    "multilabel.v1": "seqcli.tasks.multilabel:Multilabel",
    "regress.v1": "seqcli.tasks.regress_first:FirstRegress",
    "regress.v2": "seqcli.tasks.regress:Regress",
    "forecast.v1": "seqcli.tasks.forecasting.first:FirstForecast",
    "forecast.v2": "seqcli.tasks.forecast:Forecast",
    "language.v1": "seqcli.tasks.language:Language",
    "language.v2": "seqcli.tasks.language_rows:RowLanguage",
    "music.v1": "seqcli.tasks.music:Music",
    "pianoroll.v1": "seqcli.tasks.pianoroll:PianoRoll",
    "translate.v1": "seqcli.tasks.translate:Translate",
    "tag.v1": "seqcli.tasks.tag:Tag",
    "steps.v1": "seqcli.tasks.steps:Steps",
    "reconstruct.v1": "seqcli.tasks.reconstruct:Reconstruct",
    "transcribe.v1": "seqcli.tasks.transcribe:Transcribe",
}
CURRENT = {name.partition(".")[0]: name for name in TASKS}
"""What ``Plan.task`` and ``--task`` mean in a new training."""


def task_class(name: str) -> Any:
    """The class registered as ``name``; its module is imported here and not before."""
    module, _, attribute = TASKS[name].partition(":")
    return getattr(import_module(module), attribute)


def prepare(tables: Tables, plan: Plan, options: Options) -> Prepared:
    """Split, fit on the training rows and encode, by the task that ``plan`` names."""
    if plan.task not in CURRENT:
        close = near_miss(plan.task, CURRENT)
        raise UsageError(f"no task is called {plan.task!r}", f"did you mean {close!r}?" if close else "")
    prepared: Prepared = task_class(CURRENT[plan.task]).prepare(tables, plan, options)
    return prepared


def load_task(data: dict[str, Any]) -> Task:
    """Rebuild a fitted task from its ``to_json``; raises ModelError when it cannot be one."""
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(name, str) or name not in TASKS:
        raise ModelError(f"the model's task is {name!r}, which this version does not know", "update seqcli")
    task: Task = task_class(name).from_json(data)
    return task
