"""h_t = a_t ⊙ h_{t-1} + b_t and the short convolution, against loops written out in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seqcli.backends.cells.causal_conv import causal_conv
from seqcli.backends.cells.linear_scan import (
    linear_scan,
    parallel,
    parallel_back,
    stepped,
    stepped_back,
)

lengths = pytest.mark.parametrize("steps", [1, 2, 3, 7, 8, 65])


def drawn(steps: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    """a, b (T, 3, 4), h_0 (3, 4); gates shut, half open and open."""
    generator = torch.Generator().manual_seed(steps)
    a = torch.sigmoid(8 * torch.randn(steps, 3, 4, generator=generator, dtype=dtype))
    a[steps // 2, 0] = 0.0
    a[0, 1] = 1.0
    return [
        a,
        torch.randn(steps, 3, 4, generator=generator, dtype=dtype),
        torch.randn(3, 4, generator=generator, dtype=dtype),
    ]


def by_loop(a, b, h) -> np.ndarray:
    found = []
    for a_t, b_t in zip(a.double().numpy(), b.double().numpy(), strict=True):
        h = a_t * (h.double().numpy() if isinstance(h, torch.Tensor) else h) + b_t
        found.append(h)
    return np.stack(found)


@lengths
def test_both_ways_are_the_loop(steps):
    values = drawn(steps)
    for way in (stepped, parallel, linear_scan):
        np.testing.assert_allclose(way(*values), by_loop(*values), rtol=0, atol=1e-13)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 300), st.floats(-30, 30), st.floats(0, 100))
def test_in_single_precision_they_agree_however_open_the_gates_are(steps, opening, scale):
    a, b, h = drawn(steps, torch.float32)
    a = torch.sigmoid(opening + torch.logit(a, eps=1e-6))
    found, other = stepped(a, scale * b, h), parallel(a, scale * b, h)
    largest = max(1.0, float(found.abs().max()))
    assert float((found - other).abs().max()) <= 1e-5 * largest
    assert float((stepped_back(a, b) - parallel_back(a, b)).abs().max()) <= 1e-5 * max(
        1.0, float(stepped_back(a, b).abs().max())
    )


@lengths
def test_gradients_are_those_of_finite_differences(steps):
    values = [value[..., :1, :2].clone().requires_grad_() for value in drawn(min(steps, 8))]
    assert torch.autograd.gradcheck(linear_scan, values)


@lengths
def test_going_back_in_parallel_is_going_back_step_by_step(steps):
    a, grad, _ = drawn(steps)
    torch.testing.assert_close(stepped_back(a, grad), parallel_back(a, grad), rtol=0, atol=1e-13)


def test_what_is_no_number_stays_behind_the_steps_before_it():
    a, b, h = drawn(16)
    b[9] = torch.nan
    for way in (stepped, parallel):
        found = way(a, b, h)
        assert found[:9].isfinite().all()
        assert found[9].isnan().all()


def test_convolution_is_torchs_own_of_each_channel_by_itself():
    torch.manual_seed(0)
    x = torch.randn(3 + 9, 2, 5, dtype=torch.float64, requires_grad=True)
    conv = nn.Conv1d(5, 5, 4, groups=5).double()
    weight = conv.weight.detach()[:, 0].t().flip(0).contiguous().requires_grad_()  # the newest step first
    bias = conv.bias.detach().clone().requires_grad_()
    expected = conv(x.permute(1, 2, 0)).permute(2, 0, 1)
    torch.testing.assert_close(causal_conv(x, weight, bias), expected, rtol=0, atol=1e-14)
    assert torch.autograd.gradcheck(causal_conv, (x, weight, bias))
