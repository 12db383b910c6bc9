"""Text to go on with: the next character or word after all that came before, at every step.

The rows of a text column, a line break after each, are one long text. It is cut in order, so that the
network is chosen and reported on text that comes after all it learnt from. Where a condition column is
named, rows are texts of their own with a category each, drawn by category instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.byte_corpus import AnyCorpus, encoded, fit_corpus, restore_corpus, together
from seqcli.preprocessing.vocabulary import PADDING, UNKNOWN
from seqcli.readers.table import Table
from seqcli.results import ResultColumn, ResultTable
from seqcli.sequences import TARGET, AnyArray, Examples, IntArray, Windows
from seqcli.tasks.base import Plan, Prepared, Scores, Tables, Writing
from seqcli.tasks.features import Features
from seqcli.tasks.language_baseline import COUNTED
from seqcli.tasks.language_scores import A_CHARACTER, COLD_STEPS, text_scores
from seqcli.tasks.language_sizes import TextSizes, as_it_began, choose_text_sizes
from seqcli.tasks.language_texts import Texts, cut_text, depends_on_rows, texts_of
from seqcli.tasks.parts import left_out_sentences

TOKENS, CONDITION, GIVEN = "tokens", "condition", "given"
UNKNOWN_SHARE = 0.02
"""Share of unknown tokens in a held-out part that is worth a warning."""
CONDITION_SIZE = 16
WRITTEN = {"characters": 60, "words": 14, "bytes": 60, "bpe": 20}
"""Tokens that a network in training writes to show how it goes."""
SHORTEST_RANGE = 100
"""Steps over which ``--init chrono`` spreads the units' memory; a longer ``--bptt`` spreads it further."""


