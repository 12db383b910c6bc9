"""csv and tsv, strictly: every row has the cells that the header names, every quote is closed.

A block of lines without quotes, or with quotes around whole cells alone, is cut at its separators all at
once and stays bytes (:class:`~seqcli.readers.columns.CleanBlock`); any other block goes through the standard
library's parser; only when that fails is it read again row by row, to say what is wrong with which.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from seqcli.errors import DataError, UsageError
from seqcli.readers.blocks import Block, Fault, Opening, fault_error, missing_column
from seqcli.readers.columns import CleanBlock, TextColumn
from seqcli.readers.dates import read_dates
from seqcli.readers.numbers import is_missing, read_numbers
from seqcli.readers.sources import bad_character

csv.field_size_limit(1 << 30)  # the library's own limit, 131072 characters, is shorter than some texts

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Separators that are looked for, and what they are called."""

SAMPLE_LINES = 20
"""Lines that decide what the separator is."""

_LONGEST_ROW = 1 << 24
"""Characters after which an open quote counts as never closed."""

_AT_END = "unexpected end of data"
"""What the standard library says when the lines end inside quotes."""

_UNCLOSED = Fault("a quote is opened and never closed", 'close it, or write a quote inside a text as ""')
_MISPLACED = Fault("a quote stands in the middle of a cell", 'write a quote inside a quoted text as ""')
_CHARACTER_HINT = "--encoding names the right encoding; else delete the character"


