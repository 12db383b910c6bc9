"""Raw text cut into words as a tagged file has them: case kept, each with its place in the text.

How a file cuts is seen in its own words: some keep "re-elect" and "don't" whole, some write "do n't",
some put every mark apart. Prediction on raw text then cuts as the training file did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_PLAIN = rf"[^\W_{_IDEOGRAPH}](?:[^\W{_IDEOGRAPH}]|[\u0300-\u036f])*"
"""Letters and digits of any script, with marks that combine with them."""
_APART = (
    r"(?:https?://|www\.)\S*[^\s.,;:!?)'\"…]"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an address
    r"|[@#]\w+"
    r"|(?:[:;=8][-o*']?[)\](\[dDpP/\\|]|<3)(?!\w)"  # a face
    r"|\d+(?:[.,:/]\d+)+"  # 1,000  3.14  10:30  24/7
    r"|(?:[^\W\d_]\.){2,}"  # U.S.
    r"|\.{2,}|-{2,}|[!?]{2,}|``|''"
)
_TITLE = r"(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|Inc|Corp|Ltd|Co)\."
_CLITIC = r"['’](?i:s|d|m|t|ll|re|ve)(?!\w)"
_WHOLE, _SPLIT, _MARKS = "whole", "split", "marks"
_DONT = re.compile(r"\w+['’]\w+")
_HYPHENED = re.compile(r"\w+-\w+")


@dataclass(frozen=True)
class WordCutter:
    """Cuts text into words; ``hyphens`` keeps what is joined by one together.

    ``apostrophes`` is "whole" (don't), "split" (do n't, it 's) or "marks" (don ' t).
    """

    hyphens: bool = True
    apostrophes: str = _SPLIT

    @classmethod
    def fit(cls, words: Iterable[str]) -> WordCutter:
        """As the ``words`` of a training file were cut."""
        whole = split = marks = joined = apart = 0
        for word in words:
            if word.lower() in ("n't", "n’t") or re.fullmatch(_CLITIC, word):
                split += 1
            elif word in ("'", "’"):
                marks += 1
            elif _DONT.fullmatch(word):
                whole += 1
            if _HYPHENED.fullmatch(word):
                joined += 1
            elif word == "-":
                apart += 1
        # A quotation mark is the same sign as an apostrophe, so single ones prove little.
        style = _MARKS if marks > 4 * (split + whole) else _WHOLE if whole > split else _SPLIT
        return cls(joined >= apart, style)

    def cut(self, text: str) -> tuple[list[str], list[tuple[int, int]]]:
        """The words of ``text`` and where each stands: ``text[start:stop]`` is the word."""
        places = [found.span() for found in _pattern(self.hyphens, self.apostrophes).finditer(text)]
        return [text[start:stop] for start, stop in places], places

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> WordCutter:
        """Rebuild from :meth:`to_json`; raises KeyError, TypeError or ValueError on anything else."""
        cutter = cls(bool(data["hyphens"]), str(data["apostrophes"]))
        if cutter.apostrophes not in (_WHOLE, _SPLIT, _MARKS):
            raise ValueError("no such way to cut words")
        return cutter


@cache
def _pattern(hyphens: bool, apostrophes: str) -> re.Pattern[str]:
    """What is one word; the first alternative that fits is taken."""
    joiners = ["-"] if hyphens else []
    parts = [_APART, _TITLE]
    if apostrophes == _WHOLE:
        joiners.append("['’]")
    elif apostrophes == _SPLIT:
        joiners.append(rf"(?!{_CLITIC})['’]")  # O'Neill
        parts += [rf"{_PLAIN}?(?=n['’][tT](?!\w))", r"n['’][tT](?!\w)", _CLITIC]
    joined = rf"(?:(?:{'|'.join(joiners)}){_PLAIN})*" if joiners else ""
    return re.compile("|".join([*parts, rf"{_PLAIN}{joined}", r"\S"]))
