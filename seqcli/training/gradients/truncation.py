"""Truncated backpropagation through time beside the whole: what is lost where going back ends after k steps.

    cosine = ⟨g_k, g⟩ / (‖g_k‖ ‖g‖)        length = ‖g_k‖ / ‖g‖        k = 8, 16, 32, …

g is the gradient of all weights of the cells (Williams and Peng 1990, Neural Computation 2:490). A network
that reads a text on and on is scored at every step, and its past is cut every k steps, as ``--bptt`` does. Of
any other network L = v · h_τ depends on the last state, and k steps ahead of it are gone through.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqcli.backends.cells.cell import State, last_step
from seqcli.backends.losses import cross_entropy, keys
from seqcli.backends.network import Network
from seqcli.sequences import LENGTHS, TARGET
from seqcli.training.gradients.flow import inputs_of, measured_copy, unit_vectors
from seqcli.training.gradients.measures import Truncation, Truncations

SHORTEST = 8
ROWS = 16
"""Sequences whose gradients are summed."""


def truncations(network: Network, batch: dict[str, Tensor], seed: int = 0) -> Truncations | None:
    """The ladder k = 8, 16, … on ``batch``: fields (B, T[, F]), ``lengths`` (B,).

    None where a second direction reads the end first, and nothing can be cut, and where sequences are too
    short for a ladder.
    """
    whole = int(batch[LENGTHS].max()) // network.spec.segment
    if network.spec.bidirectional or whole <= SHORTEST:
        return None
    network = measured_copy(network)
    rows = torch.nonzero(batch[LENGTHS] == batch[LENGTHS].max())[:ROWS, 0]
    batch = {name: values[rows] for name, values in batch.items()}
    cells = network.encoder.requires_grad_(True)
    weights = list(cells.parameters())
    with torch.no_grad():
        x, lengths, start = inputs_of(network, batch)
    chunks = network.spec.streams and TARGET in batch

    def gradient(back: int) -> Tensor:
        if chunks:
            loss = _of_all_steps(network, x, start, batch[TARGET], back)
        else:
            loss = _of_last_state(network, x, lengths, start, (back, seed))
        found = torch.autograd.grad(loss, weights, materialize_grads=True, allow_unused=True)
        return torch.cat([part.flatten() for part in found])

    full = gradient(whole)
    ladder, back = [], SHORTEST
    while back < whole:
        some = gradient(back)
        cosine = torch.nn.functional.cosine_similarity(some, full, dim=0, eps=0.0)
        ladder.append(Truncation(back, float(cosine), float(some.norm() / full.norm())))
        back *= 2
    return Truncations(tuple(ladder), whole, chunks)


def _of_all_steps(
    network: Network, x: Tensor, start: list[State] | None, target: Tensor, back: int
) -> Tensor:
    """The loss () of x (B, T, F) with targets (B, T[, K]), the state cut every ``back`` steps."""
    outputs, state = [], start
    for begin in range(0, x.shape[1], back):
        part = x[:, begin : begin + back]
        lengths = torch.full((len(x),), part.shape[1])
        some, after = network.encoder.run(part, lengths, state)
        outputs.append(network.head(some))
        state = [tuple(each.detach() for each in parts) for parts in after]
    every = torch.cat(outputs, dim=1)
    every = every.view(*every.shape[:2], *network.spec.output_shape)
    loss = keys if target.is_floating_point() else cross_entropy
    return loss(every, {TARGET: target})


def _of_last_state(
    network: Network, x: Tensor, lengths: Tensor, start: list[State] | None, how: tuple[int, int]
) -> Tensor:
    """v · h_τ summed over x (B, T, F), all lengths (B,) T, where the last so many steps are gone through.

    ``how`` is how many, and the seed of v.
    """
    back, seed = how
    cut = x.shape[1] - back
    if cut > 0:
        with torch.no_grad():
            _, start = network.encoder.run(x[:, :cut], lengths - back, start)
        x = x[:, cut:]
        lengths = torch.full_like(lengths, back)
    outputs, _ = network.encoder.run(x, lengths, start)
    last = last_step(outputs, lengths)
    return (last * unit_vectors(len(last), last.shape[1], seed)).sum()
