"""What an inspection of gradients finds, as plain data: curves over the steps back, their rates, causes.

    G[k] = mean over the batch of ‖∂L/∂s_{τ−k}‖₂,   L = v · h_τ

of a state s (h, or c of an LSTM) of one layer, k steps ahead of each sequence's own last step τ. A rate is
the factor a step by which G changes: exp of the least-squares slope of log G over k. A G of zero, one that
has run under or over the range of floats, and all behind it are left out of the fit; a gradient that is
gone after one step has the rate 0. Knows no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqcli.training.gradients.measures import Dynamics, Norms, Truncations

LEFT = 0.01
"""A state is forgotten where less than this share of its gradient is left."""
BURST = 100.0
"""A gradient explodes where it has grown by this factor."""
GROWING = 1.02
"""One with a rate above this is on its way there."""
SHOTS = 24
"""Snapshots of a training that a person is shown."""
SMALLEST = 1e-300
"""Norms below this have lost digits, or all of them, and count as zero."""


@dataclass(frozen=True)
class Curve:
    """The gradient of one state, 0 … K − 1 steps back: ``norms`` (B, K), NaN ahead of a sequence's start."""

    layer: int
    """Counted from 1, the one that reads the input."""
    state: str
    norms: NDArray[np.float64]
    """‖∂L/∂s_{τ−k}‖ of each sequence, (B, K)."""
    unit: str = "step"
    """What one step back is: "step", or "segment" where the network reads several steps at a time."""

    @property
    def steps(self) -> int:
        """The furthest step back."""
        return int(self.norms.shape[1]) - 1

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """G, the mean over the sequences that reach so far back, (K,)."""
        with np.errstate(over="ignore"):
            return np.asarray(np.nanmean(self.norms, axis=0))

    @cached_property
    def percentiles(self) -> NDArray[np.float64]:
        """p10, p50 and p90 over the batch, (3, K); NaN between two that are infinite."""
        with np.errstate(all="ignore"):
            return np.asarray(np.nanpercentile(self.norms, (10, 50, 90), axis=0))

    @property
    def peak(self) -> int:
        """Where a ratio is 1: the last step for h; for a memory c, which h shows in part, its largest G."""
        return 0 if self.state == "h" else int(np.argmax(np.nan_to_num(self.mean, nan=-1.0, posinf=np.inf)))

    @cached_property
    def ratio(self) -> NDArray[np.float64]:
        """G as a share of G at :attr:`peak`, (K,)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.mean / self.mean[self.peak])

    @cached_property
    def rate(self) -> float:
        """The factor a step; NaN where there is no gradient at all, infinite where it overflows at once."""
        usable = np.isfinite(self.mean) & (self.mean > SMALLEST)
        count = len(usable) if usable.all() else int(np.argmin(usable))
        if count < 2:
            gone = count == 1 and self.steps > 0
            return math.nan if not gone else 0.0 if np.isfinite(self.mean[1]) else math.inf
        return float(np.exp(np.polyfit(np.arange(count), np.log(self.mean[:count]), 1)[0]))

    @property
    def half_life(self) -> float | None:
        """Steps in which half is lost, ln ½ / ln rate; None where nothing is."""
        if math.isnan(self.rate) or self.rate >= 1:
            return None
        return math.log(0.5) / math.log(self.rate) if self.rate else 0.0

    @cached_property
    def memory(self) -> int | None:
        """The first step back, behind :attr:`peak`, with a ratio below :data:`LEFT`; None if not seen."""
        below = np.flatnonzero(self.ratio[self.peak :] < LEFT)
        return self.peak + int(below[0]) if len(below) else None

    @property
    def reach(self) -> float:
        """:attr:`memory`; where it is not seen, what it comes to at :attr:`rate`, infinite from 1 on."""
        if self.memory is not None or math.isnan(self.rate):
            return float(self.memory or 0)
        if self.rate >= 1:
            return math.inf
        left = float(self.ratio[-1])  # at least LEFT
        return max(self.steps + math.log(LEFT / left) / math.log(self.rate), self.steps + 1.0)

    @property
    def growth(self) -> float:
        """How many times larger than at the last step it gets anywhere further back; at least 1."""
        with np.errstate(all="ignore"):
            grown = self.mean / self.mean[0]
        return float(np.nanmax(np.where(np.isnan(self.mean), math.inf, grown), initial=1.0))

    @property
    def fate(self) -> str:
        """What becomes of it: "explodes", "grows", "vanishes" (below :data:`LEFT` in sight) or "lasts"."""
        if self.growth >= BURST:
            return "explodes"
        if self.memory is not None:
            return "vanishes"
        return "grows" if self.rate > GROWING else "lasts"


@dataclass(frozen=True)
class Cause:
    """What one layer does to a gradient at each step, measured over the same sequences."""

    gate: str = ""
    """The gate that keeps the old state, "" for a cell without one."""
    gate_mean: float = math.nan
    """How far it is open, over units, steps and sequences."""
    gate_widest: float = math.nan
    """The same for the tenth of the units in which it is open widest: their least."""
    slope: float = math.nan
    """What tanh passes on, the mean of 1 − h², for a plain recurrent cell."""
    radius: float = math.nan
    """Spectral radius of W_hh of a cell without gates."""
    stretch: float = math.nan
    """Largest singular value of W_hh; of a gated cell, of the block that makes new content."""


@dataclass(frozen=True)
class ShortTraining:
    """The training ahead of an inspection."""

    steps: int
    clipped: float
    """Share of its steps whose gradient was clipped."""
    norms: Norms | None = None
    """What it met on the way."""


@dataclass(frozen=True)
class Snapshot:
    """A cell after some steps of its training."""

    step: int
    curves: tuple[Curve, ...]
    norm: float
    """Median norm of the gradient, ahead of clipping, since the snapshot before; NaN at the start."""

    def beside(self, other: Curve) -> Curve:
        """The curve of the same layer and state as ``other``."""
        return next(c for c in self.curves if (c.layer, c.state) == (other.layer, other.state))


@dataclass(frozen=True)
class Flow:
    """One cell at one stage of its life."""

    cell: str
    stage: str
    """"torch", "gated", "chrono" (as initialised so), "trained", "linear", or of a saved model "time" (what
    goes through time) and "total"."""
    curves: tuple[Curve, ...] = ()
    """By layer, then by state; none when the training ended in numbers that are not finite."""
    causes: tuple[Cause, ...] = ()
    """One a layer."""
    training: ShortTraining | None = None
    diverged: int = 0
    """The training step by which all became NaN or infinite; 0: never."""
    dynamics: tuple[Dynamics, ...] = ()
    """One a layer."""
    truncations: Truncations | None = None
    """None where nothing can be cut."""
    snapshots: tuple[Snapshot, ...] = ()
    """Of a training: at its start, and every so many steps."""

    @property
    def few_snapshots(self) -> tuple[Snapshot, ...]:
        """At most :data:`SHOTS` of the snapshots, evenly apart, the first and the last among them."""
        count = len(self.snapshots)
        places = np.linspace(0, count - 1, min(count, SHOTS)).round().astype(int)
        return tuple(self.snapshots[place] for place in places)

    @property
    def carrier(self) -> Curve:
        """The state that carries the gradient furthest back."""
        return max(self.curves, key=lambda curve: curve.reach)

    def beside(self, other: Curve) -> Curve:
        """The curve of the same layer and state as ``other``."""
        return next(c for c in self.curves if (c.layer, c.state) == (other.layer, other.state))


@dataclass(frozen=True)
class Inspection:
    """All that was found."""

    flows: tuple[Flow, ...]
    steps: int
    """How far back was looked: steps, or segments of them."""
    shortcuts: tuple[str, ...] = ()
    """Of a saved model: what gives every step a path of its own to the output, such as "mean pooling"."""
    linear: float | None = None
    """The factor of a linear corridor."""
    segment: int = 1
    """Steps that the networks read at a time."""
    init: str = ""
    """How what is trained, or was, began."""
    scale: float = 1.0
    """What W_hh was multiplied by."""
    bptt: int | None = None
    """Steps after which a text's training cuts gradients."""

    @property
    def unit(self) -> str:
        """What is counted going back: "step" or "segment"."""
        return "segment" if self.segment > 1 else "step"

    @property
    def stages(self) -> dict[str, list[Flow]]:
        """The flows of each stage, in order."""
        found: dict[str, list[Flow]] = {}
        for flow in self.flows:
            found.setdefault(flow.stage, []).append(flow)
        return found


@dataclass(frozen=True)
class Read:
    """A file is read, and its task decided."""

    task: str


@dataclass(frozen=True)
class Doing:
    """What goes on now; for a line that the next one replaces."""

    text: str


@dataclass(frozen=True)
class Said:
    """One sentence on what is inspected and how, or on something odd."""

    text: str
    odd: bool = False
