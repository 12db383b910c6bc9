"""One class a row, or a sequence of rows: text by words or characters, columns, series in long form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError
from seqcli.options import Options
from seqcli.preprocessing.sound_change import ELSEWHERE
from seqcli.readers.roles import labels
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultTable
from seqcli.sequences import TARGET, Batch, Batchable, Examples, IntArray, joined
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.class_weights import usual_weighing, weighing
from seqcli.tasks.classify_answers import Asked, answers
from seqcli.tasks.classify_members import (
    fit_members,
    linear_baseline,
    prior_of,
    reads_texts,
    refitted,
    target_of,
    with_prior,
)
from seqcli.tasks.classify_metrics import (
    calibration_table,
    class_scores,
    class_table,
    comparison_table,
    confusion_matrix,
    confusion_table,
    log_softmax,
)
from seqcli.tasks.columns import Columns
from seqcli.tasks.fusion import NETWORK_ALONE, Fusion
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.leaks import Answers, leaking
from seqcli.tasks.metrics import HIGHER_IS_BETTER
from seqcli.tasks.parts import (
    Part,
    Parts,
    Source,
    TargetRole,
    contradictions,
    label_rows,
    left_out_sentences,
    make_parts,
    picked,
)
from seqcli.tasks.ranking_metrics import ranking_scores
from seqcli.tasks.series_members import (
    fit_series_members,
    prior_with_arrays,
    refitted_series,
    restore_prior,
    with_series_prior,
)
from seqcli.tasks.series_prior import SeriesPrior, reads_series
from seqcli.tasks.sizes import cell_warnings, choose_sizes, network_spec, training_defaults
from seqcli.tasks.speech.sound import refuse_broken
from seqcli.tasks.text_prior import TextPrior


@dataclass(frozen=True)
class Classify:
    """A fitted classifier: its columns, its inputs, its classes in order."""

    name: ClassVar[str] = "classify.v2"
    metric: ClassVar[str] = "accuracy"
    """Its ties go to the smaller loss; overconfidence, which it does not see, is taken out at the end."""
    higher_is_better: ClassVar[bool] = HIGHER_IS_BETTER[metric]

    plan: Plan
    inputs: Inputs
    classes: tuple[str, ...]
    fusion: Fusion = NETWORK_ALONE
    """How much the logits of the network and of the linear part count; found on the validation part."""
    prior: TextPrior | SeriesPrior | None = None
    """The linear part, of a text, a series or DNA."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split by class, fit on the training rows, encode the three parts.

        Raises DataError for one class, too few rows, a sequence with two labels, and where a column
        cannot play its role.
        """
        parts = make_parts(tables, plan, options, _target_role(plan))
        classes = _classes(tables.main, parts.train, plan)
        plan = _without_leaks(parts, classes, options)
        inputs, rules = Inputs.fit(parts.train.table, plan, options)
        task = cls(plan, inputs, classes)
        train, validation, test = (task.encode_labelled(part.table) for part in parts.all)
        unseen = target_of(validation) < 0
        if unseen.any():
            validation = validation.take(np.flatnonzero(~unseen))
            parts.warnings.append(
                f"{int(unseen.sum())} validation rows have a class that no training row has"
            )
        sizes = choose_sizes(inputs, train)
        weighed = options.training.class_weight or usual_weighing(train, len(classes))
        weigh = weighing(train, len(classes), weighed)
        prepared = Prepared(
            task=task,
            train=weigh(train),
            validation=validation,
            test=test,
            network=network_spec(inputs, sizes, (len(classes),), options),
            loss="cross_entropy",
            training={
                **training_defaults(sizes, train, options),
                "label_smoothing": sizes.label_smoothing,
                "class_weight": weighed,
            },
            rules=[*parts.rules, *rules],
            warnings=[
                *left_out_sentences(plan),
                *parts.warnings,
                *contradictions(tables.main, plan),
                *cell_warnings(options, train),
            ],
            source=Source(*(part.table for part in parts.all)),
            # Parts that came as files of their own stay out: their scores must mean something later on.
            refit=None
            if tables.validation or tables.test
            else lambda: weigh(joined([train, validation, test.take(np.flatnonzero(target_of(test) >= 0))])),
        )
        if options.network.prior == "none":
            return prepared
        if reads_series(inputs) and inputs.sound is None:
            return replace(prepared, members=lambda: fit_series_members(prepared, task))
        if not reads_texts(inputs):
            return prepared
        return replace(prepared, members=lambda: fit_members(prepared, task, options.network.prior))

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
        examples = self.inputs.encode(table)[0]
        if isinstance(self.prior, SeriesPrior):
            return with_series_prior(self.prior, examples)
        return with_prior(self.prior, self.inputs, table, examples)

    def encode_labelled(self, table: Table) -> Batchable:
        """Rows to score on; ``target`` (N,) is -1 for a class that training did not see.

        Rows without a label are left out.
        """
        rows = _labelled_rows(table, self.plan)
        if self.inputs.sound is not None:
            refuse_broken(table, self.inputs.sound.column)
        examples = self.encode(table if len(rows) == len(table) else table.take(rows))
        cells = picked(table.cells(self.plan.target[0]), rows[examples.row_ids])
        target = label_rows(cells, {name: number for number, name in enumerate(self.classes)})
        return Batchable({**examples.fields, TARGET: target}, rows[examples.row_ids])

    def changed(self, batch: Batch, seed: Sequence[int]) -> Batch:
        """A training batch of clips as they might have been said otherwise; others as they are."""
        return self.inputs.sound.changed(batch, seed, ELSEWHERE) if self.inputs.sound else batch

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that no prediction should rest on: position → what is wrong."""
        return self.inputs.bad_rows(table)

    def joined(self, outputs: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
        """The calibrated logits (N, C) of the network's outputs (N, C) and the linear part's."""
        return self.fusion.joined(outputs, prior_of(examples))

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Accuracy, macro F1, log loss and calibration error of the network's outputs (N, C) as joined."""
        return self._scores(self.joined(outputs, examples), target_of(examples))

    def _scores(self, logits: NDArray[np.float32], target: IntArray) -> dict[str, float]:
        """The figures for logits (N, C) and classes (N,); of DNA also those that its papers report."""
        chances = log_softmax(logits)
        scores = class_scores(chances, target)
        return {**scores, **ranking_scores(chances, target)} if self.inputs.dna else scores

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Classify:
        """With the scales that make the probabilities fit the classes best, of outputs (N, C)."""
        return replace(self, fusion=Fusion.fit(outputs, prior_of(examples), target_of(examples)))

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Classify:
        """Nothing is learnt after the test from outputs (N, C)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other, the confusion matrix, each class, and how sure is sure.

        ``outputs`` are the network's logits (N, C).
        """
        target, logits = target_of(examples), self.joined(outputs, examples)
        matrix = confusion_matrix(target, logits.argmax(axis=1), len(self.classes))
        calibrated = "network, scaled" if self.prior is None else "network and linear part, scaled"
        title = f"{self.plan.target[0]} on {len(target):,} test {'sequences' if self.plan.id else 'rows'}"
        return [
            comparison_table(title, scores),
            confusion_table(matrix, self.classes),
            class_table(matrix, self.classes),
            calibration_table([("network as trained", outputs), (calibrated, logits)], target),
        ]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """The most frequent class, and logistic regression where that is no member already."""
        from seqcli.tasks.classify_baseline import majority_scores, regression_scores

        parts = (prepared.train, prepared.validation, prepared.test)
        targets, classes = [target_of(part) for part in parts], len(self.classes)
        scores = [majority_scores(targets, classes)]
        if isinstance(self.prior, TextPrior) or self.inputs.dna:
            return scores
        if reads_texts(self.inputs):
            return [*scores, linear_baseline(self.inputs, prepared.source, parts, classes)]
        return [*scores, regression_scores(self.inputs, prepared.source, targets, classes)]

    # ------------------------------------------------------------------ the linear part beside the network

    @property
    def network_counts(self) -> bool:
        """Whether the network has any weight."""
        return self.fusion.network > 0

    def composition(self, network: str) -> str:
        """What the answer is made of, in a sentence; "" where that is the network alone."""
        if self.prior is None:
            return ""
        called = "network" if network == "none" else network
        scales = f"{self.fusion.network:.2f} × {called} + {self.fusion.prior:.2f} × {self.prior.called}"
        return f"the logits are {scales}, as fits the validation part best"

    def member_scores(self, outputs: NDArray[np.float32], examples: Examples, network: str) -> list[Scores]:
        """Both together, the network alone and the linear part alone; ``outputs`` are (N, C)."""
        prior = prior_of(examples)
        if self.prior is None or prior is None:
            return [Scores(network, self.score(outputs, examples))]
        called = "network" if network == "none" else network
        alone = {
            f"{called} alone": outputs * np.float32(self.fusion.network_alone),
            f"{self.prior.called} alone": prior * np.float32(self.fusion.prior_alone),
        }
        target = target_of(examples)
        return [
            Scores("combined", self.score(outputs, examples)),
            *(Scores(name, self._scores(logits, target)) for name, logits in alone.items()),
        ]

    def refitted(self, examples: Examples) -> Classify:
        """With the linear part learnt anew from all ``examples``."""
        if self.prior is None:
            return self
        if isinstance(self.prior, SeriesPrior):
            return replace(self, prior=refitted_series(self.prior, examples, len(self.classes)))
        assert isinstance(examples, Batchable)
        return replace(self, prior=refitted(self.prior, examples, len(self.classes)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The linear part's weights, by name."""
        return self.prior.arrays() if self.prior else {}

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> Classify:
        """With the linear part's weights. Raises ModelError where they do not fit."""
        if self.prior is None:
            if arrays:
                raise ModelError("the model's weights hold arrays that its task does not read")
            return self
        return replace(self, prior=prior_with_arrays(self.prior, arrays, self.inputs, len(self.classes)))

    # ------------------------------------------------------------------ answers, and saving

    def decode(self, outputs: NDArray[np.float32], probabilities: bool = False) -> list[dict[str, Cell]]:
        """The most probable class of each row of joined logits (N, C), and its probability.

        With ``probabilities`` also that of each class, in a column called ``probability_CLASS``.
        """
        return answers(outputs, self.classes, Asked(probabilities=probabilities))

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "inputs": self.inputs.to_json(),
            "classes": list(self.classes),
            "fusion": self.fusion.to_json(),
            "prior": self.prior.to_json() if self.prior else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Classify:
        """Rebuild from :meth:`to_json`, without arrays. Raises ModelError on anything else."""
        try:
            plan = Plan.from_json(data["plan"])
            classes = tuple(data["classes"])
            inputs = Inputs.from_json(data["inputs"])
            fusion = Fusion.from_json(data["fusion"])
            prior = restore_prior(data["prior"], inputs) if data["prior"] else None
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        texts = all(isinstance(name, str) for name in classes)
        if not texts or len(set(classes)) < max(len(classes), 2) or len(plan.target) != 1:
            raise ModelError("the model's classes cannot be read", "train it again")
        if (isinstance(prior, TextPrior) and not reads_texts(inputs)) or (prior is None and fusion.prior > 0):
            raise ModelError("the model's linear part does not fit its inputs", "train it again")
        return cls(plan, inputs, classes, fusion, prior)


def _labelled_rows(table: Table, plan: Plan) -> IntArray:
    """The rows that have a label."""
    cells = table.cells(plan.target[0])
    return np.flatnonzero(np.fromiter((bool(cell.strip()) for cell in cells), np.bool_, len(cells)))


def _target_role(plan: Plan) -> TargetRole:
    """How labels are read: refused where they teach nothing, rows without one dropped, split by class."""
    name = plan.target[0]
    return TargetRole(
        check=lambda table: labels(table, name)[2],
        known=lambda table: _labelled_rows(table, plan),
        strata=lambda table, rows: [cell.strip() for cell in picked(table.cells(name), rows)],
    )


def _classes(main: Table, train: Part, plan: Plan) -> tuple[str, ...]:
    """The classes of the training part: numbers by size, other names by alphabet."""
    found = {cell.strip() for cell in train.table.cells(plan.target[0])}
    if len(found) > len(train) / 2:
        raise DataError(
            f"{main.source}, column {plan.target[0]}: {len(found)} classes in {len(train)} training rows",
            "each class needs rows to learn from: at least 2 on average; --task regress learns numbers",
        )
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))


def _without_leaks(parts: Parts, classes: tuple[str, ...], options: Options) -> Plan:
    """The plan without features that alone give the label away; never without any input.

    Of sequences only columns that stay the same within each are asked: the others are the signal.
    """
    plan = parts.plan
    if options.columns.features:
        return plan
    numbers = {name: number for number, name in enumerate(classes)}
    train, held = (_answers(part, plan, numbers) for part in (parts.train, parts.validation))
    columns = Columns(parts.train.table)
    asked = tuple(name for name in plan.features if not plan.id or not columns.varies_within(name, plan.id))
    leaks = leaking(train, held, asked)
    kept = tuple(name for name in plan.features if name not in leaks)
    if not kept and not plan.text:
        return plan
    reason = f"it alone predicts {plan.target[0]}"
    return replace(plan, features=kept, left_out=(*plan.left_out, *((name, reason) for name in leaks)))


def _answers(part: Part, plan: Plan, numbers: dict[str, int]) -> Answers:
    """The first row of each example of a part whose class training knows, with that class."""
    table = part.table.take(part.first)
    target = label_rows(table.cells(plan.target[0]), numbers)
    known = np.flatnonzero(target >= 0)
    return Answers(table.take(known), target[known])
