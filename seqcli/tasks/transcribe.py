"""What is said in a clip, letter by letter: log-mel frames, a recurrent network, and CTC."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError
from seqcli.options import Options
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultTable
from seqcli.sequences import TARGET, Batch, Batchable, Examples, FloatArray, IntArray, Sequences, joined
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.classify_metrics import comparison_table, log_softmax
from seqcli.tasks.parts import Source, TargetRole, left_out_sentences, make_parts
from seqcli.tasks.speech.ctc import Foresight, best_text, greedy
from seqcli.tasks.speech.metrics import error_rates, worst_table
from seqcli.tasks.speech.sizes import network_spec, training_defaults
from seqcli.tasks.speech.sound import FRAMES, Sound, fit_sound, refuse_broken

UNKNOWN, SHOWN = -1, "\ufffd"
"""A letter that training did not see, and how it is shown."""
STACKS = {6: 2.0, 3: 1.25, 2: 1.25}
"""Frames that may be one step, the most first, as fewer steps are learnt faster; and how many times the steps
that a text needs there have to be: training makes clips faster, too, and six suit letters that are rare."""
MOST_LETTERS = 5000


@dataclass(frozen=True)
class Transcribe:
    """A fitted transcriber: how clips are read, and the letters that it writes."""

    name: ClassVar[str] = "transcribe.v1"
    metric: ClassVar[str] = "cer"
    higher_is_better: ClassVar[bool] = False

    plan: Plan
    sound: Sound
    letters: tuple[str, ...]
    """Letter i is symbol i + 1; 0 is the blank."""
    beam: int = 1
    """Texts that are followed when an answer is looked for; 1 takes the best path."""
    foresight: Foresight | None = field(default=None, repr=False, compare=False)
    """A model of texts, by which they are weighed too."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split, fit on the training clips, encode the three parts.

        Raises DataError for a clip that cannot be read and for too few of them.
        """
        parts = make_parts(tables, plan, options, _target_role(plan))
        source, rules = parts.train.table, [said.replace(", by class", "") for said in parts.rules]
        sound, frames = fit_sound(source, plan.audio[0], options, rules)
        texts = [spelt(cell) for cell in source.cells(plan.target[0])]
        letters = tuple(sorted({letter for text in texts for letter in text}))
        if len(letters) > MOST_LETTERS:
            raise DataError(
                f"{source.source}, column {plan.target[0]}: {len(letters):,} different letters",
                f"{MOST_LETTERS:,} can be learnt at most",
            )
        needed = np.array([steps_needed(text) for text in texts])
        sound = replace(sound, stack=_stack(frames, needed))
        task = cls(plan, sound, letters)
        train, validation, test = (task.encode_labelled(part.table) for part in parts.all)
        short = int((train.lengths < needed).sum())
        shown = f"{sound.stack} frames a step, " if sound.stack > 1 else ""
        network = network_spec(sound, len(letters), options)
        rules.append(f"transcripts: {len(letters)} different letters; {shown}scored by CTC")
        if network.hears_on and not sound.per_clip:
            rules.append("no step looks ahead: predict --stream writes letters while sound comes in")
        return Prepared(
            task=task,
            train=train,
            validation=validation,
            test=test,
            network=network,
            loss="ctc",
            training=training_defaults(train, options),
            rules=rules,
            warnings=[
                *left_out_sentences(plan),
                *parts.warnings,
                *([f"{counted(short, 'clip')} too short for what is said there teach nothing"] * (short > 0)),
            ],
            source=Source(*(part.table for part in parts.all)),
            # Parts that came as files of their own stay out: their scores must mean something later on.
            refit=None
            if tables.validation or tables.test
            else lambda: joined([_learnable(part) for part in (train, validation, test)]),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rows to predict on must have."""
        return self.plan.audio

    @property
    def text_column(self) -> str:
        """A line alone is the name of a file."""
        return self.plan.audio[0]

    def encode(self, table: Table) -> Batchable:
        """Clips as examples; one that cannot be read is silence, and :meth:`bad_rows` names it."""
        return Batchable({FRAMES: self.sound.encode(table)}, np.arange(len(table)))

    def encode_labelled(self, table: Table) -> Batchable:
        """Clips with what is said in them as ``target``, of as many letters as each has.

        Rows without a transcript are left out. Raises DataError for a clip that cannot be read.
        """
        name = self.plan.target[0]
        rows = _labelled_rows(table, name)
        table = table if len(rows) == len(table) else table.take(rows)
        refuse_broken(table, self.sound.column)
        numbers = {letter: number for number, letter in enumerate(self.letters, start=1)}
        spelled = [[numbers.get(letter, UNKNOWN) for letter in spelt(cell)] for cell in table.cells(name)]
        target = Sequences.from_lists(spelled, np.int64)
        return Batchable({**self.encode(table).fields, TARGET: target}, rows)

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows whose clip cannot be read: position → what is wrong."""
        return self.sound.bad_rows(table)

    def changed(self, batch: Batch, seed: Sequence[int]) -> Batch:
        """A training batch as it might have been said otherwise, by ``seed`` alone."""
        return self.sound.changed(batch, seed)

    # ---- from what the network says to texts -----------------------------------------------------

    def joined(self, outputs: NDArray[np.float32], examples: Examples) -> NDArray[np.float32]:
        """The steps of all rows end to end, (M, V) → (N, T, V), NaN behind the end of each row."""
        lengths = examples.lengths
        shape = (len(lengths), int(lengths.max(initial=0)), len(self.letters) + 1)
        found: FloatArray = np.full(shape, np.nan, np.float32)
        found[np.arange(shape[1]) < lengths[:, None]] = outputs
        return found

    def decode(self, outputs: NDArray[np.float32], probabilities: bool = False) -> list[dict[str, Cell]]:
        """What is said in each row of joined scores (N, T, V), or (N, V) of one step, and its probability."""
        steps = outputs if outputs.ndim == 3 else outputs[:, None]
        rows: list[dict[str, Cell]] = []
        for row in steps:
            logs = log_softmax(row[~np.isnan(row[:, 0])])
            text, chance = best_text(logs, self.beam, self.foresight)
            rows.append({"prediction": self.written(text), "probability": round(float(np.exp(chance)), 7)})
        return rows

    def written(self, symbols: Sequence[int]) -> str:
        """Symbols as letters."""
        return "".join(self.letters[symbol - 1] if symbol > 0 else SHOWN for symbol in symbols)

    def heard(self, outputs: NDArray[np.float32], examples: Examples) -> list[str]:
        """The text of each row, by outputs (M, V) of all steps end to end."""
        ends = np.cumsum(examples.lengths)[:-1]
        rows = np.split(outputs, ends) if len(examples) else []
        if self.beam == 1:
            return [self.written(greedy(row)) for row in rows]
        return [self.written(best_text(log_softmax(row), self.beam, self.foresight)[0]) for row in rows]

    def said(self, examples: Examples) -> list[str]:
        """What is said in each labelled row."""
        target = _target(examples)
        return [self.written(target.row(row).tolist()) for row in range(len(target))]

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """CER, WER and the share of clips without an error, by outputs (M, V)."""
        return error_rates(self.said(examples), self.heard(outputs, examples))

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Transcribe:
        """Nothing is chosen behind the network's outputs (M, V)."""
        return self

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Transcribe:
        """Nothing is learnt after the test from outputs (M, V)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other; ``outputs`` are (M, V)."""
        return [comparison_table(f"{self.plan.target[0]} in {len(examples):,} test clips", scores, ".4f")]

    def worst(self, outputs: NDArray[np.float32], examples: Batchable, table: Table) -> ResultTable:
        """The clips of ``table`` with the most edits, by outputs (M, V) for labelled ``examples``."""
        clips = table.cells(self.sound.column)
        names = [(int(table.records[row]), clips[row].strip()) for row in examples.row_ids.tolist()]
        return worst_table(self.said(examples), self.heard(outputs, examples), names)

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """The most frequent transcript of training, whatever is heard."""
        said = self.said(prepared.train)
        counts: dict[str, int] = {}
        for text in said:
            counts[text] = counts.get(text, 0) + 1
        usual = min(counts, key=lambda text: (-counts[text], text))
        test = self.said(prepared.test)
        return [Scores("most frequent transcript", error_rates(test, [usual] * len(test)))]

    # ---- saving ----------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "sound": self.sound.to_json(),
            "letters": list(self.letters),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Transcribe:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan, sound = Plan.from_json(data["plan"]), Sound.from_json(data["sound"])
            letters = tuple(data["letters"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        texts = all(isinstance(letter, str) and letter for letter in letters)
        if not texts or not letters or len(set(letters)) < len(letters):
            raise ModelError("the model's letters cannot be read", "train it again")
        if plan.audio != (sound.column,) or len(plan.target) != 1:
            raise ModelError("the model's task contradicts itself", "train it again")
        return cls(plan, sound, letters)


def spelt(cell: str) -> str:
    """A transcript as it is learnt: composed letters (NFC), one blank between words."""
    return " ".join(unicodedata.normalize("NFC", cell).split())


def steps_needed(text: str) -> int:
    """Steps that a path needs to spell ``text``: one a letter, and a blank between two that are equal."""
    return len(text) + sum(one == other for one, other in pairwise(text))


def _stack(frames: IntArray, needed: IntArray) -> int:
    """How many frames make a step, so that nearly all clips (N,) have the steps (N,) that they need."""
    for stack, slack in STACKS.items():
        if (frames >= slack * stack * needed).mean() >= 0.99:
            return stack
    return 1


def _target(examples: Examples) -> Sequences:
    assert isinstance(examples, Batchable)
    field = examples.fields[TARGET]
    assert isinstance(field, Sequences)
    return field


def _learnable(examples: Batchable) -> Batchable:
    """The clips all of whose letters the network has an output for."""
    target = _target(examples)
    known = [bool((target.row(row) > 0).all()) for row in range(len(target))]
    return examples if all(known) else examples.take(np.flatnonzero(known))


def _labelled_rows(table: Table, name: str) -> IntArray:
    """The rows with a transcript."""
    cells = table.cells(name)
    return np.flatnonzero(np.fromiter((bool(cell.strip()) for cell in cells), np.bool_, len(cells)))


def _target_role(plan: Plan) -> TargetRole:
    """Rows without a transcript are left out and counted; the split is drawn from all alike."""
    name = plan.target[0]

    def check(table: Table) -> list[str]:
        known = _labelled_rows(table, name)
        if len({spelt(cell) for cell in table.column(name).pick(known)}) < 2:
            raise DataError(
                f"{table.source}, column {name}: every clip says the same, which teaches nothing",
                "--target names another column",
            )
        lost = len(table) - len(known)
        return [f"{counted(lost, 'row')} without {name} left out"] if lost else []

    return TargetRole(
        check=check,
        known=lambda table: _labelled_rows(table, name),
        strata=lambda table, rows: [""] * len(rows),
    )
