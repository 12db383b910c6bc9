"""Numbers as people write them: ``4,787,699``, ``1.234,5``, ``$12``, ``12 %``, ``31.4M``, ``(5.2)``.

How a column writes its numbers (its :class:`NumberForm`) is decided over the whole column, never
cell by cell: in a column that holds ``0,5`` somewhere, ``1,234`` is a little more than one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.readers.columns import Column, RepeatedColumn
from seqcli.sequences import IntArray

BoolArray: TypeAlias = NDArray[np.bool_]

MISSING = frozenset(
    ["", "-", "--", "?", ".", "..", "na", "n/a", "#n/a", "#na", "<na>", "nan", "nat", "nil", "null", "none"]
)
"""What stands for a missing number or date, in any case. A text is missing only when it is empty."""

_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_CODES = r"USD|EUR|GBP|JPY|CHF|CNY|INR|kr|zł|[$€£¥₹₩₽₺]"
_GROUPED = r"[1-9]\d{{0,2}}(?P<group>[{marks}])(?:\d{{2,3}}(?P=group))*\d{{3}}"
_NUMBER = (
    r"(?P<minus>[-(])?\s*\+?(?P<before>{codes})?\s*(?P<sign>-)?"
    r"(?=\d|{point}\d)(?P<whole>{grouped}|\d*)(?:{point}(?P<fraction>\d*))?"
    r"(?:(?P<exponent>[eE][+-]?\d+)|(?P<scale>[kKMB]))?\s*(?P<after>{codes}|%)?\)?"
)
_PATTERNS = {
    decimal: re.compile(
        _NUMBER.format(codes=_CODES, point=re.escape(decimal), grouped=_GROUPED.format(marks=marks)),
        re.ASCII,
    )
    for decimal, marks in ((".", ",' "), (",", ".' "))
}
_TYPOGRAPHIC = str.maketrans({"\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})
"""Minus sign, no-break and thin spaces, and apostrophe as typesetters write them."""
_SCALES = {"k": 3, "K": 3, "M": 6, "B": 9}


class BadCell(NamedTuple):
    """A cell that cannot be read: its row number as the user counts, its text, its row in the table."""

    record: int
    text: str
    row: int


@dataclass(frozen=True)
class NumberForm:
    """How a column writes numbers. ``currency`` is the one sign its cells may carry, "" for none."""

    decimal: Literal[".", ","] = "."
    thousands: str = ""
    currency: str = ""
    percent: bool = False
    scaled: bool = False
    """Whether K, M and B stand for thousands, millions and billions."""

    def to_json(self) -> dict[str, Any]:
        """The form as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NumberForm:
        """Rebuild from :meth:`to_json`. Raises TypeError or ValueError on anything else."""
        form = cls(**data)
        texts = (form.thousands, form.currency)
        flags = (form.percent, form.scaled)
        if form.decimal not in _PATTERNS or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{data!r} is not a number form")
        if not all(isinstance(flag, bool) for flag in flags):
            raise ValueError(f"{data!r} is not a number form")
        return form

    def notes(self) -> tuple[str, ...]:
        """What is unusual about the form, a few words each; empty for plain numbers."""
        said = [
            (self.decimal == ",", "decimal comma"),
            (self.thousands != "", f"thousands separator {self.thousands!r}"),
            (self.currency != "", f"currency {self.currency}"),
            (self.percent, "percent"),
            (self.scaled, "K, M, B as thousands, millions, billions"),
        ]
        return tuple(text for holds, text in said if holds)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column as numbers: values (N,), NaN where a cell is missing or bad; infinite cells stay so.

    ``missing`` (N,) marks cells that say there is no value, ``bad_rows`` lists cells that say
    something else than a number.
    """

    values: NDArray[np.float64]
    missing: BoolArray
    bad_rows: IntArray
    form: NumberForm
    _column: Column = field(repr=False)
    _records: IntArray = field(repr=False)

    @property
    def bad(self) -> tuple[BadCell, ...]:
        """The cells that are not numbers."""
        return bad_cells(self._column, self._records, self.bad_rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unusual about how the column writes numbers."""
        return self.form.notes()


def is_missing(cell: str) -> bool:
    """Whether a cell of a number or date column says that there is no value."""
    return cell.strip().lower() in MISSING


def bad_cells(column: Column, records: IntArray, rows: IntArray) -> tuple[BadCell, ...]:
    """Name the cells of a column in some rows (B,); ``records`` (N,) are row numbers as the user counts."""
    return tuple(map(BadCell, records[rows].tolist(), column.pick(rows), rows.tolist()))


