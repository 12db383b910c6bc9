from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqcli.preprocessing.grams as module
from seqcli.errors import ModelError
from seqcli.preprocessing.grams import Grams


def gram_id(tokens, buckets: int) -> int:
    """The id of one run, the last token first, in Python's own whole numbers; None is the mark."""
    state = 0
    for token in reversed(tokens):
        value = 0 if token is None else zlib.crc32(token.encode()) + 1
        state = (state + value) * 0x9E3779B97F4A7C15 % 2**64
        state ^= state >> 29
    return (state >> 20) % buckets + 1


@given(st.lists(st.lists(st.sampled_from(["a", "b", "é", "xyz"]), max_size=7), max_size=5), st.integers(2, 5))
def test_ids_of_every_run_by_hand(texts, longest) -> None:
    grams = Grams(101, longest)
    found = grams.encode(texts)
    assert found.values.shape[1] == longest - 1
    for row, tokens in enumerate(texts):
        marked = [None, *tokens]
        expected = [
            [
                gram_id(marked[end - size + 1 : end + 1], 101) if size <= end + 1 else 0
                for size in range(2, longest + 1)
            ]
            for end in range(1, len(marked))
        ]
        assert found.row(row).tolist() == (expected or [[0] * (longest - 1)])


def test_a_run_has_one_id_wherever_it_stands_and_another_order_another_one() -> None:
    ids = Grams(10**6, 3).encode([list("xabc"), list("yyabc"), list("ba")])
    assert ids.row(0)[3].tolist() == ids.row(1)[4].tolist()  # bc and abc
    assert ids.row(0)[2][0] != ids.row(2)[1][0]  # ab is not ba
    assert ids.row(2)[0][0] != 0  # a beginning is a run
    assert ids.row(2)[0][1] == 0


def test_ids_are_spread_evenly() -> None:
    words = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    texts = [[first, second] for first in words for second in words]
    ids = Grams(1000, 2).encode(texts).values[1::2, 0]
    counts = np.bincount(ids, minlength=1001)[1:]
    assert abs(counts - 10).max() < 20  # a Poisson of 10 over 1,000 buckets stays below 30


def test_a_long_stream_needs_no_more_memory(monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT_TOKENS", 10)
    grams = Grams(1000, 3)
    for start in range(0, 100, 7):
        words = [f"word{number}" for number in range(start, start + 7)]
        assert np.array_equal(grams.encode([words]).values, Grams(1000, 3).encode([words]).values)
        assert len(grams._sums) <= 17


def test_json_restores_it_and_nothing_else_passes() -> None:
    data = Grams(500, 4).to_json()
    assert Grams.from_json(data) == Grams(500, 4)
    changes = ({"name": "grams.v2"}, {"buckets": 0}, {"buckets": 2**40}, {"longest": 1}, {"longest": True})
    for other in (None, [], *({**data, **change} for change in changes)):
        with pytest.raises(ModelError):
            Grams.from_json(other)
