"""Tags that mark spans of words, in the spellings that files use, and the spans themselves.

            the   United  Nations  met   France
    IOB1    O     I-ORG   I-ORG    O     I-LOC       B only where a span follows one of its own type
    IOB2    O     B-ORG   I-ORG    O     B-LOC       B at every beginning
    IOBES   O     B-ORG   E-ORG    O     S-LOC       and E at every end, S where both fall together

IOBES is also spelt BILOU (L for E, U for S) and BMEWO (M for I, W for S). Whatever a file uses, a network
learns IOB2, and its spans are written in the spelling of the file it learnt from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

OUTSIDE = "O"
_TAG = re.compile(r"([BIEMSLUW])(?:[-_](.+))?")
_MEANS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}


class Span(NamedTuple):
    """Words ``start`` to ``stop`` (exclusive) of one sentence, and what they are."""

    start: int
    stop: int
    label: str


@dataclass(frozen=True)
class Scheme:
    """One spelling: the letters for inside, end and single; "" for an end or single that is not marked."""

    name: str
    inside: str = "I"
    end: str = ""
    single: str = ""
    always_begins: bool = True
    """Whether every span begins with B (or a single), not only one that follows its own type."""
    mark: str = "-"
    """What stands between letter and type."""

    def tags(self, spans: Iterable[Span], length: int) -> list[str]:
        """Tags of a sentence of ``length`` words in which ``spans`` are, none over another."""
        tags = [OUTSIDE] * length
        last = Span(-1, -1, "")
        for span in sorted(spans):
            follows = last.stop == span.start and last.label == span.label
            first = "B" if self.always_begins or follows else self.inside
            letters = [first, *[self.inside] * (span.stop - span.start - 1)]
            if len(letters) == 1 and self.single:
                letters = [self.single]
            elif len(letters) > 1 and self.end:
                letters[-1] = self.end
            tags[span.start : span.stop] = [
                f"{letter}{self.mark}{span.label}" if span.label else letter for letter in letters
            ]
            last = span
        return tags


IOB1 = Scheme("IOB1", always_begins=False)
IOB2 = Scheme("IOB2")
SCHEMES = {
    scheme.name: scheme
    for scheme in (IOB1, IOB2, Scheme("IOBES", "I", "E", "S"), Scheme("BILOU", "I", "L", "U"),
                   Scheme("BMEWO", "M", "E", "W"), Scheme("BMES", "M", "E", "S"))
}  # fmt: skip


def split_tag(tag: str) -> tuple[str, str]:
    """(B, I, E, S or O; the type): what a tag means in any spelling. What is no such tag is outside."""
    found = _TAG.fullmatch(tag)
    return (_MEANS[found[1]], found[2] or "") if found else (OUTSIDE, "")


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The spans of one sentence, in the definition of conlleval (Tjong Kim Sang 2000).

    A span ends ahead of O, B, S and a type other than its own, and behind E and S. It begins at B and S, at
    whatever follows the end of another, and at an I or E that stands behind O or another type: an I that no B
    opened counts as an opening.
    """
    spans: list[Span] = []
    start, label, letter = -1, "", OUTSIDE
    for place, tag in enumerate((*tags, OUTSIDE)):
        now, kind = split_tag(tag)
        goes_on = now in "IE" and letter in "BI" and kind == label
        if start >= 0 and not goes_on:
            spans.append(Span(start, place, label))
            start = -1
        if now != OUTSIDE and not goes_on:
            start = place
        letter, label = now, kind
    return spans


def find_scheme(sentences: Sequence[Sequence[str]]) -> Scheme | None:
    """The spelling of a file's tags; None where they mark no spans (parts of speech, say).

    All tags must be O or a letter with a type (or all a bare letter), and some must be B or I.
    """
    kinds = {tag for tags in sentences for tag in tags}
    marked = kinds - {OUTSIDE}
    found = [_TAG.fullmatch(tag) for tag in marked]
    letters = {match[1] for match in found if match}
    bare = {match[2] is None for match in found if match}
    if not marked or None in found or len(bare) > 1 or not letters & {"B", "I"}:
        return None
    if bare == {True} and OUTSIDE not in kinds and not letters & {"E", "L"}:
        return None  # B and I alone may mean anything
    scheme = _spelling(letters, sentences)
    mark = "_" if any(tag[1:2] == "_" for tag in marked) else "-"
    return Scheme(scheme.name, scheme.inside, scheme.end, scheme.single, scheme.always_begins, mark)


def _spelling(letters: set[str], sentences: Sequence[Sequence[str]]) -> Scheme:
    if letters & {"L", "U"}:
        return SCHEMES["BILOU"]
    if letters & {"M", "W"}:
        return SCHEMES["BMES" if "S" in letters else "BMEWO"]
    if letters & {"E", "S"}:
        return SCHEMES["IOBES"]
    opened = [span for tags in sentences for span in spans_of(tags) if split_tag(tags[span.start])[0] == "I"]
    if not opened:
        return IOB2
    free = [
        place == 0 or split_tag(tags[place - 1])[1] != split_tag(tag)[1]
        for tags in sentences
        for place, tag in enumerate(tags)
        if split_tag(tag)[0] == "B"
    ]
    # In IOB1 a B stands behind its own type alone; else the file is IOB2 with some slips.
    return IOB2 if sum(free) > len(opened) else IOB1


def followers(labels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """For each tag of IOB2, and last for the start, the places in ``labels`` of those that must not follow.

    An I goes on with what a B or I of its own type began; everything else may come anywhere.
    """
    split = [split_tag(label) for label in labels]
    barred = []
    for letter, kind in (*split, (OUTSIDE, "")):
        barred.append(
            tuple(
                place
                for place, (now, other) in enumerate(split)
                if now == "I" and (letter == OUTSIDE or other != kind)
            )
        )
    return tuple(barred)