@dataclass(frozen=True)
class Language:
    """A fitted language model task: its columns, its tokens, and the categories a text can depend on."""

    name: ClassVar[str] = "language.v1"
    metric: ClassVar[str] = "nats"
    higher_is_better: ClassVar[bool] = False

    plan: Plan
    corpus: AnyCorpus
    conditions: tuple[str, ...] = ()
    """Values of the condition column in training rows; the id of value i is 2 + i, of any other or none 1."""
    given: Features | None = None
    """Several columns that a text depends on; see :mod:`seqcli.tasks.language_rows`."""

    @classmethod
    def prepare(cls, tables: Tables, plan: Plan, options: Options) -> Prepared:
        """Cut the text in order, fit the tokens on the training part, encode the three parts.

        Raises DataError for too little text, UsageError for a network that reads backwards.
        """
        if options.network.bidirectional:
            raise UsageError(
                "a text is written forwards: a network that has read what follows could only copy it",
                "leave out --bidirectional",
            )
        options = as_it_began(options)
        parts, rules, by_heart = cut_text(tables, plan, options)
        corpus = fit_corpus(parts[0].texts, options.columns.level or "characters", by_heart)
        if depends_on_rows(plan, options, parts[0].rows):
            from seqcli.tasks.language_rows import RowLanguage

            assert parts[0].rows is not None
            task: Language = RowLanguage.fit(plan, corpus, parts[0].rows, options)
        else:
            task = Language(plan, corpus, tuple(sorted({*(parts[0].categories or ())} - {""})))
        train, validation, test = (task._encode(part, ring=by_heart) for part in parts)
        lengths = [len(part.past[TARGET]) for part in (train, validation, test)]
        task._refuse_too_little(tables.main.source, lengths[0])
        warnings = [*left_out_sentences(plan), *_unknown_sentences(task, (validation, test))]
        sizes = choose_text_sizes(lengths[0], corpus, options, by_heart)
        task = replace(task, plan=replace(plan, reasons=(*plan.reasons, *sizes.reasons)))
        return Prepared(
            task=task,
            train=train,
            validation=validation,
            test=test,
            network=task._network(sizes, options),
            loss="cross_entropy",
            training={**sizes.training, "level": corpus.level},
            rules=[*rules, corpus.described(), *counted_sentences(lengths[0])],
            warnings=warnings,
            source=(train, validation, test),
            counts=(f"{task.unit}s", _token_counts(lengths, by_heart)),
            writing=Writing(task.opening(), WRITTEN[corpus.level], corpus.decode),
            goes_on=tables.validation is None,
        )

    @property
    def unit(self) -> str:
        """What a token is, for a sentence: "character", "word", "byte" or "piece"."""
        return self.corpus.unit

    def _refuse_too_little(self, source: str, length: int) -> None:
        """Raise DataError for a training part of ``length`` 0, or in which nothing but spaces is known."""
        hint = "--level characters reads it letter by letter" if self.unit == "word" else "give more text"
        if not length:
            raise DataError(f"{source}: the training part has fewer than two {self.unit}s", hint)
        if not any(token.strip() for token in self.corpus.tokens):
            raise DataError(f"{source}: no {self.unit} of the training part comes twice", hint)

    def _network(self, sizes: TextSizes, options: Options) -> NetworkSpec:
        inputs = [InputSpec(TOKENS, "tokens", self.corpus.size, sizes.embedding_size)]
        if self.conditions:
            inputs.append(InputSpec(CONDITION, "tokens", len(self.conditions) + 2, CONDITION_SIZE))
        if self.given is not None:
            inputs.append(InputSpec(GIVEN, "values", len(self.given.names)))
        return NetworkSpec(
            inputs=tuple(inputs),
            output_shape=(self.corpus.size,),
            cell=sizes.cell,
            hidden_size=sizes.hidden_size,
            num_layers=sizes.num_layers,
            pool="none",
            dropout=sizes.dropout,
            embedding_dropout=sizes.embedding_dropout,
            variational=bool(options.network.variational),
            recurrent_dropout=options.network.recurrent_dropout or 0.0,
            tied=sizes.tied,
            init=options.network.init,
            time_range=max(SHORTEST_RANGE, options.training.bptt or 0),
            streams=True,
        )

    def _encode(self, part: Texts, ring: bool = False) -> Windows:
        """Texts as one stream: "tokens" (M,), and as "target" (M,) the token after each.

        ``condition`` (M,), or ``given`` (M, F), is that of the text the target stands in. In a ``ring`` the
        first token follows the last.
        """
        pieces = encoded(self.corpus, part.texts)
        ids = together(pieces)
        fields: dict[str, AnyArray] = {TOKENS: ids[:-1], TARGET: ids[1:]}
        if ring:
            fields = {TOKENS: ids, TARGET: np.roll(ids, -1)}
        if self.conditions and part.categories is not None:
            owner = np.repeat(self.condition_ids(part.categories), [len(piece) for piece in pieces])
            fields[CONDITION] = np.roll(owner, -1) if ring else owner[1:]
        if self.given is not None and part.rows is not None:
            matrix = self.given.matrix(part.rows)  # (N, F)
            each = np.repeat(matrix, [len(piece) for piece in pieces], axis=0)  # (M + 1, F)
            fields[GIVEN] = np.roll(each, -1, axis=0) if ring else each[1:]
        count = len(fields[TARGET])
        window = min(COLD_STEPS, max(count, 1))
        return Windows(fields, {}, np.arange(0, count - window + 1, window), window, 0)

    def condition_ids(self, values: Sequence[str]) -> IntArray:
        """Ids (N,) of condition values."""
        known = {value: place for place, value in enumerate(self.conditions, start=2)}
        return np.fromiter((known.get(value, UNKNOWN) for value in values), dtype=np.int64, count=len(values))

    def encode(self, table: Table) -> Windows:
        """All text of ``table`` as one stream."""
        return self._encode(texts_of(table, self.plan))

    def encode_labelled(self, table: Table) -> Windows:
        """As :meth:`encode`: in a text each token is the answer to what came before it."""
        return self.encode(table)

    def pieces(self, table: Table) -> list[str]:
        """The tokens of all text of ``table`` as they stand there, one more than there are targets."""
        return [piece for text in texts_of(table, self.plan).texts for piece in self.corpus.cut(text)]

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Nats, bits and perplexity from the nats of each token, (M, 2)."""
        scores = text_scores(outputs)
        if self.corpus.level != "characters":
            scores[A_CHARACTER] = scores["nats"] * self._tokens_a_character(examples)
        return scores

    def _tokens_a_character(self, examples: Examples) -> float:
        """So that nats of levels compare; NaN where a token is unknown, whose text nobody foresees."""
        targets = cast(Windows, examples).past[TARGET]
        counts = np.bincount(targets, minlength=self.corpus.size)  # (V,)
        met = counts > 0
        characters = float((counts[met] * self.corpus.characters[met]).sum())
        return len(targets) / characters if characters else float("nan")

    def calibrate(self, outputs: NDArray[np.float32], examples: Examples) -> Language:
        """Nothing is learnt after training from nats (M, 2)."""
        return self

    def recalibrate(self, parts: Sequence[tuple[NDArray[np.float32], Examples]]) -> Language:
        """Nothing is learnt after the test from nats (M, 2)."""
        return self

    def report(
        self, scores: list[Scores], outputs: NDArray[np.float32], examples: Examples
    ) -> list[ResultTable]:
        """The predictors beside each other; ``outputs`` are nats (M, 2)."""
        columns = [
            ResultColumn("predictor"),
            ResultColumn("nats", ".4f", emphasis=True),
            ResultColumn("blk64", ".4f"),
            ResultColumn("bits", ".3f"),
            ResultColumn("perplexity", ".2f"),
        ]
        found = [dict(score.values) for score in scores]
        if self.corpus.level != "characters":
            columns.insert(2, ResultColumn(A_CHARACTER, ".4f"))
            ratio = self._tokens_a_character(examples)
            found = [{**values, A_CHARACTER: values["nats"] * ratio} for values in found]
        names = [column.name for column in columns[1:]]
        rows = [
            (score.predictor, *(_or_none(values.get(name)) for name in names))
            for score, values in zip(scores, found, strict=True)
        ]
        caption = (
            f"nats: a {self.unit}, with all the text before it; blk64: in windows of {COLD_STEPS}, "
            "each read without what came before"
        )
        title = f"{len(outputs):,} test {self.unit}s"
        return [ResultTable(title, tuple(columns), rows, caption)]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Counts of n-grams, and of single tokens, in the training part."""
        from seqcli.tasks.language_baseline import ngram_scores

        train, validation, test = prepared.source
        return ngram_scores(train, validation, test, self.corpus.size, both=prepared.goes_on)

    def opening(self) -> IntArray:
        """The token ids (N,) that a text begins after: a line break, padding where none was learnt."""
        ids = self.corpus.encode("\n")
        return np.where(ids == UNKNOWN, PADDING, ids)

    def to_json(self) -> dict[str, Any]:
        """Everything fitted, as JSON values."""
        return {
            "name": self.name,
            "plan": self.plan.to_json(),
            "corpus": self.corpus.to_json(),
            "conditions": list(self.conditions),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Language:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            plan, corpus = Plan.from_json(data["plan"]), restore_corpus(data["corpus"])
            conditions = data["conditions"]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        texts = isinstance(conditions, list) and all(isinstance(value, str) for value in conditions)
        if not texts or len(set(conditions)) < len(conditions):
            raise ModelError("the model's conditions cannot be read", "train it again")
        if len(plan.text) != 1 or len(plan.features) != bool(conditions):
            raise ModelError("the model's columns cannot be read", "train it again")
        return cls(plan, corpus, tuple(conditions))


def _token_counts(targets: Sequence[int], ring: bool) -> tuple[int, int, int]:
    """Tokens of the three parts: one more than there are targets, but in a ring."""
    train, validation, test = (count + bool(count and not ring) for count in targets)
    return train, validation, test


def _unknown_sentences(task: Language, parts: Sequence[Windows]) -> list[str]:
    """A sentence where many tokens of a held-out part do not stand in the training part."""
    said = []
    for name, part in zip(("validation", "test"), parts, strict=True):
        share = float((part.past[TARGET] == UNKNOWN).mean()) if len(part.past[TARGET]) else 0.0
        if share > UNKNOWN_SHARE:
            said.append(f"{100 * share:.1f} % of the {task.unit}s of the {name} part are unknown")
    return said


def counted_sentences(length: int) -> list[str]:
    """A sentence where n-grams are counted in a part of the training text."""
    if length <= COUNTED:
        return []
    return [f"n-grams are counted in the last {COUNTED:,} training tokens, the network may read all"]


def _or_none(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else value
