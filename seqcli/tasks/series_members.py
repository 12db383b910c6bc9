"""The linear part of a classifier of series or DNA: fitted ahead of the network, and joined to it after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import TARGET, WEIGHT, Batchable, Examples
from seqcli.tasks.base import Prepared
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.series_prior import KIND, SeriesPrior, reads_series, series_of
from seqcli.tasks.text_prior import TextPrior, outputs_of

if TYPE_CHECKING:
    from seqcli.tasks.classify import Classify
    from seqcli.tasks.series_prior_fit import Lesson

PRIOR = "prior"
"""The field with the linear part's logits, (N, C)."""


def fit_series_members(prepared: Prepared, task: Classify) -> Prepared:
    """``prepared`` with its linear part fitted on the training part."""
    from seqcli.tasks.series_prior_fit import described, learn_prior

    lesson = _lesson(prepared.train)
    prior = learn_prior(
        lesson, len(task.classes), task.inputs.dna is not None and task.inputs.dna.both_strands
    )
    blocks = list(prior.features.blocks.items())
    sentence = (
        f"linear part: {described(blocks)}, by logistic regression on {len(lesson.target):,} training rows"
    )
    return replace(
        prepared,
        task=replace(task, prior=prior),
        validation=with_series_prior(prior, _batchable(prepared.validation)),
        test=with_series_prior(prior, _batchable(prepared.test)),
        rules=[*prepared.rules, sentence],
    )


def with_series_prior(prior: SeriesPrior, examples: Batchable) -> Batchable:
    """``examples`` with the linear part's logits."""
    return replace(examples, fields={**examples.fields, PRIOR: prior.logits(examples)})


def refitted_series(prior: SeriesPrior, examples: Examples, classes: int) -> SeriesPrior:
    """``prior`` learnt anew from all rows."""
    from seqcli.tasks.series_prior_fit import relearn

    return relearn(prior, _lesson(examples), classes)


def restore_prior(data: Mapping[str, Any], inputs: Inputs) -> TextPrior | SeriesPrior:
    """A linear part from what it was saved as, still without arrays.

    Raises ModelError, KeyError, TypeError or ValueError.
    """
    if data["name"] != KIND:
        return TextPrior.from_json(data)
    prior = SeriesPrior.from_json(data)
    channels = 4 if inputs.dna else len(inputs.features.names) if inputs.features else 0
    dna = inputs.dna is not None
    bases = bool(prior.features.places or prior.features.run)
    numbers = bool(prior.features.kernels or prior.features.summaries)
    if not reads_series(inputs) or prior.features.channels != channels or (numbers if dna else bases):
        raise ModelError("the model's linear part does not fit its inputs", "train it again")
    return prior


def prior_with_arrays(
    prior: TextPrior | SeriesPrior, arrays: Mapping[str, NDArray[Any]], inputs: Inputs, classes: int
) -> TextPrior | SeriesPrior:
    """``prior`` with its weights. Raises ModelError where they do not fit."""
    if isinstance(prior, SeriesPrior):
        return prior.with_arrays(arrays, classes)
    columns = len(inputs.features.names) if inputs.features else 0
    return prior.with_arrays(arrays, outputs_of(classes), columns)


def _lesson(examples: Examples) -> Lesson:
    from seqcli.tasks.series_prior_fit import Lesson

    rows = _batchable(examples)
    target, weight = rows.fields[TARGET], rows.fields.get(WEIGHT)
    assert isinstance(target, np.ndarray)
    return Lesson(series_of(rows), target, weight if isinstance(weight, np.ndarray) else None)


def _batchable(examples: Examples) -> Batchable:
    assert isinstance(examples, Batchable)
    return examples
