"""A fan chart as PNG, by matplotlib: the layout that :mod:`.fan` has made, painted by Agg."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqcli.errors import UsageError
from seqcli.reporting.axes import LABEL_SIZE
from seqcli.reporting.fan import (
    DENSE_LINE,
    FORECAST_LINE,
    HISTORY_LINE,
    PANEL_TITLE_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    FanFigure,
    Layout,
    Panel,
    coats,
    lay_out,
    legend_entries,
    shades,
)
from seqcli.reporting.fan_svg import LIGHT
from seqcli.reporting.svg import Point

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCH = 100.0
"""Pixels of the layout in an inch of the figure."""
SHARPNESS = 200
"""Dots an inch: two for a pixel of the layout."""
INSTALL = "pip install 'seqcli[plot]'"


def need_matplotlib() -> None:
    """Raise UsageError, with the command that installs it, where matplotlib cannot be imported."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        missing = (error.name or "").startswith("matplotlib")
        reason = "is not installed" if missing else f"cannot be used: {error}"
        raise UsageError(
            f"a .png is drawn by matplotlib, which {reason}", f"{INSTALL}, or name a .svg or .html"
        ) from None


def png_bytes(figure: FanFigure) -> tuple[bytes, bool]:
    """``figure`` as a PNG, and whether every letter of it was in matplotlib's font."""
    need_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    layout = lay_out(figure)
    with mpl.rc_context(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mpl.rcdefaults()  # what a matplotlibrc of the user says is meant for other figures
        mpl.rcParams["text.parse_math"] = False  # a name may hold dollar signs
        drawn = Figure(figsize=(layout.width / INCH, layout.height / INCH), facecolor=LIGHT["paper"])
        _Painter(drawn, layout).paint(figure)
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", dpi=SHARPNESS, metadata={"Software": None, "Title": figure.title})
    return buffer.getvalue(), not any("Glyph" in str(warning.message) for warning in said)


class _Painter:
    """Lines and texts in pixels of the layout, which are turned into matplotlib's inches and points."""

    def __init__(self, drawn: Figure, layout: Layout) -> None:
        self._drawn = drawn
        self._layout = layout
        self._axes = drawn.add_axes((0.0, 0.0, 1.0, 1.0))
        self._axes.set_xlim(0, layout.width)
        self._axes.set_ylim(layout.height, 0)
        self._axes.axis("off")
        self._painted = 0

    def paint(self, figure: FanFigure) -> None:
        """The whole figure."""
        layout, ink = self._layout, LIGHT["ink"]
        self._text((24, 34), layout.title, TITLE_SIZE, ink, weight="bold")
        self._text((24, 57), layout.subtitle, TEXT_SIZE, LIGHT["faint"])
        self._legend(figure, layout.legend)
        opacities = coats(figure.levels)
        for panel in layout.panels:
            self._panel(panel, opacities)
        for at, note in layout.notes:
            self._text(at, note, TEXT_SIZE, LIGHT["faint"])

    def _panel(self, panel: Panel, opacities: dict[int, float]) -> None:
        frame = panel.frame
        right, bottom = frame.left + frame.width, frame.top + frame.height
        if panel.title:
            at = (frame.left, frame.top - 10)
            self._text(at, panel.title, PANEL_TITLE_SIZE, LIGHT["ink"], weight="bold")
        for tick in panel.values:
            y = frame.y(tick.at)
            self._line([(frame.left, y), (right, y)], "grid", 1)
            self._label((frame.left - 8, y + LABEL_SIZE * 0.35), tick.label, "right")
        self._line([(frame.left, bottom), (right, bottom)], "axis", 1)
        for tick in panel.steps:
            x = frame.x(tick.at)
            self._line([(x, bottom), (x, bottom + 4)], "axis", 1)
            self._label((x, bottom + 16), tick.label, "center")
            self._label((x, bottom + 29), tick.below, "center")
        now = frame.x(panel.past - 1)
        self._line([(now, frame.top), (now, bottom)], "axis", 1, dashed=True)
        for band in panel.bands():
            upper, lower = panel.band(band)
            if upper:
                self._area([*upper, *reversed(lower)], opacities[band.level])
        self._line(panel.history(), "history", DENSE_LINE if panel.dense else HISTORY_LINE)
        self._line(panel.forecast(), "forecast", DENSE_LINE if panel.dense else FORECAST_LINE)
        self._lonely(panel)

    def _lonely(self, panel: Panel) -> None:
        """Dots where no line reaches: a value between two gaps, a forecast of one step."""
        values = [math.nan, *(y for _, y in panel.history()), math.nan]
        for at, point in enumerate(panel.history(), 1):
            if not math.isnan(point[1]) and math.isnan(values[at - 1]) and math.isnan(values[at + 1]):
                self._dot(point, "history", 3.6)
        if len(panel.chart.forecast) == 1:
            self._dot(panel.forecast()[-1], "forecast", 6)

    def _legend(self, figure: FanFigure, middle: float) -> None:
        seen = shades(figure.levels)
        for entry in legend_entries(figure.levels):
            left, right = entry.left, entry.left + 24
            if isinstance(entry.sign, int):
                corners = [(left, middle - 6), (right, middle - 6), (right, middle + 6), (left, middle + 6)]
                self._area(corners, seen[entry.sign])
            elif entry.sign == "now":
                self._line([(left + 12, middle - 8), (left + 12, middle + 8)], "axis", 1, dashed=True)
            else:
                wide = HISTORY_LINE if entry.sign == "history" else FORECAST_LINE
                self._line([(left, middle), (right, middle)], entry.sign, wide)
            self._text((right + 8, middle + 4.5), entry.text, TEXT_SIZE, LIGHT["faint"])

    def _line(self, points: Sequence[Point], colour: str, wide: float, dashed: bool = False) -> None:
        """Points joined by straight lines; NaN is a gap."""
        self._axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=LIGHT[colour],
            linewidth=_points(wide),
            linestyle=(0, (3, 3)) if dashed else "-",
            solid_joinstyle="round",
            clip_on=False,
            zorder=self._over(),
        )

    def _area(self, corners: Sequence[Point], opacity: float) -> None:
        self._axes.fill(
            [x for x, _ in corners],
            [y for _, y in corners],
            color=LIGHT["forecast"],
            alpha=opacity,
            linewidth=0,
            zorder=self._over(),
        )

    def _over(self) -> int:
        """What is painted later lies above, whatever it is."""
        self._painted += 1
        return self._painted

    def _dot(self, at: Point, colour: str, wide: float) -> None:
        self._axes.plot(
            [at[0]], [at[1]], "o", color=LIGHT[colour], markersize=_points(wide), markeredgewidth=0,
            zorder=self._over(),
        )  # fmt: skip

    def _label(self, at: Point, text: str, anchor: str) -> None:
        self._text(at, text, LABEL_SIZE, LIGHT["faint"], anchor=anchor)

    def _text(
        self, at: Point, text: str, size: float, colour: str, weight: str = "normal", anchor: str = "left"
    ) -> None:
        """A text on its base line."""
        # DejaVu Sans, which matplotlib brings, is a sixth wider than the faces of a browser.
        self._axes.text(
            *at, text, fontsize=_points(size * 0.88), color=colour, weight=weight,
            horizontalalignment=anchor, verticalalignment="baseline",
        )  # fmt: skip


def _points(pixels: float) -> float:
    """Pixels of the layout in the points that matplotlib counts in."""
    return pixels * 72 / INCH
