"""CoNLL and CoNLL-U: one word a line with its columns, a blank line behind each sentence.

    EU      NNP  B-NP  B-ORG          1   Dogs   dog   NOUN  …
    rejects VBZ  B-VP  O              2   bark   bark  VERB  …

Each word becomes a row; its first column, ``sentence``, counts the sentences of the file. Columns stand
between tabs where the first lines have one, else between blanks. What is no word is passed over: comment
lines, ``-DOCSTART-``, and in CoNLL-U words that are written as one (1-2) and words that are not written
at all (1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.blocks import Block, Fault, Opening
from seqcli.readers.columns import TextColumn
from seqcli.readers.delimited import replace_bad
from seqcli.readers.sources import bad_character

SENTENCE = "sentence"
"""The column that tells sentences apart."""
FORM, TOKEN = "form", "token"
"""What the column of words is called, in CoNLL-U and in CoNLL."""
CONLLU = ("id", FORM, "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
"""The ten columns (https://universaldependencies.org/format.html)."""
_GLOBAL = re.compile(r"#\s*global\.columns\s*=\s*(.+)")
_KEYED = re.compile(r"#\s*\S+\s*=|# newdoc|# newpar")
"""Comments of CoNLL-U, which stand in other files too."""
_BLANKS = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"\d+")
_NO_WORD = re.compile(r"\d+[-.]\d+")
_DOCUMENT = "-DOCSTART-"
_PREFIXED = re.compile(r"O|[BIESLUM]-\S+")
_SAMPLE = 200
"""Lines that say what the columns are."""
_LEAST_SEEN = 5
"""Lines of a text file that must look tagged before it counts as such."""


