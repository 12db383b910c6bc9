"""Music to go on with: the next event after all that came before, at every step, as a language model has it.

Pieces are one long stream of events, an End behind each. Whole pieces are held out, those that are equal
together; where there are few, the stream is cut in order instead. Training pieces are learnt in other keys
too, as high or low as transposing them does not leave the pitches of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.events import Events, words_of
from seqcli.preprocessing.split import stratified_split
from seqcli.preprocessing.tunes import choose_steps, on_grid
from seqcli.preprocessing.vocabulary import PADDING, RESERVED, UNKNOWN
from seqcli.readers.music import SCORE
from seqcli.readers.roles import counted
from seqcli.readers.score import Score
from seqcli.readers.table import Table
from seqcli.results import ResultTable
from seqcli.sequences import TARGET, Examples, IntArray, Windows
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.language_scores import COLD_STEPS, text_scores
from seqcli.tasks.music_sizes import choose_music_sizes
from seqcli.tasks.music_stats import Style
from seqcli.tasks.music_tables import scores_table
from seqcli.tasks.parts import held_out_shares

TOKENS = "tokens"
LEAST_EVENTS = 200
"""Events below which there is nothing to learn."""
FEW_PIECES = 20
"""Pieces below which none is held out whole."""
UNKNOWN_SHARE = 0.02


@dataclass(frozen=True)
class Music:
    """A fitted model of music: its events, and what the training pieces are like."""

    name: ClassVar[str] = "music.v1"
    metric: ClassVar[str] = "nats"
    higher_is_better: ClassVar[bool] = False

    plan: Plan
    events: Events
    style: Style
    """Figures of the training pieces, to stand beside those of what is written."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Hold out pieces, fit the events on the training part, encode the three parts."""
        if options.network.bidirectional:
            raise UsageError(
                "music is written forwards: a network that has read what follows could only copy it",
                "leave out --bidirectional",
            )
        main = scores_of(tables.main)
        steps = choose_steps(main)
        tunes = [on_grid(score, steps) for score in main]
        given = [
            None if table is None else [words_of(on_grid(score, steps)) for score in scores_of(table)]
            for table in (tables.validation, tables.test)
        ]
        parts, rules, kept = _parts([words_of(tune) for tune in tunes], given, options)
        total = sum(map(len, parts[0]))
        if total < LEAST_EVENTS:
            raise DataError(
                f"{tables.main.source}: {counted(total, 'event')} of music are too few to learn from",
                f"at least {LEAST_EVENTS} are needed, about 60 notes",
            )
        events = Events.fit(parts[0], steps)
        task = cls(plan, events, Style.of([tunes[place] for place in kept]))
        train, validation, test = (task.stream([events.encode(words) for words in part]) for part in parts)
        sizes = choose_music_sizes(len(train.past[TARGET]), events.size, options)
        lengths = [len(part.past[TARGET]) for part in (train, validation, test)]
        shifted = task.stream(task.in_other_keys([events.encode(words) for words in parts[0]], sizes.shifts))
        keys = f", and in {len(sizes.shifts)} other keys" if sizes.shifts else ""
        grid = f"{steps} steps of a quarter note, {counted(len(events.words), 'different event')}"
        return Prepared(
            task=task,
            train=shifted,
            validation=validation,
            test=test,
            network=task._network(sizes.embedding_size, sizes.hidden_size, sizes.dropout, options),
            loss="cross_entropy",
            training=sizes.training,
            rules=[*rules, f"{grid} in the training part{keys}"],
            warnings=_unknown_sentences((validation, test)),
            source=(train, validation, test),
            counts=("events", (lengths[0] + 1, lengths[1] + bool(lengths[1]), lengths[2] + 1)),
        )

    @property
    def corpus(self) -> Events:
        """The events, as a language model calls its tokens."""
        return self.events

    @property
    def conditions(self) -> tuple[str, ...]:
        """Music depends on no column of categories."""
        return ()

    @property
    def given(self) -> None:
        """Nor on any of numbers."""
        return None

    def _network(
        self, embedding_size: int, hidden_size: int, dropout: float, options: Options
    ) -> NetworkSpec:
        return NetworkSpec(
            inputs=(InputSpec(TOKENS, "tokens", self.events.size, embedding_size),),
            output_shape=(self.events.size,),
            cell=options.network.cell or "gru",
            hidden_size=hidden_size,
            num_layers=options.network.num_layers or 1,
            pool="none",
            dropout=dropout,
            embedding_dropout=options.network.embedding_dropout,
            variational=bool(options.network.variational),
            recurrent_dropout=options.network.recurrent_dropout or 0.0,
            init=options.network.init,
            streams=True,
        )

    def stream(self, pieces: Sequence[IntArray]) -> Windows:
        """Pieces (N,) of ids as one stream: "tokens" (M,), and as "target" (M,) the event after each.

        It begins behind an End, as each piece does.
        """
        ids = np.concatenate([self.opening(), *pieces]) if pieces else np.empty(0, dtype=np.int64)
        fields = {TOKENS: ids[:-1], TARGET: ids[1:]}
        window = min(COLD_STEPS, max(len(fields[TARGET]), 1))
        return Windows(fields, {}, np.arange(0, len(fields[TARGET]) - window + 1, window), window, 0)

    def in_other_keys(self, pieces: Sequence[IntArray], shifts: Sequence[int]) -> list[IntArray]:
        """Pieces (N,) as they are, and each moved by each of ``shifts`` semitones where that stays known."""
        found = list(pieces)
        for shift in shifts:
            moved = self.events.moved(shift)  # (V,)
            found += [ids for ids in (moved[piece] for piece in pieces) if (ids >= RESERVED).all()]
        return found

    def opening(self) -> IntArray:
        """The ids (N,) that a piece begins after: an End, padding where none was learnt."""
        ids = self.events.encode(["End"])
        return np.where(ids == UNKNOWN, PADDING, ids)

    def encode(self, table: Table) -> Windows:
        """All pieces of ``table`` as one stream."""
        words = (words_of(on_grid(score, self.events.steps)) for score in scores_of(table))
        return self.stream([self.events.encode(piece) for piece in words])

    def encode_labelled(self, table: Table) -> Windows:
        """As :meth:`encode`: each event is the answer to what came before it."""
        return self.encode(table)

    def pieces(self, table: Table) -> list[str]:
        """The events of ``table`` as they are called, one more than there are targets."""
        return [
            "End",
            *(word for score in scores_of(table) for word in words_of(on_grid(score, self.events.steps))),
        ]

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Nats, bits and perplexity from the nats of each event, (M, 2)."""
        return text_scores(outputs)

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Music:
        """Nothing is learnt after training from nats (M, 2)."""
        return self

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Music:
        """Nothing is learnt after the test from nats (M, 2)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other; ``outputs`` are nats (M, 2)."""
        return [scores_table(scores, len(outputs))]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Counts of n-grams, and of single events, in the training part."""
        from seqcli.tasks.language_baseline import ngram_scores

        train, validation, test = prepared.source
        return ngram_scores(train, validation, test, self.events.size)

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "events": self.events.to_json(),
            "style": self.style.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Music:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan, events = Plan.from_json(data["plan"]), Events.from_json(data["events"])
            return cls(plan, events, Style.from_json(data["style"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error


def scores_of(table: Table) -> list[Score]:
    """The pieces of a table. Raises DataError where it holds none."""
    if SCORE not in table.names:
        raise DataError(
            f"{table.source}: a model of music reads music, and this is a table", "give .mid files"
        )
    return [Score.from_text(cell) for cell in table.cells(SCORE)]


def _parts(
    tunes: list[list[str]], given: Sequence[list[list[str]] | None], options: Options
) -> tuple[list[list[list[str]]], list[str], list[int]]:
    """Events of the pieces of each part, sentences on the split, and which pieces are for training."""
    shares = held_out_shares(options.split, 0.05, 0.1)
    held_out = [0.0 if part else share for part, share in zip(given, shares, strict=True)]
    if len(tunes) < FEW_PIECES and any(held_out):
        cut, rules = _in_order(tunes, held_out)
        kept = list(range(len(tunes)))
    else:
        split = stratified_split(
            None,
            keys=[" ".join(tune) for tune in tunes],
            validation_share=held_out[0],
            test_share=held_out[1],
            seed=options.training.seed,
        )
        rng = np.random.default_rng(options.training.seed)
        orders = [rng.permutation(part).tolist() for part in (split.train, split.validation, split.test)]
        cut = [[tunes[place] for place in order] for order in orders]
        rules = [
            sentence.replace(" rows", " pieces").replace(" row", " piece") for sentence in split.sentences
        ]
        kept = split.train.tolist()
    return [cut[0], given[0] or cut[1], given[1] or cut[2]], rules, kept


def _in_order(tunes: list[list[str]], shares: Sequence[float]) -> tuple[list[list[list[str]]], list[str]]:
    """All events cut in order: the last share is the test part, the one ahead of it validation."""
    words = [word for tune in tunes for word in tune]
    test = len(words) - round(shares[1] * len(words))
    validation = test - round(shares[0] * len(words))
    cut = [words[:validation], words[validation:test], words[test:]]
    sizes = [len(part) for part in cut]
    rule = (
        f"split in the order of {counted(len(tunes), 'piece')}: {sizes[0]:,} training, "
        f"{sizes[1]:,} validation, {sizes[2]:,} test events"
    )
    return [[part] if part else [] for part in cut], [rule]


def _unknown_sentences(parts: Sequence[Windows]) -> list[str]:
    """A sentence where many events of a held-out part do not stand in the training part."""
    said = []
    for name, part in zip(("validation", "test"), parts, strict=True):
        share = float((part.past[TARGET] == UNKNOWN).mean()) if len(part.past[TARGET]) else 0.0
        if share > UNKNOWN_SHARE:
            said.append(f"{100 * share:.1f} % of the events of the {name} part are unknown")
    return said
