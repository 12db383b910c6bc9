"""Which sequences are looked at: cut to one length, drawn evenly, the longest there are."""

from __future__ import annotations

import numpy as np
import pytest

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.sequences import Batchable, Sequences, Windows
from seqcli.training.gradients.inputs import drawn, last_steps, longest, recut, sequences_for, trained_length

TOKENS = NetworkSpec((InputSpec("tokens", "tokens", 40_000, 4),), (2,), hidden_size=8)
KINDS = (
    InputSpec("tokens", "tokens", 5, 4),
    InputSpec("kind", "tokens", 3, 2),
    InputSpec("more", "dense", 3),
)
MIXED = NetworkSpec(KINDS, (2,))


def texts(lengths) -> Batchable:
    """Row i counts up from 100 i."""
    rows = [np.arange(length) + 100 * row for row, length in enumerate(lengths)]
    return Batchable({"tokens": Sequences.from_lists(rows, np.int64)}, np.arange(len(rows)))


def test_the_last_steps_of_long_sequences_are_taken() -> None:
    looked = longest(texts([3, 10, 12, 12]), TOKENS, 10, 0, "x.csv")
    assert looked.steps == 12 - 2
    tokens = looked.batch["tokens"].numpy()
    assert set(looked.batch["lengths"].tolist()) == {10}
    for row in tokens:
        assert row[-1] in (109, 211, 311)
        assert list(np.diff(row)) == [1] * 9
    assert "the last 10 steps of each" in looked.said
    assert not looked.odd


def test_where_few_are_long_enough_one_looks_less_far() -> None:
    looked = longest(texts([5] * 300 + [90]), TOKENS, 40, 0, "x.csv")
    assert looked.steps == 5
    assert "too few sequences have 40 steps" in looked.odd
    assert not longest(texts([5] * 300 + [90]), TOKENS, None, 0, "x.csv").odd
    assert (
        longest(texts([5] * 300), TOKENS, 5, 0, "x.csv").said == "inputs: 64 of 300 sequences, 5 steps each"
    )


@pytest.mark.parametrize("lengths", [[1, 1, 1, 1], []])
def test_sequences_of_one_step_are_refused(lengths) -> None:
    with pytest.raises(DataError, match=r"x\.csv: sequences of one step carry nothing"):
        longest(texts(lengths), TOKENS, None, 0, "x.csv")


def test_shorter_rows_keep_their_own_length() -> None:
    batch = texts([2, 6]).batch(np.array([0, 1]))
    cut = last_steps(batch, TOKENS, 4)
    np.testing.assert_array_equal(cut["tokens"], [[0, 1, 0, 0], [102, 103, 104, 105]])
    np.testing.assert_array_equal(cut["lengths"], [2, 4])


def test_a_long_text_is_cut_anew() -> None:
    text = Windows({"tokens": np.arange(1000), "target": np.arange(1000)}, {}, np.arange(0, 937, 64), 64, 0)
    looked = longest(text, TOKENS, None, 0, "x.txt")
    assert looked.steps == 100
    assert looked.batch["tokens"].shape == (10, 100)
    short = recut(text, 5000)
    assert (short.window, len(short)) == (1000, 1)


@pytest.mark.parametrize(
    "read",
    [
        (InputSpec("tokens", "tokens", 205, 4),),  # an id more than the network has
        (InputSpec("tokens", "tokens", 206, 4), InputSpec("kind", "tokens", 3, 2)),
        (InputSpec("tokens", "values", 206),),
        (InputSpec("tokens", "tokens", 206, 4), InputSpec("lengths", "dense", 2)),
    ],
)
def test_sequences_that_the_network_does_not_read_are_the_models_fault(read) -> None:
    sequences = texts([6, 6, 6])
    fitting = NetworkSpec((InputSpec("tokens", "tokens", 206, 4),), (2,), hidden_size=8)
    assert longest(sequences, fitting, None, 0, "x.csv").steps == 6
    with pytest.raises(ModelError, match=r"does not read what its task makes"):
        longest(sequences, NetworkSpec(read, (2,), hidden_size=8), None, 0, "x.csv")


def test_random_inputs_fit_the_network() -> None:
    looked = drawn(MIXED, 20, seed=1)
    rows = len(looked.batch["lengths"])
    assert looked.batch["tokens"].shape == (rows, 20)
    assert looked.batch["more"].shape == (rows, 3)
    assert set(looked.batch["tokens"].unique().tolist()) == {3, 4}
    assert set(looked.batch["kind"].unique().tolist()) == {2}
    again = drawn(MIXED, 20, seed=1)
    assert all(bool((again.batch[name] == values).all()) for name, values in looked.batch.items())
    assert "3 standard normal numbers for the whole" in looked.said


