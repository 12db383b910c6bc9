from __future__ import annotations

import numpy as np
import pytest
import torch

from seqcli.backends.pooling import POOLS, Pool
from seqcli.errors import UsageError
from seqcli.options import NetworkOptions

LENGTHS = torch.tensor([4, 1, 6])


def outputs(width: int) -> torch.Tensor:
    torch.manual_seed(0)
    valid = torch.arange(6) < LENGTHS[:, None]
    return (torch.randn(3, 6, width, dtype=torch.float64) - 5) * valid[..., None]


@pytest.mark.parametrize(("kind", "reduce"), [("last", lambda h: h[-1]), ("mean", np.mean), ("max", np.max)])
def test_one_direction_equals_numpy_on_each_row(kind, reduce):
    values = outputs(4)
    found = Pool(kind, 4, bidirectional=False)(values, LENGTHS)
    for row, length in enumerate(LENGTHS):
        own = values[row, :length].numpy()
        expected = reduce(own) if kind == "last" else reduce(own, axis=0)
        np.testing.assert_allclose(found[row].numpy(), expected, rtol=0, atol=1e-14)


def test_last_takes_the_backward_half_where_it_has_read_everything():
    values = outputs(4)
    found = Pool("last", 2, bidirectional=True)(values, LENGTHS)
    for row, length in enumerate(LENGTHS):
        expected = torch.cat([values[row, length - 1, :2], values[row, 0, 2:]])
        assert torch.equal(found[row], expected)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_attention_equals_numpy_on_each_row(bidirectional):
    values = outputs(6)
    pool = Pool("attention", 3 if bidirectional else 6, bidirectional).double()
    found = pool(values, LENGTHS).detach().numpy()
    weight, bias, score = (
        part.detach().numpy() for part in (pool.project.weight, pool.project.bias, pool.score.weight)
    )
    for row, length in enumerate(LENGTHS):
        own = values[row, :length].numpy()
        energy = np.exp(np.tanh(own @ weight.T + bias) @ score[0])
        np.testing.assert_allclose(found[row], energy @ own / energy.sum(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", POOLS)
def test_gradients_are_finite_and_stop_at_padding(kind):
    values = outputs(4).requires_grad_()
    Pool(kind, 4, bidirectional=False).double()(values, LENGTHS).sum().backward()
    assert torch.isfinite(values.grad).all()
    padding = torch.arange(6) >= LENGTHS[:, None]
    if kind != "mean":  # a mean adds the zeros at padding; the encoder's mask stops that gradient
        assert not values.grad[padding].any()


def test_several_kinds_stand_side_by_side():
    values = outputs(4)
    both = Pool("max+last+mean", 2, bidirectional=True)
    alone = [Pool(kind, 2, bidirectional=True)(values, LENGTHS) for kind in ("max", "last", "mean")]
    assert torch.equal(both(values, LENGTHS), torch.cat(alone, dim=-1))
    assert both.width == 12
    for wrong in ("max+max", "max+", "max+minimum"):
        with pytest.raises(UsageError):
            Pool(wrong, 2, bidirectional=True)


def test_options_offer_exactly_these_and_others_are_refused():
    assert set(NetworkOptions.__dataclass_fields__["pool"].metadata["choices"]) == set(POOLS)
    with pytest.raises(UsageError) as caught:
        Pool("maximum", 4, bidirectional=False)
    assert "maximum" in caught.value.message
