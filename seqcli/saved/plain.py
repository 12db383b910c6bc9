"""A directory of plain files that is no model: written aside and put in place whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from seqcli.errors import UsageError
from seqcli.saved import files
from seqcli.saved.places import staging_dir


def write_directory(target: Path, content: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write ``content`` (file name → bytes) into a new directory ``target``.

    With ``force`` one that stands there is replaced, if it holds nothing else than files of these names.
    Raises :class:`UsageError` for what may not be replaced, :class:`ResourceError` when the disk is full.
    """
    if os.path.lexists(target):
        _check_replaceable(target, set(content), force)
    staging = staging_dir(target)
    try:
        with files.disk_errors(target):
            files.remove_tree(staging)  # left by a writer that was killed
            staging.mkdir(parents=True)
            for name, data in content.items():
                files.write_file(staging / name, data)
            files.sync_directory(staging)
            if target.exists():
                files.remove_tree(target)
            staging.rename(target)
    finally:
        with suppress(OSError):
            files.remove_tree(staging)


def _check_replaceable(target: Path, names: set[str], force: bool) -> None:
    """Raise UsageError unless ``target`` is a directory that may go."""
    if target.is_symlink() or not target.is_dir():
        raise UsageError(f"{target}: exists and is not a directory", "choose another place with -o DIR")
    foreign = sorted(item.name for item in target.iterdir() if item.name not in names or item.is_dir())
    if foreign:
        raise UsageError(
            f"{target}: holds {foreign[0]!r}, which no export does", "choose another place with -o DIR"
        )
    if any(target.iterdir()) and not force:
        raise UsageError(f"{target}: already holds an export", "--force replaces it")
