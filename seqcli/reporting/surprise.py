"""A text whose tokens are coloured by how little they were foreseen, for a terminal.

Blanks and line breaks have no colour of their own: one that was not foreseen is drawn as · or ⏎.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from seqcli.errors import printable
from seqcli.reporting.screen import is_plain

STYLES = ("2", "", "36", "33", "1;31")
"""Of each band: dim, plain, cyan, yellow, bold red."""
BANDS = {"character": (1, 2, 4, 6), "byte": (1, 2, 4, 6)}
"""Bits at which the next band begins."""
WORD_BANDS = (3, 6, 9, 12)
SEEN = {" ": "·", "\t": "→", "\n": "⏎"}
SEEN_PLAIN = {" ": "_", "\t": ">", "\n": "$"}


class SurpriseWriter:
    """Writes tokens of one ``unit`` ("character", "word") to a terminal with colours."""

    def __init__(self, stream: IO[str], unit: str) -> None:
        self._stream, self._bands = stream, BANDS.get(unit, WORD_BANDS)
        self._seen = SEEN_PLAIN if is_plain(stream) else SEEN
        self._ended = True

    @property
    def legend(self) -> str:
        """What the colours mean, in one line without colours."""
        names = ("dim", "plain", "cyan", "yellow", "red")
        low, *middle = self._bands
        between = [f"{name} to {band}" for name, band in zip(names[1:], middle, strict=False)]
        return ", ".join([f"{names[0]} below {low}", *between, f"{names[-1]} above"])

    def write(self, tokens: Iterable[tuple[str, float | None]]) -> None:
        """Tokens, each with its bits; None for the first one, which nothing foresaw."""
        for token, bits in tokens:
            band = 1 if bits is None else sum(bits >= edge for edge in self._bands)
            self._stream.write(self._styled(token, band))
            self._ended = token.endswith("\n")
        self._stream.flush()

    def close(self) -> None:
        """End the last line."""
        if not self._ended:
            self._stream.write("\n")
        self._stream.flush()

    def _styled(self, token: str, band: int) -> str:
        """One token in the colour of its band; a line break stays one."""
        shown = printable(token.replace("\n", "").replace("\t", " "))
        if band >= 2 and not token.strip():
            shown = "".join(self._seen.get(letter, printable(letter)) for letter in token)
        style = STYLES[band]
        coloured = f"\033[{style}m{shown}\033[0m" if style and shown else shown
        return coloured + "\n" * token.count("\n")
