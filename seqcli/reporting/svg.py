"""A small writer of SVG: lines, areas, texts and axes in pixels. It knows nothing of what it draws."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seqcli.errors import printable
from seqcli.reporting.axes import LABEL_SIZE, Tick

Point = tuple[float, float]
_NONCHARACTERS = re.compile("[\ufffe\uffff]")


def escaped(text: str) -> str:
    """A text that is only text in HTML and in SVG, inside elements and in quoted attributes."""
    clean = _NONCHARACTERS.sub("\N{REPLACEMENT CHARACTER}", printable(text))
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        clean = clean.replace(sign, name)
    return clean


def number(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def style_rules(styles: Mapping[str, Mapping[str, str]]) -> str:
    """CSS for classes: {"grid": {"stroke": "#ddd"}} → ".grid{stroke:#ddd}"."""
    return "".join(
        f".{name}{{{';'.join(f'{key}:{value}' for key, value in rule.items())}}}"
        for name, rule in styles.items()
    )


@dataclass(frozen=True)
class Frame:
    """A plotting area: where it lies in the picture, and which steps and values it spans."""

    left: float
    top: float
    width: float
    height: float
    low: float
    high: float
    steps: int
    """Steps at equal distances, the first at the left edge and the last at the right one."""

    def x(self, step: float) -> float:
        """Pixels from the left of a step counted from 0; the only step stands in the middle."""
        share = step / (self.steps - 1) if self.steps > 1 else 0.5
        return self.left + self.width * share

    def y(self, value: float) -> float:
        """Pixels from the top of a value."""
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)  # halves cannot overflow
        return self.top + self.height * (1 - share)


class Drawing:
    """Elements in the order in which they are painted; ``style`` is a class that a style sheet explains."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def line(self, start: Point, end: Point, style: str) -> None:
        """A straight line."""
        ends = zip(("x1", "y1", "x2", "y2"), (*start, *end), strict=True)
        self._add("line", {"class": style, **{name: number(value) for name, value in ends}})

    def rectangle(self, corner: Point, width: float, height: float, style: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        place = zip(("x", "y", "width", "height"), (*corner, width, height), strict=True)
        self._add("rect", {"class": style, **{name: number(value) for name, value in place}}, opacity)

    def curve(self, points: Sequence[Point], style: str, dots: str = "") -> None:
        """Points joined by straight lines; one that is not finite is a gap.

        A point between two gaps, that no line reaches, is drawn as a dot of the style ``dots``.
        """
        for run in runs(points):
            if len(run) > 1:
                self._add("path", {"class": style, "d": _path(run)})
            elif dots:
                self.dot(run[0], dots)

    def area(self, upper: Sequence[Point], lower: Sequence[Point], style: str, opacity: float = 1.0) -> None:
        """The area between two lines over the same places."""
        if len(upper) > 1:
            self._add("path", {"class": style, "d": _path([*upper, *reversed(lower)]) + "Z"}, opacity)

    def dot(self, at: Point, style: str, radius: float = 1.8) -> None:
        """A filled circle."""
        place = zip(("cx", "cy", "r"), (*at, radius), strict=True)
        self._add("circle", {"class": style, **{name: number(value) for name, value in place}})

    def text(self, at: Point, text: str, style: str, anchor: str = "start", whole: str = "") -> None:
        """A text on its base line; ``whole`` is what it was cut from, shown when it is pointed at."""
        place = f'x="{number(at[0])}" y="{number(at[1])}" text-anchor="{anchor}"'
        more = f"<title>{escaped(whole)}</title>" if whole not in ("", text) else ""
        self._parts.append(f'<text class="{style}" {place}>{escaped(text)}{more}</text>')

    def turned(self, at: Point, text: str, style: str, whole: str = "") -> None:
        """A text that is read from the bottom up and begins at ``at``."""
        x, y = map(number, at)
        more = f"<title>{escaped(whole)}</title>" if whole not in ("", text) else ""
        place = f'x="{x}" y="{y}" transform="rotate(-90 {x} {y})"'
        self._parts.append(f'<text class="{style}" {place}>{escaped(text)}{more}</text>')

    def axes(self, frame: Frame, values: Sequence[Tick], steps: Sequence[Tick]) -> None:
        """Grid lines with their values on the left, and marks with their names below."""
        right, bottom = frame.left + frame.width, frame.top + frame.height
        for tick in values:
            y = frame.y(tick.at)
            self.line((frame.left, y), (right, y), "grid")
            self.text((frame.left - 8, y + LABEL_SIZE * 0.35), tick.label, "label", "end")
        self.line((frame.left, bottom), (right, bottom), "axis")
        for tick in steps:
            x = frame.x(tick.at)
            self.line((x, bottom), (x, bottom + 4), "axis")
            self.text((x, bottom + 16), tick.label, "label", "middle")
            if tick.below:
                self.text((x, bottom + 29), tick.below, "label", "middle")

    def document(self, title: str, description: str, styles: str = "", name: str = "drawing") -> str:
        """The whole ``<svg>`` element with its name and description for those who cannot see it.

        ``name`` tells it from others on a page.
        """
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        box = f'viewBox="0 0 {number(self.width)} {number(self.height)}"'
        names = f'role="img" aria-labelledby="{name}-title {name}-description"'
        sheet = f"<style>{styles}</style>\n" if styles else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} {names}>\n'
            f'<title id="{name}-title">{escaped(title)}</title>\n'
            f'<desc id="{name}-description">{escaped(description)}</desc>\n'
            f"{sheet}{chr(10).join(self._parts)}\n</svg>\n"
        )

    def _add(self, name: str, attributes: Mapping[str, str], opacity: float = 1.0) -> None:
        faint = {"fill-opacity": f"{opacity:.3f}"} if opacity < 1 else {}
        pairs = " ".join(f'{key}="{value}"' for key, value in {**attributes, **faint}.items())
        self._parts.append(f"<{name} {pairs}/>")


def runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The longest stretches of finite points."""
    run: list[Point] = []
    for point in points:
        if math.isfinite(point[0]) and math.isfinite(point[1]):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{number(x)},{number(y)}" for x, y in points)
