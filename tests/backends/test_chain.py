"""The chain's loss and the best way through it, against an enumeration of every way there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from seqcli.backends.chain import Chain
from seqcli.errors import ModelError
from seqcli.sequences import LENGTHS, TARGET
from seqcli.tasks.tagging.chain import TagChain

LENGTHS_OF = [5, 3, 1, 4]
OPEN = ((), (), (), ())
CLOSED = ((), (2,), (1, 0), (2,))
"""Tags that must not follow 0, 1, 2 and the start."""


def made(barred, scale=1.0, seed=0):
    """A chain of three tags with drawn scores, and emissions of four sentences, in float64."""
    generator = torch.Generator().manual_seed(seed)
    chain = Chain(barred).double()
    with torch.no_grad():
        chain.scores.copy_(torch.randn(4, 4, generator=generator, dtype=torch.float64))
    emissions = scale * torch.randn(4, 5, 3, generator=generator, dtype=torch.float64)
    return chain, emissions


def ways(chain, barred, emissions, length):
    """Every way through one sentence that is not barred, and its score."""
    scores = chain.scores.detach().numpy()
    found = {}
    for way in itertools.product(range(3), repeat=length):
        steps = [3, *way]
        if any(after in barred[before] for before, after in itertools.pairwise(steps)):
            continue
        through = sum(scores[a, b] for a, b in itertools.pairwise([*steps, 3]))
        found[way] = through + sum(float(emissions[t, tag]) for t, tag in enumerate(way))
    return found


@pytest.mark.parametrize("barred", [OPEN, CLOSED], ids=["open", "closed"])
@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_loss_best_way_and_probabilities_are_those_of_all_ways(barred, scale) -> None:
    chain, emissions = made(barred, scale)
    lengths = torch.tensor(LENGTHS_OF)
    totals = chain.log_partition(emissions, lengths)
    decoder = TagChain.of(chain.scores.detach().numpy(), barred)
    best = decoder.viterbi(emissions.numpy(), lengths.numpy())
    chances = decoder.marginals(emissions.numpy(), lengths.numpy())
    target = torch.zeros(4, 5, dtype=torch.int64)
    expected = 0.0
    for row, length in enumerate(LENGTHS_OF):
        found = ways(chain, barred, emissions[row], length)
        total = np.logaddexp.reduce(list(found.values()))
        assert float(totals[row].detach()) == pytest.approx(total, abs=1e-9)
        assert tuple(best[row, :length]) == max(found, key=lambda way: found[way])
        share = np.zeros((length, 3))
        for way, score in found.items():
            share[np.arange(length), way] += np.exp(score - total)
        assert chances[row, :length] == pytest.approx(share, abs=1e-9)
        right = sorted(found)[len(found) // 2]
        target[row, :length] = torch.tensor(right)
        expected += total - found[right]
    loss = chain(emissions, {LENGTHS: lengths, TARGET: target})
    assert float(loss.detach()) == pytest.approx(expected / sum(LENGTHS_OF), abs=1e-9)


def test_gradients_are_those_of_finite_differences() -> None:
    chain, emissions = made(CLOSED)
    batch = {LENGTHS: torch.tensor(LENGTHS_OF), TARGET: torch.zeros(4, 5, dtype=torch.int64)}
    assert torch.autograd.gradcheck(lambda x: chain(x, batch), (emissions.requires_grad_(),))
    chain(emissions, batch).backward()
    found, step = chain.scores.grad.clone(), 1e-6
    for row, column in itertools.product(range(4), range(4)):
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                chain.scores[row, column] += sign * step
                sides.append(float(chain(emissions, batch)))
                chain.scores[row, column] -= sign * step
        assert float(found[row, column]) == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-7)


def test_what_stands_at_padding_says_nothing() -> None:
    chain, emissions = made(CLOSED)
    lengths = torch.tensor(LENGTHS_OF)
    other = emissions.clone()
    for row, length in enumerate(LENGTHS_OF):
        other[row, length:] = 1e3
    assert torch.equal(chain.log_partition(emissions, lengths), chain.log_partition(other, lengths))
    decoder = TagChain.of(chain.scores.detach().numpy(), CLOSED)
    for function in (decoder.viterbi, decoder.marginals):
        first, second = (function(x.numpy(), lengths.numpy()) for x in (emissions, other))
        for row, length in enumerate(LENGTHS_OF):
            assert np.array_equal(first[row, :length], second[row, :length])


def test_no_way_leads_over_what_is_barred_however_much_it_scores() -> None:
    """O, B and I: an I without a B ahead of it, which the emissions want at every step."""
    barred = ((2,), (), (), (2,))
    wanting = np.zeros((1, 6, 3), dtype=np.float64)
    wanting[:, :, 2] = 500.0
    decoder = TagChain.of(np.zeros((4, 4), np.float32), barred)
    assert decoder.viterbi(wanting, np.array([6])).tolist() == [[1, 2, 2, 2, 2, 2]]
    assert decoder.marginals(wanting, np.array([6]))[0, 0, 2] == 0.0
    chain = Chain(barred)
    emissions = torch.from_numpy(wanting).float().requires_grad_()
    target = torch.tensor([[1, 2, 2, 2, 2, 2]])
    loss = chain(emissions, {LENGTHS: torch.tensor([6]), TARGET: target})
    loss.backward()
    assert torch.isfinite(emissions.grad).all()
    assert float(loss.detach()) == pytest.approx(0.0, abs=1e-4)  # every other way scores 500 less


def test_sentences_end_to_end_are_tagged_one_by_one() -> None:
    chain, emissions = made(CLOSED)
    decoder = TagChain.of(chain.scores.detach().numpy(), CLOSED)
    lengths = np.array([5, 0, 3, 1, 4])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = [emissions[row, :length].numpy() for row, length in enumerate(LENGTHS_OF)]
    flat = np.concatenate(rows).astype(np.float32)
    dense = np.zeros((4, 5, 3))
    for row, values in enumerate(rows):
        dense[row, : len(values)] = values.astype(np.float32)
    paths = decoder.viterbi(dense, np.array(LENGTHS_OF))
    assert decoder.best(flat, offsets).tolist() == [
        tag for row, length in enumerate(LENGTHS_OF) for tag in paths[row, :length]
    ]
    chances = decoder.probabilities(flat, offsets)
    assert chances.sum(axis=1) == pytest.approx(np.ones(len(flat)), abs=1e-6)


@pytest.mark.parametrize("scores", [np.zeros((3, 3)), np.full((4, 4), np.nan), np.full((4, 4), np.inf)])
def test_scores_that_do_not_fit_are_refused(scores) -> None:
    with pytest.raises(ModelError, match="neighbouring tags"):
        TagChain.of(scores.astype(np.float32), OPEN)
