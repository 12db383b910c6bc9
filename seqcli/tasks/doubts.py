"""Where a model fails and what it was not made for: its worst mistakes, and what is odd in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqcli.preprocessing.vocabulary import UNKNOWN
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import Batchable, Examples, FloatArray, Sequences
from seqcli.tasks.base import Prepared, to_decode
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_members import reads_texts, target_of
from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.inputs import TOKENS, Inputs, joined_texts
from seqcli.tasks.label_doubts import never_given, worst_sets
from seqcli.tasks.mistakes import WORST, shown_rows
from seqcli.tasks.multilabel import Multilabel
from seqcli.tasks.parts import Source

SEQUENCES = ("tag", "translate", "transcribe")
"""Tasks that answer with more than one label."""
LEAST_ROWS = 20
"""Rows below which one class for all of them says nothing."""
MOST_UNKNOWN, LEAST_WORDS = 0.2, 20
"""A larger share of unknown words is said, once so many words have come."""
MOST_CUT = 0.05
"""A larger share of texts that are cut is said."""


@dataclass(frozen=True)
class Doubts:
    """What a person should see before trusting a result: tables, and sentences that warn."""

    tables: list[ResultTable]
    sentences: list[str]


def doubts_of_test(task: Any, outputs: FloatArray, prepared: Prepared) -> Doubts:
    """On the test part of a training, from the network's outputs (N, *output_shape)."""
    if not isinstance(prepared.source, Source):
        return Doubts([], [])
    found = doubts(task, outputs, prepared.test, prepared.source.test)
    return Doubts(found.tables, [f"test part: {sentence}" for sentence in found.sentences])


def doubts(task: Any, outputs: FloatArray, examples: Examples, table: Table) -> Doubts:
    """On labelled ``examples`` of ``table``, from the network's outputs (N, *output_shape)."""
    tables, sentences = [], []
    if isinstance(task, Classify) and isinstance(examples, Batchable) and len(examples):
        logits = to_decode(task, outputs, examples)
        worst = worst_mistakes(task, logits, examples, table)
        tables += [worst] if worst.rows else []
        predicted = np.unique(logits.argmax(axis=1))
        if len(predicted) == 1 and len(examples) >= LEAST_ROWS and len(np.unique(target_of(examples))) > 1:
            sentences.append(
                f"all {len(examples):,} rows are predicted to be {task.classes[int(predicted[0])]}: "
                "the model does not tell the classes apart"
            )
    if isinstance(task, Multilabel) and isinstance(examples, Batchable) and len(examples):
        logits = to_decode(task, outputs, examples)
        worst = worst_sets(task, logits, examples, table)
        tables += [worst] if worst.rows else []
        sentences += never_given(task, logits, examples)
    if task.plan.task in SEQUENCES and len(examples):
        from seqcli.tasks.worst_sequences import worst_sequences  # here, because rows need none of it

        worst = worst_sequences(task, outputs, examples, table)
        tables += [worst] if worst.rows else []
    counter = TextCounter.of(task)
    if counter is not None and isinstance(examples, Batchable):
        counter.add(table, examples)
        sentences += counter.sentences()
    return Doubts(tables, sentences)


def worst_mistakes(task: Classify, logits: FloatArray, examples: Batchable, table: Table) -> ResultTable:
    """The wrong rows of which the model was surest, by joined logits (N, C) of labelled ``examples``."""
    chances = np.exp(log_softmax(logits))
    predicted = logits.argmax(axis=1)
    sure = chances.max(axis=1)
    wrong = np.flatnonzero(predicted != target_of(examples))
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    labels = table.cells(task.plan.target[0])
    names, shown = shown_rows(task.plan, task.inputs, table, examples.row_ids[worst])
    rows: list[tuple[Cell, ...]] = []
    for place, own in zip(worst.tolist(), shown, strict=True):
        label = labels[int(examples.row_ids[place])].strip()
        rows.append((*own, label, task.classes[int(predicted[place])], round(float(sure[place]), 7)))
    columns = (
        *names,
        ResultColumn("label", keep="left"),
        ResultColumn("prediction", keep="left"),
        ResultColumn("probability", ".3f"),
    )
    caption = f"the wrong ones that the model was surest of, of {len(wrong):,} in {len(examples):,}"
    return ResultTable("Worst mistakes", columns, rows, caption)


@dataclass
class TextCounter:
    """How much of the texts that come is unknown to a model, or behind the length that it reads."""

    inputs: Inputs
    words: int = 0
    unknown: int = 0
    texts: int = 0
    cut: int = 0
    longest: int = field(default=0)

    @classmethod
    def of(cls, task: Any) -> TextCounter | None:
        """For a task that reads texts, one a row; else None."""
        inputs = getattr(task, "inputs", None)
        return cls(inputs) if isinstance(inputs, Inputs) and reads_texts(inputs) else None

    def add(self, table: Table, examples: Batchable) -> None:
        """Count the texts of some rows, of which ``examples`` are what the network reads."""
        tokens = examples.fields.get(TOKENS)
        assert isinstance(tokens, Sequences)
        values = tokens.values[tokens.offsets[0] : tokens.offsets[-1]]
        self.words += len(values)
        self.unknown += int((values == UNKNOWN).sum())
        self.texts += len(tokens)
        limit, vocabulary = self.inputs.max_length, self.inputs.vocabulary
        if limit is None or vocabulary is None:
            return
        full = np.flatnonzero(tokens.lengths >= limit).tolist()
        if not full:
            return
        texts = joined_texts(table, self.inputs.text)
        for place in full:
            length = len(vocabulary.cut(texts[int(examples.row_ids[place])]))
            self.cut += length > limit
            self.longest = max(self.longest, length)

    def sentences(self) -> list[str]:
        """What should be said of the texts so far."""
        vocabulary = self.inputs.vocabulary
        assert vocabulary is not None
        unit, said = vocabulary.level, []
        if self.words >= LEAST_WORDS and self.unknown > MOST_UNKNOWN * self.words:
            share = 100 * self.unknown / self.words
            said.append(
                f"{share:.0f} % of the {unit} are unknown to the model: texts of this kind are new to it"
            )
        if self.cut > MOST_CUT * self.texts:
            said.append(
                f"{self.cut:,} of {self.texts:,} texts are cut: the network reads {self.inputs.max_length} "
                f"{unit}, the longest has {self.longest:,}"
            )
        return said
