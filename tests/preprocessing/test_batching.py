from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.preprocessing.batching import (
    bucketed_batches,
    covering_length,
    sequential_batches,
    token_batches,
)

lengths_lists = st.lists(st.integers(1, 300), max_size=400).map(lambda row: np.array(row, dtype=np.int64))


@settings(deadline=None)
@given(lengths_lists, st.integers(1, 64), st.integers(0, 9), st.integers(0, 9))
def test_every_row_once_in_batches_of_one_size(lengths, batch_size, seed, epoch):
    for batches in (
        bucketed_batches(lengths, batch_size, seed, epoch),
        sequential_batches(lengths, batch_size),
    ):
        rows = np.concatenate([np.empty(0, dtype=np.int64), *batches])
        assert sorted(rows.tolist()) == list(range(len(lengths)))
        sizes = sorted(len(batch) for batch in batches)
        assert all(size == batch_size for size in sizes[1:])
        assert not sizes or 0 < sizes[0] <= batch_size


def test_the_order_is_a_function_of_seed_and_epoch():
    lengths = np.random.default_rng(0).integers(1, 100, 500)

    def order(seed, epoch):
        return [batch.tolist() for batch in bucketed_batches(lengths, 16, seed, epoch)]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    assert order(1, 2) != order(2, 1)


def test_buckets_leave_little_padding():
    lengths = np.random.default_rng(0).geometric(0.02, 10_000)

    def fill(batches):
        return lengths.sum() / sum(len(batch) * lengths[batch].max() for batch in batches)

    assert fill(bucketed_batches(lengths, 32, 0, 0)) > 0.9
    assert fill(sequential_batches(lengths, 32)) > 0.98
    plain = np.random.default_rng(1).permutation(len(lengths)).reshape(-1, 20)
    assert fill(list(plain)) < 0.35  # what the buckets are worth


def test_short_and_long_batches_are_mixed_over_an_epoch():
    lengths = np.arange(1, 3201)
    means = [lengths[batch].mean() for batch in bucketed_batches(lengths, 32, 0, 0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.4


def test_evaluation_batches_are_sorted_and_stable():
    batches = sequential_batches(np.array([5, 1, 5, 1, 3]), 2)
    assert [batch.tolist() for batch in batches] == [[1, 3], [4, 0], [2]]


@pytest.mark.parametrize(
    ("lengths", "share", "cut", "kept"),
    [
        ([10] * 99 + [1000], 0.99, 981, 1971 / 1990),
        ([3, 3, 3], 0.99, 3, 1.0),
        ([1, 2, 3, 4], 0.5, 2, 0.7),
        ([5], 1.0, 5, 1.0),
        ([], 0.99, 0, 1.0),
        ([0, 0], 0.99, 0, 1.0),
    ],
)
def test_covering_length_by_hand(lengths, share, cut, kept):
    found, share_kept = covering_length(np.array(lengths, dtype=np.int64), share)
    assert share_kept == pytest.approx(kept)
    assert found == cut


@settings(deadline=None)
@given(lengths_lists.filter(len), st.floats(0.01, 1.0))
def test_covering_length_is_the_shortest_that_keeps_the_share(lengths, share):
    cut, kept = covering_length(lengths, share)
    assert kept == pytest.approx(np.minimum(lengths, cut).sum() / lengths.sum())
    assert kept >= share - 1e-12
    assert cut == 1 or np.minimum(lengths, cut - 1).sum() < share * lengths.sum()


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=60),
    st.integers(1, 12),
    st.integers(0, 3),
)
def test_batches_by_tokens_take_every_pair_once(lengths, count, epoch):
    count = min(count, len(lengths))
    sources, targets = (np.array(side) for side in zip(*lengths, strict=True))
    batches = token_batches(sources, targets, count, 5, epoch)
    assert len(batches) == count
    assert all(len(batch) for batch in batches)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))


def test_batches_by_tokens_hold_about_as_many_and_differ_from_epoch_to_epoch():
    rng = np.random.default_rng(1)
    sources, targets = rng.integers(2, 60, 3000), rng.integers(2, 60, 3000)
    batches = token_batches(sources, targets, 40, 5, 0)
    tokens = [int(np.maximum(sources, targets)[batch].sum()) for batch in batches]
    assert max(tokens) - min(tokens) <= 2 * 60
    assert len({len(batch) for batch in batches}) > 5  # short pairs in large batches
    later = token_batches(sources, targets, 40, 5, 1)
    assert {tuple(sorted(batch)) for batch in batches} != {tuple(sorted(batch)) for batch in later}


def test_one_long_pair_leaves_no_batch_empty():
    lengths = np.array([1, 40, 1, 1, 1])
    batches = token_batches(lengths, np.array([1, 2, 3, 4, 5]), 3, 0, 0)
    assert sorted(map(len, batches)) != [0, 2, 3]
    assert all(map(len, batches))
