"""One command line as a person types it, and what it prints."""

from __future__ import annotations

import csv
import io

from seqcli.cli.main import main


def run(capsys, *argv) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    capsys.readouterr()
    code = main(list(argv))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a printed CSV."""
    return list(csv.DictReader(io.StringIO(text)))
