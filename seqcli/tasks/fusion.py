"""How much the logits of a network and of a linear part count in their sum, learnt on the validation part.

    p(class) = softmax(a * network + b * linear)

The two scales say which to trust, and how sure their sum may be: stacking and temperature scaling
(Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2) in one convex fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.sequences import FloatArray, IntArray
from seqcli.tasks.classify_metrics import LEAST_TEMPERATURE, best_temperature, log_softmax

MOST_SCALE = 1 / LEAST_TEMPERATURE
USUAL = 0.5
"""The scale of each of two members where no row says anything."""
DOUBT = 4.0
"""How strongly a scale is held to the usual one: as much as about twenty rows say."""
NEWTON_STEPS, SMALL = 50, 1e-6


@dataclass(frozen=True)
class Fusion:
    """The scales of the network's and the linear part's logits, in their sum and where each is alone."""

    network: float = 1.0
    prior: float = 0.0
    network_alone: float = 1.0
    prior_alone: float = 1.0

    @classmethod
    def fit(cls, network: FloatArray, prior: FloatArray | None, target: IntArray) -> Fusion:
        """The scales that give the classes (N,) the least log loss, of logits (N, C) each."""
        alone = 1 / best_temperature(network, target)
        if prior is None:
            return cls(alone, 0.0, alone)
        scales = fitted_scales([network, prior], target)
        return cls(scales[0], scales[1], alone, 1 / best_temperature(prior, target))

    def joined(self, network: FloatArray, prior: FloatArray | None) -> FloatArray:
        """The calibrated logits (N, C) of the sum."""
        scaled = network * np.float32(self.network)
        return scaled if prior is None else scaled + prior * np.float32(self.prior)

    def to_json(self) -> dict[str, float]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "network": self.network,
            "prior": self.prior,
            "network_alone": self.network_alone,
            "prior_alone": self.prior_alone,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fusion:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError, TypeError or ValueError."""
        names = ("network", "prior", "network_alone", "prior_alone")
        scales = [float(data[name]) for name in names]
        if not all(0 <= scale <= MOST_SCALE for scale in scales) or scales[0] + scales[1] <= 0:
            raise ModelError("the model's scales cannot be read", "train it again")
        return cls(*scales)


NETWORK_ALONE = Fusion()


def fitted_scales(members: Sequence[FloatArray], target: IntArray) -> list[float]:
    """A scale for each of the members' logits (N, C): none below 0, none held far from usual by few rows."""
    scales, kept = np.zeros(len(members)), list(range(len(members)))
    while kept:
        found = _newton(np.stack([members[index] for index in kept]).astype(np.float64), target)
        if (found > 0).all():
            scales[kept] = found
            break
        kept.remove(kept[int(found.argmin())])
    if not kept:
        scales[:] = USUAL
    return [min(float(scale), MOST_SCALE) for scale in scales]


def _newton(members: NDArray[np.float64], target: IntArray) -> NDArray[np.float64]:
    """The scales (M,) of logits (M, N, C) at which the doubted log loss is least."""
    scales = np.full(len(members), USUAL)
    rows = np.arange(len(target))
    value = _doubted_loss(members, target, scales)
    for _ in range(NEWTON_STEPS):
        chances = np.exp(log_softmax(np.tensordot(scales, members, 1)))  # (N, C)
        means = (members * chances).sum(axis=2)  # (M, N)
        slope = (means - members[:, rows, target]).sum(axis=1) + DOUBT * (scales - USUAL)
        away = members - means[:, :, None]
        curvature = np.einsum("inc,jnc,nc->ij", away, away, chances) + DOUBT * np.eye(len(members))
        step, length = np.linalg.solve(curvature, slope), 1.0
        while length > SMALL:
            there = _doubted_loss(members, target, scales - length * step)
            if there <= value:
                break
            length /= 2
        gained, value, scales = value - there, min(there, value), scales - length * step
        if gained <= SMALL:
            break
    return scales


def _doubted_loss(members: NDArray[np.float64], target: IntArray, scales: NDArray[np.float64]) -> float:
    """The summed log loss of the scaled sum of logits (M, N, C), and what far scales (M,) cost."""
    chances = log_softmax(np.tensordot(scales, members, 1))
    doubt = DOUBT / 2 * float(((scales - USUAL) ** 2).sum())
    return doubt - float(chances[np.arange(len(target)), target].sum())
