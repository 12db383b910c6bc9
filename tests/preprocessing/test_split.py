from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqcli.errors import DataError
from seqcli.preprocessing.split import chronological_split, stratified_split

shares = st.tuples(st.floats(0.0, 0.45), st.floats(0.0, 0.45))


def parts_of(split, rows):
    """Part number of each row; fails when a row is in no part or in two."""
    parts = np.full(rows, -1)
    for number, part in enumerate((split.train, split.validation, split.test)):
        assert (parts[part] == -1).all()
        assert (np.diff(part) > 0).all()
        parts[part] = number
    assert (parts >= 0).all()
    return parts


@st.composite
def labelled(draw):
    rows = draw(st.integers(6, 120))
    names = st.lists(st.sampled_from("abcd"), min_size=rows, max_size=rows)
    few = st.lists(st.integers(0, rows // 2), min_size=rows, max_size=rows)
    return draw(names), draw(st.none() | few), draw(st.none() | few)


@settings(deadline=None, max_examples=150)
@given(labelled(), shares, st.integers(0, 3))
def test_parts_are_disjoint_cover_and_keep_groups_together(rows, share, seed):
    labels, groups, keys = rows
    validation_share, test_share = share
    wanted = 1 + (validation_share > 0) + (test_share > 0)
    if groups is not None or keys is not None:  # chains of groups and keys may leave too few units
        assume(min(len(set(values)) for values in (groups, keys) if values is not None) >= wanted)
    try:
        split = stratified_split(
            labels,
            groups=groups,
            keys=keys,
            validation_share=validation_share,
            test_share=test_share,
            seed=seed,
        )
    except DataError:
        assume(groups is None or keys is None)  # alone they cannot: then the error is wrong
        raise
    parts = parts_of(split, len(labels))
    for together in (groups, keys):
        if together is not None:
            for value in set(together):
                assert len(set(parts[np.array(together) == value])) == 1
    for part, wanted in ((1, validation_share), (2, test_share)):
        assert (parts == part).any() == (wanted > 0)
    assert (parts == 0).any()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from("abcd"), min_size=12, max_size=300), st.integers(0, 5))
def test_every_class_is_in_training(labels, seed):
    split = stratified_split(labels, validation_share=0.1, test_share=0.2, seed=seed)
    assert {labels[row] for row in split.train} == set(labels)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.sampled_from("aaaaaabbbc"), min_size=40, max_size=400),
    st.floats(0.05, 0.3),
    st.floats(0.05, 0.3),
    st.integers(0, 5),
)
def test_shares_hold_in_all_and_in_each_class(labels, validation_share, test_share, seed):
    split = stratified_split(labels, validation_share=validation_share, test_share=test_share, seed=seed)
    names = np.array(labels)
    for part, share in ((split.validation, validation_share), (split.test, test_share)):
        assert abs(len(part) - share * len(labels)) <= 2
        for name in set(labels):
            assert abs((names[part] == name).sum() - share * (names == name).sum()) <= 2


def test_many_rare_classes_still_fill_the_held_out_parts():
    labels = [number for number in range(300) for _ in range(3)]
    split = stratified_split(labels, validation_share=0.1, test_share=0.2, seed=0)
    assert len(split.validation) == 90
    assert len(split.test) == 180
    assert len({labels[row] for row in split.train}) == 300


def test_the_seed_alone_decides():
    labels = ["a", "b"] * 50

    def rows(seed):
        return stratified_split(labels, validation_share=0.1, test_share=0.2, seed=seed).test.tolist()

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


def test_chains_of_groups_and_equal_rows_stay_together():
    # row 0 shares its group with 1, 1 its content with 2, 2 its group with 3: one unit of four
    groups = ["g", "g", "h", "h", *[f"own{at}" for at in range(20)]]
    keys = ["k0", "same", "same", "k3", *[f"key{at}" for at in range(20)]]
    for seed in range(20):
        split = stratified_split(
            ["x"] * 24, groups=groups, keys=keys, validation_share=0.2, test_share=0.3, seed=seed
        )
        assert len(set(parts_of(split, 24)[:4])) == 1


def test_a_large_group_goes_where_it_fits():
    groups = ["big"] * 60 + [f"small{at}" for at in range(40)]
    for seed in range(10):
        split = stratified_split(["x"] * 100, groups=groups, validation_share=0.1, test_share=0.2, seed=seed)
        assert set(range(60)) <= set(split.train.tolist())
        assert (len(split.validation), len(split.test)) == (10, 20)


