"""Arrays in files are what they would be in memory, and leave nothing behind."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from seqcli import large


def in_a_file(array: np.ndarray) -> bool:
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview | mmap.mmap)


def test_only_large_arrays_go_to_a_file() -> None:
    small, big = large.empty((10, 3), np.float32), large.empty((10, 3), np.float32, least=120)
    assert (in_a_file(small), in_a_file(big)) == (False, True)
    assert small.shape == big.shape == (10, 3)
    assert big.dtype == np.float32
    big[...] = np.arange(30).reshape(10, 3)
    np.testing.assert_array_equal(big.ravel(), np.arange(30))
    assert large.empty((0, 3), np.float64, least=0).shape == (0, 3)


def test_what_is_kept_is_equal_and_of_its_own() -> None:
    array = np.array(["2024-01-01", "NaT", "2024-01-03"], "datetime64[us]")
    held = large.kept(array, least=1)
    assert in_a_file(held)
    assert held.dtype == array.dtype
    np.testing.assert_array_equal(held, array)
    array[0] = np.datetime64("NaT")
    assert not np.isnat(held[0])
    assert large.kept(array) is array


def test_the_file_has_no_name_and_a_full_disk_no_consequence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large.tempfile, "tempdir", str(tmp_path))
    held = large.empty((1000,), np.int64, least=1)
    assert in_a_file(held)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(large.tempfile, "tempdir", str(tmp_path / "none"))
    assert not in_a_file(large.empty((1000,), np.int64, least=1))
