"""Ctrl-C during a fit: once asks it to stop after the step at hand, twice ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from seqcli.threads import team_place

EXIT_CODE = 130
SAME_SECONDS = 2.0
"""Of several processes torchrun passes on to each what the terminal has sent to it already."""
SHOW_CURSOR = "\x1b[?25h"


@dataclass
class Interrupt:
    """Whether the user has asked to stop."""

    requested: bool = False
    since: float = 0.0
    """When that was."""


@contextmanager
def watch_interrupts() -> Iterator[Interrupt]:
    """Turn SIGINT into a flag while the block runs; a second one ends the process with code 130.

    The flag stays unset outside the main thread, where Python allows no handlers, and in a process
    that was started to ignore SIGINT, as shells start background jobs.
    """
    interrupt = Interrupt()
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield interrupt
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        again = team_place()[1] > 1 and time.monotonic() - interrupt.since < SAME_SECONDS
        if interrupt.requested and not again:
            if sys.stderr.isatty():
                sys.stderr.write(SHOW_CURSOR)  # a live table may have hidden it
                sys.stderr.flush()
            os._exit(EXIT_CODE)
        if not interrupt.requested:
            interrupt.requested, interrupt.since = True, time.monotonic()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
