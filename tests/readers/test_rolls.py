"""Piano rolls from MATLAB's files and JSON, against SciPy's writer and against damage."""

from __future__ import annotations

import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from seqcli.errors import DataError
from seqcli.readers.mat import read_mat
from seqcli.readers.rolls import PART, ROLL, frames_of, read_rolls, roll_file, text_of


def pieces(count: int, seed: int = 0) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [(rng.random((rng.integers(3, 9), 88)) < 0.05).astype(np.uint8) for _ in range(count)]


def cells(items: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    held = np.empty((1, len(items)), dtype=object)
    held[0, :] = items
    return held


def mat_bytes(compressed: bool, **variables: Any) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, variables, do_compression=compressed)
    return buffer.getvalue()


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.int16, np.float32])
def test_what_scipy_writes_is_read(tmp_path: Path, compressed: bool, kind: type) -> None:
    train, valid, test = pieces(3), pieces(2, 1), pieces(1, 2)
    path = tmp_path / "a.mat"
    held = {"traindata": train, "validdata": valid, "testdata": test}
    typed = {name: cells([piece.astype(kind) for piece in part]) for name, part in held.items()}
    path.write_bytes(mat_bytes(compressed, nlabels=3.0, **typed))
    table = read_rolls(path)
    assert sorted(table.cells(PART)) == ["test", "train", "train", "train", "valid", "valid"]
    by_part = {
        part: [frames_of(c) for c, p in zip(table.cells(ROLL), table.cells(PART), strict=True) if p == part]
        for part in ("train", "valid", "test")
    }
    for part, wanted in (("train", train), ("valid", valid), ("test", test)):
        assert all(np.array_equal(a, b) for a, b in zip(by_part[part], wanted, strict=True))


@given(st.data())
def test_a_damaged_mat_file_is_an_error_or_numbers(data: st.DataObject) -> None:
    content = bytearray(mat_bytes(data.draw(st.booleans()), traindata=cells(pieces(2)), x=np.arange(3.0)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_mat(bytes(content[: data.draw(st.integers(0, len(content)))]), "a.mat")
    except DataError as error:
        if not error.message.startswith("a.mat"):
            raise
    else:
        assert all(isinstance(value, list | np.ndarray) for value in found.values())


def test_what_unpacks_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import seqcli.readers.mat

    monkeypatch.setattr(seqcli.readers.mat, "MOST_BYTES", 1000)
    body = zlib.compress(bytes(100_000))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    element = (15).to_bytes(4, "little") + len(body).to_bytes(4, "little") + body
    with pytest.raises(DataError, match="byte 128: unpacks to more"):
        read_mat(head + element, "bomb.mat")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no MATLAB file begins like this"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "7.3"),
        (mat_bytes(False, x=np.arange(9.0))[:-40], "the file ends before"),
    ],
)
def test_a_file_of_another_kind_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_mat(content, "a.mat")


def test_json_of_chords_is_read_as_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps({"train": [[[60, 64], [-1, 62]], [[]]], "test": [[[108], [21]]]}), encoding="utf-8"
    )
    table = read_rolls(path)
    assert table.cells(ROLL) == ["60 64;62", "108;21"]
    assert table.cells(PART) == ["train", "test"]
    path.write_text("[[[60, 64], [62]]]", encoding="utf-8")
    assert read_rolls(path).names == (ROLL,)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"train": [[[60], [20]]]}, "train 1, step 2: pitch 20 is on no piano"),
        ({"train": [[[60], ["C"]]]}, "train 1, step 2: is no list of pitches"),
        ({"train": [3]}, "train 1: is no list of steps"),
        ({"songs": [[[60]]]}, "no pieces in it: it holds songs"),
    ],
)
def test_what_is_no_piece_is_named(tmp_path: Path, data: object, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_rolls(path)


def test_a_matrix_of_other_keys_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(mat_bytes(True, traindata=cells([np.zeros((4, 12)), np.zeros((5, 12))])))
    with pytest.raises(DataError, match="traindata 1: 4 × 12 numbers, not steps × 88 keys"):
        read_rolls(path)


def test_only_json_that_begins_as_pieces_is_a_roll(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, meant in (
        ('{"train": [[[60', True),
        ("[[[]", True),
        ('[{"text": 1}]', False),
        ("[[1, 2]]", False),
    ):
        path.write_text(text, encoding="utf-8")
        assert (roll_file([str(path)]) is not None) == meant
    assert roll_file([str(tmp_path / "none.mat")]) is None


def test_frames_and_their_text() -> None:
    for piece in pieces(5):
        assert np.array_equal(frames_of(text_of(piece)), piece)
    for bad in ("60 x", "20", "109"):
        with pytest.raises(DataError):
            frames_of(bad)
