"""Piano rolls to go on with: which keys sound at the next step, each key with a probability of its own.

The loss is the negative log-likelihood of a whole frame, summed over its 88 keys and averaged over frames
(Boulanger-Lewandowski, Bengio and Vincent 2012, Modeling Temporal Dependencies in High-Dimensional
Sequences). As in Bai, Kolter and Koltun 2018 (An Empirical Evaluation of Generic Convolutional and Recurrent
Networks), the first frame of a piece, which nothing comes before, is learnt but not scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.frames import Rolls, score_of
from seqcli.preprocessing.split import stratified_split
from seqcli.readers.roles import counted
from seqcli.readers.rolls import KEYS, PART, ROLL, frames_of
from seqcli.readers.table import Table
from seqcli.results import ResultColumn, ResultTable
from seqcli.sequences import AnyArray, Examples
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.music_stats import Style
from seqcli.tasks.parts import held_out_shares

FRAMES = "frames"
LEAST_STEPS = 64
SHIFTS = 3
"""Training pieces are learnt up to so many semitones higher and lower, where the keys are there."""
HIDDEN, DROPOUT, LEARNING_RATE, BATCH = 256, 0.5, 1.2e-2, 16
PASSES = 600
"""Times that each training piece is read, in whatever key, when nothing limits it."""
CELL_REASON = "cell lstm: measured ahead of gru at equal time on chorales (--cell chooses)"
EMA = 0.995


@dataclass(frozen=True)
class PianoRoll:
    """A fitted model of piano rolls."""

    name: ClassVar[str] = "pianoroll.v1"
    metric: ClassVar[str] = "frame_nll"
    higher_is_better: ClassVar[bool] = False

    plan: Plan
    style: Style
    """Figures of the training pieces, to stand beside those of what is written."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Take the parts that the file has, or hold out pieces; encode the three parts."""
        if options.network.bidirectional:
            raise UsageError(
                "music is written forwards: a network that has read what follows could only copy it",
                "leave out --bidirectional",
            )
        parts, rules = _parts(tables, options)
        steps = sum(map(len, parts[0]))
        if steps < LEAST_STEPS:
            raise DataError(
                f"{tables.main.source}: {counted(steps, 'step')} of music are too few to learn from",
                f"at least {LEAST_STEPS} are needed",
            )
        if options.network.cell is None:
            plan = replace(plan, reasons=(*plan.reasons, CELL_REASON))
        task = cls(plan, Style.of([score_of(piece) for piece in parts[0]]))
        train = Rolls.in_keys(parts[0], SHIFTS)
        validation, test = Rolls.in_keys(parts[1], 0), Rolls.in_keys(parts[2], 0)
        network, training = options.network, options.training
        epochs = max(1, round(PASSES * len(parts[0]) / len(train)))
        return Prepared(
            task=task,
            train=train,
            validation=validation,
            test=test,
            network=NetworkSpec(
                inputs=(InputSpec(FRAMES, "values", KEYS),),
                output_shape=(KEYS,),
                cell=network.cell or "lstm",
                hidden_size=network.hidden_size or HIDDEN,
                num_layers=network.num_layers or 1,
                pool="none",
                dropout=DROPOUT if network.dropout is None else network.dropout,
                recurrent_dropout=network.recurrent_dropout or 0.0,
                init=network.init,
                streams=True,
            ),
            loss="keys",
            training={
                "epochs": epochs,
                "patience": max(4, epochs // 3),
                "batch_size": training.batch_size or BATCH,
                "learning_rate": LEARNING_RATE,
                "optimizer": "adamw",
                "ema": EMA,
            },
            rules=[*rules, f"training pieces are learnt up to {SHIFTS} semitones higher and lower too"],
            source=(Rolls.in_keys(parts[0], 0), validation, test),
            counts=("pieces", (len(parts[0]), len(parts[1]), len(parts[2]))),
        )

    def encode(self, table: Table) -> Rolls:
        """All pieces of ``table``."""
        return Rolls.in_keys(pieces_of(table), 0)

    def encode_labelled(self, table: Table) -> Rolls:
        """As :meth:`encode`: each frame is the answer to those before it."""
        return self.encode(table)

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Metrics of logits (M, 88) for the steps of all pieces end to end."""
        assert isinstance(examples, Rolls)
        return frame_scores(outputs, examples)

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> PianoRoll:
        """Nothing is learnt after training from logits (M, 88)."""
        return self

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> PianoRoll:
        """Nothing is learnt after the test from logits (M, 88)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other; ``outputs`` are logits (M, 88)."""
        columns = (
            ResultColumn("predictor"),
            ResultColumn("frame_nll", ".4f", emphasis=True),
            ResultColumn("accuracy", ".4f"),
        )
        rows = [(each.predictor, each.values["frame_nll"], each.values["accuracy"]) for each in scores]
        count = len(outputs) - len(examples)
        caption = (
            "frame_nll: nats a frame, summed over 88 keys, of all frames but the first of each piece; "
            "accuracy: keys rightly sounding, of those that sound or were said to"
        )
        return [ResultTable(f"{count:,} test frames of {len(examples):,} pieces", columns, [*rows], caption)]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Each key by itself: as often as it sounds, and given whether it sounded a step before."""
        train, _, test = prepared.source
        before, now = train.steps(first=False)  # (M, 88) each
        on, total = now.sum(axis=0), len(now)
        often = _logit((on + 1) / (total + 2))
        after = [
            _logit((now * (before == was)).sum(axis=0) + 1.0, (before == was).sum(axis=0) + 2.0)
            for was in (0, 1)
        ]
        known = test.steps()[0]
        markov = np.where(known > 0, after[1], after[0])
        each = np.broadcast_to(often, markov.shape)
        return [
            Scores("keys after themselves", frame_scores(markov, test)),
            Scores("keys by themselves", frame_scores(each, test)),
        ]

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {"name": self.name, "plan": self.plan.to_json(), "style": self.style.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PianoRoll:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            return cls(Plan.from_json(data["plan"]), Style.from_json(data["style"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error


def frame_scores(outputs: AnyArray, examples: Rolls) -> dict[str, float]:
    """Frame NLL and accuracy of logits (M, 88), the first step of each piece left out."""
    target = examples.steps()[1].astype(np.float64)  # (M, 88)
    scored = np.ones(len(target), dtype=np.bool_)
    scored[np.cumsum(examples.lengths) - examples.lengths] = False
    if not scored.any():
        return {"frame_nll": float("nan"), "accuracy": float("nan")}
    logits, target = np.asarray(outputs, dtype=np.float64)[scored], target[scored]
    nats = np.logaddexp(0.0, logits) - target * logits  # −log of a Bernoulli probability
    said = logits > 0
    right = (said & (target > 0)).sum()
    return {
        "frame_nll": float(nats.sum(axis=1).mean()),
        "accuracy": float(right / max((said | (target > 0)).sum(), 1)),
    }


def pieces_of(table: Table) -> list[NDArray[np.uint8]]:
    """Keys (T, 88) of each piece. Raises DataError where the table holds none."""
    if ROLL not in table.names:
        raise DataError(
            f"{table.source}: a model of piano rolls reads keys at each step, and this is something else",
            "give a .mat or .json file of pieces",
        )
    return [frames_of(cell) for cell in table.cells(ROLL)]


def _parts(tables: Tables, options: Options) -> tuple[list[list[NDArray[np.uint8]]], list[str]]:
    """Pieces of each part, and sentences on the split."""
    main = pieces_of(tables.main)
    given = [None if table is None else pieces_of(table) for table in (tables.validation, tables.test)]
    if PART in tables.main.names:
        names = tables.main.cells(PART)
        parts = [
            [piece for piece, name in zip(main, names, strict=True) if name == part]
            for part in ("train", "valid", "test")
        ]
        counts = " / ".join(str(len(part)) for part in parts)
        if parts[0]:
            return (
                [parts[0], given[0] or parts[1], given[1] or parts[2]],
                [f"split as the file has it: {counts} pieces to train, to choose, to test"],
            )
    shares = held_out_shares(options.split)
    held_out = [0.0 if part else share for part, share in zip(given, shares, strict=True)]
    split = stratified_split(
        None, keys=tables.main.cells(ROLL), validation_share=held_out[0], test_share=held_out[1],
        seed=options.training.seed,
    )  # fmt: skip
    cut = [[main[place] for place in part.tolist()] for part in (split.train, split.validation, split.test)]
    said = [sentence.replace(" rows", " pieces").replace(" row", " piece") for sentence in split.sentences]
    return [cut[0], given[0] or cut[1], given[1] or cut[2]], said


def _logit(share: AnyArray, of: AnyArray | float = 1.0) -> AnyArray:
    """log p / (1 − p) of p = ``share`` / ``of``."""
    chance = share / of
    odds: AnyArray = np.log(chance) - np.log1p(-chance)
    return odds