def read_numbers(column: Column, records: IntArray, form: NumberForm | None = None) -> Numbers:
    """Read a column as numbers in ``form``, or in the form that leaves the fewest cells unread.

    ``records`` (N,) are the numbers of its rows as the user counts them. Plain cells are read all at
    once; only the others are looked at one by one.
    """
    if isinstance(column, RepeatedColumn):
        short, rows = column.short
        once = read_numbers(short, np.arange(len(short)), form)
        bad = np.flatnonzero(np.isin(rows, once.bad_rows))
        return Numbers(once.values[rows], once.missing[rows], bad, once.form, column, records)
    values = column.plain_numbers()
    odd = np.flatnonzero(np.isnan(values))
    if not len(odd) and (form is None or form.decimal == "."):
        return Numbers(values, np.zeros(len(values), np.bool_), odd, form or NumberForm(), column, records)
    texts = [cell.strip() for cell in column.pick(odd)]
    readings = [_Reading.of(texts, ".")] if form is None or form.decimal == "." else []
    if form is None and readings[0].bad:
        odd_comma = _Reading.of(texts, ",")
        if len(odd_comma.bad) < len(readings[0].bad):
            readings.append(odd_comma)
    if not readings or len(readings) > 1:  # a decimal comma: a point in a plain cell separates thousands
        every = [cell.strip() for cell in column.cells()]
        comma = _Reading.of(every, ",")
        if not readings or len(comma.bad) < len(readings[0].bad):
            values, odd, readings = np.full(len(column), np.nan), np.arange(len(column)), [comma]
    return _settle(readings[0], values, odd, form, column, records)


class _Reading:
    """Cells read with one decimal mark: values, and positions of missing and bad ones."""

    def __init__(self, decimal: Literal[".", ","], size: int) -> None:
        self.decimal = decimal
        self.values = np.full(size, np.nan)
        self.missing: list[int] = []
        self.bad: list[int] = []
        self.currencies: dict[int, str] = {}
        self.groups: Counter[str] = Counter()
        self.percent = False
        self.scaled = False

    @classmethod
    def of(cls, texts: list[str], decimal: Literal[".", ","]) -> _Reading:
        reading = cls(decimal, len(texts))
        for position, text in enumerate(texts):
            reading._read(position, text)
        return reading

    def _read(self, position: int, text: str) -> None:
        if text.lower() in MISSING:
            self.missing.append(position)
            return
        text = text.translate(_TYPOGRAPHIC)
        match = _PATTERNS[self.decimal].fullmatch(text)
        if (
            match is None
            or (match["minus"] == "(") != text.endswith(")")
            or (match["minus"] and match["sign"])
        ):
            if _INFINITE.fullmatch(text):
                self.values[position] = float(text)
            else:
                self.bad.append(position)
            return
        whole = match["whole"].replace(match["group"], "") if match["group"] else match["whole"]
        exponent = f"e{_SCALES[match['scale']]}" if match["scale"] else match["exponent"] or ""
        self.scaled |= match["scale"] is not None
        value = float(f"{whole or 0}.{match['fraction'] or 0}{exponent}")
        self.values[position] = -value if match["minus"] or match["sign"] else value
        if match["group"]:
            self.groups[match["group"]] += 1
        for mark in {match["before"], match["after"]} - {None}:
            self.percent |= mark == "%"
            if mark != "%":
                self.currencies[position] = mark


def _settle(
    reading: _Reading,
    values: NDArray[np.float64],
    odd: IntArray,
    form: NumberForm | None,
    column: Column,
    records: IntArray,
) -> Numbers:
    """Fill the odd cells in; a cell in another currency than the column's is a bad one."""
    counts = Counter(reading.currencies.values())
    currency = form.currency if form else counts.most_common(1)[0][0] if counts else ""
    foreign = [position for position, mark in reading.currencies.items() if mark != currency]
    values = values.copy()
    values[odd] = reading.values
    values[odd[foreign]] = np.nan
    missing = np.zeros(len(values), dtype=np.bool_)
    missing[odd[reading.missing]] = True
    if form is None:
        thousands = reading.groups.most_common(1)[0][0] if reading.groups else ""
        form = NumberForm(reading.decimal, thousands, currency, reading.percent, reading.scaled)
    bad_rows = odd[np.asarray(sorted([*reading.bad, *foreign]), dtype=np.int64)]
    return Numbers(values, missing, bad_rows, form, column, records)
