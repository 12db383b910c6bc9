"""A language model whose text depends on several columns of its row, numbers among them.

The columns become one vector a row, as the numeric inputs of a classifier do: numbers scaled on training
rows, a channel a class. Every step of a row's text reads it beside the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError, UsageError, near_miss
from seqcli.options import Options
from seqcli.preprocessing.byte_corpus import AnyCorpus, restore_corpus
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.features import Features
from seqcli.tasks.language import Language

BAD_SHARE = 0.01
"""Share of cells that are no numbers up to which they count as missing."""


@dataclass(frozen=True)
class RowLanguage(Language):
    """A language model with the columns that its text depends on."""

    name: ClassVar[str] = "language.v2"

    @classmethod
    def fit(cls, plan: Plan, corpus: AnyCorpus, rows: Table, options: Options) -> RowLanguage:
        """Fit the columns on training ``rows``. Raises DataError for one that is no number too often."""
        given = Features.fit(rows, plan.features, options.reading.missing)
        for column in given.numbers:
            bad = rows.numbers(column.name, column.form).bad
            if len(bad) > BAD_SHARE * len(rows):
                where = rows.where(bad[0].row, column.name)
                raise DataError(f"{where}: {bad[0].text!r} is not a number", "mend it, or leave it out")
        return cls(plan, corpus, given=given)

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        assert self.given is not None
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "corpus": self.corpus.to_json(),
            "given": self.given.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RowLanguage:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan, corpus = Plan.from_json(data["plan"]), restore_corpus(data["corpus"])
            given = Features.from_json(data["given"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        if len(plan.text) != 1 or not plan.features or set(plan.features) != set(given.columns):
            raise ModelError("the model's columns cannot be read", "train it again")
        return cls(plan, corpus, given=given)


def given_vector(given: Features, told: Mapping[str, str]) -> tuple[NDArray[np.float32], str]:
    """The vector (1, F) of what was ``told`` by column, and what was chosen for the other columns.

    A number that is not told is the mean, a class the first. Raises UsageError for a column or a value that
    the model does not know.
    """
    for name in told:
        if name not in given.columns:
            close = near_miss(name, given.columns)
            hint = f"did you mean {close}?" if close else f"it depends on {', '.join(given.columns)}"
            raise UsageError(f"--given: the text does not depend on {name}", hint)
    cells, chosen = dict(told), []
    for place, column in enumerate(given.numbers):
        if column.name not in told:
            mean = float(given.scaler.shift[place])
            cells[column.name] = repr(mean)
            chosen.append(f"{column.name}={mean:.4g}")
    for classes in given.classes:
        if classes.name not in told:
            cells[classes.name] = classes.values[0]
            chosen.append(f"{classes.name}={classes.values[0]}")
        elif told[classes.name] not in classes.values:
            close = near_miss(told[classes.name], classes.values)
            hint = f"did you mean {classes.name}={close}?" if close else _listed(classes.values)
            raise UsageError(f"--given: {classes.name} has no value {told[classes.name]!r}", hint)
    names = given.columns
    table = Table.from_records("--given", names, [tuple(cells[name] for name in names)], [1])
    for place, column in enumerate(given.numbers):
        told_number = told.get(column.name)
        if told_number is not None and not np.isfinite(table.numbers(column.name, column.form).values[0]):
            mean = float(given.scaler.shift[place])
            raise UsageError(
                f"--given: {column.name}={told_number} is not a number", f"such as {column.name}={mean:.4g}"
            )
    matrix = given.matrix(table)
    for place, column in enumerate(given.numbers):
        if column.name not in told:
            matrix[0, place] = 0.0  # the mean itself, however its column is written
    return matrix, f"--given {','.join(chosen)}, means and first values" if chosen else ""


def _listed(values: tuple[str, ...]) -> str:
    return "its values are " + ", ".join(values[:5]) + (", …" if len(values) > 5 else "")
