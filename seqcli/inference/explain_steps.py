"""Which stretches of time, bands of sound, channels or columns an answer hangs on.

    effect(p, s) = measure of part p  -  the same with the numbers of s at their training mean

Sound is cut into stretches of time, each hidden over all bands, and into groups of bands, each hidden over
the whole clip; series likewise into stretches of steps and columns; a row by itself into its columns. The
measure of a class or label is its log-odds, that of a number the number. Of a transcript it is the
log-probability of each letter behind those ahead of it, and that nothing follows, which add up to that of the
whole (:mod:`seqcli.tasks.speech.prefixes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from seqcli.inference.effects import COLUMNS, HERTZ, LOG_ODDS, NATS, SECONDS, STEPS, Block, Effects, Real
from seqcli.inference.explained_rows import Question, RowExplanations
from seqcli.inference.outputs import outputs_for
from seqcli.preprocessing.mel import HOP, LOWEST, hertz_to_mel, mel_to_hertz
from seqcli.sequences import Batchable, FloatArray, Sequences
from seqcli.tasks.base import to_decode
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_explain import log_odds
from seqcli.tasks.classify_metrics import log_softmax
from seqcli.tasks.inputs import VALUES, Inputs
from seqcli.tasks.label_answers import label_chances
from seqcli.tasks.multilabel import Multilabel
from seqcli.tasks.regress import Regress
from seqcli.tasks.regress_interval import answers_of
from seqcli.tasks.series_members import with_series_prior
from seqcli.tasks.series_prior import SeriesPrior
from seqcli.tasks.speech.ctc import best_text
from seqcli.tasks.speech.prefixes import letter_log_probabilities
from seqcli.tasks.transcribe import Transcribe

if TYPE_CHECKING:
    from seqcli.tasks.speech.sound import Sound

Stepped = Classify | Multilabel | Regress | Transcribe
MOST_STRETCHES = 60
STRETCH = 0.05
"""Seconds of a stretch of sound, unless that makes too many."""
STEPS_A_STRETCH = 5
BAND_GROUPS = 8
NUMBERS_AT_ONCE = 2**24
"""Numbers of the clips or series that go through the network together."""
END = "<end>"


@dataclass(frozen=True)
class Hidden:
    """One kind of things to hide: their names, where each begins and ends, and which cells (T, W) it is."""

    over: str
    names: list[str]
    spans: list[tuple[float, float]]
    cells: list[tuple[slice, Any]]


@dataclass(frozen=True)
class Answer:
    """What is said of the row as it is, in parts, and a measure of each part for any outputs."""

    prediction: str
    probability: float | None
    parts: list[str]
    unit: str
    measure: Callable[[FloatArray], Real]
    """Outputs to decode (N, ...) → (N, P)"""


class StepExplanations(RowExplanations[Effects]):
    """The clips, series or rows of ``stream``, and what the answer for each hangs on."""

    def answer(self, asked: Question) -> Effects:
        """What the answer for one example hangs on."""
        task = cast(Stepped, self._task)
        field = asked.example.fields[VALUES]
        assert isinstance(field, Sequences)
        steps: FloatArray = field.row(0)  # (T, W)
        sound = sound_of(task)
        if sound is not None:
            kinds = hidden_in_sound(sound, len(steps))
        else:
            assert not isinstance(task, Transcribe)
            kinds = hidden_in_columns(task.inputs, len(steps))
        whole = self._outputs(asked.example, steps[None])
        answered = answer_of(task, whole)
        base = answered.measure(whole)[0]  # (P,)
        blocks = []
        for kind in kinds:
            found = [answered.measure(outputs) for outputs in self._hiding(asked.example, steps, kind)]
            effects = (base - np.concatenate(found)).T
            blocks.append(Block(kind.over, kind.names, effects, kind.spans))
        names = (sound.column,) if sound else self._ids
        read = " ".join(asked.table.cells(name)[asked.row].strip() for name in names)
        return Effects(
            row=str(asked.number),
            read=read,
            prediction=answered.prediction,
            probability=answered.probability,
            parts=answered.parts,
            blocks=blocks,
            unit=answered.unit,
            measures=base.tolist(),
            places=list(range(1, len(answered.parts) + 1)),
        )

    def _hiding(self, example: Batchable, steps: FloatArray, kind: Hidden) -> Iterator[FloatArray]:
        """What is to be decoded (N, ...) of the row without each thing, so many at a time."""
        count = max(1, NUMBERS_AT_ONCE // max(steps.size, 1))
        for start in range(0, len(kind.cells), count):
            some = kind.cells[start : start + count]
            variants = np.repeat(steps[None], len(some), axis=0)
            for variant, cells in zip(variants, some, strict=True):
                variant[cells] = 0.0  # inputs are scaled: the mean of the training rows
            yield self._outputs(example, variants)

    def _outputs(self, example: Batchable, variants: FloatArray) -> FloatArray:
        """What is to be decoded (N, ...) of variants (N, T, W) of one row."""
        task = self._task
        examples = example.take(np.zeros(len(variants), dtype=np.int64))
        ends = np.arange(len(variants) + 1, dtype=np.int64) * variants.shape[1]
        values = Sequences(variants.reshape(-1, variants.shape[2]), ends)
        examples = Batchable({**examples.fields, VALUES: values}, np.arange(len(variants)))
        prior = getattr(task, "prior", None)
        if isinstance(prior, SeriesPrior):
            examples = with_series_prior(prior, examples)
        return to_decode(task, outputs_for(self._session, examples), examples)


def sound_of(task: Stepped) -> Sound | None:
    """How a task reads clips, where it does."""
    return task.sound if isinstance(task, Transcribe) else task.inputs.sound


def answer_of(task: Stepped, whole: FloatArray) -> Answer:
    """What is said by the outputs (1, ...) of a row, and how to measure it."""
    if isinstance(task, Transcribe):
        text, chance = best_text(log_softmax(whole[0]), task.beam)
        return Answer(
            task.written(text),
            float(np.exp(chance)),
            [*(task.written([symbol]) for symbol in text), END],
            NATS,
            lambda outputs: letter_log_probabilities(_log_chances(outputs), text),
        )
    said = task.decode(whole)[0]
    if isinstance(task, Regress):
        unit = task.plan.target[0]
        return Answer(
            str(said["prediction"]),
            None,
            [unit],
            unit,
            lambda outputs: task.scaler.inverse(answers_of(outputs).astype(np.float64)),
        )
    if isinstance(task, Multilabel):
        chances = label_chances(whole)[0]
        given = np.flatnonzero(chances >= np.array(task.labelling.cuts)).tolist()
        asked = given or [int(chances.argmax())]
        return Answer(
            str(said["prediction"]),
            float(chances[asked].min()),
            [task.classes[label] for label in asked],
            LOG_ODDS,
            lambda outputs: outputs[:, asked].astype(np.float64),
        )
    chosen, sure = str(said["prediction"]), said["probability"]
    assert isinstance(sure, float)
    place = task.classes.index(chosen)
    return Answer(chosen, sure, [chosen], LOG_ODDS, lambda outputs: log_odds(outputs, place)[:, None])


def _log_chances(outputs: FloatArray) -> Real:
    """Log-probabilities of scores (N, T, V)."""
    return log_softmax(outputs.reshape(-1, outputs.shape[-1])).reshape(outputs.shape)


def cuts(length: int, most: int) -> list[tuple[int, int]]:
    """``length`` steps cut into ``most`` stretches as equal as can be, or fewer where there are fewer."""
    ends = np.linspace(0, length, max(1, min(most, length)) + 1).round().astype(int).tolist()
    return list(pairwise(ends))


def hidden_in_sound(sound: Sound, length: int) -> list[Hidden]:
    """Stretches of a clip of ``length`` steps, and groups of bands."""
    second = HOP * sound.stack
    count = min(MOST_STRETCHES, round(length * second / STRETCH))
    stretches = cuts(length, count)
    times = [(round(start * second, 4), round(stop * second, 4)) for start, stop in stretches]
    groups = cuts(sound.bands, BAND_GROUPS)
    edges = mel_to_hertz(np.linspace(hertz_to_mel(LOWEST), hertz_to_mel(sound.rate / 2), sound.bands + 2))
    # Where two triangles cross; the first and the last reach to the ends.
    limits = [float(edges[0]), *((edges[1:-2] + edges[2:-1]) / 2).tolist(), float(edges[-1])]
    bands = [(float(round(limits[low])), float(round(limits[high]))) for low, high in groups]
    columns = [
        [frame * sound.bands + band for frame in range(sound.stack) for band in range(low, high)]
        for low, high in groups
    ]
    return [
        Hidden(SECONDS, [_named(*span) for span in times], times, _whole_steps(stretches)),
        Hidden(HERTZ, [_named(*span) for span in bands], bands, [(slice(None), cells) for cells in columns]),
    ]


def hidden_in_columns(inputs: Inputs, length: int) -> list[Hidden]:
    """Stretches of a series of ``length`` steps, where it has several, and the columns that are read."""
    features = inputs.features
    assert features is not None
    names, channels = features.columns, features.names
    columns = [[place for place, channel in enumerate(channels) if _of(channel, name)] for name in names]
    whole: list[tuple[slice, Any]] = [(slice(None), places) for places in columns]
    found = [Hidden(COLUMNS, list(names), [], whole)]
    if length > 1:
        stretches = cuts(length, min(MOST_STRETCHES, max(length // STEPS_A_STRETCH, min(length, 12))))
        spans = [(float(start + 1), float(stop)) for start, stop in stretches]
        names_of = [f"{first:.0f}" if first == last else f"{first:.0f}–{last:.0f}" for first, last in spans]
        found = [Hidden(STEPS, names_of, spans, _whole_steps(stretches)), *found]
    return found if length > 1 and len(names) > 1 else found[:1]


def _whole_steps(stretches: list[tuple[int, int]]) -> list[tuple[slice, Any]]:
    """All numbers of the steps of each stretch."""
    return [(slice(*stretch), slice(None)) for stretch in stretches]


def _of(channel: str, column: str) -> bool:
    """Whether a channel is of a column: its number, whether it is missing, one of its classes."""
    return channel in (column, f"{column} missing") or channel.startswith(f"{column} = ")


def _named(start: float, stop: float) -> str:
    return f"{start:g}–{stop:g}"
