"""A series through a code and back: what may reach an output, its graph, its loss, its description."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch

from seqcli.backends.equations import equations
from seqcli.backends.graph import network_graph
from seqcli.backends.losses import LOSSES, mean_over
from seqcli.backends.network import build_network
from seqcli.backends.parameters import parameter_table
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph
from seqcli.saved.record import batch_signature

CHANNELS, PLACES, CODE = 3, 4, 2
SPEC = NetworkSpec(
    (InputSpec("values", "values", CHANNELS), InputSpec("place", "values", PLACES)),
    (CHANNELS,),
    hidden_size=5,
    bidirectional=True,
    pool="none",
    bottleneck=CODE,
)
LENGTHS = (7, 3, 5)


def batch_of(lengths: tuple[int, ...] = LENGTHS, seed: int = 0, padded: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    steps = max(lengths)
    valid = torch.arange(steps + padded) < torch.tensor(lengths)[:, None]
    fields = {item.field: torch.zeros(len(lengths), steps + padded, item.size) for item in SPEC.inputs}
    for field in fields.values():
        field[:, :steps] = torch.randn(len(lengths), steps, field.shape[2], generator=generator)
        field *= valid[..., None]
    return {**fields, "lengths": torch.tensor(lengths)}


def own_steps(outputs: torch.Tensor, lengths: tuple[int, ...] = LENGTHS) -> list[np.ndarray]:
    return [row[:length].detach().numpy() for row, length in zip(outputs, lengths, strict=True)]


@pytest.mark.parametrize("cell", ["gru", "lstm", "mingru", "none"])
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("stride", [0, 1, 2])
def test_its_graph_answers_the_same_and_padding_changes_nothing(cell: str, both: bool, stride: int) -> None:
    spec = replace(SPEC, cell=cell, bidirectional=both, stem=min(stride, 1) * 2, stem_width=5)
    spec = replace(spec, stem_stride=max(stride, 1))
    network = build_network(spec, 3).eval()
    outputs = own_steps(network(batch_of()))
    for found, wanted in zip(own_steps(network(batch_of(padded=4))), outputs, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    graph = network_graph(network)
    assert check_graph(graph) == batch_signature(spec)
    session = ort.InferenceSession(graph)
    feed = {name: field.numpy() for name, field in batch_of(padded=2).items()}
    (answers,) = session.run(["output"], feed)
    for row, length, wanted in zip(answers, LENGTHS, outputs, strict=True):
        np.testing.assert_allclose(row[:length], wanted, atol=1e-5)


def test_nothing_but_the_code_and_the_places_reaches_an_output() -> None:
    network = build_network(SPEC, 1).eval()
    one, other = batch_of(seed=1), batch_of(seed=2)
    other["place"] = one["place"]
    assert not np.allclose(network(one).detach(), network(other).detach(), atol=1e-4)
    with torch.no_grad():
        network.code.weight.zero_()
    np.testing.assert_allclose(network(one).detach(), network(other).detach(), atol=1e-7)


def test_the_loss_is_over_known_values_of_own_steps() -> None:
    batch, generator = batch_of(), torch.Generator().manual_seed(5)
    outputs = torch.randn(3, 7, CHANNELS, generator=generator)
    target = torch.randn(3, 7, CHANNELS, generator=generator)
    target[0, 2, 1] = torch.nan
    batch["target"] = target
    squares = [
        (outputs[row, step, channel] - target[row, step, channel]).item() ** 2
        for row, length in enumerate(LENGTHS)
        for step in range(length)
        for channel in range(CHANNELS)
        if (row, step, channel) != (0, 2, 1)
    ]
    assert LOSSES["series"](outputs, batch).item() == pytest.approx(np.mean(squares), rel=1e-6)
    assert mean_over("series", batch).item() == len(squares)


def test_a_gap_has_no_gradient() -> None:
    batch = batch_of()
    batch["target"] = torch.full((3, 7, CHANNELS), torch.nan)
    batch["target"][1, 0] = 1.0
    outputs = torch.zeros(3, 7, CHANNELS, requires_grad=True)
    LOSSES["series"](outputs, batch).backward()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
    touched = outputs.grad.abs().sum(dim=2).nonzero().tolist()
    assert touched == [[1, 0]]


def test_its_parts_and_equations_have_its_shapes() -> None:
    network = build_network(SPEC, 0)
    table = parameter_table(network)
    rows = {str(row[0]): row[1:] for row in table.rows}
    assert rows["code"] == ("10 → 2", 22)
    assert rows["total"][1] == sum(weight.numel() for weight in network.parameters())
    said = equations(SPEC)
    assert "W_z (2, 10)" in said
    assert "decoder gru: 6 → 10" in said
