"""How far off an answer may be: the distances to its 10 % and 90 % quantiles, said beside it.

    [below; above] = softplus(W_b x + b_b)             x the vector that the answer y is read from
    loss: ρ_0.1(t − y + below) + ρ_0.9(t − y − above)   ρ_q(u) = max(q·u, (q − 1)·u)

ρ is the quantile loss (Koenker and Bassett 1978, "Regression quantiles"). The band learns beside the answer
without moving it: no gradient goes back through x or y, so that what is foreseen does not depend on whether
its uncertainty is asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from seqcli.network import BAND

if TYPE_CHECKING:
    from seqcli.backends.graph_writer import GraphWriter

FIRST = 0.5
"""The distances before anything is learnt."""


class Band(nn.Module):
    """Distances around ``count`` answers from the vector (..., D) that they are read from."""

    def __init__(self, input_size: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.project = nn.Linear(input_size, 2 * count)
        nn.init.zeros_(self.project.weight)
        nn.init.constant_(self.project.bias, math.log(math.expm1(FIRST)))

    def around(self, answer: Tensor, x: Tensor) -> Tensor:
        """answer (..., count), x (..., D) → (..., count, 3): the answer, and how far below and above."""
        away = nn.functional.softplus(self.project(x.detach()))
        away = away.view(*answer.shape, 2)
        return torch.cat([answer[..., None], away], dim=-1)

    def write_around(self, graph: GraphWriter, answer: str, x: str) -> str:
        """:meth:`around` in an ONNX graph, for any number of axes in front: (..., count, 3)."""
        away = graph.node("Softplus", graph.affine(x, self.project.weight, self.project.bias))
        away = graph.node("Reshape", away, graph.constant([-1, self.count, 2]))
        alone = graph.node("Reshape", answer, graph.constant([-1, self.count, 1]))
        return graph.node("Concat", alone, away, axis=2)


def band_losses(outputs: Tensor, target: Tensor) -> Tensor:
    """The quantile losses of a band: outputs (..., 3), target (...) → (...); the answer gets no gradient."""
    off = target - outputs[..., 0].detach()
    return _quantile_loss(BAND[0], off + outputs[..., 1]) + _quantile_loss(BAND[1], off - outputs[..., 2])


def _quantile_loss(quantile: float, off: Tensor) -> Tensor:
    """ρ of ``off`` (...), target minus quantile."""
    return torch.maximum(quantile * off, (quantile - 1) * off)
