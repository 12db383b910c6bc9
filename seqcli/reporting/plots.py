"""Where a figure goes: its form by the ending of the file, refused early when it could not be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from seqcli.errors import UsageError, near_miss
from seqcli.options import OutputOptions, PlotOptions
from seqcli.reporting.fan import FanFigure
from seqcli.reporting.results import check_place, whole_file
from seqcli.reporting.screen import Screen

FORMS = (".png", ".svg", ".html")


class Figure(Protocol):
    """Panels, and how many more there would be."""

    @property
    def panels(self) -> Sequence[object]:
        """What is drawn, side by side."""

    @property
    def left(self) -> int:
        """How many panels there was no room for."""


Drawn = TypeVar("Drawn", bound=Figure)


def check_plot(plot: PlotOptions, output: OutputOptions) -> None:
    """Refuse, ahead of the work, a figure that could not be drawn or written. Raises UsageError."""
    if plot.plot is None:
        return
    target = Path(plot.plot)
    ending = target.suffix.lower()
    if ending not in FORMS:
        close = near_miss(ending, FORMS) if ending else ""
        hint = f"did you mean {target.with_suffix(close)}?" if close else "the ending tells the form"
        raise UsageError(f"--plot {plot.plot or '(empty)'}: a figure ends in .png, .svg or .html", hint)
    check_place(target, "--plot")
    if output.output not in (None, "-") and Path(str(output.output)).resolve() == target.resolve():
        raise UsageError(f"{target}: is named by -o and by --plot", "give them two names")
    if ending == ".png":
        from seqcli.reporting.fan_png import need_matplotlib

        need_matplotlib()


def write_plot(figure: FanFigure, plot: PlotOptions, screen: Screen) -> None:
    """Draw a fan chart into the file that ``plot`` names."""
    write_figure(figure, plot, screen, (_DRAWN, "series", "no series has a forecast"))


def write_figure(
    figure: Drawn,
    plot: PlotOptions,
    screen: Screen,
    how: tuple[Mapping[str, Callable[[Drawn, Screen], bytes]], str, str],
) -> None:
    """Draw ``figure`` into the file that ``plot`` names, whole or not at all, and say so.

    ``how`` is what draws it by the ending of the file, what panels are, and why there may be none.
    """
    if plot.plot is None:
        return
    drawn, unit, nothing = how
    if not figure.panels:
        screen.warn(f"{nothing}, so {plot.plot} is not written")
        return
    target = Path(plot.plot)
    content = drawn[target.suffix.lower()](figure, screen)
    try:
        with whole_file(target) as stream:
            stream.write(content)
    except OSError as error:
        error.filename = error.filename or plot.plot  # a full disk does not say whose write it refused
        raise
    shown = len(figure.panels)
    part = f", {shown} of {shown + figure.left} {unit}" if figure.left else ""
    screen.line(f"plot: {plot.plot}{part}", "dim")


def _svg(figure: FanFigure, screen: Screen) -> bytes:
    from seqcli.reporting.fan_svg import svg_text

    return svg_text(figure).encode()


def _html(figure: FanFigure, screen: Screen) -> bytes:
    from seqcli.reporting.fan_svg import html_text

    return html_text(figure).encode()


def _png(figure: FanFigure, screen: Screen) -> bytes:
    from seqcli.reporting.fan_png import png_bytes

    content, complete = png_bytes(figure)
    if not complete:
        screen.warn("matplotlib's font lacks some letters of the names; .svg and .html show them")
    return content


_DRAWN: dict[str, Callable[[FanFigure, Screen], bytes]] = {".svg": _svg, ".html": _html, ".png": _png}
