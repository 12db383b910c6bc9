"""Runs of bases as ids: against every run written out, and ambiguous letters against their expectation."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqcli.backends.bags import Bag
from seqcli.preprocessing.dna import BASES, encode_bases
from seqcli.preprocessing.kmers import MOST_MEANT, encode_kmers, kmer_ids, readings
from seqcli.sequences import Batchable, joined

RUNS = {"".join(run): 1 + number for number, run in enumerate(product(BASES, repeat=3))}


def test_each_run_has_an_id_of_its_own() -> None:
    found = encode_kmers(["ACGTACCA", "gta\n", "A", ""], 3)
    rows = [found.row(row)[:, 0].tolist() for row in range(4)]
    assert rows[0] == [RUNS[run] for run in ("ACG", "CGT", "GTA", "TAC", "ACC", "CCA")] + [0, 0]
    assert rows[1:] == [[RUNS["GTA"], 0, 0], [0], [0]]
    assert kmer_ids(3) == len(RUNS) + 1 == max(RUNS.values()) + 1
    assert encode_kmers(["ACGU"], 3).row(0).tolist() == encode_kmers(["acgt"], 3).row(0).tolist()
    assert len(encode_kmers(["ACGTACGT"], 3, most=5).row(0)) == 5


@given(st.text("ACGTURYSWKMBDHVN-", min_size=4, max_size=4))
def test_an_ambiguous_run_is_read_as_its_expectation(run: str) -> None:
    """The mean of the vectors of its ids, against all 256 runs weighed by the shares of the letters."""
    vectors = np.random.default_rng(0).standard_normal((kmer_ids(4), 3)).astype(np.float32)
    bag = Bag(*vectors.shape)
    with torch.no_grad():
        bag.weight.copy_(torch.from_numpy(vectors))
    shares = encode_bases([run]).row(0)  # (4, 4)
    chances = shares[0]
    for letter in shares[1:]:
        chances = np.multiply.outer(chances, letter)
    flat = chances.reshape(-1)
    found = encode_kmers([run], 4)
    ids = torch.from_numpy(found.row(0)[None].astype(np.int64))
    said = bag(ids)[0, 0].detach().numpy()
    if (flat > 0).sum() > MOST_MEANT:
        assert not ids[0, 0].any()
        np.testing.assert_array_equal(said, 0)
    else:
        np.testing.assert_allclose(said, flat @ vectors[1:], atol=1e-5)


def test_readings_are_different_and_no_more_than_said() -> None:
    assert readings("ACG") == [RUNS["ACG"]]
    assert sorted(readings("ARG")) == sorted([RUNS["AAG"], RUNS["AGG"]])
    assert len(set(readings("NNA"))) == MOST_MEANT
    assert readings("NNR") == []


def test_parts_with_fewer_readings_can_be_joined() -> None:
    parts = [
        Batchable({"kmers": encode_kmers(cells, 2)}, np.arange(len(cells)))
        for cells in (["ACGT"], ["ANGT", "NN"])
    ]
    whole = joined(parts)
    batch = whole.batch(np.arange(3))
    assert batch["kmers"].shape == (3, 4, 16)
    alone = encode_kmers(["ACGT", "ANGT", "NN"], 2)
    for row in range(3):
        ids = batch["kmers"][row, : batch["lengths"][row]]
        np.testing.assert_array_equal(np.sort(ids), np.sort(alone.row(row)))
