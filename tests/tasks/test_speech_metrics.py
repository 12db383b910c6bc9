"""Edits by hand, and against the recursion that defines them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from seqcli.tasks.speech.metrics import edits, error_rates, worst_table


def by_recursion(one: str, other: str) -> int:
    @cache
    def least(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = one[i - 1] == other[j - 1]
        return min(least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (not same))

    return least(len(one), len(other))


def test_edits_by_hand() -> None:
    assert edits("kitten", "sitting") == 3
    assert edits("", "abc") == edits("abc", "") == 3
    assert edits("abc", "abc") == 0
    assert edits(["two", "words"], ["two", "swords", "more"]) == 2


def test_edits_are_the_fewest() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        one, other = ("".join(rng.choice(list("abc"), rng.integers(0, 9))) for _ in range(2))
        assert edits(one, other) == by_recursion(one, other)


def test_rates_count_all_clips_together() -> None:
    found = error_rates(["one two", "six"], ["one too", "six"])
    assert found == pytest.approx({"cer": 1 / 10, "wer": 1 / 3, "whole_clips": 0.5})
    assert all(np.isnan(value) for value in error_rates([], []).values())


def test_the_worst_clips_come_first() -> None:
    table = worst_table(["ab", "abc", "a"], ["ab", "", "b"], [(2, "x"), (3, "y"), (4, "z")])
    assert table.rows == [(3, "y", 3, "abc", ""), (4, "z", 1, "a", "b")]
