"""How many threads to use: a rule, never a probe, so that two machines alike give the same numbers.

And whether a process is one of several that torchrun has started to train together.
"""

from __future__ import annotations

import os
from pathlib import Path

MOST_THREADS = 4
"""More do not help recurrent layers of the sizes trained here."""
_NUMBERS = ("RANK", "WORLD_SIZE")
SMALL_LAYER = 256
"""Units up to which a training step is too short to share: threads would wait for each other."""


def team_place() -> tuple[int, int]:
    """(the number of this process, how many there are), as torchrun says; (0, 1) for one by itself."""
    if not all(os.environ.get(name) for name in (*_NUMBERS, "MASTER_ADDR", "MASTER_PORT")):
        return 0, 1
    rank, size = (os.environ[name] for name in _NUMBERS)
    return (int(rank), int(size)) if rank.isdigit() and size.isdigit() else (0, 1)


def thread_count(requested: int | None = None) -> int:
    """``requested`` when given, else the physical cores this process may use, at most 4.

    Processes that train together on one machine share its cores.
    """
    together = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if team_place()[1] > 1 else 1
    return requested or min(max(physical_cores() // together, 1), MOST_THREADS)


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
