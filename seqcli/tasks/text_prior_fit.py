"""How the linear part of a text classifier is learnt: logistic regression on weighted n-grams.

Its one question is which n-grams to trust. TF-IDF trusts rare ones more; naive Bayes, in the form of
Wang and Manning (ACL 2012), those that one class uses more than the others: each weight is multiplied
by that log-count ratio, so that the same penalty costs it less. The ratio's power 0 is TF-IDF, 1 is
naive Bayes; the validation part chooses one of 0, ½, 1, then the strength of the penalty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.preprocessing.ngrams import Keys, NgramForm, NgramIndex, Ngrams, apart, bits_for, read_ngrams
from seqcli.sequences import AnyArray, FloatArray, IntArray
from seqcli.tasks.text_prior import LEAST_TO_CHOOSE, TextPrior, as_logits, outputs_of, weighted

POWERS = {"auto": (0.5, 1.0, 0.0), "nb": (1.0,), "tfidf": (0.0,)}
"""What ``--prior`` lets the validation part choose among; the first where that is too small."""
STRENGTHS = (16.0, 4.0, 64.0)
SHORT_TEXT = 300
"""Characters on average up to which n-grams of characters help words, and cost little."""
MOST_PAIRS = 20_000_000
"""N-grams of all training texts together; of more texts every second, third, ... is learnt from."""
MOST_WEIGHTS = 4_000_000
"""N-grams times classes; the rarest n-grams are left out."""
FEWEST_TEXTS = 2
"""Training texts that an n-gram must stand in."""
MOST_STEPS, MEMORY, TOLERANCE = 100, 6, 1e-5
LEAST_SCALE = 1e-3
TEMPERATURES = tuple(np.geomspace(0.3, 6, 20).tolist())


@dataclass(frozen=True)
class Lesson:
    """What is learnt from: texts, the scaled columns (N, D) beside them, and the classes (N,) of them.

    Where a row has several labels ``target`` is (N, L), 1 for each that it has.
    """

    texts: Sequence[str]
    dense: FloatArray | None
    target: AnyArray
    weight: FloatArray | None = None
    """(N,), how much each counts; None for all alike."""

    def __len__(self) -> int:
        return len(self.texts)

    def thinned(self, step: int) -> Lesson:
        """Every ``step``-th text."""
        dense, weight = (None if part is None else part[::step] for part in (self.dense, self.weight))
        return Lesson(self.texts[::step], dense, self.target[::step], weight)


def ngram_form(texts: Sequence[str], level: str) -> NgramForm:
    """Which n-grams say most about such texts: of words, of characters where texts are short."""
    if level == "characters":
        return NgramForm(0, 1, 4)
    short = sum(map(len, texts)) <= SHORT_TEXT * len(texts)
    return NgramForm(3, 3, 6) if short else NgramForm(3, 0, 0)


def choose_prior(train: Lesson, held: Lesson, classes: int, level: str, kind: str) -> TextPrior:
    """The linear part learnt from ``train``, its weighting and strength chosen on ``held``."""
    form = ngram_form(train.texts, level)
    fit = Fit.read(train, form, classes)
    powers, strengths = POWERS[kind], STRENGTHS
    best = fit.learnt(powers[0], strengths[0])
    if len(held) < LEAST_TO_CHOOSE:
        return best
    best = _best([best, *(fit.learnt(power, strengths[0]) for power in powers[1:])], held)
    return _best([best, *(fit.learnt(best.power, strength) for strength in strengths[1:])], held)


def _best(tried: Sequence[TextPrior], held: Lesson) -> TextPrior:
    """The one with the least log loss on ``held``, each with the temperature that suits it best."""
    losses = []
    for prior in tried:
        logits = prior.logits(held.texts, held.dense)
        losses.append(min(mean_log_loss(logits * scale, held.target) for scale in TEMPERATURES))
    return tried[int(np.argmin(losses))]


def refit_prior(prior: TextPrior, rows: Lesson, classes: int) -> TextPrior:
    """``prior`` learnt anew from other rows, as it was chosen."""
    return Fit.read(rows, prior.form, classes).learnt(prior.power, prior.strength)


def thinning(texts: Sequence[str], form: NgramForm) -> int:
    """Each how many-th text can be learnt from."""
    sample = texts[:: max(1, len(texts) // 500)]
    pairs = len(read_ngrams(sample, form).keys) / max(len(sample), 1) * len(texts)
    return int(np.ceil(max(pairs, 1) / MOST_PAIRS))


@dataclass(frozen=True)
class Fit:
    """Training texts as a sparse matrix, ready to learn weights from by any weighting and strength."""

    form: NgramForm
    bits: int
    keys: Keys
    """(G,), ascending."""
    scales: FloatArray
    """(G,) inverse document frequencies."""
    matrix: Any
    """(N, G + D) CSR: the values of the n-grams, then the columns."""
    ratios: NDArray[np.float32]
    """(G, C) log-count ratios, of two classes (G, 1)."""
    target: AnyArray
    """(N,) classes, or (N, L) labels."""
    weight: FloatArray
    """(N,), how much each row counts."""
    classes: int

    @classmethod
    def read(cls, rows: Lesson, form: NgramForm, classes: int) -> Fit:
        """Read the n-grams of the training rows, and count them by class."""
        from scipy.sparse import csr_matrix, hstack

        rows = rows.thinned(thinning(rows.texts, form))
        ngrams = read_ngrams(rows.texts, form)
        several = rows.target.ndim == 2
        outputs = outputs_of(classes, several)
        keys, documents, bits = _kept(ngrams, MOST_WEIGHTS // outputs)
        scales = (np.log((1 + len(rows)) / (1 + documents)) + 1).astype(np.float32)
        owner, places, values = weighted(ngrams, NgramIndex(keys, bits), scales)
        matrix = csr_matrix((values, (owner, places)), shape=(len(rows), len(keys)), dtype=np.float32)
        counts = np.zeros((classes, len(keys)))
        for number in range(classes):
            own = rows.target[:, number] > 0 if several else rows.target == number
            counts[number] = np.bincount(places[own[owner]], minlength=len(keys))
        total = np.bincount(places, minlength=len(keys)) if several else None
        if rows.dense is not None:
            matrix = hstack([matrix, csr_matrix(rows.dense)], format="csr", dtype=np.float32)
        weight = np.ones(len(rows), dtype=np.float32) if rows.weight is None else rows.weight
        ratios = log_count_ratios(counts, total)
        return cls(form, bits, keys, scales, matrix, ratios, rows.target, weight, classes)

    def learnt(self, power: float, strength: float) -> TextPrior:
        """The weights that make the penalised log loss of the training rows least."""
        trust = np.abs(self.ratios) ** np.float32(power)
        usual = np.sqrt((trust * trust).sum() / max(trust.size, 1))
        trust = np.maximum(trust / max(usual, LEAST_SCALE), np.float32(LEAST_SCALE))
        beside = self.matrix.shape[1] - len(self.keys)
        trust = np.concatenate([trust, np.ones((beside, trust.shape[1]), np.float32)])
        rows = (self.matrix, self.target, self.weight)
        weights, bias = logistic_regression(rows, self.classes, trust, strength)
        known = len(self.keys)
        return TextPrior(
            self.form,
            power,
            strength,
            self.bits,
            self.keys,
            self.scales,
            weights[:known],
            weights[known:],
            bias,
        )


def _kept(ngrams: Ngrams, most: int) -> tuple[Keys, IntArray, int]:
    """The n-grams that stand in enough texts, ascending (G,), in how many each does (G,), and their bits."""
    keys, documents = np.unique(ngrams.keys, return_counts=True)
    least = max(FEWEST_TEXTS, int(np.partition(documents, -most)[-most]) if len(keys) > most else 0)
    kept = documents >= least
    if kept.sum() > most:
        kept = documents > least
    keys, documents = keys[kept], documents[kept]
    bits = bits_for(len(keys))
    told = apart(keys, documents, bits)
    return keys[told], documents[told], bits


def log_count_ratios(counts: NDArray[np.float64], total: IntArray | None = None) -> NDArray[np.float32]:
    """Log of the share of each n-gram in a class over that in the others, (G, C) from counts (C, G).

    Every count is one more than it is. Of two classes (G, 1), of the second. Where a row has several labels
    or none, ``total`` (G,) counts all rows.
    """
    own, others = counts + 1, (counts.sum(axis=0) if total is None else total) - counts + 1
    shares = np.log(own / own.sum(axis=1, keepdims=True))
    ratios = shares - np.log(others / others.sum(axis=1, keepdims=True))
    return np.asarray(ratios[1:] if outputs_of(len(ratios), total is not None) == 1 else ratios).T.astype(
        np.float32
    )


def mean_log_loss(logits: NDArray[Any], target: AnyArray) -> float:
    """Mean negative log-probability of classes (N,) by logits (N, C), or of labels (N, L) by (N, L)."""
    if target.ndim == 2:
        return float((np.logaddexp(0, logits) - target * logits).mean())
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(target)), target]
    return float((np.log(np.exp(shifted).sum(axis=1)) - chosen).mean())


def logistic_regression(
    rows: tuple[Any, AnyArray, FloatArray], classes: int, trust: FloatArray, strength: float
) -> tuple[FloatArray, FloatArray]:
    """Weights (G, C) and bias (C,) of multinomial logistic regression, or of one regression a label.

    ``rows`` are a CSR matrix (N, G), classes (N,) or labels (N, L), and weights (N,). Minimises
    ``strength`` times the weighted log loss plus half the squares of weights / ``trust`` (G, C); two classes
    have one column. The bias is not penalised.
    """
    matrix, target, counts = rows
    outputs = trust.shape[1]
    across = matrix.T.tocsr()
    likelihood = _one_a_label if target.ndim == 2 else _one_class

    def evaluate(flat: FloatArray) -> tuple[float, FloatArray]:
        own, bias = flat[:-outputs].reshape(trust.shape), flat[-outputs:]
        losses, missed = likelihood(matrix @ (own * trust) + bias, target)
        loss = float(np.dot(losses.astype(np.float64), counts))
        missed = strength * missed * counts[:, None]  # (N, C)
        slope = np.concatenate([((across @ missed) * trust + own).ravel(), missed.sum(axis=0)])
        return strength * loss + 0.5 * float(np.dot(own.ravel(), own.ravel())), slope.astype(np.float32)

    flat = minimised(evaluate, np.zeros(trust.size + outputs, dtype=np.float32))
    return flat[:-outputs].reshape(trust.shape) * trust, flat[-outputs:]


def _one_class(found: FloatArray, target: IntArray) -> tuple[FloatArray, FloatArray]:
    """The log loss (N,) of classes (N,), and its slope by what was ``found``: (N, C), of two (N, 1)."""
    logits = as_logits(found)
    rows = np.arange(len(target))
    shifted = logits - logits.max(axis=1, keepdims=True)
    chances = np.exp(shifted)
    sums = chances.sum(axis=1, keepdims=True)
    losses: FloatArray = np.log(sums[:, 0]) - shifted[rows, target]
    missed: FloatArray = chances / sums
    missed[rows, target] -= 1
    return losses, missed[:, 1:] if found.shape[1] == 1 else missed


def _one_a_label(found: FloatArray, target: AnyArray) -> tuple[FloatArray, FloatArray]:
    """The log loss (N,) of labels (N, L), summed over them, and its slope by the logits: both (N, L)."""
    losses: FloatArray = (np.logaddexp(0, found) - target * found).sum(axis=1)
    missed: FloatArray = (0.5 * (1 + np.tanh(found / 2)) - target).astype(np.float32)
    return losses, missed


def minimised(evaluate: Callable[[FloatArray], tuple[float, FloatArray]], start: FloatArray) -> FloatArray:
    """Where a smooth convex function of (P,) is least, by L-BFGS (Nocedal and Wright, algorithm 7.4).

    ``evaluate`` gives its value and slope (P,). Ends when a step gains less than a hundred-thousandth.
    """
    place = start
    value, slope = evaluate(place)
    pairs: list[tuple[FloatArray, FloatArray, float]] = []
    for _ in range(MOST_STEPS):
        step = -_inverse_hessian_times(slope, pairs)
        downhill = float(slope @ step)
        if downhill >= 0:
            break
        length = 1.0 if pairs else min(1.0, 1 / max(float(np.sqrt(slope @ slope)), 1e-12))
        for _ in range(20):
            there, there_slope = evaluate(place + np.float32(length) * step)
            if there <= value + 1e-4 * length * downhill:
                break
            length /= 2
        else:
            break
        moved, change = np.float32(length) * step, there_slope - slope
        curvature = float(moved @ change)
        if curvature > 1e-10:
            pairs = [*pairs, (moved, change, curvature)][-MEMORY:]
        gained, place, value, slope = value - there, place + moved, there, there_slope
        if gained <= TOLERANCE * abs(value):
            break
    return place


def _inverse_hessian_times(
    slope: FloatArray, pairs: Sequence[tuple[FloatArray, FloatArray, float]]
) -> FloatArray:
    """The two loops of L-BFGS: ``slope`` (P,) times the inverse Hessian that the last steps hint at."""
    found, shares = slope.copy(), []
    for moved, change, curvature in reversed(pairs):
        shares.append(float(moved @ found) / curvature)
        found -= np.float32(shares[-1]) * change
    if pairs:
        _, change, curvature = pairs[-1]
        found *= np.float32(curvature / float(change @ change))
    for (moved, change, curvature), share in zip(pairs, reversed(shares), strict=True):
        found += np.float32(share - float(change @ found) / curvature) * moved
    return found
