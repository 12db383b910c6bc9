"""One line on a terminal that says what is going on while it lasts; nothing in a pipe."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from seqcli.reporting.screen import Screen

Batch = TypeVar("Batch", bound=Sized)

REDRAW = 0.1
"""Seconds between two drawings of what moves."""


@contextmanager
def waiting(screen: Screen, what: str) -> Iterator[None]:
    """On a terminal, a line that says what is going on until the block ends."""
    if not screen.live:
        yield
        return
    screen.stream.write(screen.styled(f"{what} …", "dim"))
    screen.stream.flush()
    try:
        yield
    finally:
        screen.stream.write("\r\033[K")
        screen.stream.flush()


def counted(screen: Screen, batches: Iterable[Batch], what: str) -> Iterator[Batch]:
    """Pass batches through; on a terminal, count their rows and say how many go a second."""
    if not screen.live:
        yield from batches
        return
    begun = drawn = time.monotonic()
    count = 0
    for batch in batches:
        yield batch
        count += len(batch)
        now = time.monotonic()
        if now - drawn > REDRAW:
            drawn = now
            text = f"{count:,} {what}, {count / (now - begun):,.0f} a second"
            screen.stream.write(f"\r\033[K{screen.styled(text, 'dim')}")
            screen.stream.flush()
    screen.stream.write("\r\033[K")
    screen.stream.flush()
