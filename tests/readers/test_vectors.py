from __future__ import annotations

import gzip

import numpy as np
import pytest

from seqcli.errors import DataError, UsageError
from seqcli.readers.vectors import read_vectors, vector_size

WORDS = {"the": [0.5, -1.0, 2.0], "Über": [1.0, 0.0, -0.25], "cat": [3.0, 4.0, 5.0]}


def as_text(words, header=False) -> bytes:
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in words.items()]
    return "\n".join(([f"{len(words)} 3"] if header else []) + lines).encode() + b"\n"


def as_binary(words, breaks=b"") -> bytes:
    parts = [w.encode() + b" " + np.array(v, "<f4").tobytes() + breaks for w, v in words.items()]
    return f"{len(words)} 3\n".encode() + b"".join(parts)


KINDS = {
    "text": as_text(WORDS),
    "text with a header": as_text(WORDS, header=True),
    "binary": as_binary(WORDS),
    "binary with line breaks": as_binary(WORDS, b"\n"),
    "packed": gzip.compress(as_text(WORDS), mtime=0),
    "packed binary": gzip.compress(as_binary(WORDS), mtime=0),
}


@pytest.mark.parametrize("content", KINDS.values(), ids=KINDS.keys())
def test_only_what_is_wanted_is_read(tmp_path, content) -> None:
    path = tmp_path / "v"
    path.write_bytes(content)
    assert vector_size(str(path)) == 3
    found = read_vectors(str(path), {"the", "über", "dog"})
    assert set(found) == {"the", "über"}  # capitals where there is nothing else
    assert found["the"].tolist() == [0.5, -1.0, 2.0]
    assert found["über"].tolist() == [1.0, 0.0, -0.25]
    assert found["the"].dtype == np.float32


def test_a_word_as_it_is_wins_over_one_with_capitals(tmp_path) -> None:
    path = tmp_path / "v"
    path.write_bytes(as_text({"The": [1, 1], "THE": [2, 2], "the": [3, 3], "Cat": [4, 4], "CAT": [5, 5]}))
    found = read_vectors(str(path), {"the", "cat"})
    assert found["the"].tolist() == [3, 3]
    assert found["cat"].tolist() == [4, 4]


def test_words_with_spaces_of_gloves_largest_file(tmp_path) -> None:
    path = tmp_path / "v"
    path.write_bytes(b"a 1 2 3\n. . . 4 5 6\nb 7 8 9\n")
    assert {word: v.tolist() for word, v in read_vectors(str(path), {"a", "b", ". . ."}).items()} == {
        "a": [1, 2, 3],
        ". . .": [4, 5, 6],
        "b": [7, 8, 9],
    }


def test_binary_files_are_read_in_pieces(tmp_path) -> None:
    rng = np.random.default_rng(0)
    words = {f"word{i}": rng.normal(size=300).astype("<f4") for i in range(2000)}
    content = b"2000 300\n" + b"".join(w.encode() + b" " + v.tobytes() for w, v in words.items())
    assert len(content) > 2 << 20
    path = tmp_path / "v.bin"
    path.write_bytes(content)
    found = read_vectors(str(path), {"word0", "word999", "word1999"})
    assert all(np.array_equal(found[word], words[word]) for word in ("word0", "word999", "word1999"))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "row 1 is no word"),
        (b"just some words of prose\n", "row 1 is no word"),
        (b"the 1 2 3\nof 1 2\n", "row 2 has no word and 3 numbers"),
        (b"the 1 2 3\nof 1 x 3\n", "row 2 holds what is no number"),
        (b"the 1 2 3\nof 1 nan 3\n", "row 2 holds a number that is not finite"),
        (b"2 3\nthe 1 2 3\nof 1 2\n", "row 3 has no word"),
        (as_binary(WORDS)[:-5], "entry 3 is cut off"),
        (as_binary({"of": [1.0, np.inf, 2.0]}), "entry 1 holds a number that is not finite"),
        (b"1 3\n" + b"\xff" * 9000, "entry 1 has no word that ends"),
        (b"5 99999999\n", "states vectors of 99999999 numbers"),
        (gzip.compress(as_text(WORDS), mtime=0)[:-9], "is a damaged gzip file"),
    ],
)
def test_what_is_no_file_of_vectors_is_named(tmp_path, content, wanted) -> None:
    path = tmp_path / "v"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_vectors(str(path), {"the", "of", "cat", "über"})
    assert wanted in caught.value.message
    assert "GloVe" in caught.value.hint


def test_a_file_that_is_not_there(tmp_path) -> None:
    (tmp_path / "glove.txt").write_bytes(b"")
    with pytest.raises(DataError, match="no such file") as caught:
        read_vectors(str(tmp_path / "glov.txt"), {"a"})
    assert "glove.txt" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        read_vectors(str(tmp_path), {"a"})
