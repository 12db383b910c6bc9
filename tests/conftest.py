"""For all tests: what a worker of pytest-xdist must not inherit from wherever the tests were started.

Each worker gets a core of its own, and Ctrl-C its usual meaning. Processes that a test starts inherit both.
seqcli takes as many threads as there are cores; those of two trainings at once would spend their time
waiting for each other, which is several times slower than one thread each.
"""

from __future__ import annotations

import os
import signal

import pytest

# When this file is imported, and no later: the conftest of a folder below may import torch, which counts
# the cores it may use then and never again.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if _worker and hasattr(os, "sched_setaffinity"):
    _cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {_cores[int(_worker) % len(_cores)]})


def pytest_configure(config: pytest.Config) -> None:
    """Undo what a shell does that runs the tests in the background: it has them ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
