"""Reading and writing the files of a model directory so that neither a hostile directory nor a full
disk can do harm.

Reading: every file is opened relative to the directory's own descriptor, links are not followed,
only regular files are read, and size and digest must agree with what ``model.json`` states. JSON is
strict: no NaN, no repeated keys, bounded depth and numbers. Writing: every file reaches the disk
before the directory gets its name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from seqcli.errors import ModelError, ResourceError, UsageError

MAX_JSON_BYTES = 32 * 2**20
MAX_FILE_BYTES = 2 * 2**30
MAX_JSON_DEPTH = 64

DAMAGED_HINT = "the model was changed or cut short: copy it again, or train again with --force"


def shown(value: object) -> str:
    """A foreign name or value as it may stand in a one-line message: escaped, and not too long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def damaged(where: str, what: str) -> NoReturn:
    """Raise the :class:`ModelError` of a file that is not what a model holds."""
    raise ModelError(f"{where}: {what}", DAMAGED_HINT)


# ---- reading ---------------------------------------------------------------------------------


def open_directory(path: Path | str, inside: int | None = None) -> int:
    """A descriptor of a directory; with ``inside`` (a descriptor) a link is not followed.

    Raises OSError.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    return os.open(path, flags if inside is None else flags | os.O_NOFOLLOW, dir_fd=inside)


def open_regular(name: str, directory: int, where: str) -> tuple[int, int]:
    """Descriptor and size of the regular file ``name`` of an open directory.

    Raises :class:`ModelError` for anything else: a link, a pipe, a device, a directory, nothing.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not wait for its other end.
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        damaged(where, "is missing")
    except OSError as error:
        if error.errno == errno.ELOOP:
            damaged(where, "is a link; the files of a model are never links")
        raise ModelError(f"{where}: cannot be read ({reason(error)})") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        damaged(where, "is not a regular file")
    return handle, status.st_size


def read_bytes(name: str, directory: int, where: str, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes."""
    handle, size = open_regular(name, directory, where)
    with os.fdopen(handle, "rb") as file:
        if size > limit:
            damaged(where, f"has {size} bytes, more than any model's ({limit})")
        try:
            data = file.read(size + 1)
        except OSError as error:
            raise ModelError(f"{where}: cannot be read ({reason(error)})") from None
    if len(data) != size:
        damaged(where, "changed while it was read")
    return data


def read_checked(name: str, directory: int, where: str, size: int, sha256: str) -> bytes:
    """The content of a file that must have this ``size`` and SHA-256; sized before it is read."""
    handle, actual = open_regular(name, directory, where)
    os.close(handle)
    if actual != size:
        damaged(where, f"has {actual} bytes instead of {size}")
    data = read_bytes(name, directory, where, min(size, MAX_FILE_BYTES))
    if hashlib.sha256(data).hexdigest() != sha256:
        damaged(where, "does not match its checksum in model.json")
    return data


def parse_json(data: bytes, where: str) -> Any:
    """Strict JSON: UTF-8, finite numbers of 64 bits, no repeated keys, depth at most 64.

    Raises :class:`ModelError`, whatever the bytes are.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        _check_values(value)
    except UnicodeDecodeError:
        damaged(where, "is not UTF-8 text")
    except RecursionError:
        damaged(where, f"is nested deeper than {MAX_JSON_DEPTH} levels")
    except ValueError as error:
        damaged(where, f"is not valid JSON ({str(error).splitlines()[0][:100]})")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is repeated")
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _check_values(root: Any) -> None:
    """Refuse what later code need not expect: deep nesting, huge numbers, broken text."""
    waiting = [(root, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_JSON_DEPTH:
            raise ValueError(f"nested deeper than {MAX_JSON_DEPTH} levels")
        if isinstance(value, dict):
            waiting.extend((key, depth) for key in value)
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
        elif isinstance(value, str):
            value.encode()  # a lone surrogate is a ValueError here, and would be one at every print
        elif isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise ValueError("a whole number has more than 64 bits")
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number is infinite")


# ---- writing ---------------------------------------------------------------------------------


def to_json(value: Any) -> str:
    """One line of strict JSON; raises ValueError for NaN and TypeError for foreign types."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def write_file(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are on the disk."""
    handle = open_directory(path)
    try:
        os.fsync(handle)
    except OSError as error:  # some network file systems cannot sync a directory
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def reason(error: OSError) -> str:
    """What the system said, in lower case: "no space left on device"."""
    text = error.strerror or type(error).__name__
    return text[:1].lower() + text[1:]


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError while writing ``path`` into the error that a user can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise ResourceError(
                f"{path}: the disk is full ({reason(error)})",
                "make room, or choose another place with --save DIR",
            ) from None
        raise UsageError(
            f"{path}: cannot be written ({reason(error)})", "choose another place with --save DIR"
        ) from None


def remove_tree(path: Path) -> None:
    """Remove a file, a link or a directory of ours with all it holds; a missing one is fine."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for entry in list(path.iterdir()):
        remove_tree(entry)
    path.rmdir()


def as_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON lines."""
    return "".join(to_json(dict(record)) + "\n" for record in records).encode()
