"""Arrays too large to be held in memory: kept in a file that the system may read back when it needs to.

The file is made in the temporary directory (``TMPDIR`` names another) and loses its name at once, so that
nothing is left of it when the process ends, however it ends. Where it cannot be written the array stays in
memory.
"""

from __future__ import annotations

import mmap
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 1 << 26
"""Bytes from which on an array is kept in a file."""
_PIECE = 1 << 22


def empty(shape: tuple[int, ...], dtype: Any, least: int | None = None) -> NDArray[Any]:
    """An array (N, ...) to be filled, in a file from ``least`` bytes on (None: :data:`LARGE`)."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size < max(LARGE if least is None else least, 1):
        return np.empty(shape, dtype=dtype)
    try:
        with tempfile.TemporaryFile(prefix="seqcli-") as file:
            for begin in range(
                0, size, _PIECE
            ):  # a disk that is full says so here, and not by a signal later
                file.write(bytes(min(_PIECE, size - begin)))
            file.flush()
            held = mmap.mmap(file.fileno(), size)
    except (OSError, ValueError):
        return np.empty(shape, dtype=dtype)
    return np.frombuffer(held, dtype=dtype).reshape(shape)


def kept(array: NDArray[Any], least: int | None = None) -> NDArray[Any]:
    """``array`` (N, ...) itself, or the same in a file from ``least`` bytes on (None: :data:`LARGE`)."""
    if array.nbytes < max(LARGE if least is None else least, 1):
        return array
    out = empty(array.shape, array.dtype, least)
    out[...] = array
    return out
