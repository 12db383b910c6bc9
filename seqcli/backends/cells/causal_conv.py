"""A short causal convolution, each channel by itself: what a step sees of the few steps before it.

c_t = b + w_0 ⊙ x_t + w_1 ⊙ x_{t-1} + w_2 ⊙ x_{t-2} + w_3 ⊙ x_{t-3}
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

REACH = 3
"""Steps before a step that it sees."""


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (3 + T, B, H), the three steps ahead of the first included; weight (4, H), bias (H,) → (T, B, H)."""
    return cast(Tensor, _CausalConv.apply(x, weight, bias))  # type: ignore[no-untyped-call]


class _CausalConv(torch.autograd.Function):
    """:func:`causal_conv`, backwards by hand: autograd would copy x four times."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        steps = len(x) - REACH
        out = torch.addcmul(bias, x[REACH:], weight[0])
        for back in range(1, REACH + 1):
            out.addcmul_(x[REACH - back : REACH - back + steps], weight[back])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        steps = len(grad)
        d_x, d_weight = torch.zeros_like(x), torch.empty_like(weight)
        for back in range(REACH + 1):
            seen = slice(REACH - back, REACH - back + steps)
            d_x[seen].addcmul_(grad, weight[back])
            d_weight[back] = (grad * x[seen]).sum((0, 1))
        return d_x, d_weight, grad.sum((0, 1))
