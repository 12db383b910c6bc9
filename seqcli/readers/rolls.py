"""Piano rolls: which keys sound at each step of each piece, from MATLAB's files or from JSON.

A file holds its training, validation and test pieces side by side, as published sets do: ``traindata``,
``validdata``, ``testdata`` or ``train``, ``valid``, ``test``; or pieces alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.columns import TextColumn
from seqcli.readers.mat import read_mat
from seqcli.readers.music import PIECE, content_of
from seqcli.readers.roles import counted
from seqcli.readers.table import Table

ROLL, PART = "roll", "part"
"""The columns of the table: keys by step (``60 64 67;60 65 69``), and the part a piece is of."""
LOWEST, KEYS = 21, 88
"""The pitch of a piano's lowest key, and how many there are."""
PARTS = ("train", "valid", "test")
MOST_BYTES = 256 << 20
_OPENS = re.compile(
    rb'\s*(?:\{\s*"(?:train|valid|validation|test)(?:data)?"\s*:\s*)?\[\s*\[\s*\[\s*(?:-?\d|\])', re.S
)


def roll_file(paths: Sequence[str]) -> Path | None:
    """The file of piano rolls that ``paths`` mean; None where they mean anything else."""
    path = Path(paths[0])
    if len(paths) != 1 or not path.is_file():
        return None
    if path.suffix.lower() == ".mat":
        return path
    if path.suffix.lower() != ".json":
        return None
    try:
        with path.open("rb") as stream:
            return path if _OPENS.match(stream.read(4096)) else None
    except OSError:
        return None


def read_rolls(path: Path) -> Table:
    """A row a piece. Raises :class:`DataError` for a file that holds anything but pieces of keys."""
    name = str(path)
    content = content_of(path, MOST_BYTES)
    if len(content) > MOST_BYTES:
        raise DataError(f"{name}: larger than any set of pieces is", "give fewer pieces")
    held = _of_json(content, name) if path.suffix.lower() == ".json" else read_mat(content, name)
    cells: list[str] = []
    parts: list[str] = []
    by_part = {key: _part_of(key) for key in held}
    for key, pieces in held.items():
        part = by_part[key]
        if part is None or not isinstance(pieces, list):
            continue
        where = f"{name}, {key or 'piece'}"
        found = [_piece(piece, f"{where} {number}") for number, piece in enumerate(pieces, start=1)]
        cells += [text for text in found if text]
        parts += [part for text in found if text]
    if not cells:
        listed = ", ".join(held) or "nothing"
        raise DataError(
            f"{name}: no pieces in it: it holds {listed}",
            "traindata, validdata and testdata (or train, valid, test) are lists of pieces, "
            f"each with {KEYS} keys a step",
        )
    if not any(parts):
        columns = {ROLL: TextColumn(cells)}
    else:
        columns = {ROLL: TextColumn(cells), PART: TextColumn(parts)}
    return Table(
        name, tuple(columns), dict(columns), np.arange(1, len(cells) + 1), files=(name,), unit=PIECE,
        notes=(counted(len(cells), "piece"),), digest=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip


def frames_of(cell: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The keys (T, 88) of a cell, 1 where one sounds. Raises :class:`DataError` for any other text."""
    steps = cell.split(";")
    frames = np.zeros((len(steps), KEYS), dtype=np.uint8)
    try:
        for step, text in enumerate(steps):
            keys = [int(pitch) - LOWEST for pitch in text.split()]
            if keys and not 0 <= min(keys) <= max(keys) < KEYS:
                raise ValueError(text)
            frames[step, keys] = 1
    except ValueError:
        raise DataError("this text is no piano roll", "give a .mat or .json file of pieces") from None
    return frames


def text_of(frames: np.ndarray[Any, Any]) -> str:
    """The cell of keys (T, 88)."""
    return ";".join(" ".join(str(LOWEST + key) for key in np.flatnonzero(row)) for row in frames)


def _part_of(key: str) -> str | None:
    """The part that a variable's name means: "" where the file has none, None for any other variable."""
    stem = key.lower().removesuffix("data").removesuffix("_")
    return {"train": "train", "valid": "valid", "validation": "valid", "test": "test", "": ""}.get(stem)


def _of_json(content: bytes, name: str) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: {' '.join(str(error).split())}", "fetch the file again") from None
    return data if isinstance(data, dict) else {"": data}


def _piece(piece: Any, where: str) -> str:
    """One piece as a cell: from rows of 88 numbers, or from lists of pitches; "" for an empty one."""
    if isinstance(piece, np.ndarray):
        if not piece.size:
            return ""
        if piece.ndim != 2 or piece.shape[1] != KEYS:
            shape = " × ".join(map(str, piece.shape))
            raise DataError(
                f"{where}: {shape} numbers, not steps × {KEYS} keys", "a row a step, a column a key"
            )
        return text_of(piece > 0)
    if not isinstance(piece, list):
        raise DataError(f"{where}: is no list of steps", "a piece is a list of lists of pitches")
    return ";".join(_step(step, f"{where}, step {number}") for number, step in enumerate(piece, start=1))


def _step(step: Any, where: str) -> str:
    """The pitches of one step; a rest may be -1."""
    if not isinstance(step, list) or not all(type(pitch) in (int, float) for pitch in step):
        raise DataError(f"{where}: is no list of pitches", "such as [60, 64, 67]")
    whole = sorted({int(pitch) for pitch in step if math.isfinite(pitch) and pitch != -1})
    if whole and not LOWEST <= whole[0] <= whole[-1] < LOWEST + KEYS:
        raise DataError(
            f"{where}: pitch {whole[0] if whole[0] < LOWEST else whole[-1]} is on no piano",
            f"pitches are MIDI's, from {LOWEST} to {LOWEST + KEYS - 1}",
        )
    return " ".join(map(str, whole))
