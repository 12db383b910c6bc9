"""A grid of braille dots, two by four to a character of a terminal, on which lines are drawn."""

from __future__ import annotations

_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bit of the braille character for the dot at (column, row) of a cell."""
_DASH = 4
"""A line of dashes has dots in the first half of every so many columns of dots."""


class Dots:
    """Dots over ``columns`` × ``height`` characters; (0, 0) is the dot at the left of the top."""

    def __init__(self, columns: int, height: int) -> None:
        self.columns = columns
        self.height = height
        self._cells = [[0] * columns for _ in range(height)]

    def at(self, row: int, column: int) -> int:
        """The dots of one character as bits; 0 when it is empty."""
        return self._cells[row][column]

    def place(self, across: float, up: float) -> tuple[int, int]:
        """The dot at shares of the width from the left and of the height from the bottom, each 0 to 1."""
        return round(across * (2 * self.columns - 1)), round((1 - up) * (4 * self.height - 1))

    def set(self, dot: tuple[int, int]) -> None:
        """Draw one dot."""
        x, y = dot
        self._cells[y // 4][x // 2] |= _BITS[x % 2][y % 4]

    def line(self, start: tuple[int, int], end: tuple[int, int], dashed: bool = False) -> None:
        """Draw a straight line of dots, both ends included."""
        (x0, y0), (x1, y1) = start, end
        length = max(abs(x1 - x0), abs(y1 - y0), 1)
        for part in range(length + 1):
            dot = round(x0 + (x1 - x0) * part / length), round(y0 + (y1 - y0) * part / length)
            if not dashed or dot[0] % _DASH < _DASH // 2:
                self.set(dot)


def braille(bits: int) -> str:
    """The character of some dots."""
    return chr(0x2800 + bits)
