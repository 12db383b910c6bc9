"""Foreseeing words: nothing is seen of what is to be foreseen, and what repeats is learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_fit import drain, store_in

from seqcli.backends.network import build_network
from seqcli.network import InputSpec, NetworkSpec
from seqcli.sequences import Batchable, Sequences
from seqcli.training.fit_setup import FitSetup
from seqcli.training.pretraining import Foreseeing, read_ahead

TOKENS = InputSpec("tokens", "tokens", 12, 6)


def network(bidirectional=True, layers=2, seed=0):
    spec = NetworkSpec((TOKENS,), (2,), "gru", 8, layers, bidirectional, "max")
    return build_network(spec, seed)


def counting(rows: int, seed: int = 0) -> Batchable:
    """Texts that count 3 4 5 … 11 3 4 … from anywhere."""
    rng = np.random.default_rng(seed)
    lists = [(rng.integers(9) + np.arange(rng.integers(2, 15))) % 9 + 3 for _ in range(rows)]
    return Batchable({"tokens": Sequences.from_lists(lists, np.int64)}, np.arange(rows))


def setup(**changes) -> FitSetup:
    return FitSetup(
        **{"loss": "cross_entropy", "batch_size": 8, "learning_rate": 0.02, "epochs": 1, **changes}
    )


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_loss_by_hand(bidirectional) -> None:
    """All positions are asked and the drawn words cover the vocabulary: it is a full softmax over it."""
    net = network(bidirectional)
    model = Foreseeing(net, seed=1).eval()
    batch = {"tokens": torch.tensor([[3, 7, 1, 4], [5, 6, 0, 0]]), "lengths": torch.tensor([4, 2])}
    halves = net.encoder.first_layer(net.steps(batch), batch["lengths"])
    logits = [half @ model.table.weight[3:].T + model.bias[3:] for half in halves]  # (B, T, V)
    asked = [(0, 0, 0, 1), (0, 0, 2, 3), (0, 1, 0, 1)]  # way, row, step, the step foreseen; 1 is unknown
    asked += [(1, 0, 1, 0), (1, 0, 2, 1), (1, 1, 1, 0)] if bidirectional else []
    losses = [
        -torch.log_softmax(logits[way][row, step], -1)[batch["tokens"][row, foreseen] - 3]
        for way, row, step, foreseen in asked
    ]
    expected = float(torch.stack(losses).mean().detach())
    assert float(model(batch).detach()) == pytest.approx(expected, rel=1e-5)


def test_a_way_never_sees_what_it_is_to_foresee() -> None:
    net = network()
    batch = {"tokens": torch.tensor([[3, 7, 5, 4, 8]]), "lengths": torch.tensor([5])}
    ahead, back = net.encoder.first_layer(net.steps(batch), batch["lengths"])
    batch["tokens"] = torch.tensor([[3, 7, 5, 9, 8]])
    ahead_too, back_too = net.encoder.first_layer(net.steps(batch), batch["lengths"])
    assert torch.equal(ahead[0, :3], ahead_too[0, :3])
    assert torch.equal(back[0, 4:], back_too[0, 4:])
    assert not torch.equal(ahead[0, 3], ahead_too[0, 3])


def test_what_repeats_is_learnt_and_stays_in_the_network(tmp_path) -> None:
    net = network()
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    events, _ = drain(read_ahead(net, counting(60), setup(), None))
    losses = [event.train_loss for event in events if type(event).__name__ == "EpochDone"]
    assert losses[-1] < 1 < 2 < losses[0]
    changed = {name for name, weight in net.state_dict().items() if not torch.equal(weight, before[name])}
    assert any(name.startswith("embeddings") for name in changed)
    assert any(name.startswith("encoder.layers.0.backward_cell") for name in changed)
    assert not any(name.startswith(("head", "encoder.layers.1")) for name in changed)


def test_cut_off_and_resumed_is_unbroken(tmp_path) -> None:
    whole = network()
    drain(read_ahead(whole, counting(30), setup(), None))
    stream = read_ahead(network(), counting(30), setup(), store_in(tmp_path))
    for _ in range(11):
        next(stream)
    stream.close()
    again = network(seed=7)
    drain(read_ahead(again, counting(30), setup(), store_in(tmp_path)))
    drain(read_ahead(over := network(seed=8), counting(30), setup(), store_in(tmp_path)))
    for name, weight in whole.state_dict().items():
        if not name.startswith(("head", "encoder.layers.1")):
            assert torch.equal(weight, again.state_dict()[name])
            assert torch.equal(weight, over.state_dict()[name])
