"""From the tables of a run to three parts of pairs of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seqcli.errors import DataError
from seqcli.options import Options
from seqcli.preprocessing.split import stratified_split
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.sequences import IntArray
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.parts import LEAST_EXAMPLES, held_out_shares

MOST_HELD = 2000
"""Pairs of a validation or test part unless a share is typed: to translate more takes minutes, and says as
much."""


@dataclass(frozen=True)
class Pairs:
    """Texts that say the same, and the rows (N,) of the table they stand in."""

    sources: list[str]
    targets: list[str]
    rows: IntArray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: IntArray) -> Pairs:
        """The named pairs (B,), in the order given."""
        picked = places.tolist()
        return Pairs(
            [self.sources[place] for place in picked],
            [self.targets[place] for place in picked],
            self.rows[places],
        )


@dataclass(frozen=True)
class PairParts:
    """The three parts, and sentences on the split and on odd data."""

    train: Pairs
    validation: Pairs
    test: Pairs
    rules: list[str]
    warnings: list[str] = field(default_factory=list)

    @property
    def all(self) -> tuple[Pairs, Pairs, Pairs]:
        """Training, validation, test."""
        return self.train, self.validation, self.test


def read_pairs(table: Table, plan: Plan) -> Pairs:
    """The pairs of a table of which both texts hold something."""
    sources = [" ".join(cell.split()) for cell in table.cells(plan.text[0])]
    targets = [" ".join(cell.split()) for cell in table.cells(plan.target[0])]
    known = [place for place, pair in enumerate(zip(sources, targets, strict=True)) if all(pair)]
    every = Pairs(sources, targets, np.arange(len(sources)))
    return every if len(known) == len(sources) else every.take(np.array(known, dtype=np.int64))


def make_parts(tables: Tables, plan: Plan, options: Options) -> PairParts:
    """Read the pairs and split them; pairs of one source stay in one part.

    Files given for validation or test are those parts. Raises DataError where there are too few pairs.
    """
    warnings: list[str] = []
    main = _read(tables.main, plan, warnings)
    if len(main) < LEAST_EXAMPLES:
        raise DataError(
            f"{tables.main.source}: {counted(len(main), 'pair')} of texts cannot be learnt from",
            f"at least {LEAST_EXAMPLES} are needed",
        )
    most = MOST_HELD / len(main)
    shares = held_out_shares(options.split, min(0.1, most), min(0.2, most))
    groups = tables.main.cells(plan.group) if plan.group else None
    try:
        split = stratified_split(
            None,
            groups=None if groups is None else [groups[row] for row in main.rows.tolist()],
            keys=main.sources,
            validation_share=0.0 if tables.validation else shares[0],
            test_share=0.0 if tables.test else shares[1],
            seed=options.training.seed,
        )
    except DataError as error:
        raise DataError(f"{tables.main.source}: {error.message}", error.hint) from error
    parts = [main.take(rows) for rows in (split.train, split.validation, split.test)]
    rules = [said.replace(" rows", " pairs").replace(" row", " pair") for said in split.sentences]
    for place, name, given in ((1, "validation", tables.validation), (2, "test", tables.test)):
        if given is not None:
            parts[place] = _read(given, plan, warnings)
            rules.append(f"{name} part: {counted(len(parts[place]), 'pair')} of {given.source}")
            _warn_of_copies(parts[0].sources, parts[place].sources, given.source, warnings)
    return PairParts(parts[0], parts[1], parts[2], rules, warnings)


def _read(table: Table, plan: Plan, warnings: list[str]) -> Pairs:
    for name in (*plan.text, *plan.target):
        table.column(name)  # raises DataError with the closest name
    pairs = read_pairs(table, plan)
    lost = len(table) - len(pairs)
    if lost:
        warnings.append(f"{table.source}: {counted(lost, 'row')} with one text alone or none left out")
    return pairs


def _warn_of_copies(train: Sequence[str], other: Sequence[str], source: str, warnings: list[str]) -> None:
    """Say how many texts of a part given as a file stand in the training part too."""
    seen = set(train)
    copies = sum(text in seen for text in other)
    if copies:
        warnings.append(f"{source}: {copies:,} of {len(other):,} sources are training sources too")
