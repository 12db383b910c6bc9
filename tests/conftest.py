"""For all tests: each worker keeps to one core."""

from __future__ import annotations

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give each of xdist's workers a core of its own; processes that it starts inherit it.

    seqcli takes as many threads as there are cores. Those of two trainings at once would spend their
    time waiting for each other, which is several times slower than one thread each.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})
