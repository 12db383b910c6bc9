"""What a resumed training must agree with, written beside its checkpoint before the first step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import Options
from seqcli.saved.files import disk_errors
from seqcli.training.checkpoint import write_atomically

RUN_FILE = "run.json"


@dataclass(frozen=True)
class StartedRun:
    """The options a training began with, which of them were typed, and the digest of its data.

    ``beside`` holds the digests of the files that options name, by option.
    """

    options: Options
    typed: frozenset[str]
    digest: str
    beside: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> StartedRun:
        """The run that left ``directory`` behind.

        Raises :class:`UsageError` when there is none, :class:`ModelError` when it is damaged.
        """
        path = directory / RUN_FILE
        try:
            data: dict[str, Any] = json.loads(path.read_bytes())
            beside = {str(name): str(digest) for name, digest in dict(data["beside"]).items()}
            options = Options.from_flat(data["options"])
            return cls(options, frozenset(data["typed"]), str(data["digest"]), beside)
        except FileNotFoundError:
            raise UsageError(
                "there is no interrupted training to go on with", "leave out --resume to start one"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, UsageError, RecursionError):
            raise ModelError(f"{path}: is damaged", "leave out --resume to start anew") from None

    def write(self, directory: Path) -> None:
        """Keep it in ``directory``. Raises :class:`~seqcli.errors.ResourceError` on a full disk."""
        data = {
            "options": self.options.to_flat(),
            "typed": sorted(self.typed),
            "digest": self.digest,
            "beside": dict(self.beside),
        }
        with disk_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
            write_atomically(directory / RUN_FILE, (json.dumps(data, indent=1) + "\n").encode())

    def options_for(self, options: Options, typed: frozenset[str]) -> Options:
        """The options to go on with: those of the run.

        Raises :class:`UsageError` when one that was typed now differs from what the run began with.
        """
        mine, now = self.options.to_flat(), options.to_flat()
        for name in sorted(typed & mine.keys()):
            if mine[name] != now[name]:
                flag = "--" + name.replace("_", "-")
                given = mine[name] not in (None, [])
                had = f"had {flag} {mine[name]}, not {now[name]}" if given else f"had no {flag}"
                raise UsageError(
                    f"the interrupted training {had}",
                    f"leave out {flag}, or leave out --resume to start anew",
                )
        return self.options

    def refuse_other_data(self, digest: str) -> None:
        """Raise :class:`DataError` unless the data is what the run began with."""
        if digest != self.digest:
            raise DataError(
                "the data has changed since the interrupted training began",
                "leave out --resume to start anew",
            )

    def refuse_other_files(self, beside: Mapping[str, str]) -> None:
        """Raise :class:`DataError` unless the files that options name are what the run began with."""
        options = self.options.to_flat()
        for name in sorted({*self.beside, *beside}):
            if beside.get(name) != self.beside.get(name):
                raise DataError(
                    f"{options[name]}, which --{name.replace('_', '-')} names, has changed since the "
                    "interrupted training began",
                    "put it back, or leave out --resume to start anew",
                )
