"""Every way seqcli can end other than well, each with the exit code that a shell sees.

    SeqcliError                 1   a bug, when nothing below fits
    ├── UsageError              2   the command line or a configuration file cannot be obeyed
    ├── DataError               3   a file's content cannot be used
    ├── ModelError              4   a model directory is missing, damaged or of the wrong kind
    ├── DivergedError           5   training produced NaN or infinite values
    ├── ResourceError           6   memory or disk ran out
    └── Interrupted           130   the user pressed Ctrl-C

A message is one line that names file, row and column as the user counts them; a hint is one line
that says what to do. Nothing else is ever printed for an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

_UNSHOWN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")
"""Control characters and halves of surrogate pairs."""


class SeqcliError(Exception):
    """An error that ends the program with ``exit_code`` and at most two lines on stderr."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SeqcliError):
    """The command line or a configuration file cannot be obeyed."""

    exit_code = 2


class DataError(SeqcliError):
    """A file's content cannot be used."""

    exit_code = 3


class ModelError(SeqcliError):
    """A model directory is missing, damaged or of the wrong kind."""

    exit_code = 4


class DivergedError(SeqcliError):
    """Training produced NaN or infinite values."""

    exit_code = 5


class ResourceError(SeqcliError):
    """Memory or disk ran out."""

    exit_code = 6


class Interrupted(SeqcliError):
    """The user pressed Ctrl-C; the message says what was kept and the hint how to go on."""

    exit_code = 130


def near_miss(word: str, known: Iterable[str]) -> str:
    """Return the known word closest to ``word``, or "" when none is close.

    Case is ignored when comparing, so that ``Review`` finds ``review``.
    """
    import difflib

    folded = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return folded[matches[0]] if matches else ""


def printable(text: str) -> str:
    """``text`` without what would steer a terminal instead of being shown, or could not be encoded."""
    return _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", text)
