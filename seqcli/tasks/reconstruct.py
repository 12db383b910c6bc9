"""How odd a series is: a network learns to write usual series again, and fails at what it never saw.

The score is the error of reconstruction beside what is usual on the validation part
(:mod:`seqcli.tasks.reconstructing.calibration`). Labels are never learnt from; where a column says which
series are odd, those are kept out of training, and the scores are judged by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultTable
from seqcli.sequences import TARGET, Batchable, Examples, IntArray, Sequences
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.inputs import VALUES
from seqcli.tasks.parts import Source, left_out_sentences
from seqcli.tasks.reconstructing.calibration import Calibration, pooled
from seqcli.tasks.reconstructing.linear import Components
from seqcli.tasks.reconstructing.odd import Known, known_column
from seqcli.tasks.reconstructing.parts import series_parts
from seqcli.tasks.reconstructing.report import odd_scores, report_tables
from seqcli.tasks.reconstructing.series import Series
from seqcli.tasks.reconstructing.sizes import code_size, network_spec, training_defaults

ODD = "odd"
"""The field (N,) that is 1 for a series known to be odd, 0 for a usual one, NaN where nobody says."""
RATE = 0.05
ANSWERS = ("score", "p_value", "worst_step", "worst_channel")
"""What is decoded of a series, in this order."""
DIGITS = 7
ANOMALY, NORMAL = "anomaly", "normal"


@dataclass(frozen=True)
class Reconstruct:
    """A fitted reconstruction: how series are read, what is known to be odd, and what errors are usual."""

    name: ClassVar[str] = "reconstruct.v1"
    metric: ClassVar[str] = "mse"
    higher_is_better: ClassVar[bool] = False

    plan: Plan
    series: Series
    known: Known | None
    rate: float
    """Share of usual series that are taken for odd."""
    calibration: Calibration | None = None
    """None before the network is trained."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split the usual series, fit on the training ones, encode the three parts.

        Raises DataError for too few series and for a column that cannot play its role.
        """
        typed = options.columns
        known = known_column(tables.main, plan.target[0], typed.anomalous) if plan.target else None
        parts = series_parts(tables, plan, options, known)
        plan = parts.plan
        series = Series.fit(parts.train.table, plan, options.reading.missing)
        rate = RATE if typed.false_alarms is None else typed.false_alarms
        task = cls(plan, series, known, rate)
        train, validation, test = (task.encode_labelled(part.table) for part in parts.all)
        values, offsets = _read(train)
        components = Components.fit(values, offsets, series.usual)
        size = code_size(components, options)
        typed_size = (
            "as typed" if options.network.bottleneck else "as many as components with 95 % of variance"
        )
        return Prepared(
            task=task,
            train=train,
            validation=validation,
            test=test,
            network=network_spec(series, train, size, options),
            loss="series",
            training={**training_defaults(train, options), "bottleneck": size},
            rules=[
                *parts.rules,
                f"numbers scaled by {len(train):,} training series",
                f"code of {size} numbers: {typed_size}",
            ],
            warnings=[*left_out_sentences(plan), *parts.warnings],
            source=Source(*(part.table for part in parts.all)),
            counts=("series", (len(train), len(validation), len(test))),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rows to predict on must have."""
        return self.series.columns

    @property
    def text_column(self) -> str:
        """No line of text is a series."""
        return ""

    def encode(self, table: Table) -> Batchable:
        """Series to score; ``row_ids`` names the (first) row of each."""
        return self.series.encode(table)

    def encode_labelled(self, table: Table) -> Batchable:
        """As :meth:`encode`, with the field ``odd`` where the file has the column that says it."""
        examples = self.encode(table)
        if self.known is None or self.known.column not in table.names:
            return examples
        return Batchable({**examples.fields, ODD: self.known.of(table, examples.row_ids)}, examples.row_ids)

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that no score should rest on: position → what is wrong."""
        return self.series.bad_rows(table)

    # ---- scores ----------------------------------------------------------------------------------

    def errors(self, outputs: NDArray[Any], examples: Examples) -> tuple[NDArray[np.float64], IntArray]:
        """How far outputs (M, C) of all steps end to end are off, NaN in gaps, and offsets (N + 1,)."""
        assert isinstance(examples, Batchable)
        target = examples.fields[TARGET]
        assert isinstance(target, Sequences)
        start, stop = int(target.offsets[0]), int(target.offsets[-1])
        values = target.values[start:stop].astype(np.float64)
        return values - outputs.reshape(values.shape), target.offsets - start

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Mean squared error of usual series, by outputs (M, C), and how well odd ones are told apart."""
        return self._score(outputs, examples, self.calibration)

    def _score(
        self, outputs: NDArray[Any], examples: Examples, calibration: Calibration | None
    ) -> dict[str, float]:
        errors, offsets = self.errors(outputs, examples)
        odd = odd_of(examples)
        usual = np.repeat(odd != 1, np.diff(offsets))
        known = errors[usual][~np.isnan(errors[usual])]
        values = {"mse": float((known**2).mean()) if len(known) else np.nan}
        if calibration is None:
            return values
        scores = pooled(calibration.steps(errors), offsets)
        return {**values, **odd_scores(scores, odd, calibration.threshold)}

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Reconstruct:
        """With what errors are usual, by outputs (M, C) for the validation part."""
        errors, offsets = self.errors(outputs, examples)
        return replace(self, calibration=Calibration.fit(errors, offsets, self.rate))

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Reconstruct:
        """What was usual on the validation part stays so; outputs are (M, C)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other, and where errors are; ``outputs`` are (M, C)."""
        assert self.calibration is not None
        errors, offsets = self.errors(outputs, examples)
        found = pooled(self.calibration.steps(errors), offsets)
        return report_tables(scores, found, odd_of(examples), self.calibration, self.rate)

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """As many principal components as the code has numbers, and the mean of each step."""
        values, offsets = _read(prepared.train)
        fitted = Components.fit(values, offsets, self.series.usual)
        size = prepared.network.bottleneck
        found = []
        for name, count in ((f"PCA, {size} components", size), ("mean of each step", 0)):
            held, test = (
                fitted.written(*_read(part), count) for part in (prepared.validation, prepared.test)
            )
            usual = Calibration.fit(*self.errors(held, prepared.validation), self.rate)
            found.append(Scores(name, self._score(test, prepared.test, usual)))
        return found

    # ---- answers ---------------------------------------------------------------------------------

    def joined(self, outputs: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
        """Outputs (M, C) of all steps → :data:`ANSWERS` of each series, (N, 4)."""
        assert self.calibration is not None
        errors, offsets = self.errors(outputs, examples)
        steps = self.calibration.steps(errors)
        scores = pooled(steps, offsets)
        worst = [
            int(start + np.nan_to_num(steps[start:stop], nan=-1.0).argmax())
            for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
        ]
        channel = self.calibration.channels(errors[worst])
        found = (scores, self.calibration.p_values(scores), worst - offsets[:-1] + 1, channel)
        return np.stack(found, axis=1).astype(np.float32)

    def decode(self, outputs: NDArray[np.float32], probabilities: bool = False) -> list[dict[str, Cell]]:
        """What is said of each series, by joined outputs (N, 4); probabilities there are none."""
        assert self.calibration is not None
        if outputs.shape[1:] != (len(ANSWERS),):
            outputs = np.zeros((len(outputs), len(ANSWERS)), np.float32)
        threshold = self.calibration.threshold
        return [
            {
                "prediction": ANOMALY if score > threshold else NORMAL,
                "score": _short(score),
                "threshold": _short(threshold),
                "p_value": _short(chance),
                "worst_step": int(step),
                "worst_channel": self.series.channels[int(channel)],
            }
            for score, chance, step, channel in outputs.tolist()
        ]

    # ---- saving ----------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "series": self.series.to_json(),
            "known": self.known.to_json() if self.known else None,
            "rate": self.rate,
            "calibration": self.calibration.to_json() if self.calibration else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Reconstruct:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan, series = Plan.from_json(data["plan"]), Series.from_json(data["series"])
            known = None if data["known"] is None else Known.from_json(data["known"])
            rate = float(data["rate"])
            calibration = Calibration.from_json(data["calibration"], len(series.channels))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        if not 0 < rate < 1:
            raise ModelError("the model's rate of false alarms cannot be read", "train it again")
        return cls(plan, series, known, rate, calibration)


def odd_of(examples: Examples) -> NDArray[np.float32]:
    """1 for a series known to be odd, 0 for a usual one, NaN where nobody says: (N,)."""
    assert isinstance(examples, Batchable)
    found = examples.fields.get(ODD)
    return found if isinstance(found, np.ndarray) else np.full(len(examples), np.nan, np.float32)


def _read(examples: Examples) -> tuple[NDArray[np.float64], IntArray]:
    """What is to be written again, gaps filled, (M, C), and offsets (N + 1,)."""
    assert isinstance(examples, Batchable)
    field, target = examples.fields[VALUES], examples.fields[TARGET]
    assert isinstance(field, Sequences)
    assert isinstance(target, Sequences)
    return field.values[:, : target.values.shape[1]].astype(np.float64), field.offsets


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
