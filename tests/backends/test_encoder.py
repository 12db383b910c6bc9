from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.backends.encoder import Encoder, reverse, reversed_order
from seqcli.backends.initialisation import initialise
from seqcli.backends.registry import CELLS
from seqcli.network import RESIDUAL

NO_TORCH_LAYER = {
    "none": "torch has no such layer; compared with the same feedforward layer written out",
    **dict.fromkeys(RESIDUAL, "torch has no such layer; compared with the same written in NumPy"),
}
recurrent = pytest.mark.parametrize("cell", [name for name in CELLS if name not in NO_TORCH_LAYER])
shapes = pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (1, True), (2, False), (3, True)])


def make_encoder(cell: str, layers: int, bidirectional: bool, dtype: torch.dtype = torch.float64) -> Encoder:
    torch.manual_seed(3)
    encoder = Encoder(cell, 5, 6, layers, bidirectional)
    initialise(encoder, "torch", 100)
    return encoder.to(dtype)


def ragged(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(4)
    return torch.randn(6, 12, 5, dtype=dtype), torch.tensor([12, 1, 7, 3, 12, 9])


@recurrent
@shapes
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-13), (torch.float32, 1e-6)])
def test_equal_to_packed_torch(cell, layers, bidirectional, dtype, close, packed):
    encoder = make_encoder(cell, layers, bidirectional, dtype)
    x, lengths = ragged(dtype)
    outputs, states = encoder.run(x, lengths)
    expected, last = packed(cell, encoder)(x, lengths)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=close)
    torch.testing.assert_close(encoder(x, lengths), expected, rtol=0, atol=close)
    for which, part in enumerate(last):
        for index, state in enumerate(states):
            torch.testing.assert_close(state[which], part[index], rtol=0, atol=close)


@recurrent
@shapes
def test_gradients_equal_packed_torch(cell, layers, bidirectional, packed):
    encoder = make_encoder(cell, layers, bidirectional)
    theirs = packed(cell, encoder)
    x, lengths = ragged()
    grads = []
    for run in (encoder.run, theirs):
        leaf = x.clone().requires_grad_()
        outputs, states = run(leaf, lengths)
        flat = [part for state in states for part in state] if run == encoder.run else states
        loss = (outputs.sin() * torch.arange(12)[:, None]).sum() + sum((part**2).sum() for part in flat)
        loss.backward()
        grads.append(leaf.grad)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-11, atol=1e-11)
    for ours, expected in theirs.pairs():
        torch.testing.assert_close(ours.grad, expected.grad, rtol=1e-11, atol=1e-11)


def test_none_is_a_feedforward_layer_at_each_step():
    encoder = make_encoder("none", 1, True)
    x, lengths = ragged()
    ahead, back = (torch.tanh(x @ cell.weight_ih.T + cell.bias_ih) for cell in encoder.layers[0].cells)
    valid = torch.arange(12) < lengths[:, None]
    expected = torch.cat([ahead, back], dim=-1) * valid[..., None]
    torch.testing.assert_close(encoder(x, lengths), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_row_is_the_same_alone_and_in_any_batch(cell, lengths, data):
    encoder = make_encoder(cell, 2, True)
    steps = max(lengths) + data.draw(st.integers(0, 3))
    x = torch.randn(len(lengths), steps, 5, dtype=torch.float64)
    for row, length in enumerate(lengths):
        x[row, length:] = 1e6  # what stands at padding must not matter
    outputs = encoder(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = encoder(x[row : row + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(outputs[row, :length], alone[0], rtol=0, atol=1e-12)
        assert not outputs[row, length:].any()


@pytest.mark.parametrize("cell", CELLS)
def test_run_goes_on_from_states_row_by_row(cell):
    encoder = make_encoder(cell, 2, False)
    x, _ = ragged()
    cuts = torch.tensor([5, 1, 3, 2, 4, 5])
    whole, _ = encoder.run(x, torch.full((6,), 12))
    _, states = encoder.run(x[:, :5], cuts)
    rest = torch.stack([x[row, cut : cut + 6] for row, cut in enumerate(cuts)])
    after, _ = encoder.run(rest, torch.full((6,), 6), states)
    expected = torch.stack([whole[row, cut : cut + 6] for row, cut in enumerate(cuts)])
    torch.testing.assert_close(after, expected, rtol=0, atol=1e-12)


def test_reversal_by_hand():
    x = torch.tensor(
        [[[1.0], [2.0], [3.0], [0.0]], [[4.0], [5.0], [0.0], [0.0]], [[6.0], [7.0], [8.0], [9.0]]]
    )
    order = reversed_order(torch.tensor([3, 2, 4]), 4)
    expected = [[3, 2, 1, 0], [5, 4, 0, 0], [9, 8, 7, 6]]
    assert reverse(x, order)[..., 0].tolist() == expected
    assert torch.equal(reverse(reverse(x, order), order), x)


def test_reversal_gradient():
    x = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    order = reversed_order(torch.tensor([3, 1, 4]), 4)
    assert torch.autograd.gradcheck(lambda x: reverse(x, order), (x,))


def test_dropout_falls_between_layers_and_only_in_training():
    encoder = Encoder("gru", 5, 6, 2, dropout=0.5)
    initialise(encoder, "gated", 100)
    x, lengths = ragged(torch.float32)
    first = encoder(x, lengths)
    assert not torch.equal(first, encoder(x, lengths))
    encoder.eval()
    assert torch.equal(encoder(x, lengths), encoder(x, lengths))
    single = Encoder("gru", 5, 6, 1, dropout=0.5)
    initialise(single, "gated", 100)
    assert torch.equal(single(x, lengths), single(x, lengths))
