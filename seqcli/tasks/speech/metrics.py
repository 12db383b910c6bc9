"""How far transcripts are from what was said: edits a character (CER) and a word (WER).

    rate = Σ edits(said, heard) / Σ symbols said

with the fewest insertions, deletions and substitutions that turn one into the other (Levenshtein 1966).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from seqcli.results import Cell, ResultColumn, ResultTable


def edits(said: Sequence[Hashable], heard: Sequence[Hashable]) -> int:
    """The fewest edits that turn ``heard`` into ``said``."""
    if not said or not heard:
        return len(said) + len(heard)
    numbers: dict[Hashable, int] = {}
    own = np.array([numbers.setdefault(item, len(numbers)) for item in heard])
    places = np.arange(len(own) + 1)
    row = places.copy()
    for item in said:
        # A cell is the least of above + 1, diagonal + (0 or 1), and what comes from the left, 1 a place.
        below = row + 1
        np.minimum(below[1:], row[:-1] + (own != numbers.get(item, -1)), out=below[1:])
        row = np.minimum.accumulate(below - places) + places
    return int(row[-1])


def error_rates(said: Sequence[str], heard: Sequence[str]) -> dict[str, float]:
    """CER, WER and the share of clips without an error, of transcripts (N) each."""
    if not said:
        return {"cer": np.nan, "wer": np.nan, "whole_clips": np.nan}
    pairs = list(zip(said, heard, strict=True))
    words = [(one.split(), other.split()) for one, other in pairs]
    return {
        "cer": sum(edits(*pair) for pair in pairs) / max(sum(map(len, said)), 1),
        "wer": sum(edits(*pair) for pair in words) / max(sum(len(one) for one, _ in words), 1),
        "whole_clips": sum(one == other for one, other in pairs) / len(pairs),
    }


def worst_table(
    said: Sequence[str], heard: Sequence[str], clips: Sequence[tuple[int, str]], most: int = 10
) -> ResultTable:
    """The clips with the most edits: their row and file, what was said and what was heard."""
    counts = [edits(*pair) for pair in zip(said, heard, strict=True)]
    wrong = [place for place in sorted(range(len(counts)), key=lambda i: (-counts[i], i)) if counts[place]]
    rows: list[tuple[Cell, ...]] = [
        (*clips[place], counts[place], said[place], heard[place]) for place in wrong[:most]
    ]
    columns = (
        ResultColumn("row"),
        ResultColumn("clip"),
        ResultColumn("edits", ",d"),
        ResultColumn("said", keep="left"),
        ResultColumn("heard", keep="left"),
    )
    caption = f"those with the most edits, of {len(wrong):,} with any in {len(said):,}"
    return ResultTable("Worst mistakes", columns, rows, caption)
