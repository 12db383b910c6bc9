"""Matrix products by the library that is quickest for their size. No autograd: for backward passes by hand.

On a CPU torch gives float32 products to its BLAS. oneDNN, which torch brings too, costs about 10 µs more
a call; once a product is large enough to hide that, it is as fast or, where the BLAS leaves the processor's
widest registers unused, about twice as fast (``benchmarks/encoder.py`` shows what it comes to).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

LARGE = 2**21
"""Multiplications and additions (rows × inputs × outputs) from which oneDNN is used."""


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (N, F) times the transposed ``weight`` (G, F), plus ``bias`` (G,) → (N, G)."""
    if x.dtype is torch.float32 and x.shape[0] * weight.numel() >= LARGE and _onednn():
        linear = torch.ops.mkldnn._linear_pointwise
        return cast(Tensor, linear(x, weight, bias, "none", [], ""))
    return F.linear(x, weight, bias)


def _onednn() -> bool:
    """Whether this torch has oneDNN's product, and the user has not switched oneDNN off."""
    backend: Any = torch.backends.mkldnn
    return bool(backend.is_available() and backend.enabled and hasattr(torch.ops.mkldnn, "_linear_pointwise"))
