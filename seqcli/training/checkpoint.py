"""All that an exact resume needs, in one file a phase: ``checkpoint/fit.safetensors``.

The tensors are the network's weights, those of the best epoch, the optimiser's state, the random
number generators' states and the sums of the epoch at hand; the safetensors header carries one JSON
document with the position, the history, the early-stopping counters and what the run was asked to
do. It is one file because one rename replaces it: after a power cut the old state is there or
the new one, never a mixture.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from seqcli.errors import ModelError
from seqcli.saved.files import disk_errors, sync_directory

FORMAT = "1"
JSON_KEY = "state"
STEP_SECONDS = 10.0
"""Wall time between two checkpoints within an epoch."""
EPOCH_SECONDS = 1.0
"""The least wall time between two at epoch ends: epochs of milliseconds need no file each."""
COST_FACTOR = 20
"""A checkpoint that took t seconds is not repeated before 20 t: at most 5 % of the time goes there."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of one phase: JSON values, and tensors by name."""

    state: dict[str, Any]
    tensors: dict[str, Tensor]


class CheckpointStore:
    """The checkpoints of one training, in ``directory``.

    ``resume_command`` is what a person types to go on after an interruption.
    """

    def __init__(self, directory: Path, resume_command: str = "") -> None:
        self.directory = directory
        self.resume_command = resume_command
        self._saved_at = time.monotonic()
        self._cost = 0.0

    def path(self, phase: str) -> Path:
        """The file of ``phase``."""
        return self.directory / f"{phase}.safetensors"

    def due(self, epoch_end: bool) -> bool:
        """Whether it is time for a checkpoint, at an epoch's end or within one."""
        wait = EPOCH_SECONDS if epoch_end else STEP_SECONDS
        return time.monotonic() - self._saved_at >= max(wait, COST_FACTOR * self._cost)

    def save(self, phase: str, checkpoint: Checkpoint) -> None:
        """Replace the phase's checkpoint, atomically and durably.

        Raises :class:`~seqcli.errors.ResourceError` when the disk is full,
        :class:`~seqcli.errors.UsageError` when the place cannot be written.
        """
        from safetensors.torch import save as serialise

        started = time.monotonic()
        # Clones, because safetensors refuses tensors that share memory (tied weights).
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in checkpoint.tensors.items()}
        content = serialise(tensors, metadata={"format": FORMAT, JSON_KEY: json.dumps(checkpoint.state)})
        with disk_errors(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path(phase), content)
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - started

    def load(self, phase: str) -> Checkpoint | None:
        """The phase's last checkpoint, or None when there is none.

        Raises :class:`ModelError` when the file is damaged.
        """
        from safetensors import SafetensorError, safe_open

        path = self.path(phase)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                metadata: Mapping[str, str] = file.metadata() or {}
                state = json.loads(metadata[JSON_KEY]) if metadata.get("format") == FORMAT else None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, RecursionError) as error:
            raise _damaged(path) from error
        if not isinstance(state, dict):
            raise _damaged(path)
        return Checkpoint(state, tensors)


def write_atomically(target: Path, content: bytes) -> None:
    """Put ``content`` at ``target`` so that a reader, or a crash, sees the old file or the new one."""
    temporary = target.with_name(f"{target.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def _damaged(path: Path) -> ModelError:
    return ModelError(f"{path}: the checkpoint is damaged", "leave out --resume to start anew")
