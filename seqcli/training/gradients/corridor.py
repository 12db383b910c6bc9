"""A linear recurrent network with W_hh = s · Q, Q orthogonal: the corridor in which gradients go as s^k.

    h_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh

Every step back multiplies by (s Q)ᵀ, which changes the length of a vector by s and nothing else, so that
‖∂L/∂h_{τ−k}‖ = s^k: the scalar case of Bengio, Simard and Frasconi (1994). It teaches and is never trained.
"""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcli.backends.cells.cell import Cell, State
from seqcli.backends.encoder import Layer
from seqcli.backends.network import Network


class LinearRnn(Cell):
    """No gates, no tanh; carries h."""

    name: ClassVar[str] = "linear"
    gates: ClassVar[tuple[str, ...]] = ("h",)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x (B, F), (h,) → (h (B, H), (h,))."""
        h = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(state[0], self.weight_hh, self.bias_hh)
        return h, (h,)

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps: x (B, T, F), (h,) → (outputs (B, T, H), (h_T,))."""
        outputs = []
        for step in x.unbind(1):
            output, state = self.step(step, state)
            outputs.append(output)
        return torch.stack(outputs, dim=1), state


def make_linear(network: Network, scale: float, seed: int) -> None:
    """Put linear cells with W_hh = ``scale`` · Q and zero biases in the place of ``network``'s own.

    They are in float64, so that Q keeps lengths to the last digit of what is measured.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in network.encoder.layers:
            layer = cast(Layer, module)
            cell = LinearRnn(layer.forward_cell.input_size, layer.forward_cell.hidden_size).double()
            nn.init.xavier_uniform_(cell.weight_ih)
            nn.init.orthogonal_(cell.weight_hh).mul_(scale)
            nn.init.zeros_(cell.bias_ih)
            nn.init.zeros_(cell.bias_hh)
            layer.forward_cell = cell
