"""DNA as numbers: each base as its shares of A, C, G and T, so that an ambiguous one is a little of each.

    A → (1, 0, 0, 0)      R (A or G) → (½, 0, ½, 0)      N (any) → (¼, ¼, ¼, ¼)

The letters are those of IUPAC (Cornish-Bowden 1985, Nomenclature for incompletely specified bases in nucleic
acid sequences); U, of RNA, is read as T, and a gap as N. Case says nothing, and blanks are no bases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from seqcli.sequences import FloatArray, LookUp, Sequences

BASES = "ACGT"
MEANT = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T",
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
"""What each letter may stand for."""
GAPS = "-."
LEAST_BASES = 20
"""Letters a cell, on average, from which a column can be DNA."""
MOST_AMBIGUOUS = 0.1
"""Share of ambiguous letters up to which a column is DNA: words are made of such letters too."""
MOST_STRANGE = 0.01
"""Share of cells with a letter that is no base, up to which the others say what the column is."""
MOST_SPOILT = 0.2
"""Share of such cells up to which a column is DNA that has to be corrected; of words nearly all have some."""
_LETTERS = "".join(MEANT) + GAPS
_BLANK = re.compile(r"\s+")
_STRANGE = re.compile(f"[^{re.escape(_LETTERS)}]")
_CLEAR = re.compile("[ACGTU]")
_OTHER = str.maketrans("ACGTURYSWKMBDHVN", "TGCAAYRSWMKVHDBN")


def _table() -> FloatArray:
    """(1 + letters, 4): row 0 is padding, each other row what a letter's shares are."""
    table = np.zeros((len(_LETTERS) + 1, len(BASES)), np.float32)
    for number, letter in enumerate(_LETTERS, 1):
        meant = MEANT.get(letter, BASES)
        for base in meant:
            table[number, BASES.index(base)] = 1 / len(meant)
    return table


SHARES = _table()
_NUMBERS = np.full(256, _LETTERS.index("N") + 1, np.uint8)
_NUMBERS[[ord(letter) for letter in _LETTERS]] = np.arange(1, len(_LETTERS) + 1)


def bare_bases(cell: str) -> str:
    """The letters of a cell, in capitals and without blanks."""
    return _BLANK.sub("", cell).upper()


def strange_letter(bases: str) -> str:
    """The first letter that is no base, "" where all are."""
    found = _STRANGE.search(bases)
    return found.group() if found else ""


def looks_like_dna(cells: Iterable[str], most_strange: float = MOST_STRANGE) -> bool:
    """Whether cells hold bases and nothing else: no blank between them, long, and few ambiguous ones.

    A share of ``most_strange`` cells may hold other letters.
    """
    letters = clear = count = strange = 0
    for cell in cells:
        text = cell.strip()
        if not text:
            continue
        bases = text.upper()
        count += 1
        if strange_letter(bases):
            strange += 1
            continue
        letters += len(bases)
        clear += len(_CLEAR.findall(bases))
    bases_alone = count - strange
    if not bases_alone or strange > most_strange * count:
        return False
    return letters >= LEAST_BASES * bases_alone and clear >= (1 - MOST_AMBIGUOUS) * letters


def reverse_complement(bases: str) -> str:
    """The other strand, read in its own direction; of U the other letter is A."""
    return bases.upper().translate(_OTHER)[::-1]


def encode_bases(cells: Sequence[str], most: int | None = None) -> LookUp:
    """Cells → shares of A, C, G, T at each base, (T, 4) a row; an empty cell is one unknown base.

    Letters behind the first ``most`` are left out; one that is no base is read as N.
    """
    rows = []
    for cell in cells:
        text = bare_bases(cell)[:most] or "N"
        rows.append(_NUMBERS[np.frombuffer(text.encode("latin-1", "replace"), np.uint8)])
    return LookUp(Sequences.from_lists(rows, np.uint8), SHARES)


def other_strand(shares: FloatArray) -> FloatArray:
    """The shares (T, 4) of the other strand: backwards, and A for T, C for G."""
    return shares[::-1, ::-1]
