"""One number a row, or a sequence of rows: the inputs of classify, a standardised target, Huber loss.

Beside each number stands an interval (:mod:`seqcli.tasks.regress_interval`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.options import Options
from seqcli.preprocessing.scaling import Scaler, StandardScaler, restore_scaler
from seqcli.readers.numbers import NumberForm
from seqcli.readers.roles import target_numbers
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultTable
from seqcli.sequences import TARGET, Batchable, Examples, IntArray, joined
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.classify_metrics import comparison_table
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.metrics import HIGHER_IS_BETTER
from seqcli.tasks.parts import Source, TargetRole, left_out_sentences, make_parts
from seqcli.tasks.regress_interval import USUAL, Interval, answers_of, interval_table
from seqcli.tasks.regress_metrics import error_table, number_scores
from seqcli.tasks.sizes import cell_warnings, choose_sizes, network_spec, training_defaults

DIGITS = 7
"""What float32 knows of a number."""
BANDS = 10
"""Parts get equal shares of this many bands of the target."""


@dataclass(frozen=True)
class Regress:
    """A fitted regression: its columns, its inputs, and how its target is written and scaled."""

    name: ClassVar[str] = "regress.v2"
    metric: ClassVar[str] = "mae"
    higher_is_better: ClassVar[bool] = HIGHER_IS_BETTER[metric]

    plan: Plan
    inputs: Inputs
    form: NumberForm
    scaler: Scaler
    interval: Interval | None = None
    """How far numbers may be off; None before that is measured, and in a model of the first version."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split by bands of the target, fit on the training rows, encode the three parts.

        Raises DataError for too few rows, a sequence with two answers, and a column that cannot play
        its role.
        """
        parts = make_parts(tables, plan, options, _target_role(plan))
        plan = parts.plan
        target = parts.train.table.numbers(plan.target[0])
        values = target.values[parts.train.first]
        inputs, rules = Inputs.fit(parts.train.table, plan, options)
        task = cls(plan, inputs, target.form, StandardScaler.fit(values[:, None]))
        train, validation, test = (task.encode_labelled(part.table) for part in parts.all)
        sizes = choose_sizes(inputs, train)
        return Prepared(
            task=task,
            train=train,
            validation=validation,
            test=test,
            network=replace(network_spec(inputs, sizes, (1,), options), band=True),
            loss="huber_and_band",
            training=training_defaults(sizes, train, options),
            rules=[*parts.rules, *rules, f"{plan.target[0]} scaled by {len(train):,} training rows"],
            warnings=[*left_out_sentences(plan), *parts.warnings, *cell_warnings(options, train)],
            source=Source(*(part.table for part in parts.all)),
            # Parts that came as files of their own stay out: their scores must mean something later on.
            refit=None if tables.validation or tables.test else lambda: joined([train, validation, test]),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rows to predict on must have."""
        return self.inputs.columns

    @property
    def text_column(self) -> str:
        """The one column that is read, where it is text."""
        return self.inputs.only_text

    def encode(self, table: Table) -> Batchable:
        """Rows to predict on as examples; ``row_ids`` names the (first) row of each."""
        return self.inputs.encode(table)[0]

    def encode_labelled(self, table: Table) -> Batchable:
        """Rows to score on; ``target`` (N, 1) is scaled. Rows whose number is not known are left out."""
        values = table.numbers(self.plan.target[0], self.form).values
        rows = np.flatnonzero(np.isfinite(values))
        examples = self.inputs.encode(table if len(rows) == len(table) else table.take(rows))[0]
        row_ids = rows[examples.row_ids]
        target = self.scaler.transform(values[row_ids][:, None]).astype(np.float32)
        return Batchable({**examples.fields, TARGET: target}, row_ids)

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that no prediction should rest on: position → what is wrong."""
        return self.inputs.bad_rows(table)

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """MAE, RMSE and R² of scaled outputs (N, 1[, 3]), in the target's own units."""
        return number_scores(self._numbers(outputs), self._numbers(_target(examples)))

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Regress:
        """With intervals as wide as outputs (N, 1, 3) for the validation part are off."""
        return replace(self, interval=Interval.fit(outputs, _target(examples)))

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Regress:
        """With intervals from the outputs (N, 1, 3) for all parts that were not learnt from."""
        held = [(outputs, _target(examples)) for outputs, examples in parts if len(examples)]
        if not held:
            return self
        outputs, target = (np.concatenate(each) for each in zip(*held, strict=True))
        return replace(self, interval=Interval.fit(outputs, target))

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other, the error in bands of the target, and how the intervals held.

        ``outputs`` are (N, 1[, 3]).
        """
        predicted, actual = self.numbers_of(outputs, examples)
        title = f"{self.plan.target[0]} on {len(actual):,} test {'sequences' if self.plan.id else 'rows'}"
        tables = [comparison_table(title, scores, ".4g"), error_table(predicted, actual)]
        if self.interval is None or not len(actual):
            return tables
        return [*tables, interval_table(USUAL, self.bounds(outputs, USUAL), actual)]

    def numbers_of(
        self, outputs: NDArray[np.float32], examples: Examples
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Predicted and true numbers, (N,) each, of outputs (N, 1[, 3]) for labelled examples."""
        return self._numbers(outputs), self._numbers(_target(examples))

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """The mean of the training rows, and ridge regression on the same inputs."""
        from seqcli.tasks.regress_baseline import baseline_numbers

        actual = [
            self._numbers(_target(part)) for part in (prepared.train, prepared.validation, prepared.test)
        ]
        found = baseline_numbers(self.inputs, prepared.source, actual)
        return [Scores(name, number_scores(predicted, actual[2])) for name, predicted in found.items()]

    def decode(self, outputs: NDArray[np.float32], probabilities: bool = False) -> list[dict[str, Cell]]:
        """The number of each row of scaled outputs (N, 1[, 3]) and its intervals; it has no probability."""
        return self.with_intervals(outputs, USUAL if self.interval else ())

    def with_intervals(self, outputs: NDArray[np.float32], levels: Sequence[int]) -> list[dict[str, Cell]]:
        """The number of each row of scaled outputs (N, 1[, 3]), and its intervals: lo80, hi80 and so on."""
        if not len(outputs):
            return []
        columns = {"prediction": self._numbers(outputs)}
        for level, (low, high) in zip(levels, self.bounds(outputs, levels), strict=True):
            columns |= {f"lo{level}": low, f"hi{level}": high}
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        return [
            {name: float(f"{value:.{DIGITS}g}") for name, value in zip(columns, row, strict=True)}
            for row in rows
        ]

    def bounds(
        self, outputs: NDArray[np.float32], levels: Sequence[int]
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """The ends (N,) of the interval of each level in the target's own units, of outputs (N, 1, 3)."""
        if self.interval is None:
            return []
        return [
            (self._unscaled(low), self._unscaled(high)) for low, high in self.interval.bounds(outputs, levels)
        ]

    def _numbers(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scaled outputs (N, 1[, 3]) → the target's own units (N,)."""
        return self._unscaled(answers_of(outputs)[:, 0])

    def _unscaled(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Scaled (N,) → the target's own units (N,)."""
        return self.scaler.inverse(values[:, None].astype(np.float64))[:, 0]

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "inputs": self.inputs.to_json(),
            "form": self.form.to_json(),
            "scaler": self.scaler.to_json(),
            "interval": self.interval.to_json() if self.interval else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Regress:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan = Plan.from_json(data["plan"])
            form = NumberForm.from_json(data["form"])
            inputs = Inputs.from_json(data["inputs"])
            scaler = restore_scaler(data["scaler"])
            interval = None if data["interval"] is None else Interval.from_json(data["interval"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        if scaler.shift.shape != (1,) or len(plan.target) != 1:
            raise ModelError("the model's target cannot be read", "train it again")
        return cls(plan, inputs, form, scaler, interval)


def _target(examples: Examples) -> NDArray[np.float32]:
    """The scaled targets of labelled examples, (N, 1)."""
    assert isinstance(examples, Batchable)
    target = examples.fields[TARGET]
    assert isinstance(target, np.ndarray)
    return target


def _target_role(plan: Plan) -> TargetRole:
    """How numbers are read: refused where they teach nothing, rows without one dropped, split by band."""
    name = plan.target[0]

    def bands(table: Table, rows: IntArray) -> list[str]:
        values = table.numbers(name).values[rows]
        edges = np.quantile(values, np.linspace(0, 1, BANDS + 1)[1:-1])
        return [str(band) for band in np.searchsorted(edges, values).tolist()]

    return TargetRole(
        check=lambda table: target_numbers(table, name).sentences,
        known=lambda table: np.flatnonzero(np.isfinite(table.numbers(name).values)),
        strata=bands,
    )
