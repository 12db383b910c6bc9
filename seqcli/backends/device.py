"""Where a network runs, and on what terms with the system."""

from __future__ import annotations

import ctypes
import platform

import torch

from seqcli.errors import UsageError
from seqcli.threads import thread_count

GLIBC = "glibc"
MMAP_THRESHOLD, TRIM_THRESHOLD, TOP_PAD = -3, -1, -2
"""Names of mallopt's parameters, from glibc's malloc.h."""
LARGEST_MMAP_THRESHOLD = 32 * 2**20
"""Bytes; glibc takes no more."""
KEPT, AHEAD = 2**31 - 1, 64 * 2**20
"""Bytes that stay with the process when they are free, and that it asks for beyond what it needs."""


def choose_device(name: str) -> torch.device:
    """The device for "auto", "cpu" or "cuda"; "auto" takes a GPU when torch sees one.

    Raises UsageError when "cuda" is asked for and torch sees none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: torch sees no CUDA device here", "--device cpu runs on the processor"
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def multiplies_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 numbers by instructions of its own."""
    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in known)


def set_threads(requested: int | None) -> int:
    """Give torch ``requested`` threads, or the rule's number; returns it, to be recorded."""
    threads = thread_count(requested)
    torch.set_num_threads(threads)
    return threads


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for its next step; whether its C library can.

    Each step of training asks for the same memory. glibc gives large pieces back to the system in between,
    and then every page comes anew, and zeroed: a fifth of a step over 2,048 steps of a sequence.
    """
    if platform.libc_ver()[0] != GLIBC:
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = {MMAP_THRESHOLD: LARGEST_MMAP_THRESHOLD, TRIM_THRESHOLD: KEPT, TOP_PAD: AHEAD}
    taken: list[int] = [mallopt(name, value) for name, value in wanted.items()]
    return all(taken)


def give_back_freed_memory() -> None:
    """Give back to the system what this process has freed and kept, where its C library can."""
    if platform.libc_ver()[0] == GLIBC:
        ctypes.CDLL(None).malloc_trim(0)
