"""Putting a finished directory in the place of another, and one writer at a time.

The swap is one exchange of two names where the system has it. Elsewhere the old directory steps
aside first, and a reader that finds no ``STEM.seqcli`` takes the complete one waiting to replace
it (``.STEM.seqcli.new``): at every moment the old model or the new one is found.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqcli.errors import UsageError
from seqcli.saved.files import disk_errors, remove_tree, sync_directory
from seqcli.saved.places import CHECKPOINT, old_dir, partial_dir, staging_dir, waiting_dir

LOCK = "lock"
AT_FDCWD = {"linux": -100, "darwin": -2}
EXCHANGE = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS


def clear_partial(target: Path) -> None:
    """Remove the checkpoint of ``target``'s training; the lock stays until it is released."""
    with disk_errors(partial_dir(target)):
        remove_tree(partial_dir(target) / CHECKPOINT)


@contextmanager
def lock(target: Path) -> Iterator[Path]:
    """Hold the right to train into ``target``; yields the partial directory.

    The lock dies with the process, however that ends. Raises :class:`UsageError` when another
    process holds it, or when the directory cannot be made. On leaving, the partial directory goes
    unless it holds a checkpoint.
    """
    partial = partial_dir(target)
    with disk_errors(partial):
        handle = _acquire(partial, target)
    try:
        with disk_errors(target):
            _finish_swap(target)
        yield partial
    finally:
        with suppress(OSError):
            if not (partial / CHECKPOINT).exists():
                (partial / LOCK).unlink()
                partial.rmdir()
        os.close(handle)


def _acquire(partial: Path, target: Path) -> int:
    """An open descriptor of the lock file, locked."""
    path = partial / LOCK
    while True:
        partial.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:  # the last holder removed the directory just now
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if not isinstance(error, BlockingIOError):
                raise
            raise UsageError(
                f"{target}: another training is writing this model",
                "wait for it to end, or choose another place with --save DIR",
            ) from None
        # Whoever waited here while the last holder left may have locked a file that is gone.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)


def _finish_swap(target: Path) -> None:
    """Complete what a killed writer left: a waiting model without a target becomes the target."""
    waiting = waiting_dir(target)
    if waiting.is_dir() and not os.path.lexists(target):
        waiting.rename(target)


def put_in_place(complete: Path, target: Path, *, keep_old: bool) -> None:
    """Rename ``complete`` to ``target``, whose former content becomes ``STEM.seqcli.old`` or goes.

    Raises OSError.
    """
    waiting = waiting_dir(target)
    _finish_swap(target)
    remove_tree(waiting)
    complete.rename(waiting)
    try:
        waiting.rename(target)  # works when nothing, or an empty directory, is there
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if exchange(waiting, target):
            _retire(waiting, target, keep_old)
        else:
            _retire(target, target, keep_old)
            waiting.rename(target)
    sync_directory(target.parent)


def _retire(place: Path, target: Path, keep_old: bool) -> None:
    """Make the former model at ``place`` the old one, or remove it."""
    waste, old = staging_dir(target), old_dir(target)
    if keep_old:
        with suppress(FileNotFoundError):
            old.rename(waste)
        place.rename(old)
    else:
        place.rename(waste)
    remove_tree(waste)


def exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step of the file system; False where that is not offered."""
    import ctypes

    name = {"linux": "renameat2", "darwin": "renameatx_np"}.get(sys.platform)
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if call is None:
        return False
    here = AT_FDCWD[sys.platform]
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return bool(call(here, os.fsencode(first), here, os.fsencode(second), EXCHANGE) == 0)
