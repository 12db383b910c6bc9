"""Music as a table: one row a piece, from MIDI files, or from piano rolls in one file.

train tunes/            a folder of .mid files, at any depth
train a.mid b.mid       several of them
train chorales.mat      pieces as keys that sound at each step, cut in parts by whoever made the file
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.columns import TextColumn
from seqcli.readers.midi import MOST_BYTES, read_midi
from seqcli.readers.roles import counted
from seqcli.readers.sources import is_folder, missing_file, no_permission
from seqcli.readers.table import Table

MIDI = (".mid", ".midi", ".kar", ".rmi")
SCORE = "score"
"""The column that holds each piece as text; see :meth:`~seqcli.readers.score.Score.to_text`."""
PIECE = "piece"
"""What a row of such a table is."""
BROKEN_SHARE = 0.01
"""Share of a folder's files that may be broken, and are left out and named."""
_NAMED = 3


def midi_files(paths: Sequence[str]) -> list[Path]:
    """The MIDI files that ``paths`` mean; [] where they mean anything else.

    A folder is one of music where most of the files in it, at any depth, are MIDI files.
    """
    found: list[Path] = []
    for path in paths:
        if not is_folder(path):
            if not path.lower().endswith(MIDI):
                return []
            found.append(Path(path))
            continue
        files = _visible_files(Path(path))
        midi = [file for file in files if file.name.lower().endswith(MIDI)]
        if 2 * len(midi) <= len(files):
            return []
        found += midi
    return found


def read_pieces(files: Sequence[Path], source: str) -> Table:
    """A row for each file that can be read, in the order given.

    Raises :class:`DataError` for the first broken file, unless they are few among many.
    """
    cells: list[str] = []
    read: list[Path] = []
    broken: list[DataError] = []
    digest = hashlib.sha256()
    silent = 0
    for file in files:
        content = content_of(file)
        digest.update(hashlib.sha256(content).digest())
        try:
            score = read_midi(content, str(file))
        except DataError as error:
            broken.append(error)
            if len(broken) > BROKEN_SHARE * len(files):
                raise broken[0] from None
            continue
        silent += not score.notes
        if score.notes:
            cells.append(score.to_text())
            read.append(file)
    if not cells:
        raise DataError(f"{source}: no file holds a note", "give .mid files with notes in them")
    warnings = [f"left out: {error.message}" for error in broken[:_NAMED]]
    if len(broken) > _NAMED:
        warnings.append(f"left out: {len(broken) - _NAMED} more files that are broken")
    if silent:
        warnings.append(f"{counted(silent, 'file')} without a note left out")
    one = len(files) == 1
    return Table(
        source,
        (SCORE,),
        {SCORE: TextColumn(cells)},
        np.ones(len(cells), dtype=np.int64),
        files=tuple(map(str, read)),
        file_of=np.arange(len(cells)),
        unit=PIECE,
        notes=(f"{counted(len(cells), 'piece')} of music",) if not one else (),
        warnings=tuple(warnings),
        digest=hashlib.sha256(content_of(files[0])).hexdigest() if one else digest.hexdigest(),
    )


def content_of(file: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file, of one that is too large no more than show that it is."""
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except FileNotFoundError as error:
        raise missing_file(str(file)) from error
    except PermissionError as error:
        raise no_permission(str(file)) from error
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from error


def _visible_files(folder: Path) -> list[Path]:
    """The files below a folder, by name; hidden ones, models and links to folders are passed over."""
    from seqcli.saved.places import is_model

    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except PermissionError as error:
        raise no_permission(str(folder)) from error
    files: list[Path] = []
    for entry in entries:
        if entry.is_dir():
            files += [] if entry.is_symlink() or is_model(entry) else _visible_files(entry)
        elif entry.is_file():
            files.append(entry)
    return files
