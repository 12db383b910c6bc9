"""Opening what holds the data: a path or "-", gzip or not, in whatever encoding; and what is refused.

A :class:`Source` gives text piece by piece, as it arrives, so a pipe from ``tail -f`` is read as it
speaks and a file in large pieces. What was found out on the way is in ``notes``.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import select
import stat
import sys
import zlib
from pathlib import Path
from typing import IO, cast

from seqcli.errors import DataError, UsageError, near_miss
from seqcli.saved.places import is_model

STDIN = "-"
_PIECE = 1 << 22
"""Bytes asked for at a time; a pipe gives what it has."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "encoding UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "encoding UTF-16"),
)
_SHEET = "save the sheet as CSV (UTF-8) and give that file"
_AS_TEXT = "give a csv, tsv, jsonl or txt file"
_SOUND = "name it in a manifest.csv (audio,text) to learn; to hear, ls *.wav | seqcli predict -, or --stream"
_BINARY = (
    (b"PK\x03\x04", "is a spreadsheet or a zip archive", f"{_SHEET}; unpack an archive"),
    (b"\xd0\xcf\x11\xe0", "is an old Office document", _SHEET),
    (b"PAR1", "is a Parquet file", _AS_TEXT),
    (b"ARROW1", "is an Arrow file", _AS_TEXT),
    (b"SQLite format 3\x00", "is a SQLite database", _AS_TEXT),
    (b"\x93NUMPY", "is a NumPy array", _AS_TEXT),
    (b"%PDF", "is a PDF document", _AS_TEXT),
    *((mark, "is a sound file, not a list of such", _SOUND) for mark in (b"RIFF", b"ID3", b"fLaC", b"OggS")),
    (b"BZh", "is a bzip2 archive", "unpack it with bunzip2, or compress it with gzip"),
    (b"\xfd7zXZ\x00", "is an xz archive", "unpack it with unxz, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is a zstd archive", "unpack it with unzstd, or compress it with gzip"),
)
_CONTROLS = bytes([*range(9), *range(14, 32), 127])
_ESCAPED = re.compile("[\udc80-\udcff]")
"""Bytes that the encoding cannot hold, as the decoder's surrogateescape leaves them."""


class Source:
    """One input, open for reading, as pieces of text with ``\\n`` line ends.

    ``name`` is what messages call it. Bytes that are not of the encoding come as lone surrogates,
    which :func:`bad_character` finds, so that a reader can name the row.
    """

    def __init__(self, name: str, file: IO[bytes], encoding: str | None = None) -> None:
        self.name = name
        self.notes: list[str] = []
        self._file = file
        self._hash = hashlib.sha256()
        self._size = _size(file)
        self._bytes = 0
        self._unzip: zlib._Decompress | None = None
        self._decoder = _decoder(encoding) if encoding else None
        self._guessed = encoding is None
        self._started = False
        self._ended = False
        self._carriage = ""  # a "\r" whose "\n" may still come
        self._line_ends = "\r\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes read so far, in hexadecimal."""
        return self._hash.hexdigest()

    @property
    def share(self) -> float | None:
        """The share of its bytes that were read; None where nobody knows what is to come, as in a pipe."""
        return min(self._bytes / self._size, 1.0) if self._size else None

    def waits(self, seconds: float = 0.0) -> bool:
        """Whether a read would wait, even after so many seconds, as at a pipe whose writer is silent."""
        try:
            return not select.select([self._file.fileno()], [], [], seconds)[0]
        except (OSError, ValueError):  # held in memory, or nothing that can be asked
            return False

    def read(self) -> str:
        """The next piece of text; "" at the end. Raises :class:`DataError` for what is no text."""
        while not self._ended:
            raw = self._read_raw()
            self._ended = not raw
            text = self._even_line_ends(self._decode(self._inflate(raw)))
            if text:
                return text
        return ""

    def read_bytes(self, most: int) -> bytes:
        """The next bytes as they are, at most so many and at least one; b"" at the end."""
        try:
            return self._file.read(most) or b""
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file; stdin stays open."""
        if self.name != "stdin":
            self._file.close()

    def _read_raw(self) -> bytes:
        try:
            raw = self._file.read(_PIECE)
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read: {error.strerror or error}") from error
        self._hash.update(raw)
        self._bytes += len(raw)
        return raw

    def _inflate(self, raw: bytes) -> bytes:
        if not self._started and raw.startswith(b"\x1f\x8b"):
            self._unzip = zlib.decompressobj(wbits=31)
            self.notes.append("gzip")
        self._started = True
        if self._unzip is None:
            return raw
        if self._ended and not self._unzip.eof:
            raise DataError(f"{self.name}: the gzip data ends too early", "fetch or compress the file again")
        parts = []
        try:
            while raw:
                if self._unzip.eof:  # one more member: files joined with cat
                    self._unzip = zlib.decompressobj(wbits=31)
                parts.append(self._unzip.decompress(raw))
                raw = self._unzip.unused_data.lstrip(b"\0")
        except zlib.error as error:
            raise DataError(f"{self.name}: damaged gzip data", "fetch or compress the file again") from error
        return b"".join(parts)

    def _decode(self, data: bytes) -> str:
        if self._decoder is None:
            if not data:
                return ""
            self._decoder = _decoder(self._find_encoding(data))
        try:
            text = self._decoder.decode(data, self._ended)
        except UnicodeDecodeError as error:
            raise DataError(f"{self.name}: the text does not fit its encoding", _ENCODING_HINT) from error
        if self._guessed and not text.isascii():
            text = self._confirm_utf8(text)
        return text

    def _find_encoding(self, data: bytes) -> str:
        """The encoding that the first bytes show; refuses what is no text."""
        for mark, encoding, note in _BOMS:
            if data.startswith(mark):
                self.notes.append(note)
                self._guessed = False
                return encoding
        for mark, what, hint in _BINARY:
            if data.startswith(mark):
                raise DataError(f"{self.name}: {what}", hint)
        start = data[:8192]
        for first, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
            zeros = start[first::2].count(0)
            if zeros > 0.4 * len(start[first::2]) and not start[1 - first :: 2].count(0):
                self.notes.append("encoding UTF-16")
                self._guessed = False
                return encoding
        if len(start) - len(start.translate(None, _CONTROLS)) > max(4, 0.05 * len(start)):
            raise DataError(f"{self.name}: is binary data, not text", _AS_TEXT)
        return "utf-8"

    def _confirm_utf8(self, text: str) -> str:
        """The first text that is not ASCII shows whether the file is UTF-8 or, else, Windows' cp1252."""
        self._guessed = False
        wrong = len(_ESCAPED.findall(text))
        right = len(text) - len(text.encode("ascii", "ignore")) - wrong
        if wrong <= right:
            return text
        assert self._decoder is not None
        data = text.encode("utf-8", "surrogateescape") + self._decoder.getstate()[0]
        self._decoder = _decoder("cp1252")
        self.notes.append("encoding cp1252")
        return self._decoder.decode(data, self._ended)

    def _even_line_ends(self, text: str) -> str:
        text = self._carriage + text
        self._carriage = ""
        if "\r" not in text:
            return text
        if text.endswith("\r") and not self._ended:
            text, self._carriage = text[:-1], "\r"
        if "\n" not in text and "\r" in text:  # no line feed in a whole piece: an old Mac's file
            self._line_ends = "\r"
        return text.replace("\r\n", "\n").replace(self._line_ends, "\n")


