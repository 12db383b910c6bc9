"""Packages that only a training needs, which an installation that predicts may lack."""

from __future__ import annotations

from importlib.util import find_spec

from seqcli.errors import SeqcliError, UsageError

FOR_TRAINING = {
    "torch": "torch>=2.9,<2.14",
    "onnx": "onnx>=1.16",
    "safetensors": "safetensors>=0.4.3",
    "sklearn": "scikit-learn>=1.4",
    "threadpoolctl": "threadpoolctl>=3.1",
}
"""Module → what pip is asked for, as in pyproject.toml."""


def missing_package(error: ModuleNotFoundError, command: str) -> SeqcliError | None:
    """The error for ``command``, which cannot run without a package of a training; None for any other module.

    Its hint names the command that installs all such packages that are missing.
    """
    root = (error.name or "").partition(".")[0]
    if root not in FOR_TRAINING:
        return None
    wanted = [asked for name, asked in FOR_TRAINING.items() if name == root or not _is_there(name)]
    asked = " ".join(f"'{item}'" for item in wanted)
    return UsageError(
        f"{command or 'this'} needs {root}, which is not installed: saved models are used here, none trained",
        f"pip install {asked}",
    )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # a module that stands for a missing one
        return False
