"""One text as a classifier reads it, ready to be asked which of its tokens led to the class.

log-odds of class c = z_c - log sum_{j != c} exp z_j        z = a network + b linear part

Where a text has several labels, those of label l are z_l, and each that is given is explained by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.spans import composed, token_spans
from seqcli.preprocessing.vocabulary import UNKNOWN
from seqcli.sequences import Batchable, Field, FloatArray, IntArray
from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.inputs import DENSE, TOKENS, joined_texts
from seqcli.tasks.label_answers import label_chances
from seqcli.tasks.multilabel import Multilabel
from seqcli.tasks.text_prior import TextPrior
from seqcli.tasks.text_prior_parts import PriorParts

if TYPE_CHECKING:
    from seqcli.readers.table import Table
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.regress import Regress

Odds: TypeAlias = NDArray[np.float64]
NO_TOKEN = ""
"""Stands where a token is taken away: in no vocabulary, and without parts."""


@dataclass(frozen=True)
class TextRow:
    """One text, its T tokens, and what the classifier makes of it."""

    text: str
    spans: IntArray
    """(T, 2) where each token stands in ``text``."""
    words: list[str]
    """The tokens as the network reads them, fewer than T where the text is cut."""
    example: Batchable
    """The text as the one example that the network reads."""
    prior: PriorParts | None

    @property
    def tokens(self) -> list[str]:
        """The tokens as they stand in the text."""
        return [self.text[begin:end] for begin, end in self.spans.tolist()]

    @property
    def unknown(self) -> list[bool]:
        """Which of the tokens that the network reads it never met."""
        ids = self.example.fields[TOKENS]
        return [i == UNKNOWN for i in ids.row(0).tolist()] if self.words else []  # type: ignore[union-attr]

    def occluded(self, task: Classify | Multilabel | Regress) -> Batchable:
        """The text, and behind it the text without each of the tokens that the network reads."""
        count = len(self.words)
        variants = [self.words]
        for place in range(count):
            variants.append([*self.words[:place], NO_TOKEN, *self.words[place + 1 :]])
        fields: dict[str, Field] = task.inputs.token_fields(variants)
        dense = self.example.fields.get(DENSE)
        if isinstance(dense, np.ndarray):
            fields[DENSE] = np.repeat(dense, count + 1, axis=0)
        return Batchable(fields, np.arange(count + 1))


@dataclass(frozen=True)
class TextEffect:
    """How much each token of a text speaks for the class that it got, in log-odds."""

    row: TextRow
    prediction: str
    probability: float
    log_odds: float
    scores: Odds
    """(T,) above 0 for the class, below it against."""
    baseline: float | None = None
    """The log-odds of a text of nothing, where the scores add up to the way from there."""
    others: tuple[int, ...] = ()
    """The other labels that the text got, where it may have several."""
    rest: float = 0.0
    """What is left of that way: of no token, and of the sum that stands for an integral."""


def text_rows(task: Classify | Multilabel | Regress, table: Table) -> list[TextRow]:
    """Each row of ``table`` as one text."""
    examples = task.inputs.encode(table)[0]
    vocabulary = task.inputs.vocabulary
    assert vocabulary is not None
    rows = []
    for place, text in enumerate(joined_texts(table, task.inputs.text)):
        own = composed(text)
        spans, tokens = token_spans(own, vocabulary.level), vocabulary.cut(text)
        example = examples.take(np.array([place]))
        dense = example.fields.get(DENSE)
        beside = dense[0].astype(np.float32) if isinstance(dense, np.ndarray) else None
        linear = getattr(task, "prior", None)
        prior = PriorParts.of(linear, own, spans, beside) if isinstance(linear, TextPrior) else None
        rows.append(TextRow(own, spans, tokens[: task.inputs.max_length], example, prior))
    return rows


def occlusion(
    task: Classify | Multilabel, row: TextRow, outputs: FloatArray, place: int | None = None
) -> TextEffect:
    """How much the log-odds fall without each token, of outputs (R + 1, C) for :meth:`TextRow.occluded`.

    A token beyond those R that the network reads is missed by the linear part alone. ``place`` is the label
    that is asked about; else it is the answer.
    """
    count, read = len(row.spans), len(row.words)
    network = np.concatenate([outputs, np.repeat(outputs[:1], count - read, axis=0)])  # (T + 1, C)
    prior = None
    if row.prior is not None:
        prior = np.concatenate([row.prior.logits(), *(row.prior.logits(place) for place in range(count))])
    logits = task.fusion.joined(network, prior)
    effect = answered(task, row, logits[:1], place)
    odds = odds_of(task, logits, task.classes.index(effect.prediction))
    return replace(effect, scores=odds[0] - odds[1:])


def answered(
    task: Classify | Multilabel, row: TextRow, logits: FloatArray, place: int | None = None
) -> TextEffect:
    """The class of a text by its joined logits (1, C), still without scores.

    Of several labels the one at ``place``; else the likeliest, and the others that the text got are named.
    """
    if isinstance(task, Multilabel):
        chances = label_chances(logits)[0]
        chosen = int(chances.argmax()) if place is None else place
        given = np.flatnonzero(chances >= np.array(task.labelling.cuts)).tolist()
        others = tuple(at for at in given if at != chosen)
        odds = float(logits[0, chosen])
        none = np.zeros(len(row.spans))
        return TextEffect(row, task.classes[chosen], float(chances[chosen]), odds, none, others=others)
    answer = task.decode(logits)[0]
    prediction, probability = str(answer["prediction"]), answer["probability"]
    assert isinstance(probability, float)
    odds = float(log_odds(logits, task.classes.index(prediction))[0])
    return TextEffect(row, prediction, probability, odds, np.zeros(len(row.spans)))


def odds_of(task: Classify | Multilabel, logits: FloatArray, place: int) -> Odds:
    """Of the class or label at ``place``, (N,), of joined logits (N, C)."""
    if isinstance(task, Multilabel):
        return logits[:, place].astype(np.float64)
    return log_odds(logits, place)


def log_odds(logits: FloatArray, place: int) -> Odds:
    """Of the class at ``place`` against all others, (N,), of logits (N, C)."""
    chances = log_softmax(logits)
    others = np.delete(chances, place, axis=1)
    most = others.max(axis=1, keepdims=True)
    against = most[:, 0] + np.log(np.exp(others - most).sum(axis=1))
    found: Odds = chances[:, place] - against
    return found
