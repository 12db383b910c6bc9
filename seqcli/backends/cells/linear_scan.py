"""The recurrence that min-cells and state spaces share: gates that do not look at the state.

    h_t = a_t ⊙ h_{t-1} + b_t                  every a_t and b_t known ahead of the loop

    dh_t = dy_t + a_{t+1} ⊙ dh_{t+1}           the same recurrence, from the last step to the first
    db_t = dh_t     da_t = dh_t ⊙ h_{t-1}      dh_0 = a_1 ⊙ dh_1

On a CPU a step is one small operation in place, with no graph of autograd's behind it. On a GPU, where every
call waits, ⌈log₂ T⌉ operations over all steps do it instead (Hillis and Steele 1986, Comm. ACM 29:1170):
two steps, b then a, are one, h ↦ (a' a) ⊙ h + (a' b + b'), and so are four and eight. Both never divide and
take no logarithm, so that no gate can be too small for them.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def linear_scan(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    """a and b (T, ...), h_0 (...) → h_1 … h_T (T, ...), with gradients."""
    return cast(Tensor, _LinearScan.apply(a, b, h0))  # type: ignore[no-untyped-call]


class _LinearScan(torch.autograd.Function):
    """:func:`linear_scan`, backwards by hand."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
        h = stepped(a, b, h0) if a.device.type == "cpu" else parallel(a, b, h0)
        ctx.save_for_backward(a, h, h0)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, h, h0 = ctx.saved_tensors
        d = stepped_back(a, grad) if a.device.type == "cpu" else parallel_back(a, grad)
        d_a = torch.empty_like(a)
        torch.mul(d[0], h0, out=d_a[0])
        torch.mul(d[1:], h[:-1], out=d_a[1:])
        return d_a, d, a[0] * d[0]


def stepped(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    """One step after the other: a and b (T, ...), h_0 (...) → (T, ...); no gradients."""
    h = torch.empty_like(b, memory_format=torch.contiguous_format)
    before = h0
    # Views of each step are made at once: in the loop they would cost as much as the sums.
    for a_t, b_t, h_t in zip(a.unbind(0), b.unbind(0), h.unbind(0), strict=True):
        torch.addcmul(b_t, a_t, before, out=h_t)
        before = h_t
    return h


def stepped_back(a: Tensor, grad: Tensor) -> Tensor:
    """dh (T, ...) from dy (T, ...), one step after the other."""
    d = torch.empty_like(grad, memory_format=torch.contiguous_format)
    gates, grads, views = a.unbind(0), grad.unbind(0), d.unbind(0)
    views[-1].copy_(grads[-1])
    for t in range(len(views) - 2, -1, -1):
        torch.addcmul(grads[t], gates[t + 1], views[t + 1], out=views[t])
    return d


def parallel(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    """As :func:`stepped` for (T, B, H), steps joined two by two in ⌈log₂ T⌉ rounds."""
    b = torch.cat([(b[0] + a[0] * h0)[None], b[1:]])
    reach = 1
    while reach < len(a):
        # From here on (a_t, b_t) stand for the last 2 * reach steps up to t.
        b = torch.cat([b[:reach], torch.addcmul(b[reach:], a[reach:], b[:-reach])])
        a = torch.cat([a[:reach], a[reach:] * a[:-reach]])
        reach *= 2
    return b


def parallel_back(a: Tensor, grad: Tensor) -> Tensor:
    """As :func:`stepped_back` (T, B, H): :func:`parallel` in the other order, with nothing behind the end."""
    later = torch.cat([a[1:], torch.zeros_like(a[:1])]).flip(0)
    return parallel(later, grad.flip(0), torch.zeros_like(grad[0])).flip(0)
