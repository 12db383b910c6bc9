"""Products by oneDNN and by torch's BLAS agree with float64, transposed operands included."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from seqcli.backends.products import LARGE, linear, precision, product


@pytest.mark.parametrize("rows", [3, 300])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_product_equals_float64(rows, turned, with_bias):
    torch.manual_seed(0)
    x, weight = torch.randn(rows, 64), torch.randn(192, 64)
    if turned:  # the same values in another layout, as a backward pass hands them over
        x, weight = x.t().contiguous().t(), weight.t().contiguous().t()
    bias = torch.randn(192) if with_bias else None
    assert (rows * weight.numel() >= LARGE) == (rows == 300)  # both ways are met
    expected = x.double() @ weight.double().t() + (0 if bias is None else bias.double())
    found = product(x, weight, bias)
    assert found.dtype is torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("missing", ["is_available", "enabled"])
def test_without_onednn_the_blas_multiplies(monkeypatch, missing):
    torch.manual_seed(0)
    x, weight = torch.randn(300, 64), torch.randn(192, 64)
    stand_in = SimpleNamespace(is_available=lambda: missing != "is_available", enabled=missing != "enabled")
    monkeypatch.setattr(torch.backends, "mkldnn", stand_in)
    assert torch.equal(product(x, weight), torch.nn.functional.linear(x, weight))


def test_float64_keeps_its_precision():
    x, weight = torch.randn(300, 64, dtype=torch.float64), torch.randn(192, 64, dtype=torch.float64)
    assert torch.equal(product(x, weight), torch.nn.functional.linear(x, weight))


def test_gradients_of_linear_equal_finite_differences():
    torch.manual_seed(0)
    parts = [
        torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 3, 4), (5, 4), (5,))
    ]
    assert torch.autograd.gradcheck(linear, parts)


@pytest.mark.parametrize("rows", [3, 300])
def test_linear_and_its_gradients_equal_torchs(rows):
    torch.manual_seed(0)
    parts = [torch.randn(*shape) for shape in ((2, rows, 64), (192, 64), (192,))]
    direction = torch.randn(2, rows, 192)
    found = []
    for way in (linear, torch.nn.functional.linear):
        own = [part.clone().requires_grad_() for part in parts]
        out = way(*own)
        (out * direction).sum().backward()
        found.append([out.detach(), *(part.grad for part in own)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("rows", [4, 4096])
def test_bfloat16_products_are_those_of_shortened_numbers_with_long_sums(rows):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(rows, 32), torch.randn(24, 32), torch.randn(24)
    given = [part.clone().requires_grad_() for part in (x, weight, bias)]
    with precision("bfloat16"):
        out = linear(*given)
    upstream = torch.randn_like(out)
    out.backward(upstream)
    large = rows * weight.numel() >= LARGE

    def short(part):
        return part.bfloat16().double() if large else part.double()

    expected = (
        short(x) @ short(weight).T + short(bias),
        short(upstream) @ short(weight),
        short(upstream).T @ short(x),
        upstream.double().sum(0),
    )
    error = 2**-8 if large else 1e-5  # of the result, which is rounded once
    for found, wanted in zip((out.detach(), *(part.grad for part in given)), expected, strict=True):
        assert found.dtype is torch.float32
        scale = wanted.abs().mean()
        assert (found.double() - wanted).abs().max() <= error * wanted.abs().max() + 1e-6 * scale
    assert linear(x, weight, bias).sub(x @ weight.T + bias).abs().max() < 1e-4  # and is over behind it
