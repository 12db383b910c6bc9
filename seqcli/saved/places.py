"""Where model directories stand, what is named beside them, and which are found.

Beside ``STEM.seqcli`` stand, while something is being made: ``.STEM.seqcli.partial/`` (lock and
checkpoint of a running training), ``.STEM.seqcli.staging/`` (a model being written, worthless when
left over) and ``.STEM.seqcli.new/`` (a model that is complete and on the disk, about to be
renamed). The model before it is ``STEM.seqcli.old``. Discovery sees none of these.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from seqcli.saved.record import CARD, HISTORY, WEIGHTS
from seqcli.threads import team_place

SUFFIX = ".seqcli"
CHECKPOINT = "checkpoint"


def partial_dir(target: Path) -> Path:
    """Where a training that will write ``target`` keeps its checkpoint."""
    return _beside(target, "partial")


def staging_dir(target: Path) -> Path:
    """Where a model is written file by file."""
    return _beside(target, "staging")


def waiting_dir(target: Path) -> Path:
    """Where a complete model stands for the instant before it becomes ``target``."""
    return _beside(target, "new")


def old_dir(target: Path) -> Path:
    """Where the model that ``target`` held before is kept."""
    return target.parent / (target.name + ".old")


def _beside(target: Path, suffix: str) -> Path:
    return target.parent / f".{target.name}.{suffix}"


def leftover(target: Path) -> Path | None:
    """The partial directory of a training that stopped with a checkpoint, or None."""
    partial = partial_dir(target)
    return partial if (partial / CHECKPOINT).is_dir() else None


def default_target(paths: Sequence[str], cwd: Path | None = None) -> Path:
    """``./STEM.seqcli`` after the (first) input: data.csv.gz → data.seqcli, "-" → stdin.seqcli."""
    path = Path("stdin" if paths[0] == "-" else paths[0]).absolute()
    name = path.resolve().name if path.name == ".." else path.name
    if name.lower().endswith(".gz"):
        name = name[:-3]
    return (cwd or Path()) / ((Path(name).stem or "model") + SUFFIX)


def resume_command(command: str, paths: Sequence[str], save: str | None) -> str:
    """What goes on with an interrupted training, ready for a shell; ``command`` is the verb that began it."""
    place = ["--save", save] if save else []
    processes = team_place()[1]
    torchrun = ["torchrun", "--nproc-per-node", str(processes), "-m"] if processes > 1 else []
    return shlex.join([*torchrun, "seqcli", command, *paths, *place, "--resume"])


def models_in(directory: Path) -> list[Path]:
    """Model directories in ``directory`` by name; one reached by two names is listed once."""
    found: dict[Path, Path] = {}
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return []
    for entry in entries:
        name = entry.name
        if name.startswith(".") and name.endswith(SUFFIX + ".new"):
            entry = entry.parent / name[1 : -len(".new")]  # complete, its rename was cut short
        elif name.startswith(".") or not name.endswith(SUFFIX) or not entry.is_dir():
            continue
        found.setdefault(entry.resolve(), entry)
    return sorted(found.values())


def is_model(path: Path) -> bool:
    """Whether a directory is a model, or the one before it (``.old``): by its name, else by its files."""
    try:
        if path.name.endswith((SUFFIX, SUFFIX + ".old")):
            return path.is_dir()
        return all((path / name).is_file() for name in (WEIGHTS, HISTORY, CARD))
    except PermissionError:  # whoever reads the directory will say so
        return False


def directory_meant(path: Path) -> Path:
    """The model directory that somebody means who names a file: the one it is in, else one called like it."""
    return path.parent if is_model(path.parent) else Path(path.stem + SUFFIX)


def age_text(created: str, now: datetime) -> str:
    """How long before ``now`` an ISO time was, in the largest unit that fills it: "3 days old"."""
    try:
        made = datetime.fromisoformat(created)
        seconds = (now - (made if made.tzinfo else made.replace(tzinfo=UTC))).total_seconds()
    except (ValueError, OverflowError):
        return "of unknown age"
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} old"
    return "less than a minute old"
