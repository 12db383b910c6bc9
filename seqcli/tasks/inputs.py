"""Rows of a table → Examples: the inputs that every task with one answer a row (or sequence) shares.

Text becomes ids of words or characters; numbers and classes become steps of a sequence where rows
are collected by id, one step where they are not, and a dense field beside the text where there is
some. Everything is fitted on training rows and saved as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import ModelError, UsageError
from seqcli.network import KMERS, InputSpec
from seqcli.options import Options
from seqcli.preprocessing.batching import covering_length
from seqcli.preprocessing.dna import BASES
from seqcli.preprocessing.grams import NAME as GRAMS
from seqcli.preprocessing.grams import Grams
from seqcli.preprocessing.kmers import kmer_ids
from seqcli.preprocessing.places import FEWEST_STEPS, LONGEST, bump_count, places_of, usual_length
from seqcli.preprocessing.subwords import Subwords
from seqcli.preprocessing.vocabulary import BPE, MOST_PIECES, Vocabulary, tokenize_words
from seqcli.readers.roles import series_numbers
from seqcli.readers.table import Table
from seqcli.readers.vectors import read_vectors
from seqcli.sequences import Batchable, Field, IntArray, Sequences, joined
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import TEXT_WORDS
from seqcli.tasks.dna_input import Dna, bad_bases, fit_dna
from seqcli.tasks.features import Features
from seqcli.tasks.speech.sound import Sound, fit_sound

TOKENS, PARTS, VALUES, DENSE = "tokens", "parts", "values", "dense"
BASES_FIELD, PLACE = "bases", "place"
FEWEST_BUCKETS, MOST_BUCKETS = 500, 20_000
"""Ids that the parts of words are hashed into."""
LONGEST_RUN = 4
"""Characters of the longest run that is read as one."""
MOST_TOKENS = 30_000
"""Ids of a vocabulary; rarer tokens are unknown."""
TEXTS_AT_ONCE = 4096
"""Texts whose words are at hand together."""
KMER_SIZE = 32
"""Numbers of the vector of a run of bases."""
MOST_STEPS = 1000
"""Steps of a text that are read, however few texts are longer."""


@dataclass(frozen=True)
class Grouping:
    """Which rows make which example: example i is rows ``order[offsets[i]:offsets[i + 1]]``, in time.

    ``order`` is (rows,), ``offsets`` (N + 1,).
    """

    order: IntArray
    offsets: IntArray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def first(self) -> IntArray:
        """The first row of each example, (N,)."""
        return self.order[self.offsets[:-1]]

    def rows(self, examples: IntArray) -> IntArray:
        """All rows (R,) of the named examples (B,), in order."""
        parts = [self.order[self.offsets[i] : self.offsets[i + 1]] for i in examples.tolist()]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def group_rows(table: Table, ids: tuple[str, ...], time: str | None) -> Grouping:
    """Collect the rows that agree in ``ids``, in order of first appearance, each sorted by ``time``.

    Without ids every row is an example of its own.
    """
    rows = np.arange(len(table))
    if not ids:
        return Grouping(rows, np.arange(len(table) + 1))
    owner = series_numbers([table.cells(name) for name in ids], len(table))
    when: NDArray[Any] = rows
    if time is not None:
        when = table.dates(time).values if table.kind(time) == "date" else table.numbers(time).values
    order = np.lexsort((rows, when, owner))
    return Grouping(order, np.searchsorted(owner[order], np.arange(owner.max(initial=-1) + 2)))


@dataclass(frozen=True)
class Inputs:
    """Fitted inputs: text by ``vocabulary`` (cut after ``max_length`` steps), columns by ``features``.

    With ``subwords`` each word is read by its parts too, and each character with those ahead of it.
    """

    text: tuple[str, ...]
    ids: tuple[str, ...]
    time: str | None
    vocabulary: Vocabulary | None
    max_length: int | None
    features: Features | None
    subwords: Subwords | Grams | None = None
    dna: Dna | None = None
    """How a text that is DNA is read, in place of a vocabulary."""
    places: int = 0
    """The length of all rows, where each step is told its place; 0 where lengths differ."""
    sound: Sound | None = None
    """How clips are read, where they are what is read."""

    @classmethod
    def fit(cls, table: Table, plan: Plan, options: Options) -> tuple[Inputs, list[str]]:
        """Fit on ``table``, which holds training rows only; returns what should be said of it too."""
        rules: list[str] = []
        vocabulary, max_length, features, subwords = None, None, None, None
        dna = fit_dna(table, plan.text, options, rules)
        if plan.text and dna is None:
            vocabulary, max_length = _fit_text(joined_texts(table, plan.text), options, rules)
            if _reads_parts(vocabulary, options.network.subwords):
                subwords = _fit_subwords(vocabulary, joined_texts(table, plan.text), rules)
        if plan.features:
            features = Features.fit(table, plan.features, options.reading.missing)
            if features.numbers:
                rules.append(f"numbers scaled by {len(table):,} training rows")
        found = cls(plan.text, plan.id, plan.time, vocabulary, max_length, features, subwords, dna)
        if plan.audio:
            return replace(found, sound=fit_sound(table, plan.audio[0], options, rules)[0]), rules
        return (replace(found, places=found.same_length(table)) if found.reads_steps else found), rules

    @property
    def reads_steps(self) -> bool:
        """Whether rows are series of numbers, sound among them, or DNA."""
        return self.dna is not None or self.sound is not None or (bool(self.ids) and self.vocabulary is None)

    def same_length(self, table: Table) -> int:
        """The length that rows of ``table`` have, 0 where they differ."""
        if self.dna is not None:
            return usual_length(self.dna.encode(table.cells(self.text[0])).lengths)
        return usual_length(np.diff(group_rows(table, self.ids, self.time).offsets))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that rows to predict on must have."""
        time = (self.time,) if self.ids and self.time else ()
        sound = (self.sound.column,) if self.sound else ()
        return (*self.text, *sound, *(self.features.columns if self.features else ()), *self.ids, *time)

    @property
    def only_text(self) -> str:
        """The one column that is read, where it is text; else ""."""
        return self.text[0] if self.text and self.columns == self.text[:1] else ""

    def encode(self, table: Table) -> tuple[Batchable, Grouping]:
        """All examples of ``table``, and which rows each was made of."""
        grouping = group_rows(table, self.ids, self.time)
        fields: dict[str, Field] = {}
        if self.vocabulary is not None:
            fields.update(self.text_fields(joined_texts(table, self.text)))
        if self.dna is not None:
            fields[BASES_FIELD] = self.dna.encode(table.cells(self.text[0]))
            if self.dna.kmers:
                fields[KMERS] = self.dna.encode_runs(table.cells(self.text[0]))
        if self.sound is not None:
            fields[VALUES] = self.sound.encode(table)
        if self.features is not None and self.ids:
            steps = self.features.matrix(table.take(grouping.order), grouping.offsets)
            fields[VALUES] = Sequences(steps, grouping.offsets)
        elif self.features is not None:
            matrix = self.features.matrix(table)
            fields[DENSE if self.text else VALUES] = (
                matrix if self.text else Sequences(matrix, grouping.offsets)
            )
        if self.places:
            lengths = Batchable(fields, grouping.first).lengths
            fields[PLACE] = places_of(np.concatenate([[0], np.cumsum(lengths)]), self.places)
        return Batchable(fields, grouping.first), grouping

    def text_fields(self, texts: list[str]) -> dict[str, Field]:
        """Ids of tokens, and of the parts of each; a text is cut into tokens once."""
        vocabulary = self.vocabulary
        assert vocabulary is not None
        if self.subwords is None:
            return {TOKENS: vocabulary.encode(texts, self.max_length)}
        parts = []
        for start in range(0, max(len(texts), 1), TEXTS_AT_ONCE):
            words = [vocabulary.cut(text)[: self.max_length] for text in texts[start : start + TEXTS_AT_ONCE]]
            parts.append(Batchable(self.token_fields(words), np.arange(len(words))))
        return dict((parts[0] if len(parts) == 1 else joined(parts)).fields)

    def token_fields(self, words: list[list[str]]) -> dict[str, Field]:
        """As :meth:`text_fields`, of texts that are cut into tokens."""
        assert self.vocabulary is not None
        fields: dict[str, Field] = {TOKENS: self.vocabulary.encode_tokens(words)}
        return fields if self.subwords is None else {**fields, PARTS: self.subwords.look_up(words)}

    def specs(self, embedding_size: int) -> tuple[InputSpec, ...]:
        """The network's inputs; the vector of a word's parts has half the size of the word's own.

        That of a run of characters is as large as a character's: there is more to say of it.
        """
        specs = []
        if self.vocabulary is not None:
            specs.append(InputSpec(TOKENS, "tokens", self.vocabulary.size, embedding_size))
        if self.subwords is not None:
            size = embedding_size if isinstance(self.subwords, Grams) else max(embedding_size // 2, 1)
            specs.append(InputSpec(PARTS, "bags", self.subwords.size, size))
        if self.dna is not None:
            specs.append(InputSpec(BASES_FIELD, "values", len(BASES)))
            if self.dna.kmers:
                specs.append(InputSpec(KMERS, "bags", kmer_ids(self.dna.kmers), embedding_size or KMER_SIZE))
        if self.sound is not None:
            specs.append(InputSpec(VALUES, "values", self.sound.width))
        if self.features is not None:
            kind = DENSE if self.text else VALUES
            specs.append(InputSpec(kind, kind, len(self.features.names)))
        if self.places:
            specs.append(InputSpec(PLACE, "values", bump_count(self.places)))
        return tuple(specs)

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that no prediction should rest on: position → what is wrong."""
        found = self.features.bad_cells(table) if self.features else {}
        found = {**found, **self.sound.bad_rows(table)} if self.sound else found
        return found if self.dna is None else {**found, **bad_bases(table, self.text[0])}

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "text": list(self.text),
            "ids": list(self.ids),
            "time": self.time,
            "vocabulary": self.vocabulary.to_json() if self.vocabulary else None,
            "max_length": self.max_length,
            "features": self.features.to_json() if self.features else None,
            **({"subwords": self.subwords.to_json()} if self.subwords else {}),
            **({"dna": self.dna.to_json()} if self.dna else {}),
            **({"places": self.places} if self.places else {}),
            **({"sound": self.sound.to_json()} if self.sound else {}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Inputs:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        try:
            max_length = data["max_length"]
            inputs = cls(
                text=tuple(str(name) for name in data["text"]),
                ids=tuple(str(name) for name in data["ids"]),
                time=None if data["time"] is None else str(data["time"]),
                vocabulary=Vocabulary.from_json(data["vocabulary"]) if data["vocabulary"] else None,
                max_length=None if max_length is None else max(int(max_length), 1),
                features=Features.from_json(data["features"]) if data["features"] else None,
                subwords=_subwords_from(data["subwords"]) if data.get("subwords") else None,
                dna=Dna.from_json(data["dna"]) if data.get("dna") else None,
                places=int(data.get("places", 0)),
                sound=Sound.from_json(data["sound"]) if data.get("sound") else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError("the model's inputs cannot be read", "train it again") from error
        textless = inputs.vocabulary is None
        if inputs.sound is not None:
            if not textless or inputs.columns != (inputs.sound.column,) or inputs.dna or inputs.places:
                raise ModelError("the model's inputs contradict each other", "train it again")
            return inputs
        if inputs.places and not (inputs.reads_steps and FEWEST_STEPS <= inputs.places <= LONGEST):
            raise ModelError("the model's inputs contradict each other", "train it again")
        if inputs.dna is not None:
            if not textless or len(inputs.text) != 1 or inputs.ids or inputs.subwords:
                raise ModelError("the model's inputs contradict each other", "train it again")
        elif (
            bool(inputs.text) == textless
            or not (inputs.text or inputs.features)
            or (textless and inputs.subwords)
        ):
            raise ModelError("the model's inputs contradict each other", "train it again")
        return inputs


def joined_texts(table: Table, names: tuple[str, ...]) -> list[str]:
    """The text of each row: its text columns one after another."""
    if len(names) == 1:
        return table.cells(names[0])
    return [" ".join(cells) for cells in zip(*(table.cells(name) for name in names), strict=True)]


def content_keys(table: Table, names: tuple[str, ...], grouping: Grouping) -> list[tuple[str, ...]] | None:
    """The content of each example, for finding equal ones; None where that says nothing.

    Rows of a few classes are equal by nature: only where half of all examples differ does an equal
    one count as the same thing twice.
    """
    cells = list(zip(*(table.cells(name) for name in names), strict=True))
    order, offsets = grouping.order.tolist(), grouping.offsets.tolist()
    keys = [
        tuple(cell.strip() for row in order[start:stop] for cell in cells[row])
        for start, stop in pairwise(offsets)
    ]
    return keys if 2 * len(set(keys)) >= len(keys) else None


def _fit_text(texts: list[str], options: Options, rules: list[str]) -> tuple[Vocabulary, int]:
    """The vocabulary and the length at which texts are cut."""
    level, known = options.columns.level, frozenset[str]()
    if level == "bytes":
        raise UsageError(
            "--level bytes is for a text to go on with", "--level characters reads labelled texts"
        )
    if options.network.vectors:
        if level not in (None, "words"):
            raise UsageError(f"--vectors are of words: --level {level} reads none", "leave out one of them")
        level = "words"
        wanted = {token for text in texts for token in tokenize_words(text)}
        known = frozenset(read_vectors(options.network.vectors, wanted))
    if level is None:
        words = sum(len(text.split()) for text in texts) / max(len(texts), 1)
        level = "words" if words >= TEXT_WORDS else "characters"
    # A word met once teaches nothing but what an unknown word means, so that is what it stands for, unless
    # it comes with a vector.
    least = 2 if level == "words" else 1
    most = MOST_PIECES if level == BPE else MOST_TOKENS
    vocabulary = Vocabulary.fit(texts, level, max_size=most, min_count=least, known=known)
    lengths = vocabulary.encode(texts).lengths
    cut, share = covering_length(lengths)
    if cut > MOST_STEPS:
        cut = MOST_STEPS
        share = float(np.minimum(lengths, cut).sum() / lengths.sum())
    units = f"{vocabulary.unit}s"
    what = "pieces of words" if level == BPE else level
    rules.append(f"text read as {what}: {len(vocabulary.tokens):,} different ones in the training rows")
    if share < 1:
        rules.append(f"texts cut after {cut} {units}, which keeps {100 * share:.1f} % of all {units}")
    return vocabulary, max(cut, 1)


def _reads_parts(vocabulary: Vocabulary, wanted: bool | None) -> bool:
    """Whether tokens are read by more than themselves."""
    if vocabulary.level == BPE and wanted:
        raise UsageError(
            "--subwords reads words by their parts, and --level bpe cuts words into parts already",
            "leave out one of them",
        )
    return wanted is not False and vocabulary.level != BPE


def _fit_subwords(vocabulary: Vocabulary, texts: list[str], rules: list[str]) -> Subwords | Grams:
    """How tokens are read by more than themselves; a short file has few parts, which need few ids."""
    buckets = int(np.clip(sum(map(len, texts)), FEWEST_BUCKETS, MOST_BUCKETS))
    if vocabulary.level == "words":
        rules.append(f"words are read by their parts too, hashed into {buckets:,} ids")
        return Subwords(buckets)
    rules.append(
        f"characters are read with the {LONGEST_RUN - 1} ahead of them too, hashed into {buckets:,} ids"
    )
    return Grams(buckets, LONGEST_RUN)


def _subwords_from(data: Any) -> Subwords | Grams:
    """Rebuild what reads tokens by more than themselves. Raises ModelError on anything else."""
    return Grams.from_json(data) if data.get("name") == GRAMS else Subwords.from_json(data)
