"""Small networks whose weights are planted, for the tests of this folder."""

from __future__ import annotations

import numpy as np
import torch

from seqcli.backends.network import Network, build_network
from seqcli.network import InputSpec, NetworkSpec


def net(cell: str, hidden: int = 5, layers: int = 1, inputs: int = 3, **changes) -> Network:
    choices = {"pool": "last", "init": "torch", **changes}
    spec = NetworkSpec((InputSpec("values", "values", inputs),), (2,), cell, hidden, layers, **choices)
    return build_network(spec, 1).double()


def batch(rows: int = 3, steps: int = 40, inputs: int = 3, scale: float = 1.0) -> dict[str, torch.Tensor]:
    values = np.random.default_rng(0).standard_normal((rows, steps, inputs)) * scale
    return {"values": torch.from_numpy(values.astype(np.float32)), "lengths": torch.full((rows,), steps)}


def cell_of(network: Network, layer: int = 0):
    return network.encoder.layers[layer].forward_cell


def planted(network: Network, weight_hh: torch.Tensor | None = None, **biases: float) -> Network:
    """All weights of the cells zero but ``weight_hh`` (H, H), and the biases of the gates that are named."""
    with torch.no_grad():
        for layer in network.encoder.layers:
            cell = layer.forward_cell
            for weight in cell.parameters():
                weight.zero_()
            if weight_hh is not None:
                cell.weight_hh.copy_(weight_hh)
            for place, gate in enumerate(cell.gates):
                size = cell.hidden_size
                cell.bias_ih[place * size : (place + 1) * size] = biases.get(gate, 0.0)
    return network


def orthogonal(size: int, scale: float = 1.0) -> torch.Tensor:
    rng = np.random.default_rng(2)
    return torch.from_numpy(scale * np.linalg.qr(rng.standard_normal((size, size)))[0])


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
