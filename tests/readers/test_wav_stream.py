"""Sound from a pipe: its header, whose size nobody knew, and samples as they come."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.readers.sources import Source
from seqcli.readers.wav import parse_wav
from seqcli.readers.wav_stream import SoundStream, open_sound


class Pipe(io.RawIOBase):
    """Gives so many bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content, self._size = io.BytesIO(content), size

    def read(self, most: int = -1) -> bytes:
        return self._content.read(min(self._size, most) if most >= 0 else self._size)


def stream_of(content: bytes, size: int = 1 << 20, raw: int | None = None) -> SoundStream:
    return SoundStream(Source("stdin", Pipe(content, size)), raw)


def wav(data: bytes, size: int | None = None, ahead: bytes = b"", channels: int = 1, bits: int = 16) -> bytes:
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, 8000, 8000 * width, width, bits)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + ahead
    body = head + b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + body


NOISE = np.random.default_rng(0).integers(-3000, 3000, 1001).astype("<i2").tobytes()


@pytest.mark.parametrize("size", [1, 3, 64, 5000])
@pytest.mark.parametrize(("channels", "bits"), [(1, 16), (2, 16), (1, 8), (1, 24)])
def test_samples_are_those_of_the_whole_file(size: int, channels: int, bits: int) -> None:
    content = wav(NOISE, channels=channels, bits=bits)
    stream = stream_of(content, size)
    assert stream.rate == 8000
    found = np.concatenate(list(stream.blocks()))
    assert found == pytest.approx(parse_wav(content, "x").samples, abs=1e-7)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x7FFF0000, 0xFFFFFFFF])
def test_a_size_that_nobody_knew_means_up_to_the_end(size: int) -> None:
    found = np.concatenate(list(stream_of(wav(NOISE, size), 100).blocks()))
    assert len(found) == 1001


def test_what_stands_ahead_of_and_behind_the_samples_is_no_sound() -> None:
    ahead = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"
    content = wav(NOISE, ahead=ahead) + b"LIST" + struct.pack("<I", 300) + bytes(300)
    for size in (7, 1 << 16):
        assert len(np.concatenate(list(stream_of(content, size).blocks()))) == 1001


def test_each_block_is_there_before_the_next_is_read() -> None:
    content = wav(NOISE)
    head = len(content) - len(NOISE)
    pipe = Pipe(content, head)
    blocks = SoundStream(Source("stdin", pipe)).blocks()
    assert len(next(blocks)) == head // 2
    assert pipe._content.tell() == 2 * head


def test_samples_without_a_header() -> None:
    found = np.concatenate(list(stream_of(NOISE, 33, raw=16000).blocks()))
    assert found == pytest.approx(np.frombuffer(NOISE, "<i2") / 32768)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "stdin: is empty"),
        (NOISE, "does not begin as a wav file"),
        (b"fLaC" + bytes(100), "does not begin as a wav file"),
        (wav(NOISE)[:30], "a wav file without a description"),
        (wav(NOISE)[:40], "a wav file without samples"),
        (wav(NOISE, bits=12), "samples of 12 bits cannot be read"),
        (wav(b""), "holds no sound"),
        (wav(b"x"), "holds no sound"),
    ],
)
def test_what_is_no_sound_is_said(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(stream_of(content, 10).blocks())


def test_numbers_that_are_none_are_said() -> None:
    form = struct.pack("<HHIIHH", 3, 1, 8000, 32000, 4, 32)
    data = struct.pack("<2f", 0.1, float("nan"))
    content = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 8) + data
    with pytest.raises(DataError, match="no numbers"):
        list(stream_of(content).blocks())


def test_a_file_is_read_and_closed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(NOISE))
    sound = open_sound(str(tmp_path / "a.wav"))
    assert sum(map(len, sound.blocks())) == 1001
    sound.close()
    (tmp_path / "b.wav").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"b\.wav: does not begin"):
        open_sound(str(tmp_path / "b.wav"))
    with pytest.raises(DataError, match="no such file"):
        open_sound(str(tmp_path / "c.wav"))
