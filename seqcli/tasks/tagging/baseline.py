"""What tagging needs no network for: the most frequent tag of each word, and of all words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from seqcli.sequences import IntArray
from seqcli.tasks.base import Scores
from seqcli.tasks.tagging.labels import Labels
from seqcli.tasks.tagging.sentences import Sentences


def baseline_scores(
    train: Sentences,
    test: Sentences,
    labels: Labels,
    measures: Callable[[IntArray, IntArray, IntArray], dict[str, float]],
) -> list[Scores]:
    """Scores on the test part; ``measures`` takes predicted and true tags (M,) and offsets (N + 1,).

    A word that no training sentence has gets the tag that most words have which come there once.
    """
    learnt, target = (labels.encode(part.tag_lists()) for part in (train, test))
    of_word: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for word, tag in zip(train.words, learnt.tolist(), strict=True):
        of_word[word][tag] += 1
    once = Counter(next(iter(tags)) for tags in of_word.values() if tags.total() == 1)
    everywhere = _most(Counter(learnt.tolist()))
    new = _most(once) if once else everywhere
    best = {word: _most(tags) for word, tags in of_word.items()}
    said = np.fromiter((best.get(word, new) for word in test.words), np.int64, len(test.words))
    always = np.full(len(test.words), everywhere, dtype=np.int64)
    return [
        Scores("most frequent tag of each word", measures(said, target, test.offsets)),
        Scores(f"always {labels.tags[everywhere]}", measures(always, target, test.offsets)),
    ]


def _most(counts: Counter[int]) -> int:
    """The most frequent tag, of equal ones the first in order."""
    return min(counts, key=lambda tag: (-counts[tag], tag))
