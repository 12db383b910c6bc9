"""A :class:`~seqcli.readers.score.Score` as the bytes of a standard MIDI file of format 1.

The first track holds tempo, meter and key; each part has a track and a channel of its own. Every note that
begins ends, ahead of the next one of its pitch.
"""

from __future__ import annotations

from seqcli.readers.midi import DRUM_CHANNEL
from seqcli.readers.score import Score, in_order

_CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]
Event = tuple[int, int, bytes]
"""(tick, rank among those of one tick, bytes)."""


def midi_bytes(score: Score) -> bytes:
    """The file's content. Of more than fifteen parts without drums some share a channel."""
    conductor: list[Event] = [
        (tick, 0, b"\xff\x51\x03" + tempo.to_bytes(3, "big")) for tick, tempo in score.tempos
    ]
    conductor += [
        (tick, 0, bytes([0xFF, 0x58, 4, beats, beat.bit_length() - 1, 24, 8]))
        for tick, beats, beat in score.meters
    ]
    conductor += [
        (tick, 0, bytes([0xFF, 0x59, 2, sharps & 0xFF, minor])) for tick, sharps, minor in score.keys
    ]
    tracks = [_track(conductor)]
    events: list[list[Event]] = [[] for _ in score.parts]
    melodic = 0
    channels = []
    for part, (program, drums) in enumerate(score.parts):
        channel = DRUM_CHANNEL if drums else _CHANNELS[melodic % len(_CHANNELS)]
        melodic += not drums
        channels.append(channel)
        if not drums:
            events[part].append((0, 0, bytes([0xC0 | channel, program])))
    for start, part, pitch, length, velocity in in_order(score.notes):
        channel = channels[part]
        events[part].append((start + length, 1, bytes([0x80 | channel, pitch, 0])))  # offs come ahead of ons
        events[part].append((start, 2, bytes([0x90 | channel, pitch, velocity])))
    tracks += [_track(part) for part in events]
    head = b"MThd" + (6).to_bytes(4, "big") + (1).to_bytes(2, "big")
    return head + len(tracks).to_bytes(2, "big") + score.division.to_bytes(2, "big") + b"".join(tracks)


def _track(events: list[Event]) -> bytes:
    """One chunk: the events by time, each after how many ticks it comes, and the end."""
    body, last = bytearray(), 0
    for tick, _, content in sorted(events):
        body += _variable(tick - last) + content
        last = tick
    body += b"\0\xff\x2f\0"
    return b"MTrk" + len(body).to_bytes(4, "big") + bytes(body)


def _variable(value: int) -> bytes:
    """Seven bits a byte, the highest bit set in all but the last."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))
