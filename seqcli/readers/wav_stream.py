"""Sound as it comes through a pipe: a wav header and samples behind it, or samples alone.

What records or converts into a pipe cannot know how long it will go on, so the size in its header is one that
no recording has, or 0: the sound then lasts as long as the pipe does (arecord, sox and ffmpeg do so).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.sources import Source, open_source
from seqcli.readers.wav import PCM, SampleKind, sample_kind
from seqcli.sequences import FloatArray

AT_ONCE = 1 << 16
"""Bytes asked for at a time; a pipe gives what it has."""
ENDLESS = 0x7FFF0000
"""Bytes from which on a size says that nobody knows it."""
MOST_AHEAD = 1 << 20
"""Bytes of other things that stand ahead of the sound at the most."""
RAW_BITS = 16


class SoundStream:
    """The sound of one input, in blocks as they arrive; :attr:`rate` is known once it is made.

    ``raw`` is the rate of samples without a header: 16 bits, little-endian, one channel. Raises
    :class:`DataError` for what is no sound.
    """

    def __init__(self, source: Source, raw: int | None = None) -> None:
        self.name = source.name
        self._source = source
        self._held = b""
        self._left: int | None = None
        """Bytes of sound that are still to come; None where nobody knows."""
        self._kind = SampleKind(PCM, RAW_BITS, 1, raw) if raw else self._begin()
        self.rate = self._kind.rate

    def close(self) -> None:
        """Close the input; stdin stays open."""
        self._source.close()

    def blocks(self) -> Iterator[FloatArray]:
        """Samples (S,) between -1 and 1, at :attr:`rate`, each block as soon as it is there."""
        heard, width = False, self._kind.width
        while self._left is None or self._left >= width:
            if len(self._held) < width:
                more = self._source.read_bytes(AT_ONCE)
                if not more:
                    break
                self._held += more
                continue
            most = len(self._held) if self._left is None else min(len(self._held), self._left)
            whole = most - most % width
            data, self._held = self._held[:whole], self._held[whole:]
            self._left = None if self._left is None else self._left - whole
            samples = self._kind.samples(data)
            if not np.isfinite(samples).all():
                raise DataError(f"{self.name}: holds samples that are no numbers", "send integers of 16 bits")
            heard = True
            yield samples
        if not heard:
            raise DataError(f"{self.name}: holds no sound", "is the microphone on?")

    def _begin(self) -> SampleKind:
        """Read up to the first sample."""
        head = self._take(12)
        if not head:
            raise DataError(f"{self.name}: is empty", "pipe sound into it: arecord -f S16_LE -r 16000")
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            raise DataError(
                f"{self.name}: does not begin as a wav file",
                "samples without a header: --raw RATE, such as --raw 16000",
            )
        kind: SampleKind | None = None
        ahead = 0
        while True:
            chunk = self._take(8)
            if len(chunk) < 8 or ahead > MOST_AHEAD:
                what = "samples" if kind else "a description"
                raise DataError(f"{self.name}: a wav file without {what}", "record it anew")
            name, size = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            if name == b"data" and kind is not None:
                self._left = size if 0 < size < ENDLESS else None
                return kind
            ahead += size + size % 2
            body = self._take(min(size + size % 2, MOST_AHEAD))
            if name == b"fmt " and len(body) >= 16:
                kind = sample_kind(body, self.name)

    def _take(self, count: int) -> bytes:
        """The next bytes, as many as wanted unless the input ends."""
        while len(self._held) < count:
            more = self._source.read_bytes(AT_ONCE)
            if not more:
                break
            self._held += more
        taken, self._held = self._held[:count], self._held[count:]
        return taken


def open_sound(path: str, raw: int | None = None) -> SoundStream:
    """Begin to read a file, or stdin for "-". Raises :class:`DataError` when there is no sound in it."""
    source = open_source(path)
    try:
        return SoundStream(source, raw)
    except BaseException:
        source.close()
        raise
