"""The little of MATLAB's level 5 files that piano rolls need: cells and matrices of numbers, by name.

    file    = 128 bytes of header, then elements
    element = type (4 bytes) size (4 bytes) data, padded to 8 bytes; or size (2) type (2) data (4), if small
    matrix  = flags, dimensions, name, then the cells, or the numbers column by column

After MathWorks' "MAT-File Format", levels 4 and 5. No number in a file decides how much is allocated: every
size is held against the bytes that are there, and what is compressed may not unpack to more than
:data:`MOST_BYTES`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from seqcli.errors import DataError
from seqcli.sequences import AnyArray

Value: TypeAlias = "AnyArray | list[Any]"
"""A matrix of numbers, or a list of the cells of one, column by column."""

MOST_BYTES = 1 << 30
DEEPEST = 8
_MATRIX, _COMPRESSED, _CELL = 14, 15, 1
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMBERS = range(6, 16)
"""Classes of arrays that hold numbers."""


class _Fault(Exception):
    """What is wrong with a file, and near which byte of it."""


def read_mat(content: bytes, name: str) -> dict[str, Value]:
    """The variables of a file with this ``content`` that are numbers, or cells of numbers.

    Raises :class:`DataError` that names the file (as ``name``) and the byte near which it is damaged.
    """
    if content[:6] == b"\x89HDF\r\n" or b"7.3" in content[:20]:
        raise DataError(f"{name}: is of MATLAB's version 7.3", "save it with -v7, or as json")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if len(content) < 136 or order is None:
        raise DataError(f"{name}: no MATLAB file begins like this", "give a .mat of version 5 to 7, or json")
    found: dict[str, Value] = {}
    place, left = 128, MOST_BYTES
    try:
        while place + 8 <= len(content):
            kind, data, after = _element(content, place, order, at=place)
            if kind == _COMPRESSED:
                unpacker = zlib.decompressobj()
                data = unpacker.decompress(data, left)
                if unpacker.unconsumed_tail:
                    raise _Fault(f"byte {place}: unpacks to more than a piece of music needs")
                left -= len(data)
                kind, data, _ = _element(data, 0, order, at=place)
            if kind == _MATRIX:
                variable, value = _matrix(data, order, place, 0)
                if value is not None:
                    found[variable] = value
            place = after
    except zlib.error:
        raise DataError(f"{name}, byte {place}: damaged compressed data", "fetch the file again") from None
    except _Fault as fault:
        raise DataError(f"{name}, {fault}", "fetch the file again") from None
    return found


def _element(content: bytes, place: int, order: str, at: int) -> tuple[int, bytes, int]:
    """Type and data of the element at ``place``, and where the next begins."""
    if place + 8 > len(content):
        raise _Fault(f"byte {at}: ends within an element")
    kind, size = (int(word) for word in np.frombuffer(content, order + "u4", 2, place))
    if kind >> 16:  # a small one: its size stands beside its type
        kind, size, begin, after = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        if size > 4:
            raise _Fault(f"byte {at}: a small element of {size} bytes")
    else:
        begin = place + 8
        after = begin + size + (0 if kind == _COMPRESSED else -size % 8)
    if begin + size > len(content):
        raise _Fault(f"byte {at}: an element of {size:,} bytes, and the file ends before")
    return kind, content[begin : begin + size], after


def _parts(data: bytes, order: str, at: int) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        kind, part, place = _element(data, place, order, at)
        yield kind, part


def _matrix(data: bytes, order: str, at: int, depth: int) -> tuple[str, Value | None]:
    """Name and value of a matrix; None for one of a kind that holds no numbers."""
    if depth > DEEPEST:
        raise _Fault(f"byte {at}: cells in cells in cells")
    if not data:  # an empty cell
        return "", np.zeros((0, 0))
    parts = _parts(data, order, at)
    try:
        (_, flags), (_, sizes), (_, name) = next(parts), next(parts), next(parts)
    except (StopIteration, RuntimeError):
        raise _Fault(f"byte {at}: a matrix without a head") from None
    if len(flags) < 4 or len(sizes) % 4 or not sizes:
        raise _Fault(f"byte {at}: a matrix without a shape")
    shape = [int(size) for size in np.frombuffer(sizes, order + "i4")]
    kind = int(np.frombuffer(flags, order + "u4", 1)[0]) & 0xFF
    count = 1
    for size in shape:
        count *= size
    label = name.decode("latin-1")
    if any(size < 0 for size in shape):
        raise _Fault(f"byte {at}: a matrix of a negative size")
    if kind == _CELL:
        cells = [_matrix(part, order, at, depth + 1)[1] for held, part in parts if held == _MATRIX]
        if len(cells) != count:
            raise _Fault(f"byte {at}: {label} says {count:,} cells and holds {len(cells):,}")
        return label, [cell for cell in cells if cell is not None]
    if kind not in _NUMBERS:
        return label, None
    held, numbers = next(parts, (0, b""))
    if held not in _TYPES:
        raise _Fault(f"byte {at}: {label or 'a matrix'} holds no numbers")
    values = np.frombuffer(numbers, order + _TYPES[held], len(numbers) // np.dtype(_TYPES[held]).itemsize)
    if len(values) != count:
        raise _Fault(f"byte {at}: {label or 'a matrix'} says {count:,} numbers and holds {len(values):,}")
    return label, values.reshape(shape, order="F")
