"""Bands: distances to the 10 % and 90 % quantiles that are learnt beside an answer, without moving it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession

from seqcli.backends.band import Band, band_losses
from seqcli.backends.graph import network_graph
from seqcli.backends.losses import BAND_SHARE, LOSSES
from seqcli.backends.network import build_network
from seqcli.network import InputSpec, NetworkSpec
from seqcli.saved.graph_check import check_graph

VALUES = InputSpec("values", "values", 3)
KINDS = {
    "direct": {"skip": (0, 1)},
    "parallel": {"segment": 3, "decoder": "parallel", "each_target": True},
    "recursive": {"segment": 3, "decoder": "recursive", "each_target": True},
}


def spec_of(kind: str, band: bool = True) -> NetworkSpec:
    return NetworkSpec((VALUES,), (7, 2), "gru", 6, 1, band=band, **KINDS[kind])


def batch_of(rows: int = 4) -> dict[str, torch.Tensor]:
    values = torch.randn(rows, 9, 3, generator=torch.Generator().manual_seed(3))
    return {"values": values, "lengths": torch.full((rows,), 9)}


def shaken(spec: NetworkSpec):
    network = build_network(spec, 1).eval()
    torch.manual_seed(5)
    for weight in network.parameters():
        torch.nn.init.uniform_(weight, -0.7, 0.7)
    return network


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_says_the_same_band(kind: str) -> None:
    network, batch = shaken(spec_of(kind)), batch_of()
    graph = network_graph(network)
    check_graph(graph)
    feed = {name: tensor.numpy() for name, tensor in batch.items()}
    known = {port.name for port in InferenceSession(graph).get_inputs()}
    said = InferenceSession(graph).run(None, {name: feed[name] for name in known})[0]
    with torch.no_grad():
        own = network(batch).numpy()
    assert said.shape == own.shape == (4, 7, 2, 3)
    np.testing.assert_allclose(said, own, atol=1e-5)
    assert (own[..., 1:] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_the_same_network_without_a_band(kind: str) -> None:
    banded, plain = shaken(spec_of(kind)), build_network(spec_of(kind, band=False), 1).eval()
    plain.load_state_dict({k: v for k, v in banded.state_dict().items() if "band" not in k})
    with torch.no_grad():
        np.testing.assert_array_equal(banded(batch_of())[..., 0].numpy(), plain(batch_of()).numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_a_band_sends_no_gradient_to_what_it_stands_beside(kind: str) -> None:
    network, batch = shaken(spec_of(kind)), batch_of()
    outputs = network(batch)
    band_losses(outputs, torch.zeros(4, 7, 2)).sum().backward()
    for name, weight in network.named_parameters():
        moved = weight.grad is not None and bool(weight.grad.any())
        assert moved == ("band" in name), name


def test_the_loss_by_hand() -> None:
    # off by 2 above an answer whose 90 % quantile is 0.5 further, and 1 above its 10 % quantile
    outputs = torch.tensor([[[[1.0, 1.0, 0.5]]]])  # (B, H, K, 3)
    target = torch.tensor([[[3.0]]])
    below, above = 0.1 * (2.0 + 1.0), 0.9 * (2.0 - 0.5)
    assert float(band_losses(outputs, target)) == pytest.approx(below + above)
    huber = 2.0 - 0.5
    loss = LOSSES["huber_and_band"](outputs, {"target": target})
    assert float(loss) == pytest.approx(huber + BAND_SHARE * (below + above))


def test_a_band_learns_the_quantiles_of_what_is_drawn() -> None:
    """Of the exponential distribution: ln(10/9) and ln 10 (its quantile function is −ln(1 − q))."""
    torch.manual_seed(0)
    band, x = Band(1, 1), torch.ones(4000, 1)
    drawn = torch.distributions.Exponential(1.0).sample((4000,))[:, None]
    answer = torch.full((4000, 1), 0.7)
    optimiser = torch.optim.Adam(band.parameters(), 0.02)
    for _ in range(600):
        optimiser.zero_grad()
        band_losses(band.around(answer, x), drawn).mean().backward()
        optimiser.step()
    _, below, above = band.around(answer, x)[0, 0].tolist()
    assert 0.7 - below == pytest.approx(np.log(10 / 9), abs=0.03)
    assert 0.7 + above == pytest.approx(np.log(10), abs=0.12)
