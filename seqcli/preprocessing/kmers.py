"""Runs of K bases as ids, one for each place: a run that begins there, for a table of vectors.

    id(b_1 … b_K) = 1 + Σ_j b_j 4^(K-j)      with A, C, G, T as 0 … 3; 0 is no run

An ambiguous letter stands for several bases, all equally likely, and so a run with one for several runs: the
mean of their vectors, which a bag of ids is, is what its vector is expected to be. Of a run with more than 16
readings nothing is known, nor of one that the sequence ends in: it has no id. Runs are read at every place
(stride 1), as in Ji et al. 2021 (DNABERT).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from seqcli.preprocessing.dna import BASES, MEANT, bare_bases
from seqcli.sequences import LookUp, Sequences

SHORTEST, LONGEST = 2, 8
MOST_MEANT = 16
"""Readings of one run: two bases that may be any."""


def kmer_ids(size: int) -> int:
    """Ids of runs of ``size`` bases, 0 included: rows of an embedding."""
    return 1 + int(len(BASES) ** size)


def readings(run: str) -> list[int]:
    """The ids of all runs that ``run`` may stand for; [] where there are too many to say anything."""
    meant = [MEANT.get(letter, BASES) for letter in run]
    count = int(np.prod([len(letters) for letters in meant]))
    if count > MOST_MEANT:
        return []
    ids = []
    for bases in product(*meant):
        number = 0
        for base in bases:
            number = len(BASES) * number + BASES.index(base)
        ids.append(number + 1)
    return ids


def encode_kmers(cells: Sequence[str], size: int, most: int | None = None) -> LookUp:
    """Cells → ids of the runs of ``size`` bases that begin at each base, (T, W) a row, 0 where there is none.

    W is the number of readings of the run here that has most. Bases behind the first ``most`` are left out.
    """
    met: dict[str, int] = {}
    table: list[list[int]] = [[]]
    rows = []
    for cell in cells:
        bases = bare_bases(cell)[:most] or "N"
        numbers = np.zeros(len(bases), np.int64)
        for at in range(len(bases) - size + 1):
            run = bases[at : at + size]
            number = met.get(run)
            if number is None:
                found = readings(run)
                number = met[run] = len(table) if found else 0
                table += [found] if found else []
            numbers[at] = number
        rows.append(numbers)
    ids = np.zeros((len(table), max(map(len, table)) or 1), np.int64)
    for number, found in enumerate(table):
        ids[number, : len(found)] = found
    return LookUp(Sequences.from_lists(rows, np.int64), ids)
