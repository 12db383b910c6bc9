"""Several files, and folders: where the name of a file or folder is the label of its rows.

train pos.txt neg.txt         each line is a text, the label is the file's name
train walking/ sitting/       each file is an example, the label is the folder's name
train reviews/                a folder of folders is the same as naming its folders
train languages/              a folder of files is the same as naming its files

What a folder holds besides data is passed over: hidden files and folders, and models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.columns import JoinedColumn
from seqcli.readers.registry import format_of_name, plain_name
from seqcli.readers.sources import STDIN, is_folder, no_permission, refuse_model
from seqcli.readers.table import Table
from seqcli.saved.places import is_model

UNLABELLED = frozenset(["unsup", "unlabeled", "unlabelled", "unknown"])
"""Folders that published sets use for examples without a label."""


class Member(NamedTuple):
    """One of several files: its label, and whether the whole file is one text."""

    path: str
    label: str
    whole: bool


def find_members(paths: Sequence[str]) -> list[Member]:
    """The files behind several paths or a folder, sorted within a folder; [] for one plain file.

    Raises :class:`DataError` for a path that is not there, a model, and a folder with nothing to read.
    """
    for path in paths:
        refuse_model(path)
    if not any(map(is_folder, paths)):
        if len(paths) == 1:
            return []
        if STDIN in paths:
            raise DataError("stdin cannot be one of several inputs", "write it to a file first")
        return [Member(path, label, False) for path, label in zip(paths, _labels(paths), strict=True)]
    if len(paths) == 1:
        return _open_folder(Path(paths[0]))
    return [member for path in paths for member in _examples_in(Path(path))]


def _open_folder(folder: Path) -> list[Member]:
    published = published_train(folder)
    if published is not None:
        return _open_folder(published)
    folders, files = _entries(folder)
    labelled = [entry for entry in folders if entry.name not in UNLABELLED]
    if labelled:
        members = [member for entry in labelled for member in _examples_in(entry)]
    else:
        paths = [str(path) for path in files]
        members = [Member(path, label, False) for path, label in zip(paths, _labels(paths), strict=True)]
    if not members:
        such = f"such as {files[0]}" if files else "or a folder of folders"
        raise DataError(
            f"{folder}: no file to read in this folder" + ("'s folders" if files else ""),
            f"give a file, {such}",
        )
    return members


def published_train(folder: Path) -> Path | None:
    """The folder ``train`` of a published set that comes as folders of folders; None for other folders."""
    train = folder / "train"
    return train if is_folder(str(train)) and _entries(train)[0] else None


def _examples_in(path: Path) -> list[Member]:
    """The files of one label's folder, at any depth; a plain file beside folders is a label of its own."""
    if not is_folder(str(path)):
        return [Member(str(path), _stem(path), False)]
    return [
        Member(str(file), path.name, format_of_name(str(file)) in {"", "txt"}) for file in _files_below(path)
    ]


def _files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder at any depth; links to folders are not followed, they may lead in a circle."""
    folders, files = _entries(folder)
    yield from files
    for entry in folders:
        if not entry.is_symlink():
            yield from _files_below(entry)


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the files in a folder that may hold data, each by name."""
    try:
        entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
        folders = [entry for entry in entries if entry.is_dir() and not is_model(entry)]
        return folders, [entry for entry in entries if entry.is_file()]
    except PermissionError as error:
        raise no_permission(str(folder)) from error


def _stem(path: Path) -> str:
    return Path(plain_name(path.name)).stem


def _labels(paths: Sequence[str]) -> list[str]:
    """File names without their endings; where those are all the same, the names of their folders."""
    stems = [_stem(Path(path)) for path in paths]
    parents = [Path(path).absolute().parent.name for path in paths]
    if len(set(stems)) == 1 and len(set(parents)) == len(paths):
        return parents
    return stems


def join_members(parts: Sequence[tuple[Member, Table]]) -> Table:
    """One table of all members, with their labels as a column.

    The column is called ``label``; in files of dated rows, where a file is one series of many,
    ``file``. Tables that have a label column already are only laid end to end. Rows of a table that
    is one example in a labelled folder carry the file's path in a column ``file`` as well.
    """
    tables = [table for _, table in parts]
    first = tables[0]
    for member, table in parts:
        if set(table.names) != set(first.names):
            raise DataError(
                f"{member.path}: its columns are {', '.join(table.names)}, "
                f"those of {first.source} are {', '.join(first.names)}",
                "files that are read together need the same columns",
            )
    lengths = [len(table) for table in tables]
    joined = Table(
        _several(first.source, len(tables)),
        first.names,
        {name: JoinedColumn([table.column(name) for table in tables]) for name in first.names},
        np.concatenate([table.records for table in tables]),
        files=tuple(table.source for table in tables),
        file_of=np.repeat(np.arange(len(tables)), lengths),
        unit=first.unit,
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
        warnings=tuple(dict.fromkeys(warning for table in tables for warning in table.warnings)),
        digest=hashlib.sha256("".join(table.digest for table in tables).encode()).hexdigest(),
    )
    return _with_labels(joined, [member for member, _ in parts], lengths)


def _with_labels(table: Table, members: list[Member], lengths: list[int]) -> Table:
    labels = [member.label for member, length in zip(members, lengths, strict=True) for _ in range(length)]
    if "label" in table.names:
        return replace(table, notes=(*table.notes, f"{len(members)} files laid end to end"))
    examples = [member.path for member, length in zip(members, lengths, strict=True) for _ in range(length)]
    if len({member.label for member in members}) < len(members) and not members[0].whole:
        table = table.with_column("file", examples)
    elif any(table.kind(name) == "date" for name in table.names):
        return replace(
            table.with_column("file", labels), notes=(*table.notes, "the file's name is the column file")
        )
    return replace(
        table.with_column("label", labels),
        notes=(*table.notes, "each name is its label, in the column label"),
    )


def _several(first: str, count: int) -> str:
    return first if count == 1 else f"{first} and {count - 1} more"
