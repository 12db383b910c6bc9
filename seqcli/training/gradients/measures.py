"""What a recurrence does to a gradient, as plain numbers beside the curves. Knows no torch.

J_t = ∂s_t/∂s_{t−1}        one step of the whole state s: h, or h and c of an LSTM
exponents                  how fast directions of the state grow or shrink a step, in nats; their sum
                           is the mean of ln|det J_t|, which checks them
‖WᵀW − I‖_F                0 where W changes no length
√(‖W‖_F² − Σ|λ|²)/‖W‖_F    0 where W is normal: its eigenvalues tell all (Henrici 1962, Numer. Math. 4:24)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.95
"""A truncated gradient with at least this cosine to the whole one points the same way."""
SHUT, OPEN = 0.1, 0.9
"""A gate beyond these is saturated (Karpathy, Johnson and Fei-Fei 2015, arXiv:1506.02078); a tanh: ±0.9."""


@dataclass(frozen=True)
class Spread:
    """A mean with the 10th, 50th and 90th percentile."""

    mean: float
    p10: float
    p50: float
    p90: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Spread:
        """The spread of ``values`` (N,); NaN without any."""
        if not values.size:
            return cls(math.nan, math.nan, math.nan, math.nan)
        with np.errstate(all="ignore"):
            return cls(float(np.mean(values)), *np.quantile(values, (0.1, 0.5, 0.9)).tolist())


@dataclass(frozen=True)
class Exponents:
    """Lyapunov exponents of the state, the largest first: means over sequences."""

    values: NDArray[np.float64]
    """(D,), or the first few of them where the state is large."""
    log_det: float
    """Mean of ln|det J_t| over the same steps; NaN where not all exponents are there."""
    steps: int
    """Steps that are counted, those of all sequences."""

    @property
    def total(self) -> float:
        """Their sum, NaN where not all are there."""
        return math.nan if math.isnan(self.log_det) else float(self.values.sum())


@dataclass(frozen=True)
class GateUse:
    """How one gate of a layer, or its tanh, stands over sequences, steps and units."""

    name: str
    squashed: bool
    """Whether it is a tanh, between −1 and 1, and not a gate between 0 and 1."""
    opening: Spread
    """Means of the units."""
    low: float
    """Share of values below :data:`SHUT`, of a tanh below −0.9."""
    high: float
    """Share of values above :data:`OPEN`."""
    times: Spread | None = None
    """Of a gate that keeps the state: time constants −1/ln(mean f) of the units, in steps."""


@dataclass(frozen=True)
class GateWeights:
    """What is known of the block of W_hh by which one gate reads the state."""

    gate: str
    stretch: float
    """Largest singular value."""
    radius: float
    """Largest magnitude of an eigenvalue; NaN where it takes too long."""
    defect: float
    """‖WᵀW − I‖_F."""
    departure: float
    """Henrici's departure from normality as a share of ‖W‖_F, from 0 to 1; NaN with :attr:`radius`."""


@dataclass(frozen=True)
class Dynamics:
    """One layer."""

    layer: int
    state: str
    """What the step is of: "h", "h, c"."""
    bound: float
    """No gradient grows faster a step: σ_max(W_hh) γ with γ = 1 of a tanh network (Pascanu, Mikolov and
    Bengio 2013); where there are gates the geometric mean of σ_max(J_t)."""
    stretch: Spread
    """σ_max(J_t)."""
    radius: Spread
    """Spectral radius of J_t."""
    exponents: Exponents
    gates: tuple[GateUse, ...]
    matrices: tuple[GateWeights, ...]
    """None where gates do not look at the state."""

    @property
    def keeping(self) -> GateUse | None:
        """The gate that keeps the state."""
        return next((gate for gate in self.gates if gate.times is not None), None)


@dataclass(frozen=True)
class Truncation:
    """The weights' gradient where going back ends after ``back`` steps, beside the whole one."""

    back: int
    cosine: float
    length: float
    """Ratio of the norms."""


@dataclass(frozen=True)
class Truncations:
    """A ladder of truncations."""

    steps: tuple[Truncation, ...]
    whole: int
    """Steps of the whole gradient."""
    chunks: bool = False
    """Whether all steps are scored and the past is cut every so many, as --bptt does; else the last step is,
    and only so many ahead of it are gone through."""

    @property
    def enough(self) -> int | None:
        """The first of the ladder from which on gradients point the same way; None: the whole is needed."""
        found = None
        for each in reversed(self.steps):
            if not each.cosine >= ALIKE:
                break
            found = each.back
        return found


@dataclass(frozen=True)
class Update:
    """‖update‖/‖weight‖ of one part of the network, over the steps of a training that were measured."""

    name: str
    ratio: Spread


@dataclass(frozen=True)
class Norms:
    """What a training met: the gradient's norm ahead of clipping, and how far steps went."""

    gradient: Spread
    largest: float
    updates: tuple[Update, ...]
