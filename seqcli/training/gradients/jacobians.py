"""One step of a recurrence as a matrix, and Lyapunov exponents of many in a row.

    J_t Q_{t−1} = Q_t R_t        Q_0 = I
    exponent i = mean over t of ln |R_t,ii|,   Σ_i = mean over t of ln |det J_t|

The first steps turn Q and are not counted. A plain product of the J_t would have lost all but the largest
exponent within some sixty steps (Benettin et al. 1980, Meccanica 15:9; of recurrent networks Engelken, Wolf
and Abbott 2023, Phys. Rev. Research 5:043044, and Vogt et al. 2020, arXiv:2006.14123).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from seqcli.backends.cells.block import Block
from seqcli.backends.cells.cell import Cell, State
from seqcli.training.gradients.measures import Exponents

FIRST = 32
"""Exponents of a state too large for all of them."""


def jacobians(cell: Cell, x: Tensor, state: State) -> Tensor:
    """∂(next state)/∂(state), parts side by side: x (N, F), state (N, H) each → (N, D, D), D = H × parts."""
    before = torch.cat(state, dim=-1).detach().requires_grad_()
    _, parts = cell.step(x, before.chunk(len(state), dim=-1))
    after = torch.cat(parts, dim=-1)  # (N, D)
    rows, size = after.shape
    each = torch.eye(size, dtype=after.dtype)[:, None].expand(size, rows, size)
    (found,) = torch.autograd.grad(after, before, each, is_grads_batched=True)  # (D, N, D)
    return found.transpose(0, 1)


def kept_shares(cell: Block, x: Tensor, state: State) -> Tensor:
    """The diagonal of the Jacobian of a block's memory, which has nothing beside it: (N, M).

    x (N, F), state (N, H) each. A gate that does not look at the state multiplies each number of the memory
    by a share of its own; the three last u move on by one place and are gone after three steps.
    """
    count = len(cell.memory)
    memory = [part.detach().requires_grad_() for part in state[:count]]
    _, after = cell.step(x, (*memory, *state[count:]))
    total = torch.stack([part.sum() for part in after[:count]]).sum()
    return torch.cat(torch.autograd.grad(total, memory), dim=-1)


def lyapunov(steps: Iterable[Tensor], ahead: int, count: int | None = None) -> Exponents:
    """Exponents of Jacobians (B, D, D) in the order of time, of which the first ``ahead`` only turn Q.

    ``count`` of them, None for all, which the determinant then checks.
    """
    turned: Tensor | None = None
    logs, dets, counted = torch.zeros(()), torch.zeros(()), 0
    for number, step in enumerate(steps):
        if turned is None:
            eye = torch.eye(step.shape[-1], dtype=step.dtype)[:, :count]
            turned = eye.expand(len(step), *eye.shape)
        turned, upper = torch.linalg.qr(step @ turned)
        if number >= ahead:
            logs = logs + upper.diagonal(dim1=-2, dim2=-1).abs().log()  # (B, D)
            dets = dets + torch.linalg.slogdet(step)[1] if count is None else dets
            counted += len(step)
    if turned is None or not counted:
        return Exponents(np.zeros(0), float("nan"), 0)
    each = counted // len(turned)  # steps a sequence
    values = (logs / each).sort(dim=-1, descending=True).values.mean(dim=0)
    log_det = float((dets / each).mean()) if count is None else float("nan")
    return Exponents(values.numpy(), log_det, counted)


def diagonal_exponents(shares: Tensor) -> Exponents:
    """The same of diagonal Jacobians (B, T, M): means of ln a, and nothing turns."""
    logs = shares.abs().log().mean(dim=1)  # (B, M)
    values = logs.sort(dim=-1, descending=True).values.mean(dim=0)
    total = float(logs.sum(dim=-1).mean())
    return Exponents(values.numpy(), total, shares.shape[0] * shares.shape[1])
