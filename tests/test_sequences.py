from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.sequences import LENGTHS, Batchable, CsrRows, LookUp, Sequences, Windows, joined

ragged = st.lists(st.lists(st.integers(1, 99), max_size=6), max_size=8)
nested = st.lists(st.lists(st.lists(st.integers(1, 99), max_size=4), max_size=5), max_size=6)


def picks(data, count):
    """Some rows, repeated and out of order."""
    size = 0 if count == 0 else 10
    return np.array(data.draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=size)), dtype=np.int64)


def flat(row):
    return [item for step in row for item in step]


@settings(deadline=None)
@given(ragged, st.data())
def test_one_level_is_a_list_of_lists(rows, data):
    sequences = Sequences.from_lists(rows, np.int64)
    assert len(sequences) == len(rows)
    assert sequences.lengths.tolist() == [len(row) for row in rows]
    assert [sequences.row(at).tolist() for at in range(len(rows))] == rows
    chosen = picks(data, len(rows))
    taken = sequences.take(chosen)
    assert [taken.row(at).tolist() for at in range(len(taken))] == [rows[at] for at in chosen]
    dense, lengths = sequences.pad(chosen)
    width = max((len(rows[at]) for at in chosen), default=0)
    assert dense.tolist() == [rows[at] + [0] * (width - len(rows[at])) for at in chosen]
    assert lengths.tolist() == [len(rows[at]) for at in chosen]


@settings(deadline=None)
@given(nested, st.data())
def test_two_levels_are_a_list_of_lists_of_lists(rows, data):
    sequences = Sequences.from_nested(rows, np.int64)
    assert sequences.lengths.tolist() == [len(row) for row in rows]
    assert [sequences.row(at).tolist() for at in range(len(rows))] == [flat(row) for row in rows]
    chosen = picks(data, len(rows))
    taken = sequences.take(chosen)
    assert [taken.row(at).tolist() for at in range(len(taken))] == [flat(rows[at]) for at in chosen]
    dense, lengths = sequences.pad(chosen, fill=-1)
    wide = max((len(step) for at in chosen for step in rows[at]), default=0)
    long = max((len(rows[at]) for at in chosen), default=0)
    assert dense.shape == (len(chosen), long, wide)
    for place, at in enumerate(chosen):
        expected = [step + [-1] * (wide - len(step)) for step in rows[at]]
        assert dense[place].tolist() == expected + [[-1] * wide] * (long - len(rows[at]))
    assert lengths.tolist() == [len(rows[at]) for at in chosen]


@settings(deadline=None)
@given(ragged, st.data())
def test_a_slice_shares_its_values(rows, data):
    sequences = Sequences.from_lists(rows, np.int64)
    start, stop = (data.draw(st.integers(-9, 9)) for _ in range(2))
    part = sequences[start:stop]
    assert [part.row(at).tolist() for at in range(len(part))] == rows[start:stop]
    assert part.values is sequences.values
    again = part[1:]
    assert [again.row(at).tolist() for at in range(len(again))] == rows[start:stop][1:]
    everything = np.arange(len(part))
    assert (
        part.pad(everything)[0].tolist()
        == Sequences.from_lists(rows[start:stop], np.int64).pad(everything)[0].tolist()
    )


def test_slices_of_two_levels_and_steps():
    sequences = Sequences.from_nested([[[1], [2, 3]], [[4]], [[5, 6]]], np.int64)
    assert sequences[1:].pad(np.array([0, 1]))[0].tolist() == [[[4, 0]], [[5, 6]]]
    for container in (sequences, CsrRows(np.ones(1, np.float32), np.zeros(1, np.int64), np.array([0, 1]), 1)):
        with pytest.raises(ValueError, match="step 1"):
            container[::2]


def test_rows_of_features_keep_their_axis():
    rows = [np.arange(6.0).reshape(3, 2), np.ones((1, 2))]
    sequences = Sequences.from_lists(rows, np.float32)
    dense, lengths = sequences.pad(np.array([1, 0]))
    assert dense.shape == (2, 3, 2)
    assert dense.dtype == np.float32
    assert dense[0].tolist() == [[1, 1], [0, 0], [0, 0]]
    assert lengths.tolist() == [1, 3]


def test_values_may_be_a_memory_map(tmp_path):
    np.arange(10).tofile(tmp_path / "values")
    values = np.memmap(tmp_path / "values", dtype=np.int64, mode="r")
    sequences = Sequences(values, np.array([0, 4, 10]))
    assert isinstance(sequences[1:].values, np.memmap)
    assert sequences[1:].pad(np.array([0]))[0].tolist() == [[4, 5, 6, 7, 8, 9]]


@settings(deadline=None)
@given(st.integers(0, 6), st.integers(1, 5), st.data())
def test_sparse_rows_are_their_dense_table(rows, width, data):
    table = np.array(
        data.draw(
            st.lists(
                st.lists(st.integers(0, 2), min_size=width, max_size=width), min_size=rows, max_size=rows
            )
        ),
        dtype=np.float32,
    ).reshape(rows, width)
    where, columns = np.nonzero(table)
    offsets = np.searchsorted(where, np.arange(rows + 1))
    sparse = CsrRows(table[where, columns], columns, offsets, width)
    chosen = picks(data, rows)
    np.testing.assert_array_equal(sparse.dense(chosen), table[chosen])
    np.testing.assert_array_equal(sparse.take(chosen).dense(np.arange(len(chosen))), table[chosen])
    start, stop = (data.draw(st.integers(-7, 7)) for _ in range(2))
    part = sparse[start:stop]
    np.testing.assert_array_equal(part.dense(np.arange(len(part))), table[start:stop])


