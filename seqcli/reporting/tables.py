"""Result tables: as a rich table for a person, as CSV, JSON lines or JSON for a program."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from seqcli.errors import printable
from seqcli.reporting.screen import console_for, is_plain, wrapped
from seqcli.results import Cell, Listed, ResultColumn, ResultTable

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.table import Table

_GAP = 3
"""Columns of a terminal between two columns of a table."""
_NARROWEST = 8
"""A text column is cut no narrower than this; rather, columns are left out."""


def write_table(table: ResultTable, form: str, stream: IO[str]) -> None:
    """Write ``table`` to ``stream`` as "table", "csv", "jsonl" or "json".

    Raises OSError when the stream cannot be written, BrokenPipeError when its reader has gone.
    """
    if form == "table":
        console = console_for(stream)
        print_on(console, drawn(table, console.width, is_plain(stream)))
        return
    names = [column.name for column in table.columns]
    if form == "csv":
        write = csv_records(stream)
        for row in (names, *table.rows):
            write(row)
    elif form == "jsonl":
        for record in table.records():
            stream.write(json_text(record) + "\n")
    else:
        lines = ",\n  ".join(json_text(record) for record in table.records())
        stream.write(f"[\n  {lines}\n]\n" if lines else "[]\n")


def print_on(console: Console, renderable: RenderableType) -> None:
    """Print with rich, whose own answer to a closed pipe is SystemExit. Raises BrokenPipeError."""
    try:
        console.print(renderable)
    except SystemExit as stop:
        raise BrokenPipeError from stop


def csv_records(stream: IO[str]) -> Callable[[Sequence[Cell]], object]:
    """What writes CSV records. Nothing is the empty field, true and false are words."""
    write = csv.writer(stream, lineterminator="\n").writerow
    return lambda cells: write([_csv_cell(cell) for cell in cells])


def _csv_cell(cell: Cell) -> Cell:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return cell


def json_text(record: dict[str, Cell]) -> str:
    """One JSON object on one line; JSON has no NaN and no infinity, so those are null."""
    return json.dumps({name: _json_value(cell) for name, cell in record.items()}, ensure_ascii=False)


def _json_value(cell: Cell) -> Cell | list[str]:
    if isinstance(cell, Listed):
        return list(cell.names)
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def shown(cell: Cell, column: ResultColumn) -> str:
    """One cell as a person reads it, on one line."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return _shown_float(cell, column.spec or ".6g")
    if isinstance(cell, int):
        return format(cell, column.spec)
    return printable(" ".join(cell.split()))


def _shown_float(number: float, spec: str) -> str:
    """A number of so many digits keeps its last zeros, so that decimal points stand below each other."""
    if spec.endswith("g"):
        text = format(number, "#" + spec)
        if "e" not in text:
            return text.removesuffix(".")
    return format(number, spec)


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are shown, how wide, and which of them are never cut, as numbers are not."""

    widths: dict[int, int]
    whole: tuple[bool, ...]

    @classmethod
    def of(cls, table: ResultTable, width: int, computed: int = 2) -> Layout:
        """The layout in which ``table`` fits ``width`` columns of a terminal.

        The last ``computed`` columns are what a person wants to see; those ahead of them go first.
        """
        whole = tuple(
            bool(column.keep) or is_numeric(table, index) for index, column in enumerate(table.columns)
        )
        natural = [
            max([len(column.name), *(_width(shown(row[index], column)) for row in table.rows)])
            for index, column in enumerate(table.columns)
        ]
        empty = [
            index
            for index, _ in enumerate(table.columns)
            if table.rows and all(shown(row[index], table.columns[index]) == "" for row in table.rows)
        ]
        return cls(fit_widths(natural, whole, width, computed, empty), whole)

    def widened(self, other: Layout) -> Layout:
        """This layout with room for the numbers of ``other``: later rows of the same table."""
        widths = {
            index: max(width, other.widths.get(index, 0)) if self.whole[index] else width
            for index, width in self.widths.items()
        }
        return Layout(widths, self.whole)


def drawn(table: ResultTable, width: int, plain: bool) -> Group:
    """Title, table and caption as rich draws them within ``width`` columns; ASCII when ``plain``."""
    from rich.console import Group
    from rich.text import Text

    layout = Layout.of(table, width)
    parts: list[RenderableType] = [Text(printable(table.title), style="bold")] if table.title else []
    parts.append(rich_table(table, layout, plain))
    below = (printable(table.caption), left_out(len(table.columns), layout))
    parts += [Text(line, style="dim") for text in below if text for line in wrapped(text, width, "")]
    return Group(*parts)


def left_out(columns: int, layout: Layout) -> str:
    """One line on those of so many columns that had no room, "" when all had."""
    count = columns - len(layout.widths)
    return f"{count} more column{'s' if count > 1 else ''} in a wider terminal" if count else ""


def rich_table(table: ResultTable, layout: Layout, plain: bool, header: bool = True) -> Table:
    """The rows laid out as told; a text that is too long is cut."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        box=box.ASCII2 if plain else box.SIMPLE_HEAD, show_header=header, show_edge=False, pad_edge=False
    )
    for index, width in layout.widths.items():
        column = table.columns[index]
        grid.add_column(
            Text(printable(column.name)),
            justify="right" if layout.whole[index] and column.keep != "left" else "left",
            style="bold" if column.emphasis else "",
            no_wrap=not column.wrap,
            overflow="ellipsis",
            width=width,
        )
    for row in table.rows:
        grid.add_row(*(Text(shown(row[index], table.columns[index])) for index in layout.widths))
    return grid


def is_numeric(table: ResultTable, index: int) -> bool:
    """Whether a column holds numbers, which are set to the right and never cut."""
    values = [row[index] for row in table.rows if row[index] is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def fit_widths(
    natural: Sequence[int],
    whole: Sequence[bool],
    width: int,
    computed: int = 2,
    empty: Sequence[int] = (),
) -> dict[int, int]:
    """The width of each column that is shown, so that all of them fit ``width``.

    What is to stay ``whole``, as numbers are, keeps its natural width; other texts share what is left, the
    short ones in full. Where even ``_NARROWEST`` does not fit, columns are left out: the ``empty`` ones of
    those behind the first, then all of those, then of the last ``computed`` ones all but two, then the first;
    of each the later ones before the earlier.
    """
    split = len(natural) - computed
    order = [*range(split - 1, 0, -1), *range(len(natural) - 1, split + 1, -1), 0]
    order.sort(key=lambda index: not 0 < index < split or index not in empty)  # keeps the order of the others
    kept = list(range(len(natural)))
    while True:
        least = sum(natural[i] if whole[i] else min(natural[i], _NARROWEST) for i in kept)
        if least + _GAP * (len(kept) - 1) <= width or len(kept) <= 2 or not order:
            break
        kept.remove(order.pop(0))
    room = width - _GAP * (len(kept) - 1) - sum(natural[i] for i in kept if whole[i])
    texts = sorted((i for i in kept if not whole[i]), key=lambda i: natural[i])
    widths = {i: natural[i] for i in kept}
    for position, index in enumerate(texts):
        widths[index] = max(1, min(natural[index], room // (len(texts) - position)))
        room -= widths[index]
    return widths
