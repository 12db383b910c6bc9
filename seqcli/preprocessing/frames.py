"""Frames of keys: pieces as examples in several keys, and a score from frames and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqcli.readers.rolls import KEYS, LOWEST
from seqcli.readers.score import Note, Part, Score, in_order
from seqcli.sequences import LENGTHS, TARGET, Batch, IntArray

DIVISION = 12
"""Ticks of a quarter note, which is how long a frame is written."""
LOUDNESS = 90


@dataclass(frozen=True)
class Rolls:
    """Pieces (T, K) of 88 keys as :class:`~seqcli.sequences.Examples`.

    Example i is a piece moved by ``shifts[i]``. The network reads silence and then each frame but the last;
    its target is the frame after each.
    """

    pieces: Sequence[NDArray[np.uint8]]
    places: IntArray
    """(N,)"""
    shifts: IntArray
    """(N,) semitones."""

    @classmethod
    def in_keys(cls, pieces: Sequence[NDArray[np.uint8]], most: int) -> Rolls:
        """Each piece (T, K), and up to ``most`` semitones higher and lower as far as the keys are there."""
        places, shifts = [], []
        for place, piece in enumerate(pieces):
            keys = np.flatnonzero(piece.any(axis=0))
            lowest, highest = (int(keys[0]), int(keys[-1])) if len(keys) else (0, KEYS - 1)
            for shift in range(-min(most, lowest), min(most, KEYS - 1 - highest) + 1):
                places.append(place)
                shifts.append(shift)
        return cls(pieces, np.array(places, dtype=np.int64), np.array(shifts, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.places)

    @property
    def lengths(self) -> IntArray:
        """Steps of each example, (N,)."""
        return np.array([len(self.pieces[place]) for place in self.places.tolist()], dtype=np.int64)

    def frames(self, row: int) -> NDArray[np.uint8]:
        """Keys (T, 88) of one example."""
        return np.roll(self.pieces[int(self.places[row])], int(self.shifts[row]), axis=1)

    def batch(self, rows: IntArray) -> Batch:
        """Frames read and frames to come, (B, T, 88) each, NaN behind the end, and lengths (B,)."""
        found = [self.frames(row) for row in rows.tolist()]
        longest = max(map(len, found))
        read = np.zeros((len(found), longest, KEYS), dtype=np.float32)
        target = np.full((len(found), longest, KEYS), np.nan, dtype=np.float32)
        for place, frames in enumerate(found):
            read[place, 1 : len(frames)] = frames[:-1]
            target[place, : len(frames)] = frames
        lengths = np.array([len(frames) for frames in found], dtype=np.int64)
        return {"frames": read, TARGET: target, LENGTHS: lengths}

    def steps(self, first: bool = True) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Frames read and frames to come, (M, 88) each, of all examples end to end.

        Without ``first``, those of the first step of each are left out.
        """
        every = [self.frames(row) for row in range(len(self))]
        silence = np.zeros((1, KEYS), dtype=np.uint8)
        none = np.zeros((0, KEYS), dtype=np.uint8)
        skip = 0 if first else 1
        read = [np.concatenate([silence, frames[:-1]])[skip:] for frames in every]
        return np.concatenate([none, *read]), np.concatenate([none, *(frames[skip:] for frames in every)])


def score_of(frames: NDArray[np.uint8]) -> Score:
    """Keys (T, K) as a score: a quarter note a frame, a key that goes on sounding being one note."""
    notes = []
    for key in range(KEYS):
        column = np.concatenate([[0], frames[:, key] > 0, [0]]).astype(np.int8)
        changes = np.diff(column)
        for start, stop in zip(np.flatnonzero(changes > 0), np.flatnonzero(changes < 0), strict=True):
            length = int(stop - start) * DIVISION
            notes.append(Note(int(start) * DIVISION, 0, LOWEST + key, length, LOUDNESS))
    return Score(DIVISION, (Part(0),), in_order(notes), meters=((0, 4, 4),))


def frames_from(score: Score) -> NDArray[np.uint8]:
    """Keys (T, K) that sound at each quarter note of a score; drums and what is on no piano are left out."""
    end = -(-score.end // score.division)
    frames = np.zeros((end, KEYS), dtype=np.uint8)
    for note in score.notes:
        key = note.pitch - LOWEST
        if 0 <= key < KEYS and not score.parts[note.part].drums:
            first = -(-note.start // score.division)
            frames[first : -(-(note.start + note.length) // score.division), key] = 1
    return frames