def _size(file: IO[bytes]) -> int:
    """The bytes of a file on the disk; 0 for what has no size."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, ValueError):  # held in memory
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


_ENCODING_HINT = "--encoding cp1252 (or another) reads it, or save the file as UTF-8"


def open_source(path: str, encoding: str | None = None) -> Source:
    """Open a file, or stdin for "-". Raises :class:`DataError` when it cannot be read."""
    if path == STDIN:
        buffer = sys.stdin.buffer
        return Source("stdin", cast("IO[bytes]", getattr(buffer, "raw", buffer)), encoding)
    refuse_model(path)
    if is_folder(path):
        heard = f"ls {path.rstrip('/')}/*.wav | seqcli predict - -m MODEL reads the clips in it"
        clips = any(Path(path).glob("*.wav"))
        raise DataError(f"{path}: is a directory", heard if clips else "give a file")
    if Path(path).suffix.lower() in {".xlsx", ".xls", ".ods"}:
        raise DataError(f"{path}: is a spreadsheet", _SHEET)
    try:
        file = cast("IO[bytes]", Path(path).open("rb", buffering=0))  # noqa: SIM115 – the source closes it
    except FileNotFoundError as error:
        raise missing_file(path) from error
    except PermissionError as error:
        raise no_permission(path) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{path}: cannot be opened: {reason}") from error
    return Source(path, file, encoding)


def is_folder(path: str) -> bool:
    """Whether a path is a folder; one that may not be looked at is none."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def refuse_model(path: str) -> None:
    """Raise :class:`DataError` for a model directory where data should be."""
    if is_model(Path(path)):
        raise DataError(f"{path}: is a model, not data", f"name it by -m {path}, beside a file of data")


def no_permission(path: str) -> DataError:
    """The error for a file or folder that the user may not read."""
    return DataError(f"{path}: you have no permission to read it", f"chmod u+r {path}")


def missing_file(path: str) -> DataError:
    """The error for a file that is not there, with the closest name beside it."""
    folder = Path(path).parent
    try:
        known = [entry.name for entry in folder.iterdir() if not is_model(entry)]
    except OSError:  # no such folder either, or one that may not be looked into
        known = []
    close = near_miss(Path(path).name, known)
    hint = f"did you mean {folder / close}?" if close else "look at its path and spelling"
    return DataError(f"{path}: no such file", hint)


def bad_character(text: str) -> str:
    """What makes a text unusable, in a few words; "" for a good one."""
    if "\0" in text:
        return "a NUL byte"
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        escaped = 0xDC80 <= code <= 0xDCFF
        return f"byte 0x{code - 0xDC00:02X} does not fit the encoding" if escaped else "half a surrogate pair"
    return ""


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        "".encode(encoding)  # refuses codecs that hold no text, such as base64
        name = codecs.lookup(encoding).name
        return codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)("surrogateescape")
    except LookupError as error:
        close = near_miss(
            encoding, ["utf-8", "utf-16", "cp1252", "latin-1", "cp1251", "shift_jis", "gb18030"]
        )
        hint = f"did you mean {close!r}?" if close else "such as utf-8, cp1252, utf-16"
        raise UsageError(f"--encoding: {encoding!r} is not a known encoding", hint) from error
