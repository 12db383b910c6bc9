"""Plain numbers of many cells at once, from their bytes: ``-12.5``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqcli.sequences import IntArray

_EXACT = 15
"""Digits that every float64 holds exactly."""

_LONGEST = 25
"""Characters of a plain number; what is longer is looked at by itself."""

_POWERS = 10.0 ** np.arange(_EXACT - 1, -1, -1)
_ZERO, _POINT, _MINUS = np.frombuffer(b"0.-", np.uint8)


def plain_numbers(
    characters: NDArray[np.uint8], starts: NDArray[np.integer], ends: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Numbers of the cells ``characters[starts[i]:ends[i]]``: (N,), NaN where a cell is not plain.

    Plain is an optional minus, digits and at most one point. Every value is the one ``float`` gives.
    """
    values = np.full(len(starts), np.nan)
    lengths = ends - starts
    for length in np.flatnonzero(np.bincount(lengths, minlength=1)[: _LONGEST + 1]).tolist():
        if length:
            rows = np.flatnonzero(lengths == length)
            windows = np.ndarray(len(characters) - length + 1, f"V{length}", characters, strides=1)
            cells = windows[starts[rows]].view(np.uint8).reshape(-1, length)  # (M, L)
            values[rows] = _numbers_of_length(cells)
    return values


def _numbers_of_length(cells: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Numbers of cells of one length, (M, L) characters → (M,), NaN where not plain.

    Cells are taken a shape at a time (where the point stands, whether a minus leads): most columns
    have few, and within one the digits stand in the same places.
    """
    values = np.full(len(cells), np.nan)
    rest = np.arange(len(cells))
    for _ in range(2 * cells.shape[1] + 2):  # no column has more shapes
        if not len(rest):
            break
        left = cells if len(rest) == len(cells) else cells[rest]
        negative = bool(left[0, 0] == _MINUS)
        points = np.flatnonzero(left[0] == _POINT)
        like = (left[:, 0] == _MINUS) == negative
        like &= left[:, points[0]] == _POINT if len(points) else ~(left == _POINT).any(axis=1)
        same = rest[like]
        part = cells if len(same) == len(cells) else cells[same]
        values[same] = _numbers_of_shape(part, negative, points[:1])
        rest = rest[~like]
    return values


def _numbers_of_shape(cells: NDArray[np.uint8], negative: bool, point: IntArray) -> NDArray[np.float64]:
    """Numbers of cells of one shape, (M, L) characters → (M,), NaN where something is no digit.

    Up to 15 digits are an exact float64 and so are the powers of ten up to 22, so that one division
    rounds correctly (Clinger 1990, the fast path); more digits are left to the library.
    """
    digits = np.delete(cells, [*point, *([0] if negative else [])], axis=1) - _ZERO  # (M, D)
    width = digits.shape[1]
    if width == 0:
        return np.full(len(cells), np.nan)
    good = np.ones(len(cells), np.bool_) if digits.max() <= 9 else (digits <= 9).all(axis=1)
    if width > _EXACT:
        long = np.full(len(cells), np.nan)
        long[good] = cells[good].view(f"S{cells.shape[1]}")[:, 0].astype(np.float64)
        return long
    values: NDArray[np.float64] = digits.astype(np.float64) @ _POWERS[-width:]
    if len(point):
        values /= 10.0 ** (cells.shape[1] - 1 - int(point[0]))
    if negative:
        values = -values
    values[~good] = np.nan
    return values