def test_bags_are_looked_at_like_any_other_input() -> None:
    inputs = (InputSpec("parts", "bags", 9, 4), InputSpec("tokens", "tokens", 206, 4))
    spec = NetworkSpec(inputs, (2,), hidden_size=8)
    looked = drawn(spec, 20, seed=1)
    assert looked.batch["parts"].shape[:2] == (len(looked.batch["lengths"]), 20)
    assert set(looked.batch["parts"].unique().tolist()) == set(range(1, 9))
    parts = Sequences.from_lists([np.full((6, 3), 8)] * 3, np.int64)
    sequences = Batchable({**texts([6, 6, 6]).fields, "parts": parts}, np.arange(3))
    assert longest(sequences, spec, None, 0, "x.csv").batch["parts"].shape == (3, 6, 3)
    fewer = NetworkSpec((InputSpec("parts", "bags", 8, 4), inputs[1]), (2,), hidden_size=8)
    for other, read in ((sequences, fewer), (texts([6, 6, 6]), spec)):
        with pytest.raises(ModelError, match="does not read what its task makes"):
            longest(other, read, None, 0, "x.csv")


def test_wide_networks_look_at_fewer_sequences() -> None:
    assert sequences_for(NetworkSpec(TOKENS.inputs, (2,), hidden_size=128), 200) == 64
    assert sequences_for(NetworkSpec(TOKENS.inputs, (2,), hidden_size=4096, num_layers=4), 1000) == 8


@pytest.mark.parametrize(
    ("task", "length"),
    [
        ({"frame": {"window": 48}}, 48),
        ({"frame": {"window": 10**9}}, 1000),
        ({"inputs": {"max_length": 39, "ids": []}}, 39),
        ({"inputs": {"max_length": None, "ids": ["series"]}}, 100),
        ({"inputs": {"max_length": None, "ids": []}}, 1),
        ({"corpus": {}}, 100),
        ({"frame": "x", "inputs": 3}, 100),
    ],
)
def test_the_length_that_a_saved_task_was_trained_on(task, length) -> None:
    assert trained_length(task) == length


SEGMENTS = NetworkSpec(
    (InputSpec("values", "values", 3), InputSpec("ahead", "ahead", 2)),
    (7, 2),
    hidden_size=8,
    segment=5,
    decoder="parallel",
    each_target=True,
)


def windows(steps, rows=40) -> Batchable:
    """Rows that count up, and what is known of 7 steps to come."""
    values = np.arange(rows * steps * 3, dtype=np.float32).reshape(-1, 3)
    ahead = np.arange(rows * 14, dtype=np.float32).reshape(rows, 7, 2)
    fields = {"values": Sequences(values, np.arange(rows + 1) * steps), "ahead": ahead}
    return Batchable(fields, np.arange(rows))


def test_steps_back_are_cut_to_whole_segments_and_counted_in_them() -> None:
    looked = longest(windows(25), SEGMENTS, 18, 0, "x.csv")
    assert looked.steps == 3
    assert looked.batch["values"].shape == (40, 15, 3)
    assert looked.batch["ahead"].shape == (40, 7, 2)  # of the future nothing is cut
    np.testing.assert_array_equal(np.diff(looked.batch["values"][:, :, 0]), 3)
    np.testing.assert_array_equal(looked.batch["values"][:, -1, 0] % 75, 72)
    assert looked.said.endswith("the last 15 steps of each (3 segments of 5 steps)")
    assert not looked.odd
    assert "too few sequences have 40 steps" in longest(windows(25), SEGMENTS, 40, 0, "x.csv").odd
    assert longest(windows(25), SEGMENTS, None, 0, "x.csv").steps == 5


@pytest.mark.parametrize("steps", [2, 9])
def test_one_segment_has_no_time(steps) -> None:
    for looking in (
        lambda: longest(windows(25), SEGMENTS, steps, 0, "x.csv"),
        lambda: longest(windows(steps), SEGMENTS, None, 0, "x.csv"),
        lambda: drawn(SEGMENTS, steps, 0),
    ):
        with pytest.raises(UsageError, match=f"segments of 5 steps, and {steps} steps hold no two") as caught:
            looking()
        assert caught.value.hint.startswith("--steps 10 or more")


def test_random_inputs_of_segments_know_what_is_to_come() -> None:
    looked = drawn(SEGMENTS, 13, seed=1)
    rows = len(looked.batch["lengths"])
    assert looked.steps == 2
    assert looked.batch["values"].shape == (rows, 10, 3)
    assert looked.batch["ahead"].shape == (rows, 7, 2)
    assert "10 steps (2 segments of 5 steps)" in looked.said
    assert "2 standard normal numbers a step to come" in looked.said


def test_what_is_known_of_another_horizon_is_the_models_fault() -> None:
    other = NetworkSpec(
        SEGMENTS.inputs, (8, 2), hidden_size=8, segment=5, decoder="parallel", each_target=True
    )
    with pytest.raises(ModelError, match="does not read what its task makes"):
        longest(windows(25), other, None, 0, "x.csv")
