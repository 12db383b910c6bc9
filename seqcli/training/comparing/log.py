"""A comparison on the disk: a line of JSON for each training, the first saying what they are of."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqcli.errors import DataError, UsageError
from seqcli.options import Options
from seqcli.saved.files import disk_errors
from seqcli.saved.places import default_target
from seqcli.training.comparing.entries import Outcome
from seqcli.training.started import StartedRun

FORMAT = 1
MARK = '{"seqcli_compare"'
"""How a file of ours begins: no other is replaced."""


def place_of(files: Sequence[str], named: str | None) -> Path:
    """``STEM.compared.jsonl`` after the input, or the ``named`` file.

    Raises UsageError for a name of another kind, and where a file stands that no comparison has written.
    """
    path = Path(named) if named else default_target(files).with_suffix(".compared.jsonl")
    if path.suffix != ".jsonl":
        raise UsageError(f"--save {named}: what was compared is kept in a .jsonl", f"--save {named}.jsonl")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no directory {path.parent}", f"mkdir -p {path.parent}")
    ours = not os.path.lexists(path)
    if path.is_file():
        with disk_errors(path), path.open("rb") as file:
            begins = file.read(len(MARK))
        ours = begins in (MARK.encode(), b"")
    if not ours:
        raise UsageError(
            f"{path}: stands there already, and was not written by compare",
            "choose another place with --save NAME.jsonl",
        )
    return path


@dataclass(frozen=True)
class Started:
    """What a comparison began with, and what is over of it."""

    run: StartedRun
    flags: dict[str, Any]
    """What was to be compared, as the options of the command."""
    share: float | None
    """Seconds of each training; None where its length was typed in another way."""
    outcomes: tuple[Outcome, ...] = ()

    def header(self) -> dict[str, Any]:
        """The first line of the file."""
        return {
            "seqcli_compare": FORMAT,
            "options": self.run.options.to_flat(),
            "typed": sorted(self.run.typed),
            "digest": self.run.digest,
            "flags": self.flags,
            "share": self.share,
        }


def read_started(path: Path) -> Started:
    """What the file holds.

    Raises UsageError where there is none, DataError where it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"{path}: there is no comparison to go on with", "leave out --resume to start one"
        ) from None
    lines = content.split(b"\n")[:-1]  # what stands behind the last line break was cut short
    at = 1
    try:
        head = json.loads(lines[0])
        if head["seqcli_compare"] != FORMAT:
            raise ValueError(head["seqcli_compare"])
        run = StartedRun(Options.from_flat(head["options"]), frozenset(head["typed"]), str(head["digest"]))
        share, flags = head["share"], dict(head["flags"])
        outcomes = []
        for at, line in enumerate(lines[1:], 2):  # noqa: B007 - the error names the line
            outcomes.append(Outcome.from_json(json.loads(line)))
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, UsageError, RecursionError):
        raise DataError(f"{path}, line {at}: is damaged", "leave out --resume to start anew") from None
    return Started(run, flags, None if share is None else float(share), tuple(outcomes))
