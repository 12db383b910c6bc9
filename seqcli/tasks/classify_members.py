"""The members of a text classifier: the linear part, fitted ahead of the network and joined to it after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seqcli.readers.table import Table
from seqcli.sequences import TARGET, WEIGHT, AnyArray, Batchable, Examples, FloatArray, IntArray
from seqcli.tasks.base import Prepared, Scores
from seqcli.tasks.classify_metrics import class_scores, log_softmax
from seqcli.tasks.inputs import DENSE, Inputs, joined_texts
from seqcli.tasks.parts import Source
from seqcli.tasks.text_prior import LEAST_TO_CHOOSE, TextPrior

if TYPE_CHECKING:
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.multilabel import Multilabel
    from seqcli.tasks.text_prior_fit import Lesson

LINEAR = "TF-IDF + logistic regression"
PRIOR = "prior"
"""The field with the linear part's logits, (N, C)."""


@dataclass(frozen=True)
class WithTexts(Batchable):
    """Labelled examples with the texts that they were made of, for a linear part to learn from."""

    texts: tuple[str, ...] = ()


def target_of(examples: Examples) -> IntArray:
    """The classes of labelled examples, (N,)."""
    assert isinstance(examples, Batchable)
    target = examples.fields[TARGET]
    assert isinstance(target, np.ndarray)
    return target


def prior_of(examples: Examples) -> FloatArray | None:
    """The linear part's logits (N, C) for examples, where there is one."""
    assert isinstance(examples, Batchable)
    found = examples.fields.get(PRIOR)
    return found if isinstance(found, np.ndarray) else None


def reads_texts(inputs: Inputs) -> bool:
    """Whether examples are texts, one a row."""
    return inputs.vocabulary is not None and not inputs.ids


def with_prior(prior: TextPrior | None, inputs: Inputs, table: Table, examples: Batchable) -> Batchable:
    """``examples`` of ``table`` with the linear part's logits."""
    if prior is None:
        return examples
    logits = prior.logits(_texts(inputs, table, examples), _dense(examples))
    return replace(examples, fields={**examples.fields, PRIOR: logits})


def fit_members(prepared: Prepared, task: Classify | Multilabel, kind: str) -> Prepared:
    """``prepared`` with its linear part fitted on the training rows; ``kind`` is that of ``--prior``."""
    from seqcli.tasks.text_prior_fit import choose_prior, thinning

    parts, source = (prepared.train, prepared.validation, prepared.test), prepared.source
    assert isinstance(source, Source)
    train, held, _ = _lessons(task.inputs, source, parts)
    vocabulary = task.inputs.vocabulary
    assert vocabulary is not None
    prior = choose_prior(train, held, len(task.classes), vocabulary.level, kind)
    _, validation, test = (
        with_prior(prior, task.inputs, table, _batchable(part)) if index else part
        for index, (table, part) in enumerate(zip(_tables(source), parts, strict=True))
    )
    return replace(
        prepared,
        task=replace(task, prior=prior),
        validation=validation,
        test=test,
        rules=[*prepared.rules, prior_sentence(prior, len(held), thinning(train.texts, prior.form))],
        refit=prepared.refit and (lambda: _everything(prepared, task.inputs)),
    )


def prior_sentence(prior: TextPrior, held: int, step: int) -> str:
    """What the linear part is, learnt from each ``step``-th row and chosen on so many."""
    form, what = prior.form, []
    if form.words:
        what.append(f"1 to {form.words} words")
    if form.characters:
        what.append(f"{form.fewest} to {form.characters} characters")
    learnt = f", learnt from one row in {step}" if step > 1 else ""
    chosen = f", chosen on {held:,} validation rows" if held >= LEAST_TO_CHOOSE else ""
    return (
        f"linear part: {len(prior.keys):,} n-grams of {' and '.join(what)} "
        f"by {prior.weighting}{learnt}{chosen}"
    )


def refitted(prior: TextPrior, examples: Batchable, classes: int) -> TextPrior:
    """``prior`` learnt anew from all rows."""
    from seqcli.tasks.text_prior_fit import Lesson, refit_prior

    if not isinstance(examples, WithTexts):
        return prior
    rows = Lesson(examples.texts, _dense(examples), _answers(examples), _weight(examples))
    return refit_prior(prior, rows, classes)


def linear_baseline(inputs: Inputs, source: Source, parts: Sequence[Examples], classes: int) -> Scores:
    """Logistic regression on TF-IDF, learnt from the first of the ``parts`` and scored on the last."""
    _, logits = linear_logits(inputs, source, parts, classes)
    return Scores(LINEAR, class_scores(log_softmax(logits), target_of(parts[2])))


def linear_logits(
    inputs: Inputs, source: Source, parts: Sequence[Examples], classes: int
) -> tuple[FloatArray, FloatArray]:
    """What logistic regression on TF-IDF says of the validation and of the test part: (N, C), (M, C)."""
    from seqcli.tasks.text_prior_fit import choose_prior

    train, held, test = _lessons(inputs, source, parts)
    assert inputs.vocabulary is not None
    prior = choose_prior(train, held, classes, inputs.vocabulary.level, "tfidf")
    return prior.logits(held.texts, held.dense), prior.logits(test.texts, test.dense)


def _everything(prepared: Prepared, inputs: Inputs) -> WithTexts:
    """All parts as one for a second training, without rows whose class training does not know."""
    assert prepared.refit is not None
    together, texts = _batchable(prepared.refit()), []
    for table, part in zip(
        _tables(prepared.source), (prepared.train, prepared.validation, prepared.test), strict=True
    ):
        answers = _answers(part)
        known = np.ones(len(part), np.bool_) if answers.ndim == 2 else answers >= 0
        texts += _texts(inputs, table, _batchable(part).take(np.flatnonzero(known)))
    return WithTexts(together.fields, together.row_ids, tuple(texts))


def _lessons(inputs: Inputs, source: Source, parts: Sequence[Examples]) -> list[Lesson]:
    from seqcli.tasks.text_prior_fit import Lesson

    return [
        Lesson(_texts(inputs, table, part), _dense(part), _answers(part), _weight(part))
        for table, part in zip(_tables(source), map(_batchable, parts), strict=True)
    ]


def _tables(source: Source) -> tuple[Table, Table, Table]:
    return source.train, source.validation, source.test


def _texts(inputs: Inputs, table: Table, examples: Batchable) -> list[str]:
    """The text of each example."""
    texts = joined_texts(table, inputs.text)
    return [texts[row] for row in examples.row_ids.tolist()]


def _answers(examples: Examples) -> AnyArray:
    """The classes (N,), or the labels (N, L), of labelled examples."""
    target: AnyArray = target_of(examples)
    return target


def _dense(examples: Batchable) -> FloatArray | None:
    """The scaled columns (N, D) beside the texts."""
    found = examples.fields.get(DENSE)
    return found.astype(np.float32) if isinstance(found, np.ndarray) else None


def _weight(examples: Batchable) -> FloatArray | None:
    """How much each example counts, (N,), where that is not the same for all."""
    found = examples.fields.get(WEIGHT)
    return found if isinstance(found, np.ndarray) else None


def _batchable(examples: Examples) -> Batchable:
    assert isinstance(examples, Batchable)
    return examples
