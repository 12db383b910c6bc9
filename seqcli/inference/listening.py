"""Letters as they are spoken: a transcriber that looks back alone, run step by step on sound that comes.

    samples ──▶ log-mel frames ──▶ step.onnx, its state going round ──▶ best symbol ──▶ letter

The best path needs no step behind the one at hand: a letter is written where its symbol begins to be the
likeliest. What is written is what the whole clip would be answered, and nothing of it is ever taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from seqcli.errors import UsageError
from seqcli.inference.stream import STEP, States, StreamSession
from seqcli.inference.trust import blamed_on, saved_task
from seqcli.model_dir import SavedModel
from seqcli.preprocessing.mel import HOP, WINDOW
from seqcli.sequences import FloatArray
from seqcli.tasks.speech.ctc import BLANK
from seqcli.tasks.speech.hearing import Hearing
from seqcli.tasks.speech.sound import FRAMES

if TYPE_CHECKING:
    from seqcli.readers.wav_stream import SoundStream
    from seqcli.tasks.transcribe import Transcribe

HEARD_COLUMNS = ("seconds", "letter")


class Letter(NamedTuple):
    """One letter that was heard."""

    seconds: float
    """Where the sound ends that told it."""
    letter: str


def listener(model: SavedModel) -> Transcribe:
    """The model's task, when it can write while it listens.

    Raises UsageError where it hears nothing, reads from the end too, or needs whole clips.
    """
    task = saved_task(model)
    if not hasattr(task, "beam"):
        raise UsageError(
            f"--stream is of speech, and {model.path} writes no transcripts", "leave out --stream"
        )
    transcribe = cast("Transcribe", task)
    if model.network.bidirectional:
        raise UsageError(
            f"{model.path}: reads a clip from its end too, so it cannot write before that",
            "train it with --no-bidirectional",
        )
    if transcribe.sound.per_clip:
        raise UsageError(
            f"{model.path}: scales each clip by its own mean, which is known at its end",
            "train it without --per-clip",
        )
    if STEP not in model.graphs:
        raise UsageError(f"{model.path}: was saved without the graph of a step", "train it again")
    return transcribe


def listen(model: SavedModel, stream: SoundStream) -> Iterator[list[Letter]]:
    """The letters that are heard, as soon as each piece of ``stream`` tells them; [] where one tells none."""
    task = listener(model)
    streams = StreamSession.open(model, threads=1)
    hearing = Hearing(task.sound, stream.rate)
    states: States | None = None
    last, steps = BLANK, 0

    def heard(samples: FloatArray, final: bool) -> list[Letter]:
        nonlocal states, last, steps
        with blamed_on(model):
            found = hearing.feed(samples, final)
        if not len(found):
            return []
        scores, states = streams.read({FRAMES: found[None]}, states)
        letters = []
        for symbol in scores[0].argmax(axis=1).tolist():
            steps += 1
            if symbol not in (BLANK, last):
                ends = (steps * task.sound.stack - 1) * HOP + WINDOW
                letters.append(Letter(round(ends, 3), task.written((symbol,))))
            last = symbol
        return letters

    for samples in stream.blocks():
        yield heard(samples, False)
    yield heard(np.empty(0, np.float32), True)
