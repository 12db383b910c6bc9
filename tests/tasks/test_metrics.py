"""Which way metrics go: known for every metric of every task, and said nowhere else."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from seqcli.tasks.metrics import HIGHER_IS_BETTER, is_worse
from seqcli.tasks.registry import load_task

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_way_of_every_metric_that_a_task_reports_is_known() -> None:
    for model in GOLDEN.glob("*.seqcli"):
        record = json.loads((model / "model.json").read_text(encoding="utf-8"))
        for values in record["metrics"].values():
            assert set(values) <= set(HIGHER_IS_BETTER), model.name


@pytest.mark.parametrize("model", sorted(GOLDEN.glob("*.seqcli")), ids=lambda model: model.stem)
def test_a_task_chooses_epochs_by_the_way_of_its_metric(model: Path) -> None:
    task = load_task(json.loads((model / "model.json").read_text(encoding="utf-8"))["task"])
    assert task.higher_is_better == HIGHER_IS_BETTER[task.metric]


@pytest.mark.parametrize(
    ("metric", "value", "limit", "worse"),
    [
        ("accuracy", 0.8, 0.9, True),
        ("accuracy", 0.9, 0.9, False),
        ("r2", -0.1, 0.0, True),
        ("mae", 3.1, 3.0, True),
        ("mae", 3.0, 3.0, False),
        ("log_loss", 0.2, 0.4, False),
        ("mae", math.nan, 3.0, True),
        ("accuracy", math.nan, 0.0, True),
    ],
)
def test_worse_is_below_a_limit_or_above_it(metric: str, value: float, limit: float, worse: bool) -> None:
    assert is_worse(metric, value, limit) is worse
