"""Convolutions ahead of the recurrence, strands and members: by hand, and as ONNX graphs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqcli.backends.dropping import shaken
from seqcli.backends.equations import equations
from seqcli.backends.graph import network_graph
from seqcli.backends.losses import cross_entropy, training_loss
from seqcli.backends.network import Network, build_network
from seqcli.backends.stem import Stem
from seqcli.backends.strands import on_other_strand
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph

VALUES = InputSpec("values", "values", 3)
BASES, PLACE = InputSpec("bases", "values", 4), InputSpec("place", "values", 2)
SPEC = NetworkSpec((VALUES,), (2,), hidden_size=4, bidirectional=True, pool="max", stem=2, stem_width=5)


def batch_of(inputs: tuple[InputSpec, ...], lengths: list[int], seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    valid = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    fields = {
        item.field: torch.randn(len(lengths), max(lengths), item.size, generator=generator) * valid[..., None]
        for item in inputs
    }
    return {**fields, "lengths": torch.tensor(lengths)}


def by_hand(stem: Stem, row: np.ndarray, spec: NetworkSpec) -> np.ndarray:
    """One row (T, F) through the convolutions, step by step."""
    ahead = spec.stem_kernel - 1 if not spec.bidirectional else (spec.stem_kernel - 1) // 2
    for depth, (layer, norm) in enumerate(zip(stem.layers, stem.norms, strict=True)):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()  # (O, F, K)
        jump = spec.stem_stride if depth == spec.stem - 1 else 1
        out = []
        for step in range(0, len(row), jump):
            said = bias.copy()
            for tap in range(spec.stem_kernel):
                place = step + tap - ahead
                if 0 <= place < len(row):
                    said = said + weight[:, :, tap] @ row[place]
            centred = (said - said.mean()) / np.sqrt(said.var() + norm.eps)
            out.append(np.maximum(centred * norm.weight.detach().numpy() + norm.bias.detach().numpy(), 0))
        row = np.array(out)
    return row


@pytest.mark.parametrize(
    ("both", "kernel", "stride"), [(True, 7, 1), (True, 4, 2), (False, 7, 1), (False, 3, 4)]
)
def test_it_convolves_as_written(both: bool, kernel: int, stride: int) -> None:
    spec = replace(SPEC, bidirectional=both, stem_kernel=kernel, stem_stride=stride)
    stem = build_network(spec, 3).stem
    assert stem is not None
    torch.nn.init.normal_(stem.norms[0].weight)
    lengths = [11, 4, 1]
    x = batch_of((VALUES,), lengths)["values"]
    with torch.no_grad():
        out, after = stem.eval()(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        expected = by_hand(stem, x[row, :length].numpy(), spec)
        assert int(after[row]) == len(expected) == -(-length // stride)
        assert np.allclose(out[row, : len(expected)].numpy(), expected, atol=1e-5)
        assert not out[row, len(expected) :].any()


def test_one_way_no_step_sees_what_comes_later() -> None:
    stem = build_network(replace(SPEC, bidirectional=False), 0).stem
    assert stem is not None
    x = torch.randn(1, 9, 3)
    changed = x.clone()
    changed[0, 6:] += 1
    with torch.no_grad():
        one, other = (stem.eval()(each, torch.tensor([9]))[0] for each in (x, changed))
    assert torch.equal(one[0, :6], other[0, :6])
    assert not torch.equal(one[0, 6:], other[0, 6:])


FORMS = {
    "stem": SPEC,
    "one way": replace(SPEC, bidirectional=False, pool="last"),
    "stride": replace(SPEC, stem_stride=4, pool="max+mean"),
    "members": replace(SPEC, members=3),
    "steps": replace(SPEC, pool="none", stem=1),
    "strands": replace(SPEC, inputs=(BASES,), both_strands=True),
    "strands and places": replace(
        SPEC,
        inputs=(BASES, PLACE),
        both_strands=True,
        members=2,
        stem_stride=2,
        stem=1,
        pool="last+attention",
    ),
}


@pytest.mark.parametrize("spec", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("cell", ["gru", "mingru"])
def test_the_graph_says_what_torch_says_and_padding_changes_nothing(spec, cell, run_graph) -> None:
    spec = replace(spec, cell=cell)
    network = build_network(spec, 1).eval()
    graph = network_graph(network)
    check_graph(graph)
    for lengths in ([1], [9, 3, 1, 6], [4, 4]):
        batch = batch_of(spec.inputs, lengths, seed=len(lengths))
        with torch.no_grad():
            expected = network(batch)
        (said,) = run_graph(graph, batch)
        valid = slice(None)
        if spec.pool == "none":
            valid = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).numpy()
        assert np.abs(said[valid] - expected.numpy()[valid]).max() < 1e-5
        wider = {
            name: torch.cat([field, torch.zeros(len(field), 5, field.shape[2])], 1)
            if field.ndim == 3
            else field
            for name, field in batch.items()
        }
        with torch.no_grad():
            padded = network(wider)
        if spec.pool == "none":
            padded = padded[:, : max(lengths)]
        assert np.abs(padded.numpy()[valid] - expected.numpy()[valid]).max() < 1e-6


def test_its_equations_have_the_shapes_of_its_weights() -> None:
    spec = replace(FORMS["strands and places"], stem=2)
    network = build_network(spec, 0)
    text = equations(spec)
    assert network.stem is not None
    for place, layer in enumerate(network.stem.layers, 1):
        out, width, taps = layer.weight.shape
        assert f"layer {place}: W_j ({out}, {width})  b ({out})" in text
        assert f"j = {-(taps // 2)} … {taps // 2}" in text
    assert f"layer 1 reads x^2_t ({spec.stem_width}): W_i· (4, {spec.stem_width})" in text
    assert "a step in 2 is kept" in text
    assert text.endswith(
        "the same is asked of the other strand, and y is the mean of both answers\n"
        "    2 such networks answer, each with its own weights; y is their mean"
    )


def test_both_strands_of_dna_are_answered_alike() -> None:
    spec = FORMS["strands"]
    network = build_network(spec, 2).eval()
    batch = batch_of((BASES,), [7, 4])
    other = on_other_strand(batch)
    assert torch.equal(on_other_strand(other)["bases"], batch["bases"])
    assert torch.equal(other["bases"][1, :4], batch["bases"][1, :4].flip(0, 1))
    with torch.no_grad():
        assert torch.allclose(network(batch), network(other), atol=1e-6)
        alone = Network(replace(spec, both_strands=False)).eval()
        alone.load_state_dict(network.state_dict())
        assert torch.allclose(network(batch), (alone(batch) + alone(other)) / 2, atol=1e-6)


@pytest.mark.parametrize(("strands", "members"), list(itertools.product([False, True], [1, 2])))
def test_in_training_each_answer_is_learnt_from(strands: bool, members: int) -> None:
    spec = replace(FORMS["strands"], both_strands=strands, members=members, dropout=0.0)
    network = build_network(spec, 2).train()
    batch = {**batch_of((BASES,), [7, 4]), "target": torch.tensor([0, 1]), "weight": torch.tensor([1.0, 3.0])}
    outputs = network(batch)
    answers = members * (2 if strands else 1)
    assert len(outputs) == 2 * answers
    loss = training_loss("cross_entropy", 0.1, network)(outputs, batch)
    each = [cross_entropy(part, batch, smoothing=0.1) for part in outputs.chunk(answers)]
    assert torch.allclose(loss, torch.stack(each).mean(), atol=1e-6)
    loss.backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_values_are_moved_in_training_alone_and_padding_stays() -> None:
    batch = batch_of((VALUES,), [5, 2])
    x, lengths = batch["values"], batch["lengths"]
    assert shaken(x, lengths, 0.3, training=False) is x
    assert shaken(x, lengths, 0.0, training=True) is x
    torch.manual_seed(0)
    moved = shaken(x, lengths, 0.3, training=True)
    assert not moved[1, 2:].any()
    assert (moved[0] != x[0]).all()
    many = shaken(torch.ones(4000, 4, 2), torch.full((4000,), 4), 0.1, training=True)
    assert many.mean().item() == pytest.approx(1.0, abs=0.01)
    assert many.std().item() == pytest.approx(0.1 * 2**0.5, rel=0.05)
