"""JSON Lines: one JSON object a line, its keys the columns.

Numbers keep their digits as written; a list or object inside a value stays JSON text.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from seqcli.errors import DataError, near_miss
from seqcli.readers.blocks import Block, Fault, Opening, fault_error
from seqcli.readers.columns import TextColumn
from seqcli.readers.sources import bad_character

_HINT = 'each line is one object, such as {"text": "fine", "label": "good"}'


class JsonLines:
    """One object a line; a key that a line lacks is an empty cell."""

    unit = "line"

    def __init__(self, opening: Opening) -> None:
        self.notes: tuple[str, ...] = ()
        self.warnings: tuple[str, ...] = ()
        self._line = 1
        self._text = opening.text
        number, line = next(
            ((number, line) for number, line in enumerate(opening.text.split("\n"), 1) if line.strip()),
            (1, ""),
        )
        if not line:
            raise DataError(f"{opening.source}: the file is empty", _HINT)
        first = _read_object(line)
        if isinstance(first, Fault):
            raise fault_error(opening.source, self.unit, number, first)
        self._expected = opening.expected
        self.names: tuple[str, ...] = tuple(dict.fromkeys((*first, *opening.expected)))

    def feed(self, text: str, final: bool) -> Block:
        """Read the complete lines in what was left and ``text``."""
        lines = (self._text + text).split("\n")
        self._text = "" if final else lines.pop()
        numbers: list[int] = []
        objects: list[dict[str, str]] = []
        faults: dict[int, Fault] = {}
        for number, line in enumerate(lines, self._line):
            if not line.strip():
                continue
            cells = _read_object(line)
            if not isinstance(cells, Fault) and self._expected and cells.keys().isdisjoint(self._expected):
                cells = _without_key(cells, self._expected)
            if isinstance(cells, Fault):
                faults[len(numbers)] = cells
                cells = {}
            numbers.append(number)
            objects.append(cells)
        self._line += len(lines)
        self.names = tuple(dict.fromkeys((*self.names, *(name for cells in objects for name in cells))))
        columns = {name: TextColumn([cells.get(name, "") for cells in objects]) for name in self.names}
        return Block(np.asarray(numbers, dtype=np.int64), dict(columns), faults)


class _Number(str):
    """The digits of a JSON number, as they were written."""


def _read_object(line: str) -> dict[str, str] | Fault:
    """One line's cells, or what is wrong with it."""
    reason = bad_character(line)
    if reason:
        return Fault(reason, "--encoding names the right encoding; else delete the character")
    try:
        found = json.loads(
            line, parse_float=_Number, parse_int=_Number, parse_constant=_Number, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        return Fault(f"not JSON: {error.msg.lower()} at character {error.pos + 1}", _HINT)
    except ValueError as error:
        return Fault(str(error), "rename one of them")
    except RecursionError:
        return Fault("nested too deeply", _HINT)
    if not isinstance(found, dict):
        return Fault("not a JSON object", _HINT)
    cells = {name: _cell(value) for name, value in found.items()}
    reason = bad_character("".join(cells.values())) if "\\u" in line else ""
    return Fault(reason, "delete the character") if reason else cells


def _without_key(cells: dict[str, str], expected: tuple[str, ...]) -> Fault:
    """A line with no key of the model: a misspelt one must not be predicted as an empty cell."""
    close = near_miss(expected[0], cells)
    return Fault(f"no key is called {expected[0]!r}", f"{close!r} → {expected[0]!r}?" if close else _HINT)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two values are called {twice!r}")
    return found


def _cell(value: Any) -> str:
    """A value as the text of a cell."""
    if isinstance(value, str):
        return str(value)
    return "" if value is None else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
