"""The ``.ts`` files of the UEA and UCR archives: a series a line, channels split by colons, the class last.

    @dimensions 2
    @classLabel true walk run
    @data
    1.5,1.4,1.6:0.2,0.2,0.1:walk

becomes long form, one row a step: ``series``, ``step``, ``value`` (or ``channel 1``, ``channel 2``, …) and
``label`` (``target`` where the header says @targetLabel). Series may differ in length; ``?`` and ``NaN`` are
missing values. The format is that of Bagnall et al. 2018, The UEA multivariate time series classification
archive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from seqcli.errors import DataError
from seqcli.readers.blocks import Block, Fault, Opening, missing_column
from seqcli.readers.columns import TextColumn
from seqcli.readers.sources import bad_character

SERIES, STEP, VALUE, LABEL, TARGET = "series", "step", "value", "label", "target"
MISSING = frozenset({"?", "nan", ""})
COMMENTS = ("#", "%")
_DATA = re.compile(r"^[ \t]*@data[ \t]*$", re.IGNORECASE | re.MULTILINE)
_KEY = re.compile(r"^\s*@(problemname|data)\b", re.IGNORECASE | re.MULTILINE)
_SHOWN = 24
"""Characters of a cell that an error quotes."""


@dataclass(frozen=True)
class Header:
    """What the lines above @data say: channels (0 where none says), the answer's column and its classes."""

    channels: int
    answer: str
    classes: frozenset[str]
    lines: int
    """Lines up to @data, with it."""


def looks_like_ts(text: str) -> bool:
    """Whether a file without a telling name begins as these files do."""
    return bool(_KEY.search(text[:10_000]))


def read_header(source: str, text: str) -> Header:
    """The header of a file that begins with ``text``. Raises :class:`DataError` where it cannot be read."""
    found = _DATA.search(text)
    if found is None:
        raise DataError(
            f"{source}: no line says @data", "a .ts file has a header, then @data, then a series a line"
        )
    lines = text[: found.end()].split("\n")
    keys: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith(COMMENTS):
            continue
        if not words[0].startswith("@"):
            raise DataError(
                f"{source}, line {number}: {_quoted(line)} stands above @data",
                "the header holds lines that begin with @, and comments that begin with #",
            )
        keys[words[0][1:].lower()] = words[1:]
    if _says(keys, "timestamps"):
        raise DataError(
            f"{source}: its values carry time stamps, which are not read",
            "write it as csv: columns id, time, one a channel, label",
        )
    answer = LABEL if _says(keys, "classlabel") else TARGET if _says(keys, "targetlabel") else ""
    classes = frozenset(keys.get("classlabel", [])[1:]) if answer == LABEL else frozenset()
    return Header(_channels(source, keys), answer, classes, len(lines))


def _says(keys: dict[str, list[str]], key: str) -> bool:
    return [word.lower() for word in keys.get(key, [])[:1]] == ["true"]


def _channels(source: str, keys: dict[str, list[str]]) -> int:
    """How many channels the header says, 0 where it says nothing."""
    for key in ("dimensions", "dimension"):
        if key in keys:
            word = (keys[key] or [""])[0]
            if not word.isdecimal() or not int(word):
                raise DataError(f"{source}: @{key} {word!r} is no number of channels", f"such as @{key} 3")
            return int(word)
    return 1 if _says(keys, "univariate") else 0


class TimeSeries:
    """Each line below @data is a series; each of its steps becomes a row."""

    unit = "line"

    def __init__(self, opening: Opening) -> None:
        self.notes: tuple[str, ...] = ()
        self.warnings: tuple[str, ...] = ()
        self._header = read_header(opening.source, opening.text)
        below = opening.text.split("\n")[self._header.lines :]
        self._text = "\n".join(below)
        self._line = self._header.lines + 1
        self._series = 0
        self._channels = self._header.channels or _counted(below, bool(self._header.answer))
        several = tuple(f"channel {number}" for number in range(1, self._channels + 1))
        self._values = several if self._channels > 1 else (VALUE,)
        self.names: tuple[str, ...] = (
            SERIES, STEP, *self._values, *((self._header.answer,) if self._header.answer else ())
        )  # fmt: skip
        for name in opening.expected:
            if name not in self.names:
                raise missing_column(opening.source, self.names, opening.expected)

    def feed(self, text: str, final: bool) -> Block:
        """Read the complete lines in what was left and ``text``."""
        lines = (self._text + text).split("\n")
        self._text = "" if final else lines.pop()
        numbers: list[int] = []
        cells: dict[str, list[str]] = {name: [] for name in self.names}
        faults: dict[int, Fault] = {}
        for number, line in enumerate(lines, self._line):
            if not line.strip() or line.lstrip().startswith(COMMENTS):
                continue
            self._series += 1
            found = self._read_line(line)
            if isinstance(found, Fault):
                faults[len(numbers)] = found
                found = [[""] for _ in self._values], ""
            channels, answer = found
            steps = len(channels[0])
            numbers += [number] * steps
            cells[SERIES] += [str(self._series)] * steps
            cells[STEP] += map(str, range(1, steps + 1))
            for name, channel in zip(self._values, channels, strict=True):
                cells[name] += channel
            if self._header.answer:
                cells[self._header.answer] += [answer] * steps
        self._line += len(lines)
        return Block(
            np.asarray(numbers, dtype=np.int64),
            {name: TextColumn(column) for name, column in cells.items()},
            faults,
        )

    def _read_line(self, line: str) -> tuple[list[list[str]], str] | Fault:
        """The cells of each channel and the answer ("" where it is not known), or what is wrong."""
        reason = bad_character(line)
        if reason:
            return Fault(reason, "--encoding names the right encoding; else delete the line")
        parts = line.split(":")
        answer = parts.pop().strip() if self._header.answer else ""
        if len(parts) != self._channels:
            what = "1 channel" if len(parts) == 1 else f"{len(parts)} channels"
            behind = " and a class" if self._header.answer else ""
            return Fault(
                f"{what}, where {self._channels}{behind} should stand between the colons",
                "correct the line, or delete it",
            )
        channels = [[_cell(cell) for cell in part.split(",")] for part in parts]
        for number, channel in enumerate(channels[1:], 2):
            if len(channel) != len(channels[0]):
                return Fault(
                    f"channel {number} has {len(channel)} values, channel 1 has {len(channels[0])}",
                    "all channels of a series are measured at the same steps",
                )
        return self._checked(channels, answer)

    def _checked(self, channels: list[list[str]], answer: str) -> tuple[list[list[str]], str] | Fault:
        """The same, unless a value is no number or the class is none of the header's."""
        for channel in channels:
            for cell in channel:
                if cell and not _is_number(cell):
                    return Fault(f"{_quoted(cell)} is not a number", "a missing value is written as ?")
        if answer == "?":
            answer = ""
        if answer and self._header.classes and answer not in self._header.classes:
            known = ", ".join(sorted(self._header.classes)[:10])
            return Fault(f"{_quoted(answer)} is no class of the header", f"@classLabel says {known}")
        return channels, answer


def _counted(lines: list[str], answered: bool) -> int:
    """The channels of the first series, where the header does not say how many there are."""
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith(COMMENTS)), "")
    return max(first.count(":") + (0 if answered else 1), 1)


def _cell(text: str) -> str:
    """A value as it is written, "" where it is missing."""
    text = text.strip()
    return "" if text.lower() in MISSING else text


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _quoted(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