class Conll:
    """Words in any number of columns, the word itself in the first that is no running number."""

    unit = "line"

    def __init__(self, opening: Opening) -> None:
        self.source = opening.source
        self.warnings: tuple[str, ...] = ()
        self._text, self._whole = opening.text, opening.final
        self._line = 1
        self._sentence, self._inside = 0, False
        sample = opening.text.split("\n")
        if not opening.final and len(sample) > 1:
            sample.pop()  # cut short
        lines = [line for line in sample[:_SAMPLE] if _holds(line)]
        self._tab = any("\t" in line for line in lines if not line.startswith("#"))
        self._columns = self._find_columns(lines)
        if not self._columns:
            raise DataError(
                f"{self.source}: there is no word in it",
                "a word a line, its tag behind a tab or a blank, and a blank line between sentences",
            )
        self.names: tuple[str, ...] = (SENTENCE, *self._columns)
        self.notes: tuple[str, ...] = (self._note(),)

    def feed(self, text: str, final: bool) -> Block:
        """Read the complete lines in what was left and ``text``."""
        lines = (self._text + text).split("\n")
        self._text = "" if final else lines.pop()
        numbers: list[int] = []
        rows: list[Sequence[str]] = []
        faults: dict[int, Fault] = {}
        for number, line in enumerate(lines, self._line):
            cells = self._cells(line)
            if cells is None:
                continue
            if not self._inside:
                self._sentence, self._inside = self._sentence + 1, True
            fault = self._fault(line, cells)
            if fault:
                faults[len(rows)] = fault
                cells = [replace_bad(cell) for cell in cells]
                cells = (*cells[: len(self._columns)], *[""] * (len(self._columns) - len(cells)))
            numbers.append(number)
            rows.append((str(self._sentence), *cells))
        self._line += len(lines)
        columns = [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in self.names]
        named = {name: TextColumn(cells) for name, cells in zip(self.names, columns, strict=True)}
        return Block(np.asarray(numbers, dtype=np.int64), dict(named), faults)

    def _cells(self, line: str) -> Sequence[str] | None:
        """The columns of one word; None for a line that holds none, which may end a sentence."""
        if not _holds(line):
            self._inside = False
            return None
        if line.startswith(_DOCUMENT):
            self._inside = False
            return None
        if line.startswith("#") and self._is_comment(line):
            return None
        return self._cut(line)

    def _cut(self, line: str) -> list[str]:
        if self._tab:
            cells = line.split("\t")
            while len(cells) > len(self._columns) and not cells[-1]:
                cells.pop()  # a tab at the end of each line
            return cells
        return _BLANKS.split(line.strip(" "))

    def _is_comment(self, line: str) -> bool:
        """Whether a line that begins with # is none of words: between sentences, and of another shape."""
        return not self._inside and (
            _KEYED.match(line) is not None or len(self._cut(line)) != len(self._columns)
        )

    def _fault(self, line: str, cells: Sequence[str]) -> Fault | None:
        if reason := bad_character(line):
            return Fault(reason, "--encoding names the right encoding; else delete the character")
        if len(cells) != len(self._columns):
            have = f"{len(cells)} column{'s' if len(cells) > 1 else ''}"
            have += " between tabs" if self._tab and len(_BLANKS.split(line.strip(" "))) > len(cells) else ""
            return Fault(
                f"{have} where the first sentence has {len(self._columns)}",
                "each word needs all its columns, and a blank line ends a sentence",
            )
        return None

    def _find_columns(self, lines: list[str]) -> tuple[str, ...]:
        """Names of the columns, from the first lines; none where there is no word."""
        for line in lines:
            if found := _GLOBAL.match(line):
                return tuple(name.lower() for name in found[1].split())
        words = [line for line in lines if not line.startswith((_DOCUMENT, "#"))] or [
            line for line in lines if not line.startswith(_DOCUMENT) and not _KEYED.match(line)
        ]
        if not words and not self._whole:
            words = [line for line in lines if line.startswith(_DOCUMENT)]  # has as many columns
        if not words:
            return ()
        rows = [line.split("\t") if self._tab else _BLANKS.split(line.strip(" ")) for line in words]
        width = len(rows[0])
        if len({len(cells) for cells in rows}) > 1:
            width -= rows[0][::-1].index(next(filter(None, rows[0][::-1])))  # a tab at the end of a line
        counted = width > 2 and all(_NUMBER.fullmatch(cells[0]) for cells in rows)
        if width == len(CONLLU) and self._tab and counted:
            return CONLLU
        ahead = ("id",) if counted else ()
        rest = width - len(ahead) - 1
        if not ahead and rest == 1:
            return (TOKEN, "tag")
        return (*ahead, TOKEN, *(f"column {len(ahead) + place}" for place in range(2, rest + 2)))

    def _note(self) -> str:
        between = "tabs" if self._tab else "blanks"
        count = len(self._columns)
        return f"read as CoNLL, {count} column{'s' if count > 1 else ''}" + (
            f" between {between}" if count > 1 else ""
        )


class Conllu(Conll):
    """CoNLL-U: ten columns between tabs, and lines that are no words."""

    def _find_columns(self, lines: list[str]) -> tuple[str, ...]:
        for line in lines:
            if found := _GLOBAL.match(line):
                return tuple(name.lower() for name in found[1].split())
        self._tab = True
        return CONLLU if not self._whole or any(not line.startswith("#") for line in lines) else ()

    def _cells(self, line: str) -> Sequence[str] | None:
        if line.startswith("#"):
            return None
        cells = super()._cells(line)
        return None if cells is None or _NO_WORD.fullmatch(cells[0]) else cells

    def _note(self) -> str:
        return "read as CoNLL-U"


def _holds(line: str) -> bool:
    """Whether a line is more than blanks and tabs; other white space may be a word."""
    return bool(line.strip(" \t"))


def looks_tagged(lines: Sequence[str]) -> bool:
    """Whether the first lines of a file without a telling name are words with IOB tags at their end."""
    held = [line for line in lines if _holds(line)]
    if held and held[0].startswith(_DOCUMENT):
        return True
    rows = [line.split("\t") if "\t" in line else _BLANKS.split(line.strip(" ")) for line in held]
    even = len({len(cells) for cells in rows}) == 1
    return len(rows) >= _LEAST_SEEN and even and len(rows[0]) > 1 and all(_tagged(rows))


def _tagged(rows: list[list[str]]) -> Iterator[bool]:
    """Of each row, whether its last cell is an IOB tag."""
    return (_PREFIXED.fullmatch(cells[-1]) is not None for cells in rows)
