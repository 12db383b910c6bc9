"""The moving average of a network's weights, which is what is scored and kept.

    a_n = d_n a_{n−1} + (1 − d_n) w_n        d_n = min(d, (1 + n) / (10 + n)) after step n

The average of the last steps is better than any one of them where steps are noisy (Polyak and Juditsky
1992); the decay grows, so that the weights at the beginning are soon forgotten (Adam et al., TensorFlow's
ExponentialMovingAverage).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MovingAverage:
    """The average of the weights of ``network``; without a ``decay`` the weights are their own average."""

    def __init__(self, network: nn.Module, decay: float | None) -> None:
        self._decay = decay or 0.0
        self._live = dict(network.named_parameters()) if self._decay else {}
        self._average = {name: weight.detach().clone() for name, weight in self._live.items()}

    def update(self, step: int) -> None:
        """Take in the weights after step ``step``, counted from 1."""
        keep = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, weight in self._live.items():
                self._average[name].lerp_(weight, 1 - keep)

    def put(self) -> dict[str, Tensor]:
        """Give the network the average; returns the weights of the last step, each (...,), by name."""
        live = {name: weight.detach().clone() for name, weight in self._live.items()}
        self._copy(self._average)
        return live

    def take_back(self, live: Mapping[str, Tensor]) -> None:
        """Give the network the weights again, each (...,), that :meth:`put` has returned."""
        self._copy(live)

    def _copy(self, values: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self._live.items():
                weight.copy_(values[name])

    def tensors(self) -> dict[str, Tensor]:
        """The average (...,) of each weight, by name; shared with the live state, not copied."""
        return {f"average/{name}": value for name, value in self._average.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` gave, each (...,). Raises KeyError when one is missing."""
        for name, value in self._average.items():
            value.copy_(tensors[f"average/{name}"])
