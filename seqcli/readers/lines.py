"""Plain text: one text a line, in one column."""

from __future__ import annotations

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.blocks import Block, Fault, Opening
from seqcli.readers.columns import TextColumn
from seqcli.readers.delimited import DELIMITERS, SAMPLE_LINES, cut_lines, replace_bad
from seqcli.readers.sources import bad_character


class Lines:
    """Every line is a text, commas and all; only line feeds end one."""

    unit = "line"

    def __init__(self, opening: Opening) -> None:
        if not opening.text.strip():
            raise DataError(f"{opening.source}: the file is empty", "give a file with one text a line")
        if opening.expected and opening.text_column not in opening.expected:
            raise DataError(
                f"{opening.source}: lines of text, but the model reads {', '.join(opening.expected)}",
                "give a csv or jsonl input with these columns",
            )
        self.names: tuple[str, ...] = (opening.text_column,)
        self.notes: tuple[str, ...] = ()
        self.warnings = _table_warning(opening)
        self._line = 1
        self._text = opening.text

    def feed(self, text: str, final: bool) -> Block:
        """Read the complete lines in what was left and ``text``."""
        lines = (self._text + text).split("\n")
        self._text = lines.pop()
        if final and self._text:
            lines.append(self._text)
            self._text = ""
        numbers = np.arange(self._line, self._line + len(lines), dtype=np.int64)
        self._line += len(lines)
        faults: dict[int, Fault] = {}
        if bad_character("".join(lines)):
            for position, line in enumerate(lines):
                reason = bad_character(line)
                if reason:
                    faults[position] = Fault(
                        reason, "--encoding names the right encoding; else delete the line"
                    )
                    lines[position] = replace_bad(line)
        return Block(numbers, {self.names[0]: TextColumn(lines)}, faults)


def _table_warning(opening: Opening) -> tuple[str, ...]:
    """A word on a text file whose first lines look like a table's."""
    lines = [line for line in opening.text.split("\n")[: SAMPLE_LINES + 1] if line.strip()][:-1]
    for delimiter, name in DELIMITERS.items():
        widths = {len(cells) for cells in cut_lines(lines, delimiter)}
        if len(lines) >= 5 and len(widths) == 1 and min(widths) > 1:
            return (
                f"{opening.source} looks like a table ({name} separated): --input-format csv reads it so",
            )
    return ()
