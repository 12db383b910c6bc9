"""The members of a forecast and how much each counts: weights that validation chooses.

Members are, from the simplest on: the last value, the last season, the mean of several seasons, ridge
regression, the network. A forecast is their weighted mean, with weights ≥ 0 that sum to 1 and make the mean
absolute error on validation least (Bates and Granger 1969; on the simplex as Stock and Watson 2004 advise).
Where the last value is the best of the simple ones, what does not beat it by more than chance is not used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import FloatArray
from seqcli.tasks.forecasting.metrics import mean_known
from seqcli.tasks.forecasting.ridge import Ridge
from seqcli.tasks.forecasting.widths import answers
from seqcli.tasks.forecasting.windows import Frame

Array = NDArray[np.float64]

NAIVE, SEASONAL, SEASON_MEAN, RIDGE, NETWORK = "naive", "seasonal naive", "season mean", "ridge", "network"
MEMBERS = (NAIVE, SEASONAL, SEASON_MEAN, RIDGE, NETWORK)
SIMPLE = (NAIVE, SEASONAL, SEASON_MEAN)
"""Members that nothing was fitted for but a number of seasons."""
MOST_SEASONS = 8
"""Seasons that a season mean may reach back."""
EVENNESS = 0.01
"""Pulls weights of members that are equally good towards each other, as a share of the least error."""
_THE = {NAIVE: "the last value", SEASONAL: "the last season", SEASON_MEAN: "the mean of the last seasons"}
MOST_ERRORS = 200_000
ROUNDS = 20
NEAR = 0.05
"""Errors below this share of the mean weigh no more than it."""
CHANCE = 1.645
"""Standard errors that a gain of nothing stays below 19 times of 20, measured on many blocks."""
LEAST_BLOCKS = 4
FEW_NEAR = 0.1
"""How far from the least error a member counts, where there are too few blocks for weights."""
FEW_GAIN = 0.05
"""What a mix must gain over the best simple member where there are too few blocks to tell chance."""


@dataclass(frozen=True)
class Mixture:
    """Members and ``weights`` (M, K), one column a target, each summing to 1."""

    members: tuple[str, ...]
    weights: Array
    seasons: int
    """Seasons in the season mean, 0 where it is no member."""
    ridge: Ridge | None = None
    simplest: str = NAIVE
    """The best simple member on validation."""
    gain: float = 0.0
    """Share of that member's mean absolute error on validation which the mix does without."""

    @classmethod
    def of_network(cls, targets: int, frame: Frame, seasons: int = 0, ridge: Ridge | None = None) -> Mixture:
        """All members there are for ``frame``, with the network alone counting."""
        there = {NAIVE: True, SEASONAL: 1 < frame.season <= frame.window, SEASON_MEAN: seasons > 1}
        there |= {RIDGE: ridge is not None, NETWORK: True}
        members = tuple(name for name in MEMBERS if there[name])
        weights = np.zeros((len(members), targets))
        weights[-1] = 1.0
        return cls(members, weights, seasons, ridge)

    def member(self, name: str, past: FloatArray, outputs: FloatArray, frame: Frame) -> Array:
        """The scaled forecast (N, H, K) of one member, for windows (N, W, K) and outputs (N, H, K[, 3])."""
        if name == RIDGE:
            assert self.ridge is not None
            return self.ridge.forecast(past)
        if name == NETWORK:
            said = answers(outputs).astype(np.float64)
            own = frame.target_spread * frame.scale(past)
            return np.asarray(frame.reference(past, self.ridge) + said * own)
        return simple_forecast(name, past, frame, self.seasons)

    def combined(self, past: FloatArray, outputs: FloatArray, frame: Frame) -> Array:
        """The scaled forecast (N, H, K)."""
        counting = [
            (name, weight) for name, weight in zip(self.members, self.weights, strict=True) if weight.any()
        ]
        parts = (weight * self.member(name, past, outputs, frame) for name, weight in counting)
        return np.asarray(sum(parts))

    def fitted(self, errors: Array, blocks: NDArray[np.int64]) -> Mixture:
        """With weights for ``errors`` (M, N, H, K) on validation, NaN where unscored, in like units.

        ``blocks`` (N,) numbers stretches of time that do not overlap.
        """
        known = ~np.isnan(errors).any(axis=0)  # (N, H, K)
        if not known.any():
            return self
        flat = errors[:, known]  # (M, n)
        scored = (~np.isnan(errors[0])).any(axis=(1, 2))
        many = len(np.unique(blocks[scored])) >= LEAST_BLOCKS
        weights = least_absolute(flat) if many else about_as_good(flat)
        simple = [row for row, name in enumerate(self.members) if name in SIMPLE]
        best = min(simple, key=lambda row: float(np.abs(flat[row]).mean()))
        mixed = np.abs(np.tensordot(weights, errors, axes=1))
        # Where a season is worth more than the last value there is something to learn, and the weights say
        # how much; else there may be but a walk, on which some member is always ahead by chance.
        if self.members[best] == NAIVE and not beats(mixed, np.abs(errors[best]), blocks):
            weights = np.eye(len(self.members))[best]
        left = float(np.abs(weights @ flat).mean()) / max(float(np.abs(flat[best]).mean()), 1e-12)
        return replace(
            self,
            weights=np.repeat(weights[:, None], self.weights.shape[1], axis=1),
            simplest=self.members[best],
            gain=1 - left,
        )

    def counts(self, name: str) -> bool:
        """Whether a member has any weight."""
        return name in self.members and bool(self.weights[self.members.index(name)].any())

    def sentence(self, network: str, names: Sequence[str]) -> str:
        """What counts how much, and what it gains; ``names`` are the targets."""
        said = {name: name for name in self.members} | {NETWORK: network}
        alike = (self.weights == self.weights[:, :1]).all()
        if alike and self.counts(self.simplest) and self.weights[:, 0].max() == 1.0:
            return (
                f"on validation nothing was better than {_THE[self.simplest]} by more than chance: it is used"
            )
        if not self.gain and self.counts(NETWORK) and self.weights.max(axis=0).min() == 1.0:
            return f"nothing was held out to mix members by: the {network} alone is used"
        shares = self.weights.mean(axis=1)
        order = np.argsort(-shares, kind="stable")
        parts = [
            f"{100 * shares[row]:.0f} % {said[self.members[row]]}" for row in order if shares[row] >= 0.005
        ]
        gain = (
            f", {100 * self.gain:.1f} % below the error of {_THE[self.simplest]} there" if self.gain else ""
        )
        return f"mixed by validation: {', '.join(parts)}{gain}"

    def arrays(self) -> dict[str, FloatArray]:
        """The ridge's weights (P, L, H)."""
        return {RIDGE: self.ridge.weights} if self.ridge else {}

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores, without the ridge's weights."""
        return {
            "members": list(self.members),
            "weights": self.weights.tolist(),
            "seasons": self.seasons,
            "penalty": self.ridge.penalty if self.ridge else None,
            "simplest": self.simplest,
            "gain": self.gain,
        }

    def with_arrays(self, arrays: Mapping[str, FloatArray], shape: tuple[int, int, int]) -> Mixture:
        """This mixture with its ridge's weights (P, L, H); ``shape`` is (targets, window, horizon).

        Raises ModelError where they do not fit, and for arrays of something else.
        """
        if set(arrays) != ({RIDGE} if self.ridge else set()):
            raise ModelError("the model's forecast comes with arrays that are not those of its members")
        if self.ridge is None:
            return self
        weights, (targets, window, horizon) = arrays[RIDGE], shape
        fits = weights.ndim == 3 and weights.shape[0] in (1, targets) and weights.shape[2] == horizon
        if not fits or not 1 <= weights.shape[1] <= window or weights.dtype != np.float32:
            raise ModelError("the model's ridge does not fit its window")
        if not np.isfinite(weights).all():
            raise ModelError("the model's ridge holds numbers that cannot be used")
        return replace(self, ridge=replace(self.ridge, weights=weights))

    @classmethod
    def from_json(cls, data: Mapping[str, Any], targets: int) -> Mixture:
        """Rebuild, the ridge still without weights. Raises ModelError, KeyError, TypeError or ValueError."""
        members = tuple(str(name) for name in data["members"])
        weights = np.array(data["weights"], dtype=np.float64)
        seasons, penalty = int(data["seasons"]), data["penalty"]
        ordered = members == tuple(name for name in MEMBERS if name in members)
        if not members or not ordered or weights.shape != (len(members), targets):
            raise ModelError("the model's forecast mixes what it does not have")
        usable = np.isfinite(weights).all() and (weights >= 0).all()
        if not usable or (abs(weights.sum(axis=0) - 1) > 1e-6).any() or not 0 <= seasons <= MOST_SEASONS:
            raise ModelError("the model's forecast has weights that cannot be used")
        if (RIDGE in members) != (penalty is not None) or (SEASON_MEAN in members) != (seasons > 1):
            raise ModelError("the model's forecast lacks one of its members")
        if data["simplest"] not in SIMPLE or data["simplest"] not in members:
            raise ModelError("the model's forecast was compared with nothing that is known")
        gain = float(data["gain"])
        if not np.isfinite(gain) or not 0 <= float(penalty or 0) < np.inf:
            raise ModelError("the model's forecast has a gain or a penalty that cannot be")
        ridge = None if penalty is None else Ridge(np.zeros((1, 1, 1), dtype=np.float32), float(penalty))
        return cls(members, weights, seasons, ridge, data["simplest"], gain)


