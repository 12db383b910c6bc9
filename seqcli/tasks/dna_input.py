"""A column of DNA as the input of a task: found by its letters, or because ``--level dna`` says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.preprocessing.batching import covering_length
from seqcli.preprocessing.dna import (
    MOST_SPOILT,
    bare_bases,
    encode_bases,
    looks_like_dna,
    strange_letter,
)
from seqcli.preprocessing.kmers import LONGEST, SHORTEST, encode_kmers, kmer_ids
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.sequences import LookUp

MOST_BASES = 5000
"""Bases of a row that are read, however few rows are longer."""
BASES_HINT = "bases are A C G T U, and R Y S W K M B D H V N for ambiguous ones"


@dataclass(frozen=True)
class Dna:
    """How DNA is read: cut behind ``max_length`` bases, from one strand or both, by runs of bases too."""

    max_length: int
    both_strands: bool = False
    kmers: int = 0
    """Bases of the runs that are read beside each base; 0 reads none."""

    def encode(self, cells: Sequence[str]) -> LookUp:
        """Cells → shares of A, C, G, T at each base, (T, 4) a row."""
        return encode_bases(cells, self.max_length)

    def encode_runs(self, cells: Sequence[str]) -> LookUp:
        """Cells → ids of the runs that begin at each base, (T, W) a row."""
        return encode_kmers(cells, self.kmers, self.max_length)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        runs = {"kmers": self.kmers} if self.kmers else {}
        return {"max_length": self.max_length, "both_strands": self.both_strands, **runs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dna:
        """Rebuild from :meth:`to_json`. Raises KeyError, TypeError or ValueError."""
        kmers = int(data.get("kmers", 0))
        if kmers and not SHORTEST <= kmers <= LONGEST:
            raise ValueError("runs of an impossible length")
        return cls(max(int(data["max_length"]), 1), bool(data["both_strands"]), kmers)


def fit_dna(table: Table, text: tuple[str, ...], options: Options, rules: list[str]) -> Dna | None:
    """How the one text column of ``table`` is read, where it is DNA; says so in ``rules``.

    Raises DataError where ``--level dna`` is typed for what is none, UsageError for options that contradict
    each other.
    """
    level = options.columns.level
    if level not in (None, "dna") or len(text) != 1:
        if level == "dna":
            raise DataError(
                f"{table.source}: --level dna reads one column of bases, and {len(text)} are text here",
                "name one with --text",
            )
        return None
    cells = table.cells(text[0])
    if level is None and not looks_like_dna(cells):
        if looks_like_dna(cells, MOST_SPOILT):
            fault = next(iter(bad_bases(table, text[0]).values()))
            raise DataError(
                f"{fault}, where nearly all rows are DNA",
                "correct such rows or leave them out; --level characters reads letters",
            )
        return None
    for fault in bad_bases(table, text[0]).values():
        raise DataError(fault, BASES_HINT)
    lengths = encode_bases(cells).lengths
    cut = min(covering_length(lengths)[0] * 2, int(lengths.max(initial=1)), MOST_BASES)
    share = float(lengths.clip(max=cut).sum() / lengths.sum())
    rules.append(f"{text[0]} read as DNA: shares of A, C, G, T at each base")
    if share < 1:
        rules.append(f"DNA cut after {counted(cut, 'base')}, which keeps {100 * share:.1f} % of all bases")
    kmers, both_strands = options.network.kmers or 0, options.network.reverse_complement
    if kmers and both_strands:
        raise UsageError(
            "--kmers reads runs in one direction, and --reverse-complement reads both strands",
            "leave out one of them",
        )
    if kmers:
        rules.append(f"{text[0]} read by runs of {kmers} bases too, {kmer_ids(kmers) - 1:,} of them")
    return Dna(int(cut), both_strands, kmers)


def bad_bases(table: Table, name: str) -> dict[int, str]:
    """Rows with a letter that is no base: position → what is wrong."""
    found = {}
    for row, cell in enumerate(table.cells(name)):
        letter = strange_letter(bare_bases(cell))
        if letter:
            found[row] = f"{table.where(row, name)}: {letter!r} is no base"
    return found
