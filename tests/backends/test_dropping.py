"""What a network in training is not shown: counted over many draws."""

from __future__ import annotations

import pytest
import torch

from seqcli.backends.dropping import UNKNOWN, InputDropout
from seqcli.backends.network import build_network
from seqcli.network import InputSpec, NetworkSpec
from seqcli.preprocessing import vocabulary

WORDS = InputSpec("words", "tokens", 40, 6)


def dropping(**changes) -> InputDropout:
    return InputDropout(NetworkSpec((WORDS,), (2,), **changes))


def test_the_unknown_token_is_the_vocabularys() -> None:
    assert UNKNOWN == vocabulary.UNKNOWN


def test_a_share_of_the_words_becomes_unknown_and_padding_stays() -> None:
    torch.manual_seed(0)
    ids = torch.arange(200).repeat(100, 1) % 40
    found = dropping(word_dropout=0.3).train().words(ids)
    assert not found[ids == 0].any()
    changed = (found != ids) & (ids > 1)
    assert (found[changed] == UNKNOWN).all()
    assert float(changed.sum() / (ids > 1).sum()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(dropping(word_dropout=0.3).eval().words(ids), ids)
    assert torch.equal(dropping().train().words(ids), ids)


@pytest.mark.parametrize("variational", [False, True])
def test_numbers_are_dropped_each_by_itself_or_the_same_at_all_steps(variational) -> None:
    torch.manual_seed(0)
    dropout = dropping(dropout=0.9, embedding_dropout=0.5, variational=variational)
    x = torch.ones(300, 7, 11)
    found = dropout.train()(x)
    assert set(found.unique().tolist()) == {0.0, 2.0}
    assert float(found.mean()) == pytest.approx(1.0, abs=0.05)
    same = (found == found[:, :1]).all(dim=1)
    assert bool(same.all()) is variational
    assert not (found == found[:1]).all()  # rows differ
    assert torch.equal(dropout.eval()(x), x)


def test_without_a_share_of_its_own_it_is_the_networks() -> None:
    assert dropping(dropout=0.25).share == 0.25
    assert dropping(dropout=0.25, embedding_dropout=0.0).share == 0.0


def test_a_network_in_training_drops_words_and_one_in_use_does_not() -> None:
    spec = NetworkSpec((WORDS,), (2,), "gru", 8, bidirectional=True, word_dropout=0.5)
    network = build_network(spec, seed=0)
    batch = {"words": torch.full((20, 5), 7), "lengths": torch.full((20,), 5)}
    torch.manual_seed(0)
    steps = network.train().steps(batch)
    rows = torch.unique(steps.reshape(-1, 6), dim=0)
    assert len(rows) == 2  # the word's and the unknown one's
    assert len(torch.unique(network.eval().steps(batch).reshape(-1, 6), dim=0)) == 1