def called(cell: str) -> str:
    """What a network is called beside other members: by its cell, where that has a name."""
    return "network" if cell == "none" else cell


def simple_forecast(name: str, past: FloatArray, frame: Frame, seasons: int) -> Array:
    """The scaled forecast (N, H, K) of one of :data:`SIMPLE` for scaled windows (N, W, K)."""
    if name == NAIVE:
        return np.repeat(past[:, -1:].astype(np.float64), frame.horizon, axis=1)
    count = seasons if name == SEASON_MEAN else 1
    phase = np.arange(frame.horizon) % frame.season
    first = frame.window - frame.season
    total = sum(past[:, first - back * frame.season + phase].astype(np.float64) for back in range(count))
    return np.asarray(total / count)


def choose_seasons(past: FloatArray, future: FloatArray, frame: Frame) -> int:
    """Seasons in the season mean: the best count on validation, (N, W, K) and (N, H, K); 0 for none."""
    if not 1 < frame.season <= frame.window or np.isnan(future).all():
        return 0
    counts = range(2, min(frame.window // frame.season, MOST_SEASONS) + 1)
    errors = [
        mean_known(np.abs(simple_forecast(SEASON_MEAN, past, frame, count) - future)) for count in counts
    ]
    return counts[int(np.argmin(errors))] if errors else 0


def about_as_good(errors: Array) -> Array:
    """The same weight for each member whose mean absolute error is near the least, for errors (M, n).

    What is known of a season or two is too little for anything finer.
    """
    means = np.abs(errors).mean(axis=1)
    chosen = means <= (1 + FEW_NEAR) * means.min()
    return np.asarray(chosen / chosen.sum())


def least_absolute(errors: Array) -> Array:
    """w ≥ 0 with Σw = 1 that makes the mean of |wᵀe| least, for errors (M, n) of every member.

    Least squares again and again, each error weighing 1 / |wᵀe| of the time before (Schlossmacher 1973).
    """
    if errors.shape[1] > MOST_ERRORS:  # drawn, since every tenth may be of one target or step ahead alone
        errors = errors[:, np.random.default_rng(0).integers(errors.shape[1], size=MOST_ERRORS)]
    weights = np.full(len(errors), 1 / len(errors))
    for _ in range(ROUNDS):
        miss = np.abs(weights @ errors)
        near = np.maximum(miss, NEAR * miss.mean() + 1e-12)
        weights = simplex_weights((errors / near) @ errors.T / errors.shape[1])
    return weights


def simplex_weights(gram: Array) -> Array:
    """w ≥ 0 with Σw = 1 that makes wᵀGw least, for G (M, M): every set of members is tried.

    For a set S without its bounds w ∝ G_S⁻¹ 1; the least of those that are nowhere negative is the answer.
    """
    size = len(gram)
    least = EVENNESS * float(np.diag(gram).min()) + 1e-9 * float(np.trace(gram)) + 1e-300
    gram = gram + least * np.eye(size)
    best, answer = np.inf, np.full(size, 1 / size)
    for count in range(1, size + 1):
        for chosen in combinations(range(size), count):
            part = gram[np.ix_(chosen, chosen)]
            try:
                own = np.linalg.solve(part, np.ones(count))
            except np.linalg.LinAlgError:
                continue
            if own.sum() <= 0 or (own < 0).any():
                continue
            own = own / own.sum()
            value = float(own @ part @ own)
            if value < best:
                best, answer = value, np.zeros(size)
                answer[list(chosen)] = own
    return answer


def separate_blocks(series: NDArray[np.int64], moments: NDArray[np.int64], horizon: int) -> NDArray[np.int64]:
    """Numbers (N,) of stretches of time that do not overlap, for windows of ``series`` at ``moments`` (N,).

    What happens at one moment happens to many series, so they share a block; only where that leaves too few
    of them does each series count by itself.
    """
    together = _without_fragments(moments // horizon)
    if len(np.unique(together)) >= LEAST_BLOCKS:
        return together
    return series * (int(together.max(initial=0)) + 2) + together


def _without_fragments(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """``blocks`` (N,) with those of less than half the windows of the largest joined to the one before.

    The windows of a part seldom begin where a block does: a window alone would weigh as much as a whole one.
    """
    each, place, counts = np.unique(blocks, return_inverse=True, return_counts=True)
    whole = np.flatnonzero(2 * counts >= counts.max(initial=0))
    if not len(whole):
        return blocks
    before = np.maximum(np.searchsorted(whole, np.arange(len(each)), side="right") - 1, 0)
    return np.asarray(each[whole[before]][place], dtype=np.int64)


def beats(errors: Array, simple: Array, blocks: NDArray[np.int64]) -> bool:
    """Whether absolute ``errors`` (N, H, K) are below ``simple`` ones by more than chance.

    Errors of windows that overlap go together, so gains are averaged over ``blocks`` (N,) first, and must be
    above :data:`CHANCE` standard errors of those means, more where blocks are not many (Student's t). The
    last windows of a block still overlap the first of the next: what neighbours share is added to the
    variance (Newey and West 1987, lag 1). Of few blocks a share of the error is asked for.
    """
    gain = simple - errors
    known = ~np.isnan(gain)
    counts = known.sum(axis=(1, 2))
    sums = np.where(known, gain, 0.0).sum(axis=(1, 2))
    each, place = np.unique(blocks[counts > 0], return_inverse=True)
    if not len(each):
        return False
    totals = np.bincount(place, sums[counts > 0], len(each))
    means = totals / np.bincount(place, counts[counts > 0], len(each))
    if len(means) < LEAST_BLOCKS:
        return bool(gain[known].mean() > FEW_GAIN * simple[known].mean())
    off, freedom = means - means.mean(), len(means) - 1
    neighbours = np.diff(each) == 1
    shared = float((off[1:] * off[:-1])[neighbours].sum()) / freedom
    variance = means.var(ddof=1) + max(shared, 0.0)  # twice the covariance, by a half
    return bool(means.mean() > student(freedom) * np.sqrt(variance / len(means)))


def student(freedom: int) -> float:
    """The quantile of Student's t that stands for :data:`CHANCE` (Abramowitz and Stegun 1964, 26.7.5)."""
    z = CHANCE
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2
