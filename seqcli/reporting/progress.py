"""What says how far a long step is: one line that moves on a terminal, a few lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from seqcli.reporting.screen import Screen, is_plain

Batch = TypeVar("Batch", bound=Sized)
End = TypeVar("End")

REDRAW = 0.1
"""Seconds between two drawings of what moves."""
PAUSE = 10.0
"""Seconds between two lines in a log."""


@contextmanager
def waiting(screen: Screen, what: str) -> Iterator[None]:
    """On a terminal, a line that says what is going on until the block ends."""
    screen.move(screen.styled(f"{what} …", "dim"))
    try:
        yield
    finally:
        screen.move("")


def shown_until(
    screen: Screen, kind: type[End], events: Iterable[object], show: Callable[[Any], None]
) -> End:
    """Show every event as it comes; return the one of ``kind``, which is the last."""
    with waiting(screen, "reading"):
        events = iter(events)
        event = next(events)
    try:
        while not isinstance(event, kind):
            show(event)
            event = next(events)
    finally:
        with suppress(ValueError):
            screen.move("")
    screen.line("")
    return event


def counted(
    screen: Screen, batches: Iterable[Batch], what: str, share: Callable[[], float | None]
) -> Iterator[Batch]:
    """Pass batches through, and say how many rows went by, how fast, and how long it still takes.

    ``share`` tells how much of all is done, None where nobody can know, as in a pipe: then a
    terminal shows no bar, and a log gets no lines.
    """
    pause = REDRAW if screen.live else PAUSE
    begun = said = time.monotonic()
    count = 0
    with waiting(screen, "reading"):
        for batch in batches:
            screen.move("")  # what becomes of it may come to this very terminal, through a pipe
            yield batch
            count += len(batch)
            now = time.monotonic()
            if now - said > pause:
                said = now
                speed = f"{count:,} {what}, {count / (now - begun):,.0f} a second"
                _say(screen, speed, share(), now - begun)


def _say(screen: Screen, speed: str, share: float | None, seconds: float) -> None:
    """One line: the speed alone where the ``share`` that took so many ``seconds`` is not known."""
    told = f"{share:.0%} · {speed} · {time_left(share, seconds)}" if share else speed
    if not screen.live:
        if share:
            screen.line(told)
        return
    width = screen.width - 1
    full, empty = bar(share or 0.0, width - len(told) - 1 if share else 0, is_plain(screen.stream))
    gap = " " if full or empty else ""
    screen.move(screen.styled(full, "cyan") + screen.styled(empty + gap + told[:width], "dim"))


def bar(share: float, room: int, plain: bool) -> tuple[str, str]:
    """What is done and the rest of a bar of at most ``room`` characters; empty where that is too few."""
    room = min(40, room) if room >= 10 else 0
    filled = round(room * share)
    full, empty = "#-" if plain else "━─"
    return full * filled, empty * (room - filled)


def time_left(share: float, seconds: float) -> str:
    """How long the rest takes, when a ``share`` of all took so many ``seconds``: "12:05 left"."""
    return f"{clock(seconds * (1 - share) / share if share else 0.0)} left"


def clock(seconds: float) -> str:
    """Seconds as 0:42, 12:05 or 1:02:03."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
