"""The texts of a language model's file, and the three parts that they are cut into.

A long text is held in pieces of some megabytes, so that nothing is ever in memory twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from seqcli.errors import DataError
from seqcli.options import Options
from seqcli.preprocessing.split import stratified_split
from seqcli.readers.table import Table
from seqcli.sequences import IntArray
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.parts import held_out_shares

LEAST_CHARACTERS = 16
"""Text below which there is nothing to learn."""
SHORT_TEXT = 2_000
"""Characters below which a text is too short to be cut: it is learnt by heart."""
MOST_HELD_OUT = 1_000_000
"""Characters of a held-out part unless its share is typed: more say no more, and take long to read."""
ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Texts:
    """Texts in order, each with its line break, and the category of each where there are any."""

    texts: list[str]
    categories: list[str] | None = None
    rows: Table | None = None
    """Where the columns stand that each text depends on."""


def texts_of(table: Table, plan: Plan) -> Texts:
    """The rows of the text column. Blank lines of a text file, which are no rows, are put back.

    Lines are text whatever the column was called that was learnt from, where that was the only one.
    """
    lines = table.unit == "line" and len(table.names) == 1 and not plan.features
    name = table.names[0] if lines else plan.text[0]
    categories = [cell.strip() for cell in table.cells(plan.features[0])] if plan.features else None
    if categories is not None:
        return Texts([f"{cell}\n" for cell in table.cells(name)], categories, table)
    if table.unit != "line":
        return Texts(list(_joined(table, name, np.zeros(len(table), dtype=np.int64))))
    files = np.zeros(len(table), dtype=np.int64) if table.file_of is None else table.file_of
    begins = np.diff(files, prepend=-1) != 0
    blank = np.where(begins, table.records, np.diff(table.records, prepend=0)) - 1  # lines ahead of each row
    return Texts(list(_joined(table, name, blank)))


def _joined(table: Table, name: str, blank: IntArray) -> Iterator[str]:
    """The rows of a column put together in pieces, ``blank`` (N,) line breaks ahead of each."""
    for start in range(0, len(table), ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(table)))
        cells = table.column(name).pick(rows)
        ahead = blank[rows].tolist()
        yield "".join(["\n" * count + f"{cell}\n" for cell, count in zip(cells, ahead, strict=True)])


def cut_text(
    tables: Tables, plan: Plan, options: Options
) -> tuple[tuple[Texts, Texts, Texts], list[str], bool]:
    """Training, validation and test text, sentences on the cut, and whether all is learnt by heart."""
    main = texts_of(tables.main, plan)
    if depends_on_rows(plan, options, main.rows):
        main = replace(main, categories=_first_classes(tables.main, plan))
    length = sum(map(len, main.texts))
    if length < LEAST_CHARACTERS:
        raise DataError(
            f"{tables.main.source}: {length} characters of text are too few to learn from",
            f"at least {LEAST_CHARACTERS} are needed",
        )
    given = [None if table is None else texts_of(table, plan) for table in (tables.validation, tables.test)]
    typed = options.split.validation_share is not None or options.split.test_share is not None
    if length < SHORT_TEXT and not any(given) and not typed:
        said = f"{length:,} characters are too few to cut: all are learnt by heart, and tested on too"
        return (main, Texts([]), main), [said], True
    shares = held_out_shares(options.split, 0.05, 0.1)
    held_out = [0.0 if part else share for part, share in zip(given, shares, strict=True)]
    most = length if typed else MOST_HELD_OUT
    if main.categories:
        try:
            cut = _by_category(main, held_out, options.training.seed)
        except DataError as error:
            raise DataError(f"{tables.main.source}: {error.message}", error.hint) from error
    else:
        cut = _in_order(main, [min(round(share * length), most) for share in held_out])
    parts = [cut[0], given[0] or cut[1], given[1] or cut[2]]
    sizes = [sum(map(len, part.texts)) for part in parts]
    how = "in the order of the text"
    if main.categories:
        how = "drawn by category" if any(main.categories) else "drawn row by row"
    rule = f"split {how}: {sizes[0]:,} training, {sizes[1]:,} validation, {sizes[2]:,} test characters"
    return (parts[0], parts[1], parts[2]), [rule], False


def depends_on_rows(plan: Plan, options: Options, table: Table | None) -> bool:
    """Whether a text depends on several columns, or on a number, and not on the values of one column."""
    if options.columns.condition is not None or table is None or not plan.features:
        return False
    return len(plan.features) > 1 or table.kind(plan.features[0]) != "text"


def _first_classes(table: Table, plan: Plan) -> list[str]:
    """The cells that rows are drawn by: those of the first column of classes, or nothing."""
    classes = [name for name in plan.features if table.kind(name) == "text"]
    return [cell.strip() for cell in table.cells(classes[0])] if classes else [""] * len(table)


def _in_order(main: Texts, counts: Sequence[int]) -> list[Texts]:
    """The text cut by characters: validation and test parts of so many, the test part last."""
    length = sum(map(len, main.texts))
    test = length - counts[1]
    validation = test - counts[0]
    edges = (0, validation, test, length)
    return [Texts(_slice(main.texts, *pair)) for pair in pairwise(edges)]


def _slice(pieces: list[str], start: int, stop: int) -> list[str]:
    """The characters from ``start`` to ``stop`` of pieces of one text."""
    found, at = [], 0
    for piece in pieces:
        low, high = max(start - at, 0), min(stop - at, len(piece))
        if low < high:
            found.append(piece if high - low == len(piece) else piece[low:high])
        at += len(piece)
    return found


def _by_category(main: Texts, shares: Sequence[float], seed: int) -> list[Texts]:
    """Whole rows, each category in its share, in an order of their own."""
    assert main.categories is not None
    split = stratified_split(
        main.categories, keys=main.texts, validation_share=shares[0], test_share=shares[1], seed=seed
    )
    rng = np.random.default_rng(seed)
    return [
        Texts(
            [main.texts[row] for row in order],
            [main.categories[row] for row in order],
            None if main.rows is None else main.rows.take(np.array(order, dtype=np.int64)),
        )
        for order in (rng.permutation(part).tolist() for part in (split.train, split.validation, split.test))
    ]
