"""A tag for each word: parts of speech, or spans such as names, by a chain over what the network says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.network import CHAIN
from seqcli.options import ColumnOptions, Options
from seqcli.preprocessing.words import WordCutter
from seqcli.readers.table import Table
from seqcli.results import ResultTable
from seqcli.sequences import TARGET, Batchable, Examples, IntArray, Sequences, joined
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.classify_metrics import class_table, comparison_table, confusion_matrix, confusion_table
from seqcli.tasks.parts import left_out_sentences
from seqcli.tasks.tag_plan import form_of, tag_plan
from seqcli.tasks.tagging.baseline import baseline_scores
from seqcli.tasks.tagging.chain import TagChain
from seqcli.tasks.tagging.features import WordFeatures
from seqcli.tasks.tagging.labels import Labels
from seqcli.tasks.tagging.metrics import lists, span_scores, span_table, tag_scores
from seqcli.tasks.tagging.parts import TaggedParts, make_parts
from seqcli.tasks.tagging.sentences import FORMS, LISTS, WORDS, Sentences, read_lists, read_texts, read_words
from seqcli.tasks.tagging.sizes import network_spec, parts_for, training_defaults

BIASES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
"""What may be taken from the score of O, so that as many spans are found as fits their F1."""
LEAST_SPANS = 50
"""Spans of the validation part below which they decide nothing."""


@dataclass(frozen=True)
class Tag:
    """A fitted tagger: which tags there are, what it reads of a word, how raw text is cut."""

    name: ClassVar[str] = "tag.v1"

    plan: Plan
    form: str
    """What a row of its training file is: "words", "lists" or "texts"."""
    labels: Labels
    features: WordFeatures
    cutter: WordCutter
    bias: float = 0.0
    """What the score of O is lessened by; found on the validation part."""
    chain: TagChain | None = None
    """How well tags follow each other: weights of the network, not of the record."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split by sentence, fit on the training sentences, encode the three parts.

        Raises DataError for one tag, too few sentences, and rows that hold no tagged words.
        """
        parts = make_parts(tables, plan, options)
        train = parts.train
        assert train.tags is not None
        labels = Labels.fit(train.tag_lists(), parts.scheme, parts.source)
        features = WordFeatures.fit(train.words, parts_for(train.words, options))
        task = cls(plan, parts.form, labels, features, parts.cutter)
        encoded = [task.encode_tagged(part) for part in parts.all]
        return Prepared(
            task=task,
            train=encoded[0],
            validation=encoded[1],
            test=encoded[2],
            network=network_spec(labels, features, train, options),
            loss="chain",
            training=training_defaults(train, options),
            rules=[*parts.rules, *_said(labels, features, parts)],
            warnings=[*left_out_sentences(plan), *parts.warnings],
            source=parts.all,
            counts=("sentences", (len(parts.train), len(parts.validation), len(parts.test))),
            # Parts that came as files of their own stay out: their scores must mean something later on.
            refit=None if tables.validation or tables.test else lambda: joined([*map(_learnable, encoded)]),
        )

    @property
    def metric(self) -> str:
        """F1 of spans where tags mark spans, else accuracy."""
        return "f1" if self.labels.scheme else "accuracy"

    @property
    def higher_is_better(self) -> bool:
        """Both are."""
        return True

    # ---- reading ---------------------------------------------------------------------------------

    def read(self, table: Table, tagged: bool) -> Sentences:
        """The sentences of a table, with their tags where ``tagged``.

        A table of another form than the training file's is read as it would be for a training.
        """
        plan, form = self.plan, form_of(table) or self.form
        own = {*plan.text, *plan.id, *(plan.target if tagged else ())}
        if form != self.form or not own <= set(table.names):
            plan = tag_plan(table, ColumnOptions(tag_column=_if_there(plan.target[0], table)))
        word, tag = plan.text[0], plan.target[0] if tagged else None
        if form == WORDS:
            return read_words(table, word, plan.id, tag)
        if form == LISTS:
            return read_lists(table, word, tag)
        return read_texts(table, word, self.cutter, tag)

    def encode(self, table: Table) -> Batchable:
        """Sentences to tag as examples; ``row_ids`` names the first row of each."""
        return self.encode_words(self.read(table, tagged=False))

    def encode_labelled(self, table: Table) -> Batchable:
        """Sentences to score on; ``target`` is below zero for a tag that training did not see."""
        return self.encode_tagged(self.read(table, tagged=True).tagged()[0])

    def encode_words(self, sentences: Sentences) -> Batchable:
        """Sentences as examples."""
        return Batchable(self.features.encode(sentences.words, sentences.offsets), sentences.rows)

    def encode_tagged(self, sentences: Sentences) -> Batchable:
        """Sentences with tags as labelled examples."""
        examples = self.encode_words(sentences)
        target = Sequences(self.labels.encode(sentences.tag_lists()), sentences.offsets)
        return Batchable({**examples.fields, TARGET: target}, examples.row_ids)

    # ---- what the network says -------------------------------------------------------------------

    def with_chain(self, weights: Mapping[str, NDArray[np.float32]]) -> Tag:
        """This task with what its network's ``weights`` say of neighbouring tags.

        Raises ModelError where they say nothing, or nothing that fits.
        """
        if CHAIN not in weights:
            raise ModelError("the model has no scores of neighbouring tags", "train the model again")
        return replace(self, chain=TagChain.of(weights[CHAIN], self.labels.barred))

    def tags(self, outputs: NDArray[np.float32], offsets: IntArray) -> IntArray:
        """The best tags (M,) by what the network said of each word, outputs (M, C); offsets (N + 1,)."""
        assert self.chain is not None
        return self.chain.best(self._biased(outputs), offsets)

    def probabilities(self, outputs: NDArray[np.float32], offsets: IntArray) -> NDArray[np.float32]:
        """How probable each tag of each word is, (M, C), by outputs (M, C); offsets (N + 1,)."""
        assert self.chain is not None
        return self.chain.probabilities(self._biased(outputs), offsets)

    def _biased(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self.bias:
            return outputs
        lessened = outputs.copy()
        lessened[:, self.labels.outside] -= self.bias
        return lessened

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """F1 of spans and accuracy of tags, or the latter alone, of outputs (M, C) of all words."""
        target, offsets = _target(examples)
        return self.measures(self.tags(outputs, offsets), target, offsets)

    def measures(self, predicted: IntArray, target: IntArray, offsets: IntArray) -> dict[str, float]:
        """The metrics of predicted tags (M,) against true ones (M,), of sentences with offsets (N + 1,)."""
        if self.labels.scheme is None:
            return tag_scores(target, predicted, offsets)
        names = self.labels.names
        return span_scores(lists(names, target, offsets), lists(names, predicted, offsets))

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Tag:
        """With the bias against O that gives the spans of outputs (M, C) the best F1."""
        target, _ = _target(examples)
        if self.labels.scheme is None or self.labels.spans_in(target) < LEAST_SPANS:
            return self
        found = [(replace(self, bias=bias).score(outputs, examples)["f1"], -bias) for bias in BIASES]
        return replace(self, bias=-max(found)[1])

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Tag:
        """Nothing is learnt after the test from outputs (M, C)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other, then each type of span or each tag, from outputs (M, C)."""
        target, offsets = _target(examples)
        predicted = self.tags(outputs, offsets)
        count = f"{len(target):,} words of {len(examples):,} test sentences"
        result = comparison_table(f"{self.plan.target[0]} on {count}", scores, ".4f")
        if self.labels.scheme is not None:
            names = self.labels.names
            return [result, span_table(lists(names, target, offsets), lists(names, predicted, offsets))]
        matrix = confusion_matrix(target, predicted, len(self.labels.tags))
        return [result, confusion_table(matrix, self.labels.tags), class_table(matrix, self.labels.tags)]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Each word's most frequent tag, and the most frequent tag of all."""
        train, _, test = prepared.source
        return baseline_scores(train, test, self.labels, self.measures)

    # ---- saving ----------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values; the chain is among the network's weights."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "form": self.form,
            "labels": self.labels.to_json(),
            "features": self.features.to_json(),
            "cutter": self.cutter.to_json(),
            "bias": self.bias,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tag:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            task = cls(
                Plan.from_json(data["plan"]),
                str(data["form"]),
                Labels.from_json(data["labels"]),
                WordFeatures.from_json(data["features"]),
                WordCutter.from_json(data["cutter"]),
                float(data["bias"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        plan = task.plan
        whole = len(plan.text) == 1 and len(plan.target) == 1 and bool(plan.id) == (task.form == WORDS)
        if task.form not in FORMS or not whole or not 0 <= task.bias <= max(BIASES):
            raise ModelError("the model's task contradicts itself", "train it again")
        return task


def _if_there(name: str, table: Table) -> str | None:
    return name if name in table.names else None


def _learnable(examples: Batchable) -> Batchable:
    """The sentences all of whose tags the network has an output for."""
    target, offsets = _target(examples)
    if not len(examples) or target.min() >= 0:
        return examples
    return examples.take(np.flatnonzero(np.minimum.reduceat(target, offsets[:-1]) >= 0))


def _target(examples: Examples) -> tuple[IntArray, IntArray]:
    """The true tags (M,) of labelled examples, and the offsets (N + 1,) of their sentences."""
    assert isinstance(examples, Batchable)
    field = examples.fields[TARGET]
    assert isinstance(field, Sequences)
    start, stop = int(field.offsets[0]), int(field.offsets[-1])
    return field.values[start:stop], field.offsets - start


def _said(labels: Labels, features: WordFeatures, parts: TaggedParts) -> list[str]:
    """Sentences on the tags and the words."""
    kinds = f"{len(labels.tags)} tags"
    if labels.scheme is not None:
        learnt = "" if labels.scheme.name == "IOB2" else ", learnt as IOB2"
        kinds = f"spans of {len(labels.kinds)} types in {labels.scheme.name}{learnt}"
    held = parts.validation.words or parts.test.words
    unknown = f"; {100 * features.unknown(held):.1f} % of the words held out are none of them" if held else ""
    return [
        f"tags: {kinds}",
        f"words: {len(features.words):,} different ones that come twice or more in training{unknown}",
    ]
