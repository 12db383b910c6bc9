"""Runs of tokens as hashed ids: at each step those of 2 … N tokens that end there.

A recurrent network has to learn which neighbours belong together; a run that has an id of its own is
known as soon as it was seen (fastText's bag of n-grams: Joulin et al. 2016, arXiv:1607.01759, section
2.2, but in order). Ahead of a text stands a mark, so that a beginning is no middle.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from seqcli.errors import ModelError
from seqcli.preprocessing.subwords import MOST_BUCKETS, NO_WORDS
from seqcli.sequences import Sequences

NAME = "grams.v1"
LONGEST = 8
KEPT_TOKENS = 100_000
"""Tokens whose checksums are remembered; past that memory begins anew."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ divided by the golden ratio: multiplying by it spreads what differs little (Knuth, volume 3, 6.4)."""


@dataclass(frozen=True)
class Grams:
    """Ids 1 … ``buckets`` for runs of 2 … ``longest`` tokens; 0 is no run."""

    buckets: int
    longest: int
    _sums: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Number of ids, 0 included: rows of an embedding."""
        return self.buckets + 1

    def encode(self, texts: Iterable[Sequence[str]]) -> Sequences:
        """Ids of the runs that end at each token: N ragged rows of (T, K) int64, none of them empty.

        K is ``longest`` − 1, one id for each length of a run. A run that would begin ahead of the mark
        before the first token has no id; neither has a text without tokens, which is one step.
        """
        if len(self._sums) > KEPT_TOKENS:
            self._sums.clear()
        find, sums, ends = self._sums.get, array("Q"), array("q", [0])
        for tokens in texts:
            for token in tokens or NO_WORDS:
                known = find(token)
                if known is None:
                    known = self._sums[token] = crc32(token.encode()) + 1 if token else 0
                sums.append(known)
            ends.append(len(sums))
        offsets = np.array(ends, dtype=np.int64)
        return Sequences(self._ids(np.array(sums, dtype=np.uint64), offsets), offsets)

    look_up = encode

    def _ids(self, sums: Any, offsets: Any) -> Any:
        """Checksums (M,) of tokens, rows at ``offsets`` (N + 1,) → ids (M, K)."""
        place = np.arange(len(sums)) - np.repeat(offsets[:-1], np.diff(offsets))  # within its text
        ids = np.zeros((len(sums), self.longest - 1), dtype=np.int64)
        run = _mixed(sums)
        for back in range(1, self.longest):
            before = np.zeros_like(sums)
            before[back:] = sums[:-back] if back < len(sums) else sums[:0]
            before[place < back] = 0  # the mark
            run = _mixed(run + before)
            there = (place >= back - 1) & (sums > 0)
            ids[there, back - 1] = (run[there] >> np.uint64(20)) % np.uint64(self.buckets) + 1
        return ids

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {"name": NAME, "buckets": self.buckets, "longest": self.longest}

    @classmethod
    def from_json(cls, data: Any) -> Grams:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        if not isinstance(data, Mapping) or data.get("name") != NAME:
            raise ModelError("the model's runs of tokens cannot be read", "was it made by a newer seqcli?")
        for name, (low, high) in {"buckets": (1, MOST_BUCKETS), "longest": (2, LONGEST)}.items():
            if type(data.get(name)) is not int or not low <= data[name] <= high:
                raise ModelError(f"the model's runs of tokens have an impossible number of {name}")
        return cls(data["buckets"], data["longest"])


def _mixed(values: Any) -> Any:
    """Whole numbers (N,) of 64 bits, well spread; overflow is what is wanted."""
    spread = values * _FACTOR
    return spread ^ (spread >> np.uint64(29))
