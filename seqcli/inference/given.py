"""What a text depends on: the values that were typed become what the network reads at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from seqcli.errors import UsageError, near_miss
from seqcli.sequences import AnyArray
from seqcli.tasks.language_rows import given_vector

if TYPE_CHECKING:
    from seqcli.readers.table import Table
    from seqcli.tasks.language import Language

CONDITION, GIVEN = "condition", "given"
_NAMED = 5
"""Values that are named one by one."""


def given_fields(task: Language, told: Mapping[str, str] | None) -> tuple[dict[str, AnyArray], str]:
    """Fields that are the same at every step, (1,) or (1, F), and what should be said of the choice.

    Where nothing is told the first value is taken. Raises :class:`UsageError` for a column or a value that
    the model does not know.
    """
    if task.given is not None:
        vector, note = given_vector(task.given, told or {})
        return {GIVEN: vector}, note
    values = task.conditions
    if not values and told:
        raise UsageError(
            "--given: this model's text depends on no column",
            "leave it out, or train a model with --condition COLUMN",
        )
    if not values:
        return {}, ""
    column = task.plan.features[0]
    listed = ", ".join(values[:_NAMED]) + (", …" if len(values) > _NAMED else "")
    if not told:
        note = f"--given {column}={values[0]}, the first of {len(values)} values: {listed}"
        return {CONDITION: task.condition_ids([values[0]])}, note
    for name, value in told.items():
        if name != column:
            raise UsageError(
                f"--given: the text depends on {column}, not on {name}", f"its values are {listed}"
            )
        if value not in values:
            close = near_miss(value, values)
            hint = f"did you mean {column}={close}?" if close else f"its values are {listed}"
            raise UsageError(f"--given: {column} has no value {value!r}", hint)
    return {CONDITION: task.condition_ids([told[column]])}, ""


def row_fields(task: Language, table: Table) -> list[dict[str, AnyArray]]:
    """For each row of ``table`` the fields that its text depends on, (1,) or (1, F)."""
    if task.given is not None:
        return [{GIVEN: row[None]} for row in task.given.matrix(table)]
    ids = task.condition_ids([cell.strip() for cell in table.cells(task.plan.features[0])])
    return [{CONDITION: ids[row : row + 1]} for row in range(len(ids))]
