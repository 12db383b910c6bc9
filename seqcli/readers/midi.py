"""Standard MIDI files, formats 0, 1 and 2, read into a :class:`~seqcli.readers.score.Score`.

    file   = "MThd" 6 format tracks division, then chunks
    track  = "MTrk" length, then (time, event) ...
    event  = status data (the status may be left out where it is that of the event before)
           | FF kind length data | F0 or F7 length data

After the MIDI 1.0 specification's part on files (MMA 1996). Everything but notes, programs, tempo, meter and
key is passed over. No number in a file decides how much is allocated: every length is held against the bytes
that are there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from seqcli.errors import DataError
from seqcli.readers.score import MOST_QUARTERS, Note, Part, Score, in_order

DRUM_CHANNEL = 9
"""The channel that holds drums in General MIDI, counted from 0."""
DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
"""Bytes behind a status, by its upper half."""
MOST_BYTES = 64 << 20
_TEMPO, _METER, _KEY, _END = 0x51, 0x58, 0x59, 0x2F
_FRAMES = {24: 24.0, 25: 25.0, 29: 30 / 1.001, 30: 30.0}


class _Fault(Exception):
    """What is wrong at a byte of the file."""

    def __init__(self, place: int, what: str) -> None:
        super().__init__(what)
        self.place, self.what = place, what


@dataclass
class _Found:
    """What the tracks hold, as they are read."""

    parts: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """(track, channel, program) → number of the part."""
    notes: list[Note] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    keys: list[tuple[int, int, bool]] = field(default_factory=list)


def read_midi(content: bytes, name: str) -> Score:
    """The score of a file with this ``content``.

    Raises :class:`DataError` that names the file (as ``name``) and the byte, counted from 0, at which it is
    no MIDI file any more.
    """
    try:
        return _score(content)
    except _Fault as fault:
        raise DataError(
            f"{name}, byte {fault.place}: {fault.what}",
            "open and save it with a music program, or leave it out",
        ) from None


def _score(content: bytes) -> Score:
    if len(content) > MOST_BYTES:
        raise _Fault(MOST_BYTES, "larger than any piece of music is")
    start = 0
    if content[:4] == b"RIFF" and content[8:12] == b"RMID":  # a MIDI file in a wrapper of Windows
        start = 20
    if content[start : start + 4] != b"MThd":
        raise _Fault(start, "no MIDI file begins like this")
    if len(content) < start + 14:
        raise _Fault(len(content), "the header ends too early")
    length = _number(content, start + 4, 4)
    form, tracks = _number(content, start + 8, 2), _number(content, start + 10, 2)
    if length < 6:
        raise _Fault(start + 4, f"a header of {length} bytes is too short")
    if form > 2:
        raise _Fault(start + 8, f"format {form} is none of 0, 1 and 2")
    division, tempo = _division(content, start + 12)
    found, place, ahead = _Found(), start + 8 + length, 0
    if tempo is not None:
        found.tempos.append((0, tempo))
    for track in range(max(tracks, 1)):
        place = _next_track(content, place)
        if place < 0:
            if track:
                break  # fewer tracks than the header says: what is there is music all the same
            raise _Fault(len(content), "the file has no track")
        stop = place + 8 + _number(content, place + 4, 4)
        if stop > len(content):
            raise _Fault(place + 4, f"a track of {stop - place - 8:,} bytes, and the file ends before")
        reader = _Track(content, place + 8, stop, track, ahead)
        last = reader.read(found, keep_tempo=tempo is None)
        if last > MOST_QUARTERS * division:
            raise _Fault(place, f"the track lasts over {MOST_QUARTERS:,} quarters")
        ahead = last if form == 2 else 0  # patterns that follow one another
        place = stop
    parts = [Part(program, channel == DRUM_CHANNEL) for _, channel, program in found.parts]
    return Score(
        division, tuple(parts), in_order(found.notes), tuple(sorted(set(found.tempos))),
        tuple(sorted(set(found.meters))), tuple(sorted(set(found.keys))),
    )  # fmt: skip


def _division(content: bytes, place: int) -> tuple[int, int | None]:
    """Ticks of a quarter note; and its microseconds, where the file counts seconds and not beats."""
    value = _number(content, place, 2)
    if not value & 0x8000:
        if not value:
            raise _Fault(place, "a quarter note of 0 ticks")
        return value, None
    frames, ticks = 256 - (value >> 8), value & 0xFF
    if frames not in _FRAMES or not ticks:
        raise _Fault(place, "neither ticks of a quarter note nor of a second")
    return frames * ticks, round(1_000_000 * frames / _FRAMES[frames])


def _next_track(content: bytes, place: int) -> int:
    """Where the next "MTrk" begins, other chunks passed over; −1 where there is none."""
    while place + 8 <= len(content):
        if content[place : place + 4] == b"MTrk":
            return place
        place += 8 + _number(content, place + 4, 4)
    return -1


def _number(content: bytes, place: int, size: int) -> int:
    return int.from_bytes(content[place : place + size], "big")


class _Track:
    """The events of one track, between two places of the file."""

    def __init__(self, content: bytes, place: int, stop: int, number: int, ahead: int) -> None:
        self._content, self._place, self._stop = content, place, stop
        self._number, self._tick = number, ahead
        self._programs = [0] * 16
        self._open: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        """(channel, pitch) → (start, part, velocity) of notes that sound, the oldest first."""

    def read(self, found: _Found, keep_tempo: bool) -> int:
        """Add what the track holds to ``found``; returns the tick it ends at."""
        status = 0
        while self._place < self._stop:
            self._tick += self._variable()
            first = self._byte()
            if first < 0x80:
                if not status:
                    raise _Fault(self._place - 1, "data without an event ahead of it")
                self._place -= 1
            elif first >= 0xF0:
                status = 0
                if self._other(first, found, keep_tempo):
                    break
                continue
            else:
                status = first
            data = [self._byte() for _ in range(DATA_BYTES[status >> 4])]
            if any(value > 127 for value in data):
                raise _Fault(self._place - 1, "an event's data are above 127")
            self._channel_event(status >> 4, status & 15, data, found)
        for (_, pitch), sounding in self._open.items():  # never ended: they last as long as the track
            found.notes += [
                Note(start, part, pitch, max(self._tick - start, 1), velocity)
                for start, part, velocity in sounding
            ]
        return self._tick

    def _channel_event(self, kind: int, channel: int, data: list[int], found: _Found) -> None:
        if kind == 0xC:
            self._programs[channel] = data[0]
        elif kind == 0x9 and data[1]:
            program = 0 if channel == DRUM_CHANNEL else self._programs[channel]
            part = found.parts.setdefault((self._number, channel, program), len(found.parts))
            self._open.setdefault((channel, data[0]), []).append((self._tick, part, data[1]))
        elif kind in (0x8, 0x9):
            sounding = self._open.get((channel, data[0]))
            if sounding:
                start, part, velocity = sounding.pop(0)
                length = max(self._tick - start, 1)
                found.notes.append(Note(start, part, data[0], length, velocity))

    def _other(self, first: int, found: _Found, keep_tempo: bool) -> bool:
        """A meta event or a system-exclusive one; whether it is the end of the track."""
        place = self._place
        if first not in (0xF0, 0xF7, 0xFF):
            raise _Fault(place - 1, f"event {first:02X} has no place in a file")
        kind = self._byte() if first == 0xFF else -1
        size = self._variable()
        if self._place + size > self._stop:
            raise _Fault(place, f"an event of {size:,} bytes, and the track ends before")
        data = self._content[self._place : self._place + size]
        self._place += size
        if kind == _TEMPO and size == 3 and keep_tempo and any(data):
            found.tempos.append((self._tick, _number(data, 0, 3)))
        elif kind == _METER and size >= 2 and data[0] and data[1] <= 16:
            found.meters.append((self._tick, data[0], 1 << data[1]))
        elif kind == _KEY and size == 2 and data[1] <= 1:
            sharps = data[0] - 256 if data[0] > 127 else data[0]
            if -7 <= sharps <= 7:
                found.keys.append((self._tick, sharps, bool(data[1])))
        return kind == _END

    def _byte(self) -> int:
        if self._place >= self._stop:
            raise _Fault(self._place, "the track ends within an event")
        self._place += 1
        return self._content[self._place - 1]

    def _variable(self) -> int:
        """A number of seven bits a byte, at most four of them."""
        value = 0
        for _ in range(4):
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise _Fault(self._place - 4, "a number of more than four bytes")
