"""Every form of wav comes back as what was written, and what cannot be read is said."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest

from seqcli.errors import DataError
from seqcli.readers.wav import parse_wav, read_wav

SOUND = np.sin(np.arange(50) * 0.3) * 0.9


def by_stdlib(samples: np.ndarray, bits: int, rate: int = 8000) -> bytes:
    """(S, C) numbers as the standard library writes them."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(as_bytes(samples, bits))
    return buffer.getvalue()


def as_bytes(samples: np.ndarray, bits: int) -> bytes:
    whole = np.rint(samples.reshape(-1) * 2 ** (bits - 1)).astype(np.int64)
    if bits == 8:
        return bytes((whole + 128).astype(np.uint8))
    return b"".join(int(value).to_bytes(bits // 8, "little", signed=True) for value in whole)


def chunks(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(data)) + data for name, data in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(tag: int, bits: int, channels: int = 1, rate: int = 8000, more: bytes = b"") -> tuple[bytes, bytes]:
    width = bits // 8 * channels
    return b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits) + more


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_integers_of_every_width(bits: int) -> None:
    found = parse_wav(by_stdlib(SOUND[:, None], bits), "a.wav")
    assert found.rate == 8000
    assert found.samples == pytest.approx(SOUND, abs=0.51 / 2 ** (bits - 1) + 1e-7)


@pytest.mark.parametrize(("bits", "kind"), [(32, "<f4"), (64, "<f8")])
def test_floats(bits: int, kind: str) -> None:
    found = parse_wav(chunks(form(3, bits), (b"data", SOUND.astype(kind).tobytes())), "a.wav")
    assert found.samples == pytest.approx(SOUND, abs=1e-6)


def test_channels_are_averaged() -> None:
    both = np.stack([SOUND, np.full(len(SOUND), 0.5)], axis=1)
    found = parse_wav(by_stdlib(both, 16, rate=44100), "a.wav")
    assert found.rate == 44100
    assert found.samples == pytest.approx(both.mean(axis=1), abs=1e-4)


def test_an_extensible_header_and_other_chunks_are_read() -> None:
    more = struct.pack("<HHI", 22, 24, 4) + struct.pack("<H", 1) + b"\0" * 14
    data = as_bytes(SOUND, 24)
    odd = (b"LIST", b"abc" + b"\0")  # chunks end at even places
    found = parse_wav(chunks(odd, form(0xFFFE, 24, more=more), (b"data", data)), "a.wav")
    assert found.samples == pytest.approx(SOUND, abs=1e-6)


def test_a_recording_that_broke_off_is_read_as_far_as_it_goes() -> None:
    whole = by_stdlib(SOUND[:, None], 16)
    found = parse_wav(whole[:-21], "a.wav")
    assert len(found.samples) == len(SOUND) - 11
    assert found.samples == pytest.approx(SOUND[:-11], abs=1e-4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a wav file"),
        (b"ID3\x04" + b"\0" * 60, "is not a wav file"),
        (b"RIFX" + b"\0" * 4 + b"WAVE", "big-endian"),
        (chunks(form(1, 16)), "without samples"),
        (chunks((b"data", b"\0\0")), "without a description"),
        (chunks(form(0x55, 16), (b"data", b"\0\0")), "compressed sound"),
        (chunks(form(1, 12), (b"data", b"\0\0")), "samples of 12 bits"),
        (chunks(form(1, 16, rate=3), (b"data", b"\0\0")), "makes no sense"),
        (chunks(form(1, 16, channels=0), (b"data", b"\0\0")), "makes no sense"),
        (chunks(form(1, 16), (b"data", b"\0")), "holds no sound"),
        (chunks(form(3, 32), (b"data", struct.pack("<f", np.nan))), "no numbers"),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        parse_wav(content, "clips/a.wav")
    assert error.value.message.startswith("clips/a.wav: ")


def test_a_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_wav(tmp_path / "a.wav")
    with pytest.raises(DataError, match="cannot be read"):
        read_wav(tmp_path)
