"""How many threads to use: a rule, never a probe, so that two machines alike give the same numbers."""

from __future__ import annotations

import os
from pathlib import Path

MOST_THREADS = 4
"""More do not help recurrent layers of the sizes trained here."""
SMALL_LAYER = 256
"""Units up to which a training step is too short to share: threads would wait for each other."""


def thread_count(requested: int | None = None) -> int:
    """``requested`` when given, else the physical cores this process may use, at most 4."""
    return requested or min(physical_cores(), MOST_THREADS)


def training_threads(requested: int | None, hidden_size: int) -> int:
    """As :func:`thread_count`, but one for layers of at most :data:`SMALL_LAYER` units."""
    return thread_count(requested or (1 if hidden_size <= SMALL_LAYER else None))


def physical_cores() -> int:
    """Physical cores open to this process; all logical ones where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        logical = sorted(os.sched_getaffinity(0))
    else:
        logical = list(range(os.cpu_count() or 1))
    cores = set()
    for cpu in logical:
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text())
        except OSError:
            cores.add(str(cpu))
    return len(cores)
