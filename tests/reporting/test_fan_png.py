"""The fan chart by matplotlib: a picture of the layout's size with the right colours at the right places."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest
from fan_figures import GAPPED, chart, figure
from matplotlib import image

from seqcli.errors import UsageError
from seqcli.reporting.fan import FanFigure, lay_out, shades
from seqcli.reporting.fan_png import INCH, SHARPNESS, need_matplotlib, png_bytes
from seqcli.reporting.fan_svg import LIGHT

DOTS = SHARPNESS / INCH


def picture(shown: FanFigure):
    """Pixels (height, width, 3) from 0 to 1."""
    return image.imread(io.BytesIO(png_bytes(shown)[0]), format="png")[:, :, :3]


def colour(name: str, share: float = 1.0):
    """A colour of the palette, as far as it covers white paper."""
    parts = np.array([int(LIGHT[name][at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return 1 - share * (1 - parts)


def at(pixels, x: float, y: float):
    return pixels[round(y * DOTS - 0.5), round(x * DOTS - 0.5)]


def test_the_picture_has_the_layout() -> None:
    shown = figure(chart(history=[10.0] * 20, forecast=[10.0] * 10))
    layout = lay_out(shown)
    pixels = picture(shown)
    assert pixels.shape[:2] == pytest.approx((layout.height * DOTS, layout.width * DOTS), abs=1)
    frame = layout.panels[0].frame
    assert at(pixels, frame.x(10), frame.y(10)) == pytest.approx(colour("history"), abs=0.02)
    assert at(pixels, frame.x(25.5), frame.y(10)) == pytest.approx(colour("forecast"), abs=0.02)
    seen = shades([80, 95])
    assert at(pixels, frame.x(25.5), frame.y(16.3)) == pytest.approx(colour("forecast", seen[80]), abs=0.02)
    assert at(pixels, frame.x(25.5), frame.y(18.7)) == pytest.approx(colour("forecast", seen[95]), abs=0.02)
    assert at(pixels, 3, 3) == pytest.approx([1, 1, 1])


def test_gaps_and_lonely_values_are_drawn() -> None:
    shown = figure(chart(history=GAPPED, forecast=[4.0], levels=()))
    pixels, frame = picture(shown), lay_out(shown).panels[0].frame
    assert at(pixels, frame.x(3), frame.y(3.0)) == pytest.approx(colour("history"), abs=0.02)
    assert at(pixels, frame.x(2), frame.y(2.5)) == pytest.approx([1, 1, 1])
    assert at(pixels, frame.x(7) - 2, frame.y(4.0)) == pytest.approx(colour("forecast"), abs=0.02)


def test_odd_series_and_names_are_drawn(recwarn) -> None:
    charts = [chart("cost in $ and $^{$"), chart("", [math.nan], [1.0]), chart("c", [5.0] * 9, [5.0], ())]
    content, complete = png_bytes(figure(*charts, title="_x $1", notes=("a", "b")))
    assert content.startswith(b"\x89PNG")
    assert complete
    assert not recwarn.list


def test_letters_that_the_font_lacks_are_told() -> None:
    assert png_bytes(figure(title="店"))[1] is False


def test_settings_of_other_figures_are_not_taken_over(tmp_path) -> None:
    import matplotlib as mpl

    plain = png_bytes(figure())[0]
    with mpl.rc_context({"lines.linestyle": ":", "savefig.transparent": True, "font.size": 40}):
        assert png_bytes(figure())[0] == plain
        assert mpl.rcParams["font.size"] == 40


@pytest.mark.parametrize("missing", ["matplotlib", "matplotlib.figure"])
def test_a_missing_matplotlib_names_what_installs_it(monkeypatch, missing) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match="not installed") as caught:
        need_matplotlib()
    assert "pip install 'seqcli[plot]'" in caught.value.hint
