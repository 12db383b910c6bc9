"""Music as a sequence of events, and back again without a loss.

    Bar Meter 6/8 At 0 Tempo 120 Part 1 Program 0 Velocity 90 Length 6 Pitch 62 At 6 Pitch 74 ... End

A bar and the place in it stand ahead of what happens there, after REMI (Huang and Yang 2020, Pop Music
Transformer). Unlike there, part, velocity and length hold until another is said, each part with its own, as
in a MIDI stream: a chord says its length once. Notes of one place come by part and pitch.

Whatever is drawn, :class:`Reading` says which events may follow, so that all that is written is music.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.preprocessing.tunes import (
    FINEST_BEAT,
    MOST_BEATS,
    MOST_PARTS,
    STEPS,
    bar_steps,
    bars_of,
    beats_a_minute,
    microseconds,
)
from seqcli.preprocessing.vocabulary import RESERVED, UNKNOWN
from seqcli.readers.score import USUAL_METER, Note, Part, Score
from seqcli.sequences import IntArray

KINDS = (
    "End", "Bar", "Meter", "At", "Tempo", "Part", "Program", "Drums", "Velocity", "Length", "Pitch", "Drum",
)  # fmt: skip
END, BAR, METER, AT, TEMPO, PART, PROGRAM, DRUMS, VELOCITY, LENGTH, PITCH, DRUM = range(len(KINDS))
_HIGHEST = {
    AT: 4 * MOST_BEATS * max(STEPS), TEMPO: 300, PART: MOST_PARTS, PROGRAM: 127, VELOCITY: 127,
    LENGTH: 32 * max(STEPS), PITCH: 127, DRUM: 127,
}  # fmt: skip
_LOWEST = {TEMPO: 1, PART: 1, VELOCITY: 1, LENGTH: 1}
_NEAREST = (TEMPO, VELOCITY, LENGTH, PROGRAM)
"""Kinds of which the nearest event that is known stands for one that is not."""


def words_of(score: Score) -> list[str]:
    """The events of a score on the grid; see :func:`~seqcli.preprocessing.tunes.on_grid`."""
    words: list[str] = []
    said: dict[int, list[int]] = {}  # part → velocity, length
    now, meter, place = -1, (0, 0), 0
    tempos, notes = dict(score.tempos), score.notes
    changes = sorted(tempos)
    for start, beats, beat in bars_of(score):
        words.append("Bar")
        if (beats, beat) != meter:
            meter = (beats, beat)
            words.append(f"Meter {beats}/{beat}")
        stop = start + bar_steps(beats, beat, score.division)
        while True:
            steps = [changes[0]] if changes and changes[0] < stop else []
            if place < len(notes) and notes[place].start < stop:
                steps.append(notes[place].start)
            if not steps:
                break
            step = min(steps)
            words.append(f"At {step - start}")
            if changes and changes[0] == step:
                words.append(f"Tempo {beats_a_minute(tempos[changes.pop(0)])}")
            while place < len(notes) and notes[place].start == step:
                note = notes[place]
                place += 1
                if note.part != now:
                    now = note.part
                    words.append(f"Part {now + 1}")
                words += _note_words(note, score.parts[now], said)
    return [*words, "End"]


def _note_words(note: Note, part: Part, said: dict[int, list[int]]) -> list[str]:
    """What has to be said of a note, beside what holds for its part."""
    words = []
    if note.part not in said:
        said[note.part] = [0, 0]
        words.append("Drums" if part.drums else f"Program {part.program}")
    holds = said[note.part]
    if note.velocity != holds[0]:
        holds[0] = note.velocity
        words.append(f"Velocity {note.velocity}")
    if part.drums:
        return [*words, f"Drum {note.pitch}"]
    if note.length != holds[1]:
        holds[1] = note.length
        words.append(f"Length {note.length}")
    return [*words, f"Pitch {note.pitch}"]


def parse(word: str) -> tuple[int, int, int] | None:
    """Kind, number and second number (a meter's) of an event; None for what is none."""
    name, _, rest = word.partition(" ")
    if name not in KINDS:
        return None
    kind = KINDS.index(name)
    if kind in (END, BAR, DRUMS):
        return None if rest else (kind, 0, 0)
    numbers = rest.split("/") if kind == METER else [rest]
    if not all(number.isascii() and number.isdigit() and len(number) < 6 for number in numbers):
        return None
    if kind == METER:
        beats, beat = (int(number) for number in numbers) if len(numbers) == 2 else (0, 0)
        good = 1 <= beats <= MOST_BEATS and beat in [1 << power for power in range(FINEST_BEAT.bit_length())]
        return (kind, beats, beat) if good else None
    value = int(rest)
    return (kind, value, 0) if _LOWEST.get(kind, 0) <= value <= _HIGHEST[kind] else None


@dataclass(frozen=True)
class Events:
    """The events that a model knows, with ids from 3 on; 0 pads, 1 is every event not listed."""

    words: tuple[str, ...]
    steps: int
    """Steps of a quarter note."""
    kinds: IntArray = field(init=False, repr=False, compare=False)
    """The kind of each id (V,), −1 of those reserved."""
    numbers: IntArray = field(init=False, repr=False, compare=False)
    """What each id says (V,): a pitch, a step of the bar."""
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parsed = [parse(word) for word in self.words]
        if None in parsed:
            raise ValueError("no event")
        rows = [(-1, 0, 0)] * RESERVED + [row for row in parsed if row is not None]
        object.__setattr__(self, "kinds", np.array([row[0] for row in rows], dtype=np.int64))
        object.__setattr__(self, "numbers", np.array([row[1] for row in rows], dtype=np.int64))
        object.__setattr__(self, "_ids", {word: i for i, word in enumerate(self.words, start=RESERVED)})

    @classmethod
    def fit(cls, tunes: Iterable[list[str]], steps: int) -> Events:
        """All events of the training tunes, the most frequent first; bars and ends are always known."""
        counts = Counter(["Bar", "End"])
        counts.update(word for words in tunes for word in words)
        return cls(tuple(sorted(counts, key=lambda word: (-counts[word], word))), steps)

    @property
    def size(self) -> int:
        """Number of ids, the reserved ones included."""
        return len(self.words) + RESERVED

    def encode(self, words: Iterable[str]) -> IntArray:
        """Ids (N,) of events."""
        return np.fromiter((self._id(word) for word in words), dtype=np.int64)

    def _id(self, word: str) -> int:
        known = self._ids.get(word)
        if known is not None:
            return known
        found = parse(word)
        if found is None or found[0] not in _NEAREST:
            return UNKNOWN
        alike = np.flatnonzero(self.kinds == found[0])
        return int(alike[np.abs(self.numbers[alike] - found[1]).argmin()]) if len(alike) else UNKNOWN

    def word(self, i: int) -> str:
        """The event of an id; "" of those reserved."""
        return self.words[i - RESERVED] if i >= RESERVED else ""

    def moved(self, shift: int) -> IntArray:
        """The id (V,) of each event ``shift`` semitones higher, 1 where that is not known; drums stay."""
        ids = np.arange(self.size)
        for i in np.flatnonzero(self.kinds == PITCH).tolist():
            ids[i] = self._ids.get(f"Pitch {self.numbers[i] + shift}", UNKNOWN)
        return ids

    def decode(self, ids: Iterable[int]) -> Score:
        """The score that ids (N,) say up to the first End; what says nothing is passed over."""
        reading = Reading(self)
        for i in ids:
            if reading.take(self.word(int(i))) or reading.ended:
                break
        return reading.score()

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {"name": "events.v1", "steps": self.steps, "words": list(self.words)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Events:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        if not isinstance(data, Mapping) or data.get("name") != "events.v1":
            raise ModelError("the model's events cannot be read", "was it made by a newer seqcli?")
        words, steps = data.get("words"), data.get("steps")
        if not isinstance(words, list) or not all(isinstance(word, str) and parse(word) for word in words):
            raise ModelError("the model's events cannot be read", "train it again")
        if type(steps) is not int or steps not in STEPS or len(set(words)) < len(words):
            raise ModelError("the model's events cannot be read", "train it again")
        if not {"End", "Bar"} <= set(words):
            raise ModelError("the model's events begin no bar, or never end", "train it again")
        return cls(tuple(words), steps)


class Reading:
    """Reads events one by one into a score, and says which may come next."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._parts: list[Part] = []
        self._notes: list[Note] = []
        self._tempos: list[tuple[int, int]] = []
        self._meters: list[tuple[int, int, int]] = []
        self._said: list[list[int]] = []
        """Velocity and length of each part, 0 where none was said."""
        self._meter = USUAL_METER
        self._start, self._at, self._part, self._last = 0, -1, -1, -1
        self._fresh = self._filled = self._pending = self._nameless = False
        self._new = [False, False]
        """Whether velocity and length were said since the last note."""
        self.bars = 0
        self.ended = False

    @property
    def notes(self) -> int:
        """Notes read so far."""
        return len(self._notes)

    def take(self, word: str) -> bool:
        """Read one event; True at the end. An event that cannot stand here is passed over."""
        found = parse(word)
        if found is None or not self._may(*found[:2]):
            return False
        kind, value, second = found
        if kind == END:
            self.ended = True
        elif kind == BAR:
            if self.bars:
                self._start += bar_steps(*self._meter, self._events.steps)
            self.bars += 1
            self._at, self._fresh, self._last = -1, True, -1
            return False
        elif kind == METER:
            if (value, second) != self._meter or not self._meters:
                self._meters.append((self._start, value, second))
            self._meter = (value, second)
        elif kind == AT:
            self._at, self._filled, self._last = value, False, -1
        elif kind == TEMPO:
            self._tempos.append((self._start + self._at, microseconds(value)))
            self._filled = True
        else:
            self._take_note(kind, value)
        self._fresh = False
        return self.ended

    def _take_note(self, kind: int, value: int) -> None:
        """An event of one part: which one, what it is, how loud, how long, a note."""
        self._pending = True
        if kind == PART:
            self._part, self._last, self._new = value - 1, -1, [False, False]
            self._nameless = value > len(self._parts)
        elif kind in (PROGRAM, DRUMS):
            self._parts.append(Part(value, kind == DRUMS))
            self._said.append([0, 0])
            self._nameless = False
        elif kind in (VELOCITY, LENGTH):
            self._said[self._part][kind == LENGTH] = value
            self._new[kind == LENGTH] = True
        else:
            velocity, length = self._said[self._part]
            length = self._events.steps // 4 if kind == DRUM else length
            self._notes.append(Note(self._start + self._at, self._part, value, length, velocity))
            self._pending, self._filled, self._last, self._new = False, True, value, [False, False]

    def _may(self, kind: int, value: int) -> bool:
        """Whether an event may come now."""
        return bool(self._allowed(np.array([kind]), np.array([value]))[0])

    def allowed(self) -> NDArray[np.bool_]:
        """Which ids (V,) may come now."""
        events = self._events
        allowed = self._allowed(events.kinds, events.numbers)
        notes = DRUM if 0 <= self._part < len(self._parts) and self._parts[self._part].drums else PITCH
        if not self._nameless and not (allowed & (events.kinds == notes)).any():
            # Loudness and length without a note that could follow them would lead nowhere.
            higher = (events.kinds == notes) & (events.numbers > self._last)
            if not higher.any():
                allowed &= (events.kinds != VELOCITY) & (events.kinds != LENGTH)
        return allowed

    def _allowed(self, kinds: IntArray, numbers: IntArray) -> NDArray[np.bool_]:
        """Which events of ``kinds`` (N,) and ``numbers`` (N,) may come now, (N,)."""
        if self._nameless:
            return np.isin(kinds, (PROGRAM, DRUMS))
        if not self.bars:
            return np.isin(kinds, (BAR,))
        allowed = np.zeros(len(kinds), dtype=np.bool_)
        if not self._pending and (self._at < 0 or self._filled):
            allowed |= (kinds == BAR) | (kinds == END)
            within = numbers < bar_steps(*self._meter, self._events.steps)
            allowed |= (kinds == AT) & (numbers > self._at) & within
        if self._fresh:
            allowed |= kinds == METER
        if self._at < 0:
            return allowed
        if not self._filled and not self._pending:
            allowed |= kinds == TEMPO
        if not self._pending:
            after = numbers > self._part + 1 if self._last >= 0 else numbers != self._part + 1
            allowed |= (kinds == PART) & (numbers <= len(self._parts) + 1) & after
        if self._part >= 0:
            allowed |= self._of_part(kinds, numbers)
        return allowed

    def _of_part(self, kinds: IntArray, numbers: IntArray) -> NDArray[np.bool_]:
        """Which events of the part that is at hand may come now, (N,)."""
        velocity, length = self._said[self._part]
        drums = self._parts[self._part].drums
        say_velocity = not any(self._new)
        say_length = not drums and not self._new[1] and bool(velocity)
        allowed = np.zeros(len(kinds), dtype=np.bool_)
        if say_velocity:
            allowed |= (kinds == VELOCITY) & (numbers != velocity)
        if say_length:
            allowed |= (kinds == LENGTH) & (numbers != length)
        if velocity and (length or drums):
            allowed |= (kinds == (DRUM if drums else PITCH)) & (numbers > self._last)
        return allowed

    def score(self) -> Score:
        """What was read, on the grid; a part that never sounded is left out."""
        from seqcli.preprocessing.tunes import on_grid

        steps = self._events.steps
        whole = Score(steps, tuple(self._parts), tuple(self._notes), tuple(self._tempos), tuple(self._meters))
        return on_grid(whole, steps)
