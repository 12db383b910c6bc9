"""What a training meets: the norm of each gradient, and how far a step moves each part of the network."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import torch
from torch import Tensor, nn

from seqcli.backends.network import Network
from seqcli.training.gradients.measures import Norms, Spread, Update

MEASURED = 64
"""Steps whose update is measured: the weights are copied ahead of each of them."""
LATELY = 10_000
"""Norms since a snapshot of which the median is known."""


class TrainingWatch:
    """Called after each step of a training with the gradient's norm ahead of clipping."""

    def __init__(self, network: Network, steps: int) -> None:
        self._parts = parts_of(network)
        self._every = max(2, steps // MEASURED)
        self._norms: list[float] = []
        self._lately: deque[float] = deque(maxlen=LATELY)
        self._before: list[list[Tensor]] | None = self._copies()
        self._ratios: list[list[float]] = [[] for _ in self._parts]

    def __call__(self, norm: Tensor) -> None:
        """A step is done; ``norm`` is ()."""
        self._norms.append(float(norm))
        self._lately.append(self._norms[-1])
        if self._before is not None:
            for ratios, old, (_, new) in zip(self._ratios, self._before, self._parts, strict=True):
                length = _length(new)
                moved = _length([now.detach() - then for now, then in zip(new, old, strict=True)])
                ratios.append(moved / length if length else math.inf if moved else 0.0)
            self._before = None
        if len(self._norms) % self._every == 0:
            self._before = self._copies()

    def _copies(self) -> list[list[Tensor]]:
        return [[weight.detach().clone() for weight in weights] for _, weights in self._parts]

    def lately(self) -> float:
        """The median norm since the last call; NaN without a step."""
        found = float(np.median(self._lately)) if self._lately else math.nan
        self._lately.clear()
        return found

    def found(self) -> Norms:
        """All that was met."""
        norms = np.array(self._norms)
        updates = [
            Update(name, Spread.of(np.array(ratios)))
            for (name, _), ratios in zip(self._parts, self._ratios, strict=True)
        ]
        return Norms(Spread.of(norms), float(norms.max(initial=0.0)), tuple(updates))


def parts_of(network: Network) -> list[tuple[str, list[nn.Parameter]]]:
    """The weights by the part of the network that they are in: embedding, each layer, head, …"""
    found: dict[str, list[nn.Parameter]] = {}
    layers = [(f"layer {depth}", layer) for depth, layer in enumerate(network.encoder.layers, start=1)]
    for name, module in (*network.named_children(), *layers):
        if name == "encoder":
            continue
        name = "embedding" if name in ("embeddings", "bags") else name
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        if weights:
            found.setdefault(name, []).extend(weights)
    order = sorted(found, key=lambda name: (name != "embedding", not name.startswith("layer")))
    return [(name, found[name]) for name in order]


def _length(weights: list[Tensor] | list[nn.Parameter]) -> float:
    """Norm of all of them together, whatever their shapes (...,)."""
    return float(torch.stack([torch.linalg.vector_norm(w.detach()) for w in weights]).norm())
