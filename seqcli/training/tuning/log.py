"""The trials on the disk: a line of JSON each, the first one saying what they are trials of.

A line is written and synced when its trial is over. What a crash has cut short is a last line without its
end, which is dropped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.saved.files import disk_errors
from seqcli.saved.places import default_target
from seqcli.training.checkpoint import write_atomically
from seqcli.training.started import StartedRun
from seqcli.training.tuning.trials import Trial

FORMAT = 1
MARK = "# written by seqcli tune"
"""How a configuration of ours begins: no other is replaced."""


@dataclass(frozen=True)
class Places:
    """Where a tuning of some files leaves its configuration and its trials."""

    config: Path
    trials: Path

    @classmethod
    def of(cls, files: Sequence[str], named: str | None) -> Places:
        """``STEM.tuned.toml`` and ``STEM.tuned.jsonl`` after the input, or after the ``named`` configuration.

        Raises UsageError for a name that is none of a TOML file.
        """
        config = Path(named) if named else default_target(files).with_suffix(".tuned.toml")
        if config.suffix != ".toml":
            raise UsageError(f"--save {named}: a configuration ends in .toml", f"--save {named}.toml")
        return cls(config, config.with_suffix(".jsonl"))

    def refuse_foreign(self) -> None:
        """Raise UsageError where a file stands that no tuning has written, or that cannot be written."""
        for path, begins in ((self.config, MARK), (self.trials, '{"seqcli_tune"')):
            if not path.parent.is_dir():
                raise UsageError(f"{path}: there is no directory {path.parent}", f"mkdir -p {path.parent}")
            if path.is_file():
                with disk_errors(path), path.open("rb") as file:
                    ours = file.read(len(begins)) == begins.encode()
            else:
                ours = not os.path.lexists(path)
            if not ours:
                raise UsageError(
                    f"{path}: stands there already, and was not written by tune",
                    "choose another place with --save NAME.toml",
                )


class Headed(Protocol):
    """What a file of trials begins with."""

    def header(self) -> dict[str, Any]:
        """The first line of the file."""


@dataclass(frozen=True)
class Started:
    """What a tuning began with, and its trials so far."""

    run: StartedRun
    trials_wanted: int | None
    time_budget: float | None
    space: list[list[Any]]
    """Option and values of each dimension."""
    trials: tuple[Trial, ...] = ()

    def header(self) -> dict[str, Any]:
        """The first line of the file."""
        return {
            "seqcli_tune": FORMAT,
            "options": self.run.options.to_flat(),
            "typed": sorted(self.run.typed),
            "digest": self.run.digest,
            "trials": self.trials_wanted,
            "time_budget": self.time_budget,
            "space": self.space,
        }


def read_trials(path: Path) -> Started:
    """What the file holds.

    Raises UsageError where there is none, DataError where it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"{path}: there is no tuning to go on with", "leave out --resume to start one"
        ) from None
    lines = content.split(b"\n")[:-1]  # what stands behind the last line break was cut short
    at = 1
    try:
        head = json.loads(lines[0])
        if head["seqcli_tune"] != FORMAT:
            raise ValueError(head["seqcli_tune"])
        run = StartedRun(Options.from_flat(head["options"]), frozenset(head["typed"]), str(head["digest"]))
        wanted, budget, space = head["trials"], head["time_budget"], list(head["space"])
        trials = []
        for at, line in enumerate(lines[1:], 2):
            trials.append(Trial.from_json(json.loads(line)))
            if trials[-1].number != at - 1 or len(trials[-1].places) != len(space):
                raise ValueError(at)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, UsageError, RecursionError):
        raise DataError(f"{path}, line {at}: is damaged", "leave out --resume to start anew") from None
    return Started(run, wanted, budget, space, tuple(trials))


def trials_in(path: Path) -> int:
    """How many trials a file of ours holds, 0 where there is none."""
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.is_file() else 0


@contextmanager
def written_trials(path: Path, started: Headed, resume: bool, verb: str = "tuning") -> Iterator[TrialFile]:
    """The file to add trials to, held against a second tuning (or what ``verb`` calls it).

    Without ``resume`` it begins anew, and what it held is kept as :func:`old_trials`.

    Raises UsageError where another tuning writes it.
    """
    with disk_errors(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{path}: another {verb} is writing this file",
                "wait for it to end, or choose another place with --save",
            ) from None
        lines = TrialFile(path, file)
        with disk_errors(path):
            if resume:
                whole = file.read().rpartition(b"\n")
                file.truncate(len(whole[0]) + len(whole[1]))
                file.seek(0, os.SEEK_END)
            else:
                earlier = file.read()
                if earlier.count(b"\n") > 1:
                    write_atomically(old_trials(path), earlier)
                file.seek(0)
                file.truncate()
        if not resume:
            lines.add(started.header())
        yield lines


def old_trials(path: Path) -> Path:
    """Where the trials of the tuning before are kept."""
    return path.with_name(f"{path.name}.old")


@dataclass(frozen=True)
class TrialFile:
    """An open file of trials."""

    path: Path
    file: IO[bytes]

    def add(self, record: dict[str, Any]) -> None:
        """Write one line; it is on the disk when this returns. Raises ResourceError on a full disk."""
        with disk_errors(self.path):
            self.file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
            self.file.flush()
            os.fsync(self.file.fileno())


def train_command(files: Sequence[str], config: Path) -> str:
    """What trains on ``files`` with the configuration, ready for a shell."""
    return shlex.join(["seqcli", "train", *files, "--config", str(config)])
