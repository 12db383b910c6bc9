"""Optimisers in NumPy, by the formulas of ``torch.optim`` and with its defaults.

They change the weights in place, element by element, by the gradient g of a weight w, with learning rate η.
Their ``state`` holds all that the next update depends on, by "what/weight".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seqcli.backends.numpy_cells import Array
from seqcli.sequences import AnyArray


class Optimiser:
    """Updates ``weights``, arrays of any shape by name."""

    moments: ClassVar[tuple[str, ...]]
    """What is remembered of each weight's gradients, arrays of its shape that begin at 0."""

    def __init__(self, weights: Mapping[str, Array], weight_decay: float = 0.0) -> None:
        self.weights = weights
        self.weight_decay = weight_decay
        self.state: dict[str, AnyArray] = {
            f"{moment}/{name}": np.zeros_like(weight)
            for moment in self.moments
            for name, weight in weights.items()
        }

    def update(self, gradients: Mapping[str, Array], learning_rate: float) -> None:
        """One step down the gradients, which have the names and shapes of the weights."""
        raise NotImplementedError  # abstract: every optimiser below has its own


class Adagrad(Optimiser):
    """Duchi, Hazan & Singer 2011, JMLR 12:2121.

        s ← s + g²
        w ← w − η g / (√s + ε)

    Has no weight decay.
    """

    moments = ("sum",)

    def update(self, gradients: Mapping[str, Array], learning_rate: float) -> None:
        """As :meth:`Optimiser.update`."""
        for name, weight in self.weights.items():
            g, s = gradients[name], self.state[f"sum/{name}"]
            s += g * g
            weight -= learning_rate * g / (np.sqrt(s) + 1e-10)


class Adam(Optimiser):
    """Kingma & Ba 2015, arXiv:1412.6980, at step k:

        m ← β₁ m + (1 − β₁) g                     m̂ = m / (1 − β₁ᵏ)
        v ← β₂ v + (1 − β₂) g²                    v̂ = v / (1 − β₂ᵏ)
        w ← w − η m̂ / (√v̂ + ε)

    Steps count from 1. Has no weight decay.
    """

    moments = ("exp_avg", "exp_avg_sq")
    beta1, beta2 = 0.9, 0.999

    def __init__(self, weights: Mapping[str, Array], weight_decay: float = 0.0) -> None:
        super().__init__(weights, weight_decay)
        self.state["step"] = np.zeros((), dtype=np.int64)

    def update(self, gradients: Mapping[str, Array], learning_rate: float) -> None:
        """As :meth:`Optimiser.update`."""
        self.state["step"] += 1
        step = int(self.state["step"])
        size = learning_rate / (1 - self.beta1**step)
        correction = (1 - self.beta2**step) ** 0.5
        for name, weight in self.weights.items():
            g, m, v = gradients[name], self.state[f"exp_avg/{name}"], self.state[f"exp_avg_sq/{name}"]
            m += (1 - self.beta1) * (g - m)
            v *= self.beta2
            v += (1 - self.beta2) * (g * g)
            weight -= size * m / (np.sqrt(v) / correction + 1e-8)


class AdamW(Adam):
    """Loshchilov & Hutter 2019, arXiv:1711.05101: Adam, ahead of which weights decay by λ.

        w ← (1 − η λ) w

    So they do where w is a matrix; biases and other vectors do not.
    """

    def update(self, gradients: Mapping[str, Array], learning_rate: float) -> None:
        """As :meth:`Optimiser.update`."""
        for weight in self.weights.values():
            if weight.ndim > 1:
                weight *= 1 - learning_rate * self.weight_decay
        super().update(gradients, learning_rate)


OPTIMISERS: dict[str, type[Optimiser]] = {"adagrad": Adagrad, "adam": Adam, "adamw": AdamW}
