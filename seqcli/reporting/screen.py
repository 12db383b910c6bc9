"""stderr as a person sees it: notes, warnings, tables. Nothing here ever fails.

rich is imported only when a table or something live is drawn: a filter in a pipe does without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, cast

from seqcli.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

_HELD = "\N{NO-BREAK SPACE}%"
_STYLES = {"bold": "1", "dim": "2", "yellow": "33", "cyan": "36"}


class Tolerant:
    """A text stream that goes silent, rather than fail, when nobody reads it any more.

    Messages must not end a training: with ``2>&1 | head -1`` the model is still saved.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or do nothing when the stream is gone or full."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        """Flush, or do nothing when the stream is gone or full."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def is_terminal(stream: IO[str]) -> bool:
    """Whether a person sees what is written to ``stream``."""
    return hasattr(stream, "isatty") and stream.isatty()


def has_colours(stream: IO[str]) -> bool:
    """Whether a person sees colours in what is written to ``stream``."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def is_plain(stream: IO[str]) -> bool:
    """Whether only ASCII can be drawn: a dumb terminal, or an encoding without box characters."""
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return os.environ.get("TERM") == "dumb" or not encoding.startswith("utf")


def console_for(stream: IO[str]) -> Console:
    """A rich console on ``stream`` that colours no number and reads no markup by itself."""
    from rich.console import Console

    width = None if is_terminal(stream) or os.environ.get("COLUMNS") else 100
    return Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False, width=width)


def wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    """``text`` in lines of at most ``width`` characters, broken between words, not ahead of a %."""
    import textwrap

    lines: list[str] = []
    for line in text.split("\n"):
        if len(line) <= width:
            lines.append(line)
            continue
        held = line.replace(" %", _HELD)
        parts = textwrap.wrap(held, width, subsequent_indent=indent, break_long_words=False)
        lines += [part.replace(_HELD, " %") for part in parts]
    return lines


class Screen:
    """Where everything but the result goes."""

    def __init__(self, quiet: bool = False, verbose: bool = False, stream: IO[str] | None = None) -> None:
        self.stream = cast("IO[str]", Tolerant(sys.stderr if stream is None else stream))
        self.quiet = quiet
        self.verbose = verbose and not quiet
        smart = is_terminal(self.stream) and os.environ.get("TERM") != "dumb"
        self.live = smart and not quiet
        self._said: set[str] = set()
        self._moving = False
        self._colour = smart and not os.environ.get("NO_COLOR")

    @cached_property
    def console(self) -> Console:
        """The rich console on this screen."""
        return console_for(self.stream)

    @property
    def width(self) -> int:
        """Characters in a line of this terminal, which stdout need not be."""
        if "COLUMNS" not in os.environ:
            with suppress(OSError, ValueError):
                columns = os.get_terminal_size(self.stream.fileno()).columns
                if columns:  # a terminal that was never told its size says 0
                    return columns
        import shutil

        return shutil.get_terminal_size().columns

    def line(self, text: str, style: str = "") -> None:
        """One line, unless quiet; a terminal that is too narrow gets it on several."""
        if self.quiet:
            return
        self._lines(wrapped(text, self.width) if is_terminal(self.stream) else text.split("\n"), style)

    def prose(self, text: str, style: str = "") -> None:
        """Sentences that go with a table, unless quiet: no wider than tables are, in a log too."""
        if not self.quiet:
            self._lines(wrapped(text, self.console.width), style)

    def _lines(self, lines: list[str], style: str) -> None:
        self.move("")
        for line in lines:
            self.stream.write(self.styled(printable(line), style) + "\n")
        self.stream.flush()

    def pieces(self, line: Iterable[tuple[str, str]]) -> None:
        """One line of pieces, each with its style, unless quiet."""
        if not self.quiet:
            self.move("")
            self.stream.write("".join(self.styled(printable(text), style) for text, style in line) + "\n")
            self.stream.flush()

    def move(self, text: str) -> None:
        """On a terminal, put ``text`` in the place of what was put there last; "" takes that away.

        Whatever else is said takes it away too.
        """
        if self.live and (text or self._moving):
            self._moving = bool(text)
            self.stream.write(f"\r\033[K{text}")
            self.stream.flush()

    def detail(self, text: str) -> None:
        """One line that only ``--verbose`` shows."""
        if self.verbose:
            self.line(text, "dim")

    def warn(self, text: str) -> None:
        """One line on something odd that was met and dealt with; said once, however often it is met."""
        if text not in self._said:
            self._said.add(text)
            self.line(f"note: {text}", "yellow")

    def styled(self, text: str, style: str) -> str:
        """``text`` with terminal codes for ``style``, where those mean something."""
        return f"\033[{_STYLES[style]}m{text}\033[0m" if text and style and self._colour else text

    def show(self, *renderables: Any) -> None:
        """Draw rich renderables, unless quiet."""
        if not self.quiet:
            self.move("")
            for renderable in renderables:
                self.console.print(renderable)
