"""Sound in folders as a table: one row a clip, its file and the folder that it lies in.

train digits/           a folder of folders of .wav files, whose names are the labels
train zero/ one/        the same, named one by one
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.columns import TextColumn
from seqcli.readers.folders import Member, find_members, published_train
from seqcli.readers.sources import is_folder
from seqcli.readers.table import Table

WAV = ".wav"
CLIP, LABEL = "audio", "label"
"""The columns."""


def clip_members(paths: Sequence[str]) -> list[Member]:
    """The .wav files that folders hold, each with the name of its folder; [] where most are no such files."""
    if not paths or not all(map(is_folder, paths)):
        return []
    members = find_members(paths)
    clips = [member for member in members if member.path.lower().endswith(WAV)]
    return clips if 2 * len(clips) > len(members) else []


def read_clips(members: Sequence[Member], paths: Sequence[str]) -> Table:
    """A row for each file; cells are paths from where the first folder lies.

    Raises :class:`DataError` where all clips lie in one folder, which tells nothing.
    """
    labels = [member.label for member in members]
    if len(paths) == 1 and len(set(labels)) == len(labels):
        raise DataError(
            f"{paths[0]}: {len(members):,} clips, and nothing says what is in them",
            "a folder for each label, or a manifest.csv with columns audio and text",
        )
    start = published_train(Path(paths[0])) or Path(paths[0])
    folder = start.parent
    cells = [os.path.relpath(member.path, folder) for member in members]
    digest = hashlib.sha256()
    for member in members:
        digest.update(f"{member.path} {Path(member.path).stat().st_size}\n".encode())
    return Table(
        str(start),
        (CLIP, LABEL),
        {CLIP: TextColumn(cells), LABEL: TextColumn(labels)},
        np.arange(1, len(members) + 1),
        files=(str(start),),
        unit="clip",
        notes=(f"{len(members):,} clips; each folder's name is their label, in the column label",),
        digest=digest.hexdigest(),
    )
