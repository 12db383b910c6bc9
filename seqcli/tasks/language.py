"""Text to go on with: the next character or word after all that came before, at every step.

The rows of a text column, a line break after each, are one long text. It is cut in order, so that the
network is chosen and reported on text that comes after all it learnt from. Where a condition column is
named, rows are texts of their own with a category each, drawn by category instead.
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
from seqcli.preprocessing.corpus import Corpus, cut
from seqcli.preprocessing.split import stratified_split
from seqcli.preprocessing.vocabulary import PADDING, UNKNOWN
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.results import ResultColumn, ResultTable
from seqcli.sequences import TARGET, AnyArray, Examples, IntArray, Windows
from seqcli.tasks.base import Plan, Prepared, Scores, Tables, Writing
from seqcli.tasks.language_scores import COLD_STEPS, text_scores
from seqcli.tasks.language_sizes import TextSizes, as_it_began, choose_text_sizes
from seqcli.tasks.parts import held_out_shares, left_out_sentences

TOKENS, CONDITION = "tokens", "condition"
LEAST_CHARACTERS = 16
"""Text below which there is nothing to learn."""
SHORT_TEXT = 2_000
"""Characters below which a text is too short to be cut: it is learnt by heart."""
UNKNOWN_SHARE = 0.02
"""Share of unknown tokens in a held-out part that is worth a warning."""
CONDITION_SIZE = 16
WRITTEN = {"characters": 60, "words": 14}
"""Tokens that a network in training writes to show how it goes."""


@dataclass(frozen=True)
class Language:
    """A fitted language model task: its columns, its tokens, and the categories a text can depend on."""

    name: ClassVar[str] = "language.v1"
    metric: ClassVar[str] = "nats"
    higher_is_better: ClassVar[bool] = False

    plan: Plan
    corpus: Corpus
    conditions: tuple[str, ...] = ()
    """Values of the condition column in training rows; the id of value i is 2 + i, of any other or none 1."""

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
        parts, rules, by_heart = _cut_text(tables, plan, options)
        whole = "".join(parts[0].texts)
        if options.columns.level == "bpe":
            raise UsageError(
                "--level bpe is for labelled texts so far: a language model reads words or characters",
                "leave it out, or --level words",
            )
        corpus = Corpus.fit(whole, options.columns.level or "characters", by_heart)
        task = cls(plan, corpus, tuple(sorted({*(parts[0].categories or ())} - {""})))
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
            rules=[*rules, f"{counted(len(corpus.tokens), f'different {task.unit}')} in the training part"],
            warnings=warnings,
            source=(train, validation, test),
            counts=(f"{task.unit}s", _token_counts(lengths, by_heart)),
            writing=Writing(task.opening(), WRITTEN[corpus.level], corpus.decode),
        )

    @property
    def unit(self) -> str:
        """What a token is, for a sentence: "character" or "word"."""
        return self.corpus.level.removesuffix("s")

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
            init=options.network.init,
            streams=True,
        )

    def _encode(self, part: _Texts, ring: bool = False) -> Windows:
        """Texts as one stream: "tokens" (M,), and as "target" (M,) the token after each.

        ``condition`` (M,) is that of the text the target stands in. In a ``ring`` the first token follows
        the last.
        """
        pieces = [self.corpus.encode(text) for text in part.texts]
        ids = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)
        fields: dict[str, AnyArray] = {TOKENS: ids[:-1], TARGET: ids[1:]}
        if ring:
            fields = {TOKENS: ids, TARGET: np.roll(ids, -1)}
        if self.conditions and part.categories is not None:
            owner = np.repeat(self.condition_ids(part.categories), [len(piece) for piece in pieces])
            fields[CONDITION] = np.roll(owner, -1) if ring else owner[1:]
        count = len(fields[TARGET])
        window = min(COLD_STEPS, max(count, 1))
        return Windows(fields, {}, np.arange(0, count - window + 1, window), window, 0)

    def condition_ids(self, values: Sequence[str]) -> IntArray:
        """Ids (N,) of condition values."""
        known = {value: place for place, value in enumerate(self.conditions, start=2)}
        return np.fromiter((known.get(value, UNKNOWN) for value in values), dtype=np.int64, count=len(values))

    def encode(self, table: Table) -> Windows:
        """All text of ``table`` as one stream."""
        return self._encode(_texts(table, self.plan))

    def encode_labelled(self, table: Table) -> Windows:
        """As :meth:`encode`: in a text each token is the answer to what came before it."""
        return self.encode(table)

    def pieces(self, table: Table) -> list[str]:
        """The tokens of all text of ``table`` as they stand there, one more than there are targets."""
        return [piece for text in _texts(table, self.plan).texts for piece in cut(text, self.corpus.level)]

    def score(self, outputs: NDArray[np.float32], examples: Examples) -> dict[str, float]:
        """Nats, bits and perplexity from the nats of each token, (M, 2)."""
        return text_scores(outputs)

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
        columns = (
            ResultColumn("predictor"),
            ResultColumn("nats", ".4f", emphasis=True),
            ResultColumn("blk64", ".4f"),
            ResultColumn("bits", ".3f"),
            ResultColumn("perplexity", ".2f"),
        )
        names = [column.name for column in columns[1:]]
        rows = [(score.predictor, *(_or_none(score.values.get(name)) for name in names)) for score in scores]
        caption = (
            f"nats: a {self.unit}, with all the text before it; blk64: in windows of {COLD_STEPS}, "
            "each read without what came before"
        )
        title = f"{len(outputs):,} test {self.unit}s"
        return [ResultTable(title, columns, rows, caption)]

    def baselines(self, prepared: Prepared) -> list[Scores]:
        """Counts of n-grams, and of single tokens, in the training part."""
        from seqcli.tasks.language_baseline import ngram_scores

        train, validation, test = prepared.source
        return ngram_scores(train, validation, test, self.corpus.size)

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
            plan, corpus = Plan.from_json(data["plan"]), Corpus.from_json(data["corpus"])
            conditions = data["conditions"]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        texts = isinstance(conditions, list) and all(isinstance(value, str) for value in conditions)
        if not texts or len(set(conditions)) < len(conditions):
            raise ModelError("the model's conditions cannot be read", "train it again")
        if len(plan.text) != 1 or len(plan.features) != bool(conditions):
            raise ModelError("the model's columns cannot be read", "train it again")
        return cls(plan, corpus, tuple(conditions))


@dataclass(frozen=True)
class _Texts:
    """Texts in order, each with its line break, and the category of each where there are any."""

    texts: list[str]
    categories: list[str] | None = None


def _texts(table: Table, plan: Plan) -> _Texts:
    """The rows of the text column. Blank lines of a text file, which are no rows, are put back.

    Lines are text whatever the column was called that was learnt from, where that was the only one.
    """
    lines = table.unit == "line" and len(table.names) == 1 and not plan.features
    cells = table.cells(table.names[0] if lines else plan.text[0])
    categories = [cell.strip() for cell in table.cells(plan.features[0])] if plan.features else None
    if table.unit != "line" or categories is not None:
        return _Texts([f"{cell}\n" for cell in cells], categories)
    files = np.zeros(len(table), dtype=np.int64) if table.file_of is None else table.file_of
    begins = np.diff(files, prepend=-1) != 0
    blank = np.where(begins, table.records, np.diff(table.records, prepend=0)) - 1  # lines ahead of each row
    return _Texts(["\n" * count + f"{cell}\n" for cell, count in zip(cells, blank.tolist(), strict=True)])


def _cut_text(
    tables: Tables, plan: Plan, options: Options
) -> tuple[tuple[_Texts, _Texts, _Texts], list[str], bool]:
    """Training, validation and test text, sentences on the cut, and whether all is learnt by heart."""
    main = _texts(tables.main, plan)
    length = sum(map(len, main.texts))
    if length < LEAST_CHARACTERS:
        raise DataError(
            f"{tables.main.source}: {length} characters of text are too few to learn from",
            f"at least {LEAST_CHARACTERS} are needed",
        )
    given = [None if table is None else _texts(table, plan) for table in (tables.validation, tables.test)]
    typed = options.split.validation_share is not None or options.split.test_share is not None
    if length < SHORT_TEXT and not any(given) and not typed:
        said = f"{length:,} characters are too few to cut: all are learnt by heart, and tested on too"
        return (main, _Texts([]), main), [said], True
    shares = held_out_shares(options.split, 0.05, 0.1)
    held_out = [0.0 if part else share for part, share in zip(given, shares, strict=True)]
    cut = _in_order(main, held_out)
    if main.categories:
        try:
            cut = _by_category(main, held_out, options.training.seed)
        except DataError as error:
            raise DataError(f"{tables.main.source}: {error.message}", error.hint) from error
    parts = [cut[0], given[0] or cut[1], given[1] or cut[2]]
    sizes = [sum(map(len, part.texts)) for part in parts]
    how = "drawn by category" if main.categories else "in the order of the text"
    rule = f"split {how}: {sizes[0]:,} training, {sizes[1]:,} validation, {sizes[2]:,} test characters"
    return (parts[0], parts[1], parts[2]), [rule], False


def _in_order(main: _Texts, shares: Sequence[float]) -> list[_Texts]:
    """The text cut by characters: the last share is the test part, the one ahead of it validation."""
    text = "".join(main.texts)
    test = len(text) - round(shares[1] * len(text))
    validation = test - round(shares[0] * len(text))
    return [_Texts([part]) for part in (text[:validation], text[validation:test], text[test:])]


def _by_category(main: _Texts, shares: Sequence[float], seed: int) -> list[_Texts]:
    """Whole rows, each category in its share, in an order of their own."""
    assert main.categories is not None
    split = stratified_split(
        main.categories, keys=main.texts, validation_share=shares[0], test_share=shares[1], seed=seed
    )
    rng = np.random.default_rng(seed)
    return [
        _Texts(
            [main.texts[row] for row in order],
            [main.categories[row] for row in order],
        )
        for order in (rng.permutation(part).tolist() for part in (split.train, split.validation, split.test))
    ]


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


def _or_none(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else value
