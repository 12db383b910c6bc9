"""Options as a TOML file that ``--config`` takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from seqcli.errors import printable
from seqcli.options import Options


def config_text(comments: Iterable[str], values: Mapping[str, Any]) -> str:
    """A TOML file: comments first, then a line for each option; ``values`` are JSON values."""
    lines = [f"# {printable(' '.join(comment.split()))}" for comment in comments]
    lines += [f"{name} = {_written(name, value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


_LISTS = {
    item.name
    for group in fields(Options())
    for item in fields(getattr(Options(), group.name))
    if item.metadata["parse"] == "list"
}
"""Options that hold names, in which commas stand between names."""


def _written(name: str, value: Any) -> str:
    """A value as TOML reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        parts = [_quoted_name(part) if name in _LISTS else part for part in value]
        return f"[{', '.join(_written('', part) for part in parts)}]"
    if isinstance(value, str):  # JSON's escapes are TOML's, but for the one that JSON leaves out
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def _quoted_name(name: str) -> str:
    """A name in which a comma is no border between two."""
    return '"' + name.replace('"', '""') + '"' if {",", '"'} & set(name) else name
