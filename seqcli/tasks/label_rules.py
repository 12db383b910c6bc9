"""Where a file has several labels a row: which column, and what stands between them."""

from __future__ import annotations

from collections import defaultdict

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions
from seqcli.tasks.columns import MOST_CLASSES, TEXT_WORDS, Column, Columns, bare
from seqcli.tasks.label_sets import LIST, SEPARATORS, TRUTH, split_labels

LABELS_WORDS = frozenset({"labels", "tags", "classes", "categories", "topics", "genres", "keywords"})
"""Names that say "several of these"."""
LEAST_SEVERAL = 0.05
"""Share of the cells that hold two labels or more, at the least."""
LONGEST = 200.0
"""Characters of a cell on average, above which it is a text."""


def separators_of(column: Column) -> list[str]:
    """What may stand between several labels in the cells of a column, most likely first.

    At most 50 labels of few words, each twice on average, several of them in a cell in twenty; and most
    come in more than one combination, which the parts of an address do not.
    """
    if column.kind != "text" or column.characters > LONGEST:
        return []
    if _splits(column, LIST):
        return [LIST]
    return [separator for separator in SEPARATORS if _splits(column, separator)]


def _splits(column: Column, separator: str) -> bool:
    sets: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    several = total = words = 0
    for text, count in column.texts.items():
        try:
            labels = split_labels(text, separator)
        except ValueError:
            return False
        several += count * (len(labels) > 1)
        total += count * len(labels)
        words += count * sum(len(label.split()) for label in labels)
        for label in labels:
            sets[label].add(tuple(sorted(labels)))
        if len(sets) > MOST_CLASSES:
            return False
    mixed = sum(len(combinations) > 1 for combinations in sets.values())
    return (
        several >= max(2, LEAST_SEVERAL * column.written)
        and total >= 2 * len(sets)
        and words <= TEXT_WORDS * total
        and 2 * mixed > len(sets) > 1
    )


def several_labelled(columns: Columns) -> list[Column]:
    """Columns whose cells hold several labels; those that are called so, where there are any."""
    found = [column for column in columns.of_kind("text") if separators_of(column)]
    named = [column for column in found if bare(column.name) in LABELS_WORDS]
    return named or found


def several_sentence(column: Column, separator: str) -> str:
    """``tags, 4 labels with | between them``: a column for a sentence."""
    labels = {label for text in column.texts for label in split_labels(text, separator)}
    how = "in lists" if separator == LIST else f"with {separator} between them"
    return f"{column.name}, {len(labels)} labels {how}"


def is_truth(column: Column) -> bool:
    """Whether a column says of one label whether a row has it: 0 and 1, and hardly anything else."""
    known = sum(count for text, count in column.texts.items() if text.lower() in TRUTH)
    return column.distinct == 2 and known >= 0.99 * column.written


def are_labels(columns: Columns, target: tuple[str, ...]) -> bool:
    """Whether columns are answers of 0 and 1, and not series of them.

    Beside a text, where there is no time, or where they stay the same within each sequence.
    """
    if not all(is_truth(columns[name]) for name in target):
        return False
    time = columns.time_column()
    if time is None or any(column.running_text for column in columns):
        return True
    sets = columns.separators(time.name)
    return any(not any(columns.varies_within(name, ids) for name in target) for ids in sets)


def separated_column(columns: Columns, options: ColumnOptions) -> Column:
    """The one column that ``--label-separator`` splits into labels that come again. Raises DataError."""
    mark = options.label_separator or ""
    fitting = [column for column in columns.of_kind("text") if mark in separators_of(column)]
    if len(fitting) != 1:
        named = ", ".join(column.name for column in fitting)
        what = f"more than one column: {named}" if fitting else "no column whose labels come again"
        raise DataError(
            f"{columns.table.source}: --label-separator {mark!r} fits {what}",
            "name the column of labels with --target",
        )
    return fitting[0]


def separator_for(columns: Columns, target: tuple[str, ...], options: ColumnOptions) -> str:
    """What stands between the labels of the target; "" where each label is a column of its own.

    Raises DataError or UsageError where that is not clear.
    """
    typed = options.label_separator
    if len(target) > 1:
        if typed:
            raise UsageError(
                "--label-separator splits the cells of one column, and --target names several",
                "leave out one of them",
            )
        return ""
    column, source = columns[target[0]], columns.table.source
    if typed is not None:
        if typed != LIST and not any(typed in text for text in column.texts):
            raise DataError(
                f"{source}, column {column.name}: no cell holds the --label-separator {typed!r}",
                f"its cells look like {next(iter(column.texts), '')!r}",
            )
        return typed
    found = separators_of(column)
    if not found:
        found = [mark for mark in SEPARATORS if any(mark in text for text in column.texts)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise DataError(
            f"{source}, column {column.name}: no cell holds several labels",
            "--task classify learns one label a row; --target a,b,c names columns of 0 and 1",
        )
    raise DataError(
        f"{source}, column {column.name}: labels could be separated by {' or by '.join(found)}",
        f"choose with --label-separator '{found[0]}'",
    )
