"""A piece of music as notes in time, and as the text in which a table holds it.

Times are ticks; ``division`` of them are a quarter note. Nothing is rounded here: what a file says about
notes, tempo, meter and key stands in a :class:`Score` as it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqcli.errors import DataError

MOST_QUARTERS = 40_000
"""Quarter notes that a piece may last: about five hours at 120 a minute."""
USUAL_TEMPO = 500_000
"""Microseconds of a quarter note where a file does not say: 120 a minute."""
USUAL_METER = (4, 4)


class Part(NamedTuple):
    """One instrument: a program of General MIDI, counted from 0, or a set of drums."""

    program: int
    drums: bool = False


class Note(NamedTuple):
    """One note; ``length`` is at least 1 tick, ``part`` its place in :attr:`Score.parts`."""

    start: int
    part: int
    pitch: int
    length: int
    velocity: int


@dataclass(frozen=True)
class Score:
    """Notes in order of (start, part, pitch), and what holds from some tick on."""

    division: int
    parts: tuple[Part, ...]
    notes: tuple[Note, ...]
    tempos: tuple[tuple[int, int], ...] = ()
    """(tick, microseconds of a quarter note)."""
    meters: tuple[tuple[int, int, int], ...] = ()
    """(tick, beats of a bar, what a beat is: 4 is a quarter note)."""
    keys: tuple[tuple[int, int, bool], ...] = ()
    """(tick, sharps or as a negative number flats, whether minor)."""

    @property
    def end(self) -> int:
        """The tick at which the last note ends."""
        return max((note.start + note.length for note in self.notes), default=0)

    def to_text(self) -> str:
        """One line of JSON, which :meth:`from_text` reads."""
        data = {
            "division": self.division,
            "parts": self.parts,
            "tempos": self.tempos,
            "meters": self.meters,
            "keys": self.keys,
            "notes": self.notes,
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Score:
        """The score of such a line. Raises :class:`DataError` for any other text."""
        try:
            data = json.loads(text)
            score = cls(
                _whole(data["division"], 1, 2**24),
                tuple(Part(_whole(program, 0, 127), bool(drums)) for program, drums in data["parts"]),
                tuple(_note(row, len(data["parts"])) for row in data["notes"]),
                tuple((_tick(tick), _whole(tempo, 1, 2**24 - 1)) for tick, tempo in data["tempos"]),
                tuple((_tick(a), _whole(b, 1, 255), _whole(c, 1, 2**16)) for a, b, c in data["meters"]),
                tuple((_tick(a), _whole(b, -7, 7), bool(c)) for a, b, c in data["keys"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DataError("this text is no score", "give .mid files") from error
        if score.end > MOST_QUARTERS * score.division:
            raise DataError(f"the piece lasts more than {MOST_QUARTERS:,} quarter notes", "cut it")
        return score


def in_order(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Notes by (start, part, pitch), none of one part and pitch begun while the one before it sounds.

    Where two begin at once the longer is kept; a note that goes on is cut where the next begins.
    """
    kept: list[Note] = []
    last: dict[tuple[int, int], int] = {}
    for note in sorted(notes, key=lambda note: (note.start, note.part, note.pitch, -note.length)):
        place = last.get((note.part, note.pitch))
        if place is not None:
            before = kept[place]
            if before.start == note.start:
                continue
            if before.start + before.length > note.start:
                kept[place] = before._replace(length=note.start - before.start)
        last[note.part, note.pitch] = len(kept)
        kept.append(note)
    return tuple(kept)


def _note(row: Any, parts: int) -> Note:
    start, part, pitch, length, velocity = row
    return Note(
        _tick(start), _whole(part, 0, parts - 1), _whole(pitch, 0, 127), _whole(length, 1, 2**40),
        _whole(velocity, 1, 127),
    )  # fmt: skip


def _tick(value: Any) -> int:
    return _whole(value, 0, 2**40)


def _whole(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{value!r} is not from {low} to {high}")
    return value