def test_a_column_named_twice_in_a_sparse_row_is_added():
    sparse = CsrRows(np.array([1.0, 2.0], np.float32), np.array([1, 1]), np.array([0, 2]), 3)
    assert sparse.dense(np.array([0])).tolist() == [[0, 3, 0]]


def batchable():
    return Batchable(
        {
            "target": np.array([0, 1, 2]),
            "tokens": Sequences.from_lists([[1, 2], [3], [4, 5, 6]], np.int64),
            "counts": CsrRows(np.ones(3, np.float32), np.array([0, 1, 0]), np.arange(4), 2),
        },
        np.array([10, 11, 12]),
    )


def test_a_batch_gathers_every_kind_of_field():
    examples = batchable()
    assert len(examples) == 3
    assert examples.lengths.tolist() == [2, 1, 3]
    batch = examples.batch(np.array([2, 1]))
    assert batch["tokens"].tolist() == [[4, 5, 6], [3, 0, 0]]
    assert batch["target"].tolist() == [2, 1]
    assert batch["counts"].tolist() == [[1, 0], [0, 1]]
    assert batch[LENGTHS].tolist() == [3, 1]


@pytest.mark.parametrize("part", [lambda all_: all_[1:], lambda all_: all_.take(np.array([1, 2]))])
def test_parts_of_a_batchable_keep_fields_and_ids_together(part):
    examples = part(batchable())
    assert examples.row_ids.tolist() == [11, 12]
    assert examples.lengths.tolist() == [1, 3]
    whole, own = batchable().batch(np.array([1, 2])), examples.batch(np.array([0, 1]))
    for name in whole:
        np.testing.assert_array_equal(own[name], whole[name])


def test_rows_without_steps_have_length_one():
    examples = Batchable({"dense": np.ones((4, 2), np.float32)}, np.arange(4))
    assert examples.lengths.tolist() == [1, 1, 1, 1]
    assert examples.batch(np.array([0, 3]))["dense"].shape == (2, 2)


def test_windows_are_looks_into_the_series():
    values = np.arange(24.0, dtype=np.float32).reshape(12, 2)
    windows = Windows({"values": values}, {"target": values[:, :1]}, np.array([0, 3, 6]), 4, 2)
    assert len(windows) == 3
    assert windows.lengths.tolist() == [4, 4, 4]
    assert windows.past["values"] is values  # nothing is copied before a batch is gathered
    batch = windows.batch(np.array([2, 0]))
    np.testing.assert_array_equal(batch["values"], np.stack([values[6:10], values[0:4]]))
    np.testing.assert_array_equal(batch["target"], np.stack([values[10:12, :1], values[4:6, :1]]))
    assert batch[LENGTHS].tolist() == [4, 4]
    taken = windows.take(np.array([2, 1]))
    assert taken.starts.tolist() == [6, 3]
    np.testing.assert_array_equal(taken.batch(np.array([0]))["values"][0], values[6:10])


def test_a_batch_of_no_rows_is_empty():
    none = np.empty(0, dtype=np.int64)
    assert batchable().batch(none)["tokens"].shape == (0, 0)
    assert Sequences.from_nested([], np.int64).pad(none)[0].shape == (0, 0, 0)
    assert Sequences.from_lists([], np.int64).pad(none)[0].shape == (0, 0)


def test_joined_batchables_hold_the_rows_of_each_in_turn() -> None:
    ragged = Sequences.from_lists([[1, 2, 3], [4], [5, 6]], np.int64)
    dense = np.arange(6).reshape(3, 2)
    whole = Batchable({"x": ragged, "y": dense}, np.arange(3))
    back = joined([whole[1:3], whole[0:1]])
    assert [back.fields["x"].row(i).tolist() for i in range(3)] == [[4], [5, 6], [1, 2, 3]]
    assert back.fields["y"].tolist() == [[2, 3], [4, 5], [0, 1]]
    assert back.row_ids.tolist() == [1, 2, 0]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), max_size=6), max_size=8), st.data())
def test_looked_up_rows_are_the_rows_of_the_table(rows, data):
    table = np.vstack([np.zeros((1, 3), np.int64), np.arange(12).reshape(4, 3) + 1])
    looked = LookUp(Sequences.from_lists(rows, np.int64), table)
    plain = Sequences(table[looked.numbers.values], looked.numbers.offsets)
    chosen = picks(data, len(rows))
    start, stop = data.draw(st.integers(0, 8)), data.draw(st.integers(0, 8))
    for mine, theirs in (
        (looked, plain),
        (looked[start:stop], plain[start:stop]),
        (looked.take(chosen), plain.take(chosen)),
    ):
        assert len(mine) == len(theirs)
        assert mine.lengths.tolist() == theirs.lengths.tolist()
        whole = np.arange(len(mine))
        for found, expected in zip(mine.pad(whole), theirs.pad(whole), strict=True):
            np.testing.assert_array_equal(found, expected)
        for row in range(len(mine)):
            np.testing.assert_array_equal(mine.row(row), theirs.row(row))


def test_joined_tables_hold_the_rows_of_each_in_turn() -> None:
    def part(rows, table):
        table = np.array([[0, 0], *table])
        field = LookUp(Sequences.from_lists(rows, np.int64), table)
        return Batchable({"x": field}, np.arange(len(rows)))

    parts = [part([[1, 2], [2]], [[5, 6], [7, 8]]), part([[1], [1, 1]], [[9, 9]])]
    whole = joined([parts[0], parts[1][1:2], parts[0][0:1]])
    expected = [[[5, 6], [7, 8]], [[7, 8]], [[9, 9], [9, 9]], [[5, 6], [7, 8]]]
    assert [whole.fields["x"].row(i).tolist() for i in range(4)] == expected
    assert whole.batch(np.array([1, 3]))["x"].tolist() == [[[7, 8], [0, 0]], [[5, 6], [7, 8]]]
