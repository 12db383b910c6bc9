"""A text for each text: another language, another spelling, a date as it should be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqcli.errors import ModelError
from seqcli.network import SOURCE, WRITTEN
from seqcli.options import Options
from seqcli.preprocessing.spelling import END_OF_TEXT, Spelling, words_of
from seqcli.preprocessing.vocabulary import BPE, UNKNOWN
from seqcli.readers.table import Table
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.sequences import TARGET, Batchable, Examples, FloatArray, Sequences, joined
from seqcli.tasks.base import Plan, Prepared, Scores, Tables
from seqcli.tasks.parts import left_out_sentences
from seqcli.tasks.translate_plan import taken_for_names
from seqcli.tasks.translating.answers import unpacked
from seqcli.tasks.translating.lexicon import word_by_word
from seqcli.tasks.translating.parts import Pairs, make_parts, read_pairs
from seqcli.tasks.translating.scores import mean_nats, signature, text_scores
from seqcli.tasks.translating.sizes import fit_spellings, level_for, network_spec, training_defaults

MOST_READ = 1000
"""Tokens after which a text is cut."""
LONGEST = 300
"""Tokens of a text that training reads; longer pairs are left out of it."""
GROWTH_SHARE = 0.999
MOST_GROWTH = 300.0
SHOWN = 5
"""Test texts that a person sees beside what they should be."""
COLUMNS = (
    ResultColumn("predictor"),
    ResultColumn("bleu", ".1f", emphasis=True),
    ResultColumn("chrf", ".1f"),
    ResultColumn("exact", ".3f"),
    ResultColumn("token_error", ".3f"),
    ResultColumn("nats", ".3f"),
)


@dataclass(frozen=True)
class PairExamples(Batchable):
    """Labelled examples with the texts they come from."""

    pairs: Pairs


@dataclass(frozen=True)
class Translate:
    """A fitted translator: the tokens of both sides, and how much longer a text may become."""

    name: ClassVar[str] = "translate.v1"

    plan: Plan
    source: Spelling
    target: Spelling
    growth: float
    """Tokens to write for each token read, of nearly all training pairs at most."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Split the pairs, learn the tokens of the training pairs, encode the three parts.

        Raises DataError for too few pairs.
        """
        parts = make_parts(tables, plan, options)
        level = level_for(parts.train, options.columns.level)
        source, target = fit_spellings(parts.train, level)
        lengths = [side.encode(texts).lengths for side, texts in (
            (source, parts.train.sources), (target, parts.train.targets))]  # fmt: skip
        task = cls(plan, source, target, float(np.quantile(lengths[1] / lengths[0], GROWTH_SHARE)))
        encoded = [task.encode_pairs(part) for part in parts.all]
        short = np.flatnonzero((lengths[0] <= LONGEST) & (lengths[1] <= LONGEST))
        train: Batchable = encoded[0] if len(short) == len(parts.train) else encoded[0].take(short)
        warnings = [*taken_for_names(plan), *left_out_sentences(plan), *parts.warnings]
        if len(train) < len(encoded[0]):
            lost = len(encoded[0]) - len(train)
            warnings.append(f"{lost:,} pairs of more than {LONGEST} {source.unit}s are left out of training")
        return Prepared(
            task=task,
            train=train,
            validation=encoded[1],
            test=encoded[2],
            network=network_spec(source, target, options),
            loss="written",
            training=training_defaults(int(lengths[1][short].sum()), level, options),
            rules=[*parts.rules, *_said(task, encoded[1])],
            warnings=warnings,
            source=parts.all,
            counts=("pairs", (len(train), len(parts.validation), len(parts.test))),
            # Parts that came as files of their own stay out: their scores must mean something later on.
            refit=None
            if tables.validation or tables.test
            else lambda: joined([train, *(_learnable(part) for part in encoded[1:])]),
        )

    @property
    def metric(self) -> str:
        """Nats a token of the true text: what a training can ask for after every epoch."""
        return "nats"

    @property
    def higher_is_better(self) -> bool:
        """Lower is."""
        return False

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of the texts to translate."""
        return self.plan.text

    @property
    def text_column(self) -> str:
        """What one text a line fills."""
        return self.plan.text[0]

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Every text can be read."""
        return {}

    # ---- reading ---------------------------------------------------------------------------------

    def encode(self, table: Table) -> Batchable:
        """Texts to translate as examples."""
        texts = [" ".join(cell.split()) for cell in table.cells(self.plan.text[0])]
        return Batchable({SOURCE: self.source.encode(texts, MOST_READ)}, np.arange(len(texts)))

    def encode_labelled(self, table: Table) -> Batchable:
        """Pairs to score on."""
        table.column(self.plan.target[0])
        return self.encode_pairs(read_pairs(table, self.plan))

    def encode_pairs(self, pairs: Pairs) -> PairExamples:
        """Pairs as examples: source, target with its end, and the target each token behind the one before."""
        source = self.source.encode(pairs.sources, MOST_READ)
        target = self.target.encode(pairs.targets, MOST_READ)
        before = np.roll(target.values, 1)
        before[target.offsets[:-1]] = END_OF_TEXT
        fields = {SOURCE: source, WRITTEN: Sequences(before, target.offsets), TARGET: target}
        return PairExamples(fields, pairs.rows, pairs)

    # ---- what was written ------------------------------------------------------------------------

    def decode(self, outputs: FloatArray, probabilities: bool = False) -> list[dict[str, Cell]]:
        """The text of each row of outputs (N, 2 + T)."""
        return [{"prediction": text} for text in self.texts(outputs)]

    def texts(self, outputs: FloatArray) -> list[str]:
        """The text of each row of outputs (N, 2 + T)."""
        return [self.target.decode(ids) for ids in unpacked(outputs)[1]]

    def score(self, outputs: FloatArray, examples: Examples) -> dict[str, float]:
        """BLEU, chrF, exact texts, token errors and nats a token, of outputs (N, 2 + T)."""
        assert isinstance(examples, PairExamples)
        scores = text_scores(self.texts(outputs), examples.pairs.targets, self.target.level != BPE)
        return {**scores, "nats": mean_nats(unpacked(outputs)[0])}

    def calibrate(self, outputs: FloatArray, examples: Examples) -> Translate:
        """Nothing is learnt from outputs (N, 2 + T)."""
        return self

    def recalibrate(self, parts: Sequence[tuple[FloatArray, Examples]]) -> Translate:
        """Nothing is learnt after the test from outputs (N, 2 + T)."""
        return self

    def report(self, scores: list[Scores], outputs: FloatArray, examples: Examples) -> list[ResultTable]:
        """The predictors beside each other, then some texts, from outputs (N, 2 + T)."""
        assert isinstance(examples, PairExamples)
        pairs, names = examples.pairs, [column.name for column in COLUMNS[1:]]
        rows: list[tuple[Cell, ...]] = [
            (each.predictor, *(_known(each.values.get(name)) for name in names)) for each in scores
        ]
        target = self.plan.target[0]
        title, caption = f"{target} of {len(pairs):,} test texts", signature(pairs.targets)
        written = self.texts(outputs[:SHOWN])
        shown = list(zip(pairs.sources, pairs.targets, written, strict=False))
        columns = tuple(ResultColumn(name, wrap=True) for name in (self.plan.text[0], target, "written"))
        return [
            ResultTable(title, COLUMNS, rows, caption),
            ResultTable("The first test texts", columns, [tuple(row) for row in shown]),
        ]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Each word by itself, as a table of training texts says, and the source as it stands."""
        train, _, test = prepared.source
        cut = words_of if self.source.level == BPE else list
        by_word = word_by_word((train.sources, train.targets), test.sources, cut)
        if self.source.level == BPE:
            by_word = [text.replace("▁", " ").strip() for text in by_word]
        unit = "word" if self.source.level == BPE else "character"
        found = {f"{unit} by {unit}": by_word, "source as it is": test.sources}
        characters = self.target.level != BPE
        return [Scores(name, text_scores(texts, test.targets, characters)) for name, texts in found.items()]

    # ---- saving ----------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "source": self.source.to_json(),
            "target": self.target.to_json(),
            "growth": self.growth,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Translate:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan, growth = Plan.from_json(data["plan"]), float(data["growth"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        source, target = (Spelling.from_json(data.get(side)) for side in ("source", "target"))
        if len(plan.text) != 1 or len(plan.target) != 1 or not 0 < growth <= MOST_GROWTH:
            raise ModelError("the model's task contradicts itself", "train it again")
        return cls(plan, source, target, growth)


def _known(value: float | None) -> float | None:
    """None for what was not measured."""
    return None if value is None or np.isnan(value) else value


def _learnable(examples: Batchable) -> Batchable:
    """Pairs that are short enough to be learnt."""
    target = examples.fields[TARGET]
    assert isinstance(target, Sequences)
    places = np.flatnonzero((examples.lengths <= LONGEST) & (target.lengths <= LONGEST))
    return Batchable(examples.fields, examples.row_ids).take(places)


def _said(task: Translate, held: Batchable) -> list[str]:
    """Sentences on the tokens."""
    sides = []
    for spelling, texts in ((task.source, task.plan.text[0]), (task.target, task.plan.target[0])):
        sides.append(f"{len(spelling.tokens):,} {spelling.unit}s of {texts}")
    source = held.fields[SOURCE]
    assert isinstance(source, Sequences)
    unknown = float((source.values == UNKNOWN).mean()) if len(source.values) else 0.0
    learnt = "" if task.source.level != BPE else ", learnt as byte pairs"
    return [
        f"tokens: {' and '.join(sides)} in the training part{learnt}; {100 * unknown:.2f} % of those held "
        "out are none of them"
    ]
