from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.preprocessing.split import chronological_split
from seqcli.preprocessing.windowing import panel_windows, window_starts

panels = st.lists(st.integers(0, 40), min_size=1, max_size=5).map(lambda row: np.array(row, dtype=np.int64))


def by_force(lengths, window, horizon, targets):
    """The definition, one window at a time."""
    ends = np.cumsum(lengths)
    found = []
    for start, end in zip(ends - lengths, ends, strict=True):
        for first in range(start, end - window - horizon + 1):
            if all(step in targets for step in range(first + window, first + window + horizon)):
                found.append(first)
    return found


@settings(deadline=None)
@given(panels, st.integers(1, 8), st.integers(1, 5), st.data())
def test_starts_are_those_of_the_definition(lengths, window, horizon, data):
    total = int(lengths.sum())
    targets = data.draw(st.sets(st.integers(0, max(total - 1, 0)), max_size=total)) if total else set()
    found = window_starts(lengths, window, horizon, targets=np.array(sorted(targets), dtype=np.int64))
    assert found.tolist() == by_force(lengths, window, horizon, targets)
    everything = window_starts(lengths, window, horizon)
    assert everything.tolist() == by_force(lengths, window, horizon, set(range(total)))


@settings(deadline=None)
@given(
    panels,
    st.integers(1, 8),
    st.integers(1, 5),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(1, 4),
)
def test_no_training_window_sees_a_later_part(lengths, window, horizon, validation_share, test_share, stride):
    split = chronological_split(
        lengths, validation_share=validation_share, test_share=test_share, at_least=horizon
    )
    later = set(split.validation.tolist()) | set(split.test.tolist())
    for start in window_starts(lengths, window, horizon, targets=split.train, stride=stride):
        assert later.isdisjoint(range(start, start + window + horizon))
    tested = set(split.test.tolist())
    for start in window_starts(lengths, window, horizon, targets=split.validation):
        assert tested.isdisjoint(range(start, start + window + horizon))
        assert set(range(start + window, start + window + horizon)) <= set(split.validation.tolist())
    for start in window_starts(lengths, window, horizon, targets=split.test):
        assert set(range(start + window, start + window + horizon)) <= tested


@settings(deadline=None)
@given(panels, st.integers(1, 8), st.integers(1, 5), st.integers(2, 5))
def test_stride_counts_back_from_the_latest_window_of_each_series(lengths, window, horizon, stride):
    every = window_starts(lengths, window, horizon)
    kept = window_starts(lengths, window, horizon, stride=stride)
    series = np.repeat(np.arange(len(lengths)), lengths)
    expected = []
    for number in range(len(lengths)):
        own = [start for start in every if series[start] == number]
        expected += own[::-1][::stride][::-1]
    assert kept.tolist() == expected


def test_no_series_no_windows():
    assert window_starts(np.array([], dtype=np.int64), 3, 2).tolist() == []
    assert window_starts(np.array([4]), 3, 2).tolist() == []
    assert window_starts(np.array([5]), 3, 2).tolist() == [0]


def test_panel_windows_gather_past_and_future():
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    windows = panel_windows({"values": values}, {"target": values[:, :1]}, np.array([0, 4]), 3, 2)
    batch = windows.batch(np.array([1]))
    assert batch["values"].tolist() == [[[8, 9], [10, 11], [12, 13]]]
    assert batch["target"].tolist() == [[[14], [16]]]
    with pytest.raises(ValueError, match="target"):
        panel_windows({}, {"target": values}, np.array([6]), 3, 2)
    with pytest.raises(ValueError, match="values"):
        panel_windows({"values": values}, {}, np.array([8]), 3, 0)
