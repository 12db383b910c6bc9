"""Byte-pair encoding, learnt: which neighbours in words come most often, merged one after the other.

A word begins as its characters. The pair of neighbours that comes most often, in all words as often as each
comes, becomes one piece; then the counts are made anew, and so on (Sennrich, Haddow and Birch 2016,
arXiv:1508.07909, algorithm 1). Only words that hold the pair are counted again. Of pairs that come equally
often the one that sorts first is merged, so that the order of the text does not matter.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import TypeAlias

Pair: TypeAlias = tuple[str, str]
LEAST_COUNT = 2
"""A pair that comes less often is no piece."""


def learn_pairs(words: Mapping[str, int], size: int) -> list[Pair]:
    """The merges, first ones first, that bring the number of different pieces of ``words`` to ``size``.

    ``words`` maps each word to how often it comes. Fewer merges come back where no pair is left that comes
    twice.
    """
    pieces = [list(word) for word in words]
    counts = list(words.values())
    known = {character for word in words for character in word}
    found: Counter[Pair] = Counter()
    holders: defaultdict[Pair, set[int]] = defaultdict(set)
    for place, word in enumerate(pieces):
        for pair in pairwise(word):
            found[pair] += counts[place]
            holders[pair].add(place)
    waiting = [(-count, pair) for pair, count in found.items()]
    heapq.heapify(waiting)
    merges: list[Pair] = []
    while waiting and len(known) < size:
        count, pair = heapq.heappop(waiting)
        if -count != found[pair]:  # what was counted has changed since, and stands in the heap anew
            continue
        if -count < LEAST_COUNT:
            break
        merges.append(pair)
        known.add(pair[0] + pair[1])
        changed: set[Pair] = set()
        for place in holders.pop(pair):
            old = pieces[place]
            new = merged(old, pair)
            for gone in pairwise(old):
                found[gone] -= counts[place]
                changed.add(gone)
            for come in pairwise(new):
                found[come] += counts[place]
                holders[come].add(place)
                changed.add(come)
            pieces[place] = new
        for other in changed:
            if found[other] > 0:
                heapq.heappush(waiting, (-found[other], other))
    return merges


def merged(pieces: list[str], pair: Pair) -> list[str]:
    """``pieces`` with each ``pair`` of neighbours made one, from the left."""
    out: list[str] = []
    place, last = 0, len(pieces) - 1
    while place <= last:
        if place < last and (pieces[place], pieces[place + 1]) == pair:
            out.append(pieces[place] + pieces[place + 1])
            place += 2
        else:
            out.append(pieces[place])
            place += 1
    return out
