"""How gradients flow back through time: a network run step by step, and ∂L/∂state at every step.

A fused scan hides its states, and ``retain_grad()`` on its output sees the direct part only. So the cells
are stepped, layer by layer, each h and c a node of the graph, and one backward pass gives the total
derivative with respect to all of them, in float64. The loss depends on the last state alone,

    L = v · h_τ,   v a random unit vector for each sequence,

at each sequence's own last step τ, for a loss that is summed over steps, or a pooled read-out, gives every
step a path of its own and hides what happens through time (Pascanu, Mikolov and Bengio, ICML 2013, eq. 3-5).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqcli.backends.cells.cell import Cell, State, last_step
from seqcli.backends.encoder import Encoder, Layer, padding_mask, reverse, reversed_order
from seqcli.backends.network import Network
from seqcli.sequences import LENGTHS
from seqcli.training.gradients.curves import Curve


@dataclass(frozen=True)
class SteppedLayer:
    """What one layer read, (B, T, F), and the states (B, H) of its forward cell after 0, 1, … T steps."""

    cell: Cell
    read: Tensor
    states: list[State]


def through_time(network: Network, batch: dict[str, Tensor], seed: int = 0) -> list[Curve]:
    """The curves of every layer and state for L = v · h_τ of the last layer's forward direction.

    ``batch`` holds the network's fields (B, T[, F]) and ``lengths`` (B,). What a backward direction
    hands on is held constant: it comes from the end of the sequence, not from its past.
    """
    network = measured_copy(network)
    x, lengths, start = inputs_of(network, batch)
    outputs, layers = run_stepped(network.encoder, x, lengths, start, forward_only=True)
    last = last_step(outputs, lengths)[:, : layers[-1].cell.hidden_size]  # (B, H)
    loss = (last * unit_vectors(len(last), last.shape[1], seed)).sum()
    return _curves(loss, layers, lengths, network.spec.segment)


def in_total(network: Network, batch: dict[str, Tensor]) -> list[Curve]:
    """As :func:`through_time`, for the network's own output: all paths, pooling and both directions.

    Of several outputs it is the largest, which for a classifier is the logit of the class it predicts.
    """
    network, batch = measured_copy(network), in_double(batch)
    x, lengths, start = inputs_of(network, batch)
    outputs, layers = run_stepped(network.encoder, x, lengths, start)
    if network.decoder is not None:
        out = network.decode(last_step(outputs, lengths), [layer.states[-1] for layer in layers], batch)
    else:
        out = network.answer(outputs, {**batch, LENGTHS: lengths})
    return _curves(out.flatten(1).amax(dim=1).sum(), layers, lengths, network.spec.segment)


def measured_copy(network: Network) -> Network:
    """The network in float64 without dropout, its weights constants, so that only states have gradients."""
    return copy.deepcopy(network).cpu().double().eval().requires_grad_(False)


def in_double(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The fields (B, ...) of a batch, numbers in float64."""
    return {name: values.double() if values.is_floating_point() else values for name, values in batch.items()}


def inputs_of(network: Network, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, list[State] | None]:
    """What the encoder reads, (B, T, F) float64, lengths (B,), and first states (B, H), None for zeros."""
    x, lengths = network.read(in_double(batch))
    return x, lengths, network.start_states(len(x)) if network.spec.streams else None


def run_stepped(
    encoder: Encoder,
    x: Tensor,
    lengths: Tensor,
    start: list[State] | None = None,
    forward_only: bool = False,
) -> tuple[Tensor, list[SteppedLayer]]:
    """Step through x (B, T, F) with lengths (B,): outputs (B, T, D), zero at padding, and the layers' states.

    ``start`` has the first states (B, H), one a cell; each is a node like the later ones. With
    ``forward_only`` what a backward cell hands on is a constant.
    """
    order = reversed_order(lengths, x.shape[1]) if encoder.bidirectional else None
    begin = iter(start or [])
    layers: list[SteppedLayer] = []
    for module in encoder.layers:
        layer = cast(Layer, module)
        read = x
        x, states = _steps(layer.forward_cell, read, next(begin, None))
        layers.append(SteppedLayer(layer.forward_cell, read, states))
        if layer.backward_cell is not None and order is not None:
            back, _ = _steps(layer.backward_cell, reverse(read, order), next(begin, None))
            back = reverse(back, order)
            x = torch.cat([x, back.detach() if forward_only else back], dim=-1)
    padding = padding_mask(lengths, x.shape[1])
    return (x if padding is None else x.masked_fill(padding, 0.0)), layers


def _steps(cell: Cell, x: Tensor, start: State | None) -> tuple[Tensor, list[State]]:
    """One cell over x (B, T, F): outputs (B, T, H), and its states after 0, 1, … T steps."""
    begin = cell.initial_state(x) if start is None else start
    state = tuple(part.detach().clone().requires_grad_() for part in begin)
    states, outputs = [state], []
    for step in x.unbind(1):
        output, state = cell.step(step, state)
        outputs.append(output)
        states.append(state)
    return torch.stack(outputs, dim=1), states


def unit_vectors(rows: int, size: int, seed: int) -> Tensor:
    """Random directions of length 1, (rows, size) float64."""
    drawn = torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, size)))
    length: Tensor = torch.linalg.vector_norm(drawn, dim=1, keepdim=True)
    return drawn / length


def _curves(loss: Tensor, layers: list[SteppedLayer], lengths: Tensor, segment: int) -> list[Curve]:
    """‖∂loss/∂state‖ of every state of every layer, aligned at each sequence's own end.

    ``lengths`` (B,) count what the cells read: steps, or segments of ``segment`` steps.
    """
    unit = "segment" if segment > 1 else "step"
    nodes = [part for layer in layers for state in layer.states for part in _memory(layer, state)]
    grads = iter(torch.autograd.grad(loss, nodes, materialize_grads=True))
    curves = []
    for depth, layer in enumerate(layers, start=1):
        names = layer.cell.memory or layer.cell.states
        norms = [[torch.linalg.vector_norm(next(grads), dim=1) for _ in names] for _ in layer.states]
        for name, over_time in zip(names, zip(*norms, strict=True), strict=True):
            curves.append(Curve(depth, name, aligned(torch.stack(over_time, dim=1), lengths), unit))
    return curves


def _memory(layer: SteppedLayer, state: State) -> State:
    """Of a state, each part (B, H), what reaches far back."""
    return state[: len(layer.cell.memory)] if layer.cell.memory else state


def aligned(norms: Tensor, lengths: Tensor) -> NDArray[np.float64]:
    """Norms (B, T + 1) after each step → (B, K): k steps ahead of each sequence's end, NaN before its start.

    ``lengths`` are (B,). A norm that is no number comes of gradients that ran over, and is infinite.
    """
    back = torch.arange(int(lengths.max()) + 1)  # (K,)
    place = lengths[:, None] - back  # (B, K)
    found = norms.nan_to_num(nan=torch.inf, posinf=torch.inf).gather(1, place.clamp(min=0))
    return np.asarray(found.masked_fill(place < 0, torch.nan).numpy())
