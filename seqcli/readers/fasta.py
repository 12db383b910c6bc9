"""FASTA: sequences of bases or amino acids, each under a line that begins with ``>`` and names it.

    >seq1 a promoter|yes
    ACGTACGT
    ACGT

becomes a row a sequence: ``id`` (the first word of its line), ``sequence``, and ``label`` where the lines say
one: behind ``label=`` or ``class=``, or behind the last ``|`` where what stands there comes again and again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.blocks import Block, Fault, Opening, missing_column
from seqcli.readers.columns import TextColumn
from seqcli.readers.sources import bad_character

ID, SEQUENCE, LABEL = "id", "sequence", "label"

MOST_LABELS = 50
_NAMED = re.compile(r"(?:^|[\s|;,])(?:label|class)\s*=\s*([^\s|;,]+)", re.IGNORECASE)
_HINT = "each sequence stands under a line such as >name"


class Fasta:
    """Each line that begins with ``>`` starts a row; the lines below it, joined, are its sequence."""

    unit = "line"

    def __init__(self, opening: Opening) -> None:
        self.notes: tuple[str, ...] = ()
        self.warnings: tuple[str, ...] = ()
        lines = opening.text.split("\n")
        first = next((number for number, line in enumerate(lines, 1) if line.strip() and line[0] != ";"), 0)
        if not first:
            raise DataError(f"{opening.source}: the file is empty", _HINT)
        if not lines[first - 1].startswith(">"):
            raise DataError(f"{opening.source}, line {first}: no > ahead of the first sequence", _HINT)
        heads = [line[1:] for line in lines if line.startswith(">")]
        self._form = _label_form(heads)
        asked = opening.text_column
        # A model that learnt from a table calls the one column of text that it reads as that table did.
        sequence = asked if asked in opening.expected and asked not in (ID, LABEL) else SEQUENCE
        names = (ID, sequence, LABEL) if self._form else (ID, sequence)
        self.names: tuple[str, ...] = names
        if self._form:
            where = "behind the last |" if self._form == "|" else "behind label= or class="
            self.notes = (f"labels are read from the names of the sequences, {where}",)
        for name in opening.expected:
            if name not in names:
                raise missing_column(opening.source, names, opening.expected)
        self._text, self._line = opening.text, 1
        self._open: tuple[int, str] | None = None
        self._parts: list[str] = []
        self._fault = ""

    def feed(self, text: str, final: bool) -> Block:
        """Read the sequences that are complete in what was left and ``text``."""
        lines = (self._text + text).split("\n")
        self._text = "" if final else lines.pop()
        rows: list[tuple[int, tuple[str, ...]]] = []
        faults: dict[int, Fault] = {}
        for number, line in enumerate(lines, self._line):
            if line.startswith(">"):
                self._close(rows, faults)
                self._open = (number, line[1:].strip())
            elif line.strip() and not line.startswith(";"):
                self._parts.append(line.strip())
            self._fault = self._fault or bad_character(line) or ""
        self._line += len(lines)
        if final:
            self._close(rows, faults)
        cells = list(zip(*(row for _, row in rows), strict=True)) or [()] * len(self.names)
        columns = {name: TextColumn(list(found)) for name, found in zip(self.names, cells, strict=True)}
        return Block(np.asarray([number for number, _ in rows], dtype=np.int64), dict(columns), faults)

    def _close(self, rows: list[tuple[int, tuple[str, ...]]], faults: dict[int, Fault]) -> None:
        """End the sequence that is open."""
        if self._open is None:
            return
        number, head = self._open
        if self._fault:
            faults[len(rows)] = Fault(
                self._fault, "--encoding names the right encoding; else delete the line"
            )
        elif not self._parts:
            faults[len(rows)] = Fault("no sequence below this name", "write it there, or delete the line")
        name = (head.split() or [""])[0]
        label = (_label_of(head, self._form),) if self._form else ()
        rows.append((number, (name, "".join(self._parts), *label)))
        self._open, self._parts, self._fault = None, [], ""


def _label_of(head: str, form: str) -> str:
    """The label that a sequence's line says, "" where it says none."""
    if form == "|":
        return head.rpartition("|")[2].strip() if "|" in head else ""
    found = _NAMED.search(head)
    return found.group(1) if found else ""


def _label_form(heads: list[str]) -> str:
    """How the lines say labels: "=" or "|", "" where they say none."""
    for form in ("=", "|"):
        found = [_label_of(head, form) for head in heads]
        different = len(set(found))
        if found and all(found) and 2 <= different <= MOST_LABELS and 2 * different <= len(found):
            return form
    return ""


def looks_like_fasta(lines: list[str]) -> bool:
    """Whether a file without a telling name begins with a named sequence."""
    return (
        len(lines) > 1
        and lines[0].startswith(">")
        and not lines[1].startswith(">")
        and " " not in lines[1].strip()
    )


def from_fasta(names: Sequence[str], unit: str) -> bool:
    """Whether a table of these columns was read from FASTA; its ids are names of sequences and no more."""
    return unit == Fasta.unit and tuple(names[:2]) == (ID, SEQUENCE)
