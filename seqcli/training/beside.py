"""The files that a training reads beside its data: resumed, it must find in them what it began with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from seqcli.model_dir import RECORD
from seqcli.options import Options

PIECE = 1 << 20
"""Bytes that are read at a time: vectors are gigabytes."""


def digests_beside(options: Options) -> dict[str, str]:
    """Option → SHA-256 of the file, or of all files of the folder, that it names.

    A pipe can be read but once, so that nothing is known of one; nor is there a file behind
    ``--pretrain none``.
    """
    model = options.training.init_from
    named = {
        "pretrain": options.training.pretrain,
        "vectors": options.network.vectors,
        "init_from": model and str(Path(model, RECORD)),  # which holds the digests of the model's other files
    }
    found = {name: _digest(Path(path)) for name, path in named.items() if path}
    return {name: digest for name, digest in found.items() if digest}


def _digest(path: Path) -> str:
    """Of a file its content's, of a folder that of its files' names and contents; "" of anything else."""
    if path.is_file():
        known = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                known.update(piece)
        return known.hexdigest()
    if not path.is_dir():
        return ""
    files = sorted(inside for inside in path.rglob("*") if inside.is_file())
    lines = (f"{file.relative_to(path)}\0{_digest(file)}" for file in files)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
