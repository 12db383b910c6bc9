from __future__ import annotations

import pytest

from seqcli.errors import ModelError, UsageError
from seqcli.options import ColumnOptions, Options
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.registry import CURRENT, TASKS, load_task, prepare, task_class


def test_names_carry_versions_and_classes_their_names() -> None:
    assert set(CURRENT.values()) <= set(TASKS)
    for name in TASKS:
        kind = name.partition(".")[0]
        # An earlier version is read as what it is today, or is still made where it says all there is.
        assert task_class(name).name in (name, CURRENT[kind])


def test_options_offer_the_tasks_that_are_here() -> None:
    offered = ColumnOptions.__dataclass_fields__["task"].metadata["choices"]
    assert set(offered) == set(CURRENT)


def test_prepare_takes_the_task_that_the_plan_names(table_of) -> None:
    rows = "\n".join(f"{i % 7 / 3},{'ab'[i % 2]}" for i in range(40))
    table = table_of(f"x,label\n{rows}")
    prepared = prepare(Tables(table), Plan("classify", ("label",), features=("x",)), Options())
    assert prepared.task.name == "classify.v2"
    assert load_task(prepared.task.to_json()) == prepared.task


def test_an_unknown_task_gets_a_near_miss(table_of) -> None:
    with pytest.raises(UsageError) as error:
        prepare(Tables(table_of("x\n1\n")), Plan("clasify", ("x",)), Options())
    assert "classify" in error.value.hint


@pytest.mark.parametrize("data", [{}, {"name": "classify.v9"}, {"name": 3}, {"name": ["classify.v1"]}, None])
def test_an_unknown_saved_task_is_a_model_error(data) -> None:
    with pytest.raises(ModelError):
        load_task(data)
