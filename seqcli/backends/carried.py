"""A forecaster read on and on: steps go in beside the state of the step before them, and the state comes out.

    h_t = cell(x_t, h_{t-1})            t = 1 … T, once, whatever is asked for
    y_t = what is said from h_t         at those t at which a forecast is asked for

Training, the choice on validation and the graph "step" of a saved model all read so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from seqcli.backends.cells.cell import State
from seqcli.sequences import LENGTHS

if TYPE_CHECKING:
    from seqcli.backends.network import Network


class Reached(NamedTuple):
    """Where B rows stand after a step; a row is read by each of r readers."""

    top: Tensor
    """(B * r, 1, H) the output of the last layer."""
    states: list[State]
    """(B * r, H) each, layer by layer."""
    last: Tensor
    """(B, 1, F) the step that was read last."""


def advance(network: Network, values: Tensor, states: list[State] | None) -> Reached:
    """Read the next steps (B, T, F), all of them valid; without ``states`` from zero on."""
    x = values if network.segments is None else network.segments(values)
    lengths = torch.full((len(x),), x.shape[1], device=x.device)
    outputs, after = network.encoder.run(x, lengths, states)
    return Reached(outputs[:, -1:], after, values[:, -1:])


def joined(reached: Sequence[Reached]) -> Reached:
    """Some of them, one behind the other, as one."""
    states = [
        tuple(torch.cat(parts) for parts in zip(*cell, strict=True))
        for cell in zip(*(each.states for each in reached), strict=True)
    ]
    tops, _, lasts = zip(*reached, strict=True)
    return Reached(torch.cat(tops), states, torch.cat(lasts))


def answered(network: Network, reached: Reached, batch: dict[str, Tensor]) -> Tensor:
    """What is said from there, (B, *answer_shape); ``batch`` holds what is known ahead, (B, ...)."""
    field = next(item.field for item in network.spec.inputs if item.kind == "values")
    batch = {**batch, field: reached.last, LENGTHS: torch.ones_like(reached.last[:, 0, 0], dtype=torch.int64)}
    if network.decoder is not None:
        return network.decode(reached.top[:, 0], reached.states, batch)
    return network.answer(reached.top, batch)


def read_stretch(
    network: Network, batch: dict[str, Tensor], states: list[State] | None
) -> tuple[Tensor, list[State]]:
    """A stretch (B, T, F) with the answers after ``batch["asked"]`` (Q,) of its steps: (B, Q, *answer_shape).

    Rows where ``batch["fresh"]`` (B,) is true begin at zero; what is known ahead is (B, Q, ...).
    """
    spec, readers = network.spec, network.spec.readers
    field = next(item.field for item in spec.inputs if item.kind == "values")
    if states is not None:
        kept = ~batch["fresh"].repeat_interleave(readers)[:, None]
        states = [tuple(part * kept for part in state) for state in states]
    ends: list[int] = batch["asked"].tolist()
    reached: list[Reached] = []
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        reached.append(advance(network, batch[field][:, begin:end], states))
        states = reached[-1].states
    ahead = {
        item.field: batch[item.field].transpose(0, 1).flatten(0, 1)  # (Q * B, ...)
        for item in spec.inputs
        if item.field != field
    }
    out = answered(network, joined(reached), ahead)
    return out.view(len(ends), -1, *spec.answer_shape).transpose(0, 1), reached[-1].states
