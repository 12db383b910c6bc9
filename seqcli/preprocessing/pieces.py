"""Words cut into pieces that come often: byte-pair encoding, applied without any package.

A word begins as its characters and an end mark; then, of all neighbours in it, those that were
merged first in training are merged, until none is left (Sennrich, Haddow and Birch 2016, arXiv:1508.07909).
Which neighbours are merged is learnt by the package ``tokenizers``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from seqcli.errors import ModelError, UsageError

END = "▁"
"""Stands behind a word, so that what ends is no beginning."""
INSTALL = "pip install 'seqcli[text]'"
KEPT_WORDS = 100_000
"""Words whose pieces are remembered; past that memory begins anew."""
MOST_MERGES = 100_000
LONGEST_WORD = 200
"""Characters of a word that are looked at: what is longer is no word."""


@dataclass(frozen=True)
class Pieces:
    """The merges, the first learnt first."""

    merges: tuple[tuple[str, str], ...]
    _ranks: dict[tuple[str, str], int] = field(init=False, repr=False, compare=False)
    _known: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ranks", {pair: rank for rank, pair in enumerate(self.merges)})

    def cut(self, words: Iterable[str]) -> list[str]:
        """The pieces of all words, in order."""
        if len(self._known) > KEPT_WORDS:
            self._known.clear()
        found: list[str] = []
        for word in words:
            pieces = self._known.get(word)
            if pieces is None:
                pieces = self._known[word] = self._cut(word)
            found += pieces
        return found

    def _cut(self, word: str) -> list[str]:
        """The pieces of one word."""
        parts = [*word[: LONGEST_WORD - 1], END]
        never = len(self._ranks)
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, never))
            if best not in self._ranks:
                break
            merged: list[str] = []
            for part in parts:
                if merged and (merged[-1], part) == best:
                    merged[-1] += part
                else:
                    merged.append(part)
            parts = merged
        return parts

    def to_json(self) -> list[list[str]]:
        """JSON values that :meth:`from_json` restores."""
        return [list(pair) for pair in self.merges]

    @classmethod
    def from_json(cls, data: Any) -> Pieces:
        """Rebuild from :meth:`to_json`. Raises ModelError on anything else."""
        if not isinstance(data, list) or len(data) > MOST_MERGES:
            raise ModelError("the model's pieces of words cannot be read")
        for pair in data:
            if (
                not isinstance(pair, list)
                or len(pair) != 2
                or not all(isinstance(p, str) and p for p in pair)
            ):
                raise ModelError("the model's pieces of words cannot be read")
        return cls(tuple((left, right) for left, right in data))


def learn_pieces(texts: Iterable[Sequence[str]], size: int) -> Pieces:
    """The merges that lead to about ``size`` different pieces of the words of ``texts``.

    Raises UsageError where the package that learns them is not installed.
    """
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError:
        raise UsageError("--level bpe wants the package tokenizers to learn pieces with", INSTALL) from None
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False)
    tokenizer.train_from_iterator((" ".join(word + END for word in words) for words in texts), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in merges)
    return Pieces(tuple((left, right) for left, right in pairs))
