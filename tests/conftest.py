"""For all tests: what a worker of pytest-xdist must not inherit from wherever the tests were started."""

from __future__ import annotations

import os
import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give each of xdist's workers a core of its own, and Ctrl-C its usual meaning.

    Processes that a test starts inherit both. seqcli takes as many threads as there are cores; those
    of two trainings at once would spend their time waiting for each other, which is several times
    slower than one thread each. A shell that runs the tests in the background has them ignore SIGINT.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
