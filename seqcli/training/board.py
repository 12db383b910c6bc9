"""Sums over the processes of one machine, in memory that all of them see.

A step of training adds up a few numbers and some gradients, several times. A message by socket wakes a
process that sleeps, which takes longer than a small layer's step; here each writes its numbers down, counts
one up and looks until the others have counted as far:

    slot[n mod 2][p] ← values    count[p] ← n    wait until min(count) ≥ n    read slot[n mod 2] of each p

Two sets of slots are enough: none can begin turn n + 2 before all have begun n + 1, and so have read n.
That needs a processor which shows stores to others in their order, as x86-64 does.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqcli.threads import team_place

LINE = 8
"""Numbers of 8 bytes in a line of cache: what a process says of itself is in a line of its own."""
EAGER, PATIENT = 0.005, 0.2
"""Seconds of looking without a pause, and then with the core offered to others; later with naps."""
NAP = 0.001


def one_machine() -> bool:
    """Whether the processes that train together can share a board."""
    together = os.environ.get("LOCAL_WORLD_SIZE") == os.environ.get("WORLD_SIZE")
    known = platform.system() == "Linux" and platform.machine() == "x86_64"
    return together and team_place()[1] > 1 and known


def make_board(store: Any, name: str, room: int) -> Board | None:
    """A board with ``room`` for so many numbers of each process, which all find through ``store``.

    ``name`` is one for each board of a training. None, in all of them, where the machine lacks the memory.
    """
    rank, size = team_place()
    total = _head(size) + 2 * size * room * 4
    if rank == 0:
        store.set(name, _reserved(total))
    place = store.get(name).decode()
    if not place:
        return None
    memory = np.memmap(place, np.uint8, "r+", shape=(total,))
    store.add(f"{name}/come", 1)
    while store.add(f"{name}/come", 0) < size:
        time.sleep(NAP)
    if rank == 0:
        Path(place).unlink()  # what all have open stays until they end, and nothing is left behind
    return Board(memory, room)


def _head(size: int) -> int:
    return 8 * LINE * size


def _reserved(total: int) -> str:
    """A file of so many bytes, in memory where there is such a place; "" where it has no room."""
    shared = Path("/dev/shm")
    handle, path = tempfile.mkstemp(prefix="seqcli-", dir=shared if shared.is_dir() else None)
    try:
        os.posix_fallocate(handle, 0, total)  # a file that only claims its size would end the process later
    except OSError:
        Path(path).unlink()
        return ""
    finally:
        os.close(handle)
    return path


class Board:
    """Memory that all processes have open, with ``room`` for so many float32 numbers of each."""

    def __init__(self, memory: NDArray[np.uint8], room: int) -> None:
        self.room = room
        self._rank, size = team_place()
        head = _head(size)
        lines = memory[:head].view(np.int64).reshape(size, LINE)
        self._counts, self._failed, self._lengths = lines[:, 0], lines[:, 1], lines[:, 2:4].T
        self._slots = memory[head:].view(np.float32).reshape(2, size, room)
        self._turns = 0

    def add(self, values: Tensor) -> None:
        """Make ``values`` (K,) float32, K at most the room, their sum over all processes.

        Raises RuntimeError when another process has failed.
        """
        mine = values.numpy()
        np.sum(self._exchange(mine)[:, : len(mine)], axis=0, out=mine)

    def gather(self, values: Tensor) -> list[Tensor]:
        """What each process gives as ``values`` (K,) float32, K at most the room and its own in each.

        To be read and left as it is, before the turn after the next. Raises RuntimeError when another
        process has failed.
        """
        slots = self._exchange(values.numpy())
        lengths = self._lengths[self._turns % 2].tolist()
        return [torch.from_numpy(slot[:length]) for slot, length in zip(slots, lengths, strict=True)]

    def _exchange(self, mine: NDArray[np.float32]) -> NDArray[np.float32]:
        """Show ``mine`` (K,) to the others, and wait for theirs: (processes, room)."""
        self._turns += 1
        slots: NDArray[np.float32] = self._slots[self._turns % 2]
        slots[self._rank, : len(mine)] = mine
        self._lengths[self._turns % 2, self._rank] = len(mine)
        self._counts[self._rank] = self._turns
        begun = time.monotonic()
        while True:
            failed = self._failed.any()  # looked at ahead of the counts: one may count this turn, then fail
            if self._counts.min() >= self._turns:
                return slots
            if failed:
                raise RuntimeError("another process has failed")
            waited = time.monotonic() - begun
            if waited > EAGER:
                time.sleep(NAP if waited > PATIENT else 0)

    def give_up(self) -> None:
        """Tell the others that this process has failed."""
        self._failed[self._rank] = 1
