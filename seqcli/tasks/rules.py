"""The rules that find what a file is for, as data: one row a rule, tried from the top.

The documentation prints :data:`RULES` and the tests walk it. What a user typed comes before any rule
(:mod:`seqcli.tasks.detect`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seqcli.errors import DataError
from seqcli.readers.roles import counted
from seqcli.tasks.columns import Column, Columns, bare, name_words
from seqcli.tasks.forecasting.ending import ending_first
from seqcli.tasks.label_rules import (
    LABELS_WORDS,
    is_truth,
    separators_of,
    several_labelled,
    several_sentence,
)
from seqcli.tasks.stepping.finding import labelled_bases, labelled_steps
from seqcli.tasks.tag_plan import HELD, form_of

LABEL_WORDS = (("label", "class", "target"), ("category", "sentiment"), ("rating", "stars", "score"), ("y",))
"""Names that say "this is what to learn", the plainest first; two on one line contradict each other."""
LAST_WORDS = frozenset({"label", "class", "category", "sentiment", "rating", "stars"})
"""Label words that also count as the last word of a name: ``airline_sentiment``."""
FORECAST_WORDS = (
    "sales", "units", "quantity", "revenue", "amount", "demand",
    "price", "value", "close", "adj close", "y", "last",
)  # fmt: skip
AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".m4a")


@dataclass(frozen=True)
class Found:
    """What a rule says: the target and, as one sentence each, why."""

    target: tuple[str, ...]
    reason: str
    separator: str = ""
    """What stands between several labels of one cell."""


@dataclass(frozen=True)
class Rule:
    """One row of the table: when it holds, what the file is then for."""

    name: str
    when: str
    task: str
    """"classify", "regress", "forecast", or a task that this version recognises and refuses."""
    find: Callable[[Columns], Found | None]


def described(column: Column) -> str:
    """``label, 2 repeated values``: a column for a sentence."""
    return f"{column.name}, {column.distinct} repeated values"


def repeated_strings(columns: Columns) -> list[Column]:
    """Columns of strings of which at most 50 values come again."""
    return [column for column in columns.of_kind("text") if column.classes and not column.running_text]


def texts(columns: Columns) -> list[Column]:
    """Columns of running text."""
    return [column for column in columns if column.running_text]


def _tagged(columns: Columns) -> Found | None:
    form = form_of(columns.table)
    return Found((), HELD[form]) if form else None


def _audio(columns: Columns) -> Found | None:
    for column in columns.of_kind("text"):
        sound = sum(count for text, count in column.texts.items() if text.lower().endswith(AUDIO))
        if sound > 0.9 * max(column.written, 1):
            return Found((), f"{column.name} names audio files")
    return None


def _named_pair(columns: Columns) -> Found | None:
    strings = [column for column in columns if column.kind in ("text", "date") and not column.repeated]
    by_name = {bare(column.name): column for column in strings}
    if {"source", "target"} <= set(by_name):
        return Found(("target",), "columns called source and target")
    return None


def label_named(columns: Columns) -> Column | None:
    """The column that is called like a label; raises DataError when two are called so equally plainly."""
    names = {bare(column.name) for column in columns}
    candidates = [column for column in columns if column.kind in {"text", "number"} and not column.constant]
    for words in LABEL_WORDS:
        named = [column for column in candidates if column.name.strip().lower() in words]
        if words == ("y",) and "x" in names:
            continue  # a coordinate
        if len(named) > 1:
            raise ambiguous(columns, "is called a label", named)
        if named:
            return named[0]
    ending = [
        column
        for column in candidates
        if (name_words(column.name) or [""])[-1] in LAST_WORDS and column.classes
    ]
    if len(ending) > 1:
        raise ambiguous(columns, "is called a label", ending)
    return ending[0] if ending else None


def _several_labels(columns: Columns) -> Found | None:
    time, named = columns.time_column(), label_named(columns)
    found = several_labelled(columns)
    if named is not None:
        found = [named] if separators_of(named) else []
    names = [column.name for column in found]
    beside = any(column.running_text and column.name not in names for column in columns)
    sure = named is not None or any(bare(name) in LABELS_WORDS for name in names)
    if not found or not (beside or (sure and (time is None or time.kind != "date"))):
        return None
    single = [] if sure else [column for column in columns if _may_be_label(column, names)]
    if len(found) + len(single) > 1:
        raise ambiguous(columns, "could be the label", [*found, *single])
    (separator, *others), name = separators_of(found[0]), names[0]
    if others:
        raise DataError(
            f"{columns.table.source}, column {name}: labels could be separated by {separator} or by "
            f"{others[0]}",
            f"choose with --label-separator '{separator}'",
        )
    return Found((name,), several_sentence(found[0], separator), separator)


def _may_be_label(column: Column, others: list[str]) -> bool:
    """Whether a column could be what a text is told apart by, beside those named."""
    usual = column.classes and not column.running_text and column.kind in {"text", "number"}
    return usual and column.name not in others


def _label_word(columns: Columns) -> Found | None:
    column = label_named(columns)
    if column is None or _forecast_target(columns, column):
        return None
    if column.classes or (column.kind == "text" and _names_classes(column)):  # 77 intents are classes too
        return Found((column.name,), f"a column called {described(column)}")
    return None


def _number_word(columns: Columns) -> Found | None:
    column = label_named(columns)
    if column is None or column.kind != "number" or column.classes or _forecast_target(columns, column):
        return None
    return Found((column.name,), f"a column of numbers called {column.name}")


def _forecast_target(columns: Columns, column: Column) -> bool:
    """Whether a number called like a label is a series after all, as in ``ds,y``.

    It has one value a date (and id), and either many different values or no other numbers beside it.
    A label that stays the same within each id belongs to the sequence and is no series.
    """
    time = columns.time_column()
    if time is None or time.kind != "date" or column.kind != "number" or texts(columns):
        return False
    alone = columns.of_kind("number") == [column]
    if column.classes and not alone:
        return False
    if not columns.repeats([time.name]):
        return True
    return any(columns.varies_within(column.name, ids) for ids in columns.separators(time.name))


def _series(columns: Columns) -> Found | None:
    time = columns.time_column()
    if time is None:
        return None
    targets, reason = forecast_target(columns, time.name)
    if not targets:
        return None
    if texts(columns) and columns.repeats([time.name]) and not columns.separators(time.name):
        return None
    if texts(columns) and repeated_strings(columns):
        raise ambiguous(
            columns, "could be forecast or told apart", [columns[targets[0]], *repeated_strings(columns)]
        )
    return Found(targets, f"{reason}, over {time.name}")


def forecast_target(columns: Columns, time: str | None) -> tuple[tuple[str, ...], str]:
    """Columns to forecast and why: by name, else the only usable numbers, else those that end, else all.

    A column called like a target that goes on, by more than a row, where others have ended, is known ahead.
    """
    ids = next(iter(columns.separators(time)), ()) if time else ()
    numbers = [
        column
        for column in columns.of_kind("number")
        if column.name not in {time, *ids} and not column.useless
    ]
    named = [
        column.name
        for word in (*FORECAST_WORDS, *LABEL_WORDS[0], *LABEL_WORDS[2])
        for column in numbers
        if word in (column.name.strip().lower(), bare(column.name))
    ]
    names = [column.name for column in numbers]
    ending, rows = ending_first(columns.table, names, time, ids) if len(names) > 1 else ((), 0)
    ended = [name for name in named if name in ending]
    if ending and not ended and (rows > 1 or not named):
        ends = f"{', '.join(ending)} {'ends' if len(ending) == 1 else 'end'}"
        return ending, f"{ends} {counted(rows, 'row')} ahead of the other columns of numbers"
    if named:
        chosen = [*ended, *named][0]
        return (chosen,), f"numbers called {chosen}"
    if len(numbers) == 1:
        return (names[0],), f"{names[0]} is the only column of numbers"
    how_many = "both" if len(numbers) == 2 else f"all {len(numbers)}"
    return tuple(names), f"{how_many} columns of numbers"


def _text_and_classes(columns: Columns) -> Found | None:
    classes = [column for column in columns if _may_be_label(column, [])]
    if not texts(columns) or not classes:
        return None
    if len(classes) > 1:
        raise ambiguous(columns, "could be the label", classes)
    return Found((classes[0].name,), f"text and one column of classes: {described(classes[0])}")


def _names_classes(column: Column) -> bool:
    """Whether the strings of a column are few enough to be classes: at most 50, or each in ten rows."""
    return column.classes or (column.repeated and 10 * column.distinct <= column.written)


def _two_strings(columns: Columns) -> Found | None:
    usable = [column for column in columns if not column.useless]
    repeated = [column for column in usable if _names_classes(column)]
    if len(usable) != 2 or any(column.kind != "text" for column in usable) or len(repeated) != 1:
        return None
    return Found((repeated[0].name,), f"of two columns of strings one repeats: {described(repeated[0])}")


def _numbers_and_classes(columns: Columns) -> Found | None:
    strings = [column for column in columns.of_kind("text") if column.classes]
    if not columns.of_kind("number") or texts(columns) or not strings:
        return None
    if len(strings) > 1:
        raise ambiguous(columns, "could be the label", strings)
    return Found((strings[0].name,), f"numbers and one column of repeated strings: {described(strings[0])}")


def _two_texts(columns: Columns) -> Found | None:
    usable = [column for column in columns.of_kind("text") if not column.useless]
    if len(usable) == 2 and not any(map(_names_classes, usable)) and not columns.of_kind("number"):
        return Found((usable[1].name,), f"two columns of text, {usable[0].name} and {usable[1].name}")
    return None


def _one_text(columns: Columns) -> Found | None:
    usable = [column for column in columns if column.kind != "empty" and not column.constant]
    if len(usable) == 1 and usable[0].kind == "text":
        return Found((usable[0].name,), "nothing but text")
    return None


def _label_a_base(columns: Columns) -> Found | None:
    found = labelled_bases(columns.table)
    return Found((found.target,), found.why) if found else None


def _label_a_step(columns: Columns) -> Found | None:
    column = label_named(columns)
    if column is not None and _forecast_target(columns, column):
        return None
    found = labelled_steps(columns, column)
    return Found((found.target,), found.why) if found else None


RULES = (
    Rule(
        "tagged words",
        "the file is CoNLL or CoNLL-U or has a column upos; or each line of JSON has lists of words and of "
        "tags, or a text and its spans",
        "tag",
        _tagged,
    ),
    Rule("audio paths", "a column of paths to audio files", "transcribe", _audio),
    Rule("source and target", "two columns of strings called source and target", "translate", _named_pair),
    Rule(
        "label a base",
        "a column of DNA and one with as many letters in each row, of at most 20 kinds",
        "steps",
        _label_a_base,
    ),
    Rule(
        "several labels",
        "cells of a column are lists, or split by |, ; or a comma, into at most 50 repeated labels of few "
        "words, most of which come in more than one combination; one cell in twenty holds two or more; and "
        "there is text beside it, or it is called so (labels, tags, topics, genres, or a label word)",
        "multilabel",
        _several_labels,
    ),
    Rule(
        "label a step",
        "a label word, or a column called activity, state, phase, stage, gesture, behaviour, posture, "
        "movement or motion, of at most 50 repeated values changes within series of numbers over time; of "
        "a single series it comes in stretches",
        "steps",
        _label_a_step,
    ),
    Rule(
        "label word",
        "a column called label, class, category, sentiment, rating, stars, score, target or y has at most 50 "
        "repeated values (and is not a number with one value a date)",
        "classify",
        _label_word,
    ),
    Rule("number word", "a column so called holds many different numbers", "regress", _number_word),
    Rule(
        "series",
        "dates or rising step numbers, and numbers: those called sales, units, quantity, revenue, amount, "
        "demand, price, value, close, adj close, y or last, in that order; else the only ones; else all "
        "(where some end rows ahead of the others, it is those, and the others are known ahead)",
        "forecast",
        _series,
    ),
    Rule(
        "text and classes",
        "text of more than 3 words on average and one column of at most 50 repeated values",
        "classify",
        _text_and_classes,
    ),
    Rule(
        "two strings",
        "exactly two usable columns, both strings: one has at most 50 repeated values, or one in ten rows",
        "classify",
        _two_strings,
    ),
    Rule(
        "numbers and classes",
        "numbers and one column of strings with at most 50 repeated values",
        "classify",
        _numbers_and_classes,
    ),
    Rule("two texts", "exactly two columns of text, neither of them classes", "translate", _two_texts),
    Rule("one text", "one column of text, or a text file", "language", _one_text),
)


def ambiguous(columns: Columns, trait: str, candidates: list[Column]) -> DataError:
    """The error for a choice that is the user's, with the candidates."""
    names = ", ".join(column.name for column in candidates)
    every = ",".join(column.name for column in candidates)
    if len(candidates) == 1:
        return DataError(
            f"{columns.table.source}: column {names} {trait}, but no rule says so",
            f"say it with --target {names}",
        )
    return DataError(
        f"{columns.table.source}: more than one column {trait}: {names}",
        f"choose with --target {candidates[0].name}"
        + (f", or learn all at once: --target {every}" if all(map(is_truth, candidates)) else ""),
    )
