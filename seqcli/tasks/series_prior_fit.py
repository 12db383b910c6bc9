"""Learning the linear part of a classifier of series or DNA, by logistic regression on features.

    min over W, b:   - sum_n weight_n log p(class_n)  +  λ/2 |W|²

Which features are read, how much each block of them counts, and λ are chosen by the log loss of parts of the
training rows that were left out in turn. Nothing else is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.base_counts import place_count
from seqcli.preprocessing.kernels import Kernels
from seqcli.preprocessing.places import usual_length
from seqcli.preprocessing.series_features import LONGEST_AT_PLACE, MOST_PLACES, SeriesFeatures
from seqcli.sequences import FloatArray, IntArray, LookUp, Sequences
from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.series_prior import SeriesPrior

Wide = NDArray[np.float64]
CONVOLUTIONS = 2000
"""Numbers that convolutions give, of series of usual size."""
MOST_WORK = 4e9
"""Numbers times steps, above which there are fewer."""
MOST_TO_CHOOSE = 1200
"""Rows that are looked at to choose."""
MOST_ROWS = 20_000
"""Rows that are learnt from."""
FOLDS = 4
STRENGTHS = tuple(np.geomspace(10, 1e-4, 11).tolist())
"""λ, the largest first."""
WORSE = 2
"""Strengths in a row without a lower loss, after which no smaller one is tried."""
SHARES = (1.0, 0.3, 0.03)
"""Of convolutions, the rest being that of summaries."""
MOST_NUMBERS = 60_000_000
"""Rows × numbers that are held at once."""
STEADY = 1e-5
"""Numbers that change less than this are left out."""


@dataclass(frozen=True)
class Lesson:
    """Series to learn from, their classes (N,), and how much each counts (N,), where that is not the same."""

    series: Sequences | LookUp
    target: IntArray
    weight: FloatArray | None = None

    def take(self, rows: IntArray) -> Lesson:
        """Some rows (B,)."""
        return Lesson(
            self.series.take(rows), self.target[rows], None if self.weight is None else self.weight[rows]
        )


@dataclass(frozen=True)
class Candidate:
    """What could be read, and how much each block of it counts."""

    features: SeriesFeatures
    shares: tuple[float, ...]


def learn_prior(lesson: Lesson, classes: int, both_strands: bool = False, seed: int = 0) -> SeriesPrior:
    """The linear part that ``lesson`` teaches, everything about it chosen by parts of the lesson itself."""
    lesson = _some(lesson, MOST_ROWS, seed)
    chosen, strength, least = None, STRENGTHS[0], np.inf
    few = _some(lesson, MOST_TO_CHOOSE, seed)
    for group in _candidates(lesson, both_strands, seed):
        values = group[0].features.read(few.series)
        for candidate in group:
            rotated = _rotated(_scaled(values, candidate)[0])
            loss, found = _held_out_loss(rotated, few, classes, seed)
            if loss < least:
                chosen, strength, least = candidate, found, loss
    assert chosen is not None
    return _fitted(chosen, lesson, classes, strength)


def relearn(prior: SeriesPrior, lesson: Lesson, classes: int, seed: int = 0) -> SeriesPrior:
    """``prior`` with its weights learnt anew, from ``lesson``; what was chosen stays."""
    candidate = Candidate(prior.features, tuple(share for _, share in prior.shares))
    return _fitted(candidate, _some(lesson, MOST_ROWS, seed), classes, prior.strength)


def _candidates(lesson: Lesson, both_strands: bool, seed: int) -> Iterator[list[Candidate]]:
    """What is tried: candidates of one list read the same numbers."""
    if isinstance(lesson.series, LookUp):
        for features in _of_bases(lesson.series, both_strands):
            yield [Candidate(features, (1.0,) * len(features.blocks))]
        return
    steps = max(int(lesson.series.lengths.sum()), 1)
    wanted = int(np.clip(MOST_WORK / steps, 168, CONVOLUTIONS))
    kernels = Kernels.fit(lesson.series, wanted, seed)
    width = lesson.series.values.shape[1]
    features = SeriesFeatures(width, kernels.size, summaries=True, fitted=kernels)
    yield [Candidate(features, (share, 1 - share)) for share in SHARES]


def _of_bases(bases: LookUp, both_strands: bool) -> Iterator[SeriesFeatures]:
    """Bases by their place where rows are of one length, and runs wherever they stand."""
    plain = SeriesFeatures(bases.table.shape[1], both_strands=both_strands)
    usual = usual_length(bases.lengths)
    room = MOST_NUMBERS // max(len(bases), 1)
    if 0 < usual <= MOST_PLACES:
        for longest in range(1, LONGEST_AT_PLACE):
            if place_count(usual, longest) <= room:
                yield replace(plain, places=usual, at_place=longest)
                if longest == LONGEST_AT_PLACE - 1:
                    yield replace(plain, places=usual, at_place=longest, run=4)
    for longest in (3, 4, 5, 6):
        if 4 ** (longest + 1) <= max(room, 4**4):
            yield replace(plain, run=longest)


def _scaled(values: FloatArray, candidate: Candidate) -> tuple[Wide, Wide, Wide]:
    """Features (N, F) as they are weighed, what was taken off them (F,), and by what they were multiplied."""
    shift, scale, start = np.zeros(values.shape[1]), np.ones(values.shape[1]), 0
    blocks = candidate.features.blocks
    for (name, size), share in zip(blocks.items(), candidate.shares, strict=True):
        block = slice(start, start + size)
        start += size
        scale[block] = share**0.5
        if "bases" not in name:
            spread = values[:, block].std(axis=0, dtype=np.float64)
            shift[block] = values[:, block].mean(axis=0, dtype=np.float64)
            scale[block] *= np.where(spread > STEADY, 1 / np.maximum(spread, STEADY), 0) / size**0.5
    return (values - shift) * scale, shift, scale


def _rotated(values: Wide) -> Wide:
    """(N, F) as (N, ≤ N): the same distances between rows, in no more numbers than there are rows."""
    if values.shape[1] <= len(values):
        return values
    spectrum, ways = np.linalg.eigh(values @ values.T)
    kept = spectrum > spectrum.max() * 1e-9
    found: Wide = ways[:, kept] * np.sqrt(spectrum[kept])
    return found


def _held_out_loss(values: Wide, lesson: Lesson, classes: int, seed: int) -> tuple[float, float]:
    """The least log loss on rows left out in turn, and the strength that has it."""
    fold = _folds(lesson.target, seed)
    weight = _weights(lesson)
    states: dict[int, Wide] = {}
    best, chosen, worse = np.inf, STRENGTHS[0], 0
    for strength in STRENGTHS:
        loss = 0.0
        for part in np.unique(fold).tolist():
            kept, out = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
            states[part] = regress(
                values[kept], lesson.target[kept], weight[kept], (classes, strength), states.get(part)
            )
            said = log_softmax(values[out] @ states[part][:-1] + states[part][-1])
            loss -= float((weight[out] * said[np.arange(len(out)), lesson.target[out]]).sum())
        worse = 0 if loss < best else worse + 1
        if loss < best:
            best, chosen = loss, strength
        if worse >= WORSE:
            break
    return best, chosen


def _fitted(candidate: Candidate, lesson: Lesson, classes: int, strength: float) -> SeriesPrior:
    """The linear part of all rows of ``lesson``."""
    values, shift, scale = _scaled(candidate.features.read(lesson.series), candidate)
    rows, width = values.shape
    if width > rows:  # the answer lies in the space of the rows
        spectrum, ways = np.linalg.eigh(values @ values.T)
        kept = spectrum > spectrum.max() * 1e-9
        root = np.sqrt(spectrum[kept])
        solution = regress(ways[:, kept] * root, lesson.target, _weights(lesson), (classes, strength))
        weights = values.T @ (ways[:, kept] / root @ solution[:-1])
    else:
        solution = regress(values, lesson.target, _weights(lesson), (classes, strength))
        weights = solution[:-1]
    weights = weights * scale[:, None]
    bias = solution[-1] - shift @ weights
    names = tuple(zip(candidate.features.blocks, candidate.shares, strict=True))
    return SeriesPrior(
        candidate.features, names, strength, weights.astype(np.float32), bias.astype(np.float32)
    )


def regress(
    values: Wide, target: IntArray, weight: Wide, form: tuple[int, float], start: Wide | None = None
) -> Wide:
    """Weights and, in the last row, biases, (F + 1, C), for values (N, F), classes (N,) and weights (N,).

    ``form`` is (C, λ); by L-BFGS (Liu and Nocedal 1989), begun at ``start``.
    """
    from scipy.optimize import minimize

    (classes, strength), width = form, values.shape[1]
    wanted = (target[:, None] == np.arange(classes)).astype(np.float64)

    def loss(flat: Wide) -> tuple[float, Wide]:
        solution = flat.reshape(width + 1, classes)
        said = log_softmax(values @ solution[:-1] + solution[-1])
        away = (np.exp(said) - wanted) * weight[:, None]
        slope = np.concatenate([values.T @ away + strength * solution[:-1], away.sum(axis=0)[None]])
        size = strength / 2 * float((solution[:-1] ** 2).sum())
        return size - float((weight[:, None] * wanted * said).sum()), slope.ravel()

    first = np.zeros((width + 1) * classes) if start is None else start.ravel()
    options = {"maxiter": 150, "maxcor": 15, "ftol": 1e-8, "gtol": 1e-4}
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options=options)
    solution: Wide = found.x.reshape(width + 1, classes)
    return solution


def _folds(target: IntArray, seed: int) -> IntArray:
    """A fold for each row (N,), each class spread over all folds."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(target)), target))
    fold = np.empty(len(target), np.int64)
    fold[order] = np.arange(len(target)) % FOLDS
    return fold


def _weights(lesson: Lesson) -> Wide:
    if lesson.weight is None:
        return np.ones(len(lesson.target))
    return lesson.weight.astype(np.float64)


def _some(lesson: Lesson, most: int, seed: int) -> Lesson:
    """At most so many rows, drawn evenly."""
    if len(lesson.target) <= most:
        return lesson
    rows = np.random.default_rng(seed).permutation(len(lesson.target))[:most]
    return lesson.take(np.sort(rows))


def described(blocks: Sequence[tuple[str, int]]) -> str:
    """``2,000 convolutions and 133 summaries``."""
    return " and ".join(f"{size:,} {name}" for name, size in blocks)
