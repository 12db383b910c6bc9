"""The tags that a network tells apart, and the way back to the spelling of the file they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from seqcli.errors import DataError, ModelError
from seqcli.sequences import IntArray
from seqcli.tasks.tagging.schemes import IOB2, OUTSIDE, SCHEMES, Scheme, Span, followers, spans_of

NOT_LEARNT = "a type not in training"
_UNSEEN = (f"I-{NOT_LEARNT}", f"B-{NOT_LEARNT}", NOT_LEARNT)
"""What true tags are called that training did not see: -3 and -2 in spans, else -1."""
_BEGIN, _INSIDE, _OTHER = -2, -3, -1
MOST_TAGS = 2000


@dataclass(frozen=True)
class Labels:
    """The tags in order: of spans those of IOB2, O first; ``scheme`` is None where tags mark no spans."""

    tags: tuple[str, ...]
    scheme: Scheme | None
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {tag: number for number, tag in enumerate(self.tags)})

    @classmethod
    def fit(cls, sentences: Sequence[Sequence[str]], scheme: Scheme | None, source: str) -> Labels:
        """From the tags of the training sentences. Raises DataError where they teach nothing."""
        if scheme is None:
            tags = tuple(sorted(set(chain.from_iterable(sentences))))
        else:
            kinds = sorted({span.label for tags in sentences for span in spans_of(tags)})
            marks = [f"{letter}-{kind}" if kind else letter for kind in kinds for letter in "BI"]
            tags = (OUTSIDE, *marks)
        if len(tags) < 2:
            raise DataError(
                f"{source}: every word has the tag {tags[0] if tags else 'none'}",
                "--tag-column names another column",
            )
        if len(tags) > MOST_TAGS:
            raise DataError(
                f"{source}: {len(tags):,} different tags are too many to learn",
                "--tag-column names another column",
            )
        return cls(tags, scheme)

    @property
    def names(self) -> tuple[str, ...]:
        """What each number means, the negative ones too, which count from the end."""
        return (*self.tags, *_UNSEEN)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of spans."""
        return tuple(tag[2:] for tag in self.tags if tag.startswith("B"))

    @property
    def outside(self) -> int:
        """The number of O, where tags mark spans."""
        return 0

    @property
    def barred(self) -> tuple[tuple[int, ...], ...]:
        """For each tag, and last for the start, the tags that must not follow."""
        if self.scheme is None:
            return ((),) * (len(self.tags) + 1)
        return followers(self.tags)

    def encode(self, sentences: Sequence[Sequence[str]]) -> IntArray:
        """Numbers (M,) of the tags of all words, in whatever spelling they are; below 0 for unseen ones."""
        if self.scheme is None:
            tags = chain.from_iterable(sentences)
            return np.fromiter((self._ids.get(tag, _OTHER) for tag in tags), np.int64)
        spelt = (IOB2.tags(spans_of(tags), len(tags)) for tags in sentences)
        return np.fromiter((self._number(tag) for tags in spelt for tag in tags), np.int64)

    def spelt(self, ids: IntArray) -> tuple[list[str], list[Span]]:
        """Numbers (T,) of the tags of a sentence: as the training file spelt them, and their spans."""
        tags = [self.tags[number] for number in ids.tolist()]
        if self.scheme is None:
            return tags, []
        spans = spans_of(tags)
        return (tags if self.scheme == IOB2 else self.scheme.tags(spans, len(tags))), spans

    def _number(self, tag: str) -> int:
        return self._ids.get(tag, _BEGIN if tag.startswith("B") else _INSIDE)

    def spans_in(self, target: IntArray) -> int:
        """How many spans true tags (M,) hold."""
        begins = [number for number, tag in enumerate(self.tags) if tag.startswith("B")]
        return int(np.isin(target, [*begins, _BEGIN]).sum())

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        scheme = None if self.scheme is None else [self.scheme.name, self.scheme.mark]
        return {"tags": list(self.tags), "scheme": scheme}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Labels:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError, TypeError or ValueError otherwise."""
        tags, scheme = tuple(data["tags"]), None
        if not all(isinstance(tag, str) for tag in tags) or not 1 < len(set(tags)) == len(tags) <= MOST_TAGS:
            raise ModelError("the model's tags cannot be read", "train it again")
        if data["scheme"] is not None:
            name, mark = data["scheme"]
            if tags[0] != OUTSIDE or mark not in ("-", "_"):
                raise ModelError("the model's tags mark no spans", "train it again")
            spelling = SCHEMES[name]
            scheme = Scheme(
                spelling.name, spelling.inside, spelling.end, spelling.single, spelling.always_begins, mark
            )
        return cls(tags, scheme)
