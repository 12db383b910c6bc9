"""How good tags are: accuracy, and spans in the definition of conlleval (Tjong Kim Sang 2000).

A span counts as found where one of the same words and the same type is predicted: nothing is half right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from seqcli.results import ResultColumn, ResultTable
from seqcli.sequences import IntArray
from seqcli.tasks.tagging.schemes import spans_of

Tags = Sequence[Sequence[str]]


@dataclass
class SpanCounts:
    """Spans by type: how many there are, how many were predicted, and how many of those are right."""

    true: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, true: Tags, predicted: Tags) -> SpanCounts:
        """From the tags of sentences, in any spelling."""
        counts = cls()
        for is_so, said in zip(true, predicted, strict=True):
            gold, found = spans_of(is_so), spans_of(said)
            counts.true.update(span.label for span in gold)
            counts.predicted.update(span.label for span in found)
            counts.right.update(span.label for span in set(gold) & set(found))
        return counts

    def measures(self, label: str | None = None) -> tuple[float, float, float]:
        """Precision, recall and F1 of one type, or of all spans alike; what would divide by zero is 0."""
        right, predicted, true = (
            counts.total() if label is None else counts[label]
            for counts in (self.right, self.predicted, self.true)
        )
        precision, recall = right / max(predicted, 1), right / max(true, 1)
        return precision, recall, 2 * right / max(predicted + true, 1)


def span_scores(true: Tags, predicted: Tags) -> dict[str, float]:
    """F1, precision and recall of spans, and the accuracy of single tags; NaN where there is no sentence."""
    if not true:
        return dict.fromkeys(("f1", "precision", "recall", "accuracy"), np.nan)
    precision, recall, f1 = SpanCounts.of(true, predicted).measures()
    pairs = [
        (a, b)
        for tags, others in zip(true, predicted, strict=True)
        for a, b in zip(tags, others, strict=True)
    ]
    accuracy = sum(a == b for a, b in pairs) / max(len(pairs), 1)
    return {"f1": f1, "precision": precision, "recall": recall, "accuracy": accuracy}


def tag_scores(true: IntArray, predicted: IntArray, offsets: IntArray) -> dict[str, float]:
    """Accuracy over words (M,), and the share of sentences (offsets (N + 1,)) without a wrong tag."""
    if not len(true):
        return {"accuracy": np.nan, "whole_sentences": np.nan}
    right = true == predicted
    filled = offsets[:-1][np.diff(offsets) > 0]
    whole = np.logical_and.reduceat(right, filled)
    return {"accuracy": float(right.mean()), "whole_sentences": float(whole.mean())}


def span_table(true: Tags, predicted: Tags) -> ResultTable:
    """Precision, recall, F1 and support of each type, the most frequent first."""
    counts = SpanCounts.of(true, predicted)
    labels = sorted({*counts.true, *counts.predicted}, key=lambda label: (-counts.true[label], label))
    columns = (
        ResultColumn("type"),
        *(ResultColumn(name, ".3f") for name in ("precision", "recall", "f1")),
        ResultColumn("predicted", ",d"),
        ResultColumn("support", ",d"),
    )
    rows = [
        (label or "span", *counts.measures(label), counts.predicted[label], counts.true[label])
        for label in labels
    ]
    return ResultTable("Spans by type", columns, list(rows))


def lists(labels: Sequence[str], ids: IntArray, offsets: IntArray) -> list[list[str]]:
    """Ids (M,) as the tags of each sentence."""
    named = [labels[number] for number in ids.tolist()]
    return [named[start:stop] for start, stop in pairwise(offsets.tolist())]
