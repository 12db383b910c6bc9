"""A label for each step: of each row of a series of numbers, or of each base of DNA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError, UsageError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultTable
from seqcli.sequences import TARGET, WEIGHT, Batchable, Examples, FloatArray, IntArray, Sequences, joined
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.class_weights import usual_of, weights_of
from seqcli.tasks.classify_answers import Asked, answers
from seqcli.tasks.classify_metrics import (
    LEAST_TEMPERATURE,
    MOST_TEMPERATURE,
    best_temperature,
    calibration_table,
    class_scores,
    class_table,
    comparison_table,
    confusion_matrix,
    confusion_table,
    log_softmax,
)
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.leaks import Answers, leaking
from seqcli.tasks.metrics import HIGHER_IS_BETTER
from seqcli.tasks.parts import label_rows, left_out_sentences
from seqcli.tasks.ranking_metrics import ranking_scores
from seqcli.tasks.sizes import cell_warnings, network_spec
from seqcli.tasks.stepping.parts import StepParts, counted_series, labels_of, make_step_parts
from seqcli.tasks.stepping.reading import STEP, StepInputs
from seqcli.tasks.stepping.sizes import choose_sizes, training_defaults

NOT_SCORED, UNSEEN = 0, -1
"""Targets of steps without a label or at a margin, and of those with a class that training did not see; class
c is c + 1, so that padding is not scored either."""
PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"))
"""Letters that mean something else from the other end."""


@dataclass(frozen=True)
class Steps:
    """A fitted labeller of steps: its columns, its inputs, its classes in order."""

    name: ClassVar[str] = "steps.v1"
    metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = HIGHER_IS_BETTER[metric]

    plan: Plan
    reads: StepInputs
    classes: tuple[str, ...]
    scale: float = 1.0
    """What the network's logits are multiplied with, so that probabilities fit the validation part."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split by series, fit on the training part, encode the three parts.

        Raises DataError for one label, too few steps, and where a column cannot play its role.
        """
        parts = make_step_parts(tables, plan, options)
        classes = _classes(labels_of(parts.train, plan))
        plan = _without_leaks(parts, classes, options)
        if options.network.reverse_complement:
            _refuse_pairs(tables.main, plan, classes)
        both_ways = options.network.bidirectional is not False
        reads, rules = StepInputs.fit(parts.train, plan, options, both_ways)
        task = cls(plan, reads, classes)
        train, validation, test = (task.encode_labelled(table) for table in parts.all)
        counts = np.bincount(_target(train)[_target(train) > 0] - 1, minlength=len(classes))
        weighed = options.training.class_weight or usual_of(counts)
        weights = weights_of(counts) if weighed == "auto" else None
        sizes = choose_sizes(reads.inputs)
        warnings = [*left_out_sentences(plan), *parts.warnings, *_unseen(validation, test)]
        scored = [int((_target(part) != NOT_SCORED).sum()) for part in (train, validation, test)]
        return Prepared(
            task=task,
            train=_weigh(train, weights),
            validation=validation,
            test=test,
            network=network_spec(reads.inputs, sizes, (len(classes),), options),
            loss="steps",
            training={
                **training_defaults(sizes, train, options),
                "label_smoothing": sizes.label_smoothing,
                "class_weight": weighed,
            },
            rules=[*parts.rules, *rules],
            warnings=[*warnings, *cell_warnings(options, train)],
            counts=("steps", (scored[0], scored[1], scored[2])),
            # Parts that came as files of their own stay out: their scores must mean something later on.
            refit=None
            if tables.validation or tables.test
            else lambda: joined([_weigh(part, weights) for part in (train, validation, test)]),
        )

    @property
    def inputs(self) -> Inputs:
        """How a step is read."""
        return self.reads.inputs

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rows to predict on must have."""
        time = (self.plan.time,) if self.plan.time else ()
        return tuple(dict.fromkeys((*self.inputs.columns, *time)))

    @property
    def text_column(self) -> str:
        """The column of DNA, where that is what is read."""
        return self.inputs.text[0] if self.inputs.text else ""

    def encode(self, table: Table) -> Batchable:
        """Series to label as examples, in pieces; the field ``step`` says which step each answer is of."""
        return self.reads.encode(table)[0]

    def encode_labelled(self, table: Table) -> Batchable:
        """Series to score on: ``target`` is class + 1, 0 where nothing is scored, -1 for an unseen class.

        There are none where no step has a label.
        """
        examples, lines = self.reads.encode(table)
        numbers = {name: number for number, name in enumerate(self.classes)}
        labels = labels_of(table, self.plan)
        found = label_rows(labels, numbers) + 1
        found[found == 0] = UNSEEN
        found[[not label for label in labels]] = NOT_SCORED
        steps = examples.fields[STEP]
        assert isinstance(steps, Sequences)
        in_order = found[lines.order]
        target = np.where(steps.values >= 0, in_order[steps.values], NOT_SCORED)
        labelled = Batchable({**examples.fields, TARGET: Sequences(target, steps.offsets)}, examples.row_ids)
        return labelled if (target != NOT_SCORED).any() else labelled[:0]

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that no prediction should rest on: position → what is wrong."""
        return self.reads.bad_rows(table)

    def joined(self, outputs: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
        """The calibrated logits (M, C) of the network's outputs (M, C), those of margins among them."""
        return outputs * np.float32(self.scale)

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Accuracy, macro F1, log loss and calibration error of outputs (M, C); of DNA also MCC and areas."""
        logits, target = scored(self.joined(outputs, examples), examples)
        return self.measures(log_softmax(logits) if len(logits) else logits.astype(np.float64), target)

    def measures(self, chances: NDArray[np.float64], target: IntArray) -> dict[str, float]:
        """The figures for log-probabilities (N, C) of scored steps and their classes (N,), -1 if unseen."""
        scores = class_scores(chances, target)
        return {**scores, **ranking_scores(chances, target)} if self.inputs.dna else scores

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Steps:
        """With the scale that makes the probabilities fit best, of outputs (M, C).

        Steps of a few series may all be right, which says less than as many rows: hence the doubt.
        """
        logits, target = scored(outputs, examples)
        known = target >= 0
        return replace(self, scale=1 / best_temperature(logits[known], target[known], doubt=True))

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Steps:
        """Nothing is learnt after the test from outputs (M, C)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other, what is taken for what, each class, and how sure is sure.

        ``outputs`` are (M, C).
        """
        logits, target = scored(self.joined(outputs, examples), examples)
        matrix = confusion_matrix(target, logits.argmax(axis=1), len(self.classes))
        assert isinstance(examples, Batchable)
        series = counted_series(len(np.unique(examples.row_ids)), self.plan)
        title = f"{self.plan.target[0]} of {len(target):,} test steps in {series}"
        plain = scored(outputs, examples)[0]
        return [
            comparison_table(title, scores),
            confusion_table(matrix, self.classes),
            class_table(matrix, self.classes),
            calibration_table([("network as trained", plain), ("network, scaled", logits)], target),
        ]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """The most frequent class, and logistic regression on the steps around each."""
        from seqcli.tasks.stepping.baseline import baseline_scores

        parts = (prepared.train, prepared.validation, prepared.test)
        return baseline_scores(self, parts, prepared.network.bidirectional)

    # ------------------------------------------------------------------ answers, and saving

    def decode(self, outputs: NDArray[np.float32], probabilities: bool = False) -> list[dict[str, Cell]]:
        """The most probable class of each step of joined logits (N, C), and its probability.

        With ``probabilities`` also that of each class, in a column called ``probability_CLASS``.
        """
        return answers(outputs, self.classes, Asked(probabilities=probabilities))

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "reads": self.reads.to_json(),
            "classes": list(self.classes),
            "scale": self.scale,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Steps:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan, reads = Plan.from_json(data["plan"]), StepInputs.from_json(data["reads"])
            classes, scale = tuple(data["classes"]), float(data["scale"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        texts = all(isinstance(name, str) for name in classes)
        if not texts or len(set(classes)) < max(len(classes), 2) or len(plan.target) != 1:
            raise ModelError("the model's classes cannot be read", "train it again")
        same = (plan.text, plan.id, plan.time) == (reads.inputs.text, reads.inputs.ids, reads.inputs.time)
        if not same or not 1 / MOST_TEMPERATURE <= scale <= 1 / LEAST_TEMPERATURE:
            raise ModelError("the model's task contradicts itself", "train it again")
        return cls(plan, reads, classes, scale)


def scored(outputs: NDArray[Any], examples: Examples) -> tuple[NDArray[Any], IntArray]:
    """Of outputs (M, ...) those of the N scored steps, (N, ...), and their classes (N,), -1 if unseen."""
    target = _target(examples)
    kept = target != NOT_SCORED
    classes = target[kept]
    return outputs[kept], np.where(classes > 0, classes - 1, -1)


def _target(examples: Examples) -> IntArray:
    """The target of every step that is read, (M,)."""
    assert isinstance(examples, Batchable)
    field = examples.fields[TARGET]
    assert isinstance(field, Sequences)
    values: IntArray = field.values[field.offsets[0] : field.offsets[-1]]
    return values


def _weigh(examples: Batchable, weights: FloatArray | None) -> Batchable:
    """``examples`` with what each step counts, by its class."""
    if weights is None:
        return examples
    field = examples.fields[TARGET]
    assert isinstance(field, Sequences)
    of_target = np.concatenate([[0.0], weights, [0.0]]).astype(np.float32)  # 0, then classes, then -1
    return Batchable(
        {**examples.fields, WEIGHT: Sequences(of_target[field.values], field.offsets)}, examples.row_ids
    )


def _classes(labels: Sequence[str]) -> tuple[str, ...]:
    """The different labels: numbers by size, other names by alphabet."""
    found = {label for label in labels if label}
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))


def _unseen(validation: Batchable, test: Batchable) -> list[str]:
    """Sentences on held-out steps with a class that training has not seen."""
    said = []
    for name, part in (("validation", validation), ("test", test)):
        unseen, count = int((_target(part) == UNSEEN).sum()), int((_target(part) != NOT_SCORED).sum())
        if unseen:
            said.append(f"{unseen:,} of {count:,} {name} steps have a label that no training step has")
    return said


def _refuse_pairs(table: Table, plan: Plan, classes: tuple[str, ...]) -> None:
    """Raise UsageError for labels that cannot be read from the other end."""
    for opening, closing in PAIRS:
        if opening in classes or closing in classes:
            raise UsageError(
                f"--reverse-complement reads labels from the other end, where {opening} and {closing} of "
                f"column {plan.target[0]} mean something else",
                "leave out --reverse-complement",
            )


def _without_leaks(parts: StepParts, classes: tuple[str, ...], options: Options) -> Plan:
    """The plan without columns that alone give the label of a step away; never without any input."""
    plan = parts.plan
    if plan.text or options.columns.features:
        return plan
    numbers = {name: number for number, name in enumerate(classes)}
    found = []
    for table in (parts.train, parts.validation):
        target = label_rows(table.cells(plan.target[0]), numbers)
        known = np.flatnonzero(target >= 0)
        found.append(Answers(table.take(known), target[known]))
    leaks = leaking(found[0], found[1], plan.features)
    kept = tuple(name for name in plan.features if name not in leaks)
    if not kept:
        return plan
    reason = f"it alone predicts {plan.target[0]}"
    return replace(plan, features=kept, left_out=(*plan.left_out, *((name, reason) for name in leaks)))
