"""The drawing of :mod:`.svg` painted by matplotlib: the same calls, in the light colours, end as a PNG."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from seqcli.reporting.axes import LABEL_SIZE
from seqcli.reporting.fan import (
    DENSE_LINE,
    FORECAST_LINE,
    HISTORY_LINE,
    PANEL_TITLE_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
)
from seqcli.reporting.fan_png import INCH, SHARPNESS, need_matplotlib
from seqcli.reporting.fan_svg import LIGHT
from seqcli.reporting.panel_figure import MORE_LIGHT
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import Drawing, Point, runs

_STROKES = {
    "grid": ("grid", 1.0), "axis": ("axis", 1.0), "now": ("axis", 1.0), "whisker": ("ink", 1.0),
    "history": ("history", HISTORY_LINE), "forecast": ("forecast", FORECAST_LINE),
    "dense": ("forecast", DENSE_LINE), "second": ("second", 1.8),
}  # fmt: skip
"""Style → colour and width in pixels."""
_DASHES = {"second": (6.0, 3.0), "now": (3.0, 3.0)}
"""Style → pixels of a dash and of the gap behind it."""
_FILLS = {
    "paper": "paper", "band": "forecast", "past": "history", "ahead": "forecast", "other": "second",
    "wrong": "wrong",
}  # fmt: skip
_COLOURS = {**LIGHT, **MORE_LIGHT}
_LETTERS = {
    "title": ("ink", TITLE_SIZE, "bold"), "panel": ("ink", PANEL_TITLE_SIZE, "bold"),
    "faint": ("faint", TEXT_SIZE, "normal"), "label": ("faint", LABEL_SIZE, "normal"),
    "count": ("ink", 12.0, "normal"),
}  # fmt: skip
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}


class PngDrawing(Drawing):
    """Elements in pixels, painted in the order of the calls."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(width, height)
        self._axes: Any = None
        self._painted = 0

    def png(self, title: str, paint: Callable[[], object]) -> tuple[bytes, bool]:
        """What ``paint`` draws, and whether every letter of it was in matplotlib's font."""
        need_matplotlib()
        import matplotlib as mpl
        from matplotlib.figure import Figure

        with mpl.rc_context(), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            mpl.rcdefaults()  # what a matplotlibrc of the user says is meant for other figures
            mpl.rcParams["text.parse_math"] = False  # a name may hold dollar signs
            figure = Figure(figsize=(self.width / INCH, self.height / INCH), facecolor=LIGHT["paper"])
            self._axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
            self._axes.set_xlim(0, self.width)
            self._axes.set_ylim(self.height, 0)
            self._axes.axis("off")
            paint()
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=SHARPNESS, metadata={"Software": None, "Title": title})
        return buffer.getvalue(), not any("Glyph" in str(warning.message) for warning in said)

    def line(self, start: Point, end: Point, style: str) -> None:
        """A straight line."""
        self.curve([start, end], style)

    def rectangle(self, corner: Point, width: float, height: float, style: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        (x, y), right, bottom = corner, corner[0] + width, corner[1] + height
        self._fill([(x, y), (right, y), (right, bottom), (x, bottom)], style, opacity)

    def curve(self, points: Sequence[Point], style: str, dots: str = "") -> None:
        """Points joined by straight lines; one that is not finite is a gap."""
        colour, wide = _STROKES[style]
        dash = tuple(length / wide for length in _DASHES.get(style, ()))  # counted in widths of the line
        for run in runs(points):
            if len(run) > 1:
                x, y = zip(*run, strict=True)
                self._axes.plot(
                    x, y, color=_COLOURS[colour], linewidth=_points(wide), solid_joinstyle="round",
                    linestyle=(0, dash) if dash else "-", clip_on=False, zorder=self._over(),
                )  # fmt: skip
            elif dots:
                self.dot(run[0], dots)

    def area(self, upper: Sequence[Point], lower: Sequence[Point], style: str, opacity: float = 1.0) -> None:
        """The area between two lines over the same places."""
        if len(upper) > 1:
            self._fill([*upper, *reversed(lower)], style, opacity)

    def dot(self, at: Point, style: str, radius: float = 1.8) -> None:
        """A filled circle."""
        self._axes.plot(
            [at[0]], [at[1]], "o", color=_COLOURS[_FILLS[style]], markersize=_points(2 * radius),
            markeredgewidth=0, zorder=self._over(),
        )  # fmt: skip

    def text(self, at: Point, text: str, style: str, anchor: str = "start", whole: str = "") -> None:
        """A text on its base line."""
        self._write(at, text, style, _ANCHORS[anchor], 0)

    def turned(self, at: Point, text: str, style: str, whole: str = "") -> None:
        """A text that is read from the bottom up and begins at ``at``."""
        self._write(at, text, style, "left", 90)

    def _write(self, at: Point, text: str, style: str, anchor: str, degrees: int) -> None:
        colour, size, weight = _LETTERS[style]
        # DejaVu Sans, which matplotlib brings, is a sixth wider than the faces of a browser.
        self._axes.text(
            *at, text, fontsize=_points(size * 0.88), color=LIGHT[colour], weight=weight,
            horizontalalignment=anchor, verticalalignment="baseline", rotation=degrees,
            rotation_mode="anchor", zorder=self._over(),
        )  # fmt: skip

    def _fill(self, corners: Sequence[Point], style: str, opacity: float) -> None:
        x, y = zip(*corners, strict=True)
        self._axes.fill(x, y, color=_COLOURS[_FILLS[style]], alpha=opacity, linewidth=0, zorder=self._over())

    def _over(self) -> int:
        """What is painted later lies above, whatever it is."""
        self._painted += 1
        return self._painted


def png_of(
    title: str, size: tuple[float, float], paint: Callable[[Drawing], object], screen: Screen
) -> bytes:
    """What ``paint`` draws on ``size`` (width, height) in pixels; ``screen`` hears of missing letters.

    Raises :class:`~seqcli.errors.UsageError` where matplotlib is not installed.
    """
    drawing = PngDrawing(*size)
    content, complete = drawing.png(title, lambda: paint(drawing))
    if not complete:
        screen.warn("matplotlib's font lacks some letters of the names; .svg and .html show them")
    return content


def _points(pixels: float) -> float:
    """Pixels in the points that matplotlib counts in."""
    return pixels * 72 / INCH
