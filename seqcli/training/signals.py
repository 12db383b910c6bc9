"""Ctrl-C during a fit: once asks it to stop after the step at hand, twice ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

EXIT_CODE = 130
SHOW_CURSOR = "\x1b[?25h"


@dataclass
class Interrupt:
    """Whether the user has asked to stop."""

    requested: bool = False


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
        if interrupt.requested:
            if sys.stderr.isatty():
                sys.stderr.write(SHOW_CURSOR)  # a live table may have hidden it
                sys.stderr.flush()
            os._exit(EXIT_CODE)
        interrupt.requested = True

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
