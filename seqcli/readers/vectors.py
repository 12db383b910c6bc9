"""Word vectors from a file, only those that are asked for: GloVe's text, word2vec's text or binary.

    text     the 0.418 0.24968 …          a word, then its numbers; "400000 300" may stand ahead of them
    binary   b"3000000 300\\n", then for each word b"the " and 4-byte floats, little end first

A file of gigabytes is read once, in pieces, and what is not asked for is never turned into numbers.
"""

from __future__ import annotations

import gzip
import io
import unicodedata
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

import numpy as np

from seqcli.errors import DataError, UsageError
from seqcli.readers.sources import missing_file, no_permission
from seqcli.sequences import FloatArray

MOST_NUMBERS = 10_000
"""Numbers of one vector; more were never meant."""
_LONGEST_WORD = 4096
_HINT = "--vectors takes GloVe's text, or word2vec's text or binary"


def vector_size(path: str) -> int:
    """Numbers of each vector in the file. Raises UsageError, DataError for a file of another kind."""
    with _open(path) as file:
        return _begin(path, file)[1]


def read_vectors(path: str, wanted: Collection[str]) -> dict[str, FloatArray]:
    """The vectors (E,) of those of the ``wanted`` lower-cased words that the file has.

    A word that stands in it with capitals alone has the vector of the first of them. Raises UsageError for a
    file that is not there, DataError that names the row of what is no vector.
    """
    found: dict[str, FloatArray] = {}
    exact: set[str] = set()
    with _open(path) as file:
        binary, size = _begin(path, file)
        for row, raw, numbers in (_binary if binary else _lines)(path, file, size):
            word = unicodedata.normalize("NFC", raw.decode("utf-8", "replace"))
            low = word.lower()
            if low not in wanted or low in exact or (low in found and word != low):
                continue
            found[low] = _vector(path, row, numbers, size, binary)
            if word == low:
                exact.add(low)
    return found


@contextmanager
def _open(path: str) -> Iterator[IO[bytes]]:
    """The file, unpacked where it is packed."""
    try:
        raw = Path(path).open("rb")  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        raise missing_file(path) from None
    except PermissionError:
        raise no_permission(path) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})", _HINT) from None
    with raw:
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
        try:
            yield io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 20) if packed else raw
        except (EOFError, zlib.error, gzip.BadGzipFile):
            _refuse(path, "is a damaged gzip file")


def _begin(path: str, file: IO[bytes]) -> tuple[bool, int]:
    """Whether the file is binary, and numbers of a vector; the file then stands at its first word."""
    first = file.readline(1 << 20)
    counts = first.split()
    if len(counts) == 2 and all(count.isdigit() for count in counts):
        size = int(counts[1])
        if not 1 <= size <= MOST_NUMBERS:
            _refuse(path, f"row 1 states vectors of {size} numbers")
        place = file.tell()
        second = file.readline(1 << 20)
        file.seek(place)
        return _numbers(second.split()[-size:]) is None or len(second.split()) <= size, size
    for words in range(1, 6):  # GloVe's largest file has words such as ". . ."
        numbers = _numbers(counts[words:]) if len(counts) > words else None
        if numbers is not None and len(counts) - words > 1:
            file.seek(0)
            return False, len(counts) - words
    return _refuse(path, "row 1 is no word with its numbers")


def _lines(path: str, file: IO[bytes], size: int) -> Iterator[tuple[int, bytes, bytes]]:
    """(row, word, its numbers as text) of each line."""
    first = 1 if file.tell() == 0 else 2
    for row, line in enumerate(file, start=first):
        if not line.strip():
            continue
        word, *rest = line.rstrip().rsplit(b" ", size)
        if len(rest) < size or not word:
            _refuse(path, f"row {row} has no word and {size} numbers")
        yield row, word.strip(), b" ".join(rest)


def _binary(path: str, file: IO[bytes], size: int) -> Iterator[tuple[int, bytes, bytes]]:
    """(row, word, the bytes of its numbers) of each entry."""
    row = 1
    rest = b""
    while True:
        while (end := rest.find(b" ")) < 0 or len(rest) < end + 1 + 4 * size:
            if end < 0 and len(rest) > _LONGEST_WORD:
                _refuse(path, f"entry {row} has no word that ends")
            piece = file.read(1 << 20)
            if not piece:
                if rest.strip():
                    _refuse(path, f"entry {row} is cut off")
                return
            rest += piece
        place = 0
        while (end := rest.find(b" ", place)) >= 0 and len(rest) >= end + 1 + 4 * size:
            yield row, rest[place:end].lstrip(b"\n"), rest[end + 1 : end + 1 + 4 * size]
            place, row = end + 1 + 4 * size, row + 1
        rest = rest[place:]


def _vector(path: str, row: int, numbers: bytes, size: int, binary: bool) -> FloatArray:
    """One vector (E,)."""
    found = np.frombuffer(numbers, dtype="<f4").astype(np.float32) if binary else _numbers(numbers.split())
    if found is None or len(found) != size:
        _refuse(path, f"row {row} holds what is no number")
    if not np.isfinite(found).all():
        _refuse(path, f"{'entry' if binary else 'row'} {row} holds a number that is not finite")
    return found


def _numbers(fields: list[bytes]) -> FloatArray | None:
    """Numbers (E,), or None where one of the fields is none."""
    try:
        return np.array([float(field) for field in fields], dtype=np.float32)
    except ValueError:
        return None


def _refuse(path: str, what: str) -> NoReturn:
    raise DataError(f"{path}: {what}", _HINT)
