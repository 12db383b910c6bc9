"""Logos of DNA as SVG, as a page, and as PNG: a letter a base, as tall as its score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqcli.reporting.fan import WIDTH
from seqcli.reporting.fan_svg import DARK, FONT, LIGHT
from seqcli.reporting.logo import said
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import escaped, number, style_rules

if TYPE_CHECKING:
    from seqcli.inference.mutagenesis import Mutated

MOST_LOGOS = 12
COLOURS = {"A": "#2a9d3a", "C": "#2456c8", "G": "#e09a00", "T": "#d03030"}
DARKER = {"A": "#4cc35c", "C": "#6b96ff", "G": "#f0b429", "T": "#ff6b5e"}
"""The same on a dark page."""
OTHER = "#777777"
NOTE = (
    "a letter is as tall as the class needs it, below the line it speaks against it; "
    "the number ahead of a line is the place of its first letter"
)
LEFT, TOP, PANEL, GAP, LOWER = 34.0, 72.0, 90.0, 46.0, 24.0
PER_LINE = 80
CAP = 0.72
"""Height of a capital, as a share of the size of its font."""


@dataclass(frozen=True)
class LogoFigure:
    """Sequences below each other, cut into lines."""

    title: str
    source: str
    panels: Sequence[Mutated]
    left: int = 0

    @property
    def lines(self) -> list[tuple[Mutated, int]]:
        """Each line of letters: whose it is, and the place that it begins with."""
        return [(each, start) for each in self.panels for start in range(0, len(each.bases), PER_LINE)]

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return TOP + len(self.lines) * (PANEL + LOWER + GAP)


@dataclass(frozen=True)
class Letter:
    """One letter: where its left foot stands, and how wide and tall it is (below 0: hanging)."""

    base: str
    x: float
    y: float
    width: float
    height: float


def letters(figure: LogoFigure) -> list[Letter]:
    """All letters of a figure."""
    found = []
    wide = (WIDTH - 2 * LEFT) / PER_LINE
    for row, (each, start) in enumerate(figure.lines):
        scores = each.scores.tolist()
        scale = max(1e-9, *map(abs, scores))
        foot = TOP + row * (PANEL + LOWER + GAP) + GAP / 2 + PANEL
        for place in range(start, min(start + PER_LINE, len(scores))):
            share = scores[place] / scale
            tall = share * PANEL if share > 0 else max(share * PANEL, -LOWER)
            found.append(Letter(each.bases[place], LEFT + (place - start) * wide, foot, wide, tall))
    return found


def svg_text(figure: LogoFigure) -> str:
    """``figure`` as an SVG document that looks the same wherever it is shown."""
    return drawn(figure, styles(LIGHT, COLOURS))


def html_text(figure: LogoFigure) -> str:
    """``figure`` as one HTML page, light or dark as its reader has it."""
    dark = "@media (prefers-color-scheme:dark)"
    body = [f"body{{background:{each['paper']};color:{each['ink']}}}" for each in (LIGHT, DARK)]
    page = f"body{{margin:0 auto;max-width:{WIDTH:g}px}}svg{{width:100%;height:auto}}{body[0]}"
    page += f"{dark}{{{body[1]}}}"
    picture = drawn(figure, f"{styles(LIGHT, COLOURS)}{dark}{{{styles(DARK, DARKER)}}}")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(figure.title)}</title>\n<style>{page}</style>\n</head>\n<body>\n{picture}</body>\n"
        "</html>\n"
    )


def styles(colours: dict[str, str], bases: dict[str, str]) -> str:
    """Rules for the paper, the writing, the foot of a line, and the letters."""
    fills = {"paper": colours["paper"], "ink": colours["ink"], "other": OTHER, **bases}
    rules = {name: {"fill": fill} for name, fill in fills.items()}
    return style_rules({**rules, "foot": {"stroke": colours["axis"]}})


def drawn(figure: LogoFigure, sheet: str) -> str:
    """The ``<svg>`` element; ``sheet`` explains its classes."""
    parts = ['<rect class="paper" width="100%" height="100%"/>', _text(LEFT, 28, 16, figure.title)]
    parts.append(_text(LEFT, 46, 12, NOTE))
    for row, (each, start) in enumerate(figure.lines):
        top = TOP + row * (PANEL + LOWER + GAP)
        if not start:
            parts.append(_text(LEFT, top + 10, 12, f"{each.number}: {said(each)}"))
        foot = top + GAP / 2 + PANEL
        parts.append(
            f'<line class="foot" x1="{number(LEFT)}" x2="{number(WIDTH - LEFT)}" y1="{number(foot)}" '
            f'y2="{number(foot)}"/>'
        )
        parts.append(_text(LEFT - 4, foot + 4, 10, str(start + 1), "end"))
    for letter in letters(figure):
        if abs(letter.height) < 1:
            continue
        up = letter.height / (100 * CAP)
        foot = letter.y if letter.height > 0 else letter.y - letter.height
        kind = letter.base if letter.base in COLOURS else "other"
        parts.append(
            f'<text class="{kind}" transform="translate({number(letter.x)},{number(foot)}) '
            f'scale({letter.width / 62:.4f},{abs(up):.4f})" font-size="100" font-weight="bold"'
            f"{'' if letter.height > 0 else ' opacity=' + chr(34) + '0.45' + chr(34)}>{letter.base}</text>"
        )
    size = f'width="{number(WIDTH)}" height="{number(figure.height)}"'
    box = f'viewBox="0 0 {number(WIDTH)} {number(figure.height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" font-family="{escaped(FONT)}">\n'
        f"<title>{escaped(figure.title)}</title>\n<desc>{escaped(figure.source)}</desc>\n<style>{sheet}</style>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _text(x: float, y: float, size: int, text: str, anchor: str = "start") -> str:
    place = f'x="{number(x)}" y="{number(y)}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text class="ink" {place}>{escaped(text)}</text>'


def _svg(figure: LogoFigure, screen: Screen) -> bytes:
    return svg_text(figure).encode()


def _html(figure: LogoFigure, screen: Screen) -> bytes:
    return html_text(figure).encode()


def _png(figure: LogoFigure, screen: Screen) -> bytes:
    """By matplotlib, each letter a path stretched to its height."""
    from seqcli.reporting.fan_png import INCH, SHARPNESS, need_matplotlib

    need_matplotlib()
    import io

    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    sheet = Figure(figsize=(WIDTH / INCH, figure.height / INCH), facecolor=LIGHT["paper"])
    axes: Any = sheet.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(figure.height, 0)
    axes.axis("off")
    axes.text(LEFT, 28, figure.title, fontsize=12, color=LIGHT["ink"])
    axes.text(LEFT, 46, NOTE, fontsize=9, color=LIGHT["ink"])
    for row, (each, start) in enumerate(figure.lines):
        top = TOP + row * (PANEL + LOWER + GAP)
        axes.plot([LEFT, WIDTH - LEFT], [top + GAP / 2 + PANEL] * 2, color=LIGHT["axis"], linewidth=0.7)
        foot = top + GAP / 2 + PANEL + 4
        axes.text(LEFT - 4, foot, str(start + 1), fontsize=7, color=LIGHT["ink"], horizontalalignment="right")
        if not start:
            axes.text(LEFT, top + 10, f"{each.number}: {said(each)}", fontsize=9, color=LIGHT["ink"])
    for letter in letters(figure):
        if abs(letter.height) < 1:
            continue
        path = TextPath((0, 0), letter.base, size=100)
        box = path.get_extents()
        foot = letter.y if letter.height > 0 else letter.y - letter.height
        stretch = Affine2D().translate(-box.x0, -box.y0)
        stretch.scale(0.9 * letter.width / box.width, -abs(letter.height) / box.height).translate(
            letter.x, foot
        )
        faint = 1.0 if letter.height > 0 else 0.45
        axes.add_patch(
            PathPatch(stretch.transform_path(path), color=COLOURS.get(letter.base, OTHER), alpha=faint, lw=0)
        )
    buffer = io.BytesIO()
    sheet.savefig(buffer, format="png", dpi=SHARPNESS, metadata={"Software": None, "Title": figure.title})
    return buffer.getvalue()


DRAWN: dict[str, Callable[[LogoFigure, Screen], bytes]] = {".svg": _svg, ".html": _html, ".png": _png}
