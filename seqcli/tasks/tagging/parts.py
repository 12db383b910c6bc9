"""From the tables of a run to three parts of tagged sentences."""

from __future__ import annotations

from dataclasses import dataclass, field

from seqcli.errors import DataError
from seqcli.options import Options
from seqcli.preprocessing.split import stratified_split
from seqcli.preprocessing.words import WordCutter
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.parts import LEAST_EXAMPLES, held_out_shares
from seqcli.tasks.tag_plan import form_of
from seqcli.tasks.tagging.schemes import OUTSIDE, Scheme, find_scheme
from seqcli.tasks.tagging.sentences import LISTS, TEXTS, WORDS, Sentences, read_lists, read_texts, read_words


@dataclass(frozen=True)
class TaggedParts:
    """The three parts, how their tags and words are spelt, and sentences on the split and on odd data."""

    source: str
    form: str
    train: Sentences
    validation: Sentences
    test: Sentences
    scheme: Scheme | None
    cutter: WordCutter
    rules: list[str]
    warnings: list[str] = field(default_factory=list)

    @property
    def all(self) -> tuple[Sentences, Sentences, Sentences]:
        """Training, validation, test."""
        return self.train, self.validation, self.test


def make_parts(tables: Tables, plan: Plan, options: Options) -> TaggedParts:
    """Read the sentences and split them; equal sentences stay in one part.

    Files given for validation or test are those parts. Raises DataError where there are fewer than 20
    sentences.
    """
    form = form_of(tables.main) or WORDS
    warnings: list[str] = []
    main = _read(tables.main, plan, form, warnings)
    if len(main) < LEAST_EXAMPLES:
        raise DataError(
            f"{tables.main.source}: {counted(len(main), 'sentence')} with tags cannot be learnt from",
            f"at least {LEAST_EXAMPLES} are needed; a blank line ends a sentence"
            if form == WORDS
            else f"at least {LEAST_EXAMPLES} are needed",
        )
    tags = main.tag_lists()
    scheme = find_scheme(tags)
    validation_share, test_share = held_out_shares(options.split)
    spanned = [any(tag != OUTSIDE for tag in some) for some in tags] if scheme else [False] * len(main)
    try:
        split = stratified_split(
            spanned if len(set(spanned)) > 1 else None,
            keys=main.keys(),
            validation_share=0.0 if tables.validation else validation_share,
            test_share=0.0 if tables.test else test_share,
            seed=options.training.seed,
        )
    except DataError as error:
        raise DataError(f"{tables.main.source}: {error.message}", error.hint) from error
    parts = [main.take(rows) for rows in (split.train, split.validation, split.test)]
    rules = [_of_sentences(said) for said in split.sentences]
    for place, name, given in ((1, "validation", tables.validation), (2, "test", tables.test)):
        if given is not None:
            parts[place] = _read(given, plan, form, warnings)
            rules.append(f"{name} part: {counted(len(parts[place]), 'sentence')} of {given.source}")
            _warn_of_copies(parts[0], parts[place], given.source, warnings)
    cutter = WordCutter() if form == TEXTS else WordCutter.fit(parts[0].words)
    train, validation, test = parts
    source = tables.main.source
    return TaggedParts(source, form, train, validation, test, scheme, cutter, rules, warnings)


def _read(table: Table, plan: Plan, form: str, warnings: list[str]) -> Sentences:
    """The sentences of a table all of whose words have tags."""
    word, tag = plan.text[0], plan.target[0]
    if form == LISTS:
        found = read_lists(table, word, tag)
    elif form == TEXTS:
        found = read_texts(table, word, WordCutter(), tag)
    else:
        for name in plan.id:
            table.column(name)  # raises DataError with the closest name
        found = read_words(table, word, plan.id, tag)
    warnings += [f"{table.source}: {note}" for note in found.notes]
    kept, dropped = found.tagged()
    if dropped:
        warnings.append(f"{table.source}: {counted(dropped, 'sentence')} with words without a tag left out")
    return kept


def _of_sentences(said: str) -> str:
    """What the split says of rows, of sentences."""
    said = said.replace(" row;", " sentence;").replace(" rows", " sentences").replace(" row", " sentence")
    return said.replace(", by class", ", alike in how many hold a span")


def _warn_of_copies(train: Sentences, other: Sentences, source: str, warnings: list[str]) -> None:
    """Say how many sentences of a part given as a file stand in the training part too."""
    seen = set(train.keys())
    copies = sum(key in seen for key in other.keys())  # noqa: SIM118 – not a dictionary
    if copies:
        warnings.append(f"{source}: {copies:,} of {len(other):,} sentences are training sentences too")
