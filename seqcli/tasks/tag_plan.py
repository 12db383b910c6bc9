"""The plan of a file of tagged words: which column holds the words, which the tags, what a sentence is."""

from __future__ import annotations

import re

from seqcli.errors import DataError, near_miss
from seqcli.options import ColumnOptions
from seqcli.readers.conll import FORM, SENTENCE, TOKEN
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import name_words
from seqcli.tasks.tagging.sentences import LISTS, TEXTS, WORDS, is_list_column, is_span_column

UPOS = "upos"
WORD_NAMES = (FORM, TOKEN, "word", "tokens", "words", "text")
TAG_NAMES = (UPOS, "tag", "tags", "ner", "ner_tags", "pos_tags", "pos", "label", "labels", "xpos", "chunk")
HELD = {
    WORDS: "one word and its tag a line",
    LISTS: "a list of words and one of tags a line",
    TEXTS: "a text and its spans a line",
}
_SENTENCE_WORDS = frozenset({"sentence", "sent", "sentences"})
_NO_TAG = frozenset({"id", "lemma", "feats", "head", "deprel", "deps", "misc"})
"""Columns of CoNLL-U that hold no tags; they are not proposed."""


def form_of(table: Table) -> str:
    """What the rows of a table of tagged words are: "words", "lists" or "texts"; "" where it holds none."""
    if is_conll(table) or any(name.strip().lower().endswith(UPOS) for name in table.names):
        return WORDS
    if table.unit != "line" or len(table.names) < 2 or len(table.names) > 50:
        return ""
    if len(_lists(table)) > 1:
        return LISTS
    return TEXTS if any(is_span_column(table.cells(name)) for name in table.names) else ""


def is_conll(table: Table) -> bool:
    """Whether a table was read as CoNLL."""
    return table.unit == "line" and table.names[:1] == (SENTENCE,)


def tag_plan(table: Table, options: ColumnOptions) -> Plan:
    """Words, tags and sentences of ``table``: as typed, else by their names and places.

    Raises DataError where one of them cannot be found.
    """
    form = form_of(table) or WORDS
    if form == WORDS:
        return _words_plan(table, options)
    typed = _typed_tag(table, options)
    if form == LISTS:
        lists = _lists(table)
        word = _typed_word(options) or first_called(lists, WORD_NAMES) or lists[0]
        others = [name for name in lists if name != word]
        tag = typed or first_called(others, TAG_NAMES) or others[0]
        why = f"a row is a sentence: a list of words in {word}, of tags in {tag}"
    else:
        marked = [name for name in table.names if is_span_column(table.cells(name))]
        tag = typed or marked[0]
        texts = [name for name in table.names if name not in marked and table.kind(name) == "text"]
        word = _typed_word(options) or first_called(texts, ("text", "sentence")) or next(iter(texts), "")
        if not word:
            raise DataError(f"{table.source}: no text stands beside the spans of {tag}", 'call it "text"')
        why = f"a row is a text, with spans of it in {tag}"
    table.column(word)
    left_out = tuple((name, "not the words, not the tags") for name in table.names if name not in (word, tag))
    return Plan("tag", (tag,), text=(word,), left_out=left_out, reasons=(f"task tag: {why}",))


def _words_plan(table: Table, options: ColumnOptions) -> Plan:
    """A row is a word."""
    ids = options.id or ((SENTENCE,) if is_conll(table) else _sentence_ids(table))
    free = [name for name in table.names if name not in ids]
    word = _typed_word(options) or first_called(free, WORD_NAMES)
    if not word:
        raise DataError(
            f"{table.source}: no column is called like words",
            "--features names it; --task steps labels rows of numbers",
        )
    table.column(word)
    typed = _typed_tag(table, options)
    others = [name for name in free if name != word]
    usual = others[-1:] if is_conll(table) and UPOS not in others else []
    tag = typed or first_called(others, (UPOS,)) or next(iter(usual), "") or first_called(others, TAG_NAMES)
    if not tag:
        what, hint = "no column is called like tags", "--tag-column names it"
        if is_conll(table):
            what, hint = (
                "words alone, and no tags to learn",
                "each word needs its tag behind a tab or a blank",
            )
        raise DataError(f"{table.source}: {what}", hint)
    if tag in (word, *ids):
        raise DataError(
            f"{table.source}: {tag} holds the words, not their tags", "--tag-column names another"
        )
    if not ids:
        raise DataError(
            f"{table.source}: which words make a sentence is not known",
            "--id names a column that says the same for all words of a sentence",
        )
    further = [name for name in others if name != tag and name not in _NO_TAG]
    asked = " as typed" if typed else f" (--tag-column takes {_some(further)})" if further else ""
    what = f"one word and its tag a line, tags in {tag}{asked}"
    reasons = (f"task tag: {what}",)
    return Plan("tag", (tag,), text=(word,), id=tuple(ids), reasons=reasons)


def _lists(table: Table) -> list[str]:
    """The columns of lists of words or tags, among them those of numbers that are called like tags."""
    return [
        name
        for name in table.names
        if is_list_column(table.cells(name))
        or (first_called([name], TAG_NAMES) and is_list_column(table.cells(name), numbers=True))
    ]


def _some(names: list[str]) -> str:
    return " or ".join(names) if len(names) < 3 else f"{', '.join(names[:3])}, …"


def _typed_word(options: ColumnOptions) -> str:
    return options.features[0] if options.features else ""


def _typed_tag(table: Table, options: ColumnOptions) -> str:
    """The column that --tag-column or --target names; of a file without names it may be a number.

    Raises DataError for one that is not there.
    """
    typed = options.tag_column or next(iter(options.target), "")
    if not typed or typed in table.names:
        return typed
    if is_conll(table) and re.fullmatch(r"-?\d+", typed):
        place, count = int(typed), len(table.names) - 1
        if 1 <= abs(place) <= count:
            return table.names[place if place > 0 else place + count + 1]
        raise DataError(
            f"{table.source}: has {count} columns, and none is number {typed}",
            f"--tag-column {count} is the last",
        )
    close = near_miss(typed, table.names)
    shown = [name for name in table.names if name != SENTENCE]
    raise DataError(
        f"{table.source}: no column is called {typed!r}",
        f"did you mean {close!r}?" if close else f"its columns are {', '.join(shown[:20])}",
    )


def _sentence_ids(table: Table) -> tuple[str, ...]:
    """A column called like a sentence, or its number."""
    for name in table.names:
        if _SENTENCE_WORDS & set(name_words(name)):
            return (name,)
    return ()


def first_called(names: list[str], wanted: tuple[str, ...]) -> str:
    """The first of ``wanted`` that a column is called, in any case; "" for none."""
    called = {name.strip().lower().rpartition(".")[2]: name for name in reversed(names)}
    return next((called[name] for name in wanted if name in called), "")
