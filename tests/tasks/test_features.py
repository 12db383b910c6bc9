from __future__ import annotations

import json

import numpy as np
import pytest

from seqcli.errors import ModelError
from seqcli.tasks.features import Features


def test_numbers_are_scaled_by_the_rows_they_were_fitted_on(table_of) -> None:
    features = Features.fit(table_of("x,y\n1,10\n3,30\n"), ("x", "y"), "mask")
    assert features.matrix(table_of("x,y\n5,20\n")).tolist() == [[3.0, 0.0]]  # (5 - 2) / 1, (20 - 20) / 10


def test_unscaled_channels_and_their_names(table_of) -> None:
    train = table_of("x,colour,y\n1,red,1\n,blue,2\n3,red,3\n5,,4\n")
    features = Features.fit(train, ("x", "colour", "y"), "mask")
    assert features.names == ("x", "y", "x missing", "colour = blue", "colour = red")
    matrix = features.matrix(train)
    np.testing.assert_array_equal(matrix[:, 2], [0, 1, 0, 0])
    np.testing.assert_array_equal(matrix[:, 3:], [[0, 1], [1, 0], [0, 1], [0, 0]])
    assert matrix[1, 0] == 0.0  # the mean, for a row that stands alone
    assert features.matrix(table_of("x,colour,y\n1,green,1\n"))[0, 3:].tolist() == [0, 0]


def test_interpolate_needs_no_mask(table_of) -> None:
    assert Features.fit(table_of("x\n1\n\nNA\n3\n"), ("x",), "interpolate").names == ("x",)


def test_gaps_are_carried_within_a_sequence_only(table_of) -> None:
    table = table_of("x,y\n1,1\n,2\nNA,3\n5,4\n,5\n7,6\n")
    features = Features.fit(table, ("x",), "mask")
    plain = features.scaler.transform(np.array([[1.0], [5.0], [7.0]])).ravel()
    matrix = features.matrix(table, np.array([0, 4, 6]))
    expected = [plain[0], plain[0], plain[0], plain[1], 0.0, plain[2]]  # the second starts with a gap
    np.testing.assert_allclose(matrix[:, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(matrix[:, 1], [0, 1, 1, 0, 1, 0])


def test_interpolation_equals_a_line_within_each_sequence(table_of) -> None:
    table = table_of("x,y\n0,1\n,2\n,3\n3,4\n,5\n10,6\n,7\n")
    features = Features.fit(table, ("x",), "interpolate")
    values = features.scaler.inverse(features.matrix(table, np.array([0, 4, 7]))[:, :1]).ravel()
    np.testing.assert_allclose(values, [0, 1, 2, 3, 10, 10, 10], atol=1e-5)


def test_infinite_and_unreadable_cells_count_as_missing_and_are_named(table_of) -> None:
    features = Features.fit(table_of("x\n1\n3\n"), ("x",), "mask")
    table = table_of("x\n1\nhigh\n1e999\n\n")
    np.testing.assert_array_equal(features.matrix(table)[1:, 0], [0, 0])
    bad = features.bad_cells(table)
    assert sorted(bad) == [1, 2]
    assert bad[1] == "data.csv, row 3, column x: 'high' is not a number"


def test_at_most_fifty_classes_the_most_frequent(table_of) -> None:
    cells = [f"v{i}" for i in range(60)] + [f"v{i}" for i in range(10, 60)]
    (column,) = Features.fit(table_of("c,n\n" + "\n".join(f"{c},1" for c in cells)), ("c",), "mask").classes
    assert set(column.values) == {f"v{i}" for i in range(10, 60)}


def test_features_survive_json_and_refuse_another_scaler(table_of) -> None:
    features = Features.fit(table_of("x,c\n1,a\n,b\n"), ("x", "c"), "mask")
    data = json.loads(json.dumps(features.to_json()))
    restored = Features.from_json(data)
    assert restored.to_json() == features.to_json()
    with pytest.raises((ValueError, ModelError)):
        Features.from_json({**data, "numbers": []})
