"""Sound from a .wav file: integers of 8, 16, 24 or 32 bits or floats, any rate, channels averaged.

A file is a list of chunks, each a name of four bytes, a size and so many bytes (Microsoft and IBM 1991,
Multimedia Programming Interface and Data Specifications): ``fmt `` says what the samples are, ``data`` holds
them. Everything else is passed over, and a recording that was broken off is read as far as it goes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcli.errors import DataError
from seqcli.sequences import FloatArray

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SLOWEST, FASTEST = 1000, 400_000
"""Samples a second that make sense."""
MOST_BYTES = 1 << 30
_HINT = "convert it to wav, 16 bits: ffmpeg -i FILE -c:a pcm_s16le FILE.wav"
_KINDS = {
    (PCM, 8): "u1",
    (PCM, 16): "<i2",
    (PCM, 24): "u1",
    (PCM, 32): "<i4",
    (FLOAT, 32): "<f4",
    (FLOAT, 64): "<f8",
}


class Wave(NamedTuple):
    """One recording."""

    samples: FloatArray
    """(S,) between -1 and 1."""
    rate: int
    """Samples a second."""


def read_wav(path: str | Path) -> Wave:
    """Read a file. Raises :class:`DataError` that names it for one that is not there or cannot be read."""
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe or a device may never end
            raise DataError(f"{path}: cannot be read: it is no file", "name a .wav file")
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file", "paths are looked up from where the manifest is") from error
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > MOST_BYTES:
        raise DataError(f"{path}: more than {MOST_BYTES >> 20:,} MiB of sound", "cut it into shorter clips")
    return parse_wav(content, str(path))


def parse_wav(content: bytes, name: str) -> Wave:
    """The recording that the bytes of a file hold; ``name`` stands in errors."""
    if content[:4] not in (b"RIFF", b"RIFX") or content[8:12] != b"WAVE":
        raise DataError(f"{name}: is not a wav file", _HINT)
    if content[:4] == b"RIFX":
        raise DataError(f"{name}: a wav file of big-endian samples", _HINT)
    form, data, place = None, None, 12
    while place + 8 <= len(content) and data is None:
        chunk, size = content[place : place + 4], struct.unpack_from("<I", content, place + 4)[0]
        body = content[place + 8 : place + 8 + size]
        if chunk == b"fmt ":
            form = body
        elif chunk == b"data":
            data = body
        place += 8 + size + size % 2
    if form is None or len(form) < 16 or data is None:
        raise DataError(f"{name}: a wav file without {'samples' if form else 'a description'}", _HINT)
    kind = sample_kind(form, name)
    samples = kind.samples(data)
    if not len(samples):
        raise DataError(f"{name}: holds no sound", "leave the row out")
    if not np.isfinite(samples).all():
        raise DataError(f"{name}: holds samples that are no numbers", _HINT)
    return Wave(samples, kind.rate)


class SampleKind(NamedTuple):
    """What the samples of a recording are."""

    tag: int
    """Integers or floats,"""
    bits: int
    """of so many bits,"""
    channels: int
    rate: int
    """and so many a second of each channel."""

    @property
    def width(self) -> int:
        """Bytes of all channels at one moment."""
        return self.bits // 8 * self.channels

    def samples(self, data: bytes) -> FloatArray:
        """The mean (S,) over channels of all whole samples in ``data``."""
        samples = _samples(data, self.tag, self.bits)
        samples = samples[: len(samples) // self.channels * self.channels].reshape(-1, self.channels)
        found: FloatArray = samples.mean(axis=1, dtype=np.float64).astype(np.float32)
        return found


def sample_kind(form: bytes, name: str) -> SampleKind:
    """What a ``fmt `` chunk says. Raises DataError that calls the file ``name`` for what cannot be read."""
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if tag == EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack_from("<H", form, 24)[0]
    if (tag, bits) not in _KINDS:
        what = f"samples of {bits} bits" if tag in (PCM, FLOAT) else f"compressed sound (kind {tag})"
        raise DataError(f"{name}: {what} cannot be read", _HINT)
    if not SLOWEST <= rate <= FASTEST or not 1 <= channels <= 64:
        raise DataError(f"{name}: {rate:,} samples a second in {channels} channels makes no sense", _HINT)
    return SampleKind(tag, bits, channels, rate)


def _samples(data: bytes, tag: int, bits: int) -> FloatArray:
    """All samples (S × channels,) as numbers between -1 and 1; bytes behind the last whole one are left."""
    width = bits // 8
    raw = np.frombuffer(data[: len(data) // width * width], _KINDS[tag, bits])
    if tag == FLOAT:
        with np.errstate(over="ignore"):
            return raw.astype(np.float32)
    if bits == 8:
        return ((raw.astype(np.float32) - 128) / 128).astype(np.float32)
    if bits == 24:  # little-endian in the upper three bytes of four
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        raw = wide.view("<i4")[:, 0]
        bits = 32
    return (raw / 2.0 ** (bits - 1)).astype(np.float32)
