"""Matrix products by the library that is quickest for their size.

On a CPU torch gives float32 products to its BLAS. oneDNN, which torch brings too, costs about 10 µs more
a call; once a product is large enough to hide that, it is as fast or, where the BLAS leaves the processor's
widest registers unused, about twice as fast (``benchmarks/encoder.py`` shows what it comes to).

In training the large products of a text's network may be made of bfloat16 numbers, where the processor
multiplies them: twice as fast, with sums in float32 and weights kept in float32 (Kalamkar et al. 2019, A
Study of BFLOAT16 for Deep Learning Training, arXiv:1905.12322).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

LARGE = 2**21
"""Multiplications and additions (rows × inputs × outputs) from which oneDNN is used."""


_multiplied: ContextVar[str] = ContextVar("multiplied", default="float32")
"""The numbers of which :func:`linear` makes large products at the moment."""


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Within it :func:`linear` multiplies numbers of ``name``: "float32", or "bfloat16" on a CPU."""
    before = _multiplied.set(name)
    try:
        yield
    finally:
        _multiplied.reset(before)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (..., F) times the transposed ``weight`` (G, F), plus ``bias`` (G,) → (..., G), with gradients."""
    if x.device.type != "cpu":
        return F.linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    half = _multiplied.get() == "bfloat16" and rows.shape[0] * weight.numel() >= LARGE
    flat: Tensor = _Linear.apply(rows, weight, bias, half)  # type: ignore[no-untyped-call]
    return flat.view(*x.shape[:-1], len(weight))


class _Linear(torch.autograd.Function):
    """x (N, F), weight (G, F), bias (G,) → (N, G); both gradients of its products go the same way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, half: bool) -> Tensor:
        ctx.half = half
        if half:
            x, weight = x.bfloat16(), weight.bfloat16()
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight, bias.bfloat16()).float() if half else product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        if not ctx.half:
            return product(grad, weight.t()), product(x.t(), grad.t()).t(), grad.sum(0), None
        short = grad.bfloat16()
        return (short @ weight).float(), (short.t() @ x).float(), grad.sum(0), None


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As :func:`linear` for x (N, F), without gradients: for backward passes by hand."""
    if x.dtype is torch.float32 and x.shape[0] * weight.numel() >= LARGE and _onednn():
        linear = torch.ops.mkldnn._linear_pointwise
        return cast(Tensor, linear(x, weight, bias, "none", [], ""))
    return F.linear(x, weight, bias)


def _onednn() -> bool:
    """Whether this torch has oneDNN's product, and the user has not switched oneDNN off."""
    backend: Any = torch.backends.mkldnn
    return bool(backend.is_available() and backend.enabled and hasattr(torch.ops.mkldnn, "_linear_pointwise"))
