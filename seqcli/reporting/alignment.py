"""Where a translator looked for each token it wrote: a heat map for a person, JSON for a program.

Columns are the tokens that were read, rows those that were written; each row sums to 1.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

from seqcli.reporting.heat_map import Group, Row, draw_heat_map, visible
from seqcli.reporting.screen import console_for, is_plain
from seqcli.reporting.tables import print_on

if TYPE_CHECKING:
    from seqcli.inference.translating import Aligned

BLANK = "▁"
"""How a token that begins a word is marked, which nobody needs to see here."""


class AlignmentWriter:
    """One text after the other, in the form "table", "jsonl" or "json"."""

    def __init__(self, form: str, stream: IO[str]) -> None:
        self._form, self._stream, self._count = form, stream, 0

    def write(self, aligned: Aligned) -> None:
        """One text with its tokens and weights (T, S)."""
        if self._form == "table":
            self._draw(aligned)
        else:
            record = json.dumps(
                {
                    "prediction": aligned.text,
                    "source": aligned.source,
                    "written": aligned.written,
                    "weights": [[round(value, 6) for value in row] for row in aligned.weights.tolist()],
                },
                ensure_ascii=False,
            )
            ahead = "" if self._form == "jsonl" else ",\n  " if self._count else "[\n  "
            self._stream.write(ahead + record + ("\n" if self._form == "jsonl" else ""))
        self._count += 1

    def close(self) -> None:
        """End the document, where the form has an end."""
        if self._form == "json":
            self._stream.write("\n]\n" if self._count else "[]\n")
        self._stream.flush()

    def _draw(self, aligned: Aligned) -> None:
        from rich.text import Text

        console = console_for(self._stream)
        plain = is_plain(self._stream)
        if self._count:
            print_on(console, "")
        print_on(console, Text(aligned.text, style="bold"))
        if not len(aligned.weights):
            return
        rows = [
            Row(visible(_word(token), plain), values)
            for token, values in zip(aligned.written, aligned.weights.tolist(), strict=True)
        ]
        group = Group("share of each token read, in the row of each token written", rows)
        source = [_word(token) for token in aligned.source]
        for line in draw_heat_map(source, [group], console.width, plain):
            print_on(console, Text.assemble(*line))


def _word(token: str) -> str:
    """A token without the mark of a blank, where it is more than that."""
    return token.replace(BLANK, " ").strip() or token.replace(BLANK, " ")
