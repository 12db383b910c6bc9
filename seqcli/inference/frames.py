"""Piano rolls from a saved model: its logits for pieces that are there, and frames that it draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError
from seqcli.inference.kinds import wrong_kind
from seqcli.inference.sampling import Sampler
from seqcli.inference.stream import StreamSession
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.preprocessing.batching import sequential_batches, step_places
from seqcli.preprocessing.frames import Rolls, frames_from, score_of
from seqcli.readers.rolls import KEYS, LOWEST
from seqcli.readers.score import Score
from seqcli.results import Cell
from seqcli.sequences import FloatArray

if TYPE_CHECKING:
    from seqcli.readers.table import Table
    from seqcli.tasks.pianoroll import PianoRoll

FRAMES = "frames"
USUAL_STEPS = 64
"""Frames written when nothing is asked."""
FRAME_COLUMNS = ("position", "keys", "piece", "step", "nats", "said")
"""``keys`` are the pitches that sound, ``said`` those that were likelier to sound than not."""
_ROWS_AT_ONCE = 16


def roll_task(model: SavedModel) -> PianoRoll:
    """The model's task, when it writes piano rolls and its network reads their keys.

    Raises :class:`UsageError` for any other kind of model, :class:`ModelError` for a damaged one.
    """
    task = saved_task(model)
    if getattr(task, "name", "") != "pianoroll.v1":
        raise wrong_kind(model, task, "generate")
    spec = model.network
    read = [(item.field, item.kind, item.size) for item in spec.inputs]
    if not spec.streams or read != [(FRAMES, "values", KEYS)] or spec.output_shape != (KEYS,):
        raise ModelError(f"{model.path}: its network does not read what its task writes", "train it again")
    return cast("PianoRoll", task)


def roll_logits(model: SavedModel, examples: Rolls) -> FloatArray:
    """Logits (M, 88) of each step of all pieces end to end, each read from its begin."""
    roll_task(model)
    streams = StreamSession.open(model)
    lengths = examples.lengths
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    gathered = np.empty((int(offsets[-1]), KEYS), dtype=np.float32)
    for rows in sequential_batches(lengths, _ROWS_AT_ONCE):
        frames = examples.batch(rows)[FRAMES]
        logits, _ = streams.read({FRAMES: frames})
        places, valid = step_places(offsets, rows, frames.shape[1])
        gathered[places] = logits[valid]
    return gathered


class Player:
    """Draws frame after frame, each key by itself, behind a prompt if there is one."""

    def __init__(self, model: SavedModel, prompt: Score | None) -> None:
        roll_task(model)
        self._streams = StreamSession.open(model, threads=1)
        silence = np.zeros((1, KEYS), dtype=np.uint8)
        self._prompt = silence[:0] if prompt is None else frames_from(prompt)
        read = np.concatenate([silence, self._prompt]).astype(np.float32)
        logits, self._states = self._streams.read({FRAMES: read[None]}, self._streams.start(1))
        self._logits = logits[:, -1]

    def write(self, sampler: Sampler, rng: np.random.Generator, steps: int | None) -> tuple[Score, float]:
        """A piece of so many frames behind the prompt, and the log-probability of what was drawn."""
        logits, states = self._logits, self._states
        drawn: list[NDArray[np.uint8]] = []
        total = 0.0
        for _ in range(steps or USUAL_STEPS):
            own = logits[0].astype(np.float64)  # (88,)
            scaled = own / sampler.temperature if sampler.temperature else np.sign(own) * np.inf
            mark = np.full(KEYS, 0.5) if sampler.temperature == 0 else rng.random(KEYS)
            keys = mark < _chance(scaled)
            total -= float(np.logaddexp(0.0, np.where(keys, -own, own)).sum())
            drawn.append(keys.astype(np.uint8))
            frame = keys.astype(np.float32)[None, None]
            read, states = self._streams.read({FRAMES: frame}, states)
            logits = read[:, -1]
        return score_of(np.concatenate([self._prompt, np.stack(drawn)])), total


def _chance(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + e^−x) of (88,), without running over."""
    chance: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * logits))
    return chance


def frame_rows(model: SavedModel, table: Table) -> Iterator[list[tuple[Cell, ...]]]:
    """Rows of :data:`FRAME_COLUMNS` for each frame of the pieces of ``table``, a piece at a time."""
    task = roll_task(model)
    with blamed_on(model):
        examples = task.encode_labelled(table)
    logits = roll_logits(model, examples).astype(np.float64)
    place = 0
    for piece in range(len(examples)):
        rows: list[tuple[Cell, ...]] = []
        for step, frame in enumerate(examples.frames(piece), start=1):
            own, keys = logits[place], frame > 0
            nats = float(np.logaddexp(0.0, np.where(keys, -own, own)).sum())
            place += 1
            rows.append((place, _named(keys), piece + 1, step, float(f"{nats:.6g}"), _named(own > 0)))
        yield rows


def _named(keys: NDArray[np.bool_]) -> str:
    """Keys (88,) as pitches."""
    return " ".join(str(LOWEST + key) for key in np.flatnonzero(keys).tolist())
