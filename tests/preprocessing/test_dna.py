"""DNA: letters as shares of bases, and the other strand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from seqcli.preprocessing.base_counts import at_places, often, place_count, run_count, runs, strands
from seqcli.preprocessing.dna import (
    BASES,
    MEANT,
    bare_bases,
    encode_bases,
    looks_like_dna,
    other_strand,
    reverse_complement,
    strange_letter,
)

IUPAC = "ACGTRYSWKMBDHVN"
PAIRS = {"A": "T", "C": "G", "G": "C", "T": "A"}


@pytest.mark.parametrize("letter", IUPAC)
def test_each_letter_has_equal_shares_of_what_it_may_be(letter: str) -> None:
    (row,) = encode_bases([letter]).row(0)
    meant = [base in MEANT[letter] for base in BASES]
    assert np.allclose(row, np.array(meant) / sum(meant))


@pytest.mark.parametrize("letter", IUPAC)
def test_the_other_strand_of_each_letter_may_be_what_pairs_with_it(letter: str) -> None:
    other = reverse_complement(letter)
    assert {PAIRS[base] for base in MEANT[letter]} == set(MEANT[other])
    assert reverse_complement(other) == letter


def test_twice_the_other_strand_is_the_strand_itself() -> None:
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list(IUPAC), 200))
    assert reverse_complement(reverse_complement(text)) == text
    assert reverse_complement("AACGN") == "NCGTT"
    for letters in (text, IUPAC, "U"):
        shares = encode_bases([letters]).row(0)
        assert np.array_equal(other_strand(other_strand(shares)), shares)
        assert np.array_equal(other_strand(shares), encode_bases([reverse_complement(letters)]).row(0))


def test_blanks_and_case_say_nothing_and_u_is_t() -> None:
    assert bare_bases("  ac gu\n") == "ACGU"
    assert np.array_equal(encode_bases([" acgu "]).row(0), np.eye(4))
    assert encode_bases(["", "ACGT"], most=2).lengths.tolist() == [1, 2]
    assert np.allclose(encode_bases([""]).row(0), 0.25)


def test_dna_is_known_by_its_letters() -> None:
    assert looks_like_dna(["  ACGTACGTACGTACGTACGTNN", "acgtacgtacgtacgtacgtac", ""])
    assert not looks_like_dna(["ACGTACGT"])  # too short to be told from a word
    assert not looks_like_dna(["ACGTACGTACGTACGTACGT ACGT"])  # words
    assert not looks_like_dna(["ACGTACGTACGTACGTACGTEF"])
    assert not looks_like_dna(["MKVSDRHBKMVSDRHBKMVSDRHB"])  # letters of IUPAC, but hardly a base among them
    assert not looks_like_dna([])
    mostly = ["ACGTACGTACGTACGTACGT"] * 200
    assert looks_like_dna([*mostly, "ACGTACGTACGTACGTXX"])  # one bad cell is named later, and changes nothing
    assert strange_letter("ACGX-E") == "X"


def brute_runs(text: str, length: int) -> np.ndarray:
    """Counts of runs of definite bases, by looking at each of them."""
    words = ["".join(word) for word in itertools.product(BASES, repeat=length)]
    found = [text[start : start + length] for start in range(len(text) - length + 1)]
    return np.array([found.count(word) for word in words], float)


def test_runs_are_those_that_stand_there() -> None:
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list(BASES), 23))
    shares = encode_bases([text, text[:9]]).pad(np.arange(2))[0]
    for length in (1, 2, 3):
        assert np.allclose(runs(shares, length).sum(axis=1)[0], brute_runs(text, length))
        assert np.allclose(
            runs(shares, length).sum(axis=1)[1], brute_runs(text[:9], length)
        )  # not into padding
    assert runs(encode_bases(["RA"]).pad(np.arange(1))[0], 2)[0, 0, [0, 8]].tolist() == [0.5, 0.5]  # AA or GA


def test_numbers_of_a_row_do_not_change_with_its_neighbours() -> None:
    short, long = "ACGTTGCA", "ACGTTGCAACGTTGCAACGGT"
    alone, beside = (encode_bases(cells).pad(np.arange(len(cells)))[0] for cells in ([short], [short, long]))
    assert np.allclose(often(alone, 3)[0], often(beside, 3)[0])
    assert np.allclose(at_places(alone, 8, 2)[0], at_places(beside, 8, 2)[0])
    assert often(alone, 3).shape[1] == run_count(3)
    assert at_places(alone, 8, 2).shape[1] == place_count(8, 2)


def test_both_strands_are_read_side_by_side() -> None:
    cells = ["ACGTTGCAR", "TTA"]
    ((rows, (one, other)),) = strands(encode_bases(cells), both=True)
    assert rows == slice(0, 2)
    expected = encode_bases([reverse_complement(cell) for cell in cells]).pad(np.arange(2))[0]
    assert np.array_equal(other, expected)
    assert np.array_equal(one, encode_bases(cells).pad(np.arange(2))[0])
