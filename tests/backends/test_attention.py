"""The transformer encoder that compare sets beside cells: its size, its padding, its attention."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seqcli.backends.attention import HEADS, AttentionEncoder, Block, places, sizes_for
from seqcli.backends.encoder import Encoder


@pytest.mark.parametrize(
    ("units", "inputs", "layers", "both"), [(64, 192, 1, True), (8, 3, 1, False), (32, 20, 2, True)]
)
def test_it_has_as_many_weights_as_the_cells_it_stands_beside(units, inputs, layers, both) -> None:
    cells = Encoder("gru", inputs, units, layers, both)
    wanted = sum(weight.numel() for weight in cells.parameters())
    ours = AttentionEncoder(inputs, cells.output_size, wanted, layers)
    width, inner = sizes_for(inputs, cells.output_size, wanted, layers)
    assert ours.read.out_features == width
    assert (
        abs(sum(weight.numel() for weight in ours.parameters()) - wanted) <= layers * (2 * width + 1) / 2 + 1
    )
    assert inner >= 1


def test_padding_changes_no_valid_step() -> None:
    torch.manual_seed(0)
    encoder = AttentionEncoder(3, 5, 2000).eval()
    x = torch.randn(2, 7, 3)
    lengths = torch.tensor([4, 7])
    outputs = encoder(x, lengths)
    assert torch.allclose(outputs[:1, :4], encoder(x[:1, :4], torch.tensor([4])), atol=1e-6)
    assert not outputs[0, 4:].any()


def test_a_step_sees_every_other_one_and_where_it_stands() -> None:
    torch.manual_seed(0)
    encoder = AttentionEncoder(3, 5, 2000).eval()
    x, lengths = torch.randn(1, 6, 3), torch.tensor([6])
    changed = x.clone()
    changed[0, 5] += 1
    assert (encoder(x, lengths) - encoder(changed, lengths))[0, 0].abs().max() > 1e-4
    turned = encoder(x.flip(1), lengths).flip(1)
    assert (turned - encoder(x, lengths)).abs().max() > 1e-4


def test_attention_is_torchs_own() -> None:
    torch.manual_seed(0)
    block, x = Block(8, 16), torch.randn(2, 5, 8)
    query, key, value = (
        part.view(2, 5, HEADS, 2).transpose(1, 2) for part in block.project(block.before(x)).chunk(3, dim=-1)
    )
    seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(2, 5, 8)
    middle = x + block.out(seen)
    expected = middle + block.outer(F.gelu(block.inner(block.between(middle))))
    assert torch.allclose(block(x, None, torch.nn.Dropout(0.0)), expected, atol=1e-6)


def test_places_are_sines_and_cosines() -> None:
    told = places(4, 4)
    at = torch.arange(4.0)
    expected = torch.stack([at.sin(), at.cos(), (at / 100).sin(), (at / 100).cos()], dim=1)
    assert torch.allclose(told, expected, atol=1e-6)
