"""Any number of labels a row, or a sequence of rows: the inputs of classify, a yes or no for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError
from seqcli.options import Options
from seqcli.readers.table import Table
from seqcli.results import Cell, Listed, ResultTable
from seqcli.sequences import TARGET, Batchable, Examples, Field, FloatArray, IntArray, joined
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.classify_members import fit_members, prior_of, reads_texts, refitted, with_prior
from seqcli.tasks.classify_metrics import calibration_table, comparison_table
from seqcli.tasks.fusion import NETWORK_ALONE, Fusion
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.label_answers import JOINED_BY, Labelling, label_answers
from seqcli.tasks.label_cuts import best_cut, best_cuts
from seqcli.tasks.label_metrics import BoolArray, chances_of, in_pairs, label_table, set_scores
from seqcli.tasks.label_sets import (
    SEPARATORS,
    UNKNOWN,
    check_label_sets,
    known_rows,
    label_names,
    labels_of,
    rarest_labels,
    read_label_sets,
    unknown_of,
)
from seqcli.tasks.metrics import HIGHER_IS_BETTER
from seqcli.tasks.parts import Part, Source, TargetRole, left_out_sentences, make_parts
from seqcli.tasks.sizes import cell_warnings, choose_sizes, network_spec, training_defaults
from seqcli.tasks.text_prior import NAME, TextPrior, outputs_of

MEMBERS = ("all", "network", "prior")
"""Whose thresholds are remembered: of the answer, and of each part of it alone."""


@dataclass(frozen=True)
class Multilabel:
    """A fitted tagger of whole rows: its columns, its inputs, its labels, and when each is given."""

    name: ClassVar[str] = "multilabel.v1"
    metric: ClassVar[str] = "micro_f1"
    """Its ties go to the smaller loss."""
    higher_is_better: ClassVar[bool] = HIGHER_IS_BETTER[metric]

    plan: Plan
    inputs: Inputs
    classes: tuple[str, ...]
    """The labels."""
    fusion: Fusion = NETWORK_ALONE
    """How much the logits of the network and of the linear part count; found on the validation part."""
    cuts: Mapping[str, tuple[float, ...]] | None = None
    """From which probability on each label is given, (L,) for each of :data:`MEMBERS`; None before that
    is chosen, when all have the one that suits what is scored best."""
    prior: TextPrior | None = None
    """The linear part, of a text."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split by the rarest label, fit on the training rows, encode the three parts.

        Raises DataError for fewer than two labels, too few rows, a sequence with two answers, and where a
        column cannot play its role.
        """
        parts = make_parts(tables, plan, options, _target_role(plan))
        plan = parts.plan
        classes = _labels(tables.main, parts.train, plan)
        inputs, rules = Inputs.fit(parts.train.table, plan, options)
        task = cls(plan, inputs, classes)
        train, validation, test = (task.encode_labelled(part.table) for part in parts.all)
        sizes = choose_sizes(inputs, train)
        prepared = Prepared(
            task=task,
            train=train,
            validation=validation,
            test=test,
            network=network_spec(inputs, sizes, (len(classes),), options),
            loss="binary",
            training=training_defaults(sizes, train, options),
            rules=[*parts.rules, *rules, _density(train)],
            warnings=[
                *left_out_sentences(plan),
                *parts.warnings,
                *_never_learnt(validation, test),
                *cell_warnings(options, train),
            ],
            source=Source(*(part.table for part in parts.all)),
            # Parts that came as files of their own stay out: their scores must mean something later on.
            refit=None if tables.validation or tables.test else lambda: joined([train, validation, test]),
        )
        if not reads_texts(inputs) or options.network.prior == "none":
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
        return with_prior(self.prior, self.inputs, table, self.inputs.encode(table)[0])

    def encode_labelled(self, table: Table) -> Batchable:
        """Rows to score on; ``target`` (N, L) is 1 for each label that a row has.

        Rows of which that is not known are left out.
        """
        sets = read_label_sets(table, self.plan.target, self.plan.separator, self.classes)
        examples = self.encode(table if len(sets.rows) == len(table) else table.take(sets.rows))
        own: dict[str, Field] = {
            TARGET: sets.target[examples.row_ids],
            UNKNOWN: sets.unknown[examples.row_ids],
        }
        return Batchable({**examples.fields, **own}, sets.rows[examples.row_ids])

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that no prediction should rest on: position → what is wrong."""
        return self.inputs.bad_rows(table)

    # ------------------------------------------------------------------ scores

    def joined(self, outputs: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
        """The calibrated logits (N, L) of the network's outputs (N, L) and the linear part's."""
        return self.fusion.joined(outputs, prior_of(examples))

    def given(self, logits: FloatArray, examples: Examples, member: str = "all") -> BoolArray:
        """Which labels are given by the logits (N, L) of a member: (N, L)."""
        if self.cuts is None:
            cuts = np.array([best_cut(logits, labels_of(examples))])
        else:
            cuts = np.array(self.cuts[member])
        given: BoolArray = chances_of(logits) >= cuts
        return given

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """F1, subset accuracy, log loss and calibration error of the network's outputs (N, L) as joined."""
        return self._scores(self.joined(outputs, examples), examples)

    def _scores(self, logits: FloatArray, examples: Examples, member: str = "all") -> dict[str, float]:
        said = self.given(logits, examples, member)
        return set_scores(said, logits, labels_of(examples), unknown_of(examples))

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Multilabel:
        """With the scales and thresholds that suit the labels best, of outputs (N, L)."""
        target, prior = labels_of(examples), prior_of(examples)
        pairs = None if prior is None else in_pairs(prior)
        fusion = Fusion.fit(in_pairs(outputs), pairs, target.ravel().astype(np.int64))
        alone = outputs * np.float32(fusion.network_alone)
        cuts = {
            "all": best_cuts(fusion.joined(outputs, prior), target),
            "network": best_cuts(alone, target),
            "prior": best_cuts(alone if prior is None else prior * np.float32(fusion.prior_alone), target),
        }
        return replace(self, fusion=fusion, cuts=cuts)

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Multilabel:
        """Nothing is learnt after the test from outputs (N, L)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other, each label, and how sure is sure; ``outputs`` are (N, L)."""
        target, logits = labels_of(examples), self.joined(outputs, examples)
        calibrated = "network, scaled" if self.prior is None else "network and linear part, scaled"
        what = self.plan.target[0] if self.plan.separator else f"{len(self.classes)} labels"
        title = f"{what} on {len(target):,} test {'sequences' if self.plan.id else 'rows'}"
        tables = [comparison_table(title, scores)]
        if self.cuts is not None:
            tables.append(label_table(self.given(logits, examples), target, self.classes, self.cuts["all"]))
        pairs = [("network as trained", in_pairs(outputs)), (calibrated, in_pairs(logits))]
        return [*tables, calibration_table(pairs, target.ravel().astype(np.int64))]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """The most frequent set of labels, and one regression a label where that is no member already."""
        from seqcli.tasks.label_baseline import regression_scores, usual_scores

        parts = (prepared.train, prepared.validation, prepared.test)
        usual = usual_scores(labels_of(parts[0]), labels_of(parts[2]), unknown_of(parts[2]))
        if self.prior is not None:
            return [usual]
        return [usual, regression_scores(self.inputs, prepared.source, parts)]

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
        scales = f"{self.fusion.network:.2f} × {called} + {self.fusion.prior:.2f} × {NAME}"
        return f"the logits are {scales}, as fits the validation part best"

    def member_scores(self, outputs: NDArray[np.float32], examples: Examples, network: str) -> list[Scores]:
        """Both together, the network alone and the linear part alone; ``outputs`` are (N, L)."""
        prior = prior_of(examples)
        if self.prior is None or prior is None:
            return [Scores(network, self.score(outputs, examples))]
        called = "network" if network == "none" else network
        alone, linear = np.float32(self.fusion.network_alone), np.float32(self.fusion.prior_alone)
        return [
            Scores("combined", self.score(outputs, examples)),
            Scores(f"{called} alone", self._scores(outputs * alone, examples, "network")),
            Scores(f"{NAME} alone", self._scores(prior * linear, examples, "prior")),
        ]

    def refitted(self, examples: Examples) -> Multilabel:
        """With the linear part learnt anew from all ``examples``."""
        if self.prior is None:
            return self
        assert isinstance(examples, Batchable)
        return replace(self, prior=refitted(self.prior, examples, len(self.classes)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The linear part's weights, by name."""
        return self.prior.arrays() if self.prior else {}

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> Multilabel:
        """With the linear part's weights. Raises ModelError where they do not fit."""
        if self.prior is None:
            if arrays:
                raise ModelError("the model's weights hold arrays that its task does not read")
            return self
        columns = len(self.inputs.features.names) if self.inputs.features else 0
        outputs = outputs_of(len(self.classes), several=True)
        return replace(self, prior=self.prior.with_arrays(arrays, outputs, columns))

    # ------------------------------------------------------------------ answers, and saving

    @property
    def labelling(self) -> Labelling:
        """How rows are answered when nothing else is asked for."""
        cuts = self.cuts["all"] if self.cuts else (0.5,) * len(self.classes)
        separator = self.plan.separator if self.plan.separator in SEPARATORS else JOINED_BY
        return Labelling(self.classes, cuts, separator)

    def joined_names(self, places: Sequence[int]) -> Listed:
        """The labels at some places, as one cell."""
        return Listed.of([self.classes[place] for place in places], self.labelling.separator)

    def decode(self, outputs: NDArray[np.float32], probabilities: bool = False) -> list[dict[str, Cell]]:
        """The labels of each row of joined logits (N, L).

        With ``probabilities`` also the probability of each, in a column called ``probability_LABEL``.
        """
        return label_answers(outputs, replace(self.labelling, probabilities=probabilities))

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "inputs": self.inputs.to_json(),
            "classes": list(self.classes),
            "fusion": self.fusion.to_json(),
            "cuts": {member: list(cuts) for member, cuts in self.cuts.items()} if self.cuts else None,
            "prior": self.prior.to_json() if self.prior else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Multilabel:
        """Rebuild from :meth:`to_json`, without arrays. Raises ModelError on anything else."""
        try:
            plan = Plan.from_json(data["plan"])
            classes = tuple(data["classes"])
            inputs = Inputs.from_json(data["inputs"])
            fusion = Fusion.from_json(data["fusion"])
            cuts = data["cuts"]
            if cuts is not None:
                cuts = {member: tuple(float(cut) for cut in cuts[member]) for member in MEMBERS}
            prior = TextPrior.from_json(data["prior"]) if data["prior"] else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        texts = all(isinstance(name, str) for name in classes)
        columns = len(plan.target) == 1 if plan.separator else plan.target == classes
        if not texts or len(set(classes)) < max(len(classes), 2) or not columns:
            raise ModelError("the model's labels cannot be read", "train it again")
        if cuts and not all(
            len(each) == len(classes) and all(0 < cut < 1 for cut in each) for each in cuts.values()
        ):
            raise ModelError("the model's thresholds cannot be read", "train it again")
        if (prior is not None and not reads_texts(inputs)) or (prior is None and fusion.prior > 0):
            raise ModelError("the model's linear part does not fit its inputs", "train it again")
        return cls(plan, inputs, classes, fusion, cuts, prior)


def _target_role(plan: Plan) -> TargetRole:
    """How labels are read: refused where they teach nothing, split so that rare ones are in every part."""
    target, separator = plan.target, plan.separator

    def strata(table: Table, rows: IntArray) -> list[str]:
        own = table.take(rows)
        return rarest_labels(read_label_sets(own, target, separator, label_names(own, target, separator)))

    return TargetRole(
        check=lambda table: check_label_sets(table, target, separator),
        known=lambda table: known_rows(table, target, separator),
        strata=strata,
    )


def _labels(main: Table, train: Part, plan: Plan) -> tuple[str, ...]:
    """The labels of the training part."""
    found = label_names(train.table, plan.target, plan.separator)
    if len(found) > len(train) / 2:
        raise DataError(
            f"{main.source}, column {plan.target[0]}: {len(found):,} labels in {len(train):,} training rows",
            "each label needs rows to learn from: at least 2 on average",
        )
    return found


def _density(train: Batchable) -> str:
    """How many labels rows have."""
    target = labels_of(train)
    several = 100 * float((target.sum(axis=1) > 1).mean())
    return (
        f"{target.shape[1]} labels, {float(target.sum(axis=1).mean()):.2f} a training row; "
        f"{several:.0f} % of the rows have two or more"
    )


def _never_learnt(*parts: Batchable) -> list[str]:
    """A sentence where rows that are held out have labels that no training row has."""
    count = sum(int((unknown_of(part) > 0).sum()) for part in parts)
    return [f"{count} held-out rows have a label that no training row has"] if count else []
