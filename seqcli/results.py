"""Results as data: a titled table that reporting can print for a person or write for a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Cell: TypeAlias = str | int | float | bool | None


class Listed(str):
    """Several names as one cell: joined in a table and in CSV, a list in JSON."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str], separator: str) -> Listed:
        """The names with ``separator`` between them."""
        cell = cls(separator.join(names))
        cell.names = tuple(names)
        return cell


@dataclass(frozen=True)
class ResultColumn:
    """One column: its name, and how a number in it is shown to a person (a format spec).

    A text that is too long for the terminal is cut, or broken into lines where ``wrap`` is set; one that
    is to ``keep`` its width is neither, and is set to that side: a figure with a unit, a word of ours.
    """

    name: str
    spec: str = ""
    emphasis: bool = False
    wrap: bool = False
    keep: Literal["", "left", "right"] = ""


@dataclass(frozen=True)
class ResultTable:
    """A table of plain values. CSV and JSON write the values as they are; people see ``spec``."""

    title: str
    columns: tuple[ResultColumn, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    caption: str = ""

    def records(self) -> list[dict[str, Cell]]:
        """The rows as dictionaries keyed by column name."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]