class Csv:
    """Rows of cells between separators, under a header."""

    unit = "row"
    usual = ","

    def __init__(self, opening: Opening) -> None:
        self.source = opening.source
        self.warnings: tuple[str, ...] = ()
        self._row = 1  # the number of the next row
        self._blanks: list[int] = []
        self._text = opening.text
        sample = opening.text.split("\n")[:SAMPLE_LINES]
        self.delimiter = chosen_delimiter(opening.options.delimiter) or find_delimiter(sample, self.usual)
        self._dialect: dict[str, Any] = {
            "delimiter": self.delimiter, "strict": True, "skipinitialspace": True,
        }  # fmt: skip
        self.names = self._called(opening.options.names) if opening.options.names else self._read_header()
        if not set(opening.expected) <= set(self.names):
            raise missing_column(self.source, self.names, opening.expected)
        notes = [f"separator {DELIMITERS.get(self.delimiter, self.delimiter)}"]
        self.notes = tuple(notes if self.delimiter != self.usual else [])

    def feed(self, text: str, final: bool) -> Block:
        """Read the complete rows of what was left and ``text``."""
        text = self._text + text
        if final and text and not text.endswith("\n"):
            text += "\n"
        stop = text.rfind("\n") + 1
        body, self._text = text[:stop], text[stop:]
        if not body:
            return self._block([], {})
        clean = self._clean(body)
        if clean is None:
            return self._block(*self._parse(body, final))
        numbers = np.arange(self._row, self._row + len(clean), dtype=np.int64)
        self._row += len(clean)
        return Block(numbers, dict(zip(self.names, clean.columns(), strict=True)))

    def _clean(self, body: str) -> CleanBlock | None:
        """The body cut at its separators, when nothing in it needs the slow way."""
        spaced = body.startswith(" ") or "\n " in body or f"{self.delimiter} " in body
        if "\r" in body or spaced or bad_character(body):
            return None
        if len(self.names) == 1 and (self._blanks or body.startswith("\n") or "\n\n" in body):
            return None
        return CleanBlock.scan(body.encode(), self.delimiter, len(self.names))

    def _parse(self, body: str, final: bool) -> tuple[list[list[str]], dict[int, Fault]]:
        """The rows of ``body``, [] for a blank line; by position, why a row could not be cut.

        After a row that is wrong the reading goes on at the next line, so an open quote costs one
        row and not the rest of the file.
        """
        lines = list(io.StringIO(body, newline="\n"))
        rows: list[list[str]] = []
        faults: dict[int, Fault] = {}
        start = 0
        while start < len(lines):
            reader = csv.reader(lines[start:], **self._dialect)
            whole = 0  # lines of the rows cut so far
            try:
                for cells in reader:
                    rows.append(cells)
                    whole = reader.line_num
                break
            except csv.Error as error:
                broken = start + whole
                rest = "".join(lines[broken:])
                if str(error) == _AT_END and not final and len(rest) < _LONGEST_ROW:
                    self._text = rest + self._text
                    break
                across = reader.line_num > whole + 1
                faults[len(rows)] = _UNCLOSED if across or str(error) == _AT_END else _MISPLACED
                rows.append([])
                start = broken + 1
        return rows, faults

    def _block(self, rows: list[list[str]], faults: dict[int, Fault]) -> Block:
        """The rows as columns; checked one by one only when they are not all as they should be."""
        numbers = list(range(self._row, self._row + len(rows)))
        self._row += len(rows)
        even = set(map(len, rows)) == {len(self.names)}
        if faults or self._blanks or not even or bad_character("".join(map("".join, rows))):
            numbers, rows, faults = self._check(numbers, rows, faults)
        columns = [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in self.names]
        named = {name: TextColumn(cells) for name, cells in zip(self.names, columns, strict=True)}
        return Block(np.asarray(numbers, dtype=np.int64), dict(named), faults)

    def _check(
        self, numbers: list[int], rows: list[list[str]], faults: dict[int, Fault]
    ) -> tuple[list[int], list[list[str]], dict[int, Fault]]:
        """Leave out blank lines, and give every row that is wrong its reason and the right width.

        In a file of one column a blank line is an empty cell, unless only blank lines follow.
        """
        width = len(self.names)
        kept: list[tuple[int, list[str]]] = []
        found: dict[int, Fault] = {}
        for position, (number, cells) in enumerate(zip(numbers, rows, strict=True)):
            fault = faults.get(position)
            if fault is None and not cells:
                if width == 1:
                    self._blanks.append(number)
                continue
            if fault is None and width > 1 and len(cells) == 1 and not cells[0].strip():
                continue
            kept += [(blank, [""]) for blank in self._blanks]
            self._blanks.clear()
            fault = fault or self._examine(cells)
            if fault is not None:
                found[len(kept)] = fault
                cells = [replace_bad(cell) for cell in (cells + [""] * width)[:width]]
            kept.append((number, cells))
        return [number for number, _ in kept], [cells for _, cells in kept], found

    def _examine(self, cells: list[str]) -> Fault | None:
        """What is wrong with a row that could be cut."""
        width = len(self.names)
        if len(cells) != width:
            separator = DELIMITERS.get(self.delimiter, repr(self.delimiter))
            too_many = f"put a cell that holds a {separator} in double quotes"
            hint = too_many if len(cells) > width else "complete the row, or delete it"
            return Fault(f"{_count(len(cells), 'cell')} where the header has {width}", hint)
        reason = bad_character("".join(cells))
        return Fault(reason, _CHARACTER_HINT) if reason else None

    def _called(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names that were typed for the columns of a file whose first row is data."""
        for name in names:
            if names.count(name) > 1 or not name:
                raise UsageError(
                    f"--names: two columns are called {name!r}", "give each column a name of its own"
                )
        reader = csv.reader(io.StringIO(self._text, newline="\n"), **self._dialect)
        try:
            first = next((cells for cells in reader if "".join(cells).strip()), None)
        except csv.Error:  # goes on in what is still to come, or is told with its row
            first = None
        if first is not None and len(first) != len(names):
            columns = _count(len(first), "column")
            raise UsageError(
                f"--names calls {_count(len(names), 'column')}, and {self.source} has {columns}: "
                + ", ".join(repr(cell[:20]) for cell in first[:5]),
                "name each column, from left to right; --features and --text choose among them",
            )
        return names

    def _read_header(self) -> tuple[str, ...]:
        """Take the header off the text and check its names."""
        lines = list(io.StringIO(self._text, newline="\n"))
        reader = csv.reader(lines, **self._dialect)
        try:
            cells = next((cells for cells in reader if "".join(cells).strip()), [])
        except csv.Error as error:
            raise fault_error(self.source, self.unit, 1, _UNCLOSED) from error
        self._text = "".join(lines[reader.line_num :])
        self._row = reader.line_num + 1
        reason = bad_character("".join(cells))
        if reason:
            raise fault_error(self.source, self.unit, self._row - 1, Fault(reason, _CHARACTER_HINT))
        if not cells:
            raise DataError(f"{self.source}: the file is empty", "give a file with a header and rows")
        names = tuple(cell.strip() or f"column {place}" for place, cell in enumerate(cells, 1))
        for name in names:
            if names.count(name) > 1:
                where = f"{self.source}, row {self._row - 1}"
                raise DataError(f"{where}: two columns are called {name!r}", "rename one of them")
        if holds_values(cells):
            raise DataError(
                f"{self.source}, row {self._row - 1}: looks like data, not like column names",
                "put a line of column names at the head of the file, or name them: --names A,B",
            )
        return names


class Tsv(Csv):
    """Rows of cells between tabs, under a header."""

    usual = "\t"


def chosen_delimiter(typed: str | None) -> str:
    """The separator that was asked for, "" for none. Raises :class:`UsageError` unless it is one sign."""
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}
    delimiter = named.get(typed, typed) if typed else ""
    if delimiter and (len(delimiter) > 1 or not delimiter.isascii() or delimiter in '"\r\n\0'):
        raise UsageError(f"--delimiter: {typed!r} is not one character", "such as ';' or tab")
    return delimiter


def find_delimiter(lines: list[str], usual: str) -> str:
    """The separator that cuts most lines into as many cells (two or more) as the first line has."""
    best, most = usual, (0, 0, 0)
    for delimiter in DELIMITERS:
        widths = [len(cells) for cells in cut_lines(lines, delimiter)]
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]), int(delimiter == usual), widths[0])
            best, most = max((best, most), (delimiter, score), key=lambda found: found[1])
    return best


def cut_lines(lines: list[str], delimiter: str) -> list[list[str]]:
    """The cells of some sample lines that are not blank; what stands after a broken quote is left out."""
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, skipinitialspace=True)
    return [cells for cells in reader if "".join(cells).strip()]


def holds_values(header: list[str]) -> bool:
    """Whether a header is a row of data: numbers and dates only, or a number beside a whole sentence."""
    present = [cell.strip() for cell in header if not is_missing(cell)]
    column, rows = TextColumn(present), np.arange(len(present))
    number = ~np.isnan(read_numbers(column, rows).values)
    value = number | ~np.isnat(read_dates(column, rows, "").values)
    sentence = any(len(cell.split()) > 8 for cell in present)
    return bool(present) and bool(value.all() or (number.any() and sentence))


def replace_bad(text: str) -> str:
    """A text that can be shown and written: U+FFFD stands for what cannot."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if bad_character(text) else text


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
