"""Where a network runs."""

from __future__ import annotations

import torch

from seqcli.errors import UsageError
from seqcli.threads import thread_count


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