def test_equal_rows_are_counted_and_share_the_held_out_parts():
    keys = [at // 2 for at in range(400)]
    split = stratified_split(["x", "y"] * 200, keys=keys, validation_share=0.1, test_share=0.2, seed=0)
    assert any("200 rows repeat another row" in sentence for sentence in split.sentences)
    assert 36 <= len(split.validation) <= 44
    assert 76 <= len(split.test) <= 84
    none = stratified_split(["x", "y"], keys=["p", "q"], validation_share=0, test_share=0.2, seed=0)
    assert not any("repeat" in sentence for sentence in none.sentences)


def test_groups_alone_are_split_without_labels():
    split = stratified_split(
        None, groups=[at // 5 for at in range(100)], validation_share=0.1, test_share=0.2, seed=0
    )
    assert len(split.validation) == 10
    assert len(split.test) == 20
    assert any("20 groups" in sentence for sentence in split.sentences)
    assert "by class" not in split.sentences[0]


def test_no_share_no_part():
    split = stratified_split(["a", "b"], validation_share=0, test_share=0, seed=0)
    assert split.train.tolist() == [0, 1]
    assert len(split.validation) == len(split.test) == 0


def test_too_few_rows_or_groups_are_refused_with_numbers():
    with pytest.raises(DataError, match="2 rows cannot be split in 3 parts") as caught:
        stratified_split(["a", "b"], validation_share=0.1, test_share=0.2, seed=0)
    assert "--test-share 0" in caught.value.hint
    with pytest.raises(DataError, match="2 independent groups"):
        stratified_split(["a"] * 9, groups=[0] * 5 + [1] * 4, validation_share=0.1, test_share=0.2, seed=0)


def test_three_rows_of_three_groups_fill_three_parts():
    for seed in range(5):
        split = stratified_split(["a"] * 3, validation_share=0.1, test_share=0.2, seed=seed)
        assert [len(split.train), len(split.validation), len(split.test)] == [1, 1, 1]


def test_numpy_labels_and_keys_are_taken():
    split = stratified_split(
        np.array(["a", "b"] * 20), keys=np.arange(40), validation_share=0.1, test_share=0.2, seed=0
    )
    assert len(parts_of(split, 40)) == 40


panels = st.lists(st.integers(0, 60), min_size=1, max_size=6).map(lambda row: np.array(row, dtype=np.int64))


@settings(deadline=None, max_examples=100)
@given(panels, shares, st.integers(1, 12), st.booleans())
def test_time_is_cut_once_per_series(lengths, share, at_least, with_stamps):
    stamps = None
    if with_stamps:
        stamps = np.concatenate([np.empty(0, dtype=np.int64), *[np.arange(length) + 7 for length in lengths]])
    split = chronological_split(
        lengths, validation_share=share[0], test_share=share[1], at_least=at_least, stamps=stamps
    )
    parts = parts_of(split, int(lengths.sum()))
    for own in np.split(parts, np.cumsum(lengths)[:-1]):
        assert (np.diff(own) >= 0).all()  # training, then validation, then test
        if len(own) >= 3 * at_least and not with_stamps:
            for part in (1, 2):
                assert (own == part).sum() >= (at_least if share[part - 1] > 0 else 0)


def test_shares_of_one_series():
    split = chronological_split(np.array([100]), validation_share=0.1, test_share=0.2)
    assert split.train.tolist() == list(range(70))
    assert split.validation.tolist() == list(range(70, 80))
    assert split.test.tolist() == list(range(80, 100))
    assert split.sentences == ("split along time: 70 training steps, 10 validation steps, 20 test steps",)


def test_stamps_cut_all_series_at_the_same_moments():
    days = np.datetime64("2020-01-01", "us") + np.arange(100) * np.timedelta64(1, "D")
    lengths = np.array([100, 50])
    stamps = np.concatenate([days, days[50:]])
    split = chronological_split(lengths, validation_share=0.1, test_share=0.2, stamps=stamps)
    parts = parts_of(split, 150)
    assert stamps[parts == 0].max() < stamps[parts == 1].min()
    assert stamps[parts == 1].max() < stamps[parts == 2].min()
    assert parts[100:].tolist() == [0] * 20 + [1] * 10 + [2] * 20
    assert split.sentences[0].endswith(
        "10 validation steps from 2020-03-11, 40 test steps from 2020-03-21"
    ) or ("20 validation steps from 2020-03-11, 40 test steps from 2020-03-21" in split.sentences[0])
    assert "same moments" in split.sentences[1]


def test_series_of_different_times_are_cut_by_their_own_share():
    lengths = np.array([100, 100, 100])
    stamps = np.arange(300)
    split = chronological_split(lengths, validation_share=0.1, test_share=0.2, stamps=stamps)
    assert parts_of(split, 300).tolist() == ([0] * 70 + [1] * 10 + [2] * 20) * 3
    assert "own share" in split.sentences[1]


def test_one_dead_series_does_not_change_the_cut():
    lengths = np.array([100] * 19 + [10])
    stamps = np.concatenate([np.arange(100)] * 19 + [np.arange(10)])
    split = chronological_split(lengths, validation_share=0.1, test_share=0.2, stamps=stamps)
    assert parts_of(split, 1910)[-10:].tolist() == [0] * 10
    assert "same moments" in split.sentences[1]


def test_a_held_out_part_gets_a_horizon():
    split = chronological_split(np.array([144]), validation_share=0.05, test_share=0.1, at_least=24)
    assert (len(split.validation), len(split.test)) == (24, 24)
    short = chronological_split(np.array([20]), validation_share=0.1, test_share=0.2, at_least=24)
    assert (len(short.validation), len(short.test)) == (2, 4)
